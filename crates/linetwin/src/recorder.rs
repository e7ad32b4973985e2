//! The recording as the daemon keeps it: inputs, live alerts beside them, and checkpoints of the twin.

mod alerts;
mod keeper;
mod lived;
mod reading;
mod resume;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use recording::{CheckpointId, Checkpoints, RecordingError, RecordingHeader, Retention, Writer, WriterOptions};
use telemetry::{Input, Timestamp};
use tokio::sync::Notify;
use twin::Twin;

pub use alerts::{events_after, last_event};
use keeper::Keeper;
pub use keeper::KeeperStatus;
pub use lived::for_each_step_as_lived;
pub use reading::{for_each_step, for_each_step_until};
pub use resume::{checkpoint, first_checkpoint, resume, resume_telling};

/// The file in a recording's folder that holds the live alerts, a line each.
pub const ALERTS_FILE: &str = "alerts.jsonl";
/// How many bytes of alerts may wait for the disk to have their inputs. With more, the twin waits as well.
const ALERTS_WAITING_MAX: usize = 4 * 1024 * 1024;
/// How often inputs are handed to the operating system, so that they survive the end of this process.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// How often a checkpoint of the twin is kept, so that a restart has little to replay.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// After how much time of the inputs one is kept in any case: a plant may be simulated faster than life.
const CHECKPOINT_INTERVAL_S: f64 = 3600.0;
/// How often the folder is looked after when no segment was begun.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(600);

/// How a recording is written and kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecorderOptions {
    /// When a segment is full.
    pub writer: WriterOptions,
    /// From one sync to the next.
    pub sync_interval: Duration,
    /// How much of the recording is kept.
    pub retention: Retention,
}

/// Writes the recording. No failure stops it: what could not be written is counted, told once, and tried again.
pub struct Recorder {
    folder: PathBuf,
    writer: Writer,
    alerts: File,
    /// Alerts of inputs that are with the operating system, and of those that the disk is asked to confirm at the moment.
    waiting: String,
    asked: String,
    checkpoints: Checkpoints,
    keeper: Keeper,
    sync_interval: Duration,
    flushed: Instant,
    synced: Instant,
    kept: Instant,
    /// When the last input before that checkpoint was received.
    kept_at: Timestamp,
    looked_after: Instant,
    /// The segment that the writer was at then.
    at_segment: u32,
    /// When the last input was received, and its number.
    received: Timestamp,
    taken: u64,
    /// Number of the last input that the disk is asked to confirm at the moment, and of the last that it has confirmed.
    asked_up_to: u64,
    durable_up_to: u64,
    problem: Option<Problem>,
    is_sync_failing: bool,
    synced_beside: Arc<Notify>,
}

/// Why the recording cannot be written at the moment.
struct Problem {
    text: String,
    is_disk_full: bool,
}

