use serde::{Deserialize, Serialize};

use crate::is_measurement;

/// What a value is at each phase of a cycle, a day or a week, learnt as it goes; what is left of a value has no such cycle.
///
/// The cycle is cut into [`Season::PHASES`] phases, each with the mean of the values seen in it. What is left of the next
/// value is its difference from the mean of `n` before it, times the root of `n / (n + 1)`: these recursive residuals have
/// the variance of a single value and are independent of each other, however few cycles were seen (R. L. Brown, J. Durbin
/// and J. M. Evans, JRSS B 37 (1975) 149). Nothing is left during the first cycle, nor of a phase that was never seen.
/// A profile that changes slowly is followed: each mean is one over [`Season::MEMORY`] values at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Season {
    period: f64,
    begin: Option<f64>,
    phases: Vec<Phase>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Phase {
    mean: f64,
    weight: f64,
}

impl Season {
    /// Phases of a cycle: half hours of a week, about 4 minutes of a day.
    pub const PHASES: usize = 336;
    /// Values that the mean of a phase is taken over; older ones fade.
    pub const MEMORY: f64 = 1_000.0;

    /// A season that has seen nothing. `period` is in the unit of the times that come with the values; `None` if it is not
    /// above 0.
    pub fn new(period: f64) -> Option<Self> {
        let is_possible = period > 0.0 && period.is_finite();
        is_possible.then(|| Self { period, begin: None, phases: vec![Phase::default(); Self::PHASES] })
    }

    /// What is left of a value, if enough is known, in its unit; learns from it if told so. A time or value that is not
    /// finite, or a value beyond 1e100, changes nothing.
    pub fn observe(&mut self, time: f64, value: f64, learns: bool) -> Option<f64> {
        if !time.is_finite() || !is_measurement(value) {
            return None;
        }
        let begin = *self.begin.get_or_insert(time);
        // The remainder is exact, so that the same time of day is the same phase on all days.
        let place = (time.rem_euclid(self.period) / self.period * Self::PHASES as f64) as usize;
        let phase = &mut self.phases[place.min(Self::PHASES - 1)];
        let error = value - phase.mean;
        let is_known = time - begin >= self.period && phase.weight > 0.0;
        let left = is_known.then(|| error * libm::sqrt(phase.weight / (phase.weight + 1.0)));
        if learns {
            phase.weight = (phase.weight + 1.0).min(Self::MEMORY);
            phase.mean += error / phase.weight;
        }
        left
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Noise, assert_goes_on_alike};

    /// Hours of weeks whose days differ by up to 20; what is left is the noise, of unit variance from the second week on.
    #[test]
    fn what_is_left_of_a_week_is_noise() {
        let mut noise = Noise::new(11);
        let mut season = Season::new(168.0).unwrap();
        let (mut count, mut sum, mut squares, mut products, mut last) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for hour in 0..168 * 12_u32 {
            let level = f64::from(hour % 168 / 24) * 3.0 + f64::from(hour % 24 % 7);
            let left = season.observe(f64::from(hour), 1e6 + level + noise.normal(), true);
            assert_eq!(left.is_some(), hour >= 168, "{hour}");
            if let Some(left) = left {
                (count, sum, squares, products) =
                    (count + 1.0, sum + left, squares + left * left, products + left * last);
                last = left;
            }
        }
        assert!((sum / count).abs() < 0.1, "{sum}");
        assert!((squares / count - 1.0).abs() < 0.1, "{squares}");
        assert!((products / count).abs() < 0.1, "{products}");
    }

    #[test]
    fn what_is_not_learnt_is_not_remembered() {
        let mut season = Season::new(10.0).unwrap();
        (0..20).for_each(|step| _ = season.observe(f64::from(step), 5.0, true));
        let before = season.clone();
        assert_eq!(season.observe(20.0, 9.0, false), Some(4.0 * (2.0_f64 / 3.0).sqrt()));
        for (time, value) in [(f64::NAN, 1.0), (21.0, f64::NAN), (21.0, f64::INFINITY), (21.0, 1e101)] {
            assert_eq!(season.observe(time, value, true), None);
        }
        assert_eq!(season, before);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(Season::new), [const { None }; 4]);
    }

    proptest! {
        /// The recursion against the definition, over values before in the same phase.
        #[test]
        fn what_is_left_is_the_difference_from_the_mean_before(values in prop::collection::vec(-9.0..9.0f64, 8..60)) {
            let mut season = Season::new(4.0).unwrap();
            for (step, &value) in values.iter().enumerate() {
                let left = season.observe(step as f64, value, true);
                let before: Vec<f64> = values[..step].iter().skip(step % 4).step_by(4).copied().collect();
                let n = before.len() as f64;
                let expected = (step >= 4).then(|| (value - before.iter().sum::<f64>() / n) * (n / (n + 1.0)).sqrt());
                prop_assert_eq!(left.is_some(), expected.is_some());
                prop_assert!(left.zip(expected).is_none_or(|(left, expected)| (left - expected).abs() < 1e-9));
            }
        }

        #[test]
        fn a_restored_season_goes_on_alike(values in prop::collection::vec(any::<f64>(), 2..60), at in 0usize..59) {
            let season = Season::new(7.0).unwrap();
            assert_goes_on_alike(season, &values, at, |season, value, mark| season.observe(mark as f64, value, mark % 3 > 0));
        }
    }
}
