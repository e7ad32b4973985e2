use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF, Gamma};

use crate::Direction;
use crate::special::to_nine_digits;

/// The distribution of the events in one observation. A rate is events per observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CountLaw {
    /// One part, which is bad or not: 0 or 1 event.
    Bernoulli,
    /// One interval with any number of independent events.
    Poisson,
}

/// What is known of the rate of events while nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InControlRate {
    /// Known, events per observation.
    Known(f64),
    /// Seen in a period without trouble. The chart is then built for the confidence limit of the rate on the side it
    /// watches, at [`InControlRate::CONFIDENCE`]: in nine periods out of ten the run length in control is at least the
    /// one asked for, however few observations there were. This is paid for with delay, which more observations buy
    /// back.
    Estimated {
        /// Events seen.
        events: u64,
        /// Observations made: parts for a proportion, intervals for a count.
        observations: u64,
    },
}

impl InControlRate {
    /// Confidence that the true rate is not beyond the limit that the chart is built for.
    pub const CONFIDENCE: f64 = 0.9;

    /// The rate to build a chart for that looks for a shift in that direction, if there is one.
    pub(crate) fn guarded(self, law: CountLaw, direction: Direction) -> Option<f64> {
        let rate = match self {
            Self::Known(rate) => rate,
            Self::Estimated { events, observations } => law.rate_limit(events, observations, direction)?,
        };
        law.admits(rate).then_some(rate)
    }
}

impl CountLaw {
    /// Whether there is such a rate, and anything to tell it from.
    pub(crate) fn admits(self, rate: f64) -> bool {
        match self {
            Self::Bernoulli => rate > 0.0 && rate < 1.0,
            Self::Poisson => rate > 0.0 && rate.is_finite(),
        }
    }

    /// Standard deviation of one observation.
    pub(crate) fn sigma(self, rate: f64) -> f64 {
        match self {
            Self::Bernoulli => libm::sqrt(rate * (1.0 - rate)),
            Self::Poisson => libm::sqrt(rate),
        }
    }

    /// Probability of that many events in one observation.
    pub(crate) fn probability(self, rate: f64, count: u32) -> f64 {
        match (self, count) {
            (Self::Bernoulli, 0) => 1.0 - rate,
            (Self::Bernoulli, 1) => rate,
            (Self::Bernoulli, _) => 0.0,
            (Self::Poisson, count) => {
                let count = f64::from(count);
                libm::exp(count * libm::log(rate) - rate - libm::lgamma(count + 1.0))
            }
        }
    }

    /// The rate at which both rates explain the events equally well; the chart's reference value. Poisson: J. M. Lucas,
    /// Technometrics 27 (1985) 129; Bernoulli: M. R. Reynolds and Z. G. Stoumbos, Journal of Quality Technology 31
    /// (1999) 87.
    pub(crate) fn reference(self, from: f64, to: f64) -> f64 {
        let ratio = libm::log(to / from);
        match self {
            Self::Bernoulli => {
                let spared = libm::log1p(-from) - libm::log1p(-to);
                spared / (ratio + spared)
            }
            Self::Poisson => (to - from) / ratio,
        }
    }

    /// Confidence limit of the rate: the upper one for an upward chart, the lower one for a downward chart. Exact, from
    /// the tails of the binomial (C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404) and of the Poisson
    /// distribution (F. Garwood, Biometrika 28 (1936) 437). `None` if there is no such limit, or no observation.
    fn rate_limit(self, events: u64, observations: u64, direction: Direction) -> Option<f64> {
        let (seen, all) = (events as f64, observations as f64);
        let (first, share) = match direction {
            Direction::Up => (seen + 1.0, InControlRate::CONFIDENCE),
            Direction::Down => (seen, 1.0 - InControlRate::CONFIDENCE),
        };
        let limit = match self {
            Self::Bernoulli => Beta::new(first, all + 1.0 - first).ok()?.inverse_cdf(share),
            Self::Poisson if observations == 0 => return None,
            Self::Poisson => Gamma::new(first, 1.0).ok()?.inverse_cdf(share) / all,
        };
        Some(to_nine_digits(limit))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Without a single event both limits have a closed form.
    #[test]
    fn nothing_seen_still_leaves_a_limit() {
        let bernoulli = CountLaw::Bernoulli.rate_limit(0, 200, Direction::Up).unwrap();
        assert!((bernoulli / (1.0 - 0.1_f64.powf(1.0 / 200.0)) - 1.0).abs() < 1e-8, "{bernoulli}");
        let poisson = CountLaw::Poisson.rate_limit(0, 200, Direction::Up).unwrap();
        assert!((poisson / (10.0_f64.ln() / 200.0) - 1.0).abs() < 1e-8, "{poisson}");
        assert_eq!(CountLaw::Bernoulli.rate_limit(0, 200, Direction::Down), None);
        assert_eq!(CountLaw::Poisson.rate_limit(0, 200, Direction::Down), None);
    }

    #[test]
    fn what_cannot_be_has_no_rate() {
        for (events, observations) in [(0, 0), (5, 3), (5, 5), (u64::MAX, 1)] {
            let rate = InControlRate::Estimated { events, observations };
            assert_eq!(rate.guarded(CountLaw::Bernoulli, Direction::Up), None, "{events} of {observations}");
        }
        for rate in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(InControlRate::Known(rate).guarded(CountLaw::Bernoulli, Direction::Up), None);
        }
        let rate = InControlRate::Estimated { events: 3, observations: 0 };
        assert_eq!(rate.guarded(CountLaw::Poisson, Direction::Up), None);
    }

    proptest! {
        /// The definition: at the upper limit, as few events as were seen come with the probability left over.
        #[test]
        fn a_limit_leaves_the_probability_it_should(events in 0u64..40, more in 1u64..500) {
            let observations = events + more;
            let tail = |law: CountLaw, log_probability: &dyn Fn(f64, f64) -> f64| {
                let rate = law.rate_limit(events, observations, Direction::Up).unwrap();
                (0..=events).map(|count| log_probability(count as f64, rate).exp()).sum::<f64>()
            };
            let n = observations as f64;
            let binomial = tail(CountLaw::Bernoulli, &|x, p| {
                libm::lgamma(n + 1.0) - libm::lgamma(x + 1.0) - libm::lgamma(n - x + 1.0)
                    + x * p.ln() + (n - x) * (-p).ln_1p()
            });
            prop_assert!((binomial - 0.1).abs() < 1e-6, "{binomial}");
            let poisson = tail(CountLaw::Poisson, &|x, rate| x * (n * rate).ln() - n * rate - libm::lgamma(x + 1.0));
            prop_assert!((poisson - 0.1).abs() < 1e-6, "{poisson}");
        }

        #[test]
        fn the_reference_lies_between_the_rates(rate in 1e-6..0.45f64, multiple in 1.05..2.0f64) {
            for law in [CountLaw::Bernoulli, CountLaw::Poisson] {
                let reference = law.reference(rate, rate * multiple);
                prop_assert!(rate < reference && reference < rate * multiple);
            }
        }
    }
}
