//! Thresholds of charts whose observations are standardised by a mean and a standard deviation that were estimated from a
//! training period.
//!
//! An estimate that is off makes a chart alarm far more often than theory has it, and short periods are off by much. What
//! is solved for here is the mean number of false alarms over all that chance can make of the training: of many lines
//! that are each watched with their own estimates, all together have as many false alarms as were asked for. For the
//! effect see L. A. Jones, C. W. Champ and S. E. Rigdon, Technometrics 43 (2001) 156 (EWMA) and Journal of Quality
//! Technology 36 (2004) 95 (CUSUM). `training` is the number of independent normal observations estimated from; fewer
//! than 3 are taken for 3.

use super::cusum::cusum_arl_and_from;
use super::quadrature::gauss_legendre;
use super::{cusum_arl, cusum_threshold, ewma_arl, ewma_limit, shewhart_arl, shewhart_limit};
use crate::bisection::false_position;

/// Nodes of the quadratures over the errors of mean and standard deviation, and how many of their own standard errors
/// these reach out.
const MEAN_NODES: usize = 5;
const SPREAD_NODES: usize = 14;
const REACH: f64 = 7.0;
/// The smallest estimate of the standard deviation that is thought of, in true ones.
const SPREAD_MIN: f64 = 0.02;
/// Relative error of a mean rate of false alarms that a threshold was solved for.
const TOLERANCE: f64 = 1e-4;
/// What adds less than this to the false alarms asked for is left out.
const NEGLIGIBLE: f64 = 1e-5;
/// No chart is made less sensitive than this, standard deviations.
const THRESHOLD_MAX: f64 = 60.0;

/// The limit at which a Shewhart chart has one false alarm in `arl` observations, standard deviations as estimated.
pub fn shewhart_limit_estimated(arl: f64, training: u32) -> f64 {
    let rate = |limit: f64, Estimate { mean, spread, .. }: Estimate| 1.0 / shewhart_arl(limit * spread, 1, mean);
    threshold(shewhart_limit(arl), arl, training, rate)
}

/// The threshold at which a two-sided CUSUM with reference value `k` has one false alarm in `arl` observations. Both in
/// standard deviations as estimated.
pub fn cusum_threshold_estimated(k: f64, arl: f64, training: u32) -> f64 {
    let rate = |h: f64, Estimate { mean, spread, .. }: Estimate| 1.0 / cusum_arl(k * spread, h * spread, mean);
    threshold(cusum_threshold(k, arl), arl, training, rate)
}

/// As [`cusum_threshold_estimated`], for a chart whose sums begin at half of the threshold. That costs false alarms at the
/// beginning, which are within the one in `arl` observations, if there are so many to judge as `observations`.
pub fn cusum_fir_threshold_estimated(k: f64, arl: f64, observations: f64, training: u32) -> f64 {
    let rate = |h: f64, Estimate { mean, spread, .. }: Estimate| {
        let (k, h) = (k * spread, h * spread);
        let (length, from) = cusum_arl_and_from(0.5 * h, k, h, mean);
        let lost = (length - from).max(0.0);
        (1.0 + lost / observations) / length
    };
    threshold(cusum_threshold(k, arl), arl, training, rate)
}

/// The limit at which a two-sided EWMA has one false alarm in `arl` observations, in standard deviations of the average as
/// estimated.
pub fn ewma_limit_estimated(weight: f64, arl: f64, training: u32) -> f64 {
    let rate = |limit: f64, Estimate { mean, spread, .. }: Estimate| 1.0 / ewma_arl(weight, limit * spread, mean);
    threshold(ewma_limit(weight, arl), arl, training, rate)
}

/// What a training period may come to: how far its mean is off, its standard deviation, both in true standard deviations,
/// and how likely that is.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    mean: f64,
    spread: f64,
    share: f64,
}

/// The threshold whose mean rate of false alarms is one in `arl`, from the one that holds if nothing is estimated.
fn threshold(known: f64, arl: f64, training: u32, rate: impl Fn(f64, Estimate) -> f64) -> f64 {
    let mut estimates = estimates(f64::from(training.max(3)));
    // No chart has more than one alarm an observation.
    estimates.retain(|estimate| estimate.share * arl > NEGLIGIBLE);
    let excess = |threshold: f64| {
        let mean: f64 = estimates.iter().map(|&estimate| estimate.share * rate(threshold, estimate)).sum();
        -libm::log(mean * arl)
    };
    let mut low = (known, excess(known));
    let mut high = low;
    while high.1 < 0.0 && high.0 < THRESHOLD_MAX {
        let threshold = 1.0 + 1.1 * high.0;
        (low, high) = (high, (threshold, excess(threshold)));
    }
    if low.1 >= 0.0 || high.1 <= 0.0 { high.0 } else { false_position(low, high, TOLERANCE, excess) }
}

