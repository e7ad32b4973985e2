//! The in-control run length of a multivariate EWMA chart.

use crate::bisection::false_position;
use crate::calibration::{Chain, gauss_legendre};

/// Run lengths beyond this are no better than rounding errors.
const ARL_MAX: f64 = 1e12;
/// Relative error of a run length that a threshold was solved for.
const TOLERANCE: f64 = 1e-7;
/// Steps up to a threshold that is large enough.
const STEPS_MAX: usize = 60;

/// Average run length of a MEWMA chart over independent, standard normal vectors of that many `columns`, with weight
/// `smoothing` (0 < r <= 1) of the newest vector and the steady-state threshold `h` on the squared statistic. In vectors.
///
/// The squared length of the smoothed vector is a Markov process, so the run length solves an integral equation of one
/// variable: S. E. Rigdon, Journal of Statistical Computation and Simulation 52 (1995) 351. Solved by Gauss-Legendre
/// quadrature over the length. With one column it is the two-sided EWMA chart of S. V. Crowder, Technometrics 29 (1987)
/// 401, with the limit at the root of `h`.
pub fn mewma_arl(columns: usize, smoothing: f64, h: f64) -> f64 {
    // Lengths in units of `smoothing`: a new vector adds one of unit variance to a share `kept` of the old one.
    let kept = 1.0 - smoothing;
    let limit = libm::sqrt(h / (smoothing * (2.0 - smoothing)));
    // The density of the next length is about 1 wide.
    let nodes = 30 + (2.0 * limit) as usize;
    let rule = gauss_legendre(nodes, 0.0, limit);
    let starts = std::iter::once(0.0).chain(rule.iter().map(|&(node, _)| node));
    let to_nodes =
        |from: f64| rule.iter().map(|&(to, weight)| weight * length_density(columns, kept * from, to)).collect();
    let rows: Vec<Vec<f64>> = starts.map(to_nodes).collect();
    // A length of exactly 0, the start, never comes again.
    let to = |from: usize, to: usize| if to == 0 { 0.0 } else { rows[from][to - 1] };
    let end = |from: usize| (1.0 - rows[from].iter().sum::<f64>()).max(0.0);
    Chain::new(nodes + 1, to, end).run_lengths()[0]
}

/// The threshold on the squared statistic at which the chart has the in-control run length `arl`, in vectors; held to
/// what 1e12 vectors need, beyond which the equation loses its digits.
pub fn mewma_threshold(columns: usize, smoothing: f64, arl: f64) -> f64 {
    let target = libm::log(arl.clamp(1.0, ARL_MAX));
    // The logarithm of the run length is nearly linear in the threshold. One that lost all its digits was too long.
    let excess = |h: f64| {
        let arl = mewma_arl(columns, smoothing, h);
        libm::log(if arl >= 1.0 { arl.min(2.0 * ARL_MAX) } else { 2.0 * ARL_MAX }) - target
    };
    let p = columns as f64;
    let (mut low, mut low_excess) = (0.0, -target);
    let (mut high, mut high_excess) = (p, excess(p));
    for _ in 0..STEPS_MAX {
        if high_excess >= 0.0 {
            break;
        }
        (low, low_excess) = (high, high_excess);
        high += 4.0 + libm::sqrt(p);
        high_excess = excess(high);
    }
    false_position((low, low_excess), (high, high_excess), TOLERANCE, excess)
}

