use serde::{Deserialize, Serialize};

/// Foretells where a stream of standardised residuals has wandered to, so that a process that wanders over hours in normal
/// operation is not taken for one that drifts.
///
/// The stream is looked at as a level that returns to 0 by itself, under noise. The best prediction of such a stream is an
/// exponentially weighted mean (J. F. Muth, Journal of the American Statistical Association 55 (1960) 299) of which a
/// share is kept from one residual to the next. Which gain and which share fit is learnt by running a grid of them side by
/// side; the sums of their squared errors tell how likely each one is. Of all that the record does not speak against, the
/// one with the largest gain is used: a feature is believed to wander until it has shown that it does not.
///
/// Gains are small, so that only what is slow is taken out; what residuals that are near each other have in common is
/// left.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Wander {
    /// What each model foretells of the next residual.
    foretold: [f64; MODELS],
    /// What each foretells of the next residual that is learnt from, which comes later.
    foretold_to_learn: [f64; MODELS],
    /// Sum of the squared errors of each model.
    squares: [f64; MODELS],
    learnt: u32,
    /// Place of the model in use.
    used: u32,
}

/// What part of an error is taken for a move of the level.
const GAINS: [f64; 4] = [0.08, 0.04, 0.02, 0.01];
/// What share of the level is kept: time constants of 333, 100, 33 and 9 residuals.
const KEPT: [f64; 4] = [0.997, 0.99, 0.97, 0.9];
/// Every gain with every share, the largest first, and at last a level that never moves.
const MODELS: usize = GAINS.len() * KEPT.len() + 1;

impl Wander {
    /// Errors beyond this many standard deviations are all alike: one wild value must not decide.
    const ERROR_MAX: f64 = 4.0;
    /// By how much the log-likelihood of a model may be below the largest one for the record not to speak against it:
    /// the interval of two units of support (A. W. F. Edwards, Likelihood (1972), chapter 5).
    const SUPPORT: f64 = 2.0;

    /// What is new in the next residual, which must be finite.
    pub(crate) fn follow(&mut self, residual: f64) -> f64 {
        let new = residual - self.foretold[self.used as usize];
        advance(&mut self.foretold, residual);
        new
    }

    /// Expects the next residual in the middle again, but wandering as before.
    pub(crate) fn forget_level(&mut self) {
        self.foretold = Default::default();
    }

    /// Learns from a finite residual.
    pub(crate) fn learn(&mut self, residual: f64) {
        for (squares, foretold) in self.squares.iter_mut().zip(&self.foretold_to_learn) {
            let error = (residual - foretold).clamp(-Self::ERROR_MAX, Self::ERROR_MAX);
            *squares += error * error;
        }
        self.learnt = self.learnt.saturating_add(1);
        advance(&mut self.foretold_to_learn, residual);
        // Log-likelihoods differ by half of `learnt` times the logarithm of the ratio of squares.
        let least = self.squares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = least * libm::exp(2.0 * Self::SUPPORT / f64::from(self.learnt));
        self.used = self.squares.iter().position(|&squares| squares <= most).unwrap_or(MODELS - 1) as u32;
    }

    /// Where the stream is, in the standard deviation of its residuals; the quickest model tells.
    pub(crate) fn level(&self) -> f64 {
        self.foretold[0]
    }

    /// Standard deviation of what is new, of the order of that of the residuals, which is 1.
    pub(crate) fn sigma(&self) -> f64 {
        match self.learnt {
            0 => 1.0,
            learnt => libm::sqrt(self.squares[self.used as usize] / f64::from(learnt)),
        }
    }
}

fn advance(foretold: &mut [f64; MODELS], residual: f64) {
    for (levels, gain) in foretold.chunks_exact_mut(KEPT.len()).zip(GAINS) {
        for (level, kept) in levels.iter_mut().zip(KEPT) {
            *level = kept * (*level + gain * (residual - *level));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    /// Variance of the sums of 64 of what is new, in that of independent values, over a stream that wanders with that
    /// share of its variance and keeps that share of the level; and the variance of the residuals' own sums.
    fn variance_of_sums(share: f64, kept: f64) -> (f64, f64) {
        let (mut noise, mut wander) = (Noise::new(7), Wander::default());
        let (mut level, mut new, mut own) = (0.0, Vec::new(), Vec::new());
        for _ in 0..20_000 {
            level = kept * level + (share * (1.0 - kept * kept)).sqrt() * noise.normal();
            let residual = level + (1.0 - share).sqrt() * noise.normal();
            new.push(wander.follow(residual));
            own.push(residual);
            wander.learn(residual);
        }
        let of_sums = |values: &[f64]| {
            let late = &values[4_000..];
            let single = late.iter().map(|value| value * value).sum::<f64>() / late.len() as f64;
            let sums = late.chunks_exact(64).map(|batch| batch.iter().sum::<f64>().powi(2));
            sums.sum::<f64>() / (late.len() as f64 * single)
        };
        (of_sums(&new), of_sums(&own))
    }

    #[test]
    fn what_is_slow_is_taken_out() {
        for (share, kept) in [(0.2, 0.99), (0.4, 0.98), (0.5, 0.995)] {
            let (new, own) = variance_of_sums(share, kept);
            assert!(new < 0.3 * own, "{share} {kept}: {new} of {own}");
        }
    }

    #[test]
    fn what_does_not_wander_is_nearly_left_alone() {
        let (new, own) = variance_of_sums(0.0, 0.0);
        assert!(new > 0.6 * own && new < own, "{new} of {own}");
    }

    #[test]
    fn one_that_has_learnt_little_expects_the_most() {
        let mut wander = Wander::default();
        let mut noise = Noise::new(3);
        assert_eq!(wander.used, 0);
        (0..10).for_each(|_| wander.learn(noise.normal()));
        assert_eq!(wander.used, 0);
        (0..5_000).for_each(|_| wander.learn(noise.normal()));
        assert!(wander.used >= 12, "{}", wander.used);
    }
}
