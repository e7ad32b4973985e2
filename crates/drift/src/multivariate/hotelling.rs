use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::error::FitError;
use super::standard::{Standard, VARIANCE_MIN, principal_axes};
use crate::special::to_nine_digits;

/// Hotelling's T2 of single rows: the squared distance from the training mean in units of the training covariance.
///
/// H. Hotelling in Techniques of Statistical Analysis, ed. Eisenhart, Hastay and Wallis (1947), 111. A column that is
/// constant in training takes no part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HotellingT2 {
    distance: Distance,
    contributions: Vec<f64>,
    limit: f64,
}

impl HotellingT2 {
    /// Learns from the training rows without a gap, which must be in control and at least two more than there are columns.
    /// `false_alarm_rate` is the share of rows, later and in control, that are over the limit.
    pub fn fit<R: AsRef<[f64]>>(training: &[R], false_alarm_rate: f64) -> Result<Self, FitError> {
        let distance = Distance::fit(training)?;
        let limit = t2_limit(distance.standard.len(), distance.standard.rows, false_alarm_rate);
        Ok(Self { contributions: vec![0.0; distance.standard.width()], distance, limit })
    }

    /// T2 of a row; None if a column has no number in it.
    pub fn observe(&mut self, row: &[f64]) -> Option<f64> {
        self.distance.standardise(row)?;
        Some(self.distance.squared(&mut self.contributions))
    }

    /// What each column adds to the last T2: its standardised value times its share of the distance. They sum to T2; one
    /// can be below 0, where a column lies as its relation to the others makes expect.
    pub fn contributions(&self) -> &[f64] {
        &self.contributions
    }

    /// The limit.
    pub fn limit(&self) -> f64 {
        self.limit
    }
}

/// The limit of T2 for rows that were not in training (phase II), by Fisher's distribution: N. D. Tracy, J. C. Young and
/// R. L. Mason, Journal of Quality Technology 24 (1992) 88. `rows` are those in training.
pub(super) fn t2_limit(columns: usize, rows: usize, false_alarm_rate: f64) -> f64 {
    t2_limit_of_mean(columns, rows, 1.0, false_alarm_rate)
}

/// The same for the mean of `worth` rows, or what has the variance of one: T2 is multiplied by that number.
pub(super) fn t2_limit_of_mean(columns: usize, rows: usize, worth: f64, false_alarm_rate: f64) -> f64 {
    let (p, n) = (columns as f64, rows as f64);
    let quantile = FisherSnedecor::new(p, n - p).map_or(f64::INFINITY, |f| f.inverse_cdf(1.0 - false_alarm_rate));
    to_nine_digits((1.0 + worth / n) * p * (n - 1.0) / (n - p) * quantile)
}

/// The squared distance of a standardised row from 0, and what each column adds to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Distance {
    pub(super) standard: Standard,
    /// The inverse of the covariance of the standardised columns, row by row.
    inverse: Vec<f64>,
    /// The row at hand, standardised.
    pub(super) row: Vec<f64>,
    parts: Vec<f64>,
}

impl Distance {
    pub(super) fn fit<R: AsRef<[f64]>>(training: &[R]) -> Result<Self, FitError> {
        let (standard, correlation) = Standard::fit(training)?;
        let columns = standard.len();
        let axes = principal_axes(correlation);
        if axes.iter().any(|&(variance, _)| variance < VARIANCE_MIN) {
            return Err(FitError::LinearlyDependent);
        }
        // The spread is that of the rows as a whole; the covariance of a sample of them is larger by n / (n - 1).
        let unbiased = (standard.rows as f64 - 1.0) / standard.rows as f64;
        let mut inverse = vec![0.0; columns * columns];
        for (variance, axis) in &axes {
            for (cell, index) in inverse.iter_mut().zip(0..) {
                *cell += unbiased * axis[index / columns] * axis[index % columns] / variance;
            }
        }
        Ok(Self { row: vec![0.0; columns], parts: vec![0.0; columns], standard, inverse })
    }

    pub(super) fn standardise(&mut self, row: &[f64]) -> Option<()> {
        self.standard.apply(row, &mut self.row).then_some(())
    }

    /// The squared distance of the row at hand. What each column adds is written into `contributions`.
    pub(super) fn squared(&mut self, contributions: &mut [f64]) -> f64 {
        let columns = self.row.len();
        for ((part, value), inverse) in self.parts.iter_mut().zip(&self.row).zip(self.inverse.chunks_exact(columns)) {
            *part = value * inverse.iter().zip(&self.row).map(|(weight, other)| weight * other).sum::<f64>();
        }
        self.standard.scatter(&self.parts, contributions);
        self.parts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For one column T2 is the square of Student's t, so the limit is that of its quantile: 2.2281 at 97.5 % and 10
    /// degrees, for one row against 11 of training.
    #[test]
    fn the_limit_for_one_column_is_students() {
        let expected = 2.2281f64.powi(2) * (1.0 + 1.0 / 11.0);
        assert!((t2_limit(1, 11, 0.05) / expected - 1.0).abs() < 1e-4);
    }

    /// For many rows the limit is the chi-square quantile: 9.2103 at 99 % and 2 degrees.
    #[test]
    fn the_limit_after_long_training_is_chi_squares() {
        assert!((t2_limit(2, 1_000_000, 0.01) / 9.2103 - 1.0).abs() < 1e-4);
    }
}
