//! What tests share: repeatable noise, and a restart in the middle of a stream.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

/// Asserts that a chart which is stored and restored before observation `at` goes on as one that is not.
#[allow(clippy::unwrap_used, reason = "a chart that cannot be stored is what is looked for")]
pub(crate) fn assert_goes_on_alike<C, S>(
    mut chart: C,
    values: &[f64],
    at: usize,
    observe: impl Fn(&mut C, f64, i64) -> S,
) where
    C: Clone + Serialize + DeserializeOwned,
    S: PartialEq + Debug,
{
    let mut other = chart.clone();
    for (mark, &z) in values.iter().enumerate() {
        if mark == at {
            other = postcard::from_bytes(&postcard::to_stdvec(&other).unwrap()).unwrap();
        }
        assert_eq!(observe(&mut chart, z, mark as i64), observe(&mut other, z, mark as i64));
    }
}

/// A stream of pseudo-random numbers: SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The standard normal number of a step: the same whenever it is asked for, and nearly independent of its neighbours'.
    pub(crate) fn at(step: u64) -> f64 {
        Self(step).normal()
    }

    /// Uniform on 0 .. 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(core::f64::consts::TAU * self.uniform())
    }
}
