use serde::{Deserialize, Serialize};

use crate::is_measurement;

/// What one column was in the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct ColumnFit {
    /// Mean, in the column's unit.
    pub(super) mean: f64,
    /// Standard deviation of a single value, in the column's unit.
    pub(super) spread: f64,
    /// Variance that the mean of many values has, times their number, in squared spreads: 1 for independent values,
    /// more for a column that wanders.
    pub(super) long_run_variance: f64,
    /// Values that were numbers.
    pub(super) count: f64,
    /// Degrees of freedom of the spread, as so many independent values would have.
    pub(super) degrees: f64,
}

impl ColumnFit {
    /// Fewest values to judge a column by.
    pub(super) const COUNT_MIN: usize = 20;
    /// A spread below so many units in the last place is that of rounding.
    const ROUNDING: f64 = 4.0;
    /// Wallace's approximation, by which scores are made, holds from here on.
    const DEGREES_MIN: f64 = 5.0;

    /// None if the column has too few values or does not vary.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let numbers = || values.iter().copied().filter(|&value| is_measurement(value));
        let count = numbers().count();
        if count < Self::COUNT_MIN {
            return None;
        }
        // About the first value, so that a large offset costs no digits.
        let origin = numbers().next()?;
        let mean = origin + numbers().map(|value| value - origin).sum::<f64>() / count as f64;
        let magnitude = numbers().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let covariance = |lag: usize| {
            let pairs = values.iter().zip(&values[lag..]);
            let products =
                pairs.filter(|&(&a, &b)| is_measurement(a) && is_measurement(b)).map(|(a, b)| (a - mean) * (b - mean));
            products.sum::<f64>() / count as f64
        };
        let variance = covariance(0);
        let spread = libm::sqrt(variance);
        if spread <= Self::ROUNDING * f64::EPSILON * magnitude {
            return None;
        }
        let long_run_variance = long_run_variance(covariance(1) / variance, covariance(2) / variance, count as f64);
        let degrees = (count as f64 / long_run_variance.max(1.0) - 1.0).max(Self::DEGREES_MIN);
        Some(Self { mean, spread, long_run_variance, count: count as f64, degrees })
    }
}

/// The long-run variance of a stationary series, in that of a single value, from its first two autocorrelations.
///
/// A column is taken for a wandering level plus independent noise, the level a first-order autoregression: ARMA(1, 1),
/// with its coefficient from the ratio of the two autocorrelations, which noise does not touch. The coefficient of a
/// short series is estimated too low, by (1 + 3 phi) / n (M. G. Kendall, Biometrika 41 (1954) 403; F. H. C. Marriott and
/// J. A. Pope, ibid. 390), and is corrected for that: what wanders must not pass for steady. Where the first
/// autocorrelation does not stand out from chance, there is no level to find and it is a first-order autoregression.
fn long_run_variance(first: f64, second: f64, count: f64) -> f64 {
    /// No column is believed to average out faster than this.
    const VARIANCE_MIN: f64 = 0.25;
    if first < 2.0 / libm::sqrt(count) {
        return ((1.0 + first) / (1.0 - first)).max(VARIANCE_MIN);
    }
    let estimated = (second / first).clamp(0.0, 1.0);
    let persistence = (estimated + (1.0 + 3.0 * estimated) / count).min(1.0 - 1.0 / count);
    let level = (first / persistence).min(1.0);
    level * (1.0 + persistence) / (1.0 - persistence) + (1.0 - level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    /// The long-run variance against its definition, the variance of means of batches times their size.
    fn check(values: &[f64], batch: usize, tolerance: f64) {
        let Some(fit) = ColumnFit::new(values) else { panic!("no fit") };
        let means = values.chunks_exact(batch).map(|batch| batch.iter().sum::<f64>() / batch.len() as f64 - fit.mean);
        let count = (values.len() / batch) as f64;
        let defined = batch as f64 * means.map(|mean| mean * mean).sum::<f64>() / count / (fit.spread * fit.spread);
        assert!((fit.long_run_variance / defined - 1.0).abs() < tolerance, "{} {defined}", fit.long_run_variance);
    }

    #[test]
    fn independent_values_have_a_long_run_variance_of_1() {
        let values: Vec<f64> = (0..20_000).map(Noise::at).collect();
        check(&values, 50, 0.15);
        check(&values, 1, 0.05);
    }

    #[test]
    fn a_wandering_level_under_noise_is_seen_through_it() {
        let mut level = 0.0;
        let wander = |step: u64| {
            level = 0.95 * level + 0.3 * Noise::at(2 * step);
            level + Noise::at(2 * step + 1)
        };
        check(&(0..40_000).map(wander).collect::<Vec<_>>(), 400, 0.25);
    }

    #[test]
    fn too_few_values_constants_and_rounding_errors_are_no_column() {
        assert_eq!(ColumnFit::new(&[1.0, 2.0, f64::NAN, 3.0]), None);
        assert_eq!(ColumnFit::new(&[7.1; 100]), None);
        let rounding: Vec<f64> = (0..100).map(|step| 1e9 + if step % 2 == 0 { 1.2e-7 } else { 0.0 }).collect();
        assert_eq!(ColumnFit::new(&rounding), None);
    }
}
