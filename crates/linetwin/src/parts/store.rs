//! The files of records as the daemon keeps them: JSON lines, one file for each day, appended to and never changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract::{PartV1, part_line};
use plant::PartsSettings;
use telemetry::{Input, Timestamp};
use twin::{Output, Twin};
use web::MetricKind;

use crate::parts::read::{Day, days};

/// How long a record may be in the hands of the operating system before it is on the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
const DAY_S: f64 = 86_400.0;

/// What the store tells of itself while it runs.
#[derive(Debug, Default)]
pub struct PartsGauges {
    /// Records that were kept since the start.
    pub kept: AtomicU64,
    /// Records that could not be kept.
    pub lost: AtomicU64,
    /// Files that were removed because of their age, or because there was no room.
    pub files_removed: AtomicU64,
    /// Bytes that all files take.
    pub bytes: AtomicU64,
    /// Why records cannot be kept at the moment.
    pub problem: Mutex<Option<String>>,
}

impl PartsGauges {
    /// Each figure with its name, what it means, and whether it only grows.
    pub fn named(&self) -> [(&'static str, &'static str, MetricKind, u64); 4] {
        let now = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        [
            ("kept", "Records of parts that were kept since the start.", MetricKind::Counter, now(&self.kept)),
            ("lost", "Records of parts that could not be kept.", MetricKind::Counter, now(&self.lost)),
            (
                "files_removed",
                "Files of records that were removed by age or size.",
                MetricKind::Counter,
                now(&self.files_removed),
            ),
            ("bytes", "Bytes that all records of parts take.", MetricKind::Gauge, now(&self.bytes)),
        ]
    }
}

/// Keeps the records. No failure stops it: what could not be kept is counted and told.
///
/// A record is with the operating system before the next input is taken in, and on the disk within a second and before a
/// snapshot of the twin is. A crash of the machine can cut the end of the file off; when the daemon goes on, a torn line is
/// removed and what is missing follows again from the recording.
pub struct PartStore {
    folder: PathBuf,
    keep_days: u32,
    bytes_max: u64,
    gauges: Arc<PartsGauges>,
    open: Option<Open>,
    /// Bytes of all files but the open one.
    others: u64,
    /// Sequence number of the last input of which a record was kept, and how many were kept of that.
    kept: (u64, usize),
    /// When what was written is to be on the disk.
    sync_due: Option<Instant>,
}

/// The file of the day.
struct Open {
    day: Day,
    file: File,
    /// Its length up to the last whole record.
    bytes: u64,
}

impl PartStore {
    /// Opens the store in `folder`; begins it if there is none. What the last daemon wrote only in part is removed.
    ///
    /// # Errors
    /// If the folder or the newest file in it cannot be read or written.
    pub fn open(folder: &Path, settings: &PartsSettings) -> anyhow::Result<Self> {
        let failed =
            || format!("cannot keep records of parts in {}; choose another with parts.folder", folder.display());
        fs::create_dir_all(folder).with_context(failed)?;
        let mut store = Self {
            folder: folder.to_owned(),
            keep_days: settings.keep_days,
            bytes_max: u64::from(settings.size_max_mib) * 1024 * 1024,
            gauges: Arc::default(),
            open: None,
            others: 0,
            kept: (0, 0),
            sync_due: None,
        };
        if let Some(day) = days(folder).with_context(failed)?.last() {
            let path = folder.join(day.file_name());
            store.kept = cut_torn_line(&path).with_context(failed)?;
            store.open_day(*day).with_context(failed)?;
        }
        store.count_bytes();
        Ok(store)
    }

    /// What the store tells of itself.
    pub fn gauges(&self) -> &Arc<PartsGauges> {
        &self.gauges
    }

    /// Whether an input's outputs close a record that is not kept yet.
    pub fn wants(&self, input: &Input, outputs: &[Output]) -> bool {
        input.sequence >= self.kept.0 && outputs.iter().any(|output| matches!(output, Output::Part(_)))
    }

    /// Keeps the records that an input's outputs close, if they are not kept already.
    pub fn keep(&mut self, input: &Input, outputs: &[Output], twin: &Twin) {
        if !self.wants(input, outputs) {
            return;
        }
        let lines = outputs.iter().filter_map(|output| part_line(output, twin, input.sequence));
        let known = if input.sequence == self.kept.0 { self.kept.1 } else { 0 };
        let mut count = known;
        for line in lines.skip(known) {
            let result = self.append(&line, input.received);
            self.note(result);
            count += 1;
        }
        self.kept = (input.sequence, count);
    }

    /// What comes from now on is not replayed: none of it is kept already, even if a crash has cost the recording its last
    /// inputs, so that their numbers come again.
    pub fn go_live(&mut self) {
        self.kept = (0, 0);
    }

    /// Whether what was kept is to be on the disk by now.
    pub fn is_sync_due(&self) -> bool {
        self.sync_due.is_some_and(|due| Instant::now() >= due)
    }

