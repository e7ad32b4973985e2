//! Detectors that look at a column by itself.

use std::collections::BTreeMap;

use anyhow::Context as _;
use drift::calibration::{
    cusum_fir_threshold_estimated, cusum_threshold_estimated, ewma_limit_estimated, shewhart_limit_estimated,
};
use drift::{ColumnMonitor, Cusum, Ewma, Shewhart, Step, Thresholds};

use super::counts::{CountWatch, Law};
use super::detector::{Budget, Detector};
use super::evidence::EvidenceWatch;
use super::sign::What;

/// Half of the shift that a CUSUM is to find soonest, standard deviations.
const CUSUM_REFERENCE: f64 = 0.5;
/// Weight of the newest value in an EWMA; 0.05 to 0.25 is usual (D. C. Montgomery, Introduction to Statistical Quality
/// Control, 9.2).
const EWMA_WEIGHT: f64 = 0.2;
/// Whether there is an e-detector for a column does not depend on its run length; this is one.
const SOME_RUN_LENGTH: f64 = 1e3;
/// Control limits that the rules were made for, standard deviations.
const RULES_LIMIT: f64 = 3.0;
/// Significant bits that the number of training values is rounded down to, so that a threshold is solved for a few numbers
/// only.
const COUNT_BITS: u32 = 3;

/// What watches a column.
pub(super) trait Watch {
    /// Takes the next number in and says what its charts, numbered from 0, make of it.
    fn observe(&mut self, number: f64, mark: i64, say: &mut dyn FnMut(usize, What, Step));

    /// The worst statistic of its charts, as a multiple of the threshold.
    fn score(&self) -> f64;
}

/// Why a column that varies cannot be watched by that detector, these being its numbers in training.
pub(super) fn why_not(detector: Detector, training: &[f64]) -> Option<String> {
    match detector {
        Detector::Counts => Law::of(training).err(),
        Detector::EDetector => EvidenceWatch::new(training, SOME_RUN_LENGTH).err(),
        _ => None,
    }
}

/// Watches for columns with these numbers in training, and the thresholds in words.
pub(super) fn watches(
    detector: Detector,
    training: &[Vec<f64>],
    budget: Budget,
) -> anyhow::Result<(Vec<Box<dyn Watch>>, String)> {
    let run_length = budget.run_length(training.len())?;
    let classical = |name: &str, unit: &str, solve: &dyn Fn(u32) -> f64, chart: &dyn Fn(f64) -> Chart| {
        let watches = standardised(training, solve, chart);
        let thresholds = watches.iter().map(|watch| watch.chart.threshold());
        let (low, high) = thresholds.fold((f64::INFINITY, 0.0_f64), |(low, high), h| (low.min(h), high.max(h)));
        let shown = if high - low < 0.005 { format!("{high:.2}") } else { format!("{low:.2} to {high:.2}") };
        (watches.into_iter().map(boxed).collect(), format!("{name}, {unit} {shown} standard deviations"))
    };
    Ok(match detector {
        Detector::Cusum => classical(
            "CUSUM with reference value 0.5",
            "threshold",
            &|count| cusum_threshold_estimated(CUSUM_REFERENCE, run_length, count),
            &|h| Chart::Cusum(Cusum::new(CUSUM_REFERENCE, h)),
        ),
        Detector::CusumFir => classical(
            "CUSUM with reference value 0.5 and a head start of half the threshold",
            "threshold",
            &|count| cusum_fir_threshold_estimated(CUSUM_REFERENCE, run_length, budget.rows, count),
            &|h| Chart::Cusum(Cusum::new(CUSUM_REFERENCE, h).with_head_start(0.5 * h)),
        ),
        Detector::Ewma => classical(
            "EWMA with weight 0.2",
            "limits at",
            &|count| ewma_limit_estimated(EWMA_WEIGHT, run_length, count),
            &|limit| Chart::Ewma(Ewma::new(EWMA_WEIGHT, limit)),
        ),
        Detector::Shewhart => {
            classical("Shewhart chart", "limits at", &|count| shewhart_limit_estimated(run_length, count), &|limit| {
                Chart::Shewhart(Shewhart::new(limit, &[drift::Rule::BeyondLimits]))
            })
        }
        Detector::WesternElectric | Detector::Nelson => {
            let name =
                if detector == Detector::Nelson { "Nelson's eight rules" } else { "Western Electric's four rules" };
            let rules = detector.rules().unwrap_or_default();
            classical(name, "limits at", &|_| RULES_LIMIT, &|limit| Chart::Rules(Shewhart::new(limit, rules)))
        }
        Detector::EDetector => {
            let watch = |numbers: &Vec<f64>| EvidenceWatch::new(numbers, 2.0 * run_length).map(boxed);
            let watches = training.iter().map(watch).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
            (watches, "e-detector, for a mean beyond what the training rows allow".to_owned())
        }
        Detector::Counts => {
            let watch = |numbers: &Vec<f64>| {
                let law = Law::of(numbers).map_err(anyhow::Error::msg)?;
                CountWatch::new(law, 2.0 * run_length).map(boxed).context("no chart of counts for such a rate")
            };
            let watches = training.iter().map(watch).collect::<anyhow::Result<_>>()?;
            (watches, "CUSUM of counts, for a rate that rises or falls".to_owned())
        }
        _ => {
            let thresholds = Thresholds::solve(run_length);
            let watch = |numbers: &Vec<f64>| boxed(Monitored::new(numbers, thresholds));
            (training.iter().map(watch).collect(), "for a shift of its mean or a wider spread".to_owned())
        }
    })
}

