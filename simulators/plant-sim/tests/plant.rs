//! The simulated plant as its users see it: what it gives, how its faults show, and what its ground truth says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Instant;

use plant_sim::{Fault, FaultPlan, Point, PointId, STEP_S, SimConfig, SimLink, SimPlant, Truth, TruthEvent, Update};
use telemetry::{Timestamp, Value};

fn start() -> Timestamp {
    "2026-03-02T06:00:00Z".parse().unwrap()
}

fn plant(seed: u64, faults: &[&str]) -> SimPlant {
    let faults = faults.iter().map(|text| FaultPlan::parse(text).unwrap()).collect();
    SimPlant::new(SimConfig { seed, start: start(), faults }).unwrap()
}

fn steps(minutes: f64) -> usize {
    (minutes * 60.0 / STEP_S) as usize
}

fn stepped(plant: &mut SimPlant) -> Vec<Update> {
    let mut updates = Vec::new();
    plant.step(&mut updates);
    updates
}

/// The ground truth of a run.
fn truth_of(plant: &mut SimPlant, minutes: f64) -> Vec<TruthEvent> {
    (0..steps(minutes))
        .flat_map(|_| {
            stepped(plant);
            plant.truth().to_vec()
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_updates_and_another_does_not() {
    let faults = ["electrode-wear@5m", "micro-stops@10m", "link-loss@12m"];
    let (mut one, mut same, mut other) = (plant(1, &faults), plant(1, &faults), plant(2, &faults));
    let mut differs = false;
    for _ in 0..steps(60.0) {
        let updates = stepped(&mut one);
        assert_eq!(updates, stepped(&mut same));
        assert_eq!(one.truth(), same.truth());
        differs |= updates != stepped(&mut other);
    }
    assert!(differs);
}

#[test]
fn a_normal_shift_makes_its_number_and_spoils_next_to_nothing() {
    for seed in 1..=4 {
        let started = Instant::now();
        let mut plant = plant(seed, &[]);
        let truth = truth_of(&mut plant, 480.0);
        println!("seed {seed}: a shift of 8 h in {:?}", started.elapsed());
        for made in plant.production() {
            let before_the_buffer = ["robot-10", "weld-20", "weld-30"].contains(&made.station);
            let expected = if before_the_buffer { 660..740 } else { 480..640 };
            assert!(expected.contains(&made.made), "seed {seed}: {made:?}");
            assert!(made.scrapped <= 4, "seed {seed}: {made:?}");
        }
        for event in &truth {
            // A part with a real leak is rare but normal.
            let is_leak = matches!(event.what, Truth::LimitCrossed { quantity: "leak_pa", .. });
            assert!(is_leak || !matches!(event.what, Truth::LimitCrossed { .. }), "seed {seed}: {event:?}");
        }
        let dressed = truth.iter().filter(|event| matches!(event.what, Truth::TipDressed { .. })).count();
        assert!((8..=10).contains(&dressed), "seed {seed}: {dressed} tip dresses");
    }
}

/// Runs a plant with and without a fault from minute 20 on; gives the points whose values differ within `minutes`.
///
/// Before the onset nothing may differ.
fn changed_points(fault: &str, minutes: f64) -> BTreeSet<String> {
    let (mut sick, mut well) = (plant(3, &[&format!("{fault}@20m")]), plant(3, &[]));
    let mut changed = BTreeSet::new();
    for step in 0..steps(20.0 + minutes) {
        let same = stepped(&mut sick) == stepped(&mut well);
        assert!(same || step + 1 >= steps(20.0), "{fault}: differs before its onset, at step {step}");
        for (index, point) in sick.points().iter().enumerate() {
            let id = PointId(index as u32);
            if sick.value(id) != well.value(id) {
                changed.insert(point.path.clone());
            }
        }
    }
    changed
}

#[test]
fn each_fault_changes_what_it_should_and_nothing_else() {
    // What must change, and the beginnings of all that may.
    let check = |fault: &str, must: &[&str], may: &[&str]| {
        let changed = changed_points(fault, 90.0);
        for path in must {
            assert!(changed.contains(*path), "{fault} must change {path}, and changed {changed:?}");
        }
        for path in &changed {
            assert!(may.iter().any(|beginning| path.starts_with(beginning)), "{fault} must not change {path}");
        }
    };
    // All that the loop's water reaches: temperatures and what they act upon, never currents or the flow of parts.
    let water = [
        "cooling-1/supply",
        "cooling-1/return",
        "cooling-1/chiller",
        "cooling-1/condensing",
        "weld-20/water_temperature",
        "weld-30/water_temperature",
        "weld-20/resistance",
        "weld-30/resistance",
        "weld-20/energy",
        "weld-30/energy",
        "weld-20/peak_time",
        "weld-30/peak_time",
        "weld-20/expulsions",
        "weld-30/expulsions",
        "laser-40/seam_width",
        "laser-40/back_reflection",
        "weld-30/voltage_trace",
        "weld-30/current_trace",
    ];
    let with = |more: &[&'static str]| [&water[..], more].concat();
    check("electrode-wear", &["weld-20/resistance", "weld-20/energy"], &water);
    check("water-restriction", &["weld-30/water_flow", "weld-30/resistance"], &with(&["weld-30/water_flow"]));
    let curve = ["tighten-60/torque_trace", "tighten-60/angle_trace"];
    let tightened = |more: &[&'static str]| [&curve[..], more].concat();
    let of_bolts = tightened(&["tighten-60/angle", "tighten-60/bolts"]);
    check("torque-friction", &["tighten-60/angle", "tighten-60/bolts", curve[0]], &of_bolts);
    check("bolt-bins", &["tighten-60/angle", "tighten-60/bolts", curve[0]], &of_bolts);
    check("sheet-lot", &["weld-20/coil", "weld-30/coil"], &with(&["weld-20/", "weld-30/"]));
    check("nozzle-clog", &["dispense-70/pressure", "dispense-70/mass"], &["dispense-70/pressure", "dispense-70/mass"]);
    check("leak-tester-drift", &["leak-80/pressure_drop"], &["leak-80/pressure_drop", "eol-90/"]);
    check("chiller-fouling", &["cooling-1/chiller_power", "cooling-1/supply_temperature"], &water);
    let pump = ["cooling-1/flow", "cooling-1/pump_pressure", "cooling-1/pump_power", "weld-20/water_flow"];
    let slower =
        ["cooling-1/flow", "cooling-1/pump", "cooling-1/valve_pressure_drop", "weld-20/water", "weld-30/water"];
    check("pump-wear", &pump, &with(&slower));
    check("sensor-flat-line", &["weld-30/water_temperature"], &["weld-30/water_temperature"]);
    check("sensor-dropout", &["weld-30/water_temperature"], &["weld-30/water_temperature"]);
    check("sensor-spikes", &["leak-80/pressure_drop"], &["leak-80/pressure_drop"]);
    check("sensor-drift", &["cooling-1/supply_temperature"], &["cooling-1/supply_temperature"]);
    check("link-loss", &[], &[]);
    let forced = ["weld-30/force", "weld-30/resistance_peak"];
    check("force-loss", &forced, &with(&["weld-30/force", "weld-30/peak_time", "weld-30/expulsions"]));
    let seam = ["laser-40/seam_width", "laser-40/plasma", "laser-40/back_reflection"];
    check("focus-shift", &seam, &seam);
    let damaged = ["tighten-60/rundown_torque", curve[0]];
    check("thread-damage", &damaged, &tightened(&["tighten-60/rundown_torque", "tighten-60/bolts"]));
    check("cross-thread", &["tighten-60/angle_trace"], &tightened(&["tighten-60/angle"]));
    check("weak-bolts", &["tighten-60/angle", "tighten-60/bolts", curve[0]], &of_bolts);
    let cells = ["tighten-60/cell_voltage", "tighten-60/cell_resistance", "tighten-60/cells_rejected"];
    check("cell-lot", &cells, &["tighten-60/cell"]);
    check("blocked-cold-plates", &["leak-80/plate_pressure_drop"], &["leak-80/plate_"]);
    let modules = ["eol-90/module_voltage", "eol-90/module_resistance"];
    check("mixed-modules", &modules, &["eol-90/module_"]);
    let throttled = ["cooling-1/flow", "cooling-1/pump", "cooling-1/valve_p", "weld-20/", "weld-30/"];
    check("stuck-valve", &["cooling-1/flow", "cooling-1/valve_position"], &with(&throttled));
    check("full-strainer", &["cooling-1/flow", "cooling-1/pump_pressure"], &with(&throttled));
    check("coolant-leak", &["cooling-1/level"], &["cooling-1/level"]);
    check("gearbox-wear", &["robot-50/backlash"], &["robot-50/backlash"]);

    // The flow of parts reaches everything but the weather.
    let line = ["robot-", "weld-", "buffer-", "laser-", "tighten-", "dispense-", "leak-", "eol-"];
    let flow = [&line[..], &water[..4]].concat();
    check("robot-slow-down", &["robot-50/motion_time", "robot-50/axis_torque"], &flow);
    check("micro-stops", &["laser-40/fault", "buffer-35/level"], &flow);
    check("starved-supply", &["robot-10/cycle_active"], &flow);
}

#[test]
fn true_quantities_leave_their_limits_some_time_after_the_onset() {
    let check = |fault: &str, station: &str, quantity: &str, minutes: std::ops::Range<f64>| {
        for seed in 1..=4 {
            let mut plant = plant(seed, &[&format!("{fault}@20m")]);
            let truth = truth_of(&mut plant, 20.0 + minutes.end);
            let crossed = truth.iter().find_map(|event| match event.what {
                Truth::LimitCrossed { station: at, quantity: what, .. } if (at, what) == (station, quantity) => {
                    Some(event.at.seconds_since(start()) / 60.0 - 20.0)
                }
                _ => None,
            });
            println!("{fault} seed {seed}: {quantity} after {crossed:.0?} min");
            assert!(crossed.is_some_and(|after| minutes.contains(&after)), "{fault} seed {seed}: {crossed:?}");
        }
    };
    check("electrode-wear", "weld-20", "nugget_diameter_mm", 35.0..95.0);
    check("water-restriction", "weld-30", "nugget_diameter_mm", 25.0..180.0);
    check("torque-friction", "tighten-60", "clamp_force_kn", 15.0..60.0);
    check("nozzle-clog", "dispense-70", "filler_mass_share", 20.0..60.0);
    check("leak-tester-drift", "leak-80", "leak_tester_error_pa", 20.0..60.0);
    check("chiller-fouling", "cooling-1", "supply_temperature_c", 60.0..180.0);
    check("pump-wear", "cooling-1", "loop_flow_l_min", 40.0..100.0);
    check("focus-shift", "laser-40", "seam_width_mm", 20.0..70.0);
    check("thread-damage", "tighten-60", "rundown_torque_nm", 1.0..60.0);
    check("blocked-cold-plates", "leak-80", "cold_plate_mbar", 15.0..60.0);
    check("stuck-valve", "cooling-1", "loop_flow_l_min", 15.0..60.0);
    check("full-strainer", "cooling-1", "loop_flow_l_min", 20.0..60.0);
    check("cross-thread", "tighten-60", "clamp_force_kn", 1.0..30.0);
    check("weak-bolts", "tighten-60", "bolt_stretch_mm", 20.0..90.0);
    check("cell-lot", "tighten-60", "cells_out_of_class", 20.0..60.0);
    check("coolant-leak", "cooling-1", "coolant_level_percent", 40.0..90.0);
    check("gearbox-wear", "robot-50", "backlash_arcmin", 50.0..100.0);
}

#[test]
fn flow_faults_cost_parts() {
    let made = |fault: &[&str], station: &str| {
        let mut plant = plant(5, fault);
        truth_of(&mut plant, 240.0);
        plant.production().find(|made| made.station == station).unwrap().made
    };
    let check = |fault: &str, station: &str| {
        let (sick, well) = (made(&[fault], station), made(&[], station));
        assert!((sick as f64) < 0.97 * well as f64, "{fault}: {sick} of {well}");
    };
    check("micro-stops@20m", "eol-90");
    check("starved-supply@20m", "robot-10");
}

#[test]
fn a_lost_link_gives_nothing_and_the_truth_says_so() {
    for link in SimLink::ALL {
        let mut plant = plant(1, &[&format!("link-loss:{}@1m", link.name())]);
        let mut silent_steps = 0;
        let mut truth = Vec::new();
        for _ in 0..steps(15.0) {
            let updates = stepped(&mut plant);
            let of_link = |update: &Update| plant.points()[update.point.0 as usize].link == link;
            if !plant.link_is_up(link) {
                silent_steps += 1;
                assert!(!updates.iter().any(of_link), "{link:?}");
            }
            truth.extend(plant.truth().iter().map(|event| event.what.clone()));
        }
        assert_eq!(silent_steps, steps(3.0), "{link:?}");
        let count = |wanted: Truth| truth.iter().filter(|what| **what == wanted).count();
        assert_eq!(count(Truth::LinkDown { link: link.name() }), 2);
        assert_eq!(count(Truth::LinkUp { link: link.name() }), 2);
    }
}

#[test]
fn each_link_gives_in_its_own_manner() {
    let mut plant = plant(1, &[]);
    let all: Vec<Point> = plant.points().to_vec();
    let points = all.as_slice();
    let is_curve = |point: &Point| point.address.contains("/curve#");
    let count = |link| points.iter().filter(|point| point.link == link && !is_curve(point)).count();
    let mut last: Vec<Option<Value>> = vec![None; points.len()];
    let mut told_curves = 0;
    for step in 1..=steps(10.0) {
        let active_before: Vec<Value> = values_of(&plant, "cycle.active");
        let (curves, updates): (Vec<Update>, Vec<Update>) =
            stepped(&mut plant).into_iter().partition(|update| is_curve(&points[update.point.0 as usize]));
        let spot_s = 0.5;
        assert!(curves.is_sorted_by_key(|update| update.at));
        let ago_s = |update: &Update| plant.now().seconds_since(update.at);
        assert!(curves.iter().all(|update| (0.0..spot_s).contains(&ago_s(update))));
        told_curves += curves.len();
        let of = |link| updates.iter().filter(move |update| points_link(points, update) == link);
        let polled = if step % 2 == 0 { count(SimLink::WeldPlc) } else { 0 };
        assert_eq!(of(SimLink::WeldPlc).count(), polled);
        for update in of(SimLink::PackOpcua) {
            assert_ne!(last[update.point.0 as usize].replace(update.value), Some(update.value));
        }
        let messages = of(SimLink::UtilitiesMqtt).count();
        if step % 4 == 0 {
            assert_eq!(messages, count(SimLink::UtilitiesMqtt));
        } else {
            assert!(messages == 0 || active_before != values_of(&plant, "cycle.active"));
        }
        assert!(updates.iter().all(|update| update.at == plant.now()));
    }
    let missing = (0..points.len()).filter(|&index| points[index].link == SimLink::PackOpcua && last[index].is_none());
    assert_eq!(missing.count(), 0, "every OPC UA point is given at first");
    assert!(told_curves > 1000, "{told_curves}");
}

fn points_link(points: &[Point], update: &Update) -> SimLink {
    points[update.point.0 as usize].link
}

fn values_of(plant: &SimPlant, role: &str) -> Vec<Value> {
    let of_role = plant.points().iter().enumerate().filter(|(_, point)| point.role == role);
    of_role.map(|(index, _)| plant.value(PointId(index as u32))).collect()
}

#[test]
fn a_part_visits_the_stations_in_the_line_s_order() {
    let mut plant = plant(1, &[]);
    let order =
        ["robot-10", "weld-20", "weld-30", "laser-40", "robot-50", "tighten-60", "dispense-70", "leak-80", "eol-90"];
    let find = |name: &str| {
        let path = format!("{name}/part_id");
        PointId(plant.points().iter().position(|point| point.path == path).unwrap() as u32)
    };
    let ids: Vec<PointId> = order.iter().map(|name| find(name)).collect();
    for _ in 0..steps(60.0) {
        stepped(&mut plant);
        let serials: Vec<String> = ids.iter().map(|id| plant.value(*id).to_string()).collect();
        assert!(serials.is_sorted_by(|upstream, downstream| upstream >= downstream), "{serials:?}");
    }
}

#[test]
fn every_fault_can_be_planned_by_its_name_at_each_of_its_places() {
    for fault in Fault::ALL {
        for target in fault.targets() {
            let mut plant = plant(1, &[&format!("{fault}:{target}@5s+5s")]);
            let truth = truth_of(&mut plant, 1.0);
            let began = Truth::FaultBegan { fault: fault.name(), station: target, family: fault.family() };
            let ended = Truth::FaultEnded { fault: fault.name(), station: target };
            for (wanted, at_s) in [(began, 5.0), (ended, 10.0)] {
                let wanted = TruthEvent { at: start().plus_seconds(at_s), what: wanted };
                assert!(truth.contains(&wanted), "{wanted:?} in {truth:?}");
            }
        }
    }
}
