//! The e-detector over a column whose bounds and mean are taken from the training rows.

use drift::calibration::mean_margin;
use drift::{Bounded, EDetector, InControlRate, Step};

use super::column::{Watch, mean_and_spread};
use super::sign::What;

/// The smallest shift of interest beyond what the mean can be, standard deviations.
const SHIFT: f64 = 0.5;

/// Two charts: for a mean that rises above all that the training rows allow, and for one that falls below.
///
/// Values count as at the bounds if they are beyond the smallest and the largest in training. Whatever their distribution,
/// the mean between these bounds is known up to a margin that holds in nine trainings out of ten; as long as it is within,
/// the run length between false alarms holds.
pub(super) struct EvidenceWatch {
    charts: [Option<EDetector>; 2],
}

impl EvidenceWatch {
    /// Charts with that run length each; or why there are none.
    pub(super) fn new(training: &[f64], run_length: f64) -> Result<Self, String> {
        let (mean, spread) = mean_and_spread(training);
        let (low, high) = training
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &number| (low.min(number), high.max(number)));
        let doubt = 1.0 - InControlRate::CONFIDENCE;
        let margin = mean_margin(spread * spread, high - low, training.len() as u32, doubt);
        let known = |mean: f64| Bounded { low, high, mean };
        let charts = [
            EDetector::rising(known(mean + margin), SHIFT * spread, run_length),
            EDetector::falling(known(mean - margin), SHIFT * spread, run_length),
        ];
        match charts {
            [None, None] => {
                Err("too few training rows tell its mean, if nothing is assumed of its distribution".to_owned())
            }
            charts => Ok(Self { charts }),
        }
    }
}

impl Watch for EvidenceWatch {
    fn observe(&mut self, number: f64, mark: i64, say: &mut dyn FnMut(usize, What, Step)) {
        for (place, chart) in self.charts.iter_mut().enumerate() {
            if let Some(chart) = chart {
                say(place, What::Average, chart.observe(number, mark));
            }
        }
    }

    fn score(&self) -> f64 {
        let scores = self.charts.iter().flatten().map(|chart| chart.statistic() / chart.threshold());
        scores.fold(0.0, f64::max)
    }
}
