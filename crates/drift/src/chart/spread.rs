use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// Likelihood-ratio CUSUM for a spread that has grown: soonest for half as much again.
///
/// For standard normal observations whose standard deviation becomes `ratio`, an observation z speaks for that by
/// `z^2 / 2 (1 - 1 / ratio^2) - ln ratio`; the sum of that is held at 0 from below (D. M. Hawkins and D. H. Olwell,
/// Cumulative Sum Charts (1998), chapter 4) and at the threshold from above, so that spread that has gone is seen to have
/// gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    threshold: f64,
    sum: f64,
    squares: f64,
    run: u32,
    onset_mark: i64,
    standing: bool,
}

impl Spread {
    /// The growth of the standard deviation that is found soonest.
    pub const RATIO: f64 = 1.5;

    /// A chart with that threshold of the log-likelihood ratio; see
    /// [`spread_threshold`](crate::calibration::spread_threshold).
    pub fn new(threshold: f64) -> Self {
        Self { threshold, sum: 0.0, squares: 0.0, run: 0, onset_mark: 0, standing: false }
    }

    /// The log-likelihood ratio, at least 0.
    pub fn statistic(&self) -> f64 {
        self.sum
    }

    /// The threshold of the log-likelihood ratio.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether grown spread stands.
    pub fn is_standing(&self) -> bool {
        self.standing
    }

    /// How much an observation speaks for grown spread.
    pub(crate) fn weight(z: f64) -> f64 {
        0.5 * z * z * (1.0 - 1.0 / (Self::RATIO * Self::RATIO)) - libm::log(Self::RATIO)
    }

    /// Takes the next standardised observation in. `mark` is the caller's name for it; it comes back as onset. The size
    /// of a raised shift is the standard deviation since then, in that of before. An observation that is not finite
    /// changes nothing.
    pub fn observe(&mut self, z: f64, mark: i64) -> Step {
        if !z.is_finite() {
            return Step::Quiet;
        }
        if self.sum == 0.0 {
            *self = Self { onset_mark: mark, ..Self::new(self.threshold) };
        }
        self.sum = (self.sum + Self::weight(z)).clamp(0.0, self.threshold);
        self.squares += z * z;
        self.run = self.run.saturating_add(1);
        let stood = self.standing;
        self.standing = self.sum >= self.threshold || (stood && self.sum > 0.0);
        match (stood, self.standing) {
            (false, true) => Step::Raised(self.shift()),
            (true, true) => Step::Standing(self.shift()),
            (true, false) => Step::Cleared,
            (false, false) => Step::Quiet,
        }
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether grown spread had stood.
    pub fn reset(&mut self) -> bool {
        let stood = self.standing;
        *self = Self::new(self.threshold);
        stood
    }

    fn shift(&self) -> Shift {
        Shift {
            direction: Direction::Up,
            statistic: self.sum,
            onset_mark: self.onset_mark,
            run: self.run,
            size: libm::sqrt(self.squares / f64::from(self.run.max(1))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    proptest! {
        #[test]
        fn the_statistic_is_the_most_that_any_run_up_to_now_speaks_for(
            values in prop::collection::vec(-4.0..4.0f64, 1..80),
        ) {
            let mut chart = Spread::new(1e9);
            for (mark, &z) in values.iter().enumerate() {
                chart.observe(z, mark as i64);
            }
            let most = (0..=values.len())
                .map(|from| values[from..].iter().map(|&z| Spread::weight(z)).sum::<f64>())
                .fold(0.0, f64::max);
            prop_assert!((chart.statistic() - most).abs() < 1e-9);
        }

        #[test]
        fn a_restored_chart_goes_on_alike(values in prop::collection::vec(any::<f64>(), 2..80), at in 0usize..79) {
            assert_goes_on_alike(Spread::new(3.0), &values, at, |chart, z, mark| chart.observe(z, mark));
        }
    }

    #[test]
    fn doubled_spread_is_raised_with_its_begin_and_clears() {
        let mut chart = Spread::new(6.0);
        let wave = |mark: i64| if mark % 2 == 0 { 0.9 } else { -0.9 };
        let raised =
            (0..100).find_map(|mark| match chart.observe(wave(mark) * if mark < 40 { 1.0 } else { 2.4 }, mark) {
                Step::Raised(shift) => Some(shift),
                _ => None,
            });
        let shift = raised.unwrap();
        assert_eq!((shift.onset_mark, shift.direction), (40, Direction::Up));
        assert!((shift.size - 2.16).abs() < 0.01, "{}", shift.size);
        assert!((0..100).any(|mark| chart.observe(wave(mark), mark) == Step::Cleared));
    }
}
