//! Special functions of `statrs`, rounded: its logarithm is the platform's, and the last bits of that must not decide.

use statrs::function::beta::beta_reg;

use crate::bisection::bisect;

/// Quantile of Student's distribution with that many degrees of freedom, at least 1; infinite for a probability of 0 or
/// 1. To nine significant digits; from a million degrees on, that of a million, which is the normal one to six.
///
/// Bisection of the distribution function, because the library's own inverse need not end.
pub(crate) fn student_quantile(probability: f64, degrees: u32) -> f64 {
    let degrees = f64::from(degrees.clamp(1, 1_000_000));
    let beyond = |t: f64| 0.5 * beta_reg(0.5 * degrees, 0.5, degrees / (degrees + t * t));
    let tail = probability.min(1.0 - probability);
    let mut high = 1.0;
    while beyond(high) > tail && high < 1e150 {
        high *= 2.0;
    }
    let magnitude = if tail > 0.0 { to_nine_digits(bisect(0.0, high, |t| beyond(t) > tail)) } else { f64::INFINITY };
    libm::copysign(magnitude, probability - 0.5)
}

/// The largest chance of an event that is still in keeping with `events` in `trials`: with a larger one, so few events or
/// fewer would have a chance below `doubt`. Above the true chance but for that doubt, whatever it is. To nine significant
/// digits; 1 if every trial was an event.
///
/// C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404.
pub(crate) fn proportion_upper(events: u32, trials: u32, doubt: f64) -> f64 {
    if events >= trials {
        return 1.0;
    }
    let (others, more) = (f64::from(trials - events), f64::from(events) + 1.0);
    to_nine_digits(bisect(0.0, 1.0, |chance| beta_reg(others, more, 1.0 - chance) > doubt))
}

/// The number to nine significant digits.
pub(crate) fn to_nine_digits(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let scale = libm::pow(10.0, 8.0 - libm::floor(libm::log10(number.abs())));
    libm::round(number * scale) / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upper 2.5 % and 0.1 % points of any table of Student's distribution.
    #[test]
    fn students_quantiles_are_those_of_the_table() {
        for (probability, degrees, quantile) in [
            (0.975, 1, 12.7062),
            (0.975, 2, 4.30265),
            (0.975, 10, 2.22814),
            (0.975, 4_000_000_000, 1.95996),
            (0.999, 10, 4.14370),
            (0.001, 30, -3.38518),
            (0.999_999, 1, 318_309.886),
            (0.5, 7, 0.0),
        ] {
            let ours = student_quantile(probability, degrees);
            assert!(
                (ours - quantile).abs() < 1e-5 * (1.0 + quantile.abs()),
                "{probability} with {degrees}: {ours}, expected {quantile}"
            );
        }
        assert_eq!(student_quantile(1.0, 4), f64::INFINITY);
        assert_eq!(student_quantile(0.0, 4), f64::NEG_INFINITY);
    }

    /// Without an event the limit is 1 - doubt^(1 / n); the others by the sum of the binomial distribution.
    #[test]
    fn the_upper_limit_of_a_proportion_is_where_the_sum_is_the_doubt() {
        assert!((proportion_upper(0, 200, 1e-3) - (1.0 - 1e-3_f64.powf(1.0 / 200.0))).abs() < 1e-9);
        for (events, trials) in [(0, 1), (1, 2), (3, 40), (39, 40), (7, 1_000)] {
            let upper = proportion_upper(events, trials, 0.05);
            let mut term = (1.0 - upper).powi(trials as i32);
            let mut sum = term;
            for k in 1..=events {
                term *= f64::from(trials - k + 1) / f64::from(k) * upper / (1.0 - upper);
                sum += term;
            }
            assert!((sum - 0.05).abs() < 1e-6, "{events} of {trials}: {upper} gives {sum}");
        }
        assert_eq!(proportion_upper(5, 5, 0.05), 1.0);
    }

    #[test]
    fn a_number_keeps_nine_digits() {
        assert_eq!(to_nine_digits(1.234_567_891_6), 1.234_567_89);
        assert_eq!(to_nine_digits(-987_654_321.6), -987_654_322.0);
        assert_eq!(to_nine_digits(0.0), 0.0);
    }
}
