use super::quadrature::{gauss_legendre, solve};
use crate::normal;

/// Nodes of the quadrature; 60 give more than six digits for thresholds up to 20.
const NODES: usize = 60;

/// Average run length of a one-sided CUSUM with reference value `k` and threshold `h`, started at 0, over independent
/// normal values with mean `shift` and unit variance. All in standard deviations; the result in observations.
///
/// Solves Page's integral equation by Gauss-Legendre quadrature: E. S. Page, Biometrika 41 (1954) 100; A. L. Goel and
/// S. M. Wu, Technometrics 13 (1971) 221.
pub fn cusum_arl_one_sided(k: f64, h: f64, shift: f64) -> f64 {
    let rule = gauss_legendre(NODES, 0.0, h);
    let mean = shift - k;
    // Unknowns: the run length from 0, then from each node. Row i: L(u_i) - L(0) P(to 0) - sum of w_j L(x_j) f = 1.
    let starts = std::iter::once(0.0).chain(rule.iter().map(|&(node, _)| node));
    let row = |(i, from): (usize, f64)| {
        let mut row = vec![0.0; NODES + 2];
        row[0] = -normal::cumulative(-from - mean);
        for (value, &(to, weight)) in row[1..].iter_mut().zip(&rule) {
            *value = -weight * normal::density(to - from - mean);
        }
        row[i] += 1.0;
        row[NODES + 1] = 1.0;
        row
    };
    solve(starts.enumerate().map(row).collect())[0]
}

/// Average run length of a two-sided CUSUM: two one-sided ones of which either ends the run.
pub fn cusum_arl(k: f64, h: f64, shift: f64) -> f64 {
    1.0 / (1.0 / cusum_arl_one_sided(k, h, shift) + 1.0 / cusum_arl_one_sided(k, h, -shift))
}

/// The threshold at which a two-sided CUSUM with reference value `k` has the in-control run length `arl`, in standard
/// deviations. Held to 0.1 ..= 25.
pub fn cusum_threshold(k: f64, arl: f64) -> f64 {
    let (mut low, mut high) = (0.1, 25.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if cusum_arl(k, middle, 0.0) < arl {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `shift, run length` at k = 0.5, from D. C. Montgomery, Introduction to Statistical Quality Control, table 9.3.
    #[test]
    fn montgomerys_table_is_reproduced() {
        for (h, shift, arl) in [
            (4.0, 0.0, 168.0),
            (4.0, 1.0, 8.38),
            (5.0, 0.0, 465.0),
            (5.0, 0.5, 38.0),
            (5.0, 1.0, 10.4),
            (5.0, 2.0, 4.01),
        ] {
            let ours = cusum_arl(0.5, h, shift);
            assert!((ours / arl - 1.0).abs() < 0.005, "h {h}, shift {shift}: {ours}, expected {arl}");
        }
    }

    #[test]
    fn a_threshold_gives_the_run_length_it_was_solved_for() {
        for arl in [100.0, 5_000.0, 1e6] {
            let reached = cusum_arl(0.5, cusum_threshold(0.5, arl), 0.0);
            assert!((reached / arl - 1.0).abs() < 1e-6, "{arl}: {reached}");
        }
    }
}
