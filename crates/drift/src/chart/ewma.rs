use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// Two-sided exponentially weighted moving average of standardised observations.
///
/// S. W. Roberts, Technometrics 1 (1959) 239; D. C. Montgomery, Introduction to Statistical Quality Control, 9.2. The
/// statistic is the average in its own standard deviations. Onset is the observation after which the average was on one
/// side of 0 (K. Nishina, Quality and Reliability Engineering International 8 (1992) 537), and as long as it stays there
/// the shift stands: an average that dips under the limit and comes back is one alarm, as its run length has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ewma {
    weight: f64,
    limit: f64,
    exact: bool,
    average: f64,
    /// What the average still lacks of its variance after a long time, as a share: `(1 - weight)^(2 t)`.
    lacking: f64,
    onset_mark: i64,
    run: u32,
    total: f64,
    standing: Option<Direction>,
}

impl Ewma {
    /// A chart with that weight of the newest observation, above 0 and up to 1, and limits at ± `limit` standard
    /// deviations of the average after a long time. For these limits [`ewma_limit`](crate::calibration::ewma_limit) solves.
    pub fn new(weight: f64, limit: f64) -> Self {
        Self {
            weight,
            limit,
            exact: false,
            average: 0.0,
            lacking: 1.0,
            onset_mark: 0,
            run: 0,
            total: 0.0,
            standing: None,
        }
    }

    /// The same chart with limits at ± `limit` standard deviations of the average as it is at each observation: narrower
    /// at the beginning, so it finds a bad start sooner, and its in-control run length is a little shorter.
    pub fn with_exact_limits(self) -> Self {
        Self { exact: true, ..self }
    }

    /// The average, standard deviations of an observation.
    pub fn average(&self) -> f64 {
        self.average
    }

    /// What the limits are now, ± standard deviations of an observation.
    pub fn bound(&self) -> f64 {
        self.limit * self.spread()
    }

    /// The average, in its own standard deviations, without sign; 0 before the first observation.
    pub fn statistic(&self) -> f64 {
        if self.run == 0 { 0.0 } else { self.average.abs() / self.spread() }
    }

    /// The threshold of the statistic.
    pub fn threshold(&self) -> f64 {
        self.limit
    }

    /// Whether a shift stands.
    pub fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// Takes the next observation in. `mark` is the caller's name for it (a time, a number); it comes back as onset.
    /// An observation that is not finite changes nothing.
    pub fn observe(&mut self, z: f64, mark: i64) -> Step {
        if !z.is_finite() {
            return Step::Quiet;
        }
        let kept = 1.0 - self.weight;
        let before = self.average;
        self.average = kept * before + self.weight * z;
        self.lacking *= kept * kept;
        let same_side = self.average > 0.0 && before > 0.0 || self.average < 0.0 && before < 0.0;
        if !same_side {
            (self.onset_mark, self.run, self.total) = (mark, 0, 0.0);
        }
        self.run = self.run.saturating_add(1);
        self.total += z;

        let direction = if self.average < 0.0 { Direction::Down } else { Direction::Up };
        let stood = self.standing;
        let goes_on = same_side && stood == Some(direction);
        self.standing = (goes_on || self.statistic() > self.limit).then_some(direction);
        match (stood, self.standing) {
            (stood, Some(direction)) if stood == Some(direction) => Step::Standing(self.shift(direction)),
            (_, Some(direction)) => Step::Raised(self.shift(direction)),
            (Some(_), None) => Step::Cleared,
            (None, None) => Step::Quiet,
        }
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        let stood = self.is_standing();
        *self = Self { exact: self.exact, ..Self::new(self.weight, self.limit) };
        stood
    }

    /// Standard deviation of the average, in those of an observation.
    fn spread(&self) -> f64 {
        let lacking = if self.exact { self.lacking } else { 0.0 };
        (self.weight / (2.0 - self.weight) * (1.0 - lacking)).sqrt()
    }

