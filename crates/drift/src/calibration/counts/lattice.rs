use serde::{Deserialize, Serialize};

use crate::Direction;
use crate::calibration::chain::Chain;

/// The steps of a count CUSUM in whole numbers: the sum takes the values `0 ..= threshold` and no others, so its run
/// length is that of a finite Markov chain and comes out exact. Lucas (1985); Reynolds and Stoumbos (1999), whose `m` is
/// `per_event` where `per_observation` is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lattice {
    /// Where events take the sum.
    pub(crate) direction: Direction,
    /// What an event adds (upward) or takes away (downward).
    pub(crate) per_event: u32,
    /// What each observation takes away (upward) or adds (downward).
    pub(crate) per_observation: u32,
}

/// A threshold and the run length it gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Solved {
    pub(crate) threshold: u32,
    pub(crate) run_length: f64,
}

impl Lattice {
    /// The most states of a chain that is solved state by state.
    const STATES_MAX: u32 = 1_000;
    /// The most states of a chain that is solved by recursion.
    const RARE_STATES_MAX: u32 = 1 << 21;

    /// The steps whose ratio is the simplest fraction within `tolerance` of `reference`.
    pub(crate) fn new(direction: Direction, reference: f64, tolerance: f64) -> Option<Self> {
        const DENOMINATOR_MAX: u32 = 1 << 20;
        let close =
            |per_event: u32| {
                let per_observation = libm::round(reference * f64::from(per_event));
                let error = (per_observation / f64::from(per_event) - reference).abs();
                (per_observation >= 1.0 && per_observation <= f64::from(u32::MAX) && error <= tolerance)
                    .then_some(Self { direction, per_event, per_observation: per_observation as u32 })
            };
        (1..=DENOMINATOR_MAX).find_map(close)
    }

    /// The sum after an observation with that many events.
    pub(crate) fn next(self, sum: u64, count: u64) -> u64 {
        let (events, observation) = (u64::from(self.per_event).saturating_mul(count), u64::from(self.per_observation));
        match self.direction {
            Direction::Up => sum.saturating_add(events).saturating_sub(observation),
            Direction::Down => sum.saturating_add(observation).saturating_sub(events),
        }
    }

    /// The smallest threshold whose run length is at least `run_length`, if any that can be solved has one.
    /// `probability` is that of a count.
    pub(crate) fn threshold(self, probability: impl Fn(u32) -> f64, run_length: f64) -> Option<Solved> {
        let is_enough = |solved: &Solved| solved.run_length >= run_length;
        if self.per_observation == 1 {
            let lengths = self.rare_run_lengths(probability).take(Self::RARE_STATES_MAX as usize);
            return (1..).zip(lengths).map(|(threshold, run_length)| Solved { threshold, run_length }).find(is_enough);
        }
        let solved = |threshold| Solved { threshold, run_length: self.run_length(&probability, threshold) };
        let mut high = solved(1);
        let mut low = 0;
        while !is_enough(&high) {
            if high.threshold == Self::STATES_MAX {
                return None;
            }
            low = high.threshold;
            high = solved((2 * low).min(Self::STATES_MAX));
        }
        while high.threshold - low > 1 {
            let middle = solved(low + (high.threshold - low) / 2);
            if is_enough(&middle) {
                high = middle;
            } else {
                low = middle.threshold;
            }
        }
        Some(high)
    }

    /// Mean number of observations until the sum, from 0, reaches the threshold: a chain of all values below it.
    fn run_length(self, probability: impl Fn(u32) -> f64, threshold: u32) -> f64 {
        let (gain, loss, top) = (i64::from(self.per_event), i64::from(self.per_observation), i64::from(threshold));
        let shares: Vec<f64> = Self::shares(probability).collect();
        let exactly =
            |count: i64| usize::try_from(count).ok().and_then(|count| shares.get(count)).copied().unwrap_or(0.0);
        let at_least = |count: i64| shares.iter().skip(count.max(0) as usize).rev().sum::<f64>();
        let at_most = |count: i64| shares.iter().take((count + 1).max(0) as usize).sum::<f64>();
        // Events in an observation that takes the sum from one value to another, times the gain.
        let needed = |from: i64, to: i64| match self.direction {
            Direction::Up => to - from + loss,
            Direction::Down => from - to + loss,
        };
        let to = |from: usize, to: usize| {
            let needed = needed(from as i64, to as i64);
            match (to, self.direction) {
                (0, Direction::Up) => at_most(needed.div_euclid(gain)),
                (0, Direction::Down) => at_least(-(-needed).div_euclid(gain)),
                _ if needed % gain == 0 => exactly(needed / gain),
                _ => 0.0,
            }
        };
        let end = |from: usize| match self.direction {
            Direction::Up => at_least(-(-needed(from as i64, top)).div_euclid(gain)),
            Direction::Down => at_most(needed(from as i64, top).div_euclid(gain)),
        };
        Chain::new(threshold as usize, to, end).run_lengths()[0]
    }

    /// Probabilities of 0, 1, 2 and so on events in an observation, as far as they count.
    fn shares(probability: impl Fn(u32) -> f64) -> impl Iterator<Item = f64> {
        const NEGLIGIBLE: f64 = 1e-30;
        let mut has_risen = false;
        (0..).map(probability).take_while(move |&share| {
            has_risen |= share > NEGLIGIBLE;
            share > NEGLIGIBLE || !has_risen
        })
    }