fn boxed(watch: impl Watch + 'static) -> Box<dyn Watch> {
    Box::new(watch)
}

/// A [`ColumnMonitor`].
struct Monitored(ColumnMonitor);

impl Monitored {
    fn new(training: &[f64], thresholds: Thresholds) -> Self {
        let mut monitor = ColumnMonitor::new(thresholds, training.len() as u32);
        for &number in training {
            monitor.observe(number, 0);
        }
        Self(monitor)
    }
}

impl Watch for Monitored {
    fn observe(&mut self, number: f64, mark: i64, say: &mut dyn FnMut(usize, What, Step)) {
        if let Some((_, verdict)) = self.0.observe(number, mark) {
            say(0, What::Mean, verdict.mean);
            say(1, What::Spread, verdict.spread);
        }
    }

    fn score(&self) -> f64 {
        let (mean, spread) = (self.0.monitor().mean(), self.0.monitor().spread());
        (mean.statistic() / mean.threshold()).max(spread.statistic() / spread.threshold())
    }
}

/// A classical chart of a column that is standardised by mean and standard deviation in training.
struct Standardised {
    mean: f64,
    spread: f64,
    chart: Chart,
    score: f64,
}

enum Chart {
    Cusum(Cusum),
    Ewma(Ewma),
    Shewhart(Shewhart),
    /// Says yes or no: whether a rule is broken.
    Rules(Shewhart),
}

/// Charts of columns, with the threshold that is solved for the number of training values that each has.
fn standardised(training: &[Vec<f64>], solve: &dyn Fn(u32) -> f64, chart: &dyn Fn(f64) -> Chart) -> Vec<Standardised> {
    let mut solved = BTreeMap::new();
    let watch = |numbers: &Vec<f64>| {
        let count = rounded_down(numbers.len() as u32);
        let threshold = *solved.entry(count).or_insert_with(|| solve(count));
        let (mean, spread) = mean_and_spread(numbers);
        Standardised { mean, spread, chart: chart(threshold), score: 0.0 }
    };
    training.iter().map(watch).collect()
}

fn rounded_down(count: u32) -> u32 {
    let zeros = (u32::BITS - count.leading_zeros()).saturating_sub(COUNT_BITS);
    count >> zeros << zeros
}

/// Mean and standard deviation, about the first number, so that a large offset costs no digits.
pub(super) fn mean_and_spread(numbers: &[f64]) -> (f64, f64) {
    let (count, origin) = (numbers.len() as f64, numbers.first().copied().unwrap_or_default());
    let mean = origin + numbers.iter().map(|number| number - origin).sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

impl Watch for Standardised {
    fn observe(&mut self, number: f64, mark: i64, say: &mut dyn FnMut(usize, What, Step)) {
        let z = (number - self.mean) / self.spread;
        let (what, step) = self.chart.observe(z, mark);
        self.score = self.chart.score(z);
        say(0, what, step);
    }

    fn score(&self) -> f64 {
        self.score
    }
}

impl Chart {
    fn threshold(&self) -> f64 {
        match self {
            Self::Cusum(chart) => chart.threshold(),
            Self::Ewma(chart) => chart.threshold(),
            Self::Shewhart(chart) | Self::Rules(chart) => chart.threshold(),
        }
    }

    fn observe(&mut self, z: f64, mark: i64) -> (What, Step) {
        match self {
            Self::Cusum(chart) => (What::Mean, chart.observe(z, mark)),
            Self::Ewma(chart) => (What::Mean, chart.observe(z, mark)),
            Self::Shewhart(chart) => (What::Mean, chart.observe(z, mark)),
            Self::Rules(chart) => {
                let step = chart.observe(z, mark);
                (chart.broken().next().map_or(What::Mean, What::Rule), step)
            }
        }
    }

    /// The statistic as a multiple of the threshold, `z` being the last observation.
    fn score(&self, z: f64) -> f64 {
        match self {
            Self::Cusum(chart) => chart.statistic() / chart.threshold(),
            Self::Ewma(chart) => chart.statistic() / chart.threshold(),
            Self::Shewhart(chart) => z.abs() / chart.threshold(),
            Self::Rules(chart) => super::judge::yes_or_no(chart.is_standing()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded_down_to_a_few() {
        assert_eq!([20, 21, 30, 63, 64, 100, 1000].map(rounded_down), [20, 20, 28, 56, 64, 96, 896]);
    }

    #[test]
    fn mean_and_spread_keep_their_digits_at_a_large_offset() {
        let (mean, spread) = mean_and_spread(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        assert_eq!((mean, spread), (1e9 + 2.0, 1.0));
    }
}
