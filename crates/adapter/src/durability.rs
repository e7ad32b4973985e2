//! Until when a source that can repeat what it sent has to keep it: between a link and whoever records its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// The recorder's end for one link: what the link waits for, and what is durable. Counts are of the link's events, in the
/// order they were handed over.
#[derive(Debug)]
pub struct DurabilityTeller {
    wanted: Arc<AtomicU64>,
    durable: watch::Sender<u64>,
}

/// The link's end.
#[derive(Debug, Clone)]
pub struct Durability {
    wanted: Arc<AtomicU64>,
    durable: watch::Receiver<u64>,
}

/// Both ends for one link. Nothing is durable yet.
pub fn durability() -> (DurabilityTeller, Durability) {
    let (sender, receiver) = watch::channel(0);
    let wanted = Arc::new(AtomicU64::new(0));
    (DurabilityTeller { wanted: wanted.clone(), durable: sender }, Durability { wanted, durable: receiver })
}

impl DurabilityTeller {
    /// The last event that the link waits for to become durable; 0 if it never waited.
    pub fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Acquire)
    }

    /// That many events are durable.
    pub fn tell(&self, events: u64) {
        self.durable.send_replace(events);
    }
}

impl Durability {
    /// Of a link whose events nobody records: each is as durable as it will ever be once it is handed over.
    pub(crate) fn at_once() -> Self {
        let (_, durable) = watch::channel(u64::MAX);
        Self { wanted: Arc::default(), durable }
    }

    /// Says beforehand that the link will wait for that event: whoever records hears of it no later than of the event.
    pub(crate) fn want(&self, event: u64) {
        self.wanted.store(event, Ordering::Release);
    }

    pub(crate) fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }
}
