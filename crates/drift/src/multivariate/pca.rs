use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::error::FitError;
use super::hotelling::t2_limit;
use super::standard::{Standard, VARIANCE_MIN, principal_axes};
use crate::special::to_nine_digits;

/// Principal components of the standardised columns: T2 within the plane that they span, and SPE, the squared distance
/// from that plane (also called Q).
///
/// J. E. Jackson and G. S. Mudholkar, Technometrics 21 (1979) 341; T. Kourti and J. F. MacGregor, Chemometrics and
/// Intelligent Laboratory Systems 28 (1995) 3. A column that is constant in training takes no part; columns that follow
/// from each other do no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    standard: Standard,
    components: Vec<Component>,
    t2_limit: f64,
    spe_limit: f64,
    row: Vec<f64>,
    t2_parts: Vec<f64>,
    spe_parts: Vec<f64>,
    t2_contributions: Vec<f64>,
    spe_contributions: Vec<f64>,
}

/// A principal component that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Component {
    variance: f64,
    loadings: Vec<f64>,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcaDistance {
    /// Distance from the mean within the plane, squared, in units of the components' variances.
    pub t2: f64,
    /// Distance from the plane, squared, in standardised units.
    pub spe: f64,
}

impl Pca {
    /// Learns from the training rows without a gap. So many components are kept as explain `explained_share` of the
    /// variance, 0 to 1, and at least one. `false_alarm_rate` is the share of rows, later and in control, over each limit.
    pub fn fit<R: AsRef<[f64]>>(training: &[R], explained_share: f64, false_alarm_rate: f64) -> Result<Self, FitError> {
        let (standard, correlation) = Standard::fit(training)?;
        let mut axes = principal_axes(correlation);
        axes.retain(|&(variance, _)| variance > VARIANCE_MIN);
        let total: f64 = axes.iter().map(|&(variance, _)| variance).sum();
        let mut explained = 0.0;
        let enough = axes.iter().position(|&(variance, _)| {
            explained += variance;
            explained >= explained_share * total
        });
        let kept = enough.map_or(axes.len(), |last| last + 1);
        let left: Vec<f64> = axes[kept..].iter().map(|&(variance, _)| variance).collect();
        let components = axes.into_iter().take(kept).map(|(variance, loadings)| Component { variance, loadings });
        let buffer = vec![0.0; standard.len()];
        let contributions = vec![0.0; standard.width()];
        Ok(Self {
            components: components.collect(),
            t2_limit: t2_limit(kept, standard.rows, false_alarm_rate),
            spe_limit: spe_limit(&left, standard.len(), standard.rows, false_alarm_rate),
            standard,
            row: buffer.clone(),
            t2_parts: buffer.clone(),
            spe_parts: buffer,
            t2_contributions: contributions.clone(),
            spe_contributions: contributions,
        })
    }

    /// Where a row lies; None if a column has no number in it.
    pub fn observe(&mut self, row: &[f64]) -> Option<PcaDistance> {
        if !self.standard.apply(row, &mut self.row) {
            return None;
        }
        self.t2_parts.fill(0.0);
        self.spe_parts.copy_from_slice(&self.row);
        for component in &self.components {
            let score: f64 = component.loadings.iter().zip(&self.row).map(|(loading, value)| loading * value).sum();
            let parts = self.t2_parts.iter_mut().zip(&mut self.spe_parts);
            for (((t2, rest), loading), value) in parts.zip(&component.loadings).zip(&self.row) {
                *t2 += score / component.variance * loading * value;
                *rest -= score * loading;
            }
        }
        self.spe_parts.iter_mut().for_each(|rest| *rest *= *rest);
        self.standard.scatter(&self.t2_parts, &mut self.t2_contributions);
        self.standard.scatter(&self.spe_parts, &mut self.spe_contributions);
        Some(PcaDistance { t2: self.t2_parts.iter().sum(), spe: self.spe_parts.iter().sum() })
    }

    /// Components that are kept.
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// What each column adds to the last T2. They sum to it; one can be below 0.
    pub fn t2_contributions(&self) -> &[f64] {
        &self.t2_contributions
    }

    /// What each column adds to the last SPE: the square of what the components leave of it.
    pub fn spe_contributions(&self) -> &[f64] {
        &self.spe_contributions
    }

    /// The limit of T2, by Fisher's distribution.
    pub fn t2_limit(&self) -> f64 {
        self.t2_limit
    }

    /// The limit of SPE; 0 if the components leave nothing.
    pub fn spe_limit(&self) -> f64 {
        self.spe_limit
    }
}

/// The limit of a sum of squares with these variances, by the chi-square distribution with the same mean and variance:
/// G. E. P. Box, Annals of Mathematical Statistics 25 (1954) 290. The variances being estimated from so many rows and
/// columns, Fisher's distribution takes its place, with the degrees of freedom and the factor that T2 has.
fn spe_limit(variances: &[f64], columns: usize, rows: usize, false_alarm_rate: f64) -> f64 {
    let (p, n) = (columns as f64, rows as f64);
    let mean: f64 = variances.iter().sum();
    let squares: f64 = variances.iter().map(|variance| variance * variance).sum();
    let quantile = |degrees: f64| {
        FisherSnedecor::new(degrees, n - p).map_or(f64::INFINITY, |f| f.inverse_cdf(1.0 - false_alarm_rate))
    };
    let estimated = (1.0 + 1.0 / n) * (n - 1.0) / (n - p);
    if squares > 0.0 { to_nine_digits(estimated * mean * quantile(mean * mean / squares)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With equal variances the sum of squares is a chi-square: 11.0705 at 95 % and 5 degrees.
    #[test]
    fn the_limit_of_spe_is_chi_squares() {
        assert!((spe_limit(&[2.0; 5], 5, 1_000_000, 0.05) / (2.0 * 11.0705) - 1.0).abs() < 1e-4);
        assert_eq!(spe_limit(&[], 5, 1_000, 0.05), 0.0);
    }
}