    /// Run lengths for the thresholds 1, 2, 3 and so on of a chain whose every empty observation is a step of one.
    ///
    /// Such a chain passes every value on its way against the events, so the run length from a value is a linear function
    /// of those from the values on its other side. Upward, `x` being the run length from the highest value, that from `d`
    /// below it is `free[d] * x - forced[d]`, whatever the threshold; the barrier at 0, where it is as long as from one
    /// lower, gives `x`. Downward it is 0 at the threshold, and that from 0 is `forced[threshold]`. (The scale functions
    /// of a skip-free walk: A. E. Kyprianou, Fluctuations of Levy Processes with Applications, 2014, chapter 8.)
    ///
    /// One pass gives all thresholds, so a chain of a million values is no trouble. The relative error is about 1e-16
    /// times the run length, while the rate is on the good side of the reference value; beyond it the two terms grow
    /// until their difference has no digits.
    fn rare_run_lengths(self, probability: impl Fn(u32) -> f64) -> impl Iterator<Item = f64> {
        let mut shares = Self::shares(probability);
        let empty = shares.next().unwrap_or(0.0);
        let events: Vec<f64> = shares.collect();
        let per_event = self.per_event as usize;
        let grown = move |series: &[f64], source: f64| {
            let last = series[series.len() - 1];
            let back = |count: usize| series.len().checked_sub(count * per_event).map_or(0.0, |from| series[from]);
            let events = events.iter().enumerate().map(|(i, share)| share * (last - back(i + 1))).sum::<f64>();
            (source + events) / empty
        };
        let (mut free, mut forced) = (vec![1.0], vec![0.0]);
        std::iter::from_fn(move || {
            let d = forced.len() - 1;
            let more_forced = grown(&forced, 1.0);
            forced.push(forced[d] + more_forced);
            if self.direction == Direction::Down {
                return Some(forced[d + 1]);
            }
            let more_free = grown(&free, 0.0);
            free.push(free[d] + more_free);
            Some(free[d] * more_forced / more_free - forced[d])
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::law::CountLaw;
    use super::*;

    fn lattice(direction: Direction, per_observation: u32, per_event: u32) -> Lattice {
        Lattice { direction, per_event, per_observation }
    }

    /// Lucas (1985), tables 2 and 4, row h = 10, k = 0.25, column of the reference value: 438 upward and 437 downward, as
    /// the documentation of the R package spc (S. Knoth) quotes them. And k = 2, h = 6 by the routine of J. Lawson's R
    /// package IAcsSPCR: 37.2 in control (mean 1.88) and 5.49 at mean 3.2.
    #[test]
    fn published_run_lengths_are_reproduced() {
        for (direction, per_observation, per_event, threshold, rate, published, digits) in [
            (Direction::Up, 1, 4, 40, 0.25, 438.0, 0.5),
            (Direction::Down, 1, 4, 40, 0.25, 437.0, 0.5),
            (Direction::Up, 2, 1, 6, 1.88, 37.2, 0.05),
            (Direction::Up, 2, 1, 6, 1.88 + 0.9627 * 1.88_f64.sqrt(), 5.49, 0.005),
        ] {
            let ours = lattice(direction, per_observation, per_event)
                .run_length(|count| CountLaw::Poisson.probability(rate, count), threshold);
            assert!((ours - published).abs() <= digits, "{direction:?} {threshold} at {rate}: {ours}, not {published}");
        }
    }

    /// A sum that an event takes straight over the threshold: the run ends with the first event.
    #[test]
    fn the_first_event_ends_a_run_of_mean_one_over_rate() {
        let chart = lattice(Direction::Up, 1, 50);
        let solved = chart.threshold(|count| CountLaw::Bernoulli.probability(0.01, count), 10.0).unwrap();
        assert_eq!(solved.threshold, 1);
        assert!((solved.run_length - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_length_out_of_reach_is_no_threshold() {
        let none = lattice(Direction::Up, 3, 2).threshold(|count| CountLaw::Poisson.probability(1.6, count), 1e12);
        assert_eq!(none, None);
    }

    proptest! {
        /// The recursion for rare events against the elimination of states.
        #[test]
        fn both_solutions_agree(
            per_event in 2u32..30, threshold in 1u32..120, share in 0.3..0.95f64, up in any::<bool>(), one in any::<bool>(),
        ) {
            let direction = if up { Direction::Up } else { Direction::Down };
            let law = if one { CountLaw::Bernoulli } else { CountLaw::Poisson };
            let rate = if up { share / f64::from(per_event) } else { (1.0 / (share * f64::from(per_event))).min(0.9) };
            let chart = lattice(direction, 1, per_event);
            let exact = chart.run_length(|count| law.probability(rate, count), threshold);
            prop_assume!(exact < 1e12);
            let quick = chart
                .rare_run_lengths(|count| law.probability(rate, count))
                .nth(threshold as usize - 1)
                .unwrap();
            prop_assert!((quick / exact - 1.0).abs() < 1e-9 + 1e-16 * exact, "{quick}, {exact}");
        }

        #[test]
        fn the_threshold_is_the_smallest_that_will_do(rate in 0.3..4.0f64, length in 5.0..400.0f64) {
            let chart = Lattice::new(Direction::Up, rate * 1.4, rate * 0.05).unwrap();
            let probability = |count| CountLaw::Poisson.probability(rate, count);
            let solved = chart.threshold(probability, length).unwrap();
            prop_assert!(solved.run_length >= length);
            prop_assert!(solved.threshold == 1 || chart.run_length(probability, solved.threshold - 1) < length);
        }

        #[test]
        fn a_fraction_is_as_close_as_asked(reference in 1e-5..50.0f64) {
            let chart = Lattice::new(Direction::Up, reference, 0.02 * reference).unwrap();
            let ratio = f64::from(chart.per_observation) / f64::from(chart.per_event);
            prop_assert!((ratio / reference - 1.0).abs() < 0.0201);
        }
    }
}
