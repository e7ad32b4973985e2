use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::frame::MAX_PAYLOAD_BYTES;

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}{}", .path.display(), advice(.source))]
    Io {
        /// What was tried, to be followed by the path.
        action: String,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another writer is at work in the folder.
    #[error("{}: another process is recording into this folder; stop it, or record into another folder", .0.display())]
    InUse(PathBuf),
    /// The folder holds no segment.
    #[error("{}: no recording here; expected segments named 000001.ltrec, 000002.ltrec, …", .0.display())]
    NoSegments(PathBuf),
    /// There is a segment, or several, and not one has a readable header.
    #[error("no segment is readable; the first problem is {0}")]
    Unreadable(Damage),
    /// A newer program wrote the segment.
    #[error(
        "{}: format version {found}, written by linetwin {program}; this program reads up to version {known}: \
         use linetwin {program} or newer", .file.display()
    )]
    NewerFormat {
        /// The segment.
        file: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest format version that this program reads.
        known: u32,
        /// Version of the program that wrote it.
        program: String,
    },
    /// The input's sequence number is not above that of the last recorded one.
    #[error("input {sequence} comes after input {last}; sequence numbers must grow: start at one more than the last")]
    OutOfOrder {
        /// Sequence number of the refused input.
        sequence: u64,
        /// Sequence number of the last recorded input.
        last: u64,
    },
    /// An input or a header is too large for one frame.
    #[error("{what} takes {bytes} bytes; a recording holds at most {MAX_PAYLOAD_BYTES} in one piece")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its encoded size.
        bytes: usize,
    },
    /// A segment cannot be closed. It stays open, and as readable as it is.
    #[error("{}: the segment stays as it is, because a closed one cannot be made of it: {why}", .file.display())]
    Unclosable {
        /// The open segment.
        file: PathBuf,
        /// What stands against it.
        why: String,
    },
}

impl RecordingError {
    /// Whether there is no space left on the device, or the user's quota is used up. Then the same writer can go on as
    /// soon as there is space.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
    }

    pub(crate) fn io(action: impl Into<String>, path: &Path, source: io::Error) -> Self {
        Self::Io { action: action.into(), path: path.to_owned(), source }
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_full(error) => "; free space there, or record into a folder on another disk",
        io::ErrorKind::PermissionDenied => "; give the user that linetwin runs as the right to it",
        io::ErrorKind::ReadOnlyFilesystem => "; record into a folder on a writable disk",
        io::ErrorKind::NotFound => "; check the path",
        _ => "",
    }
}

/// Something that a recording should hold and does not, or not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where in the segment, in bytes from its start.
    pub offset: u64,
    /// How many of the segment's bytes cannot be used because of it.
    pub bytes_lost: u64,
    /// What is wrong.
    pub reason: DamageReason,
}

/// What is wrong at a place in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamageReason {
    /// The file does not start with a segment's mark.
    NotASegment,
    /// The file ends in the middle of a frame: the writer was killed there, the power failed, or it is still writing.
    Torn,
    /// A frame claims this many bytes of payload, which no frame has.
    Length(u32),
    /// A frame's content is not what was written.
    Checksum,
    /// A frame is as it was written, but this program cannot decode it; why.
    Undecodable(String),
    /// An input does not follow its predecessor.
    Sequence {
        /// The sequence number that should have come.
        expected: u64,
        /// The sequence number that came.
        found: u64,
    },
}

impl fmt::Display for DamageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASegment => f.write_str("not a segment of a linetwin recording"),
            Self::Torn => f.write_str("ends in the middle of a frame"),
            Self::Length(bytes) => {
                write!(f, "a frame of {bytes} bytes, where at most {MAX_PAYLOAD_BYTES} are possible")
            }
            Self::Checksum => f.write_str("the checksum does not match the content"),
            Self::Undecodable(why) => write!(f, "an intact frame that cannot be decoded: {why}"),
            Self::Sequence { expected, found } => write!(f, "input {found} where input {expected} was expected"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.reason)?;
        match self.bytes_lost {
            0 => Ok(()),
            bytes => write!(f, "; {bytes} bytes lost"),
        }
    }
}
