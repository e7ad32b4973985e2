//! What the twin finds in the simulated plant. The whole table is printed by `linetwin backtest`.

use linetwin::backtest::trial::{self, Trial};
use linetwin::simulated::START;
use plant_sim::{Fault, FaultPlan};

const HISTORY_H: f64 = 4.0;

fn plan(fault: Fault) -> FaultPlan {
    FaultPlan { fault, station: None, onset_s: HISTORY_H * 3600.0 + 120.0, duration_s: None }
}

fn run(seed: u64, faults: Vec<FaultPlan>, hours: f64) -> Trial {
    trial::run(&e2e::example_plant(), seed, faults, hours).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn electrode_wear_is_found_at_its_station_with_its_cause_before_the_weld_leaves_its_limit() {
    let score = run(7, vec![plan(Fault::ElectrodeWear)], HISTORY_H + 2.5)
        .score(Fault::ElectrodeWear)
        .expect("the fault has begun");
    assert!(score.cause_is_right, "{score:?}");
    assert!(score.time_won_s.is_some_and(|won| won > 0.0), "{score:?}");
}

#[test]
fn a_shift_without_a_fault_raises_at_most_two_alerts() {
    for seed in [7, 8, 9] {
        let trial = run(seed, Vec::new(), HISTORY_H + 8.0);
        let in_shift = trial.alerts.raised().filter(|told| told.at >= START.plus_seconds(HISTORY_H * 3600.0));
        let headlines: Vec<String> = in_shift
            .map(|told| format!("{} {}", trial.alerts.place_of(&told.incident), told.incident.cause()))
            .collect();
        assert!(headlines.len() <= 2, "seed {seed}: {headlines:?}");
        let load = trial.alerts.load(START);
        assert!(load.peak <= 10, "seed {seed}: {load:?}; EEMUA 191 allows ten alarms in ten minutes");
    }
}

#[test]
fn every_fault_is_found_at_its_place_with_its_cause() {
    let missed: Vec<&str> = Fault::ALL
        .iter()
        .filter(|&&fault| {
            !run(7, vec![plan(fault)], HISTORY_H + 2.5).score(fault).is_some_and(|score| score.cause_is_right)
        })
        .map(|fault| fault.name())
        .collect();
    assert_eq!(missed, [""; 0]);
}
