use super::markov::cusum_arl_any;
use crate::bisection::bisect;
use crate::{Spread, normal};

/// States of the Markov chain.
const STATES: usize = 120;

/// Average run length of a [`Spread`] chart with that threshold over independent observations that are standard normal
/// but for being bounded at `bound`, as rank scores are; infinity for none.
pub fn spread_arl(threshold: f64, bound: f64) -> f64 {
    let most = Spread::weight(bound);
    let cumulative = |weight: f64| {
        let square = 2.0 * (weight + libm::log(Spread::RATIO)) / (1.0 - 1.0 / (Spread::RATIO * Spread::RATIO));
        match square {
            _ if weight >= most => 1.0,
            _ if square <= 0.0 => 0.0,
            _ => 1.0 - 2.0 * normal::cumulative(-libm::sqrt(square)),
        }
    };
    cusum_arl_any(cumulative, threshold, STATES)
}

/// The threshold at which a [`Spread`] chart over observations bounded at `bound` has the in-control run length `arl`.
/// Held to 0.5 ..= 40.
pub fn spread_threshold(arl: f64, bound: f64) -> f64 {
    bisect(0.5, 40.0, |threshold| spread_arl(threshold, bound) < arl)
}
