//! Judges rows: a detector over the columns that vary in training, and a watch over those that do not.

use std::collections::BTreeMap;

use drift::{Constant, Step, is_measurement};
use telemetry::Timestamp;

use super::column::{self, Watch};
use super::detector::{Budget, Detector};
use super::rows::RowWatch;
use super::sign::{Event, Finding, Happening, Sign, Source, What};

/// Scores are multiples of the thresholds, which differ from column to column.
pub(super) const THRESHOLD: f64 = 1.0;
/// From this score on, a column may be changing.
const CALM: f64 = 0.5;

/// What judges rows. Places are those of the columns in a row.
pub(super) struct Judge {
    /// Each column that varied in training, if it is judged by itself.
    columns: Vec<(usize, Box<dyn Watch>)>,
    /// Those columns, if they are judged together.
    rows: Option<(Vec<usize>, RowWatch)>,
    constants: Vec<(usize, Constant)>,
    /// The onset of each alarm that stands.
    standing: BTreeMap<Source, Timestamp>,
    scores: Vec<f64>,
    about: String,
}

/// What a row came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowScore {
    /// How far the row is from normal, as a multiple of the threshold.
    pub(super) score: f64,
    /// If an alarm stands: when what the worst column shows is estimated to have begun.
    pub(super) onset: Option<Timestamp>,
    /// If an alarm begins with this row, or a change point is told: when that is estimated to have been.
    pub(super) change: Option<Timestamp>,
}

/// The score of what only says whether something stands: as those that are held to twice their threshold.
pub(super) fn yes_or_no(stands: bool) -> f64 {
    if stands { 2.0 } else { 0.0 }
}

/// The numbers of a column in these rows.
pub(super) fn numbers<'a>(rows: impl IntoIterator<Item = &'a Vec<f64>>, place: usize) -> Vec<f64> {
    rows.into_iter().map(|row| row[place]).filter(|&number| is_measurement(number)).collect()
}

impl Judge {
    /// Learns from training rows. `constants` are the columns that did not vary in them; the others did.
    pub(super) fn learn(
        detector: Detector,
        training: &[Vec<f64>],
        constants: Vec<(usize, Constant)>,
        budget: Budget,
    ) -> anyhow::Result<Self> {
        let width = training.first().map_or(0, Vec::len);
        let varies = |place: &usize| constants.iter().all(|(constant, _)| constant != place);
        let varying: Vec<usize> = (0..width).filter(varies).collect();
        let (mut columns, mut rows, mut about) = (Vec::new(), None, "nothing varies in the training rows".to_owned());
        if detector.is_of_rows() && !varying.is_empty() {
            let pick = |row: &Vec<f64>| varying.iter().map(|&place| row[place]).collect();
            let (watch, words) = RowWatch::new(detector, &training.iter().map(pick).collect::<Vec<_>>(), budget)?;
            about = format!("all columns together, {words}");
            rows = Some((varying, watch));
        } else if !varying.is_empty() {
            let training: Vec<Vec<f64>> = varying.iter().map(|&place| numbers(training, place)).collect();
            let (watches, words) = column::watches(detector, &training, budget)?;
            about = format!("each column by itself, {words}");
            columns = varying.into_iter().zip(watches).collect();
        }
        Ok(Self { columns, rows, constants, standing: BTreeMap::new(), scores: vec![0.0; width], about })
    }

    /// The detector in words.
    pub(super) fn about(&self) -> &str {
        &self.about
    }

    /// Takes the next row in, and tells the alarms that begin or end with it. `None` if nothing of it could be judged.
    pub(super) fn judge(&mut self, row: &[f64], at: Timestamp, mut tell: impl FnMut(Event)) -> Option<RowScore> {
        let mark = at.as_nanos();
        let (mut signs, mut change, mut is_judged) = (Vec::new(), None, false);
        for (place, watch) in self.columns.iter_mut().filter(|(place, _)| is_measurement(row[*place])) {
            let place = *place;
            watch.observe(row[place], mark, &mut |chart, what, step| {
                signs.push(Sign { source: Source::Column { place, chart }, place, what, step });
            });
            (self.scores[place], is_judged) = (watch.score(), true);
        }
        for (place, constant) in self.constants.iter_mut().filter(|(place, _)| is_measurement(row[*place])) {
            let (place, step) = (*place, constant.observe(row[*place], mark));
            signs.push(Sign { source: Source::Column { place, chart: 0 }, place, what: What::Constant, step });
            (self.scores[place], is_judged) = (yes_or_no(constant.is_standing()), true);
        }
        if let Some((places, watch)) = &mut self.rows {
            let row: Vec<f64> = places.iter().map(|&place| row[place]).collect();
            if let Some(seen) = watch.observe(&row, mark) {
                is_judged = true;
                signs.push(Sign { source: Source::Rows, place: places[seen.place], what: seen.what, step: seen.step });
                if let Some((place, shift)) = seen.change {
                    let finding = Finding { place: places[place], what: What::Mean, shift };
                    change = Some(finding.onset());
                    tell(Event { at, happening: Happening::Changes(finding) });
                }
                for (&place, &contribution) in places.iter().zip(watch.contributions()) {
                    self.scores[place] = contribution;
                }
            }
        }
        for sign in signs {
            let begun = self.take(sign, at, &mut tell);
            change = change.into_iter().chain(begun).min();
        }
        is_judged.then(|| RowScore { score: self.score(), onset: self.onset(), change })
    }

