use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// Two-sided tabular CUSUM of standardised observations.
///
/// E. S. Page, Biometrika 41 (1954) 100; D. C. Montgomery, Introduction to Statistical Quality Control, 9.1. Departures,
/// with their reasons: each observation is held to ± [`Cusum::CLIP`], because one wild value is a spike and no drift
/// (this lengthens the run between false alarms, never shortens it; [`Cusum::unclipped`] is the textbook's chart); and a
/// sum is held to twice the threshold, so that a shift that has gone is seen to have gone in reasonable time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    reference: f64,
    threshold: f64,
    clips: bool,
    head_start: f64,
    up: Side,
    down: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Side {
    sum: f64,
    onset_mark: i64,
    run: u32,
    total: f64,
    standing: bool,
}

impl Cusum {
    /// Observations beyond this many standard deviations count as this many.
    pub const CLIP: f64 = 3.0;

    /// A chart with that reference value (half the shift it is to find soonest) and threshold, in standard deviations.
    pub fn new(reference: f64, threshold: f64) -> Self {
        Self { reference, threshold, clips: true, head_start: 0.0, up: Side::default(), down: Side::default() }
    }

    /// The same chart taking each observation for what it is; infinite ones are passed over then.
    pub fn unclipped(self) -> Self {
        Self { clips: false, ..self }
    }

    /// The same chart with fast initial response: both sums begin at `head_start`, 0 up to the threshold (by tradition
    /// half of it), now and after each reset, because a process that was just set up is more often wrong. J. M. Lucas and
    /// R. B. Crosier, Technometrics 24 (1982) 199. Observations that were taken in already are forgotten.
    pub fn with_head_start(self, head_start: f64) -> Self {
        let head_start = head_start.clamp(0.0, self.threshold);
        let side = Side { sum: head_start, ..Side::default() };
        Self { head_start, up: side, down: side, ..self }
    }

    /// The larger of the two sums, standard deviations.
    pub fn statistic(&self) -> f64 {
        self.up.sum.max(self.down.sum)
    }

    /// The sums upwards and downwards, standard deviations.
    pub fn sums(&self) -> (f64, f64) {
        (self.up.sum, self.down.sum)
    }

    /// The threshold, standard deviations.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether a shift stands.
    pub fn is_standing(&self) -> bool {
        self.up.standing || self.down.standing
    }

    /// Takes the next observation in. `mark` is the caller's name for it (a time, a number); it comes back as onset.
    /// An observation that is not a number changes nothing.
    pub fn observe(&mut self, z: f64, mark: i64) -> Step {
        let z = if self.clips { z.clamp(-Self::CLIP, Self::CLIP) } else { z };
        if !z.is_finite() {
            return Step::Quiet;
        }
        let (up_stood, down_stood) = (self.up.standing, self.down.standing);
        self.up.add(z, self.reference, self.threshold, mark);
        self.down.add(-z, self.reference, self.threshold, mark);
        match (self.up.standing, self.down.standing) {
            (true, _) if !up_stood => Step::Raised(self.up.shift(Direction::Up)),
            (_, true) if !down_stood => Step::Raised(self.down.shift(Direction::Down)),
            (true, _) => Step::Standing(self.up.shift(Direction::Up)),
            (_, true) => Step::Standing(self.down.shift(Direction::Down)),
            _ if up_stood || down_stood => Step::Cleared,
            _ => Step::Quiet,
        }
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        let stood = self.is_standing();
        let side = Side { sum: self.head_start, ..Side::default() };
        (self.up, self.down) = (side, side);
        stood
    }
}

impl Side {
    fn add(&mut self, z: f64, reference: f64, threshold: f64, mark: i64) {
        // A sum at 0 begins anew; so does one that nothing was added to yet, from wherever it is.
        if self.sum == 0.0 || self.run == 0 {
            *self = Self { sum: self.sum, onset_mark: mark, ..Self::default() };
        }
        self.run = self.run.saturating_add(1);
        self.total += z;
        self.sum = (self.sum + z - reference).clamp(0.0, 2.0 * threshold);
        if self.sum == 0.0 {
            self.standing = false;
        } else if self.sum > threshold {
            self.standing = true;
        }
    }