/// The mean is normal with variance 1 / training; charts are two-sided, so its sign does not matter. The variance is
/// chi-square by its degrees of freedom.
fn estimates(training: f64) -> Vec<Estimate> {
    let degrees = training - 1.0;
    let reach = REACH / libm::sqrt(2.0 * degrees);
    let spreads = gauss_legendre(SPREAD_NODES, (1.0 - reach).max(SPREAD_MIN), 1.0 + reach);
    let means = gauss_legendre(MEAN_NODES, 0.0, REACH / libm::sqrt(training));
    let mut estimates = Vec::with_capacity(SPREAD_NODES * MEAN_NODES);
    for &(spread, spread_weight) in &spreads {
        let log_density = (degrees - 1.0) * libm::log(spread) - 0.5 * degrees * (spread * spread - 1.0);
        for &(mean, mean_weight) in &means {
            let density = libm::exp(log_density - 0.5 * training * mean * mean);
            estimates.push(Estimate { mean, spread, share: spread_weight * mean_weight * density });
        }
    }
    let all: f64 = estimates.iter().map(|estimate| estimate.share).sum();
    estimates.iter_mut().for_each(|estimate| estimate.share /= all);
    estimates
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, StudentsT};

    use super::*;
    use crate::testing::Noise;
    use crate::{Cusum, Ewma, Step};

    /// The share of single observations beyond a limit has a closed form: the difference from the mean by the standard
    /// deviation, times the root of n / (n + 1), is Student's.
    #[test]
    fn limits_of_single_observations_are_those_of_students_distribution() {
        for (training, arl) in [(20, 100.0), (20, 1e4), (30, 1e6), (100, 1e3), (500, 1e6), (100_000, 370.4)] {
            let n = f64::from(training);
            let Ok(student) = StudentsT::new(0.0, 1.0, n - 1.0) else { panic!("no such distribution") };
            let ours = shewhart_limit_estimated(arl, training);
            let rate = 2.0 * student.sf(ours / (1.0 + 1.0 / n).sqrt());
            assert!((rate * arl - 1.0).abs() < 0.01, "{training}, {arl}: {ours}, {}", rate * arl);
        }
    }

    #[test]
    fn with_a_long_training_nothing_is_left_to_be_estimated() {
        let many = 10_000_000;
        assert!((shewhart_limit_estimated(1e4, many) / shewhart_limit(1e4) - 1.0).abs() < 1e-4);
        assert!((cusum_threshold_estimated(0.5, 1e4, many) / cusum_threshold(0.5, 1e4) - 1.0).abs() < 1e-4);
        assert!((ewma_limit_estimated(0.2, 1e4, many) / ewma_limit(0.2, 1e4) - 1.0).abs() < 1e-4);
        let head_start = cusum_fir_threshold_estimated(0.5, 1e4, 1e4, many);
        assert!(head_start > cusum_threshold(0.5, 1e4) && head_start < 1.2 * cusum_threshold(0.5, 1e4));
    }

    /// Many lines, each with its own short training: alarms a line, with their standard error.
    fn false_alarms<C>(training: u32, rows: u32, chart: C, observe: impl Fn(&mut C, f64) -> Step) -> (f64, f64)
    where
        C: Clone,
    {
        const LINES: u32 = 1_000;
        let mut noise = Noise::new(5);
        let line = |_| {
            let values: Vec<f64> = (0..training).map(|_| noise.normal()).collect();
            let n = f64::from(training);
            let mean = values.iter().sum::<f64>() / n;
            let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let mut chart = chart.clone();
            let alarms = (0..rows).filter(|_| {
                let step = observe(&mut chart, (noise.normal() - mean) / spread);
                matches!(step, Step::Raised(_))
            });
            alarms.count() as f64
        };
        let alarms: Vec<f64> = (0..LINES).map(line).collect();
        let mean = alarms.iter().sum::<f64>() / f64::from(LINES);
        let variance = alarms.iter().map(|alarms| (alarms - mean).powi(2)).sum::<f64>() / f64::from(LINES);
        (mean, (variance / f64::from(LINES)).sqrt())
    }

    /// One false alarm in 1000 observations is asked for. A chart that stands in alarm raises none, so it may be less.
    #[test]
    fn lines_with_short_trainings_have_the_false_alarms_asked_for() {
        let (training, rows, arl) = (40, 500, 1_000.0);
        let h = cusum_threshold_estimated(0.5, arl, training);
        let cusum = false_alarms(training, rows, Cusum::new(0.5, h).unclipped(), |chart, z| chart.observe(z, 0));
        let h = cusum_fir_threshold_estimated(0.5, arl, f64::from(rows), training);
        let head_start = Cusum::new(0.5, h).unclipped().with_head_start(0.5 * h);
        let head_start = false_alarms(training, rows, head_start, |chart, z| chart.observe(z, 0));
        let limit = ewma_limit_estimated(0.2, arl, training);
        let ewma = false_alarms(training, rows, Ewma::new(0.2, limit), |chart, z| chart.observe(z, 0));
        let known = cusum_threshold(0.5, arl);
        let unaware = false_alarms(training, rows, Cusum::new(0.5, known).unclipped(), |chart, z| chart.observe(z, 0));
        for (name, (mean, error)) in [("cusum", cusum), ("head start", head_start), ("ewma", ewma)] {
            assert!(mean > 0.3 - 3.0 * error && mean < 0.5 + 3.0 * error, "{name}: {mean} +- {error}");
        }
        assert!(unaware.0 > 0.65, "what is not taken into account does no harm: {unaware:?}");
    }
}
