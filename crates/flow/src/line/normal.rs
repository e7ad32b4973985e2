use std::sync::LazyLock;

/// Marsaglia and Tsang's ziggurat for the standard normal distribution (2000): layers of one area under the density, most of
/// which lie wholly below it, so that of 100 values 98 cost no more than a multiplication and a comparison.
#[derive(Debug)]
pub(crate) struct Ziggurat {
    /// Right edges of the layers, from the lowest up; the first is that of a rectangle with the area of the lowest layer
    /// and the tail together.
    edges: [f64; LAYERS + 1],
}

const LAYERS: usize = 128;
/// Where the tail begins, and the area of each layer, for so many layers.
const TAIL: f64 = 3.442_619_855_899;
const AREA: f64 = 9.912_563_035_262_17e-3;

static ZIGGURAT: LazyLock<Ziggurat> = LazyLock::new(|| {
    let mut edges = [0.0; LAYERS + 1];
    edges[0] = AREA / density(TAIL);
    edges[1] = TAIL;
    for layer in 2..LAYERS {
        let below = edges[layer - 1];
        edges[layer] = (-2.0 * libm::log(AREA / below + density(below))).sqrt();
    }
    Ziggurat { edges }
});

/// Proportional to the density.
fn density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z)
}

impl Ziggurat {
    /// The one that there is.
    pub(crate) fn get() -> &'static Self {
        &ZIGGURAT
    }

    /// A standard normal value, from 64 random bits and, seldom, from more uniform numbers.
    #[inline]
    pub(crate) fn value(&self, mut bits: impl FnMut() -> u64) -> f64 {
        loop {
            let drawn = bits();
            let layer = drawn as usize % LAYERS;
            // The other 53 bits as a number between -1 and 1.
            let side = 2.0 * uniform(drawn) - 1.0;
            let z = side * self.edges[layer];
            if z.abs() < self.edges[layer + 1] {
                return z;
            }
            if let Some(z) = self.beside(layer, z, &mut bits) {
                return z;
            }
        }
    }

    /// Right of the layer above: in the tail, or where the density cuts through the layer.
    #[cold]
    fn beside(&self, layer: usize, z: f64, bits: &mut impl FnMut() -> u64) -> Option<f64> {
        if layer == 0 {
            return Some(tail(bits).copysign(z));
        }
        let (outer, inner) = (density(self.edges[layer]), density(self.edges[layer + 1]));
        let height = outer + uniform(bits()) * (inner - outer);
        (height < density(z)).then_some(z)
    }
}

/// A value in the tail (Marsaglia 1964).
fn tail(bits: &mut impl FnMut() -> u64) -> f64 {
    loop {
        let beyond = -libm::log(uniform(bits())) / TAIL;
        let height = -libm::log(uniform(bits()));
        // So in more than 9 of 10 rounds.
        if 2.0 * height > beyond * beyond {
            return TAIL + beyond;
        }
    }
}

/// Uniform, between 0 and 1 and never either, from the upper 53 bits.
#[inline]
pub(crate) fn uniform(bits: u64) -> f64 {
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
    ((bits >> 11) as f64 + 0.5) * UNIT
}

/// Probability that a standard normal variable is below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
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

/// Coefficients of a numerator and a denominator, highest power first.
type Ratio = ([f64; 8], [f64; 8]);

/// By Estrin's scheme: half as many steps that wait for each other as Horner's.
fn ratio(r: f64, (numerator, denominator): &Ratio) -> f64 {
    let square = r * r;
    let value = |[a, b, c, d, e, f, g, h]: &[f64; 8]| {
        let (upper, lower) = ((a * r + b) * square + (c * r + d), (e * r + f) * square + (g * r + h));
        upper * (square * square) + lower
    };
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
    use crate::line::random::{Purpose, Random};

    #[test]
    fn the_normal_quantile_is_the_inverse_of_the_normal_distribution() {
        for p in [1e-300, 1e-20, 1e-9, 0.001, 0.074, 0.076, 0.3, 0.5, 0.7, 0.924, 0.926, 0.999] {
            let back = normal_below(normal_quantile(p));
            assert!((back / p - 1.0).abs() < 1e-12, "{p}: {back}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    /// By definition: as many values below each z as the distribution has.
    #[test]
    fn values_of_the_ziggurat_are_normal() {
        let mut random = Random::new(3, 0, 0, Purpose::Work);
        let count = 2_000_000;
        let mut values: Vec<f64> = (0..count).map(|_| random.normal()).collect();
        values.sort_by(f64::total_cmp);
        for z in [-4.5, -3.6, -3.442_6, -3.3, -2.0, -1.0, -0.3, 0.0, 0.2, 0.7, 1.3, 2.4, 3.2, 3.4426, 3.5, 4.0] {
            let expected = normal_below(z);
            let below = values.partition_point(|&value| value < z) as f64 / f64::from(count);
            let error = (expected * (1.0 - expected) / f64::from(count)).sqrt();
            assert!((below - expected).abs() < 4.5 * error, "{z}: {below}, expected {expected} ± {error}");
        }
    }
}
