//! The historian: samples, what cycles came to and what stations do, as points in InfluxDB 2.
//!
//! Points are made beside the twin, as only that knows the corrected time of a sample and the features of a cycle; a recording
//! has neither. They go in batches over a bounded queue, which the twin never waits for, to a thread of the historian's own.
//! That keeps each batch on the disk before it sends it, so that an outage of the server, a kill and a power cut lose nothing:
//!
//! - what is on the disk is sent until InfluxDB has it, what is new first, and what is left from before at a stated rate;
//! - what was in memory follows again from the recording: the daemon replays the inputs after the last checkpoint of the twin,
//!   and a checkpoint is kept only after [`Historian::settle`].
//!
//! A batch may be sent twice. Points are the same by measurement, tags and time, so that makes no second one.

mod counters;
mod delivery;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod influx;
mod points;
mod spool;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::time::{Duration, Instant};

use plant::{HistorianSettings, Plant};
use telemetry::Input;
use tokio::sync::mpsc;
use twin::{Output, Twin};

pub use counters::Counters;
use influx::Influx;
pub use points::Points;
use spool::Spool;
use worker::{Message, Worker};

/// Batches that wait to be kept.
const QUEUE: usize = 32;
/// From so many bytes a batch is full, whatever its points.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long a checkpoint waits until all before it is on the disk.
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// How long the historian may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Why the historian cannot work: which setting, what is wrong with it, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HistorianError(String);

/// Lines of the line protocol.
#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    points: u64,
}

impl Batch {
    /// Adds a line with its end.
    fn push(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.points += 1;
    }
}

/// The twin's end of the historian.
#[derive(Debug)]
pub struct Historian {
    settings: HistorianSettings,
    points: Points,
    batch: Batch,
    /// When the first point of the batch came.
    begun: Instant,
    batch_points: u64,
    batch_interval: Duration,
    /// Inputs up to that one are kept already; `None` if nothing ever was, and then nothing is made of what is old.
    kept: Option<u64>,
    is_live: bool,
    /// `None` once the thread has ended.
    queue: Option<mpsc::Sender<Message>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
    counters: Arc<Counters>,
}

impl Historian {
    /// Checks all that can be with nothing connected.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(settings: &HistorianSettings, plant: &Plant) -> Result<(), HistorianError> {
        Points::new(settings, plant).map(|_| ())
    }

    /// Starts it; what is not written is kept in `folder`.
    ///
    /// # Errors
    /// If a setting is wrong, a file that it names cannot be read, the folder cannot be written, or a thread cannot be started.
    pub fn start(settings: &HistorianSettings, folder: &Path, plant: &Plant) -> Result<Self, HistorianError> {
        let points = Points::new(settings, plant)?;
        let influx = Influx::new(settings)?;
        let bytes_max = u64::from(settings.size_max_mib) * 1024 * 1024;
        let spool = Spool::open(folder, bytes_max).map_err(|error| {
            HistorianError(format!(
                "cannot keep history in {}: {error}; choose another with historian.folder",
                folder.display()
            ))
        })?;
        let kept = spool.marked();
        let counters = Arc::<Counters>::default();
        let (queue, messages) = mpsc::channel(QUEUE);
        let (until_ended, ended) = channel();
        let failed = |error: std::io::Error| HistorianError(format!("the historian cannot be started: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (rate, worker_counters) = (settings.backlog_points_per_s, counters.clone());
        let thread = std::thread::Builder::new().name("historian".to_owned());
        let work = move || {
            runtime.block_on(async { Worker::new(spool, influx, rate, worker_counters).run(messages).await });
            drop(until_ended);
        };
        thread.spawn(work).map_err(failed)?;
        Ok(Self {
            settings: settings.clone(),
            points,
            batch: Batch::default(),
            begun: Instant::now(),
            batch_points: settings.batch_points as u64,
            batch_interval: Duration::from_secs_f64(settings.batch_interval_s),
            kept,
            is_live: false,
            queue: Some(queue),
            ended,
            counters,
        })
    }

    /// What it tells of itself.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// What is written of another plant.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn points_of(&self, plant: &Plant) -> Result<Points, HistorianError> {
        Points::new(&self.settings, plant)
    }

    /// From now on this is written.
    pub fn go_on_with(&mut self, points: Points) {
        self.points = points;
    }

    /// Takes an input of the recording, what followed from it and the twin after it, while the daemon starts: a kill may have
    /// come before its points were kept.
    pub fn replay(&mut self, input: &Input, outputs: &[Output], twin: &Twin) {
        if self.kept.is_some_and(|kept| input.sequence > kept) {
            self.take(input, outputs, twin);
        }
    }

    /// What comes from now on is live; the last input before was that one.
    pub fn go_live(&mut self, sequence: u64) {
        self.settle(sequence);
        self.is_live = true;
    }

    /// Takes a live input, what followed from it and the twin after it. Never waits: what has no room is lost and counted.
    pub fn take(&mut self, input: &Input, outputs: &[Output], twin: &Twin) {
        if self.batch.points == 0 {
            self.begun = Instant::now();
        }
        self.points.add(input, outputs, twin, &mut self.batch, &self.counters);
        let is_full = self.batch.points >= self.batch_points || self.batch.text.len() >= BATCH_BYTES_MAX;
        if is_full || self.begun.elapsed() >= self.batch_interval {
            self.hand_over();
        }
    }

    /// Has all points up to an input on the disk, and that noted: before a checkpoint of the twin after it, from which the
    /// daemon would not come to them again. Waits no longer than a second for that.
    pub fn settle(&mut self, sequence: u64) {
        self.hand_over();
        let (done, is_done) = sync_channel(1);
        let asked = self.queue.as_ref().is_some_and(|queue| queue.try_send(Message::Mark { sequence, done }).is_ok());
        if !asked || is_done.recv_timeout(SETTLE_MAX).is_err() {
            tracing::warn!("the disk is slow: a kill in the next moments would cost history that is not in InfluxDB");
        }
    }

    /// Has all on the disk: the daemon stops after that input.
    pub fn finish(mut self, sequence: u64) {
        self.settle(sequence);
        drop(self.queue.take());
        if self.ended.recv_timeout(STOP_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the historian did not stop within {STOP_PATIENCE:?} and is left behind");
        }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let points = batch.points;
        if points == 0 {
            return;
        }
        Counters::add(&self.counters.made, points);
        let message = Message::Batch { batch, is_live: self.is_live };
        let Some(queue) = &self.queue else { return };
        let is_taken = match self.is_live {
            true => queue.try_send(message).is_ok(),
            // Nothing waits for the twin yet.
            false => queue.blocking_send(message).is_ok(),
        };
        if !is_taken {
            Counters::add(&self.counters.lost, points);
        }
    }
}
