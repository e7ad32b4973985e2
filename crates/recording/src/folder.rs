use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::RecordingError;

const LOCK_FILE: &str = "writer.lock";

/// Where a writer puts its segments.
pub(crate) trait Storage {
    type File: SegmentFile;

    /// Name of a segment, for messages.
    fn path(&self, number: u32) -> PathBuf;
    /// A new, empty segment. There must be none of that number.
    fn create(&mut self, number: u32) -> io::Result<Self::File>;
    /// Takes a segment away in which there is no input.
    fn discard(&mut self, number: u32) -> io::Result<()>;
    /// Makes the existence of the segments survive a power failure.
    fn sync(&mut self) -> io::Result<()>;
}

/// A segment that is being written.
pub(crate) trait SegmentFile: Write {
    /// Makes what was written survive a power failure.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder that one writer holds: no other can open it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder where needed and takes it. The operating system frees it when the process ends, however that is.
    pub(crate) fn take(path: &Path) -> Result<Self, RecordingError> {
        fs::create_dir_all(path).map_err(|error| RecordingError::io("create the folder", path, error))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| RecordingError::io("write", &lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(RecordingError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(RecordingError::io("lock", &lock_path, error)),
        }
    }
}

impl Storage for Folder {
    type File = File;

    fn path(&self, number: u32) -> PathBuf {
        self.path.join(segment_name(number))
    }

    fn create(&mut self, number: u32) -> io::Result<File> {
        File::create_new(self.path(number))
    }

    fn discard(&mut self, number: u32) -> io::Result<()> {
        fs::remove_file(self.path(number))
    }

    #[cfg(unix)]
    fn sync(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Elsewhere a folder cannot be opened as a file, and the file system journals its entries itself.
    #[cfg(not(unix))]
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SegmentFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The segments in a folder, in order. Other files are none of our business.
pub(crate) fn segments(folder: &Path) -> Result<Vec<(u32, PathBuf)>, RecordingError> {
    let unreadable = |error| RecordingError::io("list the folder", folder, error);
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Some(number) = entry.file_name().to_str().and_then(segment_number) {
            segments.push((number, entry.path()));
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

fn segment_name(number: u32) -> String {
    format!("{number:06}.ltrec")
}

fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".ltrec")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}
