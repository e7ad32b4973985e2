//! `linetwin detect`: the detectors over an export, before anything is connected.

mod column;
mod columns;
mod counts;
mod detector;
mod evidence;
mod judge;
mod rows;
mod scores;
mod season;
mod sign;
mod told;

use std::path::PathBuf;

use anyhow::Context as _;
use telemetry::Timestamp;

use crate::table::{Kind, Number, Row, Rows, Table, TableArguments, condition};

use columns::Columns;
use detector::Budget;
pub use detector::Detector;
use judge::Judge;
use scores::Scores;
use season::{Period, Seasons};
use told::{Alarms, Told};

/// Of how many rows that there are, one is for training if nothing else is said.
const TRAIN_SHARE: u64 = 4;
/// Training rows at most, if nothing else is said.
const TRAIN_ROWS_MAX: u64 = 1000;
/// Contributing columns that a row of scores names.
const CONTRIBUTING_MAX: usize = 3;

/// `linetwin detect`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Rows at the begin, in which all was well, to learn from; if left out, a quarter of the rows, at most 1000.
    #[arg(long, value_name = "N")]
    train_rows: Option<u64>,
    /// What looks for changes.
    #[arg(long, value_name = "NAME", default_value = "monitor")]
    detector: Detector,
    /// Judge the rows by all columns together: short for `--detector rows`.
    #[arg(long, conflicts_with = "detector")]
    multivariate: bool,
    /// A cycle that columns have, such as 1d or 1w; learnt and taken out before anything else looks. May be given more than
    /// once.
    #[arg(long, value_name = "DURATION")]
    season: Vec<Period>,
    /// False alarms to accept in the rest of the file, over all columns together, on average.
    #[arg(long, value_name = "N", default_value = "0.1")]
    false_alarms: FalseAlarms,
    /// File for the scores: CSV, a row for each row of the export.
    #[arg(long, value_name = "SCORES.csv")]
    out: Option<PathBuf>,
}

/// How many false alarms are accepted in a file; above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FalseAlarms(f64);

impl std::str::FromStr for FalseAlarms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
        number.map(Self).ok_or_else(|| format!("{text:?} is no number of false alarms; expected a number above 0"))
    }
}

/// Runs the detectors over an export.
///
/// # Errors
/// If the export cannot be read without doubt, has too little to learn from, or the scores cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let table = Table::survey(&arguments.table, None)?;
    let rows = table.found().rows;
    let train_rows = arguments.train_rows.unwrap_or((rows / TRAIN_SHARE).min(TRAIN_ROWS_MAX));
    let judged_rows = rows.checked_sub(train_rows).filter(|&judged| judged > 0).with_context(|| {
        format!("{train_rows} training rows leave nothing to judge of {rows} rows; expected fewer with --train-rows")
    })?;
    let mut input = table.rows()?;
    let training = training(&table, &mut input, train_rows)?;
    let detector = if arguments.multivariate { Detector::Rows } else { arguments.detector };
    if detector == Detector::Counts && !arguments.season.is_empty() {
        anyhow::bail!("what a season leaves of counts are no counts; expected another --detector with --season");
    }
    let mut columns = Columns::choose(&table, &training, detector)?;
    let varies = |place: usize| columns.used[place].constant.is_none();
    let mut seasons = Seasons::new(&arguments.season, columns.used.len(), varies);
    let mut learnt: Vec<Vec<f64>> = training.iter().map(|(_, row)| columns.of(row)).collect();
    for (row, &(time, _)) in learnt.iter_mut().zip(&training) {
        seasons.take_out(row, time, |_| true);
    }
    columns.look_at(&learnt)?;
    let budget = Budget { rows: judged_rows as f64, false_alarms: arguments.false_alarms.0 };
    let mut judge = Judge::learn(detector, &learnt, columns.constants(), budget)?;
    let mut scores = arguments.out.as_deref().map(Scores::create).transpose()?;
    if let Some(scores) = &mut scores {
        training.iter().try_for_each(|&(time, _)| scores.row(time, None, ""))?;
    }
    let mut alarms = Alarms::default();
    while let Some(row) = input.read()? {
        let mut numbers = columns.of(&numbers(&table, &row));
        seasons.take_out(&mut numbers, row.time, |place| judge.is_calm(place));
        let score = judge.judge(&numbers, row.time, |event| alarms.take(event));
        alarms.count(score.as_ref());
        if let Some(scores) = &mut scores {
            scores.row(row.time, score.as_ref(), &contributing(&judge, &columns))?;
        }
    }
    if let Some(scores) = scores {
        scores.finish()?;
    }
    let file = &arguments.table.file;
    print!(
        "{}",
        Told { file, table: &table, columns: &columns, judge: &judge, detector, train_rows, budget, alarms: &alarms }
    );
    Ok(())
}

/// The first rows, as numbers of all columns.
fn training(table: &Table, rows: &mut Rows<'_>, count: u64) -> anyhow::Result<Vec<(Timestamp, Vec<f64>)>> {
    let mut training = Vec::new();
    for _ in 0..count {
        let Some(row) = rows.read()? else { break };
        training.push((row.time, numbers(table, &row)));
    }
    Ok(training)
}

/// The numbers of a row by the place of their columns, true being 1 and false 0; NaN where there is none.
fn numbers(table: &Table, row: &Row<'_>) -> Vec<f64> {
    let mut numbers = vec![f64::NAN; table.columns().len()];
    for (column, cell) in row.cells() {
        numbers[column] = match table.columns()[column].kind() {
            Kind::Boolean => condition(cell).map_or(f64::NAN, |is_true| f64::from(u8::from(is_true))),
            _ => Number::read(cell, table.decimal()).map_or(f64::NAN, Number::as_f64),
        };
    }
    numbers
}

/// The columns that contribute most, as `name (score)`, most first.
fn contributing(judge: &Judge, columns: &Columns) -> String {
    let mut contributions: Vec<(f64, &str)> =
        judge.contributions().iter().copied().zip(columns.used.iter().map(|column| column.name.as_str())).collect();
    contributions.sort_by(|a, b| b.0.total_cmp(&a.0));
    let named = contributions.iter().take(CONTRIBUTING_MAX).filter(|(score, _)| *score > 0.0);
    named.map(|(score, name)| format!("{name} ({score:.3})")).collect::<Vec<_>>().join("; ")
}