    /// Keeps the onset of what stands, and tells of a begin or an end. Returns the onset of what begins.
    fn take(&mut self, sign: Sign, at: Timestamp, tell: &mut impl FnMut(Event)) -> Option<Timestamp> {
        let Sign { source, place, what, step } = sign;
        let stood = match step {
            Step::Raised(shift) | Step::Standing(shift) => {
                self.standing.insert(source, Timestamp::from_nanos(shift.onset_mark))
            }
            Step::Quiet | Step::Cleared => self.standing.remove(&source),
        };
        let mut happens = |happening| tell(Event { at, happening });
        // A shift that turns is another one.
        if stood.is_some() && !matches!(step, Step::Standing(_)) {
            happens(Happening::Ends(source));
        }
        let Step::Raised(shift) = step else { return None };
        let finding = Finding { place, what, shift };
        happens(Happening::Begins(source, finding));
        Some(finding.onset())
    }

    /// The score of a row: that of the worst column, or of all columns together.
    fn score(&self) -> f64 {
        let together = self.rows.as_ref().map_or(0.0, |(_, watch)| watch.score());
        let columns = self.columns.iter().map(|(place, _)| place).chain(self.constants.iter().map(|(place, _)| place));
        columns.map(|&place| self.scores[place]).fold(together, f64::max)
    }

    /// The onset of the worst of what stands.
    fn onset(&self) -> Option<Timestamp> {
        let score = |source: &Source| match (source, &self.rows) {
            (Source::Rows, Some((_, watch))) => watch.score(),
            (Source::Column { place, .. }, _) => self.scores[*place],
            (Source::Rows, None) => 0.0,
        };
        self.standing.iter().rev().max_by(|a, b| score(a.0).total_cmp(&score(b.0))).map(|(_, &onset)| onset)
    }

    /// Whether nothing in the column at that place looks like a change.
    pub(super) fn is_calm(&self, place: usize) -> bool {
        self.scores[place] < CALM
    }

