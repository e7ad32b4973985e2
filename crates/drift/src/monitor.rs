use serde::{Deserialize, Serialize};

use crate::calibration::{Observations, focus_threshold, spread_threshold};
use crate::chart::Level;
use crate::reference::{BatchVariance, Scorer, Suspicion};
use crate::{Baseline, Focus, Residual, Shape, Shift, Spread, Step};

/// Thresholds of the charts of a [`Monitor`], solved together from one run length between false alarms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    mean: f64,
    spread: f64,
}

impl Thresholds {
    /// The smallest shift of the mean that is looked for, standard deviations.
    pub const MIN_SHIFT: f64 = 0.5;
    /// What part of all false alarms is left to the mean; the rest is for the spread.
    const MEAN_SHARE: f64 = 0.8;

    /// Thresholds with which a monitor has one false alarm, of whatever chart, in `run_length` observations on average.
    /// Takes some milliseconds.
    pub fn solve(run_length: f64) -> Self {
        let kept = Observations::RankScores(Shape::VALUES_MAX);
        Self {
            mean: focus_threshold(Self::MIN_SHIFT, run_length / Self::MEAN_SHARE, kept),
            spread: spread_threshold(run_length / (1.0 - Self::MEAN_SHARE), Shape::SCORE_MAX),
        }
    }
}

/// What a monitor makes of one observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The observation as an independent standard normal score.
    pub score: f64,
    /// What the charts of the mean say; sizes are in standard deviations of what is new in each observation, or for a level
    /// that has gone too far in those of the stream. The statistic is in the unit of the threshold of [`Monitor::mean`].
    pub mean: Step,
    /// What the chart of the spread says.
    pub spread: Step,
}

/// Watches one stream of standardised residuals for a shift of its mean, of any size and begin, and for grown spread.
///
/// Residuals become scores that are independent and standard normal whatever the stream is (see `Scorer`), so that the
/// thresholds hold for all alike. It learns as it goes, but not from what looks like a shift: from half of the mean's
/// threshold on, or a third if it is careful, nothing is learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    scorer: Scorer,
    careful: Option<Careful>,
    mean: Focus,
    spread: Spread,
}

/// What a careful monitor has besides.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Careful {
    /// How far scores still wander in batches.
    batches: BatchVariance,
    /// What a slow drift leads to.
    level: Level,
}

