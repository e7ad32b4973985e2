//! The detectors, column by column or over all columns together, behind one face.

use drift::multivariate::{RowDetector, RowSettings};
use drift::{ColumnMonitor, Direction, Shift, Step, Thresholds};
use telemetry::Timestamp;

/// Numbers that a column needs in the training rows.
pub(super) const NUMBERS_MIN: usize = RowDetector::ROWS_MIN;
/// The shortest run between false alarms that thresholds are solved for, observations.
const RUN_LENGTH_MIN: f64 = 50.0;
/// Magnitudes beyond this are no measurements, here as in the detectors.
const MAGNITUDE_MAX: f64 = 1e100;

/// What judges rows.
pub(super) enum Judge {
    /// Each column by itself.
    Each(Vec<Watch>),
    /// All columns together.
    Together(Box<RowDetector>),
}

/// A column and what stands in it.
pub(super) struct Watch {
    monitor: ColumnMonitor,
    mean_onset: Option<Timestamp>,
    spread_onset: Option<Timestamp>,
}

/// What a row came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowScore {
    /// How far the row is from normal.
    pub(super) score: f64,
    /// The score above which an alarm begins.
    pub(super) threshold: f64,
    /// If an alarm stands: when what the worst column shows is estimated to have begun.
    pub(super) onset: Option<Timestamp>,
}

/// An alarm begins or ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event {
    /// When.
    pub(super) at: Timestamp,
    /// Where.
    pub(super) source: Source,
    /// The shift, if it begins.
    pub(super) begun: Option<Shift>,
}

/// What an alarm is of. A source has one alarm at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The mean of the column at that place among those that are watched.
    Mean(usize),
    /// The spread of that column.
    Spread(usize),
    /// All columns together; the place is that of the worst, when it began.
    Rows(usize),
}

/// Why a column with these numbers in the training rows cannot be watched.
pub(super) fn why_not(numbers: impl Iterator<Item = f64>) -> Option<String> {
    let numbers: Vec<f64> = numbers.filter(|&number| is_measurement(number)).collect();
    match numbers.first() {
        _ if numbers.len() < NUMBERS_MIN => {
            Some(format!("{} numbers in the training rows; {NUMBERS_MIN} are needed", numbers.len()))
        }
        Some(first) if numbers.iter().all(|number| number == first) => {
            Some("it does not vary in the training rows".to_owned())
        }
        _ => None,
    }
}

fn is_measurement(number: f64) -> bool {
    number.abs() <= MAGNITUDE_MAX
}

impl Judge {
    /// Judges each column by itself; together they have a false alarm in `rows_per_alarm` rows.
    pub(super) fn each(training: &[Vec<f64>], columns: usize, rows_per_alarm: f64) -> anyhow::Result<Self> {
        let thresholds = Thresholds::solve(run_length(rows_per_alarm * columns as f64)?);
        let watch = |column: usize| {
            let numbers = training.iter().map(|row| row[column]).filter(|&number| is_measurement(number));
            let mut monitor = ColumnMonitor::new(thresholds, numbers.clone().count() as u32);
            for number in numbers {
                monitor.observe(number, 0);
            }
            Watch { monitor, mean_onset: None, spread_onset: None }
        };
        Ok(Self::Each((0..columns).map(watch).collect()))
    }

    /// Judges all columns together, with a false alarm in `rows_per_alarm` rows.
    pub(super) fn together(training: &[Vec<f64>], rows_per_alarm: f64) -> anyhow::Result<Self> {
        let settings = RowSettings { rows_per_false_alarm: run_length(rows_per_alarm)?, ..RowSettings::default() };
        Ok(Self::Together(Box::new(RowDetector::fit(training, settings)?)))
    }

    /// Takes the next row in, and tells the alarms that begin or end with it.
    pub(super) fn judge(&mut self, row: &[f64], at: Timestamp, mut tell: impl FnMut(Event)) -> RowScore {
        match self {
            Self::Each(watches) => {
                for ((place, watch), &number) in watches.iter_mut().enumerate().zip(row) {
                    watch.observe(place, number, at, &mut tell);
                }
                worst(watches)
            }
            Self::Together(detector) => {
                let verdict = detector.observe(row, at.as_nanos());
                let source = Source::Rows(verdict.column);
                let onset = stand(verdict.step, source, at, &mut None, &mut tell);
                RowScore { score: verdict.score, threshold: detector.alarm_limit(), onset }
            }
        }
    }

    /// Whether the column at that place is watched. Together, one that varies by no more than rounding is not.
    pub(super) fn is_watched(&self, place: usize) -> bool {
        match self {
            Self::Each(_) => true,
            Self::Together(detector) => detector.is_watched(place),
        }
    }

    /// What each watched column contributes to the score of the last row.
    pub(super) fn contributions(&self) -> Vec<f64> {
        match self {
            Self::Each(watches) => watches.iter().map(Watch::score).collect(),
            Self::Together(detector) => detector.scores().to_vec(),
        }
    }
}

fn run_length(wanted: f64) -> anyhow::Result<f64> {
    if wanted < RUN_LENGTH_MIN {
        anyhow::bail!(
            "--false-alarms is more than one in {RUN_LENGTH_MIN} values, which is no detection; expected less, or more \
             rows"
        );
    }
    Ok(wanted)
}

