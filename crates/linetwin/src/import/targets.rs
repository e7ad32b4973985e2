//! Where the values of each column go.

use std::collections::BTreeMap;
use std::path::Path;

use plant::{DataType, Origin, Plant, Role, Signal, StationId, WordOrder};
use telemetry::{LinkId, SignalId};

use super::map::{self, MapRow};
use crate::table::{Column, Kind, Place, Table, TableError};

/// The link of an import without a configuration.
pub(super) const LINK: &str = "import";

/// The signal of each column.
pub(super) struct Targets {
    by_column: Vec<Option<Signal>>,
    links: BTreeMap<LinkId, String>,
    why_left_out: &'static str,
}

impl Targets {
    /// Each column is a signal of its name, but for those without a value.
    pub(super) fn by_name(table: &Table) -> Self {
        let mut ids = (0..).map(SignalId);
        let signal = |column: &Column| Some(signal(&column.name, data_type(column.kind())?, ids.next()?));
        Self {
            by_column: table.columns().iter().map(signal).collect(),
            links: BTreeMap::from([(LinkId(0), LINK.to_owned())]),
            why_left_out: "it is empty",
        }
    }

    /// The columns are signals of the plant: those that the map names, or without one those that are called so.
    pub(super) fn of_plant(table: &Table, plant: &Plant, map: Option<&Path>) -> anyhow::Result<Self> {
        let by_column = match map {
            Some(path) => mapped(table, plant, path)?,
            None => {
                let signal = |column: &Column| Some(in_units(by_path(plant, &column.name)?, 1.0, 0.0));
                table.columns().iter().map(signal).collect()
            }
        };
        let why_left_out = if map.is_some() { "not in the map" } else { "no signal of that name in the configuration" };
        let used = by_column.iter().flatten().map(|signal: &Signal| signal.link);
        let links: BTreeMap<_, _> = used.map(|link| (link, plant.link(link).name.clone())).collect();
        if links.is_empty() {
            anyhow::bail!("no column is a signal of the configuration; expected columns named station/name, or --map");
        }
        Ok(Self { by_column, links, why_left_out })
    }

    /// The signal of the column at that place.
    pub(super) fn of_column(&self, column: usize) -> Option<&Signal> {
        self.by_column.get(column)?.as_ref()
    }

    /// All signals.
    pub(super) fn signals(&self) -> impl Iterator<Item = &Signal> {
        self.by_column.iter().flatten()
    }

    /// The links they come over.
    pub(super) fn links(&self) -> impl Iterator<Item = (LinkId, &str)> {
        self.links.iter().map(|(&link, name)| (link, name.as_str()))
    }

    /// Why the other columns are left out.
    pub(super) fn why_left_out(&self) -> &'static str {
        self.why_left_out
    }
}

fn by_path<'p>(plant: &'p Plant, path: &str) -> Option<&'p Signal> {
    plant.signals.iter().find(|signal| signal.path == path)
}

/// Every problem of a map, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
struct MapProblems(Vec<TableError>);

/// The plant's signals that the map gives to columns.
fn mapped(table: &Table, plant: &Plant, path: &Path) -> anyhow::Result<Vec<Option<Signal>>> {
    let (place, rows) = map::read(path)?;
    let columns: BTreeMap<&str, usize> = table.columns().iter().map(|column| column.name.as_str()).zip(0..).collect();
    let (mut targets, mut problems) = (vec![None; columns.len()], Vec::new());
    let mut first: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in &rows {
        for (key, name) in [("column", row.column.as_str()), ("signal", row.signal.as_str())] {
            if let Some(other) = first.insert((key, name), row.byte) {
                let message = format!("{name:?} is already in line {}", place.line(other));
                problems.push(place.error(row.byte, key, message, format!("each {key} once")));
            }
        }
        let column = columns.get(row.column.as_str());
        if column.is_none() {
            let message = format!("{:?} is not a column of the export", row.column);
            problems.push(place.error(row.byte, "column", message, "a name in its header, or a tag in it"));
        }
        match signal_of(row, plant, &place) {
            Ok(signal) => column.into_iter().for_each(|&column| targets[column] = Some(signal.clone())),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(targets) } else { Err(MapProblems(problems).into()) }
}

fn signal_of(row: &MapRow, plant: &Plant, place: &Place) -> Result<Signal, TableError> {
    let Some(signal) = by_path(plant, &row.signal) else {
        let message = format!("{:?} is not a signal of the configuration", row.signal);
        return Err(place.error(row.byte, "signal", message, "a signal in one of its lists in tags/"));
    };
    let is_scaled = row.scale != 1.0 || row.offset != 0.0;
    if is_scaled && matches!(signal.data_type, DataType::Bool | DataType::Text) {
        let message = format!("{} is of type {}, which has no scale or offset", row.signal, signal.data_type.name());
        return Err(place.error(row.byte, "scale", message, "nothing"));
    }
    Ok(in_units(signal, row.scale, row.offset))
}

/// The signal as a historian keeps it: in units, so the scale and offset of the device do not apply, and what is scaled
/// there or here may have a fraction.
fn in_units(signal: &Signal, scale: f64, offset: f64) -> Signal {
    let is_number = !matches!(signal.data_type, DataType::Bool | DataType::Text);
    let is_scaled = (signal.scale, signal.offset) != (1.0, 0.0) || (scale, offset) != (1.0, 0.0);
    let data_type = if is_number && is_scaled { DataType::F64 } else { signal.data_type };
    Signal { data_type, scale, offset, ..signal.clone() }
}

fn data_type(kind: Kind) -> Option<DataType> {
    match kind {
        Kind::Empty => None,
        Kind::Float => Some(DataType::F64),
        Kind::Integer => Some(DataType::I64),
        Kind::Boolean => Some(DataType::Bool),
        Kind::Text => Some(DataType::Text),
    }
}

/// A signal that no plant knows of.
fn signal(path: &str, data_type: DataType, id: SignalId) -> Signal {
    Signal {
        id,
        path: path.to_owned(),
        station: StationId(0),
        role: Role::Other,
        link: LinkId(0),
        address: String::new(),
        data_type,
        word_order: WordOrder::default(),
        poll: None,
        sampling: plant::Sampling::default(),
        unit: String::new(),
        scale: 1.0,
        offset: 0.0,
        range_low: None,
        range_high: None,
        stale_after_s: None,
        origin: Origin { file: String::new(), line: 0 },
    }
}
