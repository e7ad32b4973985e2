//! What the twin makes of a tiny line, input by input.

use alarms::{IncidentState, TimeToLimit};
use flow::StationState;
use telemetry::{Event, IncidentId, LinkId, Quality, Reason, Sample, SignalId, Symbol, Timestamp, Value};
use twin::{Counts, Cycle, Output, StationView};

use crate::tiny::*;

fn cycles(outputs: &[Output]) -> Vec<&Cycle> {
    outputs.iter().filter_map(|output| if let Output::Cycle(cycle) = output { Some(cycle) } else { None }).collect()
}

fn station(line: &Line, station: plant::StationId) -> StationView {
    line.twin.view().stations.swap_remove(station.index())
}

/// The weld's resistance feature.
fn resistance(cycle: &Cycle) -> Option<f64> {
    cycle.features[0]
}

#[test]
fn a_cycle_closes_when_its_link_has_come_a_second_beyond_its_end() {
    let mut line = Line::new();
    assert!(cycles(&line.batch(PLC, weld(0, 100.0))).is_empty());
    assert!(cycles(&line.batch(PLC, vec![number(RESISTANCE, 8.5, 102.0)])).is_empty());
    assert!(cycles(&line.batch(BROKER, vec![number(FLOW, 60.0, 20.0)])).is_empty(), "another link's time");
    let outputs = line.batch(PLC, vec![no(WELD_ACTIVE, 9.0)]);
    let [cycle] = cycles(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!((cycle.station, cycle.start, cycle.end), (WELD, at(0.0), at(8.0)));
    assert_eq!(cycle.part, Symbol::new("P00000").ok());
    assert_eq!(resistance(cycle), Some((99.0 + 102.0) / 2.0), "what came after the end but in time counts");
}

#[test]
fn a_cycle_closes_at_the_latest_when_the_next_begins() {
    let mut line = Line::new();
    line.batch(PLC, vec![yes(WELD_ACTIVE, 0.0), no(WELD_ACTIVE, 8.0)]);
    assert_eq!(cycles(&line.batch(PLC, vec![yes(WELD_ACTIVE, 8.5)])).len(), 1);
}

/// Each of these is counted, kept out of the models, and leaves the next cycle as it would have been.
#[test]
fn what_cannot_be_used_is_counted_and_does_no_harm() {
    let check = |odd: Vec<Sample>, expected: Counts| {
        let mut line = Line::new();
        line.batch(PLC, weld(0, 100.0));
        line.take(12.0, batch(PLC, odd));
        let mut outputs = line.batch(PLC, weld(2, 100.0));
        outputs.extend(line.batch(PLC, vec![no(WELD_ACTIVE, 40.0)]));
        let cycles = cycles(&outputs);
        let last = cycles.last().unwrap();
        assert_eq!((last.start, last.end, resistance(last)), (at(20.0), at(28.0), Some(100.0 + noise(2))));
        let counts = line.twin.view().counts;
        let expected = Counts { inputs: counts.inputs, samples: counts.samples, cycles: counts.cycles, ..expected };
        assert_eq!(counts, expected);
        assert_eq!(counts.samples, 12);
    };
    let none = Counts::default();
    let odd = |signal, seconds, value, quality| vec![Sample { quality, ..sample(signal, seconds, value) }];
    let good = Quality::Good;
    check(odd(RESISTANCE, 12.0, Value::Float(1.0), Quality::Bad(Reason::Timeout)), Counts { bad_samples: 1, ..none });
    check(odd(RESISTANCE, 12.0, Value::Float(1000.5), good), Counts { bad_samples: 1, ..none });
    check(odd(RESISTANCE, 12.0, Value::Integer(-1), good), Counts { bad_samples: 1, ..none });
    check(odd(RESISTANCE, 12.0, Value::Float(f64::NAN), good), Counts { bad_samples: 1, ..none });
    check(odd(SignalId(SIGNALS), 12.0, Value::Float(1.0), good), Counts { unknown_samples: 1, ..none });
    check(odd(SignalId(u32::MAX), 12.0, Value::Float(1.0), good), Counts { unknown_samples: 1, ..none });
    check(odd(WELD_ACTIVE, -3600.0, Value::Boolean(true), good), Counts { late_samples: 1, ..none });
    check(odd(PART, 3600.0, Value::Boolean(false), good), Counts { future_samples: 1, ..none });
    let bad = Quality::Bad(Reason::DeviceFault);
    check(odd(RESISTANCE, -1.0, Value::Float(1.0), bad), Counts { bad_samples: 1, late_samples: 1, ..none });
}

/// All the same signal, so that a wrong order would show.
#[test]
fn a_batch_in_any_order_is_the_sorted_batch() {
    let sorted: Vec<Sample> = (0..4).flat_map(|cycle| weld(cycle, 100.0)).collect();
    let mut reversed = sorted.clone();
    // Stable for samples of one moment, whose order is the device's.
    reversed.sort_by_key(|sample| std::cmp::Reverse(sample.source_time));
    let outputs = |samples: Vec<Sample>| Line::new().batch(PLC, samples);
    assert_eq!(outputs(reversed), outputs(sorted));
}

/// Where a batch ends is chance: it must not be seen in any cycle.
#[test]
fn where_a_batch_ends_does_not_matter() {
    let samples: Vec<Sample> = (0..230).flat_map(|cycle| weld(cycle, if cycle < 210 { 100.0 } else { 90.0 })).collect();
    let outputs = |size: usize| {
        let mut line = Line::new();
        let mut outputs: Vec<Output> =
            samples.chunks(size).flat_map(|samples| line.batch(PLC, samples.to_vec())).collect();
        // Which input raised an incident is part of its name.
        for output in &mut outputs {
            if let Output::Incident { incident, .. } = output {
                incident.id = IncidentId { sequence: 0, ordinal: 0 };
            }
        }
        outputs
    };
    let whole = outputs(1000);
    assert!(!incidents(&whole).is_empty());
    for size in [1, 2, 3, 7, 50] {
        let outputs = outputs(size);
        let differing = outputs.iter().zip(&whole).find(|(one, other)| one != other);
        assert!(differing.is_none() && outputs.len() == whole.len(), "in batches of {size}: {differing:#?}");
    }
}

#[test]
fn a_link_that_is_down_makes_its_stations_unknown_and_its_signals_bad() {
    let mut line = Line::new();
    line.take(0.0, up(PLC));
    line.take(0.0, up(BROKER));
    line.batch(PLC, weld(0, 100.0));
    line.batch(BROKER, vec![yes(TIGHTEN_ACTIVE, 5.0)]);
    let outputs = line.take(9.0, down(PLC));
    let unknown = Output::Station { station: WELD, state: StationState::Unknown, at: at(9.0) };
    assert_eq!(outputs, [unknown]);
    assert_eq!(station(&line, TIGHTEN).state, StationState::Running);
    let view = line.twin.view();
    let quality = |signal: SignalId| view.signals[signal.index()].unwrap().quality;
    assert_eq!(quality(RESISTANCE), Quality::Bad(Reason::NotConnected));
    assert_eq!(quality(TIGHTEN_ACTIVE), Quality::Good);
    assert_eq!(view.links[0].since, at(9.0));
    // The cycle under way could not be seen to its end.
    line.take(12.0, up(PLC));
    let outputs = line.batch(PLC, vec![no(WELD_ACTIVE, 15.0), yes(WELD_ACTIVE, 16.0)]);
    assert!(cycles(&outputs).is_empty());
    assert_eq!(station(&line, WELD).state, StationState::Running);
}

#[test]
fn a_link_that_stays_down_is_one_incident_that_returns_with_it() {
    let mut line = Line::new();
    line.take(0.0, up(PLC));
    assert!(incidents(&line.take(1.0, down(PLC))).is_empty());
    assert!(incidents(&line.take(10.9, down(PLC))).is_empty(), "a new reason does not start the time anew");
    assert_eq!(incidents(&line.take(11.0, telemetry::Event::Tick)), ["raised link-loss"]);
    assert!(incidents(&line.take(60.0, down(PLC))).is_empty());
    assert_eq!(incidents(&line.take(61.0, up(PLC))), ["returned link-loss"]);
    assert!(incidents(&line.take(62.0, down(PLC))).is_empty());
    assert_eq!(incidents(&line.take(80.0, telemetry::Event::Tick)), ["updated link-loss"], "the same incident again");
    assert!(incidents(&line.take(81.0, up(BROKER))).is_empty());
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!((incident.link, incident.state, incident.onset), (Some(PLC), IncidentState::Unacknowledged, at(1.0)));
    let id = incident.id;
    assert_eq!(incidents(&line.take(82.0, acknowledge(id))), ["acknowledged link-loss"]);
    assert_eq!(incidents(&line.take(83.0, up(PLC))), ["closed link-loss"]);
    assert_eq!(line.twin.open_incidents().count(), 0);
}

#[test]
fn a_link_that_the_plant_does_not_have_changes_nothing() {
    let mut line = Line::new();
    assert!(line.take(0.0, down(LinkId(9))).is_empty());
    assert!(line.take(60.0, up(LinkId(9))).is_empty());
    assert!(line.take(61.0, batch(LinkId(9), Vec::new())).is_empty());
    assert_eq!(line.twin.view().links.iter().filter(|link| link.state.is_some()).count(), 0);
}

#[test]
fn a_drift_is_one_incident_with_its_evidence_and_ends_when_the_electrodes_are_dressed() {
    let mut line = Line::new();
    assert!(incidents(&line.welds(0..210, |_| 100.0)).is_empty());
    let outputs = line.welds(210..230, |_| 88.0);
    assert_eq!(incidents(&outputs), ["raised electrode-wear"]);
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!(incident.station, Some(WELD));
    assert!((incident.onset.seconds_since(at(210.0 * TAKT_S))).abs() <= 2.0 * TAKT_S, "{}", incident.onset);
    assert_eq!(incident.time_to_limit, None, "a step goes nowhere");
    let evidence = &incident.evidence[0];
    assert!((evidence.baseline.unwrap() - 100.0).abs() < 1.0, "{evidence:?}");
    assert!(evidence.statistic > evidence.threshold, "{evidence:?}");
    let dressed = vec![number(LIFE, 230.0 * TAKT_S, 0.0)];
    assert_eq!(incidents(&line.batch(PLC, dressed)), ["returned electrode-wear"]);
    assert!(incidents(&line.welds(231..234, |_| 88.0)).is_empty(), "a few cycles say nothing yet");
    assert_eq!(incidents(&line.welds(234..260, |_| 88.0)).len(), 1, "dressing has not helped");
}

#[test]
fn a_value_beyond_its_limit_leaves_no_time() {
    let mut line = Line::new();
    line.welds(0..210, |_| 100.0);
    line.welds(210..230, |_| RESISTANCE_LOW - 5.0);
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!(incident.time_to_limit, Some(TimeToLimit::CROSSED));
    assert_eq!(incident.priority, alarms::Priority::High);
}

/// The ramp comes to the limit at the begin of a cycle that is known. Each time told on the way holds it; those that are
/// told late hold it closely.
#[test]
fn a_ramp_reaches_its_limit_within_the_interval_that_was_told() {
    const BEGIN: usize = 210;
    const CYCLES_TO_LIMIT: usize = 200;
    let per_cycle = (100.0 - RESISTANCE_LOW) / CYCLES_TO_LIMIT as f64;
    let crossing = at((BEGIN + CYCLES_TO_LIMIT) as f64 * TAKT_S);
    let mut line = Line::new();
    line.welds(0..BEGIN, |_| 100.0);
    let told = line.welds(BEGIN..BEGIN + 190, |cycle| 100.0 - per_cycle * (cycle - BEGIN) as f64);
    let told: Vec<_> = told
        .iter()
        .filter_map(|output| if let Output::Incident { incident, .. } = output { Some(incident) } else { None })
        .filter_map(|incident| Some((crossing.seconds_since(incident.updated), incident.time_to_limit?)))
        .collect();
    assert!(told.len() >= 2, "{told:?}");
    for &(true_s, time) in &told {
        assert!((time.earliest_s..=time.latest_s.unwrap()).contains(&true_s), "{true_s}: {time:?}");
        assert!((time.earliest_s..=time.latest_s.unwrap()).contains(&time.expected_s), "{time:?}");
    }
    let (true_s, time) = told[told.len() - 1];
    assert!(time.latest_s.unwrap() - time.earliest_s < 0.5 * true_s, "{true_s}: {time:?}");
}

/// The limit is days away, and what the slope leaves open is more than a day.
#[test]
fn a_trend_that_may_take_more_than_a_week_has_no_late_end() {
    let mut line = Line::new();
    line.welds(0..210, |_| 900.0);
    line.welds(210..299, |cycle| 850.0 - 0.015 * (cycle - 210) as f64);
    let time = line.twin.open_incidents().next().unwrap().time_to_limit.unwrap();
    let week_s = 7.0 * 86_400.0;
    assert!(0.0 < time.earliest_s && time.earliest_s < time.expected_s && time.expected_s < week_s, "{time:?}");
    assert_eq!(time.latest_s, None);
}

/// A large part has another resistance than a small one: that is no drift.
#[test]
fn each_variant_has_its_own_baseline() {
    let mut line = Line::new();
    let mut told = Vec::new();
    for cycle in 0..120 {
        let (code, resistance) = if cycle % 3 == 0 { (2, 150.0) } else { (1, 100.0) };
        let mut samples = vec![sample(VARIANT, cycle as f64 * TAKT_S, Value::Integer(code))];
        samples.extend(weld(cycle, resistance));
        told.extend(incidents(&line.batch(PLC, samples)));
    }
    assert!(told.is_empty(), "{told:?}");
    let view = station(&line, WELD);
    assert_eq!(view.variant, Some(0));
    assert!((view.features[0].baseline.unwrap() - 100.0).abs() < 1.0);
}

#[test]
fn a_command_for_an_unknown_incident_is_refused() {
    let mut line = Line::new();
    let id = IncidentId { sequence: 412, ordinal: 0 };
    let outputs = line.take(0.0, acknowledge(id));
    let [Output::Command { command, refused: Some(reason) }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(acknowledge(id), Event::Command(command.clone()));
    assert!(reason.contains("412-0"), "{reason}");
}

#[test]
fn a_part_is_followed_from_station_to_station() {
    let mut line = Line::new();
    line.batch(PLC, vec![yes(WELD_ACTIVE, 0.0), no(WELD_ACTIVE, 8.0)]);
    assert_eq!(station(&line, WELD).state, StationState::Blocked);
    line.batch(BROKER, vec![yes(TIGHTEN_ACTIVE, 12.0)]);
    assert_eq!(station(&line, WELD).state, StationState::Starved);
    line.batch(BROKER, vec![yes(TIGHTEN_FAULT, 13.0)]);
    assert_eq!(station(&line, TIGHTEN).state, StationState::Down);
    line.batch(BROKER, vec![no(TIGHTEN_FAULT, 14.0), no(TIGHTEN_ACTIVE, 20.0)]);
    assert_eq!(station(&line, TIGHTEN).state, StationState::Starved, "the last station keeps no part");
}

/// The host's clock was ahead and is put right: what is stamped from now on must be believed at once.
#[test]
fn after_the_clock_was_put_back_the_twin_sees_as_before() {
    for ahead_s in [30.0, 3600.0, 300.0 * 86_400.0] {
        let mut line = Line::new();
        let shifted = |cycle: usize, by_s: f64| {
            let mut samples = weld(cycle, 100.0);
            samples.iter_mut().for_each(|sample| sample.source_time = sample.source_time.plus_seconds(by_s));
            samples
        };
        (0..20).for_each(|cycle| {
            line.batch(PLC, shifted(cycle, ahead_s));
        });
        let before = station(&line, WELD).cycles;
        (20..40).for_each(|cycle| {
            line.batch(PLC, shifted(cycle, 0.0));
        });
        assert_eq!(line.twin.view().counts.clock_steps_back, 1);
        let cycles = station(&line, WELD).cycles - before;
        let missed = (ahead_s / TAKT_S).min(6.0) as u64 + 1;
        assert!(cycles + missed >= 20, "{ahead_s} s ahead: {cycles} of 20 cycles seen");
    }
}

/// A clock of a device that is ahead and put right, while the host's was right all the time.
#[test]
fn a_source_from_the_far_future_does_not_blind_the_twin() {
    let mut line = Line::new();
    line.welds(0..5, |_| 100.0);
    let before = station(&line, WELD).cycles;
    let wrong = Sample { source_time: Timestamp::from_nanos(i64::MAX), ..yes(WELD_ACTIVE, 0.0) };
    line.take(49.0, batch(PLC, vec![wrong]));
    line.take(49.0, batch(PLC, vec![no(WELD_ACTIVE, 49.0)]));
    line.welds(5..10, |_| 100.0);
    assert_eq!(line.twin.view().counts.future_samples, 1);
    assert!(station(&line, WELD).cycles >= before + 5);
}

#[test]
fn a_snapshot_is_refused_by_another_plant_or_when_it_is_not_whole() {
    let mut line = Line::new();
    line.welds(0..3, |_| 100.0);
    let snapshot = line.twin.snapshot().unwrap();
    let refused = |change: &dyn Fn(&mut plant::Plant)| {
        let mut plant = (*plant()).clone();
        change(&mut plant);
        let error = twin::Twin::restore(plant.into(), &snapshot).map(drop).unwrap_err().to_string();
        assert!(error.contains("replay the recording instead"), "{error}");
    };
    assert!(twin::Twin::restore(plant(), &snapshot).is_ok());
    refused(&|plant| plant.signals[3].path = "weld/count".to_owned());
    refused(&|plant| plant.signals[3].role = plant::Role::Other);
    refused(&|plant| plant.signals[3].link = BROKER);
    refused(&|plant| plant.stations[2].upstream.clear());
    refused(&|plant| plant.stations[1].ideal_cycle_s = Some(60.0));
    refused(&|plant| plant.detection.false_alarms_per_shift = 5.0);
    refused(&|plant| plant.variants.reverse());
    refused(&|plant| plant.limits.clear());
    for end in (0..snapshot.len()).step_by(snapshot.len() / 20) {
        assert!(twin::Twin::restore(plant(), &snapshot[..end]).is_err(), "{end} of {} bytes", snapshot.len());
    }
}