impl Recorder {
    /// Opens the recording in `folder` for more inputs; begins it if there is none.
    ///
    /// # Errors
    /// If the folder cannot be written, or a thread cannot be started.
    pub fn open(folder: &Path, header: RecordingHeader, options: RecorderOptions) -> anyhow::Result<Self> {
        let received = header.created;
        let writer = Writer::create(folder, header, options.writer)?;
        let path = folder.join(ALERTS_FILE);
        let alerts = OpenOptions::new().create(true).append(true).open(&path);
        let alerts = alerts.with_context(|| format!("cannot write {}", path.display()))?;
        let keeper = Keeper::start(folder, options.retention).context("cannot start the upkeep of the recording")?;
        let (now, at_segment) = (Instant::now(), writer.at_segment());
        keeper.ask(at_segment, received);
        Ok(Self {
            folder: folder.to_owned(),
            writer,
            alerts,
            waiting: String::new(),
            asked: String::new(),
            checkpoints: Checkpoints::of(folder),
            keeper,
            sync_interval: options.sync_interval,
            flushed: now,
            synced: now,
            kept: now,
            kept_at: received,
            looked_after: now,
            at_segment,
            received,
            taken: 0,
            asked_up_to: 0,
            durable_up_to: 0,
            problem: None,
            is_sync_failing: false,
            synced_beside: Arc::default(),
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Why the recording cannot be written at the moment.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_ref().map(|problem| problem.text.as_str())
    }

    /// What the upkeep of the folder came to.
    pub fn keeper(&self) -> KeeperStatus {
        self.keeper.status()
    }

    /// Inputs that could not be recorded.
    pub fn lost(&self) -> u64 {
        self.writer.lost()
    }

    /// The number of the input up to which all that was taken in and not lost is durable.
    pub fn durable_up_to(&self) -> u64 {
        self.durable_up_to
    }

    /// Is notified when [`Self::end_sync`] has something to do.
    pub fn synced_beside(&self) -> Arc<Notify> {
        self.synced_beside.clone()
    }

    /// Whether the last attempt to make it durable failed.
    pub fn is_sync_failing(&self) -> bool {
        self.is_sync_failing
    }

    /// How long ago it was last made durable, or that was tried.
    pub fn since_sync(&self) -> Duration {
        self.synced.elapsed()
    }

    /// Makes durable what was taken in, and has what comes explained by another header.
    ///
    /// # Errors
    /// If that cannot be written. Then all goes on as it was.
    pub fn go_on_under(&mut self, header: RecordingHeader) -> Result<(), String> {
        self.sync();
        if let Some(problem) = self.problem() {
            return Err(problem.to_owned());
        }
        self.writer.go_on_under(header).map_err(|error| error.to_string())
    }

    /// Takes an input in.
    pub fn append(&mut self, input: &Input) {
        (self.taken, self.received) = (input.sequence, input.received);
        // That one has found a place in the buffer says nothing of the disk.
        if let Err(error) = self.writer.append(input) {
            self.note(Err(error));
        }
    }

    /// Hands what was taken in to the operating system.
    pub fn flush(&mut self) {
        let result = self.writer.flush();
        self.note(result);
    }

    /// Makes durable what was taken in, and waits for the disk. Does nothing if all of it is: several have it done before a
    /// checkpoint.
    pub fn sync(&mut self) {
        let is_durable = self.durable_up_to == self.taken && self.waiting.is_empty();
        if is_durable && !self.is_syncing() && !self.is_sync_failing {
            return;
        }
        let result = self.writer.sync();
        self.asked.push_str(&std::mem::take(&mut self.waiting));
        self.asked_up_to = self.taken;
        self.synced(result);
    }

    /// Whether what was taken in should be made durable by now for its own sake.
    pub fn is_sync_due(&self) -> bool {
        !self.waiting.is_empty() || self.synced.elapsed() >= self.sync_interval
    }

    /// Whether the disk is asked at the moment.
    pub fn is_syncing(&self) -> bool {
        self.writer.is_syncing()
    }

    /// Has the disk make durable what was taken in, and does not wait for it. Nothing may be under way.
    pub fn begin_sync(&mut self) {
        let synced = self.synced_beside.clone();
        let begun = self.writer.begin_sync(move || synced.notify_one());
        self.asked.push_str(&std::mem::take(&mut self.waiting));
        self.asked_up_to = self.taken;
        if begun.is_err() || !self.writer.is_syncing() {
            self.synced(begun);
        }
    }

    /// Takes in what the disk has answered since, if it has.
    pub fn end_sync(&mut self) {
        if let Some(result) = self.writer.end_sync() {
            self.synced(result);
        }
    }

    /// The alerts of what the disk was asked for come after their inputs: without them they could not be replayed. If the
    /// disk takes no inputs, they are all there is.
    fn synced(&mut self, result: Result<(), RecordingError>) {
        self.is_sync_failing = result.is_err();
        if result.is_ok() {
            self.durable_up_to = self.asked_up_to;
        }
        self.note(result);
        let now = Instant::now();
        (self.synced, self.flushed) = (now, now);
        if let Err(error) = self.alerts.write_all(std::mem::take(&mut self.asked).as_bytes()) {
            tracing::error!("cannot write {}: {error}", self.folder.join(ALERTS_FILE).display());
        }
    }

    /// Whether a checkpoint is to be kept by now.
    pub fn is_checkpoint_due(&self) -> bool {
        let since = self.kept.elapsed();
        since >= CHECKPOINT_INTERVAL || self.received.seconds_since(self.kept_at) >= CHECKPOINT_INTERVAL_S
    }

    /// Keeps the alerts of the last input. That is with the operating system afterwards, so that the alerts can be told: if
    /// this process is killed, they follow from it again. They come into their file when the disk has it.
    pub fn keep_alerts(&mut self, lines: &str) {
        self.flush();
        self.waiting.push_str(lines);
        if self.waiting.len() > ALERTS_WAITING_MAX {
            self.sync();
        }
    }

    /// Does what is due by now: hands over, has the folder looked after.
    pub fn keep_up(&mut self) {
        let now = Instant::now();
        if now - self.flushed >= FLUSH_INTERVAL {
            self.flush();
            self.flushed = now;
        }
        if self.is_upkeep_due(now) {
            self.looked_after = now;
            self.at_segment = self.writer.at_segment();
            self.keeper.ask(self.at_segment, self.received);
        }
    }

    /// Makes all durable and keeps a checkpoint: the daemon stops.
    pub fn finish(mut self, twin: &Twin) {
        self.keep_checkpoint(twin);
    }

    fn is_upkeep_due(&self, now: Instant) -> bool {
        let since = now - self.looked_after;
        let is_disk_full = self.problem.as_ref().is_some_and(|problem| problem.is_disk_full);
        self.writer.at_segment() != self.at_segment
            || since >= UPKEEP_INTERVAL
            || (is_disk_full && since >= FLUSH_INTERVAL)
    }

    fn note(&mut self, result: Result<(), RecordingError>) {
        match (result.err(), &self.problem) {
            (Some(error), None) => {
                tracing::error!("the recording cannot be written, alerts go on: {error}");
                self.problem = Some(Problem { text: error.to_string(), is_disk_full: error.is_disk_full() });
            }
            (None, Some(_)) if self.writer.lost() == 0 => self.recovered(),
            (None, Some(_)) => {
                tracing::warn!("{} inputs so far could not be recorded", self.writer.lost());
                self.recovered();
            }
            _ => {}
        }
    }

    fn recovered(&mut self) {
        tracing::info!("the recording can be written again");
        self.problem = None;
    }

    /// Keeps a checkpoint. The recording must be durable first: a checkpoint of an input that a power cut takes away would be
    /// one of another input when the recording is gone on with. So must the alerts: those of inputs before the checkpoint are
    /// not made again.
    pub fn keep_checkpoint(&mut self, twin: &Twin) {
        (self.kept, self.kept_at) = (Instant::now(), self.received);
        self.sync();
        if self.is_sync_failing {
            return;
        }
        if let Err(error) = self.alerts.sync_data() {
            tracing::error!("cannot write {}: {error}", self.folder.join(ALERTS_FILE).display());
            return;
        }
        let id = CheckpointId { sequence: twin.sequence(), received: self.received };
        let kept = twin.snapshot().map_err(io::Error::other).and_then(|state| self.checkpoints.keep(id, &state));
        if let Err(error) = kept {
            tracing::warn!(
                "cannot keep a checkpoint of the twin, a restart will replay more of the recording: {error}"
            );
        }
    }
}
