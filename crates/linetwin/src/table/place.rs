//! Where in a file something is wrong, and the message that says so.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plant::{Origin, Problem};
use tempfile::TempPath;

use super::parquet::{as_csv, is_parquet};

/// What is wrong with a table: file, line, column, what was found, and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TableError(Box<Problem>);

impl TableError {
    /// Line of the file, from 1; 0 where the file as a whole is meant.
    pub fn line(&self) -> u32 {
        self.0.origin.line
    }
}

/// The file, to tell lines in it.
///
/// A reader of CSV knows bytes exactly, but lines only nearly where they end in CR LF or are empty. So lines are counted
/// when one is to be told, from the start of the file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
    /// The CSV that is read in its place, if the file is none.
    copy: Option<Arc<TempPath>>,
}

impl Place {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), copy: None }
    }

    /// A table, in CSV or Parquet. Lines of the latter are those of its header and its rows.
    pub(super) fn of_table(path: &Path) -> Result<Self, TableError> {
        let place = Self::new(path);
        if !is_parquet(path) {
            return Ok(place);
        }
        let copy = as_csv(path).map_err(|error| {
            place.file_error(
                format!("cannot be read as Parquet: {error}"),
                "a column for the time, and columns of values",
            )
        })?;
        Ok(Self { copy: Some(Arc::new(copy)), ..place })
    }

    /// The CSV.
    pub(super) fn path(&self) -> &Path {
        self.copy.as_deref().map_or(&self.path, |copy| copy)
    }

    /// Something is wrong in the row that begins at that byte, or after the empty lines there.
    pub(crate) fn error(
        &self,
        byte: u64,
        column: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> TableError {
        self.problem(self.line(byte), column, message, expected)
    }

    /// Something is wrong with the file as a whole.
    pub(super) fn file_error(&self, message: impl Into<String>, expected: impl Into<String>) -> TableError {
        self.problem(0, "", message, expected)
    }

    fn problem(&self, line: u32, column: &str, message: impl Into<String>, expected: impl Into<String>) -> TableError {
        let origin = Origin { file: self.path.display().to_string(), line };
        let (message, expected) = (message.into(), expected.into());
        TableError(Box::new(Problem { origin, key: column.to_owned(), message, expected, nearest: None }))
    }

    /// The line, from 1, of the row that begins at that byte; 0 if the file cannot be read any more.
    pub(crate) fn line(&self, byte: u64) -> u32 {
        let count = || {
            let (mut line, mut previous) = (1, b' ');
            for (at, found) in (0..).zip(BufReader::new(File::open(self.path())?).bytes()) {
                let found = found?;
                // A CR ends a line as well, unless the LF that follows does.
                line += u32::from(previous == b'\n' || (previous == b'\r' && found != b'\n'));
                if at >= byte && !matches!(found, b'\r' | b'\n') {
                    return Ok(line);
                }
                previous = found;
            }
            Ok::<u32, std::io::Error>(line)
        };
        count().unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_an_editor_shows() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\r\nb\r\n\r\n\r\nc\nd\re").unwrap();
        let place = Place::new(file.path());
        let lines = [(0, 1), (2, 2), (3, 2), (5, 5), (10, 5), (12, 6), (14, 7)];
        assert_eq!(lines.map(|(byte, _)| (byte, place.line(byte))), lines);
    }
}