impl Monitor {
    /// A monitor that has seen nothing.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            scorer: Scorer::default(),
            careful: None,
            mean: Focus::new(Thresholds::MIN_SHIFT, thresholds.mean),
            spread: Spread::new(thresholds.spread),
        }
    }

    /// A monitor that has seen nothing, and expects a process that wanders over hours in normal operation, which no
    /// autoregression of order one describes. How far it has wandered is foretold and taken out as far as it is slow, and
    /// the chart of the mean sees scores divided by how far their batches still wander beyond chance. It needs a larger
    /// change, or a quicker one, than a monitor that is not careful.
    pub fn careful(thresholds: Thresholds) -> Self {
        Self { scorer: Scorer::careful(), careful: Some(Careful::default()), ..Self::new(thresholds) }
    }

    /// The bound at twice the floor.
    const BOUND_AT_TWICE: f64 = 1.5;

    /// How many standard deviations the score of a departure counts for at most where one of up to `floor` is of no
    /// interest: none within the floor, 1.5 at twice the floor. What is not worth telling must not add up to an alert. Both
    /// in the same unit; a floor of 0 is none.
    pub fn bound(departure: f64, floor: f64) -> f64 {
        if floor > 0.0 { Self::BOUND_AT_TWICE * (departure.abs() / floor - 1.0).max(0.0) } else { f64::INFINITY }
    }

    /// Whether the next residual would be learnt from: the mean is not suspected. Grown spread is learnt, so that it is
    /// told once and then becomes what is normal.
    pub fn learns(&self) -> bool {
        self.suspicion() == Suspicion::None
    }

    /// From what share of the threshold on a shift is suspected. A careful monitor, whose statistic is mostly 0, can
    /// suspect earlier, and has to: what drifts slowly is learnt meanwhile.
    fn suspicious_share(&self) -> f64 {
        if self.careful.is_some() { 1.0 / 3.0 } else { 0.5 }
    }

    fn suspicion(&self) -> Suspicion {
        let is_astray = self.scorer.level().is_some_and(|level| level.abs() > Level::CLEARED);
        if self.mean.is_standing() || self.careful.is_some_and(|careful| careful.level.is_standing()) {
            Suspicion::Standing
        } else if is_astray || self.mean.statistic() >= self.suspicious_share() * self.mean.threshold() {
            Suspicion::Suspected
        } else {
            Suspicion::None
        }
    }

    /// Residuals learnt from.
    pub fn learnt(&self) -> u32 {
        self.scorer.learnt()
    }

    /// The chart of the mean.
    pub fn mean(&self) -> &Focus {
        &self.mean
    }

    /// The chart of the spread.
    pub fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Takes a standardised residual in that is only to be learnt from.
    pub fn learn(&mut self, z: f64) {
        self.scorer.learn(z);
    }

    /// Takes the next standardised residual in. Its score counts for at most `bound` standard deviations either way,
    /// whatever its odds; see [`Monitor::bound`]. `mark` is the caller's name for it; it comes back as onset.
    /// A residual that is not a number changes nothing.
    pub fn observe(&mut self, z: f64, bound: f64, mark: i64) -> Verdict {
        if z.is_nan() {
            return Verdict { score: 0.0, mean: Step::Quiet, spread: Step::Quiet };
        }
        let suspicion = self.suspicion();
        let score = self.scorer.observe(z, suspicion).clamp(-bound.abs(), bound.abs());
        let wander = self.careful.map_or(1.0, |careful| careful.batches.spread());
        match &mut self.careful {
            Some(careful) if suspicion == Suspicion::None => careful.batches.observe(score),
            // What may be a shift must not teach what is normal.
            Some(careful) => careful.batches.forget_batch(),
            None => {}
        }
        let for_chart = |threshold: f64| score / self.scorer.widening(threshold);
        let (for_mean, for_spread) = (for_chart(self.mean.threshold()) / wander, for_chart(self.spread.threshold()));
        let mean = self.mean.observe(for_mean, mark);
        let mean = self.beside_level(mean, bound, mark);
        Verdict { score, mean, spread: self.spread.observe(for_spread, mark) }
    }

    /// What the chart of the mean says, or that of the level where only that says something.
    fn beside_level(&mut self, mean: Step, bound: f64, mark: i64) -> Step {
        let (Some(careful), Some(level)) = (&mut self.careful, self.scorer.level()) else { return mean };
        let is_worth_telling = bound >= Self::BOUND_AT_TWICE;
        let to_threshold = self.mean.threshold() / Level::LIMIT;
        let level = careful.level.observe(level, is_worth_telling, mark);
        let level = level.map(|shift| Shift { statistic: to_threshold * shift.statistic, ..shift });
        match (mean, level) {
            (Step::Raised(_) | Step::Standing(_), _) | (_, Step::Quiet) => mean,
            (Step::Cleared, Step::Cleared) | (Step::Quiet, _) | (Step::Cleared, _) => level,
        }
    }

    /// Forgets everything: what is normal is another from now on. Returns whether a change had stood.
    pub fn relearn(&mut self) -> bool {
        self.scorer.reset();
        let stood = self.reset();
        self.careful = self.careful.map(|_| Careful::default());
        stood
    }

    /// Forgets what may be a change, but not what is normal. Returns whether a change had stood.
    pub fn reset(&mut self) -> bool {
        self.scorer.begin_anew();
        let level_stood = self.careful.as_mut().is_some_and(|careful| careful.level.reset());
        let (mean_stood, spread_stood) = (self.mean.reset(), self.spread.reset());
        level_stood || mean_stood || spread_stood
    }
}

/// Watches one column of plain numbers: a baseline without covariates, and a monitor of its residuals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnMonitor {
    baseline: Baseline,
    monitor: Monitor,
    warm_up: u32,
}

impl ColumnMonitor {
    /// Memory that a monitor holds beside itself, bytes.
    pub const MEMORY_BYTES: usize = Focus::MEMORY_BYTES + Scorer::MEMORY_BYTES;

    /// A monitor that learns from the first `warm_up` numbers before it says anything.
    pub fn new(thresholds: Thresholds, warm_up: u32) -> Self {
        Self { baseline: Baseline::default(), monitor: Monitor::new(thresholds), warm_up }
    }

    /// The monitor of the residuals.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Takes the next number in. `None` during the warm-up, and for what is not a number or beyond 1e100.
    pub fn observe(&mut self, value: f64, mark: i64) -> Option<(Residual, Verdict)> {
        self.observe_beyond(0.0, value, mark)
    }

