use serde::{Deserialize, Serialize};

use super::column::ColumnFit;
use super::error::FitError;
use super::mewma_run_length::mewma_threshold;
use crate::chart::{Direction, Shift, Step};
use crate::is_measurement;
use crate::normal;

/// How often a [`RowDetector`] may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RowSettings {
    /// Average number of rows between false alarms.
    pub rows_per_false_alarm: f64,
    /// Average number of rows between false change points.
    pub rows_per_false_change: f64,
}

impl Default for RowSettings {
    fn default() -> Self {
        Self { rows_per_false_alarm: 1e7, rows_per_false_change: 1e4 }
    }
}

/// Judges the rows of any table of numbers: learns from training rows what each column is, then says of each row
/// whether the line is *different from then* (the alarm) and whether it *just changed* (a change point).
///
/// Each column is smoothed by an EWMA of weight [`RowDetector::SMOOTHING`], and its distance from a mean is divided by
/// the standard error that both have together. A column that wanders is known by its autocorrelation, and its long-run
/// variance stands in for the variance of independent values (limits for correlated values on a chart of the level itself,
/// as in N. F. Zhang, Technometrics 40 (1998) 24), so a slow temperature needs to go much further than a steady flow.
/// What the training rows do not tell surely is paid for by Student's distribution. The scores are thereby standard
/// normal as long as nothing has changed; the largest of them decides, at limits solved from the run lengths in
/// [`RowSettings`], divided over the columns.
///
/// - Alarm: the distance is that from the training mean. It stands until no score is over [`RowDetector::CLEAR_SHARE`]
///   of the limit.
/// - Change point: the distance is that from the mean of the rows since the last change point, so a regime that lasts is
///   learnt and its end is a change as well as its beginning.
///
/// The onset of either is the row since which the smoothed column has been on this side of the mean (K. Nishina, Quality
/// and Reliability Engineering International 8 (1992) 537).
///
/// A column that is constant in training, or has fewer than 20 numbers there, is not watched: nothing tells what a
/// change of it is worth. An entry that is not a number, or beyond 1e100, leaves its column as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowDetector {
    columns: Vec<Option<Column>>,
    scores: Vec<f64>,
    alarm_limit: f64,
    change_limit: f64,
    standing: bool,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowVerdict {
    /// The largest score of a column, standard deviations; compare [`RowDetector::alarm_limit`].
    pub score: f64,
    /// The column it is of, counted from 0.
    pub column: usize,
    /// What the row does to the alarm. The size of the shift is in standard deviations of a single value in training.
    pub step: Step,
    /// The change point, if there is one at this row.
    pub change: Option<Change>,
}

/// A change from one regime to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The column that shows it most, counted from 0.
    pub column: usize,
    /// From the mean of the regime that ends to where the column is now.
    pub shift: Shift,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    fit: ColumnFit,
    /// EWMA of the departures from the training mean, in spreads.
    smoothed: f64,
    from_training: Distance,
    from_regime: Distance,
}

/// How far a smoothed column is from a mean, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Distance {
    /// The mean as a departure from the training mean, in spreads.
    mean: f64,
    /// Values the mean is worth.
    weight: f64,
    score: f64,
    size: f64,
    onset_mark: i64,
    run: u32,
}

impl RowDetector {
    /// Weight of the newest row in the smoothed columns.
    pub const SMOOTHING: f64 = 0.3;
    /// A departure of more than this many standard deviations counts as this many.
    pub const CLIP: f64 = 8.0;
    /// An alarm stands until the score is under this share of its limit.
    pub const CLEAR_SHARE: f64 = 0.5;
    /// Fewest training rows.
    pub const ROWS_MIN: usize = ColumnFit::COUNT_MIN;
    /// Values that a smoothed column is worth: an EWMA has the variance of a mean of this many.
    const SMOOTHED_WEIGHT: f64 = (2.0 - Self::SMOOTHING) / Self::SMOOTHING;

    /// Learns from training rows, oldest first and equally long.
    pub fn fit<R: AsRef<[f64]>>(training: &[R], settings: RowSettings) -> Result<Self, FitError> {
        let width = training.first().map_or(0, |row| row.as_ref().len());
        if training.len() < Self::ROWS_MIN {
            return Err(FitError::TooFewRows { rows: training.len(), needed: Self::ROWS_MIN });
        }
        if let Some(row) = training.iter().position(|row| row.as_ref().len() != width) {
            return Err(FitError::UnequalRow(row));
        }
        let column = |index: usize| {
            let values: Vec<f64> = training.iter().map(|row| row.as_ref()[index]).collect();
            ColumnFit::new(&values).map(Column::new)
        };
        let columns: Vec<Option<Column>> = (0..width).map(column).collect();
        let watched = columns.iter().flatten().count();
        if watched == 0 {
            return Err(FitError::NothingVaries);
        }
        let limit = |rows: f64| libm::sqrt(mewma_threshold(1, Self::SMOOTHING, rows * watched as f64));
        Ok(Self {
            scores: vec![0.0; width],
            columns,
            alarm_limit: limit(settings.rows_per_false_alarm),
            change_limit: limit(settings.rows_per_false_change),
            standing: false,
        })
    }