/// The score of a row: that of the worst column. An alarm that stands is worse than none.
fn worst(watches: &[Watch]) -> RowScore {
    let score = watches.iter().map(Watch::score).fold(0.0, f64::max);
    let standing = watches.iter().filter(|watch| watch.onset().is_some());
    let worst = standing.max_by(|a, b| a.score().total_cmp(&b.score()));
    RowScore { score, threshold: 1.0, onset: worst.and_then(Watch::onset) }
}

impl Watch {
    fn observe(&mut self, place: usize, number: f64, at: Timestamp, tell: &mut impl FnMut(Event)) {
        let Some((_, verdict)) = self.monitor.observe(number, at.as_nanos()) else { return };
        stand(verdict.mean, Source::Mean(place), at, &mut self.mean_onset, tell);
        stand(verdict.spread, Source::Spread(place), at, &mut self.spread_onset, tell);
    }

    /// The statistic of the worse chart, as a multiple of its threshold.
    fn score(&self) -> f64 {
        let (mean, spread) = (self.monitor.monitor().mean(), self.monitor.monitor().spread());
        (mean.statistic() / mean.threshold()).max(spread.statistic() / spread.threshold())
    }

    /// When what stands in the column began.
    fn onset(&self) -> Option<Timestamp> {
        self.mean_onset.into_iter().chain(self.spread_onset).min()
    }
}

/// Keeps the onset of what stands after a step, and tells of a begin or an end.
fn stand(
    step: Step,
    source: Source,
    at: Timestamp,
    onset: &mut Option<Timestamp>,
    tell: &mut impl FnMut(Event),
) -> Option<Timestamp> {
    *onset = match step {
        Step::Raised(shift) | Step::Standing(shift) => Some(Timestamp::from_nanos(shift.onset_mark)),
        Step::Quiet | Step::Cleared => None,
    };
    match step {
        Step::Raised(shift) => tell(Event { at, source, begun: Some(shift) }),
        Step::Cleared => tell(Event { at, source, begun: None }),
        Step::Quiet | Step::Standing(_) => {}
    }
    *onset
}

/// A shift in words, such as `up by 2.1 standard deviations`.
pub(super) fn in_words(source: Source, shift: &Shift) -> String {
    let direction = match shift.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    match source {
        Source::Spread(_) => format!("spread {:.1} times as wide", shift.size),
        Source::Mean(_) | Source::Rows(_) => format!("{direction} by {:.1} standard deviations", shift.size),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(row: usize) -> Timestamp {
        Timestamp::from_millis(row as i64 * 1000)
    }

    /// Repeatable numbers without a pattern, between -1 and 1.
    fn noise(step: usize) -> f64 {
        let bits = (step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = (bits ^ (bits >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((bits ^ (bits >> 29)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// 300 rows of training, then 300 of which the last 200 are `shift` off in the second of three columns.
    fn check(judge: impl FnOnce(&[Vec<f64>]) -> Judge, shift: f64) -> Vec<Event> {
        let row = |row: usize| -> Vec<f64> {
            let off = if row >= 400 { shift } else { 0.0 };
            (0..3).map(|column| noise(3 * row + column) + if column == 1 { off } else { 0.0 }).collect()
        };
        let training: Vec<Vec<f64>> = (0..300).map(row).collect();
        let (mut judge, mut events) = (judge(&training), Vec::new());
        for place in 300..600 {
            let score = judge.judge(&row(place), at(place), |event| events.push(event));
            let contributions = judge.contributions();
            assert_eq!(contributions.len(), 3);
            assert_eq!(score.score, contributions.into_iter().fold(0.0, f64::max), "row {place}");
            assert!(score.score <= score.threshold || score.onset.is_some(), "row {place}");
        }
        events
    }

    #[test]
    fn a_shift_is_told_once_with_its_column_and_its_begin() {
        type Make = fn(&[Vec<f64>]) -> Judge;
        let each: Make = |training| Judge::each(training, 3, 10_000.0).unwrap();
        let together: Make = |training| Judge::together(training, 10_000.0).unwrap();
        for (make, source) in [(each, Source::Mean(1)), (together, Source::Rows(1))] {
            let begun: Vec<_> = check(make, 1.5).into_iter().filter(|event| event.begun.is_some()).collect();
            assert_eq!(begun.first().map(|event| event.source), Some(source), "{begun:?}");
            let shift = begun[0].begun.unwrap();
            let row = shift.onset_mark / 1_000_000_000;
            assert!((395..=405).contains(&row) && shift.direction == Direction::Up, "{shift:?}");
            assert_eq!(check(make, 0.0), []);
        }
    }

    #[test]
    fn what_cannot_be_watched_says_why() {
        let reason = |numbers: &[f64]| why_not(numbers.iter().copied());
        let numbers: Vec<f64> = (0..NUMBERS_MIN).map(noise).collect();
        assert_eq!(reason(&numbers), None);
        let holes = [&numbers[1..], &[f64::NAN, f64::INFINITY, 1e200]].concat();
        assert_eq!(reason(&holes).as_deref(), Some("19 numbers in the training rows; 20 are needed"));
        assert_eq!(reason(&[7.0; 40]).as_deref(), Some("it does not vary in the training rows"));
    }

    #[test]
    fn a_budget_that_allows_everything_is_refused() {
        assert!(Judge::each(&[], 1, 10.0).is_err());
    }
}
