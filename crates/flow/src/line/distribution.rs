use serde::{Deserialize, Serialize};

use crate::line::normal::{normal_below, normal_quantile};
use crate::line::random::Random;

/// How long something takes, seconds; never below 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Distribution {
    /// Always as long.
    Constant(f64),
    /// Exponential with that mean: without memory.
    Exponential(f64),
    /// The sum of `stages` exponential times.
    Erlang {
        /// Mean of the sum, s.
        mean_s: f64,
        /// How many, 1 to 100.
        stages: u32,
    },
    /// The logarithm is normal: what work by machines and people, and repairs, look like.
    LogNormal {
        /// As often more as less, s.
        median_s: f64,
        /// Standard deviation of the logarithm.
        log_sigma: f64,
    },
    /// One of the values seen, each as likely.
    Empirical(Values),
    /// A number of slots, 1 and more: each is the last with that probability.
    Geometric {
        /// Above 0 and at most 1.
        probability: f64,
        /// Length of a slot, s.
        slot_s: f64,
    },
}

/// Values that were seen, in ascending order; not empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values(Vec<f64>);

impl Values {
    /// The values; `None` if there are none, or one is negative or no number.
    pub fn new(mut values: Vec<f64>) -> Option<Self> {
        let is_sound = !values.is_empty() && values.iter().all(|value| value.is_finite() && *value >= 0.0);
        values.sort_by(f64::total_cmp);
        is_sound.then_some(Self(values))
    }

    /// The values in ascending order.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    fn at(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[((share * self.0.len() as f64) as usize).min(last)]
    }
}

/// Draws until one is beyond what has passed already, at most.
const DRAWS_MAX: u32 = 64;

/// The most stages of an Erlang distribution: the product of so many uniform numbers is still far above the smallest.
const STAGES_MAX: u32 = 100;

impl Distribution {
    /// The log-normal distribution with that mean, s, and coefficient of variation; constant where that is 0.
    pub fn log_normal(mean_s: f64, variation: f64) -> Self {
        if variation <= 0.0 || mean_s <= 0.0 {
            return Self::Constant(mean_s.max(0.0));
        }
        let log_variance = libm::log1p(variation * variation);
        Self::LogNormal { median_s: mean_s / (1.0 + variation * variation).sqrt(), log_sigma: log_variance.sqrt() }
    }

    /// Whether it gives times that are finite and not negative.
    pub(crate) fn is_sound(&self) -> bool {
        let is_time = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
        let has_mean = is_time(self.mean_s());
        match self {
            Self::Constant(_) | Self::Exponential(_) | Self::Empirical(_) => has_mean,
            Self::Erlang { stages, .. } => has_mean && (1..=STAGES_MAX).contains(stages),
            Self::LogNormal { log_sigma, .. } => has_mean && is_time(*log_sigma),
            Self::Geometric { probability, slot_s } => {
                has_mean && is_time(*slot_s) && *probability > 0.0 && *probability <= 1.0
            }
        }
    }

    /// Its mean, s.
    pub fn mean_s(&self) -> f64 {
        match self {
            Self::Constant(seconds) | Self::Exponential(seconds) => *seconds,
            Self::Erlang { mean_s, .. } => *mean_s,
            Self::LogNormal { median_s, log_sigma } => median_s * libm::exp(0.5 * log_sigma * log_sigma),
            Self::Empirical(Values(values)) => values.iter().sum::<f64>() / values.len() as f64,
            Self::Geometric { probability, slot_s } => slot_s / probability,
        }
    }

