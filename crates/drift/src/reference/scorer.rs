use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Shape, Whitener};
use crate::room::Room;

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
    last: Option<f64>,
    /// Not learnt from yet, oldest first.
    waiting: Room<VecDeque<Seen>, { Scorer::LAG }>,
}

/// A residual with its predecessor, what is new in it, and the score of that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    last: Option<f64>,
    z: f64,
    new: f64,
    score: f64,
}

impl Scorer {
    const LEARNT_PER_LAG: u32 = 10;
    /// Residuals that wait to be learnt from at most.
    pub const LAG: usize = 40;
    /// Memory that a scorer holds beside itself, bytes.
    pub const MEMORY_BYTES: usize = Shape::VALUES_MAX * size_of::<f32>() + Self::LAG * size_of::<Seen>();
    /// Residuals beyond this many standard deviations are all alike: one of them must not teach how values follow each
    /// other.
    const WILD: f64 = 8.0;
    /// Scores that their mean is taken over; older ones fade.
    const MEAN_MEMORY: f64 = 16_384.0;
    /// Variance of the logarithm of the variance of sums, times the values learnt; and times the values kept.
    const CHANCE: f64 = 8.0;
    const KEPT_CHANCE: f64 = 4.0;

    /// Values learnt from.
    pub fn learnt(&self) -> u32 {
        self.learnt
    }

    /// The score of the next standardised residual. One that is not a number gives 0 and changes nothing.
    ///
    /// If told that nothing looks like a change, it waits to be learnt from until a tenth as many more have come as were
    /// learnt, at most [`Scorer::LAG`]: what has changed before it is seen to must not become normal.
    pub fn observe(&mut self, z: f64, is_calm: bool) -> f64 {
        if z.is_nan() {
            return 0.0;
        }
        let seen = self.look(z);
        if is_calm {
            let lag = (self.learnt / Self::LEARNT_PER_LAG).min(Self::LAG as u32) as usize;
            while self.waiting.len() >= lag.max(1)
                && let Some(oldest) = self.waiting.pop_front()
            {
                self.take_in(oldest);
            }
            self.waiting.push_back(seen);
        }
        seen.score
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.shape.reset();
        self.waiting.clear();
        (self.whitener, self.mean, self.learnt, self.last) = (Whitener::default(), 0.0, 0, None);
    }

    /// Gives up what waits to be learnt from.
    pub fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Learns from a standardised residual at once. One that is not a number changes nothing.
    pub fn learn(&mut self, z: f64) {
        if !z.is_nan() {
            let seen = self.look(z);
            self.take_in(seen);
        }
    }

    fn look(&mut self, z: f64) -> Seen {
        let z = z.clamp(-Self::WILD, Self::WILD);
        let last = self.last.replace(z);
        let new = last.map_or(z, |last| self.whitener.whiten(last, z));
        Seen { last, z, new, score: self.shape.score(new) - self.mean }
    }

    fn take_in(&mut self, seen: Seen) {
        if let Some(last) = seen.last {
            self.whitener.learn(last, seen.z);
        }
        self.shape.learn(seen.new);
        self.learnt = self.learnt.saturating_add(1);
        self.mean += seen.score / f64::from(self.learnt).min(Self::MEAN_MEMORY);
    }

    /// What scores are to be divided by before a chart whose log-likelihood threshold is `threshold` sees them, at
    /// least 1.
    ///
    /// The rate of false alarms falls with the threshold as `exp(-threshold / v)`, `v` being the variance of sums of
    /// scores. With `n` values learnt, `v` is off by chance: the error of the autocorrelation alone gives its logarithm
    /// a variance of about 4 / n, and the shape about as much again, which moreover never knows more than the values that
    /// it keeps. The mean rate over that chance is larger by `exp(threshold^2 variance / 2)`; a threshold larger by the
    /// factor `1 + threshold variance / 2` makes up for it. The two constants were set by simulation.
    pub fn widening(&self, threshold: f64) -> f64 {
        let variance = Self::CHANCE / f64::from(self.learnt.max(1)) + Self::KEPT_CHANCE / Shape::VALUES_MAX as f64;
        libm::sqrt(1.0 + 0.5 * threshold * variance)
    }
}
