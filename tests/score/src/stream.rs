//! Repeatable streams of values in control.

use std::fmt;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};

/// What a stream's values are like. `phi` is the correlation of neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Normal, autoregressive of order one.
    Normal { phi: f64 },
    /// Independent lognormal, sigma 0.5: skewness 1.75.
    LogNormal,
    /// Independent exponential: skewness 2.
    Exponential,
    /// Autoregressive of order one with gamma-distributed innovations of shape 2: skewness 1.41 of what is new.
    Gamma { phi: f64 },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal { phi: 0.0 } => write!(f, "normal"),
            Self::Normal { phi } => write!(f, "normal, AR(1) {phi}"),
            Self::LogNormal => write!(f, "lognormal, sigma 0.5"),
            Self::Exponential => write!(f, "exponential"),
            Self::Gamma { phi: 0.0 } => write!(f, "gamma, shape 2"),
            Self::Gamma { phi } => write!(f, "gamma innovations, AR(1) {phi}"),
        }
    }
}

/// An endless stream of one kind.
pub(crate) struct Stream {
    kind: Kind,
    dice: ChaCha8Rng,
    last: f64,
}

impl Stream {
    /// Values thrown away, so that the stream has settled.
    const SETTLING: u32 = 50;

    /// The stream with that seed.
    pub(crate) fn new(kind: Kind, seed: u64) -> Self {
        let mut stream = Self { kind, dice: ChaCha8Rng::seed_from_u64(seed), last: 0.0 };
        for _ in 0..Self::SETTLING {
            stream.next_value();
        }
        stream
    }

    /// The next value.
    pub(crate) fn next_value(&mut self) -> f64 {
        let normal = |dice: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(dice) };
        match self.kind {
            Kind::Normal { phi } => {
                let new = normal(&mut self.dice);
                self.follow(phi, new)
            }
            Kind::LogNormal => (0.5 * normal(&mut self.dice)).exp(),
            Kind::Exponential => Exp1.sample(&mut self.dice),
            Kind::Gamma { phi } => {
                let two: f64 = Gamma::new(2.0, 1.0).map_or(2.0, |gamma| gamma.sample(&mut self.dice));
                self.follow(phi, (two - 2.0) / 2f64.sqrt())
            }
        }
    }

    fn follow(&mut self, phi: f64, new: f64) -> f64 {
        self.last = phi * self.last + (1.0 - phi * phi).sqrt() * new;
        self.last
    }
}
