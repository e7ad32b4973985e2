//! The rows of a CSV file as they stand in it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::str::FromStr;

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use super::place::{Place, TableError};

/// What separates the fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(u8);

impl Delimiter {
    /// That of the project's own lists.
    pub(crate) const COMMA: Self = Self(b',');
    /// The delimiters that are looked for.
    pub(super) const ALL: [Self; 4] = [Self::COMMA, Self(b';'), Self(b'\t'), Self(b'|')];
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Self(b'\t')),
            &[byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.-+ ".contains(&byte) => {
                Ok(Self(byte))
            }
            _ => Err(format!("{text:?} is no delimiter; expected one sign such as , ; or |, or tab")),
        }
    }
}

/// The longest row, bytes. A longer one is a quote that was never closed.
const ROW_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Reads rows one after the other, each as long as the header.
pub(crate) struct Scan {
    place: Place,
    reader: Reader<Guard>,
    header: StringRecord,
    record: StringRecord,
    /// Rows with more fields than the header, all of them empty: of a delimiter at the end of each line.
    pub(super) padded: u64,
}

impl Scan {
    /// Opens the file and reads its header.
    pub(crate) fn open(place: &Place, delimiter: Delimiter) -> Result<Self, TableError> {
        let file = File::open(place.path())
            .map_err(|error| place.file_error(format!("cannot be read: {error}"), "a CSV file"))?;
        let guard = Guard { file, since_row: 0 };
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter.0)
            .trim(Trim::All)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(READ_BYTES)
            .from_reader(guard);
        let mut header = StringRecord::new();
        match reader.read_record(&mut header) {
            Ok(true) => {}
            Ok(false) => return Err(place.file_error("is empty", "a header row and rows of values")),
            Err(error) => return Err(unreadable(place, 0, &error)),
        }
        Ok(Self { place: place.clone(), reader, header, record: StringRecord::new(), padded: 0 })
    }

    /// The fields of the header.
    pub(crate) fn header(&self) -> &StringRecord {
        &self.header
    }

    /// The row that was read last.
    pub(crate) fn record(&self) -> &StringRecord {
        &self.record
    }

    /// Reads the next row. Returns the byte that it begins at; `None` at the end.
    pub(crate) fn read(&mut self) -> Result<Option<u64>, TableError> {
        let byte = self.reader.position().byte();
        self.reader.get_mut().since_row = 0;
        match self.reader.read_record(&mut self.record) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(unreadable(&self.place, byte, &error)),
        }
        let (fields, wanted) = (self.record.len(), self.header.len());
        let is_padded = fields > wanted && self.record.iter().skip(wanted).all(str::is_empty);
        self.padded += u64::from(is_padded);
        if fields != wanted && !is_padded {
            return Err(self.place.error(
                byte,
                "",
                format!("the row has {fields} fields, the header {wanted}"),
                "as many in each row: a text with the delimiter in it in double quotes; another delimiter than the \
                 decimal mark; an export that was not cut off",
            ));
        }
        if let Some(broken) = self.record.iter().position(|cell| cell.contains(['\n', '\r'])) {
            return Err(self.place.error(
                byte,
                self.header.get(broken).unwrap_or_default(),
                "the cell goes on in the next line",
                "a closing double quote before the end of the line",
            ));
        }
        Ok(Some(byte))
    }

    /// Goes to the row that begins at that byte.
    pub(super) fn go_to(&mut self, byte: u64) -> Result<(), TableError> {
        let mut position = Position::new();
        position.set_byte(byte);
        self.reader.seek(position).map_err(|error| unreadable(&self.place, byte, &error))
    }
}

fn unreadable(place: &Place, byte: u64, error: &csv::Error) -> TableError {
    match error.kind() {
        ErrorKind::Utf8 { .. } => place.error(
            byte,
            "",
            "the text is not UTF-8",
            "the file saved as UTF-8; iconv -f WINDOWS-1252 -t UTF-8 converts most exports of Windows programs, with \
             UTF-16 in its place the others",
        ),
        _ => place.error(byte, "", format!("cannot be read: {error}"), "CSV"),
    }
}

/// The file, which refuses to go on when a row gets out of hand.
struct Guard {
    file: File,
    since_row: u64,
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > ROW_BYTES_MAX {
            return Err(io::Error::other("the row has more than 16 MiB; is a double quote not closed?"));
        }
        let read = self.file.read(buffer)?;
        self.since_row += read as u64;
        Ok(read)
    }
}

impl Seek for Guard {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
