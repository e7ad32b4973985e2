use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contract::{LineV1, Message, StateV1};
use tokio::sync::{Semaphore, watch};

use crate::access::{Lease, metric};
use crate::{Metric, MetricKind};

/// The most live streams at once.
pub(crate) const STREAMS_MAX: usize = 64;
/// The shortest time between two updates.
const INTERVAL_MIN: Duration = Duration::from_millis(250);
/// After this long without an update a comment is sent, so that both ends notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The live streams: each change is written once and shared by all of them.
pub(crate) struct Streams {
    updates: watch::Receiver<Arc<Update>>,
    places: Arc<Semaphore>,
    refused: AtomicU64,
    skipped: Arc<AtomicU64>,
}

/// There are as many live streams as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "all {STREAMS_MAX} live streams are taken; close a page that is not needed, or read /api/v1/state from time to time"
)]
pub(crate) struct TooManyStreams;

/// The line at one moment, as it is told: whole to those who come new, else what has changed since the update before.
struct Update {
    number: u64,
    state: Arc<StateV1>,
    /// Absent if nobody was there to be told.
    change: Option<String>,
    whole: OnceLock<String>,
}

impl Update {
    fn new(number: u64, state: Arc<StateV1>, change: Option<String>) -> Arc<Self> {
        Arc::new(Self { number, state, change, whole: OnceLock::new() })
    }

    /// What a reader is told that has heard of the update with number `last`.
    fn after(&self, last: Option<u64>) -> &str {
        match &self.change {
            Some(change) if last.is_some_and(|last| last + 1 == self.number) => change,
            _ => self.whole.get_or_init(|| LineV1::whole(&self.state).to_json()),
        }
    }
}

impl Streams {
    /// The streams, and what feeds them: it runs until the state's sender is gone. When it ends or is dropped, so do
    /// all streams.
    pub(crate) fn new(mut state: watch::Receiver<Arc<StateV1>>) -> (Self, impl Future<Output = ()>) {
        let first = Arc::clone(&state.borrow_and_update());
        let (sender, updates) = watch::channel(Update::new(0, first, None));
        let places = Arc::new(Semaphore::new(STREAMS_MAX));
        let streams = Self { updates, places, refused: AtomicU64::new(0), skipped: Arc::default() };
        (streams, pace(state, sender))
    }

    /// A stream of server-sent events: the line now, then each change, four times a second at most. It ends with the lease.
    ///
    /// # Errors
    /// If there are too many streams already.
    pub(crate) fn open(&self, lease: Option<Lease>) -> Result<Response, TooManyStreams> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(TooManyStreams);
        };
        let mut updates = self.updates.clone();
        updates.mark_changed();
        let reader = Reader { updates, last: None, skipped: Arc::clone(&self.skipped), lease, _place: place };
        let events = futures_util::stream::unfold(reader, async |mut reader| {
            let event = reader.next().await?;
            Some((Ok::<_, Infallible>(event), reader))
        });
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive")).into_response())
    }

    /// What is counted here.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let open = (STREAMS_MAX - self.places.available_permits()) as u64;
        let refused = self.refused.load(Ordering::Relaxed);
        let skipped = self.skipped.load(Ordering::Relaxed);
        vec![
            metric("linetwin_web_streams", "Live streams that are open.", MetricKind::Gauge, open),
            metric(
                "linetwin_web_streams_refused",
                "Live streams refused because too many were open.",
                MetricKind::Counter,
                refused,
            ),
            metric(
                "linetwin_web_updates_skipped",
                "Updates that a live stream left out because its reader was too slow.",
                MetricKind::Counter,
                skipped,
            ),
        ]
    }
}

async fn pace(mut state: watch::Receiver<Arc<StateV1>>, updates: watch::Sender<Arc<Update>>) {
    let mut number = 0;
    while state.changed().await.is_ok() {
        number += 1;
        let (before, now) = (Arc::clone(&updates.borrow().state), Arc::clone(&state.borrow_and_update()));
        // One receiver is that which new streams are cloned from.
        let is_followed = updates.receiver_count() > 1;
        let change = is_followed.then(|| LineV1::since(&before, &now).to_json());
        updates.send_replace(Update::new(number, now, change));
        tokio::time::sleep(INTERVAL_MIN).await;
    }
}

/// One stream's place among the updates. A reader that is slow is told all of the line when it comes back.
struct Reader {
    updates: watch::Receiver<Arc<Update>>,
    last: Option<u64>,
    skipped: Arc<AtomicU64>,
    lease: Option<Lease>,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        let over = async {
            match &self.lease {
                Some(lease) => lease.over().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = over => return None,
            changed = self.updates.changed() => changed.ok()?,
        }
        let update = Arc::clone(&self.updates.borrow_and_update());
        let last = self.last.replace(update.number);
        if let Some(last) = last {
            self.skipped.fetch_add(update.number.saturating_sub(last + 1), Ordering::Relaxed);
        }
        Some(Event::default().event("line").data(update.after(last)))
    }
}
