//! The recording as the daemon keeps it: inputs, live alerts beside them, and checkpoints of the twin.

mod alerts;
mod keeper;
mod reading;
mod resume;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use recording::{CheckpointId, Checkpoints, RecordingError, RecordingHeader, Retention, Writer, WriterOptions};
use telemetry::{Input, Timestamp};
use twin::Twin;

pub use alerts::{events_after, last_event};
use keeper::Keeper;
pub use keeper::KeeperStatus;
pub use reading::{for_each_input, for_each_step};
pub use resume::{checkpoint, first_checkpoint, resume, resume_telling};

/// The file in a recording's folder that holds the live alerts, a line each.
pub const ALERTS_FILE: &str = "alerts.jsonl";
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
    /// When the last input was received.
    received: Timestamp,
    problem: Option<Problem>,
    is_durable: bool,
    is_sync_failing: bool,
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
            problem: None,
            is_durable: true,
            is_sync_failing: false,
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

    /// Whether all that was taken in and not lost is durable.
    pub fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Whether the last attempt to make it durable failed.
    pub fn is_sync_failing(&self) -> bool {
        self.is_sync_failing
    }

    /// How long ago it was last made durable, or that was tried.
    pub fn since_sync(&self) -> Duration {
        self.synced.elapsed()
    }

    /// Takes an input in.
    pub fn append(&mut self, input: &Input) {
        self.is_durable = false;
        self.received = input.received;
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

    /// Makes durable what was taken in.
    pub fn sync(&mut self) {
        let result = self.writer.sync();
        (self.is_durable, self.is_sync_failing) = (result.is_ok(), result.is_err());
        self.note(result);
        let now = Instant::now();
        (self.synced, self.flushed) = (now, now);
    }

    /// Whether the next [`Self::keep_up`] keeps a checkpoint.
    pub fn is_checkpoint_due(&self) -> bool {
        let since = self.kept.elapsed();
        since >= CHECKPOINT_INTERVAL || self.received.seconds_since(self.kept_at) >= CHECKPOINT_INTERVAL_S
    }

    /// Keeps the alerts of an input, after the input itself is durable: an alert without its input could not be replayed.
    pub fn keep_alerts(&mut self, lines: &str) {
        self.sync();
        if let Err(error) = self.alerts.write_all(lines.as_bytes()) {
            tracing::error!("cannot write {}: {error}", self.folder.join(ALERTS_FILE).display());
        }
    }

    /// Does what is due by now: hands over, makes durable, keeps a checkpoint, has the folder looked after.
    pub fn keep_up(&mut self, twin: &Twin) {
        let now = Instant::now();
        if now - self.synced >= self.sync_interval {
            self.sync();
        } else if now - self.flushed >= FLUSH_INTERVAL {
            self.flush();
            self.flushed = now;
        }
        if self.is_checkpoint_due() {
            self.keep_checkpoint(twin);
            (self.kept, self.kept_at) = (now, self.received);
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

    /// The recording must be durable first: a checkpoint of an input that a power cut takes away would be one of another input
    /// when the recording is gone on with. So must the alerts: those of inputs before the checkpoint are not made again.
    fn keep_checkpoint(&mut self, twin: &Twin) {
        self.sync();
        if !self.is_durable {
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
