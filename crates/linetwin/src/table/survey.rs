//! Reads all of a table once, to learn how it is written.

use telemetry::Timestamp;

use super::column::decimal_mark;
use super::layout::{Layout, has_field};
use super::place::{Place, TableError};
use super::scan::{Delimiter, Scan};
use super::{Found, LongColumns, Table, TableArguments};
use adapter::time::{Moment, TimeFormat, TimeReader, time_zone};

impl Table {
    /// Reads all of the file, and learns how it is written.
    ///
    /// # Errors
    /// A [`TableError`] for the first thing that cannot be read without doubt; or an unknown time zone.
    pub fn survey(arguments: &TableArguments, long: Option<LongColumns<'_>>) -> anyhow::Result<Self> {
        let zone = time_zone(arguments.time_zone.as_deref())?;
        let place = Place::of_table(&arguments.file)?;
        let delimiter = match arguments.delimiter {
            Some(delimiter) => delimiter,
            None => detect_delimiter(&place, &arguments.time)?,
        };
        let mut scan = Scan::open(&place, delimiter)?;
        let (mut layout, mut columns) = Layout::new(scan.header(), arguments, long, &place)?;
        let (mut found, mut previous) = (Found::default(), None);
        let mut times = arguments.time_format.clone().map(|format| TimeReader::new(format, zone.clone()));
        while let Some(byte) = scan.read()? {
            let times = match &mut times {
                Some(times) => times,
                // A row without a time tells no format.
                None if layout.time_cell(scan.record()).is_empty() => {
                    &mut TimeReader::new(TimeFormat::Iso, zone.clone())
                }
                None => {
                    let format = detect_time_format(&layout, &scan, byte, &arguments.time, &place)?;
                    times.insert(TimeReader::new(format, zone.clone()))
                }
            };
            let Some(moment) = layout.moment(&scan, byte, times, &place)? else {
                found.empty_rows += 1;
                continue;
            };
            found.count(moment, &mut previous);
            layout.learn_tag(scan.record(), byte, &mut columns, &place)?;
            for (column, cell) in layout.cells(scan.record()) {
                columns[column].count(cell, byte, arguments.decimal);
            }
        }
        found.padded_rows = scan.padded;
        let Some(times) = times.filter(|_| found.rows > 0) else {
            return Err(place.file_error("has no rows", "rows of values below the header").into());
        };
        let decimal = match arguments.decimal {
            Some(decimal) => decimal,
            None => decimal_mark(&columns, &place)?,
        };
        Ok(Self { place, delimiter, layout, times, decimal, columns, found })
    }
}

impl Found {
    fn count(&mut self, Moment { time, in_clock_change }: Moment, previous: &mut Option<Timestamp>) {
        self.rows += 1;
        self.rows_in_clock_change += u64::from(in_clock_change);
        self.rows_back_in_time += u64::from(previous.replace(time).is_some_and(|previous| time < previous));
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }
}

/// The delimiter that makes a column of the time's name; that with the most columns, where several do or none.
fn detect_delimiter(place: &Place, time: &str) -> Result<Delimiter, TableError> {
    let mut best = None;
    for delimiter in Delimiter::ALL {
        let scan = Scan::open(place, delimiter)?;
        let likeness = (has_field(scan.header(), time), scan.header().len());
        if best.is_none_or(|(other, _)| likeness > other) {
            best = Some((likeness, delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter).ok_or_else(|| place.file_error("has no delimiter", "--delimiter"))
}

fn detect_time_format(
    layout: &Layout,
    scan: &Scan,
    byte: u64,
    column: &str,
    place: &Place,
) -> Result<TimeFormat, TableError> {
    let cell = layout.time_cell(scan.record());
    TimeFormat::detect(cell).ok_or_else(|| {
        place.error(
            byte,
            column,
            format!("{cell:?} is in no time format that is certain"),
            format!(
                "{}, a Unix time between 1990 and 2100, or --time-format to say what it is, such as \
                 \"%d.%m.%Y %H:%M:%S\" or unix-s",
                TimeFormat::Iso
            ),
        )
    })
}
