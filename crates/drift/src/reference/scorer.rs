use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Shape, Wander, Whitener};
use crate::room::Room;

/// Turns standardised residuals into independent standard normal scores, whatever their distribution and however each
/// follows from the one before: all charts and their thresholds stand on this.
///
/// What follows from the residuals before is taken out, what is left is ranked among all before it, and the mean of the
/// scores so far is subtracted. Everything is learnt as it goes, from what came before only (self-starting), so the scores
/// are right from the first ones on as far as chance allows; [`Scorer::widening`] is what it does not allow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Scorer {
    memory: Memory,
    shape: Shape,
    mean: f64,
    learnt: u32,
    last: Option<f64>,
    /// Not learnt from yet, oldest first.
    waiting: Room<VecDeque<Seen>, { Scorer::LAG }>,
}

/// How residuals follow from those before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Memory {
    /// Each from its predecessor.
    Neighbour(Whitener),
    /// All from a level that wanders.
    Level(Box<Wander>),
}

/// What the charts have to say of the residuals before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suspicion {
    /// Nothing looks like a change.
    None,
    /// Something may have changed.
    Suspected,
    /// A shift was found and has not gone.
    Standing,
}

/// A residual with its predecessor, what is new in it, and the score of that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    last: Option<f64>,
    z: f64,
    new: f64,
    score: f64,
}

impl Default for Memory {
    fn default() -> Self {
        Self::Neighbour(Whitener::default())
    }
}

impl Scorer {
    /// A scorer that has seen nothing, of a process that may wander over hours in normal operation.
    pub(crate) fn careful() -> Self {
        Self { memory: Memory::Level(Box::default()), ..Self::default() }
    }

    const LEARNT_PER_LAG: u32 = 10;
    /// Residuals that wait to be learnt from at most.
    pub(crate) const LAG: usize = 40;
    /// Memory that a scorer holds beside itself, bytes.
    pub(crate) const MEMORY_BYTES: usize = Shape::VALUES_MAX * size_of::<f32>() + Self::LAG * size_of::<Seen>();
    /// Residuals beyond this many standard deviations are all alike: one of them must not teach how values follow each
    /// other.
    const WILD: f64 = 8.0;
    /// Scores that their mean is taken over; older ones fade.
    const MEAN_MEMORY: f64 = 16_384.0;
    /// Variance of the logarithm of the variance of sums, times the values learnt; and times the values kept.
    const CHANCE: f64 = 8.0;
    const KEPT_CHANCE: f64 = 4.0;

    /// Values learnt from.
    pub(crate) fn learnt(&self) -> u32 {
        self.learnt
    }

    /// Of a careful scorer: where the residuals have wandered to, in their standard deviation.
    pub(crate) fn level(&self) -> Option<f64> {
        match &self.memory {
            Memory::Neighbour(_) => None,
            Memory::Level(wander) => Some(wander.level()),
        }
    }

    /// The score of the next standardised residual. One that is not a number gives 0 and changes nothing.
    ///
    /// If nothing looks like a change, it waits to be learnt from until a tenth as many more have come as were learnt, at
    /// most [`Scorer::LAG`]: what has changed before it is seen to must not become normal. While a shift stands, a careful
    /// scorer scores the whole residual and not what is new in it: a level that has shifted and stays is no news, but has
    /// not gone either.
    pub(crate) fn observe(&mut self, z: f64, suspicion: Suspicion) -> f64 {
        if z.is_nan() {
            return 0.0;
        }
        let seen = self.look(z);
        if suspicion == Suspicion::None {
            let lag = (self.learnt / Self::LEARNT_PER_LAG).min(Self::LAG as u32) as usize;
            while self.waiting.len() >= lag.max(1)
                && let Some(oldest) = self.waiting.pop_front()
            {
                self.take_in(oldest);
            }
            self.waiting.push_back(seen);
        }
        match &self.memory {
            Memory::Level(wander) if suspicion == Suspicion::Standing => {
                self.shape.score(seen.z * wander.sigma()) - self.mean
            }
            _ => seen.score,
        }
    }

    /// Forgets everything.
    pub(crate) fn reset(&mut self) {
        self.shape.reset();
        self.waiting.clear();
        (self.mean, self.learnt, self.last) = (0.0, 0, None);
        match &mut self.memory {
            Memory::Neighbour(whitener) => *whitener = Whitener::default(),
            Memory::Level(wander) => **wander = Wander::default(),
        }
    }

    /// Gives up what waits to be learnt from, and expects the next residual in the middle again.
    pub(crate) fn begin_anew(&mut self) {
        self.waiting.clear();
        if let Memory::Level(wander) = &mut self.memory {
            wander.forget_level();
        }
    }

    /// Learns from a standardised residual at once. One that is not a number changes nothing.
    pub(crate) fn learn(&mut self, z: f64) {
        if !z.is_nan() {
            let seen = self.look(z);
            self.take_in(seen);
        }
    }

    fn look(&mut self, z: f64) -> Seen {
        let z = z.clamp(-Self::WILD, Self::WILD);
        let last = self.last.replace(z);
        let new = match &mut self.memory {
            Memory::Neighbour(whitener) => last.map_or(z, |last| whitener.whiten(last, z)),
            Memory::Level(wander) => wander.follow(z),
        };
        Seen { last, z, new, score: self.shape.score(new) - self.mean }
    }

    fn take_in(&mut self, seen: Seen) {
        match (&mut self.memory, seen.last) {
            (Memory::Neighbour(whitener), Some(last)) => whitener.learn(last, seen.z),
            (Memory::Neighbour(_), None) => {}
            (Memory::Level(wander), _) => wander.learn(seen.z),
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
    pub(crate) fn widening(&self, threshold: f64) -> f64 {
        let variance = Self::CHANCE / f64::from(self.learnt.max(1)) + Self::KEPT_CHANCE / Shape::VALUES_MAX as f64;
        libm::sqrt(1.0 + 0.5 * threshold * variance)
    }
}
