use std::path::Path;

use drift::calibration::{cusum_arl_moving, ewma_arl_moving, shewhart_arl_moving};
use drift::{Cusum, Ewma, Rule, Shewhart};

use super::judge::Judge;
use super::simulate::{Noise, is_raised};
use super::table::Table;
use super::univariate::rises;

/// The mean of observation t is slope t, the first being 1: so Shewhart's closed form tells, which has 3.277 at slope 1.
pub(super) fn run_lengths(folder: &Path, noise: &mut Noise) -> anyhow::Result<Judge> {
    let mut judge = Judge::new("linear_drift_arl");
    for row in Table::read(folder, "linear_drift_arl")?.rows() {
        let slope = row.number("drift_sigma_per_sample")?;
        let mean = |t: u32| slope * f64::from(t);
        let what = |chart: &str| format!("{chart}, slope {slope}");

        let expected = row.printed("shewhart_3sigma_two_sided")?;
        judge.solved(what("shewhart"), expected, shewhart_arl_moving(3.0, mean));
        let chart = Shewhart::new(3.0, &[Rule::BeyondLimits]);
        judge.simulated(what("shewhart"), expected, |runs| {
            noise.run_length_moving(runs, mean, &chart, |chart, z| is_raised(chart.observe(z, 0)))
        });

        for (column, k, h) in
            [("cusum_upper_k.5_h5", 0.5, 5.0), ("cusum_upper_k.5_h4", 0.5, 4.0), ("cusum_upper_k.25_h8", 0.25, 8.0)]
        {
            let expected = row.printed(column)?;
            judge.solved(what(column), expected, cusum_arl_moving(k, h, mean));
            let chart = Cusum::new(k, h).unclipped();
            judge.simulated(what(column), expected, |runs| noise.run_length_moving(runs, mean, &chart, rises));
        }
        for (column, weight, limit) in [("ewma_.1_2.814", 0.1, 2.814), ("ewma_.2_2.962", 0.2, 2.962)] {
            let expected = row.printed(column)?;
            judge.solved(what(column), expected, ewma_arl_moving(weight, limit, mean));
            let chart = Ewma::new(weight, limit);
            judge.simulated(what(column), expected, |runs| {
                noise.run_length_moving(runs, mean, &chart, |chart, z| is_raised(chart.observe(z, 0)))
            });
        }
    }
    Ok(judge.done())
}
