//! What is not written yet, on the disk.
//!
//! A file for each batch, `NUMBER-POINTS.lp.zst`: line protocol in a Zstandard frame, which carries a checksum. A batch is in
//! its file, and that is durable, before it is sent, and its file is removed when InfluxDB has it; so what a kill or a power cut
//! leaves is sent again, which makes no second point of any. `zstdcat` reads a file.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{BATCH_BYTES_MAX, Batch};

/// What was kept so recently is new, all else is left from before.
const NEW: Duration = Duration::from_secs(10);
/// The compression; more costs time and gains little on such text.
const LEVEL: i32 = 3;
const SUFFIX: &str = ".lp.zst";
const PART_SUFFIX: &str = ".part";
const MARK_FILE: &str = "mark";
const LOCK_FILE: &str = "lock";

/// The files of a folder, which nobody else uses.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    bytes: u64,
    points: u64,
    batches: BTreeMap<u64, Kept>,
    next: u64,
    _lock: File,
}

/// A batch on the disk.
#[derive(Debug, Clone, Copy)]
struct Kept {
    points: u64,
    bytes: u64,
    /// When it was kept, if it was live.
    since: Option<Instant>,
}

impl Spool {
    /// Opens the folder; makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be written, or another program uses it.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join(LOCK_FILE))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another program uses it"),
            TryLockError::Error(error) => error,
        })?;
        let mut batches = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(PART_SUFFIX) {
                fs::remove_file(entry.path())?;
            } else if let Some((number, points)) = numbers_of(&name) {
                batches.insert(number, Kept { points, bytes: entry.metadata()?.len(), since: None });
            }
        }
        let (bytes, points) = batches.values().fold((0, 0), |sum, kept| (sum.0 + kept.bytes, sum.1 + kept.points));
        let next = batches.last_key_value().map_or(1, |(number, _)| number + 1);
        Ok(Self { folder: folder.to_owned(), bytes_max, bytes, points, batches, next, _lock: lock })
    }

    /// How many points wait, and the bytes that they take.
    pub(crate) fn waiting(&self) -> (u64, u64) {
        (self.points, self.bytes)
    }

    /// Whether there is nothing to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Keeps a batch durably. The oldest ones make room for it; returns how many points these had.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn keep(&mut self, batch: &Batch, is_live: bool) -> io::Result<u64> {
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(&batch.text)?;
        let packed = encoder.finish()?;
        let bytes = packed.len() as u64;
        let mut dropped = 0;
        while self.bytes + bytes > self.bytes_max
            && let Some(oldest) = self.oldest()
        {
            dropped += self.points_of(oldest);
            self.remove(oldest)?;
        }
        let number = self.next;
        let path = self.folder.join(name_of(number, batch.points));
        while let Err(error) = self.write(&path, &packed) {
            let Some(oldest) = self.oldest().filter(|_| error.kind() == io::ErrorKind::StorageFull) else {
                return Err(error);
            };
            dropped += self.points_of(oldest);
            self.remove(oldest)?;
        }
        self.next += 1;
        let since = is_live.then(Instant::now);
        self.batches.insert(number, Kept { points: batch.points, bytes, since });
        self.bytes += bytes;
        self.points += batch.points;
        Ok(dropped)
    }

    /// The oldest batch of those that are new.
    pub(crate) fn next_new(&self) -> Option<u64> {
        let is_new = |kept: &Kept| kept.since.is_some_and(|since| since.elapsed() < NEW);
        // They are the last ones.
        let new = self.batches.iter().rev().take_while(|(_, kept)| is_new(kept));
        new.last().map(|(&number, _)| number)
    }

    /// The oldest batch.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.batches.first_key_value().map(|(&number, _)| number)
    }

    /// How many points a batch has; 0 if it is gone.
    pub(crate) fn points_of(&self, number: u64) -> u64 {
        self.batches.get(&number).map_or(0, |kept| kept.points)
    }

    /// The lines of a batch.
    ///
    /// # Errors
    /// If its file cannot be read, or is not as it was written.
    pub(crate) fn read(&self, number: u64) -> io::Result<String> {
        unpack(&self.folder.join(name_of(number, self.points_of(number))))
    }

    /// Removes a batch: InfluxDB has it, or nobody will. One that is gone is no matter.
    ///
    /// # Errors
    /// If its file cannot be removed; it is not given again all the same, before the next start.
    pub(crate) fn remove(&mut self, number: u64) -> io::Result<()> {
        let Some(kept) = self.batches.remove(&number) else { return Ok(()) };
        self.bytes -= kept.bytes;
        self.points -= kept.points;
        fs::remove_file(self.folder.join(name_of(number, kept.points)))
    }

    /// Notes durably that all of the inputs up to that one has been kept.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn mark(&self, sequence: u64) -> io::Result<()> {
        self.write(&self.folder.join(MARK_FILE), sequence.to_string().as_bytes())
    }

    /// Up to which input all has been kept; `None` if nothing ever was.
    pub(crate) fn marked(&self) -> Option<u64> {
        fs::read_to_string(self.folder.join(MARK_FILE)).ok()?.parse().ok()
    }

    /// Writes a file as a whole or not at all.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let part = self.folder.join(format!("new{PART_SUFFIX}"));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&part, path)?;
            File::open(&self.folder)?.sync_all()
        });
        if written.is_err() {
            // On a full disk its space is wanted back. What went wrong before is what counts.
            let _ = fs::remove_file(&part);
        }
        written
    }
}