    fn shift(&self, direction: Direction) -> Shift {
        let size = self.total / f64::from(self.run.max(1));
        Shift { direction, statistic: self.sum, onset_mark: self.onset_mark, run: self.run, size }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    #[test]
    fn a_shift_is_raised_once_stands_and_clears() {
        let mut chart = Cusum::new(0.5, 4.0);
        let mut steps = Vec::new();
        let values = [0.0, 0.2, 2.0, 2.0, 2.0, 2.0, -1.0, -1.0, -1.0, -1.0, -3.0];
        for (mark, z) in values.into_iter().enumerate() {
            steps.push(match chart.observe(z, mark as i64) {
                Step::Quiet => "quiet".to_owned(),
                Step::Raised(shift) => format!("raised from {}", shift.onset_mark),
                Step::Standing(_) => "standing".to_owned(),
                Step::Cleared => "cleared".to_owned(),
            });
        }
        let expected =
            "quiet, quiet, quiet, quiet, raised from 2, standing, standing, standing, standing, cleared, raised from 6";
        assert_eq!(steps.join(", "), expected);
    }

    #[test]
    fn a_single_wild_value_is_no_drift() {
        let mut chart = Cusum::new(0.5, 4.0);
        assert_eq!(chart.observe(1e300, 0), Step::Quiet);
        assert_eq!(chart.observe(f64::NEG_INFINITY, 1), Step::Quiet);
        assert_eq!(chart.observe(f64::NAN, 2), Step::Quiet);
    }

    #[test]
    fn an_unclipped_chart_takes_a_value_for_what_it_is() {
        let mut chart = Cusum::new(0.5, 4.0).unclipped();
        let before = chart.clone();
        for z in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(chart.observe(z, 0), Step::Quiet);
        }
        assert_eq!(chart, before);
        assert!(matches!(chart.observe(4.6, 1), Step::Raised(_)));
    }

    /// A process that is off from the start is found sooner, and its onset is the first observation; after a reset again.
    #[test]
    fn a_head_start_finds_a_bad_start_sooner_and_dates_it_to_the_start() {
        let raised_at = |chart: &mut Cusum, first: i64| {
            (first..first + 20).find_map(|mark| match chart.observe(1.5, mark) {
                Step::Raised(shift) => Some((mark - first, shift.onset_mark - first, shift.run, shift.size)),
                _ => None,
            })
        };
        let mut chart = Cusum::new(0.5, 4.0).with_head_start(2.0);
        assert_eq!(raised_at(&mut Cusum::new(0.5, 4.0), 10), Some((4, 0, 5, 1.5)));
        assert_eq!(raised_at(&mut chart, 10), Some((2, 0, 3, 1.5)));
        assert!(chart.reset());
        assert_eq!(raised_at(&mut chart, 100), Some((2, 0, 3, 1.5)));
    }

    /// A head start is used up by values in control: what comes later is dated to where its own run begins.
    #[test]
    fn a_head_start_that_was_used_up_leaves_no_trace() {
        let mut with = Cusum::new(0.5, 4.0).with_head_start(2.0);
        let mut without = Cusum::new(0.5, 4.0);
        for (mark, z) in [0.0, -1.0, 1.0, -2.0, 0.0, 0.0, 0.0, 0.0].into_iter().enumerate() {
            with.observe(z, mark as i64);
            without.observe(z, mark as i64);
        }
        for mark in 8..20 {
            assert_eq!(with.observe(2.0, mark), without.observe(2.0, mark));
        }
    }

    proptest! {
        /// The chart's own recursion against the definition: the largest sum over any run that ends here.
        #[test]
        fn the_statistic_is_the_largest_sum_of_a_recent_run(values in prop::collection::vec(-2.0..2.0f64, 1..60)) {
            let mut chart = Cusum::new(0.5, 1e6);
            for (mark, &z) in values.iter().enumerate() {
                chart.observe(z, mark as i64);
            }
            let largest = |sign: f64| (0..=values.len())
                .map(|from| values[from..].iter().map(|z| sign * z - 0.5).sum::<f64>())
                .fold(0.0, f64::max);
            prop_assert!((chart.statistic() - largest(1.0).max(largest(-1.0))).abs() < 1e-9);
        }

        #[test]
        fn a_restored_chart_goes_on_alike(
            values in prop::collection::vec(-4.0..4.0f64, 2..80), at in 0usize..79, head_start in 0.0..3.0f64,
        ) {
            assert_goes_on_alike(Cusum::new(0.5, 3.0).with_head_start(head_start), &values, at, |chart, z, mark| chart.observe(z, mark));
        }
    }
}
