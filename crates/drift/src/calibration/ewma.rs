use super::chain::{Chain, run_length_of_moving};
use super::quadrature::gauss_legendre;
use crate::bisection::bisect;
use crate::normal;

/// Nodes of the quadrature for each standard deviation of what one observation adds, and their bounds.
const NODES_PER_SIGMA: f64 = 2.5;
const NODES_MIN: usize = 60;
const NODES_MAX: usize = 160;

/// Average run length of a two-sided EWMA over independent normal values with mean `shift` and unit variance, started at
/// 0: `weight` of the newest value in 0 ..= 1, limits at ± `limit` standard deviations of the average after a long time
/// (`sqrt(weight / (2 - weight))`). `shift` in standard deviations of a value; the result in observations.
///
/// Solves the integral equation of S. V. Crowder, Technometrics 29 (1987) 401, by Gauss-Legendre quadrature.
pub fn ewma_arl(weight: f64, limit: f64, shift: f64) -> f64 {
    Average::new(weight, limit).chain(shift).run_lengths()[0]
}

/// As [`ewma_arl`], while the mean moves: `mean(t)` is that of observation t, the first of which is 1, in standard
/// deviations. It has to leave the limits in the end; a run ends at the latest after a million observations.
///
/// The distribution of the average is carried forward from observation to observation on the nodes of the integral
/// equation; for a linear trend see F. F. Gan, Journal of Statistical Computation and Simulation 38 (1991) 181.
pub fn ewma_arl_moving(weight: f64, limit: f64, mean: impl Fn(u32) -> f64) -> f64 {
    let average = Average::new(weight, limit);
    run_length_of_moving(average.places.len(), |t, from, to| average.goes(from, to, mean(t)))
}

/// The limit at which a two-sided EWMA has the in-control run length `arl`, in standard deviations of the average. Held
/// to 0.1 ..= 10.
pub fn ewma_limit(weight: f64, arl: f64) -> f64 {
    bisect(0.1, 10.0, |limit| ewma_arl(weight, limit, 0.0) < arl)
}

/// The average at those places where its integral equation looks at it: first the start at 0, which it never comes back
/// to, then the nodes with their weights.
struct Average {
    places: Vec<(f64, f64)>,
    weight: f64,
    bound: f64,
}

impl Average {
    fn new(weight: f64, limit: f64) -> Self {
        let bound = limit * (weight / (2.0 - weight)).sqrt();
        let wanted = (NODES_PER_SIGMA * 2.0 * bound / weight).ceil() as usize;
        let mut places = vec![(0.0, 0.0)];
        places.extend(gauss_legendre(wanted.clamp(NODES_MIN, NODES_MAX), -bound, bound));
        Self { places, weight, bound }
    }

    /// The observation, less its mean, that leads from one place to the value.
    fn observation(&self, from: usize, value: f64, mean: f64) -> f64 {
        (value - (1.0 - self.weight) * self.places[from].0) / self.weight - mean
    }

    /// Probability of going from one place to the other if the mean of the observation is `mean`.
    fn goes(&self, from: usize, to: usize, mean: f64) -> f64 {
        match self.places[to] {
            (_, 0.0) => 0.0,
            (value, share) => share * normal::density(self.observation(from, value, mean)) / self.weight,
        }
    }

    fn chain(&self, mean: f64) -> Chain {
        let end = |from: usize| {
            let above = normal::cumulative(-self.observation(from, self.bound, mean));
            above + normal::cumulative(self.observation(from, -self.bound, mean))
        };
        Chain::new(self.places.len(), |from, to| self.goes(from, to, mean), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `weight, limit, shift, run length`: Crowder (1987), table 1, and J. M. Lucas and M. S. Saccucci, Technometrics 32
    /// (1990) 1, table 3.
    #[test]
    fn published_run_lengths_are_reproduced() {
        for (weight, limit, shift, arl) in [
            (0.5, 2.0, 0.0, 26.45),
            (0.5, 2.0, 1.0, 4.91),
            (0.05, 2.0, 0.0, 127.53),
            (0.05, 2.0, 0.5, 18.97),
            (0.5, 3.071, 0.0, 500.0),
            (0.5, 3.071, 0.5, 88.8),
            (0.03, 2.437, 0.0, 500.0),
            (0.03, 2.437, 1.0, 12.6),
        ] {
            let ours = ewma_arl(weight, limit, shift);
            assert!((ours / arl - 1.0).abs() < 2e-3, "{weight}, {limit}, {shift}: {ours}, expected {arl}");
        }
    }

    /// An average that forgets at once is a Shewhart chart.
    #[test]
    fn a_weight_of_one_gives_a_shewhart_chart() {
        assert!((ewma_arl(1.0, 3.0, 0.0) / 370.398_347 - 1.0).abs() < 1e-8);
    }

    #[test]
    fn a_limit_gives_the_run_length_it_was_solved_for() {
        for (weight, arl) in [(0.2, 1e4), (0.1, 1e9)] {
            let limit = ewma_limit(weight, arl);
            assert!((ewma_arl(weight, limit, 0.0) / arl - 1.0).abs() < 1e-9);
        }
    }

    /// The average on a grid of states, each step counted to the state it ends in (Lucas and Saccucci's method), with
    /// Richardson's extrapolation: shares nothing with the quadrature but the distribution function.
    #[test]
    fn long_run_lengths_are_those_of_a_markov_chain() {
        let (weight, limit) = (0.2_f64, 5.8);
        let grid = |states: usize| {
            let bound = limit * (weight / (2.0 - weight)).sqrt();
            let width = 2.0 * bound / states as f64;
            let value = |edge: f64| -bound + edge * width;
            let below = |from: usize, edge: f64| {
                let kept = (1.0 - weight) * value(from as f64 + 0.5);
                normal::cumulative((value(edge) - kept) / weight)
            };
            let to = |from: usize, to: usize| below(from, to as f64 + 1.0) - below(from, to as f64);
            let last = states - 1;
            // By symmetry what is above the upper limit is below the lower one from the mirrored state.
            let end = |from: usize| below(from, 0.0) + below(last - from, 0.0);
            Chain::new(states, to, end).run_lengths()[states / 2]
        };
        let (coarse, fine) = (grid(67), grid(201));
        let chain = fine * (fine / coarse).powf(0.125);
        let integral = ewma_arl(weight, limit, 0.0);
        assert!(integral > 1e8 && (chain / integral - 1.0).abs() < 5e-3, "{chain}, {integral}");
    }

    /// L. A. Aerne, C. W. Champ and S. E. Rigdon, Communications in Statistics - Theory and Methods 20 (1991),
    /// table 1: mean of observation t is slope t.
    #[test]
    fn run_lengths_under_a_trend_are_reproduced() {
        for (weight, limit, slope, arl) in
            [(0.25, 2.974, 0.1, 13.16), (0.5, 3.049, 0.1, 14.55), (0.133, 2.856, 1.0, 3.58)]
        {
            let ours = ewma_arl_moving(weight, limit, |t| slope * f64::from(t));
            assert!((ours / arl - 1.0).abs() < 1e-3, "{weight}, slope {slope}: {ours}, expected {arl}");
        }
    }
}
