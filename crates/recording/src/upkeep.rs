//! Closes the segments that take no more inputs, and removes the oldest ones by a stated policy.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use telemetry::Timestamp;

use crate::closing::close;
use crate::folder::{SegmentPath, segments};
use crate::segment::Segment;
use crate::{Checkpoints, RecordingError};

/// Where the writer is when there is none: every segment can be closed.
pub const NO_WRITER: u32 = u32::MAX;

/// How much of a recording is kept. The oldest segments go first; the newest one always stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retention {
    /// Segments whose last input is older than that are removed, seconds.
    pub age_max_s: f64,
    /// The most that all segments may take, bytes.
    pub size_max_bytes: u64,
    /// What is to stay free on the disk for other files, bytes.
    pub free_min_bytes: u64,
}

impl Retention {
    /// Nothing is ever removed.
    pub const KEEP_ALL: Self = Self { age_max_s: f64::INFINITY, size_max_bytes: u64::MAX, free_min_bytes: 0 };
}

/// Why a segment was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It was too old.
    Age,
    /// All segments took too much.
    Size,
    /// The disk is too full.
    DiskFull,
}

/// What an upkeep did, and found.
#[derive(Debug, Default)]
pub struct Upkept {
    /// Segments closed.
    pub closed: u64,
    /// Segments removed, and why.
    pub removed: Vec<(PathBuf, Removal)>,
    /// What all segments take, bytes.
    pub size_bytes: u64,
    /// Segments in the folder.
    pub segments: u64,
    /// What could not be done. The rest was.
    pub problems: Vec<RecordingError>,
}

/// Keeps a recording's folder. It needs no lock beside the writer's: it touches only segments that the writer has left.
#[derive(Debug)]
pub struct Upkeep {
    folder: PathBuf,
    retention: Retention,
    /// Segments that cannot be closed. They are not tried again before the next start.
    unclosable: BTreeSet<u32>,
}

impl Upkeep {
    /// Upkeep of a recording in `folder`.
    pub fn new(folder: &Path, retention: Retention) -> Self {
        Self { folder: folder.to_owned(), retention, unclosable: BTreeSet::new() }
    }

    /// Does all that is due at `now`, by the clock that the inputs are received by. `at` is the number of the segment
    /// that the [writer is at](crate::Writer::at_segment), and [`NO_WRITER`] if there is none.
    ///
    /// It stops between two segments when `stop` says so.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn pass(&mut self, at: u32, now: Timestamp, stop: impl Fn() -> bool) -> Result<Upkept, RecordingError> {
        let mut done = Upkept::default();
        // First what is to go: closing needs space.
        self.remove(now, &mut done)?;
        for segment in segments(&self.folder)?.into_iter().take_while(|_| !stop()) {
            if segment.number() < at && !self.unclosable.contains(&segment.number()) {
                self.close(&segment, &mut done);
            }
        }
        self.remove(now, &mut done)?;
        Ok(done)
    }

    fn close(&mut self, segment: &SegmentPath, done: &mut Upkept) {
        if segment.is_closed() {
            // Killed between putting the closed one in its place and removing the open one.
            if let Err(error) = remove_if_there(&segment.open()) {
                done.problems.push(RecordingError::io("remove", &segment.open(), error));
            }
            return;
        }
        match close(segment) {
            Ok(()) => done.closed += 1,
            Err(error) => {
                // When there is space again it may succeed; for all else nothing changes.
                if !error.is_disk_full() {
                    self.unclosable.insert(segment.number());
                }
                done.problems.push(error);
            }
        }
    }

    /// Removes what is to go, and notes what is left.
    fn remove(&self, now: Timestamp, done: &mut Upkept) -> Result<(), RecordingError> {
        let files = sizes(&self.folder)?;
        let mut size_bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let mut left = &files[..];
        while let [(segment, bytes), rest @ ..] = left
            && !rest.is_empty()
        {
            let Some(reason) = self.reason_to_remove(segment, size_bytes, now)? else { break };
            let removed = remove_if_there(&segment.open()).and_then(|()| remove_if_there(&segment.closed()));
            if let Err(error) = removed {
                done.problems.push(RecordingError::io("remove", segment.file(), error));
                break;
            }
            size_bytes -= bytes;
            done.removed.push((segment.file().to_owned(), reason));
            left = rest;
        }
        if left.len() < files.len()
            && let Ok(segment) = Segment::open(&left[0].0)
        {
            Checkpoints::of(&self.folder).forget_before(segment.first_sequence());
        }
        (done.segments, done.size_bytes) = (left.len() as u64, size_bytes);
        Ok(())
    }

    fn reason_to_remove(
        &self,
        segment: &SegmentPath,
        size_bytes: u64,
        now: Timestamp,
    ) -> Result<Option<Removal>, RecordingError> {
        if size_bytes > self.retention.size_max_bytes {
            return Ok(Some(Removal::Size));
        }
        if free_bytes(&self.folder)? < self.retention.free_min_bytes {
            return Ok(Some(Removal::DiskFull));
        }
        let is_old = |segment: Segment| now.seconds_since(segment.not_older_than()) > self.retention.age_max_s;
        Ok(Segment::open(segment).is_ok_and(is_old).then_some(Removal::Age))
    }
}

/// The segments of a folder with what each takes, bytes.
fn sizes(folder: &Path) -> Result<Vec<(SegmentPath, u64)>, RecordingError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let files = segments(folder)?;
    Ok(files
        .into_iter()
        .map(|segment| {
            let bytes = size(&segment.open()) + size(&segment.closed());
            (segment, bytes)
        })
        .collect())
}

/// What an ordinary user can still write to the disk that a folder is on, bytes.
fn free_bytes(folder: &Path) -> Result<u64, RecordingError> {
    let found = rustix::fs::statvfs(folder)
        .map_err(|error| RecordingError::io("ask for the free space of", folder, error.into()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
