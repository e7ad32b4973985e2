//! A table as a spreadsheet saves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use csv::{ReaderBuilder, Trim};

/// What may stand between two cells: a spreadsheet uses a semicolon where the comma is the decimal mark.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A table with a header.
pub(super) struct Sheet {
    /// The file's name, for messages.
    pub(super) name: String,
    columns: Vec<String>,
    /// Its rows that are not empty.
    pub(super) rows: Vec<Row>,
}

/// A row of a table.
pub(super) struct Row {
    /// The line that it begins in.
    pub(super) line: u64,
    cells: BTreeMap<String, String>,
}

impl Sheet {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; expected CSV in UTF-8", path.display()))?;
        Self::parse(&path.display().to_string(), &text)
    }

    pub(super) fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        // The reader counts a line at the feed, which belongs to the row after.
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let header = text.lines().next().unwrap_or_default();
        let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',');
        let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(text.as_bytes());
        let columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let mut sheet = Self { name: name.to_owned(), columns, rows: Vec::new() };
        for record in reader.records() {
            let record = record.with_context(|| {
                format!("{name} is not CSV; a text with {:?} in it needs double quotes", delimiter as char)
            })?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            let cells = sheet.columns.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
            sheet.rows.push(Row { line, cells });
        }
        if delimiter != b',' {
            sheet.rows.iter_mut().for_each(Row::with_decimal_points);
        }
        Ok(sheet)
    }

    /// Which of the columns it has. Says which of its own are none of them, and are left alone.
    ///
    /// # Errors
    /// If it has not even the first.
    pub(super) fn columns_of<'a>(&self, known: &[&'a str]) -> anyhow::Result<Vec<&'a str>> {
        let (Some(key), own) = (known.first(), BTreeSet::from_iter(self.columns.iter().map(String::as_str))) else {
            bail!("there are no columns")
        };
        ensure!(own.contains(key), "{}:1: there is no column {key}; expected {}", self.name, known.join(","));
        for column in own.iter().filter(|column| !known.contains(column)) {
            eprintln!("{}:1: the column {column:?} says nothing here and is left alone", self.name);
        }
        Ok(known.iter().copied().filter(|column| own.contains(column)).collect())
    }
}

impl Row {
    /// The cell of a column; empty if the table has no such column.
    pub(super) fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// A number with a decimal comma gets a point.
    fn with_decimal_points(&mut self) {
        for cell in self.cells.values_mut() {
            let point = cell.replacen(',', ".", 1);
            if point.parse::<f64>().is_ok() {
                *cell = point;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_saves_is_read() {
        for text in [
            "\u{feff}signal;low;description\r\na/b;0,5;\"x; y\"\r\n;;\r\n",
            "signal,low,description\na/b, 0.5 ,x; y\n",
            "signal\tlow\tdescription\na/b\t0,5\tx; y\n",
        ] {
            let sheet = Sheet::parse("t.csv", text).unwrap();
            let [row] = &sheet.rows[..] else { panic!("{} rows of {text:?}", sheet.rows.len()) };
            let cells = ["signal", "low", "description", "high"].map(|column| row.cell(column));
            assert_eq!((row.line, cells), (2, ["a/b", "0.5", "x; y", ""]));
            assert_eq!(sheet.columns_of(&["signal", "high", "low"]).unwrap(), ["signal", "low"]);
            assert!(sheet.columns_of(&["path"]).is_err());
        }
    }
}