    fn shift(&self, direction: Direction) -> Shift {
        let size = (self.total / f64::from(self.run)).abs();
        Shift { direction, statistic: self.statistic(), onset_mark: self.onset_mark, run: self.run, size }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    /// D. C. Montgomery, Introduction to Statistical Quality Control, tables 9.1 and 9.10: mean 10, sigma 1, weight 0.1,
    /// limit 2.7; the mean goes to 11 at observation 21, and the 29th is the first out of control.
    #[test]
    fn montgomerys_example_is_reproduced() {
        let values = [
            9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08, 9.37,
            10.62, 10.31, 8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31, 10.52,
        ];
        let mut chart = Ewma::new(0.1, 2.7).with_exact_limits();
        let mut steps = Vec::new();
        for (value, mark) in values.into_iter().zip(1..) {
            steps.push(chart.observe(value - 10.0, mark));
            match mark {
                1 => assert!((chart.average() + 0.055).abs() < 1e-9 && (chart.bound() - 0.27).abs() < 1e-9),
                2 => assert!((chart.average() + 0.2505).abs() < 1e-9 && (chart.bound() - 0.36325).abs() < 5e-6),
                30 => assert!((chart.average() - 0.63414).abs() < 5e-6 && (chart.bound() - 0.61887).abs() < 5e-6),
                _ => {}
            }
        }
        assert!(steps[..28].iter().all(|step| *step == Step::Quiet));
        assert!(matches!(steps[28], Step::Raised(Shift { direction: Direction::Up, onset_mark: 20, run: 10, .. })));
        assert!(matches!(steps[29], Step::Standing(_)));
    }

    #[test]
    fn a_shift_that_turns_is_raised_again_and_one_that_goes_is_cleared() {
        let mut chart = Ewma::new(0.5, 2.0);
        let steps: Vec<Step> =
            [4.0, -9.0, 0.0, 0.0, 2.0].into_iter().zip(0..).map(|(z, mark)| chart.observe(z, mark)).collect();
        assert!(matches!(steps[0], Step::Raised(Shift { direction: Direction::Up, .. })));
        assert!(matches!(steps[1], Step::Raised(Shift { direction: Direction::Down, onset_mark: 1, .. })));
        assert!(matches!(steps[2..], [Step::Standing(_), Step::Standing(_), Step::Cleared]));
    }

    proptest! {
        /// The recursion against the definition, a weighted sum over all observations.
        #[test]
        fn the_average_is_the_weighted_sum(values in prop::collection::vec(-9.0..9.0f64, 1..60), weight in 0.01..1.0f64) {
            let mut chart = Ewma::new(weight, 3.0).with_exact_limits();
            values.iter().zip(0..).for_each(|(&z, mark)| { chart.observe(z, mark); });
            let weights: Vec<f64> = (0..values.len()).map(|age| weight * (1.0 - weight).powi(age as i32)).collect();
            let sum: f64 = values.iter().rev().zip(&weights).map(|(z, weight)| z * weight).sum();
            let spread = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
            prop_assert!((chart.average() - sum).abs() < 1e-12);
            prop_assert!((chart.bound() / (3.0 * spread) - 1.0).abs() < 1e-9);
        }

        #[test]
        fn a_restored_chart_goes_on_alike(values in prop::collection::vec(-4.0..4.0f64, 2..80), at in 0usize..79) {
            assert_goes_on_alike(Ewma::new(0.2, 1.5).with_exact_limits(), &values, at, |chart, z, mark| chart.observe(z, mark));
        }

        #[test]
        fn what_is_not_finite_changes_nothing(
            values in prop::collection::vec(
                prop_oneof![-4.0..4.0f64, prop::num::f64::ANY, Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
                0..60,
            ),
        ) {
            let mut chart = Ewma::new(0.2, 3.0);
            let mut clean = chart.clone();
            for (mark, &z) in values.iter().enumerate() {
                chart.observe(z, mark as i64);
                if z.is_finite() {
                    clean.observe(z, mark as i64);
                }
            }
            prop_assert_eq!(format!("{chart:?}"), format!("{clean:?}"));
            prop_assert!(chart.average().is_finite());
        }
    }
}
