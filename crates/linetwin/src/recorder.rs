//! The recording as the daemon keeps it: inputs, live alerts beside them, and snapshots of the twin.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract::{EventV1, alert_line};
use plant::Plant;
use recording::{RecordingHeader, Writer, WriterOptions};
use telemetry::Input;
use twin::{Output, Twin};

use crate::inputs::{Inputs, LinkChoice};

/// The file in a recording's folder that holds the live alerts, a line each.
pub const ALERTS_FILE: &str = "alerts.jsonl";
/// The file in a recording's folder that holds the newest snapshot of the twin.
const SNAPSHOT_FILE: &str = "twin.snapshot";
/// How often inputs are handed to the operating system, so that they survive the end of this process.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// How often a snapshot is kept.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(60);

/// Writes the recording. No failure stops it: what could not be written is counted, told once, and tried again.
pub struct Recorder {
    folder: PathBuf,
    writer: Writer,
    alerts: File,
    sync_interval: Duration,
    flushed: Instant,
    synced: Instant,
    kept: Instant,
    problem: Option<String>,
    is_durable: bool,
    is_sync_failing: bool,
}

impl Recorder {
    /// Opens the recording in `folder` for more inputs; begins it if there is none.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn open(
        folder: &Path,
        header: RecordingHeader,
        segment_bytes: u64,
        sync_interval: Duration,
    ) -> anyhow::Result<Self> {
        let writer = Writer::create(folder, header, WriterOptions { segment_bytes })?;
        let path = folder.join(ALERTS_FILE);
        let alerts = OpenOptions::new().create(true).append(true).open(&path);
        let alerts = alerts.with_context(|| format!("cannot write {}", path.display()))?;
        let now = Instant::now();
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            writer,
            alerts,
            sync_interval,
            flushed: now,
            synced: now,
            kept: now,
            problem: None,
            is_durable: true,
            is_sync_failing: false,
        })
    }

    /// Why the recording cannot be written at the moment.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
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
        let result = self.writer.append(input).map_err(|error| error.to_string());
        self.note(result);
    }

    /// Hands what was taken in to the operating system.
    pub fn flush(&mut self) {
        let result = self.writer.flush().map_err(|error| error.to_string());
        self.note(result);
    }

    /// Makes durable what was taken in.
    pub fn sync(&mut self) {
        let result = self.writer.sync().map_err(|error| error.to_string());
        (self.is_durable, self.is_sync_failing) = (result.is_ok(), result.is_err());
        self.note(result);
        let now = Instant::now();
        (self.synced, self.flushed) = (now, now);
    }

    /// Whether the next [`Self::keep_up`] keeps a snapshot.
    pub fn is_snapshot_due(&self) -> bool {
        self.kept.elapsed() >= SNAPSHOT_INTERVAL
    }

    /// Keeps the alerts of an input, after the input itself: an alert without its input could not be replayed.
    pub fn keep_alerts(&mut self, lines: &str) {
        self.flush();
        if let Err(error) = self.alerts.write_all(lines.as_bytes()) {
            tracing::error!("cannot write {}: {error}", self.folder.join(ALERTS_FILE).display());
        }
    }

    /// Does what is due by now: hands over, makes durable, keeps a snapshot.
    pub fn keep_up(&mut self, twin: &Twin) {
        let now = Instant::now();
        if now - self.synced >= self.sync_interval {
            self.sync();
        } else if now - self.flushed >= FLUSH_INTERVAL {
            let result = self.writer.flush().map_err(|error| error.to_string());
            self.note(result);
            self.flushed = now;
        }
        if now - self.kept >= SNAPSHOT_INTERVAL {
            self.keep_snapshot(twin);
            self.kept = now;
        }
    }

    /// Makes all durable and keeps a snapshot: the daemon stops.
    pub fn finish(mut self, twin: &Twin) {
        self.sync();
        self.keep_snapshot(twin);
    }

    fn note(&mut self, result: Result<(), String>) {
        match (result.err(), &self.problem) {
            (Some(error), None) => {
                tracing::error!("the recording cannot be written, alerts go on: {error}");
                self.problem = Some(error);
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

    fn keep_snapshot(&self, twin: &Twin) {
        let kept = twin.snapshot().map_err(io::Error::other).and_then(|bytes| {
            let part = self.folder.join(format!("{SNAPSHOT_FILE}.part"));
            fs::write(&part, bytes)?;
            fs::rename(part, self.folder.join(SNAPSHOT_FILE))
        });
        if let Err(error) = kept {
            tracing::warn!("cannot keep a snapshot of the twin, a restart will replay more of the recording: {error}");
        }
    }
}

/// The twin as it was when the recording in `folder` ended, and the sequence number of its last input: from the newest
/// snapshot and the inputs after it. A new twin if there is no recording.
///
/// # Errors
/// If there is a recording that cannot be read.
pub fn resume(folder: &Path, plant: Arc<Plant>) -> anyhow::Result<(Twin, u64)> {
    resume_telling(folder, plant, |_, _, _| {})
}

/// As [`resume`]; tells the outputs of the inputs that it replays, each with the twin after it.
///
/// # Errors
/// As [`resume`].
pub fn resume_telling(
    folder: &Path,
    plant: Arc<Plant>,
    mut tell: impl FnMut(&Input, &[Output], &Twin),
) -> anyhow::Result<(Twin, u64)> {
    let last = match folder.exists() {
        true => Writer::last_sequence(folder)?,
        false => None,
    };
    let Some(last) = last else { return Ok((Twin::new(plant), 0)) };
    let mut twin = snapshot(folder, &plant, last).unwrap_or_else(|| Twin::new(plant.clone()));
    let from = twin.sequence();
    let kept = kept_alerts(&folder.join(ALERTS_FILE))?;
    let (mut outputs, mut missing) = (Vec::new(), String::new());
    for_each_input(folder, &plant, |input| {
        if input.sequence > from {
            outputs.clear();
            twin.apply(input, &mut outputs);
            tell(input, &outputs, &twin);
            if input.sequence > kept {
                let lines =
                    outputs.iter().filter_map(|output| alert_line(output, &plant, input.sequence, input.received));
                missing.extend(lines);
            }
        }
        Ok(())
    })?;
    OpenOptions::new().create(true).append(true).open(folder.join(ALERTS_FILE))?.write_all(missing.as_bytes())?;
    tracing::info!("the twin goes on from input {last}, {} of them replayed", last.saturating_sub(from));
    Ok((twin, last))
}

/// The sequence number of the last alert that was kept; one that was kept only in part is cut off.
///
/// A crash can come between an input that is durable and its alert: then the alert is added when the twin resumes.
fn kept_alerts(path: &Path) -> anyhow::Result<u64> {
    if !path.exists() {
        return Ok(0);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
    }
    let last: Option<EventV1> = text[..whole].lines().last().map(serde_json::from_str).transpose()?;
    Ok(last.and_then(|event| event.sequence).unwrap_or(0))
}

fn snapshot(folder: &Path, plant: &Arc<Plant>, last: u64) -> Option<Twin> {
    let bytes = fs::read(folder.join(SNAPSHOT_FILE)).ok()?;
    let restored = Twin::restore(plant.clone(), &bytes);
    let twin = restored.inspect_err(|error| tracing::warn!("{error}")).ok()?;
    if twin.sequence() > last {
        tracing::warn!("the snapshot is newer than the recording; the recording is replayed instead");
        return None;
    }
    Some(twin)
}

/// Runs a recording through a twin, and gives each input with what followed from it and the twin after it.
///
/// # Errors
/// As [`for_each_input`].
pub fn for_each_step(
    recording: &Path,
    twin: &mut Twin,
    mut take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let plant = twin.plant().clone();
    let mut outputs = Vec::new();
    for_each_input(recording, &plant, |input| {
        outputs.clear();
        twin.apply(input, &mut outputs);
        take(input, &outputs, twin)
    })
}

/// Reads a recording from its begin to its end under a plant's configuration, and tells of what was damaged or dropped.
///
/// # Errors
/// If it cannot be read at all, or `take` fails.
pub fn for_each_input(
    recording: &Path,
    plant: &Plant,
    mut take: impl FnMut(&Input) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut inputs = Inputs::open(recording, plant, &LinkChoice::default())?;
    for input in inputs.by_ref() {
        take(&input?)?;
    }
    inputs.tell_oddities(plant);
    Ok(())
}
