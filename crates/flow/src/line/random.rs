use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

use crate::line::normal::{Ziggurat, uniform};

/// One reproducible stream of random numbers: xoshiro256++ (Blackman and Vigna 2021), whose values are fixed.
///
/// Every source of chance in a line has a stream of its own, named by what it is for. So a change to one station leaves
/// the chance of all others as it was, which is what common random numbers need (Law 2015, section 11.2).
#[derive(Debug, Clone)]
pub(crate) struct Random {
    generator: Xoshiro256PlusPlus,
    ziggurat: &'static Ziggurat,
}

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Sequence,
    Supply,
    Work,
    Scrap,
    Learnt,
    /// A cause of stops, by its place in the station's list.
    Stops(usize),
}

impl Random {
    /// The stream of a place of the line for a purpose, in one replication.
    pub(crate) fn new(seed: u64, replication: u64, place: usize, purpose: Purpose) -> Self {
        let purpose = match purpose {
            Purpose::Sequence => 0,
            Purpose::Supply => 1,
            Purpose::Work => 2,
            Purpose::Scrap => 3,
            Purpose::Learnt => 4,
            Purpose::Stops(cause) => 5 + cause as u64,
        };
        let key = [replication, place as u64, purpose].iter().fold(mixed(seed), |key, &part| mixed(key ^ part));
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(key), ziggurat: Ziggurat::get() }
    }

    /// Uniform, between 0 and 1 and never either.
    #[inline]
    pub(crate) fn uniform(&mut self) -> f64 {
        uniform(self.generator.next_u64())
    }

    /// Exponential with mean 1, by inversion.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(self.uniform())
    }

    /// Standard normal. How many random bits it takes does not depend on what for, so streams keep step.
    #[inline]
    pub(crate) fn normal(&mut self) -> f64 {
        self.ziggurat.value(|| self.generator.next_u64())
    }

    /// Gamma with that shape, above 0, and scale 1 (Marsaglia and Tsang 2000).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let below = libm::pow(self.uniform(), 1.0 / shape);
            return self.gamma(shape + 1.0) * below;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let z = self.normal();
            let v = 1.0 + c * z;
            let v = v * v * v;
            // Accepted in more than 95 of 100 rounds, whatever the shape: the loop ends.
            if v > 0.0 && libm::log(self.uniform()) < 0.5 * z * z + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }
}

/// A well spread 64-bit number from another: the output function of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values of a stream are the same in every version: recorded forecasts must not change.
    #[test]
    fn streams_are_fixed_and_differ() {
        let first = |place, purpose| Random::new(7, 3, place, purpose).generator.next_u64();
        let streams = [
            first(0, Purpose::Work),
            first(1, Purpose::Work),
            first(0, Purpose::Scrap),
            first(0, Purpose::Stops(0)),
            first(0, Purpose::Stops(1)),
        ];
        for (index, stream) in streams.iter().enumerate() {
            assert!(!streams[..index].contains(stream), "{index}");
        }
        assert_eq!(streams[0], 7_249_487_396_092_991_889);
    }

    #[test]
    fn gammas_have_their_mean_and_variance() {
        for shape in [0.5, 1.0, 7.5] {
            let mut random = Random::new(1, 0, 0, Purpose::Learnt);
            let count = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..count {
                let value = random.gamma(shape);
                sum += value;
                squares += value * value;
            }
            let mean = sum / f64::from(count);
            let variance = squares / f64::from(count) - mean * mean;
            assert!((mean / shape - 1.0).abs() < 0.02, "{shape}: {mean}");
            assert!((variance / shape - 1.0).abs() < 0.04, "{shape}: {variance}");
        }
    }
}
