use csv::{ReaderBuilder, StringRecord, Trim, WriterBuilder};
use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::problem::{Findings, Place};

/// One row of a tag list, as text. Numbers and names are checked when a configuration is loaded, not here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TagRow {
    /// Path of the signal, `station/name`.
    pub signal: String,
    /// Name of its [`Role`](crate::Role); empty for [`Role::Other`](crate::Role::Other).
    pub role: String,
    /// Name of the link it comes over.
    pub link: String,
    /// Where it is at the device, in the words of the link's protocol.
    pub address: String,
    /// Name of its [`DataType`](crate::DataType).
    #[serde(rename = "type")]
    pub data_type: String,
    /// Name of its [`WordOrder`](crate::WordOrder), for Modbus; empty for the standard's.
    pub order: String,
    /// Unit of the scaled value; empty where it has none.
    pub unit: String,
    /// Scaled value = raw value × `scale` + `offset`; empty for 1.
    pub scale: String,
    /// See `scale`; empty for 0.
    pub offset: String,
    /// Lowest value the sensor can give, in `unit`; empty for none.
    pub low: String,
    /// Highest value the sensor can give, in `unit`; empty for none.
    pub high: String,
    /// The longest that it may give no usable value while its link is up, seconds; empty where silence is normal.
    #[serde(default)]
    pub stale_after_s: String,
    /// For the reader of the list.
    pub description: String,
    /// Name of the poll group of its Modbus link that it is in; empty for none. A list may leave the column out.
    #[serde(default)]
    pub poll: String,
    /// How often its OPC UA server looks at it, milliseconds; empty for the link's. A list may leave the column out.
    #[serde(default)]
    pub sampling_ms: String,
    /// How many values its OPC UA server keeps between two publishings; empty for the link's. A list may leave the column out.
    #[serde(default)]
    pub queue: String,
    /// The smallest change that its OPC UA server tells, such as `0.5` or `2%`; empty for the link's. A list may leave the column
    /// out.
    #[serde(default)]
    pub deadband: String,
}

/// The columns of a tag list: the fields of a [`TagRow`].
const COLUMNS: [&str; 17] = [
    "signal",
    "role",
    "link",
    "address",
    "type",
    "order",
    "unit",
    "scale",
    "offset",
    "low",
    "high",
    "stale_after_s",
    "description",
    "poll",
    "sampling_ms",
    "queue",
    "deadband",
];
/// Those of them that a list need not have.
const OPTIONAL: [&str; 5] = ["stale_after_s", "poll", "sampling_ms", "queue", "deadband"];

/// The CSV text of a tag list: a header and the rows. Loading reads it as it is.
pub fn write_tags(rows: &[TagRow]) -> String {
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(&mut bytes);
    writer
        .write_record(COLUMNS)
        .and_then(|()| rows.iter().try_for_each(|row| writer.serialize(row)))
        .and_then(|()| Ok(writer.flush()?))
        .expect("flat rows of text can be written to memory");
    drop(writer);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The rows of all tag lists.
pub(crate) struct TagLists {
    /// Each row with its place; the key is still empty.
    pub(crate) rows: Vec<(Place, TagRow)>,
    /// Whether every row could be read. If not, what is missing may well be in one that could not.
    pub(crate) whole: bool,
}

impl TagLists {
    /// Reads all tag lists. What cannot be read is reported and left out.
    pub(crate) fn read(files: &Files, findings: &mut Findings) -> Self {
        let mut lists = Self { rows: Vec::new(), whole: true };
        for (file, text) in files.tag_lists() {
            lists.read_one(file, text, findings);
        }
        lists
    }

    fn read_one(&mut self, file: &str, text: &str, findings: &mut Findings) {
        let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.refuse(Place::new(file, 1, ""), format!("not CSV: {error}"), "", findings),
        };
        let required: Vec<_> = COLUMNS.into_iter().filter(|name| !OPTIONAL.contains(name)).collect();
        let is_missing = |name: &&str| !header.iter().any(|column| column == *name);
        let missing: Vec<_> = required.iter().copied().filter(is_missing).collect();
        if !missing.is_empty() {
            let message = format!("the header has no column {}", missing.join(", "));
            return self.refuse(Place::new(file, 1, ""), message, required.join(","), findings);
        }
        let mut record = StringRecord::new();
        let mut lines = LineCounter { text, byte: 0, line: 1 };
        loop {
            let place = Place::new(file, lines.advance_to(reader.position().byte() as usize), "");
            let more = reader.read_record(&mut record);
            match more {
                Ok(false) => return,
                Err(error) => return self.refuse(place, format!("not CSV: {error}"), "", findings),
                Ok(true) if record.iter().all(str::is_empty) => {}
                Ok(true) if record.len() != header.len() => {
                    let message = format!("the row has {} fields", record.len());
                    let expected =
                        format!("{}, as in the header; put a text with a comma in double quotes", header.len());
                    self.refuse(place, message, expected, findings);
                }
                Ok(true) => match record.deserialize(Some(&header)) {
                    Ok(row) => self.rows.push((place, row)),
                    Err(error) => self.refuse(place, format!("not a tag: {error}"), "", findings),
                },
            }
        }
    }

    fn refuse(&mut self, place: Place, message: String, expected: impl Into<String>, findings: &mut Findings) {
        self.whole = false;
        findings.add(place, message, expected);
    }
}

/// Counts lines up to a record. The reader takes a record's start for the end of the one before, and so would blame an
/// empty line in between.
struct LineCounter<'a> {
    text: &'a str,
    byte: usize,
    line: u32,
}

impl LineCounter<'_> {
    /// The line, from 1, of the record that begins at a byte or after the empty lines there.
    fn advance_to(&mut self, start: usize) -> u32 {
        let rest = self.text.get(start..).unwrap_or_default();
        let end = self.text.len() - rest.trim_start_matches(['\r', '\n']).len();
        let passed = self.text.as_bytes().get(self.byte..end).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u32;
        self.byte = end.max(self.byte);
        self.line
    }
}
