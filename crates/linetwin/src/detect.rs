//! `linetwin detect`: the detectors over an export, before anything is connected.

mod judge;
mod told;

use std::path::PathBuf;

use anyhow::Context as _;
use telemetry::Timestamp;

use crate::table::{Column, Kind, Number, Row, Rows, Table, TableArguments};

use judge::{Judge, NUMBERS_MIN, RowScore, why_not};
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
    /// Judge the rows by all columns together, instead of each column by itself.
    #[arg(long)]
    multivariate: bool,
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
    let columns = Columns::choose(&table, &training)?;
    let learnt: Vec<Vec<f64>> = training.iter().map(|(_, row)| columns.of(row)).collect();
    let rows_per_alarm = judged_rows as f64 / arguments.false_alarms.0;
    let mut judge = match arguments.multivariate {
        true => Judge::together(&learnt, rows_per_alarm)?,
        false => Judge::each(&learnt, columns.used.len(), rows_per_alarm)?,
    };
    let mut scores = arguments.out.as_deref().map(Scores::create).transpose()?;
    if let Some(scores) = &mut scores {
        training.iter().try_for_each(|&(time, _)| scores.training(time))?;
    }
    let mut alarms = Alarms::default();
    while let Some(row) = input.read()? {
        let score = judge.judge(&columns.of(&numbers(&table, &row)), row.time, |event| alarms.take(event));
        alarms.count(&score);
        if let Some(scores) = &mut scores {
            scores.row(row.time, &score, &contributing(&judge, &columns))?;
        }
    }
    if let Some(scores) = scores {
        scores.finish()?;
    }
    let file = &arguments.table.file;
    let false_alarms = arguments.false_alarms.0;
    print!(
        "{}",
        Told { file, table: &table, columns: &columns, judge: &judge, train_rows, false_alarms, alarms: &alarms }
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

/// The numbers of a row by the place of their columns; NaN where there is none.
fn numbers(table: &Table, row: &Row<'_>) -> Vec<f64> {
    let mut numbers = vec![f64::NAN; table.columns().len()];
    for (column, cell) in row.cells() {
        numbers[column] = Number::read(cell, table.decimal()).map_or(f64::NAN, Number::as_f64);
    }
    numbers
}

/// Which columns are watched, and why the others are not.
struct Columns {
    /// Names of those that are, with their places in the table.
    used: Vec<(usize, String)>,
    /// Names of the others, with the reason.
    left_out: Vec<(String, String)>,
}

impl Columns {
    fn choose(table: &Table, training: &[(Timestamp, Vec<f64>)]) -> anyhow::Result<Self> {
        let mut columns = Self { used: Vec::new(), left_out: Vec::new() };
        for (place, Column { name, .. }) in table.columns().iter().enumerate() {
            let why_not = match table.columns()[place].kind() {
                Kind::Empty => Some("it is empty".to_owned()),
                Kind::Text => Some("it is text".to_owned()),
                Kind::Boolean => Some("it is true or false".to_owned()),
                Kind::Float | Kind::Integer => why_not(training.iter().map(|(_, row)| row[place])),
            };
            match why_not {
                Some(reason) => columns.left_out.push((name.clone(), reason)),
                None => columns.used.push((place, name.clone())),
            }
        }
        if columns.used.is_empty() {
            let reasons = columns.left_out.iter().map(|(name, reason)| format!("\n  {name}: {reason}"));
            anyhow::bail!(
                "no column can be watched; expected columns with at least {NUMBERS_MIN} numbers that vary in the training \
                 rows{}",
                reasons.collect::<String>()
            );
        }
        Ok(columns)
    }

    /// The numbers of the columns that are watched.
    fn of(&self, row: &[f64]) -> Vec<f64> {
        self.used.iter().map(|&(place, _)| row[place]).collect()
    }
}

/// The columns that contribute most, as `name (score)`, most first.
fn contributing(judge: &Judge, columns: &Columns) -> String {
    let mut contributions: Vec<(f64, &str)> =
        judge.contributions().into_iter().zip(columns.used.iter().map(|(_, name)| name.as_str())).collect();
    contributions.sort_by(|a, b| b.0.total_cmp(&a.0));
    let named = contributions.iter().take(CONTRIBUTING_MAX).filter(|(score, _)| *score > 0.0);
    named.map(|(score, name)| format!("{name} ({score:.3})")).collect::<Vec<_>>().join("; ")
}

/// The file of scores.
struct Scores {
    writer: csv::Writer<std::fs::File>,
    path: PathBuf,
}

impl Scores {
    fn create(path: &std::path::Path) -> anyhow::Result<Self> {
        let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut scores = Self { writer: csv::Writer::from_writer(file), path: path.to_owned() };
        scores.write(["time", "score", "threshold", "alarm", "columns", "onset"])?;
        Ok(scores)
    }

    /// A row that was learnt from has no score.
    fn training(&mut self, time: Timestamp) -> anyhow::Result<()> {
        self.write([&time.to_string(), "", "", "", "", ""])
    }

    fn row(&mut self, time: Timestamp, score: &RowScore, columns: &str) -> anyhow::Result<()> {
        let alarm = u8::from(score.onset.is_some()).to_string();
        let onset = score.onset.map(|onset| onset.to_string()).unwrap_or_default();
        let (shown, threshold) = (format!("{:.4}", score.score), format!("{:.4}", score.threshold));
        self.write([&time.to_string(), &shown, &threshold, &alarm, columns, &onset])
    }

    fn write(&mut self, fields: [&str; 6]) -> anyhow::Result<()> {
        self.writer.write_record(fields).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.writer.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}
