//! The shift's indicators of the simulated plant, held against what the plant itself did: its points at every step, not
//! as its links gave them, what it made, and its truth.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use e2e::example_plant;
use flow::{Loss, ShiftReport, Source, StationShift};
use linetwin::simulated::START;
use linetwin::simulated::SimulatedTwin;
use plant::Plant;
use plant_sim::{FaultPlan, PointId, SimConfig, SimPlant, Truth};
use telemetry::Value;
use twin::Output;

const SHIFT_S: f64 = 8.0 * 3600.0;
/// A PLC is polled that often, so each begin and end is seen late by half of it on average.
const POLL_S: f64 = 0.5;

/// What a station truly did.
#[derive(Debug, Clone, Copy, Default)]
struct Truly {
    working_s: f64,
    stopped_s: f64,
    stops: u32,
    is_stopped: bool,
    made: u64,
    scrapped: u64,
}

/// What one shift of the simulated plant came to, in the twin and truly.
struct Run {
    plant: std::sync::Arc<Plant>,
    report: ShiftReport,
    truly: BTreeMap<&'static str, Truly>,
    services: BTreeMap<&'static str, u32>,
}

fn run(seed: u64, faults: &[&str]) -> Run {
    let plant = example_plant();
    let faults = faults.iter().map(|text| FaultPlan::parse(text).unwrap()).collect();
    let sim = SimPlant::new(SimConfig { seed, start: START, faults }).unwrap();
    let names: Vec<&'static str> = sim.production().map(|made| made.station).collect();
    let point = |path: String| PointId(sim.points().iter().position(|point| point.path == path).unwrap() as u32);
    let points: Vec<_> =
        names.iter().map(|name| (point(format!("{name}/cycle_active")), point(format!("{name}/fault")))).collect();
    let mut simulated = SimulatedTwin::new(sim, &plant);
    let mut truly: BTreeMap<&'static str, Truly> = BTreeMap::new();
    let (mut outputs, mut reports) = (Vec::new(), Vec::new());
    while reports.is_empty() {
        let received = simulated.step(&mut outputs);
        let source = &simulated.source;
        reports.extend(outputs.drain(..).filter_map(|output| match output {
            Output::Shift(report) => Some(*report),
            _ => None,
        }));
        if received > START.plus_seconds(SHIFT_S) {
            continue;
        }
        let is_on = |point| source.sim().value(point) == Value::Boolean(true);
        for (name, &(active, fault)) in names.iter().zip(&points) {
            let truth = truly.entry(name).or_default();
            let is_stopped = is_on(fault);
            truth.stops += u32::from(is_stopped && !truth.is_stopped);
            truth.is_stopped = is_stopped;
            truth.stopped_s += f64::from(u8::from(is_stopped)) * plant_sim::STEP_S;
            truth.working_s += f64::from(u8::from(is_on(active) && !is_stopped)) * plant_sim::STEP_S;
        }
        for made in source.sim().production() {
            let truth = truly.entry(made.station).or_default();
            (truth.made, truth.scrapped) = (made.made, made.scrapped);
        }
    }
    let mut services = BTreeMap::new();
    for event in simulated.source.truth() {
        if let Truth::TipDressed { station, .. } | Truth::GlassChanged { station } = event.what {
            *services.entry(station).or_default() += 1;
        }
    }
    Run { plant, report: reports.remove(0), truly, services }
}

impl Run {
    fn station(&self, name: &str) -> &StationShift {
        let id = self.plant.stations.iter().find(|station| station.name == name).unwrap().id;
        self.report.stations.iter().find(|station| station.station == id).unwrap()
    }

    fn lost_s(&self, name: &str, is_meant: impl Fn(Loss) -> bool) -> f64 {
        let losses = &self.station(name).losses.losses;
        losses.iter().filter(|(loss, _)| is_meant(*loss)).map(|&(_, nanos)| nanos as f64 / 1e9).sum()
    }

    fn bottleneck(&self) -> &str {
        &self.plant.station(self.report.bottleneck().unwrap()).name
    }
}

fn is_down(loss: Loss) -> bool {
    matches!(loss, Loss::Down(_))
}

fn is_held(loss: Loss) -> bool {
    matches!(loss, Loss::Held(_) | Loss::Changeover)
}

#[test]
fn indicators_of_a_shift_are_what_the_plant_did() {
    let run = run(7, &[]);
    let shift = (run.report.shift, run.report.start, run.report.until);
    assert_eq!(shift, (Some(0), START, START.plus_seconds(SHIFT_S)), "the early shift of config/");
    for (&name, truth) in &run.truly {
        let kpis = run.station(name).kpis;
        assert!(kpis.produced.abs_diff(truth.made as u32) <= 1, "{name}: {} of {}", kpis.produced, truth.made);
        let edges = f64::from(kpis.produced + truth.stops);
        let working_s = kpis.production_s - kpis.handover_s;
        assert!((working_s - truth.working_s).abs() <= POLL_S / 2.0 * edges, "{name}: {working_s} {truth:?}");
        let down_s = run.lost_s(name, is_down);
        assert!((down_s - truth.stopped_s).abs() <= POLL_S * f64::from(truth.stops), "{name}: {down_s} {truth:?}");
        assert_eq!(kpis.failures, truth.stops, "{name}");
        assert_eq!(u64::from(kpis.scrap), truth.scrapped, "{name}");
        let tree = &run.station(name).losses;
        assert_eq!((tree.total_ns, tree.sum_ns()), (SHIFT_S as i64 * 1_000_000_000, tree.total_ns), "{name}");
    }
}

/// The twin is not told that a glass is changed or a tool dressed: it sees that the station leaves a part waiting.
#[test]
fn what_a_service_takes_is_time_that_the_station_was_held() {
    let run = run(7, &[]);
    // The simulator's times: 45 s for a glass, 7 to 9 s for a dressing.
    let expected = [("laser-40", 45.0, 45.0), ("weld-20", 7.0, 9.0), ("weld-30", 7.0, 9.0)];
    for (name, least_s, most_s) in expected {
        let services = f64::from(run.services[name]);
        let held_s = run.lost_s(name, is_held);
        let range = (least_s - POLL_S) * services..=(most_s + POLL_S) * services;
        assert!(range.contains(&held_s), "{name}: {held_s} s in {services} services");
    }
    let others = run.truly.keys().filter(|name| !run.services.contains_key(*name));
    others.for_each(|name| assert_eq!(run.lost_s(name, is_held).abs(), 0.0, "{name}"));
}

#[test]
fn a_station_that_stops_often_becomes_the_bottleneck_and_is_blamed() {
    let run = run(7, &["micro-stops:tighten-60@0m"]);
    assert_eq!(run.bottleneck(), "tighten-60");
    let culprit = Source::Station(run.station("tighten-60").station);
    let by_culprit_s = run.lost_s("robot-50", |loss| loss == Loss::Blocked(culprit));
    let blocked_s = run.lost_s("robot-50", |loss| matches!(loss, Loss::Blocked(_)));
    assert!(by_culprit_s > 0.9 * blocked_s, "{by_culprit_s} of {blocked_s} s");
    let starved = run.station("dispense-70").losses.losses.iter().filter(|(loss, _)| matches!(loss, Loss::Starved(_)));
    assert_eq!(starved.max_by_key(|(_, nanos)| *nanos).unwrap().0, Loss::Starved(culprit));
}