/// The lines in a file.
pub(crate) fn unpack(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // A file that somebody else has put there may unpack to anything.
    zstd::Decoder::new(File::open(path)?)?.take(2 * BATCH_BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

fn name_of(number: u64, points: u64) -> String {
    format!("{number:012}-{points}{SUFFIX}")
}

fn numbers_of(name: &str) -> Option<(u64, u64)> {
    let (number, points) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((number.parse().ok()?, points.parse().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn batch(first: u64, points: u64) -> Batch {
        let mut batch = Batch::default();
        (first..first + points).for_each(|number| batch.push(format!("m value={number} {number}\n").as_bytes()));
        batch
    }

    #[test]
    fn what_was_kept_is_there_after_a_kill_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        assert!(Spool::open(folder.path(), 1 << 20).is_err(), "two may not use it");
        assert_eq!((spool.keep(&batch(1, 3), true).unwrap(), spool.keep(&batch(4, 2), true).unwrap()), (0, 0));
        assert_eq!((spool.next_new(), spool.marked()), (Some(1), None));
        spool.mark(77).unwrap();
        fs::write(folder.path().join("new.part"), "half").unwrap();
        drop(spool);

        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        assert_eq!((spool.next_new(), spool.oldest(), spool.marked()), (None, Some(1), Some(77)));
        assert_eq!(spool.waiting().0, 5);
        assert!(!folder.path().join("new.part").exists());
        assert_eq!(spool.read(1).unwrap().lines().count(), 3);
        spool.remove(1).unwrap();
        spool.keep(&batch(6, 1), true).unwrap();
        assert_eq!((spool.oldest(), spool.next_new()), (Some(2), Some(3)), "what is new goes before what is left");
        assert_eq!(spool.read(2).unwrap(), "m value=4 4\nm value=5 5\n");
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 600).unwrap();
        let dropped: u64 = (0..50).map(|number| spool.keep(&batch(number * 10, 10), true).unwrap()).sum();
        let (waiting, bytes) = spool.waiting();
        assert!(dropped > 0 && waiting + dropped == 500 && bytes <= 600, "{dropped} {waiting} {bytes}");
        let files = fs::read_dir(folder.path()).unwrap().filter_map(Result::ok);
        let on_disk: u64 = files.filter(|file| numbers_of(file.file_name().to_str().unwrap()).is_some()).count() as u64;
        assert_eq!(on_disk * 10, waiting);
    }

    #[test]
    fn a_damaged_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        spool.keep(&batch(1, 100), true).unwrap();
        let path = folder.path().join(name_of(1, 100));
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(spool.read(1).is_err());
    }
}
