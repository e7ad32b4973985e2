//! A segment of a recording, open or closed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use telemetry::{Input, Timestamp};

use crate::columns::ColumnSegment;
use crate::folder::SegmentPath;
use crate::frames::{FrameSegment, Stop};
use crate::{RecordingError, RecordingHeader};

/// A segment that is being read.
#[derive(Debug)]
pub(crate) enum Segment {
    /// One that is, or was, open for inputs.
    Frames(Box<FrameSegment>),
    /// A closed one.
    Columns(Box<ColumnSegment>),
}

impl Segment {
    /// Opens a segment wherever it is by now: it may have been closed since the folder was listed.
    pub(crate) fn open(path: &SegmentPath) -> Result<Self, Stop> {
        match Self::open_file(path.file()) {
            Err(Stop::Error(RecordingError::Io { source, .. })) if source.kind() == io::ErrorKind::NotFound => {
                Self::open_file(&path.closed())
            }
            result => result,
        }
    }

    /// Opens a file as what its name says it is.
    pub(crate) fn open_file(file: &Path) -> Result<Self, Stop> {
        match file.extension().is_some_and(|extension| extension == "parquet") {
            true => ColumnSegment::open(file).map(|segment| Self::Columns(Box::new(segment))),
            false => FrameSegment::open(file).map(|segment| Self::Frames(Box::new(segment))),
        }
    }

    /// The header.
    pub(crate) fn header(&self) -> &Arc<RecordingHeader> {
        match self {
            Self::Frames(segment) => &segment.header,
            Self::Columns(segment) => &segment.header,
        }
    }

    /// Sequence number of the input that it was begun for.
    pub(crate) fn first_sequence(&self) -> u64 {
        match self {
            Self::Frames(segment) => segment.first_sequence,
            Self::Columns(segment) => segment.first_sequence,
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Frames(segment) => segment.file(),
            Self::Columns(segment) => &segment.file,
        }
    }

    /// The next input and where it stands; `None` at the end. After a [`Stop`] it can be called again.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Input)>, Stop> {
        match self {
            Self::Frames(segment) => segment.next(),
            Self::Columns(segment) => segment.next(),
        }
    }

    /// A time that is no later than that of its last input, as far as it can be told without reading it.
    pub(crate) fn not_older_than(&self) -> Timestamp {
        match self {
            Self::Frames(segment) => segment.header.created,
            Self::Columns(segment) => segment.last_received().unwrap_or(segment.header.created),
        }
    }

    /// Leaves out what can be left out before an input without being read.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        match self {
            Self::Frames(_) => {}
            Self::Columns(segment) => segment.skip_to(sequence),
        }
    }
}
