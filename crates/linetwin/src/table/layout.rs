//! Where in a row the time and the values are.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::column::Column;
use super::place::{Place, TableError};
use super::scan::Scan;
use super::{LongColumns, TableArguments};
use adapter::time::{Moment, TimeReader};

/// The most columns, or tags of a long table.
const COLUMNS_MAX: usize = 100_000;

/// Where in a row the time and the values are.
#[derive(Debug)]
pub(super) struct Layout {
    time: usize,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// For each field the place of its column; none for the time.
    Wide(Vec<Option<usize>>),
    /// Fields of the tag and the value, and for each tag the place of its column.
    Long { tag: usize, value: usize, tags: BTreeMap<String, usize> },
}

impl Layout {
    /// The layout that the header gives, and its columns; those of a long table are still to come.
    pub(super) fn new(
        header: &StringRecord,
        arguments: &TableArguments,
        long: Option<LongColumns<'_>>,
        place: &Place,
    ) -> Result<(Self, Vec<Column>), TableError> {
        let time = field(header, "--time", &arguments.time, place)?;
        if let Some(LongColumns { tag, value }) = long {
            let (tag, value) = (field(header, "--tag", tag, place)?, field(header, "--value", value, place)?);
            return Ok((Self { time, values: Values::Long { tag, value, tags: BTreeMap::new() } }, Vec::new()));
        }
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        let mut first = BTreeMap::new();
        for (at, name) in header.iter().enumerate() {
            let name = column_name(at, name);
            if let Some(other) = first.insert(name.clone(), at + 1) {
                let message = format!("columns {other} and {} have the same name", at + 1);
                return Err(place.error(0, &name, message, "a name of its own for each column"));
            }
            fields.push((at != time).then_some(columns.len()));
            columns.extend((at != time).then(|| Column::new(name)));
        }
        Ok((Self { time, values: Values::Wide(fields) }, columns))
    }

    /// The moment of the row that was read last; `None` if there is nothing in the row.
    pub(super) fn moment(
        &self,
        scan: &Scan,
        byte: u64,
        times: &TimeReader,
        place: &Place,
    ) -> Result<Option<Moment>, TableError> {
        let cell = self.time_cell(scan.record());
        match times.read(cell) {
            Some(moment) => Ok(Some(moment)),
            None if scan.record().iter().all(str::is_empty) => Ok(None),
            None => {
                let column = scan.header().get(self.time).unwrap_or_default();
                let message =
                    if cell.is_empty() { "is empty".to_owned() } else { format!("{cell:?} is not a time here") };
                Err(place.error(byte, column, message, times.format().to_string()))
            }
        }
    }

    /// The cell with the time.
    pub(super) fn time_cell<'r>(&self, record: &'r StringRecord) -> &'r str {
        record.get(self.time).unwrap_or_default()
    }

    /// The places of columns and their cells, without the empty ones.
    pub(super) fn cells<'r>(&'r self, record: &'r StringRecord) -> impl Iterator<Item = (usize, &'r str)> {
        let (fields, single) = match &self.values {
            Values::Wide(fields) => (fields.as_slice(), None),
            Values::Long { tag, value, tags } => {
                let column = record.get(*tag).and_then(|tag| tags.get(tag));
                (&[][..], column.copied().zip(record.get(*value)))
            }
        };
        let wide = fields.iter().zip(record).filter_map(|(column, cell)| Some(((*column)?, cell)));
        wide.chain(single).filter(|(_, cell)| !cell.is_empty())
    }

    /// Adds the tag of a long table's row to the columns, if it is new.
    pub(super) fn learn_tag(
        &mut self,
        record: &StringRecord,
        byte: u64,
        columns: &mut Vec<Column>,
        place: &Place,
    ) -> Result<(), TableError> {
        let Values::Long { tag, tags, .. } = &mut self.values else { return Ok(()) };
        let name = record.get(*tag).unwrap_or_default();
        if name.is_empty() {
            return Err(place.error(byte, "", "the row has no tag", "a tag in each row with a value"));
        }
        if tags.contains_key(name) {
            return Ok(());
        }
        if columns.len() == COLUMNS_MAX {
            let message = format!("more than {COLUMNS_MAX} tags");
            return Err(place.error(byte, name, message, "the column of the tags, not of the values, in --tag"));
        }
        tags.insert(name.to_owned(), columns.len());
        columns.push(Column::new(name.to_owned()));
        Ok(())
    }
}

/// The name of a field; one that has none is called by its place, from 1.
fn column_name(at: usize, name: &str) -> String {
    if name.is_empty() { format!("column-{}", at + 1) } else { name.to_owned() }
}

/// Whether a header has a field of that name.
pub(super) fn has_field(header: &StringRecord, name: &str) -> bool {
    header.iter().enumerate().any(|(at, field)| column_name(at, field) == name)
}

/// The field that an option names.
fn field(header: &StringRecord, option: &str, name: &str, place: &Place) -> Result<usize, TableError> {
    let mut found = header.iter().enumerate().filter(|&(at, field)| column_name(at, field) == name);
    let Some((at, _)) = found.next() else {
        let names: Vec<String> = header.iter().enumerate().map(|(at, field)| column_name(at, field)).collect();
        let message = format!("{option} {name:?} is not a column");
        let expected = format!("one of {}; or --delimiter, if these are not the columns", shown(&names));
        return Err(place.error(0, "", message, expected));
    };
    if let Some((other, _)) = found.next() {
        let message = format!("columns {} and {} have the same name", at + 1, other + 1);
        return Err(place.error(0, name, message, "a name of its own for each column"));
    }
    Ok(at)
}

/// The most names that a message lists.
const NAMES_SHOWN_MAX: usize = 20;

fn shown(names: &[String]) -> String {
    let listed = names.iter().take(NAMES_SHOWN_MAX).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}
