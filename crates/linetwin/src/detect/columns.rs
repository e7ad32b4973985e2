//! Which columns are watched, and why the others are not.

use drift::Constant;
use drift::multivariate::RowDetector;
use telemetry::Timestamp;

use super::column;
use super::detector::Detector;
use super::judge::numbers;
use crate::table::{Column, Kind, Table};

/// Numbers that a column needs in the training rows.
const NUMBERS_MIN: usize = RowDetector::ROWS_MIN;
/// Values follow those before them if their correlation is more than this, and so many of its standard errors.
const CORRELATION_MIN: f64 = 0.1;
const CORRELATION_ERRORS_MIN: f64 = 4.0;

/// Which columns are watched, and why the others are not.
pub(super) struct Columns {
    /// Those that are, in the order of the table.
    pub(super) used: Vec<Used>,
    /// Names of the others, with the reason.
    pub(super) left_out: Vec<(String, String)>,
}

/// A column that is watched.
pub(super) struct Used {
    place: usize,
    pub(super) name: String,
    /// If it does not vary in the training rows.
    pub(super) constant: Option<Constant>,
    /// Correlation of each value with the one before, in the training rows, if it stands out.
    pub(super) correlation: Option<f64>,
}

impl Columns {
    pub(super) fn choose(
        table: &Table,
        training: &[(Timestamp, Vec<f64>)],
        detector: Detector,
    ) -> anyhow::Result<Self> {
        let mut columns = Self { used: Vec::new(), left_out: Vec::new() };
        for (place, column) in table.columns().iter().enumerate() {
            let numbers = numbers(training.iter().map(|(_, row)| row), place);
            match judged_by(detector, column, &numbers) {
                Err(reason) => columns.left_out.push((column.name.clone(), reason)),
                Ok(constant) => {
                    columns.used.push(Used { place, name: column.name.clone(), constant, correlation: None })
                }
            }
        }
        if columns.used.is_empty() {
            let reasons = columns.left_out.iter().map(|(name, reason)| format!("\n  {name}: {reason}"));
            anyhow::bail!(
                "no column can be watched; expected columns with at least {NUMBERS_MIN} numbers in the training rows{}",
                reasons.collect::<String>()
            );
        }
        Ok(columns)
    }

    /// Looks at what there is to learn from, seasons being taken out.
    pub(super) fn look_at(&mut self, learnt: &[Vec<f64>]) -> anyhow::Result<()> {
        for (place, column) in self.used.iter_mut().enumerate() {
            let numbers = numbers(learnt, place);
            if numbers.len() < NUMBERS_MIN {
                anyhow::bail!(
                    "{}: {} training rows come after a whole season; {NUMBERS_MIN} are needed: expected more with \
                     --train-rows",
                    column.name,
                    numbers.len()
                );
            }
            column.correlation = correlation(&numbers);
        }
        Ok(())
    }

    /// The numbers of the columns that are watched.
    pub(super) fn of(&self, row: &[f64]) -> Vec<f64> {
        self.used.iter().map(|column| row[column.place]).collect()
    }

    /// Watches over those that do not vary, with their places among the columns that are watched.
    pub(super) fn constants(&self) -> Vec<(usize, Constant)> {
        let constant = |(place, column): (usize, &Used)| Some((place, column.constant.clone()?));
        self.used.iter().enumerate().filter_map(constant).collect()
    }
}

/// The watch of a column that does not vary, none for one that does and is up to the detector; or why it is not watched.
fn judged_by(detector: Detector, column: &Column, numbers: &[f64]) -> Result<Option<Constant>, String> {
    match column.kind() {
        Kind::Empty => return Err("it is empty".to_owned()),
        Kind::Text => return Err("it is text".to_owned()),
        Kind::Boolean | Kind::Float | Kind::Integer => {}
    }
    if numbers.len() < NUMBERS_MIN {
        return Err(format!("{} numbers in the training rows; {NUMBERS_MIN} are needed", numbers.len()));
    }
    // Nothing happened yet; to a chart of counts that is a rate like another.
    let is_low_rate = detector == Detector::Counts && numbers.iter().all(|&number| number == 0.0);
    if let Some(constant) = Constant::learn(numbers.iter().copied()).filter(|_| !is_low_rate) {
        return Ok(Some(constant));
    }
    if column.kind() == Kind::Boolean && detector != Detector::Counts {
        return Err("it is true or false; --detector counts watches how often".to_owned());
    }
    column::why_not(detector, numbers).map_or(Ok(None), Err)
}

/// Correlation of each number with the one before, if it stands out from chance.
fn correlation(numbers: &[f64]) -> Option<f64> {
    let (mean, _) = column::mean_and_spread(numbers);
    let products: f64 = numbers.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    let correlation = products / squares;
    let by_chance = CORRELATION_ERRORS_MIN / (numbers.len() as f64).sqrt();
    (correlation > by_chance.max(CORRELATION_MIN)).then_some(correlation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_is_told_where_it_stands_out() {
        let mut bits = 1_u32;
        let mut noise = || {
            bits ^= bits << 13;
            bits ^= bits >> 17;
            bits ^= bits << 5;
            f64::from(bits >> 8)
        };
        let numbers: Vec<f64> = (0..400).map(|_| noise()).collect();
        assert_eq!(correlation(&numbers), None);
        let sums: Vec<f64> = numbers.windows(4).map(|window| window.iter().sum()).collect();
        assert!(correlation(&sums).is_some_and(|correlation| (correlation - 0.75).abs() < 0.1));
        assert_eq!(correlation(&[7.0; 40]), None);
    }
}