    /// The same, with every time multiplied by `factor`, which is not negative.
    pub fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::Constant(seconds) => Self::Constant(seconds * factor),
            Self::Exponential(mean_s) => Self::Exponential(mean_s * factor),
            Self::Erlang { mean_s, stages } => Self::Erlang { mean_s: mean_s * factor, stages: *stages },
            Self::LogNormal { median_s, log_sigma } => {
                Self::LogNormal { median_s: median_s * factor, log_sigma: *log_sigma }
            }
            Self::Empirical(Values(values)) => {
                Self::Empirical(Values(values.iter().map(|value| value * factor).collect()))
            }
            Self::Geometric { probability, slot_s } => {
                Self::Geometric { probability: *probability, slot_s: slot_s * factor }
            }
        }
    }

    /// A time by chance, s.
    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        match self {
            Self::Constant(seconds) => *seconds,
            Self::Exponential(mean_s) => mean_s * random.exponential(),
            Self::Erlang { mean_s, stages } => {
                let product: f64 = (0..*stages).map(|_| random.uniform()).product();
                -libm::log(product) * mean_s / f64::from(*stages)
            }
            Self::LogNormal { median_s, log_sigma } => median_s * libm::exp(log_sigma * random.normal()),
            Self::Empirical(values) => values.at(random.uniform()),
            Self::Geometric { probability, slot_s } => {
                let slots = libm::ceil(random.exponential() / -libm::log1p(-probability));
                slots.max(1.0) * slot_s
            }
        }
    }

    /// What is left by chance of a time of which `elapsed_s` have passed, s.
    pub(crate) fn draw_rest(&self, elapsed_s: f64, random: &mut Random) -> f64 {
        let whole_s = match self {
            Self::Exponential(mean_s) => return mean_s * random.exponential(),
            Self::LogNormal { median_s, log_sigma } if elapsed_s > 0.0 && *log_sigma > 0.0 => {
                let below = normal_below(libm::log(elapsed_s / median_s) / log_sigma);
                let share = below + random.uniform() * (1.0 - below);
                // So far out that nothing is left between there and 1.
                if share < 1.0 { median_s * libm::exp(log_sigma * normal_quantile(share)) } else { elapsed_s }
            }
            Self::Empirical(Values(values)) => {
                let first = values.partition_point(|&value| value <= elapsed_s);
                let beyond = &values[first..];
                let place = (random.uniform() * beyond.len() as f64) as usize;
                beyond.get(place).copied().unwrap_or(elapsed_s)
            }
            _ => {
                let mut draws = (0..DRAWS_MAX).map(|_| self.draw(random));
                draws.find(|&whole_s| whole_s > elapsed_s).unwrap_or(elapsed_s)
            }
        };
        (whole_s - elapsed_s).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::random::Purpose;

    fn all() -> Vec<Distribution> {
        vec![
            Distribution::Constant(3.0),
            Distribution::Exponential(3.0),
            Distribution::Erlang { mean_s: 3.0, stages: 4 },
            Distribution::log_normal(3.0, 0.8),
            Distribution::Empirical(Values(vec![0.5, 1.0, 1.5, 9.0])),
            Distribution::Geometric { probability: 0.2, slot_s: 0.6 },
        ]
    }

    #[test]
    fn draws_have_the_mean_that_they_should_have() {
        for distribution in all() {
            let mut random = Random::new(5, 0, 0, Purpose::Work);
            let count = 100_000;
            let mean = (0..count).map(|_| distribution.draw(&mut random)).sum::<f64>() / f64::from(count);
            assert!((distribution.mean_s() - 3.0).abs() < 1e-12, "{distribution:?}");
            assert!((mean / 3.0 - 1.0).abs() < 0.015, "{distribution:?}: {mean}");
            assert!((distribution.scaled(2.0).mean_s() - 6.0).abs() < 1e-12, "{distribution:?}");
        }
    }

    /// By definition: the mean of what is left is that of the draws that are longer.
    #[test]
    fn what_is_left_is_what_longer_times_have_left() {
        for distribution in all() {
            let mut random = Random::new(6, 0, 0, Purpose::Work);
            let (count, elapsed_s) = (200_000, 2.0);
            let rests = (0..count).map(|_| distribution.draw_rest(elapsed_s, &mut random)).sum::<f64>();
            let longer: Vec<f64> =
                (0..count).map(|_| distribution.draw(&mut random) - elapsed_s).filter(|&rest_s| rest_s > 0.0).collect();
            let (rest, expected) = (rests / f64::from(count), longer.iter().sum::<f64>() / longer.len() as f64);
            assert!((rest / expected - 1.0).abs() < 0.03, "{distribution:?}: {rest}, expected {expected}");
        }
    }
}
