//! Checkpoints: the twin as it was after an input, so that a replay need not start at the begin.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use telemetry::Timestamp;

/// The folder in a recording's folder that holds them.
const FOLDER: &str = "checkpoints";
/// How many of the newest are kept in any case.
const NEWEST: usize = 2;
const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;
/// Before the newest, one is kept for each hour of so many days, and for each day before them.
const HOURLY_NS: i64 = 7 * DAY_NS;

/// The checkpoints of a recording, a file each. Each is a cache of replaying it, for the program and configuration that made
/// it: one that is damaged or of no use costs time, never a fact. A state says itself whether it is whole.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

/// Which input a checkpoint was made after, and when that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointId {
    /// Sequence number of the input.
    pub sequence: u64,
    /// When it was received.
    pub received: Timestamp,
}

impl Checkpoints {
    /// The checkpoints of the recording in `recording`.
    pub fn of(recording: &Path) -> Self {
        Self { folder: recording.join(FOLDER) }
    }

    /// Keeps a state, and thins out the older ones.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self, id: CheckpointId, state: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(id);
        let part = path.with_extension("part");
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(state)?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&part, &path)) {
            // On a full disk its space is wanted back. What went wrong before is what counts.
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        self.thin_out()
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// If the folder is there and cannot be listed.
    pub fn list(&self) -> io::Result<Vec<CheckpointId>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result?,
        };
        let mut ids = BTreeSet::new();
        for entry in entries {
            ids.extend(entry?.file_name().to_str().and_then(id_of));
        }
        Ok(ids.into_iter().collect())
    }

    /// The state that was kept.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, id: CheckpointId) -> io::Result<Vec<u8>> {
        fs::read(self.path(id))
    }

    /// Removes those from which a recording that begins at `first_sequence` cannot be gone on with.
    pub(crate) fn forget_before(&self, first_sequence: u64) {
        let ids = self.list().unwrap_or_default();
        for id in ids.into_iter().filter(|id| id.sequence.saturating_add(1) < first_sequence) {
            self.remove(id);
        }
    }

    /// Removes those of inputs after the last that a recording has kept: when it is gone on with, these numbers will be those of
    /// other inputs.
    pub fn forget_after(&self, last_sequence: u64) {
        let ids = self.list().unwrap_or_default();
        for id in ids.into_iter().filter(|id| id.sequence > last_sequence) {
            self.remove(id);
        }
    }

    fn thin_out(&self) -> io::Result<()> {
        let ids = self.list()?;
        let older = &ids[..ids.len().saturating_sub(NEWEST)];
        let newest_ns = ids.last().map_or(0, |id| id.received.as_nanos());
        let span = |id: &CheckpointId| {
            let at_ns = id.received.as_nanos();
            let span_ns = if newest_ns.saturating_sub(at_ns) < HOURLY_NS { HOUR_NS } else { DAY_NS };
            (span_ns, at_ns.div_euclid(span_ns))
        };
        for pair in older.windows(2) {
            if span(&pair[0]) == span(&pair[1]) {
                self.remove(pair[1]);
            }
        }
        Ok(())
    }

    fn remove(&self, id: CheckpointId) {
        let path = self.path(id);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }

    fn path(&self, id: CheckpointId) -> PathBuf {
        self.folder.join(format!("{:020}_{}.{EXTENSION}", id.sequence, id.received.as_nanos()))
    }
}

const EXTENSION: &str = "checkpoint";

fn id_of(name: &str) -> Option<CheckpointId> {
    let (sequence, received) = name.strip_suffix(EXTENSION)?.strip_suffix('.')?.split_once('_')?;
    let received = Timestamp::from_nanos(received.parse().ok()?);
    Some(CheckpointId { sequence: sequence.parse().ok()?, received })
}
