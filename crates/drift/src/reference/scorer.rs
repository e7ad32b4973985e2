use serde::{Deserialize, Serialize};

use super::{Shape, Whitener};

/// Turns standardised residuals into independent standard normal scores, whatever their distribution and however each
/// follows from the one before: all charts and their thresholds stand on this.
///
/// What follows from the predecessor is taken out, what is left is ranked among all before it, and the mean of the scores
/// so far is subtracted. Everything is learnt as it goes, from what came before only (self-starting), so the scores are
/// right from the first ones on as far as chance allows; [`Scorer::widening`] is what it does not allow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scorer {
    whitener: Whitener,
    shape: Shape,
    mean: f64,
    learnt: u32,
}

impl Scorer {
    /// Residuals beyond this many standard deviations are all alike: one of them must not teach how values follow each
    /// other.
    const WILD: f64 = 8.0;
    /// Scores that their mean is taken over; older ones fade.
    const MEAN_MEMORY: f64 = 16_384.0;
    /// Variance of the logarithm of the variance of sums, times the values learnt; and times the values kept.
    const CHANCE: f64 = 6.0;
    const KEPT_CHANCE: f64 = 2.0;

    /// Values learnt from.
    pub fn learnt(&self) -> u32 {
        self.learnt
    }

    /// The score of the next standardised residual; learns from it if told so. One that is not a number gives 0 and
    /// changes nothing.
    pub fn observe(&mut self, z: f64, learns: bool) -> f64 {
        if z.is_nan() {
            return 0.0;
        }
        let z = z.clamp(-Self::WILD, Self::WILD);
        let rank_score = self.shape.observe(self.whitener.observe(z, learns), learns);
        let score = rank_score - self.mean;
        if learns {
            self.learnt = self.learnt.saturating_add(1);
            self.mean += score / f64::from(self.learnt).min(Self::MEAN_MEMORY);
        }
        score
    }

    /// What scores are to be divided by before a chart whose log-likelihood threshold is `threshold` sees them, at
    /// least 1.
    ///
    /// The rate of false alarms falls with the threshold as `exp(-threshold / v)`, `v` being the variance of sums of
    /// scores. With `n` values learnt, `v` is off by chance: its logarithm has a variance of about 4 / n from the error
    /// of the autocorrelation, and half as much again from the shape, which never knows more than the values that it
    /// keeps. The mean rate over that chance is larger by `exp(threshold^2 variance / 2)`; a threshold larger by the
    /// factor `1 + threshold variance / 2` makes up for it.
    pub fn widening(&self, threshold: f64) -> f64 {
        let variance = Self::CHANCE / f64::from(self.learnt.max(1)) + Self::KEPT_CHANCE / Shape::VALUES_MAX as f64;
        libm::sqrt(1.0 + 0.5 * threshold * variance)
    }
}
