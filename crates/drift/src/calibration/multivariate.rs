use statrs::function::beta::inv_beta_reg;
use statrs::function::gamma::checked_gamma_ur;

use crate::bisection::bisect;
use crate::special::to_nine_digits;

/// Terms of the mixture that gives the noncentral chi-square distribution.
const TERMS_MAX: u32 = 10_000;
/// Terms that have fallen to this probability add nothing that counts.
const NEGLIGIBLE: f64 = 1e-17;

/// Average run length of Hotelling's T² of `variables` normal values whose means and covariances are known, with limit
/// `limit`, after a shift by the Mahalanobis distance `shift`, in standard deviations. In observations.
///
/// T² is noncentral chi-square then: a mixture of central ones whose degrees of freedom grow by a Poisson number of pairs
/// (N. L. Johnson, S. Kotz and N. Balakrishnan, Continuous Univariate Distributions 2 (1995), chapter 29).
pub fn hotelling_arl(variables: u32, limit: f64, shift: f64) -> f64 {
    let half_noncentrality = 0.5 * shift * shift;
    let mut weight = libm::exp(-half_noncentrality);
    let mut signal = 0.0;
    for pairs in 0..TERMS_MAX {
        signal += weight * chi_square_beyond(variables + 2 * pairs, limit);
        weight *= half_noncentrality / f64::from(pairs + 1);
        if f64::from(pairs) > half_noncentrality && weight < NEGLIGIBLE {
            break;
        }
    }
    1.0 / signal
}

/// The limit that T² of `variables` normal values exceeds with probability `alpha` (above 0, below 1) if their means and
/// covariances are known: a quantile of chi-square.
pub fn hotelling_limit_known(variables: u32, alpha: f64) -> f64 {
    let mut high = f64::from(variables.max(1));
    while chi_square_beyond(variables, high) > alpha {
        high *= 2.0;
    }
    to_nine_digits(bisect(0.0, high, |limit| chi_square_beyond(variables, limit) > alpha))
}

/// The limit for single observations out of the same `observations` that mean and covariance were estimated from (phase
/// I). `None` if there are too few: at least `variables + 2`; or if `alpha` is not above 0 and below 1.
///
/// N. D. Tracy, J. C. Young and R. L. Mason, Journal of Quality Technology 24 (1992) 88: a multiple of a beta variate.
pub fn hotelling_limit_phase_one(variables: u32, observations: u32, alpha: f64) -> Option<f64> {
    let (p, m) = estimated_from(variables, observations, alpha)?;
    let below = inv_beta_reg(0.5 * (m - p - 1.0), 0.5 * p, alpha);
    Some(to_nine_digits((m - 1.0) * (m - 1.0) / m * (1.0 - below)))
}

/// The limit for a single new observation, mean and covariance being estimated from `observations` before it (phase II).
/// `None` as in [`hotelling_limit_phase_one`].
///
/// Tracy, Young and Mason (1992): a multiple of an F variate, here through the beta distribution.
pub fn hotelling_limit_phase_two(variables: u32, observations: u32, alpha: f64) -> Option<f64> {
    let (p, m) = estimated_from(variables, observations, alpha)?;
    let below = inv_beta_reg(0.5 * (m - p), 0.5 * p, alpha);
    Some(to_nine_digits((m + 1.0) * (m - 1.0) / m * (1.0 / below - 1.0)))
}

fn estimated_from(variables: u32, observations: u32, alpha: f64) -> Option<(f64, f64)> {
    let enough = variables >= 1 && observations >= variables.saturating_add(2);
    (enough && alpha > 0.0 && alpha < 1.0).then_some((f64::from(variables), f64::from(observations)))
}

/// Probability that a chi-square variate is greater than `limit`; 0 if that makes no sense.
fn chi_square_beyond(degrees: u32, limit: f64) -> f64 {
    checked_gamma_ur(0.5 * f64::from(degrees), 0.5 * limit).unwrap_or(0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::shewhart_arl;
    use super::*;

    /// C. A. Lowry, W. H. Woodall, C. W. Champ and S. E. Rigdon, Technometrics 34 (1992) 46: chi-square chart, p = 2.
    #[test]
    fn run_lengths_of_lowry_are_reproduced() {
        let limit = hotelling_limit_known(2, 0.005);
        for (shift, arl) in [(0.0, 200.0), (1.0, 42.0), (1.5, 15.8), (2.0, 6.9), (2.5, 3.5), (3.0, 2.2)] {
            let ours = hotelling_arl(2, limit, shift);
            assert!((ours - arl).abs() < (0.005 * arl).max(0.05), "shift {shift}: {ours}, expected {arl}");
        }
    }

    /// Two degrees of freedom: an exponential distribution. One: the square of a normal one.
    #[test]
    fn one_and_two_variables_have_closed_forms() {
        for alpha in [0.05, 0.0027, 1e-9] {
            assert!((hotelling_limit_known(2, alpha) / (-2.0 * alpha.ln()) - 1.0).abs() < 1e-8);
        }
        for shift in [0.0, 1.0, 4.0, 30.0] {
            assert!((hotelling_arl(1, 9.0, shift) / shewhart_arl(3.0, 1, shift) - 1.0).abs() < 1e-9, "{shift}");
        }
    }

    /// Upper 5 % points of F from any table: F(2, 23) = 3.422, F(3, 22) = 3.049; of two variables, the beta distribution
    /// has the closed form 1 - alpha^(2 / (m - 3)).
    #[test]
    fn limits_from_estimates_are_those_of_the_tables() {
        for (p, f) in [(2.0, 3.422), (3.0, 3.049)] {
            let limit = p * 26.0 * 24.0 / (25.0 * (25.0 - p)) * f;
            assert!((hotelling_limit_phase_two(p as u32, 25, 0.05).unwrap() / limit - 1.0).abs() < 2e-4);
        }
        let beta = 1.0 - 0.001_f64.powf(2.0 / 22.0);
        assert!((hotelling_limit_phase_one(2, 25, 0.001).unwrap() / (24.0 * 24.0 / 25.0 * beta) - 1.0).abs() < 1e-8);
    }

    /// With very many observations to estimate from, nothing is left to be estimated.
    #[test]
    fn limits_from_estimates_tend_to_the_known_ones() {
        let known = hotelling_limit_known(5, 0.001);
        for limit in [hotelling_limit_phase_one(5, 1_000_000, 0.001), hotelling_limit_phase_two(5, 1_000_000, 0.001)] {
            assert!((limit.unwrap() / known - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn too_few_observations_give_no_limit() {
        assert_eq!(hotelling_limit_phase_one(3, 4, 0.01), None);
        assert_eq!(hotelling_limit_phase_two(3, 5, 0.0), None);
        assert_eq!(hotelling_limit_phase_two(0, 5, 0.1), None);
        assert!(hotelling_limit_phase_two(3, 5, 0.01).unwrap().is_finite());
    }
}
