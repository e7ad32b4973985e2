use std::sync::Arc;

use telemetry::{Event, LinkId, LinkState, Sample, SampleBatch};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

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
}

impl Context {
    /// The context of one link.
    pub fn new(link: LinkId, clock: Clock, stop: CancellationToken, queue: mpsc::Sender<Event>) -> Self {
        Self { link, clock, stop, counters: Arc::default(), queue }
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
        let event = match self.queue.try_send(event) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Closed),
            Err(mpsc::error::TrySendError::Full(event)) => event,
        };
        Counters::add(&self.counters.waits, 1);
        self.queue.send(event).await.map_err(|_| Closed)
    }
}
