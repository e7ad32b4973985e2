use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// One reproducible stream of random numbers: xoshiro256++ (Blackman and Vigna 2021), whose values are fixed.
///
/// Every source of chance in a line has a stream of its own, named by what it is for. So a change to one station leaves
/// the chance of all others as it was, which is what common random numbers need (Law 2015, section 11.2).
#[derive(Debug, Clone)]
pub(crate) struct Random(Xoshiro256PlusPlus);

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Sequence,
    Supply,
    Work,
    Scrap,
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
            Purpose::Stops(cause) => 4 + cause as u64,
        };
        let key = [replication, place as u64, purpose].iter().fold(mixed(seed), |key, &part| mixed(key ^ part));
        Self(Xoshiro256PlusPlus::seed_from_u64(key))
    }

    /// Uniform, between 0 and 1 and never either.
    pub(crate) fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.0.next_u64() >> 11) as f64 + 0.5) * UNIT
    }

    /// Exponential with mean 1, by inversion.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(self.uniform())
    }

    /// Standard normal, by inversion: one uniform number each, so that streams keep step.
    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }
}

/// A well spread 64-bit number from another: the output function of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// The value that a standard normal variable is below with probability `p`, 0 < `p` < 1: Wichura's algorithm AS 241
/// (PPND16, 1988), to 1 part in 10^16.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * ratio(r, &CENTRAL);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let value = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    if q < 0.0 { -value } else { value }
}

/// Probability that a standard normal variable is below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Coefficients of a numerator and a denominator, highest power first.
type Ratio = ([f64; 8], [f64; 8]);

fn ratio(r: f64, (numerator, denominator): &Ratio) -> f64 {
    let value = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, coefficient| sum * r + coefficient);
    value(numerator) / value(denominator)
}

const CENTRAL: Ratio = (
    [
        2_509.080_928_730_122_7,
        33_430.575_583_588_13,
        67_265.770_927_008_7,
        45_921.953_931_549_87,
        13_731.693_765_509_46,
        1_971.590_950_306_551_3,
        133.141_667_891_784_38,
        3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_854,
        28_729.085_735_721_943,
        39_307.895_800_092_71,
        21_213.794_301_586_597,
        5_394.196_021_424_751,
        687.187_007_492_057_9,
        42.313_330_701_600_91,
        1.0,
    ],
);
const MIDDLE: Ratio = (
    [
        7.745_450_142_783_414e-4,
        0.022_723_844_989_269_184,
        0.241_780_725_177_450_6,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        0.015_198_666_563_616_457,
        0.148_103_976_427_480_08,
        0.689_767_334_985_1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
);
const FAR: Ratio = (
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        0.001_242_660_947_388_078_4,
        0.026_532_189_526_576_124,
        0.296_560_571_828_504_87,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        0.014_875_361_290_850_615,
        0.136_929_880_922_735_8,
        0.599_832_206_555_888,
        1.0,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The first values of a stream are the same in every version: recorded forecasts must not change.
    #[test]
    fn streams_are_fixed_and_differ() {
        let first = |place, purpose| Random::new(7, 3, place, purpose).0.next_u64();
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
    fn the_normal_quantile_is_the_inverse_of_the_normal_distribution() {
        for p in [1e-300, 1e-20, 1e-9, 0.001, 0.074, 0.076, 0.3, 0.5, 0.7, 0.924, 0.926, 0.999] {
            let back = normal_below(normal_quantile(p));
            assert!((back / p - 1.0).abs() < 1e-12, "{p}: {back}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }
}
