use super::chain::{Chain, run_length_of_moving};
use super::quadrature::gauss_legendre;
use crate::bisection::bisect;
use crate::normal;

/// Nodes of the quadrature; 60 give more than six digits for thresholds up to 25.
const NODES: usize = 60;

/// Average run length of a one-sided CUSUM with reference value `k` and threshold `h`, started at 0, over independent
/// normal values with mean `shift` and unit variance. All in standard deviations; the result in observations.
///
/// Solves Page's integral equation by Gauss-Legendre quadrature: E. S. Page, Biometrika 41 (1954) 100; A. L. Goel and
/// S. M. Wu, Technometrics 13 (1971) 221. Beside the Markov chain of [`cusum_arl_any`](super::cusum_arl_any) with 600
/// states it agrees to 1e-5 up to run lengths of 1e9.
pub fn cusum_arl_one_sided(k: f64, h: f64, shift: f64) -> f64 {
    cusum_arl_one_sided_from(0.0, k, h, shift)
}

/// As [`cusum_arl_one_sided`], with the sum started at `head_start` instead of at 0, in 0 ..= `h` (fast initial
/// response: J. M. Lucas and R. B. Crosier, Technometrics 24 (1982) 199).
pub fn cusum_arl_one_sided_from(head_start: f64, k: f64, h: f64, shift: f64) -> f64 {
    let sum = Sum::new(head_start, h);
    sum.chain(shift - k).run_lengths()[sum.head_start()]
}

/// Average run length of a two-sided CUSUM: two one-sided ones of which either ends the run.
pub fn cusum_arl(k: f64, h: f64, shift: f64) -> f64 {
    1.0 / (1.0 / cusum_arl_one_sided(k, h, shift) + 1.0 / cusum_arl_one_sided(k, h, -shift))
}

/// As [`cusum_arl`], with both sums started at `head_start`: Lucas and Crosier (1982), their formula for two-sided charts.
/// Exact for head starts up to `h / 2 + k`, because then one sum is back at 0 whenever the other gives the alarm.
pub fn cusum_arl_from(head_start: f64, k: f64, h: f64, shift: f64) -> f64 {
    cusum_arl_and_from(head_start, k, h, shift).1
}

/// [`cusum_arl`] and [`cusum_arl_from`] at once.
pub(super) fn cusum_arl_and_from(head_start: f64, k: f64, h: f64, shift: f64) -> (f64, f64) {
    let side = |shift: f64| {
        let sum = Sum::new(head_start, h);
        let lengths = sum.chain(shift - k).run_lengths();
        (lengths[0], lengths[sum.head_start()])
    };
    let ((up, up_ahead), (down, down_ahead)) = (side(shift), side(-shift));
    // Divided through by the longer of the two, which may be near the largest number there is.
    let longer = up.max(down);
    let both = up / longer + down / longer;
    let ahead = up_ahead * (down / longer) + up * (down_ahead / longer) - up * (down / longer);
    (up * (down / longer) / both, ahead / both)
}

/// Average number of observations from a shift to the alarm of a one-sided CUSUM that had run for long without one: the
/// conditional steady-state run length (R. B. Crosier, Technometrics 28 (1986) 187).
pub fn cusum_arl_steady_state(k: f64, h: f64, shift: f64) -> f64 {
    let sum = Sum::new(0.0, h);
    let lengths = sum.chain(shift - k).run_lengths();
    sum.chain(-k).settled().iter().zip(&lengths).map(|(share, length)| share * length).sum()
}

/// Average run length of a one-sided CUSUM started at 0 while the mean moves: `mean(t)` is that of observation t, the
/// first of which is 1, in standard deviations. It has to go up in the end; a run ends at the latest after a million
/// observations.
///
/// The distribution of the sum is carried forward from observation to observation on the nodes of the integral equation;
/// for a linear trend, `mean(t) = slope t`, after F. F. Gan, The Statistician 41 (1992) 71.
pub fn cusum_arl_moving(k: f64, h: f64, mean: impl Fn(u32) -> f64) -> f64 {
    let sum = Sum::new(0.0, h);
    run_length_of_moving(sum.places.len(), |t, from, to| sum.goes(from, to, mean(t) - k))
}

/// The threshold at which a two-sided CUSUM with reference value `k` has the in-control run length `arl`, in standard
/// deviations. Held to 0.1 ..= 25.
pub fn cusum_threshold(k: f64, arl: f64) -> f64 {
    bisect(0.1, 25.0, |h| cusum_arl(k, h, 0.0) < arl)
}

