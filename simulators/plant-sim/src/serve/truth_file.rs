use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::ServeError;
use crate::TruthEvent;

/// The file of the ground truth: one JSON object a line.
#[derive(Debug)]
pub(super) struct TruthFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl TruthFile {
    /// Makes the file, empty.
    pub(super) fn create(path: PathBuf) -> Result<Self, ServeError> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(ServeError::File { path, source }),
        }
    }

    /// Appends events; a reader of the file sees them at once.
    pub(super) fn append(&mut self, events: &[TruthEvent]) -> Result<(), ServeError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut append = || {
            for event in events {
                serde_json::to_writer(&mut self.file, event)?;
                self.file.write_all(b"\n")?;
            }
            self.file.flush()
        };
        append().map_err(|source| ServeError::File { path: self.path.clone(), source })
    }
}
