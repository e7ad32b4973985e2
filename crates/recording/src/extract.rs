//! A part of a recording as a file of its own.

use std::fs::File;
use std::path::{Path, PathBuf};

use telemetry::{Event, Input};

use crate::columns::{EncodeError, Encoder};
use crate::{RecordingError, RecordingHeader, wire};

/// Writes inputs into one Parquet file that is a closed segment: a recording by itself.
pub struct ParquetFile {
    path: PathBuf,
    header: RecordingHeader,
    first_sequence: Option<u64>,
    encoder: Encoder<File>,
}

impl ParquetFile {
    /// Creates the file.
    ///
    /// # Errors
    /// If it is there already, or cannot be written.
    pub fn create(path: &Path, header: RecordingHeader) -> Result<Self, RecordingError> {
        let file = File::create_new(path).map_err(|error| RecordingError::io("create", path, error))?;
        let encoder = Encoder::new(file, &header).map_err(|error| unwritable(path, error))?;
        Ok(Self { path: path.to_owned(), header, first_sequence: None, encoder })
    }

    /// Writes an input, whose sequence number must be above that of the last.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, input: &Input) -> Result<(), RecordingError> {
        self.first_sequence.get_or_insert(input.sequence);
        self.encoder.push(input).map_err(|error| unwritable(&self.path, error))
    }

    /// Writes the rest and makes it durable.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<(), RecordingError> {
        let Self { path, header, first_sequence, encoder } = self;
        let file = encoder.finish(&header, first_sequence.unwrap_or(1), None);
        let file = file.map_err(|error| unwritable(&path, error))?;
        file.sync_all().map_err(|error| RecordingError::io("make durable", &path, error))
    }
}

/// An event as JSON, as it stands in the column `event` of a closed segment.
///
/// # Errors
/// None that JSON has a reason for.
pub fn event_json(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&wire::Event::from(event))
}

fn unwritable(path: &Path, error: EncodeError) -> RecordingError {
    match error {
        EncodeError::Io(error) => RecordingError::io("write", path, error),
        other => RecordingError::Unclosable { file: path.to_owned(), why: other.to_string() },
    }
}
