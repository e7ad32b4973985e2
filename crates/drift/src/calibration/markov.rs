use super::chain::Chain;

/// Points at which the distribution is read inside a cell, to tell where in it the probability lies.
const POINTS_PER_CELL: usize = 8;

/// Average run length of a one-sided CUSUM of independent increments with any distribution: the sum starts at 0, is
/// never less than 0, and the run ends when it is greater than `threshold`. In observations; infinite if the run never
/// ends.
///
/// `cumulative(x)` is the probability that an increment is at most `x`; the reference value is taken off already, so
/// that the mean of an increment in control is less than 0. `threshold` is positive, in the unit of the increments;
/// `states` is the size of the finer of two chains, 100 to 200 for thresholds up to 20 standard deviations.
///
/// The Markov chain of D. Brook and D. A. Evans, Biometrika 59 (1972) 539, on a grid from 0 to the threshold. A step
/// that ends between two grid values is shared between them so that its mean is kept (linear interpolation of the run
/// length); the error then falls with the square of the distance of the grid values, and Richardson's extrapolation of
/// the logarithm from two grids takes most of it away. For a continuous distribution and 150 states what is left is
/// below 0.1 %, up to run lengths of 1e9 of normal values. For counts the chain is exact if the threshold and every value
/// that the sum can take are multiples of `2 * threshold / states` (`states` being even); if they are not, it is only
/// good to some per cent. Put the threshold of a count between two values that the sum can take, so that rounding cannot
/// decide what is beyond it.
pub fn cusum_arl_any(cumulative: impl Fn(f64) -> f64, threshold: f64, states: usize) -> f64 {
    let cells = states.div_ceil(2).max(1);
    let coarse = chain(&cumulative, threshold, cells).run_lengths()[0];
    let fine = chain(&cumulative, threshold, 2 * cells).run_lengths()[0];
    let extrapolated = fine * libm::cbrt(fine / coarse);
    if extrapolated.is_nan() { fine } else { extrapolated }
}

fn chain(cumulative: impl Fn(f64) -> f64, threshold: f64, cells: usize) -> Chain {
    let width = threshold / cells as f64;
    // Index `cells + d` stands for an increment of `d` widths, and for the cell from there to the next.
    let at: Vec<f64> = (0..=2 * cells).map(|i| cumulative((i as f64 - cells as f64) * width)).collect();
    let mean_in_cell = |i: usize| {
        let point = |p: usize| (i as f64 - cells as f64 + (p as f64 + 0.5) / POINTS_PER_CELL as f64) * width;
        (0..POINTS_PER_CELL).map(|p| cumulative(point(p))).sum::<f64>() / POINTS_PER_CELL as f64
    };
    let mean: Vec<f64> = (0..2 * cells).map(mean_in_cell).collect();
    let share_of_lower = |cell: usize| (mean[cell] - at[cell]).max(0.0);
    let share_of_upper = |cell: usize| (at[cell + 1] - mean[cell]).max(0.0);
    let to = |from: usize, to: usize| {
        let cell = cells - from + to;
        let from_above = if to < cells { share_of_lower(cell) } else { 0.0 };
        let from_below = if to == 0 { at[cells - from] } else { share_of_upper(cell - 1) };
        from_above + from_below
    };
    Chain::new(cells + 1, to, |from| (1.0 - at[2 * cells - from]).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::super::cusum_arl_one_sided;
    use super::*;
    use crate::normal;

    #[test]
    fn normal_increments_give_the_run_lengths_of_the_integral_equation() {
        for (k, h, shift) in [(0.5, 5.0, 0.0), (0.5, 4.0, 1.0), (0.25, 8.0, 0.0), (0.5, 10.0, 0.0), (1.0, 2.5, 0.0)] {
            let chain = cusum_arl_any(|x| normal::cumulative(x + k - shift), h, 100);
            let integral = cusum_arl_one_sided(k, h, shift);
            assert!((chain / integral - 1.0).abs() < 1e-3, "k {k}, h {h}, shift {shift}: {chain}, {integral}");
        }
    }

    /// Steps of +1 with probability p and -1 with q: the gambler's walk that is held at 0 leaves `0..=n` upwards after
    /// `(n + 1) / (p - q) - q / (p - q)^2 * (1 - (q / p)^(n + 1))` steps (W. Feller, An Introduction to Probability
    /// Theory and Its Applications I, chapter XIV).
    #[test]
    fn a_walk_on_whole_numbers_is_solved_exactly() {
        for p in [0.45, 0.3] {
            let (q, top) = (1.0 - p, 6);
            let walk = |x: f64| {
                if x < -1.0 {
                    0.0
                } else if x < 1.0 {
                    q
                } else {
                    1.0
                }
            };
            let drift = p - q;
            let n = f64::from(top + 1);
            let exact = n / drift - q / (drift * drift) * (1.0 - (q / p).powi(top + 1));
            let chain = cusum_arl_any(walk, f64::from(top) + 0.5, 52);
            assert!((chain / exact - 1.0).abs() < 1e-9, "{chain}, exact {exact}");
        }
    }

    /// Exponential increments less a constant: the sum's run length has a closed form only through a delay equation, so
    /// the check is that the two ends of a grid agree.
    #[test]
    fn a_skewed_distribution_converges() {
        let cumulative = |x: f64| if x > -1.5 { 1.0 - libm::exp(-(x + 1.5)) } else { 0.0 };
        let (rough, fine) = (cusum_arl_any(cumulative, 6.0, 80), cusum_arl_any(cumulative, 6.0, 320));
        assert!((rough / fine - 1.0).abs() < 5e-3, "{rough}, {fine}");
    }

    #[test]
    fn a_sum_that_cannot_rise_never_ends() {
        assert!(cusum_arl_any(|x| if x < -1.0 { 0.0 } else { 1.0 }, 3.0, 20).is_infinite());
    }
}
