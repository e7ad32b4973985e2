//! Forecasts of the shift through the whole twin, held against what the simulated plant then made.
#![allow(clippy::unwrap_used)]

use e2e::example_plant;
use linetwin::backtest::trial;
use linetwin::simulated::START;

/// The second shift of each plant; what is learnt is learnt in the first.
const SECOND_SHIFT_H: f64 = 8.0;
const SEEDS: std::ops::Range<u64> = 201..204;

#[test]
fn a_shift_is_foretold_by_the_hour() {
    let (mut within, mut all, mut errors) = (0, 0, 0.0);
    for seed in SEEDS {
        let trial = trial::run(&example_plant(), seed, Vec::new(), 2.0 * SECOND_SHIFT_H + 0.01).unwrap();
        for (forecast, shift) in trial.judged_forecasts(START.plus_seconds(3600.0 * SECOND_SHIFT_H)) {
            let made = f64::from(shift.line.not_scrap());
            within += usize::from((forecast.output.p10..=forecast.output.p90).contains(&made));
            all += 1;
            errors += (forecast.output.p50 / made - 1.0).abs();
        }
    }
    assert_eq!(all, 8 * SEEDS.count(), "one at the begin of each of eight hours");
    let error = errors / all as f64;
    // `linetwin backtest --fault none` has the share over many shifts; these are three.
    assert!(error < 0.02 && within * 2 > all, "within P10 to P90 {within} of {all}, mean error {error:.4}");
}
