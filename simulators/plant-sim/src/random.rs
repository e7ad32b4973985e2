use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One of the plant's independent sources of chance.
///
/// Every station draws from its own, a fixed number of times a cycle and a fixed number of times a step, so that a fault
/// in one place does not reshuffle the noise of another.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The source called `name` of the plant with that seed.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(fnv1a(name));
        Self(generator)
    }

    /// Uniform in 0 (included) to 1 (excluded).
    pub(crate) fn uniform(&mut self) -> f64 {
        const BITS: u32 = 53;
        (self.0.next_u64() >> (u64::BITS - BITS)) as f64 / (1u64 << BITS) as f64
    }

    /// Uniform between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Normal with mean 0 and standard deviation 1. Box-Muller, because it always draws twice.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// A factor around 1 with that relative standard deviation; log-normal, so that it is never negative.
    pub(crate) fn factor(&mut self, relative_deviation: f64) -> f64 {
        libm::exp(relative_deviation * self.normal())
    }
}

/// The 64-bit FNV-1a hash: fixed for all time, which the standard library's is not.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A slow, wandering disturbance of mean 0: an Ornstein-Uhlenbeck process.
pub(crate) struct Wander {
    value: f64,
    deviation: f64,
    time_constant_s: f64,
}

impl Wander {
    /// A disturbance with that standard deviation and correlation time, from somewhere in its usual range.
    pub(crate) fn new(deviation: f64, time_constant_s: f64, random: &mut Random) -> Self {
        Self { value: deviation * random.normal(), deviation, time_constant_s }
    }

    /// Where it is.
    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Lets time pass.
    pub(crate) fn elapse(&mut self, seconds: f64, random: &mut Random) {
        let kept = libm::exp(-seconds / self.time_constant_s);
        self.value = self.value * kept + self.deviation * (1.0 - kept * kept).sqrt() * random.normal();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_another_name_or_seed_differ_and_the_same_repeats() {
        let first = |seed, name| Random::new(seed, name).uniform();
        assert_eq!(first(1, "weld-20"), first(1, "weld-20"));
        assert_ne!(first(1, "weld-20"), first(1, "weld-30"));
        assert_ne!(first(1, "weld-20"), first(2, "weld-20"));
    }

    #[test]
    fn the_normal_has_mean_0_and_deviation_1() {
        let mut random = Random::new(7, "test");
        let numbers: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / numbers.len() as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