    /// What each column contributes to the score of the last row.
    pub(super) fn contributions(&self) -> &[f64] {
        &self.scores
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use clap::ValueEnum as _;
    use drift::Direction;

    use super::*;

    const TRAINING: usize = 300;
    const COLUMNS: usize = 4;

    fn at(row: usize) -> Timestamp {
        Timestamp::from_millis(row as i64 * 1000)
    }

    /// Repeatable numbers without a pattern, between 0 and 1 (SplitMix64).
    fn uniform(step: u64) -> f64 {
        let bits = step.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A table of independent noise, standard normal or, for counts, Poisson with mean 3.
    fn table(detector: Detector, seed: u64, rows: usize) -> Vec<Vec<f64>> {
        let cell = |row: usize, column: usize| {
            let step = (seed << 40) + 16 * (row * COLUMNS + column) as u64;
            match detector {
                Detector::Counts => {
                    let mut product = 1.0;
                    (0..16)
                        .take_while(|place| {
                            product *= uniform(step + place);
                            product > (-3.0_f64).exp()
                        })
                        .count() as f64
                }
                _ => (-2.0 * (1.0 - uniform(step)).ln()).sqrt() * (std::f64::consts::TAU * uniform(step + 1)).cos(),
            }
        };
        (0..rows).map(|row| (0..COLUMNS).map(|column| cell(row, column)).collect()).collect()
    }

    fn events(judge: &mut Judge, rows: &[Vec<f64>], first: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for (row, place) in rows.iter().zip(first..) {
            let score = judge.judge(row, at(place), |event| events.push(event)).unwrap();
            assert!(score.score <= THRESHOLD || score.onset.is_some(), "row {place}: {score:?}");
        }
        events
    }

    fn begun(events: &[Event]) -> Vec<(Source, Finding)> {
        let begun = |event: &Event| match event.happening {
            Happening::Begins(source, finding) => Some((source, finding)),
            _ => None,
        };
        events.iter().filter_map(begun).collect()
    }

    /// From row 500 on, the second column is off by more than 2 standard deviations.
    #[test]
    fn every_detector_tells_a_shift_with_its_column_and_its_begin() {
        for &detector in Detector::value_variants() {
            let mut rows = table(detector, 1, 700);
            rows[500..].iter_mut().for_each(|row| row[1] += 5.0);
            let budget = Budget { rows: 400.0, false_alarms: 0.1 };
            let mut judge = Judge::learn(detector, &rows[..TRAINING], Vec::new(), budget).unwrap();
            let events = events(&mut judge, &rows[TRAINING..], TRAINING);
            let onset = |finding: &Finding| finding.shift.onset_mark / 1_000_000_000;
            let alarms = begun(&events);
            let found = alarms.iter().find(|(_, finding)| finding.place == 1 && onset(finding).abs_diff(500) <= 8);
            let (_, finding) = found.unwrap_or_else(|| panic!("{detector:?}: {alarms:?}"));
            assert_eq!(finding.shift.direction, Direction::Up, "{detector:?}: {finding:?}");
            let sources: BTreeSet<Source> = alarms.iter().map(|(source, _)| *source).collect();
            // A chart of single points has an alarm for each run of them.
            let is_of_points =
                detector.rules().is_some() || matches!(detector, Detector::Shewhart | Detector::T2 | Detector::Pca);
            assert!(is_of_points || sources.len() == alarms.len(), "{detector:?}: {} alarms", alarms.len());
            let is_change = |event: &&Event| matches!(event.happening, Happening::Changes(_));
            assert_eq!(events.iter().filter(is_change).count() > 0, detector == Detector::Rows, "{detector:?}");
        }
    }

    /// The third column is 7 in training and, for one row, 8. No detector has to be able to judge it.
    #[test]
    fn what_never_varied_is_told_when_it_does_by_every_detector() {
        for &detector in Detector::value_variants() {
            let mut rows = table(detector, 2, 500);
            rows.iter_mut().for_each(|row| row[2] = 7.0);
            rows[400][2] = 8.0;
            let constants = vec![(2, Constant::learn([7.0]).unwrap())];
            let budget = Budget { rows: 200.0, false_alarms: 0.01 };
            let mut judge = Judge::learn(detector, &rows[..TRAINING], constants, budget).unwrap();
            let events = events(&mut judge, &rows[TRAINING..], TRAINING);
            let of_constant = |(_, finding): &(Source, Finding)| (finding.what == What::Constant).then_some(*finding);
            let told: Vec<Finding> = begun(&events).iter().filter_map(of_constant).collect();
            let [Finding { place: 2, shift, .. }] = told[..] else { panic!("{detector:?}: {told:?}") };
            assert_eq!((shift.onset_mark / 1_000_000_000, shift.direction), (400, Direction::Up), "{detector:?}");
            let gone =
                events.iter().filter(|event| event.happening == Happening::Ends(Source::Column { place: 2, chart: 0 }));
            assert_eq!(gone.map(|event| event.at).collect::<Vec<_>>(), [at(420)], "{detector:?}");
        }
    }

    #[test]
    fn a_row_with_a_gap_is_judged_by_those_that_can() {
        for &detector in Detector::value_variants() {
            let mut rows = table(detector, 3, 400);
            rows[350][1] = f64::NAN;
            let budget = Budget { rows: 100.0, false_alarms: 0.1 };
            let mut judge = Judge::learn(detector, &rows[..TRAINING], Vec::new(), budget).unwrap();
            let mut unjudged = (TRAINING..400).collect::<Vec<_>>();
            unjudged.retain(|&row| judge.judge(&rows[row], at(row), |_| {}).is_none());
            let needs_all = matches!(detector, Detector::Mewma | Detector::T2 | Detector::Pca);
            assert_eq!(unjudged, if needs_all { vec![350] } else { vec![] }, "{detector:?}");
        }
    }

    #[test]
    fn a_budget_that_allows_everything_is_refused() {
        let rows = table(Detector::Monitor, 4, TRAINING);
        for &detector in Detector::value_variants() {
            let budget = Budget { rows: 100.0, false_alarms: 90.0 };
            assert!(Judge::learn(detector, &rows, Vec::new(), budget).is_err(), "{detector:?}");
        }
    }

    /// Files of noise with their own trainings. The e-detector's bound is far from what noise does, counts are charted for
    /// the limit of their rate, and principal components of large variance are estimated too large.
    #[test]
    fn no_detector_has_more_false_alarms_than_accepted() {
        const FILES: u64 = 4;
        const ROWS: usize = 9_000;
        const ACCEPTED: f64 = 15.0;
        for &detector in Detector::value_variants().iter().filter(|detector| detector.rules().is_none()) {
            let mut told = 0;
            for seed in 0..FILES {
                let rows = table(detector, 100 + seed, TRAINING + ROWS);
                let budget = Budget { rows: ROWS as f64, false_alarms: ACCEPTED };
                let mut judge = Judge::learn(detector, &rows[..TRAINING], Vec::new(), budget).unwrap();
                let events = events(&mut judge, &rows[TRAINING..], TRAINING);
                told += events.iter().filter(|event| !matches!(event.happening, Happening::Ends(_))).count();
            }
            let share = told as f64 / (FILES as f64 * ACCEPTED);
            let least = match detector {
                Detector::EDetector => 0.0,
                Detector::Pca | Detector::Counts => 0.1,
                _ => 0.5,
            };
            assert!((least..1.3).contains(&share), "{detector:?}: {told}");
        }
    }
}