    /// As [`ColumnMonitor::observe`], where a departure of up to `floor`, in the numbers' unit, is of no interest.
    pub fn observe_beyond(&mut self, floor: f64, value: f64, mark: i64) -> Option<(Residual, Verdict)> {
        let is_warm = self.baseline.count() >= self.warm_up;
        let residual = self.baseline.observe(value, &[], !is_warm || self.monitor.learns())?;
        if !is_warm {
            self.monitor.learn(residual.z);
            return None;
        }
        let bound = Monitor::bound(value - residual.expected, floor);
        Some((residual, self.monitor.observe(residual.z, bound, mark)))
    }

    /// Forgets what may be a change, but not what is normal. Returns whether a change had stood.
    pub fn reset(&mut self) -> bool {
        self.monitor.reset()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    fn monitor() -> ColumnMonitor {
        ColumnMonitor::new(Thresholds::solve(1e5), 50)
    }

    /// The number of a step, with the spread of one that is uniform on -1 .. 1.
    fn noise(step: u64) -> f64 {
        Noise::at(step) / 3f64.sqrt()
    }

    fn first_alarm(column: &mut ColumnMonitor, values: impl Iterator<Item = f64>) -> Option<(usize, i64, bool)> {
        values.enumerate().find_map(|(place, value)| match column.observe(value, place as i64)?.1 {
            Verdict { mean: Step::Raised(shift), .. } => Some((place, shift.onset_mark, true)),
            Verdict { spread: Step::Raised(shift), .. } => Some((place, shift.onset_mark, false)),
            _ => None,
        })
    }

    #[test]
    fn a_shift_is_found_near_its_begin_whatever_the_offset() {
        for (offset, scale) in [(0.0, 1.0), (1e9, 1e-3), (-5.0, 1e12)] {
            let values = (0..800).map(|step| offset + scale * (noise(step) + if step < 600 { 0.0 } else { 1.2 }));
            let (found, onset, is_mean) = first_alarm(&mut monitor(), values).unwrap();
            assert!(
                is_mean && (603..625).contains(&found) && (595..=606).contains(&onset),
                "{offset}: {found}, {onset}"
            );
        }
    }

    #[test]
    fn what_has_forgotten_all_is_as_if_new() {
        let thresholds = Thresholds::solve(1e5);
        let mut monitor = Monitor::new(thresholds);
        (0..500).for_each(|step| {
            monitor.observe(noise(step as u64) + if step < 300 { 0.0 } else { 3.0 }, f64::INFINITY, step);
        });
        assert!(monitor.relearn(), "a shift stood");
        let mut fresh = Monitor::new(thresholds);
        for step in 0..300 {
            let z = 5.0 * noise(step as u64);
            let (ours, new) = (monitor.observe(z, f64::INFINITY, step), fresh.observe(z, f64::INFINITY, step));
            assert_eq!(ours, new, "{step}");
        }
    }

    #[test]
    fn grown_spread_is_found() {
        let values = (0..900).map(|step| noise(step) * if step < 600 { 1.0 } else { 3.0 });
        let (found, onset, is_mean) = first_alarm(&mut monitor(), values).unwrap();
        assert!(!is_mean && found < 640 && onset >= 590, "{found}, {onset}");
    }

    #[test]
    fn what_never_varies_raises_nothing_and_then_any_change_does() {
        let mut column = monitor();
        assert_eq!(first_alarm(&mut column, std::iter::repeat_n(7.25, 500)), None);
        assert!(first_alarm(&mut column, std::iter::repeat_n(7.26, 20)).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn nothing_breaks_it_and_a_restored_one_goes_on_alike(
            values in prop::collection::vec(any::<f64>(), 60..160),
            at in 0usize..160,
        ) {
            let mut column = ColumnMonitor::new(Thresholds { mean: 4.0, spread: 4.0 }, 10);
            let mut other = column.clone();
            for (place, &value) in values.iter().enumerate() {
                if place == at {
                    other = postcard::from_bytes(&postcard::to_stdvec(&other).unwrap()).unwrap();
                }
                let seen = column.observe(value, place as i64);
                prop_assert!(value.is_finite() || seen.is_none());
                prop_assert!(seen.is_none_or(|(_, verdict)| verdict.score.is_finite()));
                prop_assert_eq!(seen, other.observe(value, place as i64));
            }
        }
    }
}