/// The sum of a one-sided CUSUM at those places where its integral equation looks at it: 0, which holds probability
/// itself; the nodes, with their weights; the head start, which the sum never comes back to.
struct Sum {
    places: Vec<(f64, f64)>,
    threshold: f64,
}

impl Sum {
    fn new(head_start: f64, threshold: f64) -> Self {
        let mut places = vec![(0.0, 1.0)];
        places.extend(gauss_legendre(NODES, 0.0, threshold));
        places.push((head_start, 0.0));
        Self { places, threshold }
    }

    fn head_start(&self) -> usize {
        self.places.len() - 1
    }

    /// Probability of going from one place to the other if the mean of the increment is `mean`.
    fn goes(&self, from: usize, to: usize, mean: f64) -> f64 {
        let ((start, _), (end, weight)) = (self.places[from], self.places[to]);
        match (to, weight) {
            (0, _) => normal::cumulative(-start - mean),
            (_, 0.0) => 0.0,
            _ => weight * normal::density(end - start - mean),
        }
    }

    fn chain(&self, mean: f64) -> Chain {
        let end = |from: usize| normal::cumulative(self.places[from].0 + mean - self.threshold);
        Chain::new(self.places.len(), |from, to| self.goes(from, to, mean), end)
    }
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

    /// Lucas and Crosier, Technometrics 24 (1982) 199, table 1: k = 0.5, both sums started at h / 2 = 2.
    #[test]
    fn a_head_start_gives_the_run_lengths_of_lucas_and_crosier() {
        for (shift, arl) in [(0.0, 149.0), (0.25, 62.7), (0.5, 20.1), (1.0, 5.29), (2.0, 2.01), (5.0, 1.01)] {
            let ours = cusum_arl_from(2.0, 0.5, 4.0, shift);
            assert!((ours / arl - 1.0).abs() < 0.005, "shift {shift}: {ours}, expected {arl}");
        }
    }

    /// L. C. Vance, Journal of Quality Technology 18 (1986) 189: k = 0, h = 10, one-sided.
    #[test]
    fn one_sided_run_lengths_of_vance_are_reproduced() {
        for (shift, arl) in [(-0.25, 2071.51), (-0.125, 400.28), (0.0, 124.66), (0.25, 36.71), (1.0, 10.75)] {
            let ours = cusum_arl_one_sided(0.0, 10.0, shift);
            assert!((ours / arl - 1.0).abs() < 5e-4, "shift {shift}: {ours}, expected {arl}");
        }
    }

    /// F. F. Gan (1992), table 1: k = 0.25, h = 8, the first observation being still in control.
    #[test]
    fn run_lengths_under_a_trend_are_reproduced() {
        for (slope, arl) in [(0.01, 52.0), (0.05, 21.4), (0.1, 15.0), (0.5, 6.95), (1.0, 5.16), (3.0, 3.30)] {
            let ours = cusum_arl_moving(0.25, 8.0, |t| slope * f64::from(t - 1));
            assert!((ours / arl - 1.0).abs() < 0.005, "slope {slope}: {ours}, expected {arl}");
        }
    }

    #[test]
    fn a_mean_that_does_not_move_has_the_run_length_of_the_integral_equation() {
        let (moving, standing) = (cusum_arl_moving(0.5, 4.0, |_| 1.0), cusum_arl_one_sided(0.5, 4.0, 1.0));
        assert!((moving / standing - 1.0).abs() < 1e-8, "{moving}, {standing}");
    }

    /// A sum that waits is above 0, so it finds a shift sooner than one that starts with it, and later than a head start.
    #[test]
    fn a_settled_chart_is_quicker_than_a_new_one() {
        for shift in [0.25, 1.0, 3.0] {
            let settled = cusum_arl_steady_state(0.5, 5.0, shift);
            assert!(settled < cusum_arl_one_sided(0.5, 5.0, shift));
            assert!(settled > cusum_arl_one_sided_from(2.5, 0.5, 5.0, shift));
        }
    }

    /// Two methods that share nothing but the density: quadrature and a chain on a grid.
    #[test]
    fn thresholds_of_long_run_lengths_hold() {
        for (k, arl) in [(0.5, 1e9), (1.5, 1e9)] {
            let h = cusum_threshold(k, arl);
            let chain = super::super::cusum_arl_any(|x| normal::cumulative(x + k), h, 300);
            assert!((0.5 * chain / arl - 1.0).abs() < 1e-3, "k {k}, arl {arl}: {chain}");
        }
    }
}