    /// Makes all durable.
    pub fn sync(&mut self) {
        if self.sync_due.take().is_some()
            && let Some(open) = &self.open
            && let Err(error) = open.file.sync_data()
        {
            tracing::error!("records of parts in {} may not be on the disk: {error}", self.folder.display());
        }
    }

    fn append(&mut self, line: &str, now: Timestamp) -> io::Result<()> {
        let day = Day::of(now);
        // A clock that was put back does not go back to an older file: lines stay in the order of their input.
        if self.open.as_ref().is_none_or(|open| day > open.day) {
            self.sync();
            self.open_day(day)?;
            self.remove_old(day);
        }
        let room = self.bytes_max.saturating_sub(line.len() as u64);
        while self.others + self.open.as_ref().map_or(0, |open| open.bytes) > room {
            if !self.remove_oldest("there is no more room for them") {
                return Err(io::Error::other(format!(
                    "the records of one day take more than parts.size_max_mib allows, {} MiB; raise it",
                    self.bytes_max / (1024 * 1024)
                )));
            }
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Err(error) = open.file.write_all(line.as_bytes()) {
            // Half a line must not become the begin of the next.
            open.file.set_len(open.bytes)?;
            return Err(error);
        }
        open.bytes += line.len() as u64;
        self.sync_due.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
        self.gauges.bytes.store(self.others + open.bytes, Ordering::Relaxed);
        Ok(())
    }

    fn open_day(&mut self, day: Day) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join(day.file_name()))?;
        let bytes = file.metadata()?.len();
        self.open = Some(Open { day, file, bytes });
        self.count_bytes();
        Ok(())
    }

    fn count_bytes(&mut self) {
        let open = self.open.as_ref().map(|open| open.day);
        let length = |day: Day| fs::metadata(self.folder.join(day.file_name())).map_or(0, |file| file.len());
        let days = days(&self.folder).unwrap_or_default();
        self.others = days.into_iter().filter(|day| Some(*day) != open).map(length).sum();
        let all = self.others + self.open.as_ref().map_or(0, |open| open.bytes);
        self.gauges.bytes.store(all, Ordering::Relaxed);
    }

    fn remove_old(&mut self, today: Day) {
        let oldest_kept = today.start().plus_seconds(-f64::from(self.keep_days - 1) * DAY_S);
        while days(&self.folder).is_ok_and(|days| days.first().is_some_and(|day| day.start() < oldest_kept)) {
            if !self.remove_oldest("they are older than parts.keep_days") {
                return;
            }
        }
    }

    /// Removes the oldest file, but never that of the day. Returns whether there was one.
    fn remove_oldest(&mut self, reason: &str) -> bool {
        let open = self.open.as_ref().map(|open| open.day);
        let Some(day) = days(&self.folder).ok().and_then(|days| days.into_iter().find(|day| Some(*day) != open)) else {
            return false;
        };
        let path = self.folder.join(day.file_name());
        if let Err(error) = fs::remove_file(&path) {
            tracing::error!("cannot remove {}: {error}", path.display());
            return false;
        }
        tracing::warn!("the records of parts of {day} were removed, because {reason}: {}", path.display());
        self.gauges.files_removed.fetch_add(1, Ordering::Relaxed);
        self.count_bytes();
        true
    }

    fn note(&mut self, result: io::Result<()>) {
        let counter = if result.is_ok() { &self.gauges.kept } else { &self.gauges.lost };
        counter.fetch_add(1, Ordering::Relaxed);
        let Ok(mut problem) = self.gauges.problem.lock() else { return };
        match (result.err(), problem.is_some()) {
            (Some(error), false) => {
                let message = format!("records of parts cannot be kept in {}: {error}", self.folder.display());
                tracing::error!("{message}");
                *problem = Some(message);
            }
            (None, true) => {
                let lost = self.gauges.lost.load(Ordering::Relaxed);
                tracing::warn!("records of parts can be kept again; {lost} so far could not");
                *problem = None;
            }
            _ => {}
        }
    }
}

/// Removes what is after the last whole line. Returns the sequence number of the last record, and how many there are of it.
fn cut_torn_line(path: &Path) -> anyhow::Result<(u64, usize)> {
    let bytes = fs::read(path)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
        tracing::warn!("{}: the last record was kept only in part and is removed", path.display());
    }
    let mut last: Option<(u64, usize)> = None;
    for line in bytes[..whole].split(|&byte| byte == b'\n').rev().filter(|line| !line.is_empty()) {
        let sequence = serde_json::from_slice::<PartV1>(line)
            .with_context(|| format!("{} has a line that is no record of a part", path.display()))?
            .sequence;
        match &mut last {
            None => last = Some((sequence, 1)),
            Some((known, count)) if *known == sequence => *count += 1,
            Some(_) => break,
        }
    }
    Ok(last.unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
