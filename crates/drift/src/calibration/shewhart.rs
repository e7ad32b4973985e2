use crate::bisection::bisect;
use crate::normal;

/// Observations after which a run under a moving mean is held to have ended.
const OBSERVATIONS_MAX: u32 = 1_000_000;
/// A run that lasts on with no more than this probability adds nothing that counts.
const NEGLIGIBLE: f64 = 1e-11;

/// Probability that the mean of `n` independent normal values with mean `shift` and unit variance is beyond limits at
/// ± `limit` of its own standard deviations. `shift` in standard deviations of a single value.
pub fn shewhart_signal_probability(limit: f64, n: u32, shift: f64) -> f64 {
    let shift = shift * f64::from(n).sqrt();
    normal::cumulative(shift - limit) + normal::cumulative(-shift - limit)
}

/// Average run length of a Shewhart chart for the mean of `n` values, in means (D. C. Montgomery, Introduction to
/// Statistical Quality Control, chapter 6: a geometric distribution).
pub fn shewhart_arl(limit: f64, n: u32, shift: f64) -> f64 {
    1.0 / shewhart_signal_probability(limit, n, shift)
}

/// Standard deviation of the run length of a Shewhart chart for the mean of `n` values, in means.
pub fn shewhart_sdrl(limit: f64, n: u32, shift: f64) -> f64 {
    // Both tails of what does not signal, so that a shift far beyond the limit keeps its digits.
    let root = f64::from(n).sqrt();
    let quiet = normal::cumulative(limit - shift * root) - normal::cumulative(-limit - shift * root);
    quiet.max(0.0).sqrt() / shewhart_signal_probability(limit, n, shift)
}

/// Average run length of a Shewhart chart of single values while the mean moves: `mean(t)` is that of observation t, the
/// first of which is 1, in standard deviations. A run ends at the latest after a million observations.
pub fn shewhart_arl_moving(limit: f64, mean: impl Fn(u32) -> f64) -> f64 {
    let (mut length, mut lasting) = (1.0, 1.0);
    for t in 1..OBSERVATIONS_MAX {
        lasting *= 1.0 - shewhart_signal_probability(limit, 1, mean(t));
        length += lasting;
        if lasting < NEGLIGIBLE {
            break;
        }
    }
    length
}

/// The limit at which a Shewhart chart has the in-control run length `arl`, in standard deviations. Held to 0 ..= 10.
pub fn shewhart_limit(arl: f64) -> f64 {
    bisect(0.0, 10.0, |limit| shewhart_arl(limit, 1, 0.0) < arl)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n, shift, run length`: Montgomery, Introduction to Statistical Quality Control, 6.2 and figure 6.15; 370.4 and
    /// 43.89 also in C. W. Champ and W. H. Woodall, Technometrics 29 (1987) 393, table 1.
    #[test]
    fn three_sigma_limits_have_the_known_run_lengths() {
        for (n, shift, arl) in [(1, 0.0, 370.40), (1, 1.0, 43.89), (1, 3.0, 2.0), (4, 1.0, 6.30), (9, 1.0, 2.0)] {
            assert!((shewhart_arl(3.0, n, shift) / arl - 1.0).abs() < 1e-3, "n {n}, shift {shift}");
        }
    }

    #[test]
    fn the_spread_of_a_geometric_run_length_is_nearly_its_mean() {
        assert!((shewhart_sdrl(3.0, 1, 0.0) - 369.898_009).abs() < 1e-5);
        let (mean, spread) = (shewhart_arl(3.0, 4, 1.5), shewhart_sdrl(3.0, 4, 1.5));
        assert!((spread * spread - mean * (mean - 1.0)).abs() < 1e-9);
    }

    #[test]
    fn a_limit_gives_the_run_length_it_was_solved_for() {
        assert!((shewhart_limit(370.398_347) - 3.0).abs() < 1e-8);
        assert!((shewhart_arl(shewhart_limit(1e9), 1, 0.0) / 1e9 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_mean_that_does_not_move_has_the_closed_form() {
        assert!((shewhart_arl_moving(3.0, |_| 1.0) / shewhart_arl(3.0, 1, 1.0) - 1.0).abs() < 1e-9);
    }
}
