/// How far the mean of a training period can be from the true one, on one side, but for the probability `doubt` (above 0,
/// below 1): a bound for independent values of any distribution within `range`. `variance` is that of the sample, with
/// `count - 1` in its denominator. In the unit of the values; infinite for fewer than 2.
///
/// The empirical Bernstein bound of A. Maurer and M. Pontil, "Empirical Bernstein bounds and sample variance
/// penalization", COLT 2009, theorem 4.
pub fn mean_margin(variance: f64, range: f64, count: u32, doubt: f64) -> f64 {
    if count < 2 {
        return f64::INFINITY;
    }
    let (count, log) = (f64::from(count), libm::log(2.0 / doubt));
    libm::sqrt(2.0 * variance * log / count) + 7.0 * range * log / (3.0 * (count - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    /// By hand: ln 20 = 2.995732, so the root is of 2 * 0.25 * 2.995732 / 100, and 7 * 2.995732 / 297 comes to it.
    #[test]
    fn the_bound_is_that_of_the_theorem() {
        assert!((mean_margin(0.25, 1.0, 100, 0.1) - (0.122_387 + 0.070_606)).abs() < 1e-5);
        assert_eq!(mean_margin(0.25, 1.0, 1, 0.1), f64::INFINITY);
    }

    /// Skewed values, few of which are far out: the worst case for a mean.
    #[test]
    fn the_true_mean_is_seldom_beyond() {
        let mut noise = Noise::new(3);
        let mut is_beyond = || {
            let values: Vec<f64> = (0..40).map(|_| f64::from(u8::from(noise.uniform() < 0.05))).collect();
            let mean = values.iter().sum::<f64>() / 40.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 39.0;
            mean + mean_margin(variance, 1.0, 40, 0.1) < 0.05
        };
        assert!((0..2_000).filter(|_| is_beyond()).count() <= 200);
    }
}
