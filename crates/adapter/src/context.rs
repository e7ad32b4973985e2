use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use telemetry::{Event, LinkId, LinkState, Sample, SampleBatch};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::durability::Durability;
use crate::{Clock, Counters};

/// The bounded queue from all adapters to the twin: `capacity` batches, senders wait when it is full.
pub fn queue(capacity: usize) -> (mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    mpsc::channel(capacity)
}

/// The twin's end of the queue is gone: the daemon is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping")]
pub struct Closed;

/// All that a running adapter may touch besides its own connection.
#[derive(Debug, Clone)]
pub struct Context {
    /// The link it serves.
    pub link: LinkId,
    /// The time.
    pub clock: Clock,
    /// Cancelled when the adapter must stop.
    pub stop: CancellationToken,
    /// What happened on this link.
    pub counters: Arc<Counters>,
    queue: mpsc::Sender<Event>,
    handed_over: Arc<AtomicU64>,
    durability: Durability,
}

impl Context {
    /// The context of one link whose events nobody records.
    pub fn new(link: LinkId, clock: Clock, stop: CancellationToken, queue: mpsc::Sender<Event>) -> Self {
        let (counters, handed_over) = (Arc::default(), Arc::default());
        Self { link, clock, stop, counters, queue, handed_over, durability: Durability::at_once() }
    }

    /// The same for a link whose events are recorded by whoever holds the other end.
    pub fn recorded(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Hands samples to the twin as one batch, waiting while the queue is full. An empty batch is not sent.
    ///
    /// # Errors
    /// If the daemon is stopping.
    pub async fn deliver(&self, samples: Vec<Sample>) -> Result<(), Closed> {
        if samples.is_empty() {
            return Ok(());
        }
        let bad = samples.iter().filter(|sample| !sample.quality.is_usable()).count();
        let count = samples.len() as u64;
        self.send(Event::Samples(SampleBatch { link: self.link, samples })).await?;
        Counters::add(&self.counters.samples, count);
        Counters::add(&self.counters.bad_samples, bad as u64);
        Ok(())
    }

    /// As [`Self::deliver`], of what the source keeps until it is told that it is durable. Returns how many events of the
    /// link must be [durable](Self::durable) for that.
    ///
    /// # Errors
    /// If the daemon is stopping.
    pub async fn deliver_durably(&self, samples: Vec<Sample>) -> Result<u64, Closed> {
        self.durability.want(self.handed_over() + 1);
        self.deliver(samples).await?;
        Ok(self.handed_over())
    }

    /// Waits until so many events of the link are durable, but no longer than that; whether they are.
    ///
    /// # Errors
    /// If the daemon is stopping.
    pub async fn durable_within(&self, events: u64, patience: Duration) -> Result<bool, Closed> {
        let mut durable = self.durable();
        let is_durable = durable.wait_for(|&durable| durable >= events);
        match timeout(patience, is_durable).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(_)) => Err(Closed),
            Err(_) => Ok(false),
        }
    }

    /// How many events of this link were handed over. One task hands over at a time.
    pub fn handed_over(&self) -> u64 {
        self.handed_over.load(Ordering::Relaxed)
    }

    /// How many of these are durable; also whatever comes if nobody records.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.durability.durable()
    }

    /// Tells the twin that the link delivers from now on.
    ///
    /// # Errors
    /// If the daemon is stopping.
    pub async fn link_up(&self) -> Result<(), Closed> {
        Counters::add(&self.counters.connects, 1);
        self.send(Event::Link { link: self.link, state: LinkState::Up }).await
    }

    /// Tells the twin that the link does not deliver, and why.
    pub(crate) async fn link_down(&self, reason: String) -> Result<(), Closed> {
        self.send(Event::Link { link: self.link, state: LinkState::Down { reason } }).await
    }

    async fn send(&self, event: Event) -> Result<(), Closed> {
        match self.queue.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Closed),
            Err(mpsc::error::TrySendError::Full(event)) => {
                Counters::add(&self.counters.waits, 1);
                self.queue.send(event).await.map_err(|_| Closed)?;
            }
        }
        self.handed_over.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
