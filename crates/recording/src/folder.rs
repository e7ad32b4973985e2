use std::collections::BTreeMap;
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
pub(crate) trait SegmentFile: Write + Sized {
    /// The same file, to be made durable by somebody else while more is written.
    fn beside(&self) -> io::Result<Self>;
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

    fn sync(&mut self) -> io::Result<()> {
        sync_folder(&self.path)
    }
}

/// Makes a folder's entries survive a power failure.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file, and the file system journals its entries itself.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

impl SegmentFile for File {
    fn beside(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A segment's file, and its number where its name has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentPath {
    number: u32,
    file: PathBuf,
}

impl SegmentPath {
    /// A single file, whatever its name.
    pub(crate) fn of_file(file: &Path) -> Self {
        let number = file.file_name().and_then(|name| name.to_str()).and_then(segment_number);
        Self { number: number.map_or(0, |(number, _)| number), file: file.to_owned() }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Where it is when it is closed.
    pub(crate) fn closed(&self) -> PathBuf {
        self.file.with_extension(CLOSED)
    }

    /// Where it was while it was open.
    pub(crate) fn open(&self) -> PathBuf {
        self.file.with_extension(OPEN)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.file.extension().is_some_and(|extension| extension == CLOSED)
    }
}

/// The segments in a folder, in order; where both forms of one are there, the closed one. Other files are none of our
/// business.
pub(crate) fn segments(folder: &Path) -> Result<Vec<SegmentPath>, RecordingError> {
    let unreadable = |error| RecordingError::io("list the folder", folder, error);
    let mut segments: BTreeMap<u32, (Form, PathBuf)> = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Some((number, form)) = entry.file_name().to_str().and_then(segment_number) else { continue };
        let found = (form, entry.path());
        match segments.get_mut(&number) {
            Some(known) if known.0 < form => *known = found,
            Some(_) => {}
            None => {
                segments.insert(number, found);
            }
        }
    }
    Ok(segments.into_iter().map(|(number, (_, file))| SegmentPath { number, file }).collect())
}

/// A segment's form; the closed one is made of the open one, and replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Open,
    Closed,
}

/// The name's ending of an open segment.
const OPEN: &str = "ltrec";
/// That of a closed one.
const CLOSED: &str = "parquet";

fn segment_name(number: u32) -> String {
    format!("{number:06}.{OPEN}")
}

fn segment_number(name: &str) -> Option<(u32, Form)> {
    let (stem, extension) = name.split_once('.')?;
    let form = match extension {
        OPEN => Form::Open,
        CLOSED => Form::Closed,
        _ => return None,
    };
    let number = stem.parse().ok()?;
    (segment_name(number).split_once('.')?.0 == stem).then_some((number, form))
}
