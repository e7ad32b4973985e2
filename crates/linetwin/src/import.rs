//! `linetwin import`: a historian's export becomes a recording.

mod log;
mod map;
mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adapter::{Clock, Raw};
use anyhow::Context as _;
use plant::{DataType, Signal};
use recording::RecordingHeader;
use telemetry::{Quality, Reason, Sample, Timestamp};

use crate::setup::Setup;
use crate::table::{Decimal, Found, LongColumns, Number, Table, TableArguments, condition};

use log::{Log, Written};
use targets::Targets;

/// `linetwin import`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Folder for the recording. It must not hold one yet.
    #[arg(long, value_name = "RECORDING")]
    out: PathBuf,
    /// Where each row has one value only: name of the column with the tag.
    #[arg(long, value_name = "COLUMN", requires = "value")]
    tag: Option<String>,
    /// Where each row has one value only: name of the column with the value.
    #[arg(long, value_name = "COLUMN", requires = "tag")]
    value: Option<String>,
    /// Configuration of the plant whose signals the columns are, by their names or by --map.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Which column is which signal of the plant: CSV with the columns column,signal,scale,offset.
    #[arg(long, value_name = "MAP.csv", requires = "config")]
    map: Option<PathBuf>,
}

/// Imports an export.
///
/// # Errors
/// If something in the export, the map or the configuration cannot be read without doubt, or the recording cannot be
/// written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = arguments.config.as_deref().map(|folder| Setup::read(folder, &[])).transpose()?;
    if recording::Writer::last_sequence(&arguments.out)?.is_some() {
        anyhow::bail!("{} holds a recording already; choose another folder with --out", arguments.out.display());
    }
    let long = arguments.tag.as_deref().zip(arguments.value.as_deref());
    let table = Table::survey(&arguments.table, long.map(|(tag, value)| LongColumns { tag, value }))?;
    let targets = match &setup {
        Some(setup) => Targets::of_plant(&table, &setup.plant, arguments.map.as_deref())?,
        None => Targets::by_name(&table),
    };
    let log = Log::begin(&arguments.out, header(setup.as_ref(), &targets))?;
    let (written, bad) = record(&table, &targets, log).with_context(|| {
        format!("the recording in {} is not whole; remove it before the next try", arguments.out.display())
    })?;
    print!("{}", Told { file: &arguments.table.file, table: &table, targets: &targets, written, bad: &bad });
    match setup {
        Some(_) => println!("Next: linetwin replay {}", arguments.out.display()),
        None => println!(
            "It names no plant: linetwin replay {} --config DIR needs one whose signals are called like the columns, over a \
             link {:?}.",
            arguments.out.display(),
            targets::LINK
        ),
    }
    Ok(())
}

fn header(setup: Option<&Setup>, targets: &Targets) -> RecordingHeader {
    let created = Clock::system().now();
    match setup {
        Some(setup) => setup.header(created),
        None => RecordingHeader {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            created,
            signals: targets.signals().map(|signal| (signal.id, signal.path.clone())).collect(),
            links: targets.links().map(|(link, name)| (link, name.to_owned())).collect(),
            configuration: BTreeMap::new(),
            overrides: BTreeMap::new(),
        },
    }
}

/// Bad samples, by the place of their column and the reason's code.
type Bad = BTreeMap<(usize, u8), u64>;

/// Writes the rows of the table, in order of time.
fn record(table: &Table, targets: &Targets, mut log: Log) -> anyhow::Result<(Written, Bad)> {
    let (mut rows, mut bad) = (table.rows()?, Bad::new());
    let links: Vec<_> = targets.links().map(|(link, _)| link).collect();
    while let Some(row) = rows.read()? {
        log.come_to(row.time, &links)?;
        for (column, cell) in row.cells() {
            let Some(signal) = targets.of_column(column) else { continue };
            let sample = sample(cell, signal, row.time, table.decimal());
            if let Quality::Bad(reason) = sample.quality {
                *bad.entry((column, reason.code())).or_default() += 1;
            }
            log.add(signal.link, sample)?;
        }
    }
    Ok((log.finish()?, bad))
}

/// The value of a cell as the signal's link would have delivered it.
fn sample(cell: &str, signal: &Signal, time: Timestamp, decimal: Decimal) -> Sample {
    adapter::sample(signal, raw(cell, signal.data_type, decimal), time, Quality::Good)
}

fn raw(cell: &str, data_type: DataType, decimal: Decimal) -> Raw<'_> {
    if data_type == DataType::Text {
        return Raw::Text(cell);
    }
    match (Number::read(cell, decimal), condition(cell)) {
        (Some(Number::Integer(integer)), _) => Raw::Integer(integer.into()),
        (Some(Number::Float(float)), _) => Raw::Float(float),
        (None, Some(condition)) => Raw::Boolean(condition),
        (None, None) => Raw::Text(cell),
    }
}

/// What was done with everything in the file, for a person.
struct Told<'a> {
    file: &'a Path,
    table: &'a Table,
    targets: &'a Targets,
    written: Written,
    bad: &'a Bad,
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found { rows, span, .. } = self.table.found();
        write!(f, "{}: {rows} rows", self.file.display())?;
        if let Some((first, last)) = span {
            write!(f, " from {first} to {last}")?;
        }
        writeln!(f)?;
        self.table.found().tell_oddities(f)?;
        let columns = self.table.columns();
        let named = |used: bool| {
            columns.iter().enumerate().filter(move |&(at, _)| self.targets.of_column(at).is_some() == used)
        };
        writeln!(f, "  {} of {} columns are signals", named(true).count(), columns.len())?;
        for (_, column) in named(false) {
            writeln!(f, "  left out: {}, {} values, {}", column.name, column.cells(), self.targets.why_left_out())?;
        }
        for (&(column, code), count) in self.bad {
            let reason = Reason::from_code(code).map(|reason| reason.to_string()).unwrap_or_default();
            let path = self.targets.of_column(column).map(|signal| signal.path.as_str()).unwrap_or_default();
            writeln!(f, "  bad: {path}, {count} values, {reason}")?;
        }
        let Written { samples, batches, ticks, inputs, .. } = self.written;
        writeln!(
            f,
            "Recorded {samples} samples, {} of them bad, in {inputs} inputs: {batches} batches, {ticks} ticks, {} for links that came up.",
            self.bad.values().sum::<u64>(),
            inputs - batches - ticks
        )
    }
}
