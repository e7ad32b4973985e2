//! A table in CSV or Parquet, as historians export it: a row has a time, and a value for each column, or a tag and its value.
//!
//! The file is read twice. [`Table::survey`] reads all of it, refuses what cannot be read with file, line and column, and
//! learns delimiter, decimal mark, time format and kinds of columns, so that nothing is guessed from a few rows and
//! nothing is written before all is known to be sound. [`Table::rows`] then gives the rows in order of time. No more than
//! a row is held; only where rows are not in order of time, their places are, 16 bytes each.

mod cell;
mod column;
mod layout;
mod parquet;
mod place;
mod scan;
mod survey;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use csv::StringRecord;
use telemetry::Timestamp;

pub use adapter::time::{TimeFormat, UnixUnit};
pub use cell::{Decimal, Number, condition};
pub use column::{Column, Kind};
pub(crate) use place::Place;
pub use place::TableError;
pub use scan::Delimiter;
pub(crate) use scan::Scan;

use adapter::time::{Moment, TimeReader};
use layout::Layout;

/// Rows that can be put in order of time: their places take 1.6 GB.
const SORTED_ROWS_MAX: usize = 100_000_000;

/// Which table, and how it is written.
#[derive(Debug, Clone, clap::Args)]
pub struct TableArguments {
    /// The export: CSV in UTF-8 with a header row, or Parquet.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Name of the column with the time of each row.
    #[arg(long, value_name = "COLUMN")]
    pub time: String,
    /// How times are written: iso, unix-s, unix-ms, unix-us, unix-ns, or a pattern such as "%d.%m.%Y %H:%M:%S"; found out
    /// if left out and without doubt.
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<TimeFormat>,
    /// Time zone of times that name no offset from UTC, such as Europe/Berlin; UTC if left out.
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// What separates the fields: one sign, or tab; found out among , ; | and tab if left out.
    #[arg(long, value_name = "SIGN")]
    pub delimiter: Option<Delimiter>,
    /// Decimal mark, point or comma; found out if left out and without doubt.
    #[arg(long, value_name = "MARK")]
    pub decimal: Option<Decimal>,
}

/// Which columns hold the tag and the value, where each row has one value only.
#[derive(Debug, Clone, Copy)]
pub struct LongColumns<'a> {
    /// Name of the column with the tag.
    pub tag: &'a str,
    /// Name of the column with the value.
    pub value: &'a str,
}

/// A table whose every row was seen.
#[derive(Debug)]
pub struct Table {
    place: Place,
    delimiter: Delimiter,
    layout: Layout,
    times: TimeReader,
    decimal: Decimal,
    columns: Vec<Column>,
    found: Found,
}

/// What a survey found that a person may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Rows with a time.
    pub rows: u64,
    /// Rows without anything in them.
    pub empty_rows: u64,
    /// Rows that end in more delimiters than the header.
    pub padded_rows: u64,
    /// Rows whose time is before that of the row above.
    pub rows_back_in_time: u64,
    /// Rows with a local time at which clocks were put back or forward.
    pub rows_in_clock_change: u64,
    /// The earliest and the latest time.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Found {
    /// Tells what a person would not expect of an export, a line each.
    pub fn tell_oddities(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, what) in [
            (self.rows_back_in_time, "rows are earlier than the row above: all were put in order of time"),
            (
                self.rows_in_clock_change,
                "rows have a local time that clocks showed twice or never: taken as if not yet changed",
            ),
            (self.empty_rows, "rows are empty"),
            (self.padded_rows, "rows end in more delimiters than the header"),
        ] {
            if count > 0 {
                writeln!(f, "  {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl Table {
    /// The columns of values; of a long table, its tags in the order they first come.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the survey found.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The decimal mark of its numbers.
    pub fn decimal(&self) -> Decimal {
        self.decimal
    }

    /// Begins to read the rows in order of time; those of the same time as they stand in the file.
    ///
    /// # Errors
    /// If the file cannot be read any more, or has too many rows to put in order.
    pub fn rows(&self) -> Result<Rows<'_>, TableError> {
        let order = match self.found.rows_back_in_time {
            0 => None,
            _ => Some(self.order()?.into_iter()),
        };
        Ok(Rows { table: self, scan: Scan::open(&self.place, self.delimiter)?, order })
    }

    /// Where each row begins, in order of time.
    fn order(&self) -> Result<Vec<u64>, TableError> {
        let mut scan = Scan::open(&self.place, self.delimiter)?;
        let mut places = Vec::new();
        while let Some(byte) = scan.read()? {
            if let Some(Moment { time, .. }) = self.moment(&scan, byte)? {
                places.push((time, byte));
            }
            if places.len() > SORTED_ROWS_MAX {
                let message = format!("more than {SORTED_ROWS_MAX} rows that are not in order of time");
                return Err(self.place.file_error(message, "the rows sorted by time"));
            }
        }
        places.sort_unstable();
        Ok(places.into_iter().map(|(_, byte)| byte).collect())
    }

    fn moment(&self, scan: &Scan, byte: u64) -> Result<Option<Moment>, TableError> {
        self.layout.moment(scan, byte, &self.times, &self.place)
    }
}

/// The rows of a table, in order of time.
pub struct Rows<'t> {
    table: &'t Table,
    scan: Scan,
    order: Option<std::vec::IntoIter<u64>>,
}

/// A row with a time.
pub struct Row<'r> {
    /// Its time.
    pub time: Timestamp,
    layout: &'r Layout,
    record: &'r StringRecord,
}

impl Rows<'_> {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// If the file was changed since the survey, or cannot be read any more.
    pub fn read(&mut self) -> Result<Option<Row<'_>>, TableError> {
        loop {
            if let Some(order) = &mut self.order {
                let Some(byte) = order.next() else { return Ok(None) };
                self.scan.go_to(byte)?;
            }
            let Some(byte) = self.scan.read()? else { return Ok(None) };
            if let Some(Moment { time, .. }) = self.table.moment(&self.scan, byte)? {
                return Ok(Some(Row { time, layout: &self.table.layout, record: self.scan.record() }));
            }
        }
    }
}

impl Row<'_> {
    /// The places of columns and their cells, without the empty ones.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &str)> {
        self.layout.cells(self.record)
    }
}
