use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::error::FitError;
use super::hotelling::{Distance, t2_limit_of_mean};
use super::mewma_run_length::mewma_threshold;

/// Multivariate EWMA: rows are smoothed, and the distance of the smoothed row from the training mean is charted. Finds a
/// small shift that lasts, whichever columns it is spread over.
///
/// C. A. Lowry, W. H. Woodall, C. W. Champ and S. E. Rigdon, Technometrics 34 (1992) 46, with the covariance that the
/// smoothed row has in the long run. What is estimated in training is not known exactly: the threshold is exceeded by an
/// estimated distance as often as the one that is solved for a known mean and covariance is by a known one (Fisher's
/// distribution in place of chi-square, as for [`super::HotellingT2`]). A column that is constant in training takes no
/// part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mewma {
    distance: Distance,
    smoothing: f64,
    smoothed: Vec<f64>,
    contributions: Vec<f64>,
    threshold: f64,
}

impl Mewma {
    /// Learns from the training rows without a gap, which must be in control and at least two more than there are columns.
    /// `smoothing` is the weight of the newest row, over 0 and at most 1; `arl` the average number of rows between false
    /// alarms.
    pub fn fit<R: AsRef<[f64]>>(training: &[R], smoothing: f64, arl: f64) -> Result<Self, FitError> {
        let distance = Distance::fit(training)?;
        let (columns, rows) = (distance.standard.len(), distance.standard.rows);
        let known = mewma_threshold(columns, smoothing, arl);
        let beyond = ChiSquared::new(columns as f64).map_or(0.0, |chi| chi.sf(known));
        Ok(Self {
            smoothing,
            smoothed: vec![0.0; columns],
            contributions: vec![0.0; distance.standard.width()],
            threshold: t2_limit_of_mean(columns, rows, rows_worth(smoothing), beyond),
            distance,
        })
    }

    /// The statistic after that row; None, and nothing is changed, if a column has no number in it.
    pub fn observe(&mut self, row: &[f64]) -> Option<f64> {
        self.distance.standardise(row)?;
        for (smoothed, value) in self.smoothed.iter_mut().zip(&mut self.distance.row) {
            *smoothed += self.smoothing * (*value - *smoothed);
            *value = *smoothed;
        }
        let scale = rows_worth(self.smoothing);
        let squared = self.distance.squared(&mut self.contributions);
        self.contributions.iter_mut().for_each(|contribution| *contribution *= scale);
        Some(scale * squared)
    }

    /// What each column adds to the last statistic, like [`super::HotellingT2::contributions`].
    pub fn contributions(&self) -> &[f64] {
        &self.contributions
    }

    /// The threshold on the statistic.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Forgets all rows: the process was changed on purpose.
    pub fn reset(&mut self) {
        self.smoothed.fill(0.0);
    }
}

/// The number of rows whose mean has the variance that a smoothed row has in the long run.
fn rows_worth(smoothing: f64) -> f64 {
    (2.0 - smoothing) / smoothing
}