    /// The score at which an alarm is raised, standard deviations.
    pub fn alarm_limit(&self) -> f64 {
        self.alarm_limit
    }

    /// The score at which a change point is told, standard deviations.
    pub fn change_limit(&self) -> f64 {
        self.change_limit
    }

    /// Whether an alarm stands.
    pub fn is_standing(&self) -> bool {
        self.standing
    }

    /// Whether that column, counted from 0, is watched.
    pub fn is_watched(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(Option::is_some)
    }

    /// What each column contributes to the alarm: its own score, standard deviations, after the last row. 0 for a column
    /// that is not watched.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Takes the next row in. `mark` is the caller's name for it (a time, a number); it comes back as onset. A missing
    /// entry at the end is like one that is not a number; entries beyond the columns of training are passed over.
    pub fn observe(&mut self, row: &[f64], mark: i64) -> RowVerdict {
        for (column, &value) in self.columns.iter_mut().zip(row) {
            if let (Some(column), true) = (column, is_measurement(value)) {
                column.observe(value, mark);
            }
        }
        for (score, column) in self.scores.iter_mut().zip(&self.columns) {
            *score = column.as_ref().map_or(0.0, |column| column.from_training.score);
        }
        let (column, distance) = self.furthest(|column| column.from_training);
        RowVerdict { score: distance.score, column, step: self.step(distance), change: self.change() }
    }

    fn step(&mut self, distance: Distance) -> Step {
        let stood = self.standing;
        let limit = if stood { Self::CLEAR_SHARE * self.alarm_limit } else { self.alarm_limit };
        self.standing = distance.score > limit;
        match (stood, self.standing) {
            (false, true) => Step::Raised(distance.shift()),
            (true, true) => Step::Standing(distance.shift()),
            (true, false) => Step::Cleared,
            (false, false) => Step::Quiet,
        }
    }

    fn change(&mut self) -> Option<Change> {
        let (column, distance) = self.furthest(|column| column.from_regime);
        if distance.score <= self.change_limit {
            return None;
        }
        for column in self.columns.iter_mut().flatten() {
            column.from_regime =
                Distance { mean: column.smoothed, weight: Self::SMOOTHED_WEIGHT, ..column.from_regime };
        }
        Some(Change { column, shift: distance.shift() })
    }

    /// The column with the largest score, the first of equals.
    fn furthest(&self, distance: impl Fn(&Column) -> Distance) -> (usize, Distance) {
        let watched = self.columns.iter().enumerate().filter_map(|(index, column)| Some((index, column.as_ref()?)));
        let distances = watched.map(|(index, column)| (index, distance(column)));
        distances.reduce(|best, next| if next.1.score > best.1.score { next } else { best }).unwrap_or_default()
    }
}

impl Default for Distance {
    fn default() -> Self {
        Self { mean: 0.0, weight: 1.0, score: 0.0, size: 0.0, onset_mark: 0, run: 0 }
    }
}

impl Column {
    fn new(fit: ColumnFit) -> Self {
        let training = Distance { weight: fit.count, ..Distance::default() };
        Self { fit, smoothed: 0.0, from_training: training, from_regime: training }
    }

    fn observe(&mut self, value: f64, mark: i64) {
        let departure = ((value - self.fit.mean) / self.fit.spread).clamp(-RowDetector::CLIP, RowDetector::CLIP);
        self.smoothed += RowDetector::SMOOTHING * (departure - self.smoothed);
        self.from_training.measure(self.smoothed, &self.fit, mark);
        self.from_regime.measure(self.smoothed, &self.fit, mark);
        // A regime's mean is in the end as sure as that of training.
        if self.from_regime.weight < self.fit.count {
            self.from_regime.weight += 1.0;
            self.from_regime.mean += (departure - self.from_regime.mean) / self.from_regime.weight;
        }
    }
}

impl Distance {
    fn measure(&mut self, smoothed: f64, fit: &ColumnFit, mark: i64) {
        let size = smoothed - self.mean;
        if self.run == 0 || (size > 0.0) != (self.size > 0.0) {
            (self.onset_mark, self.run) = (mark, 0);
        }
        self.run = self.run.saturating_add(1);
        self.size = size;
        let variance = fit.long_run_variance * (1.0 / RowDetector::SMOOTHED_WEIGHT + 1.0 / self.weight);
        self.score = normal::from_student(size.abs() / libm::sqrt(variance), fit.degrees);
    }

    fn shift(&self) -> Shift {
        Shift {
            direction: if self.size > 0.0 { Direction::Up } else { Direction::Down },
            statistic: self.score,
            onset_mark: self.onset_mark,
            run: self.run,
            size: self.size.abs(),
        }
    }
}