/// Density of the length `to` of a vector of independent normals with unit variance and means of length `mean`: the
/// noncentral chi distribution, as the Poisson mixture of central ones.
fn length_density(columns: usize, mean: f64, to: f64) -> f64 {
    if to <= 0.0 {
        return 0.0;
    }
    let half = 0.5 * columns as f64;
    let (a, b) = (0.5 * mean * mean, 0.5 * to * to);
    // Term k: exp(-a) a^k / k! * 2 b^(half + k) exp(-b) / (to Gamma(half + k)). The largest is where k (half + k) = a b;
    // from there the terms are followed both ways.
    let peak = libm::floor(0.5 * (libm::sqrt((half - 1.0) * (half - 1.0) + 4.0 * a * b) - (half - 1.0)).max(0.0));
    let log_a = if peak > 0.0 { peak * libm::log(a) } else { 0.0 };
    let log_peak = log_a - a - b - libm::lgamma(peak + 1.0) + (half + peak) * libm::log(b) - libm::lgamma(half + peak);
    let (mut sum, product) = (1.0, a * b);
    let (mut term, mut k) = (1.0, peak);
    while term > 1e-17 * sum && product > 0.0 {
        term *= product / ((k + 1.0) * (half + k));
        k += 1.0;
        sum += term;
    }
    (term, k) = (1.0, peak);
    while k > 0.0 && term > 1e-17 * sum {
        term *= k * (half + k - 1.0) / product;
        k -= 1.0;
        sum += term;
    }
    2.0 / to * libm::exp(log_peak) * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::ewma_arl;

    /// `columns, smoothing, run length, threshold`, published.
    #[test]
    fn published_thresholds_are_reproduced() {
        for (columns, smoothing, arl, published) in [
            // C. A. Lowry et al., Technometrics 34 (1992) 46, by simulation.
            (2, 0.1, 200.0, 8.66),
            // S. E. Rigdon, Journal of Statistical Computation and Simulation 52 (1995) 351, table 1.
            (4, 0.25, 500.0, 16.38),
        ] {
            let ours = mewma_threshold(columns, smoothing, arl);
            assert!((ours / published - 1.0).abs() < 0.005, "{columns} columns: {ours}, published {published}");
        }
    }

    /// Crowder's equation looks at the average itself, Rigdon's at its length: they share the linear solver only.
    #[test]
    fn one_column_has_the_run_length_of_the_ewma_chart() {
        for (smoothing, limit) in [(0.05_f64, 2.3), (0.1, 4.0), (0.3, 3.0), (0.3, 5.0), (1.0, 3.0)] {
            let (ours, ewma) = (mewma_arl(1, smoothing, limit * limit), ewma_arl(smoothing, limit, 0.0));
            assert!((ours / ewma - 1.0).abs() < 1e-7, "{smoothing}, {limit}: {ours}, {ewma}");
        }
    }

    /// S. V. Crowder, Journal of Quality Technology 21 (1989) 155: limits of a two-sided EWMA chart of one column at a run
    /// length of 250, to two decimals.
    #[test]
    fn one_column_is_the_ewma_chart() {
        for (smoothing, published) in [(0.05, 2.32), (0.1, 2.55), (0.15, 2.65), (0.2, 2.72), (0.25, 2.76)] {
            let ours = libm::sqrt(mewma_threshold(1, smoothing, 250.0));
            assert!((ours - published).abs() < 0.006, "{smoothing}: {ours}, published {published}");
        }
    }

    /// Without smoothing the statistic is chi-square, and the run length one over the chance to be over: with two columns
    /// that is exp(-h / 2).
    #[test]
    fn without_smoothing_the_rows_are_independent() {
        for h in [5.0, 12.0, 25.0] {
            let exact = libm::exp(0.5 * h);
            assert!((mewma_arl(2, 1.0, h) / exact - 1.0).abs() < 1e-8, "{h}: {}", mewma_arl(2, 1.0, h));
        }
    }

    #[test]
    fn a_threshold_gives_the_run_length_it_was_solved_for() {
        for (columns, smoothing, arl) in [(1, 0.3, 1e9), (3, 0.1, 1e4), (40, 0.2, 1e6), (300, 0.05, 1e5)] {
            let reached = mewma_arl(columns, smoothing, mewma_threshold(columns, smoothing, arl));
            assert!((reached / arl - 1.0).abs() < 1e-5, "{columns} columns: {reached}");
        }
    }

    /// The density of a length integrates to 1, whatever the mean.
    #[test]
    fn the_density_is_one() {
        for (columns, mean) in [(1, 0.0), (1, 3.0), (2, 0.0), (5, 10.0), (100, 2.0), (300, 60.0)] {
            let total: f64 = gauss_legendre(400, 0.0, 100.0)
                .iter()
                .map(|&(to, weight)| weight * length_density(columns, mean, to))
                .sum();
            assert!((total - 1.0).abs() < 1e-9, "{columns} columns, mean {mean}: {total}");
        }
    }
}
