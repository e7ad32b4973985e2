//! Counts: how often something happens.

use drift::{BernoulliCusum, InControlRate, PoissonCusum, Step};

use super::column::{Watch, mean_and_spread};
use super::sign::What;

/// A rate that is to be found soonest is at most this multiple of the one in training.
const MULTIPLE_MAX: f64 = 2.0;
/// From this rate on, events per row, counts are charted like any other numbers.
const RATE_MAX: f64 = 100.0;
/// Counts whose variance exceeds what independent events have by so many of its standard errors are no such.
const DISPERSION_ERRORS_MAX: f64 = 4.0;

/// The distribution that counts in training are taken for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Law {
    /// Only 0 and 1: each row is one trial.
    Bernoulli { events: u64, rows: u64 },
    /// Any number of independent events in a row.
    Poisson { events: u64, rows: u64 },
}

impl Law {
    /// The law of these numbers, or why there is none.
    pub(super) fn of(training: &[f64]) -> Result<Self, String> {
        if let Some(other) = training.iter().find(|&&number| number < 0.0 || number.fract() != 0.0) {
            return Err(format!("{other} is no count"));
        }
        let (rows, count) = (training.len() as u64, training.len() as f64);
        let events = training.iter().sum::<f64>();
        let (rate, spread) = mean_and_spread(training);
        if training.iter().all(|&number| number <= 1.0) {
            return Ok(Self::Bernoulli { events: events as u64, rows });
        }
        if rate > RATE_MAX {
            return Err(format!("{rate:.0} events in a row are many; --detector cusum is for such"));
        }
        let dispersion = spread * spread / rate;
        if dispersion > 1.0 + DISPERSION_ERRORS_MAX * (2.0 / (count - 1.0)).sqrt() {
            return Err(format!(
                "its variance is {dispersion:.1} times its mean, which independent events do not have"
            ));
        }
        Ok(Self::Poisson { events: events as u64, rows })
    }
}

/// Two charts: for a rate that rises, and for one that falls.
pub(super) enum CountWatch {
    Bernoulli([Option<BernoulliCusum>; 2]),
    Poisson([Option<PoissonCusum>; 2]),
}

impl CountWatch {
    /// Charts with that run length each, if there are any.
    pub(super) fn new(law: Law, run_length: f64) -> Option<Self> {
        match law {
            Law::Bernoulli { events, rows } => {
                // Twice and half the odds, so that no rate leaves 0 ..= 1.
                let rate = events as f64 / rows as f64;
                let multiples = [MULTIPLE_MAX / (1.0 + rate), 1.0 / (MULTIPLE_MAX - rate)];
                let seen = InControlRate::Estimated { events, observations: rows };
                let charts = multiples.map(|multiple| BernoulliCusum::new(seen, multiple, run_length));
                charts.iter().any(Option::is_some).then_some(Self::Bernoulli(charts))
            }
            Law::Poisson { events, rows } => {
                // A standard deviation, of many events; at most twice as many, of few.
                let multiple = (1.0 + (rows as f64 / events as f64).sqrt()).min(MULTIPLE_MAX);
                let seen = InControlRate::Estimated { events, observations: rows };
                let charts = [multiple, 1.0 / multiple].map(|multiple| PoissonCusum::new(seen, multiple, run_length));
                charts.iter().any(Option::is_some).then_some(Self::Poisson(charts))
            }
        }
    }
}

impl Watch for CountWatch {
    /// A number that is no count is passed over.
    fn observe(&mut self, number: f64, mark: i64, say: &mut dyn FnMut(usize, What, Step)) {
        if number < 0.0 || number.fract() != 0.0 {
            return;
        }
        for place in 0..2 {
            let step = match self {
                Self::Bernoulli(charts) => charts[place].as_mut().map(|chart| chart.observe(number > 0.0, mark)),
                Self::Poisson(charts) => charts[place].as_mut().map(|chart| chart.observe(number as u64, mark)),
            };
            if let Some(step) = step {
                say(place, What::Rate, step);
            }
        }
    }

    fn score(&self) -> f64 {
        let score = |sum: &drift::CountCusum| sum.statistic() / sum.threshold();
        let scores = match self {
            Self::Bernoulli(charts) => charts.each_ref().map(|chart| chart.as_ref().map_or(0.0, |c| score(c.sum()))),
            Self::Poisson(charts) => charts.each_ref().map(|chart| chart.as_ref().map_or(0.0, |c| score(c.sum()))),
        };
        scores.into_iter().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_that_of_the_numbers() {
        let check = |training: &[f64], expected: Result<Law, &str>| {
            assert_eq!(Law::of(training), expected.map_err(str::to_owned), "{training:?}");
        };
        check(&[0.0, 1.0, 0.0, 0.0], Ok(Law::Bernoulli { events: 1, rows: 4 }));
        check(&[0.0; 30], Ok(Law::Bernoulli { events: 0, rows: 30 }));
        check(&[0.0, 2.0, 1.0, 3.0], Ok(Law::Poisson { events: 6, rows: 4 }));
        check(&[0.0, 0.5], Err("0.5 is no count"));
        check(&[-1.0], Err("-1 is no count"));
        check(&[300.0, 310.0], Err("305 events in a row are many; --detector cusum is for such"));
        let clumped: Vec<f64> = (0..100).map(|row| if row % 10 == 0 { 20.0 } else { 0.0 }).collect();
        let expected = "its variance is 18.2 times its mean, which independent events do not have";
        check(&clumped, Err(expected));
    }

    /// Also where nothing happened in training, and where nearly everything did.
    #[test]
    fn every_rate_is_watched() {
        for events in [0, 1, 10, 99] {
            assert!(CountWatch::new(Law::Bernoulli { events, rows: 100 }, 1e4).is_some(), "{events}");
        }
        for events in [1, 300, 9_000] {
            assert!(CountWatch::new(Law::Poisson { events, rows: 100 }, 1e4).is_some(), "{events}");
        }
    }
}
