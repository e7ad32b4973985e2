//! The in-control run length of a multivariate EWMA chart.

use crate::calibration::quadrature::{gauss_legendre, solve};

/// Nodes of the quadrature.
const NODES: usize = 48;
/// Run lengths beyond this are no better than rounding errors.
const ARL_MAX: f64 = 1e12;

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
    let rule = gauss_legendre(NODES, 0.0, limit);
    let starts = std::iter::once(0.0).chain(rule.iter().map(|&(node, _)| node));
    let row = |(i, from): (usize, f64)| {
        let mut row = vec![0.0; NODES + 2];
        for (value, &(to, weight)) in row[1..].iter_mut().zip(&rule) {
            *value = -weight * length_density(columns, kept * from, to);
        }
        row[i] += 1.0;
        row[NODES + 1] = 1.0;
        row
    };
    solve(starts.enumerate().map(row).collect())[0]
}

/// The threshold on the squared statistic at which the chart has the in-control run length `arl`, in vectors; held to
/// what 1e12 vectors need, beyond which the equation loses its digits.
pub fn mewma_threshold(columns: usize, smoothing: f64, arl: f64) -> f64 {
    let p = columns as f64;
    let (mut low, mut high) = (0.0, p + 50.0 + 10.0 * libm::sqrt(p));
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if mewma_arl(columns, smoothing, middle) < arl.min(ARL_MAX) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
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
