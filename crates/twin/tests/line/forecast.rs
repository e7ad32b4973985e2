//! Where a forecast of the shift starts from.

use std::sync::Arc;

use flow::Prospect;
use flow::line::{ForecastOptions, PartStart, PlaceStart, Progress};
use plant::{Plant, Role};
use telemetry::SignalId;
use twin::Twin;

use crate::tiny::*;

const DRUM: SignalId = SignalId(SIGNALS);
const WELDS: usize = 60;

/// The tiny line, whose weld tells how much wire is left.
fn line() -> Line {
    let mut plant = Plant::clone(&plant());
    let drum = plant::Signal { id: DRUM, station: WELD, role: Role::MaterialLevel, ..plant.signals[0].clone() };
    plant.signals.push(drum);
    let mut line = Line { twin: Twin::new(Arc::new(plant)) };
    for cycle in 0..WELDS {
        let mut samples = weld(cycle, 100.0);
        samples.push(number(DRUM, cycle as f64 * TAKT_S + 8.0, 100.0 - 0.5 * cycle as f64));
        line.batch(PLC, samples);
    }
    line
}

fn prospect(line: &Line) -> Prospect {
    line.twin.prospect().unwrap()
}

#[test]
fn a_line_that_nobody_sees_is_not_forecast() {
    let mut line = Line::new();
    line.batch(PLC, vec![number(LIFE, 0.0, 1.0)]);
    assert_eq!(line.twin.prospect(), None);
}

#[test]
fn parts_are_where_the_signals_say() {
    let mut line = line();
    let now = WELDS as f64 * TAKT_S;
    line.batch(BROKER, vec![yes(TIGHTEN_ACTIVE, now - 5.0), no(TIGHTEN_ACTIVE, now - 3.0), no(TIGHTEN_FAULT, now)]);
    line.batch(PLC, vec![yes(WELD_ACTIVE, now), number(RESISTANCE, now + 3.0, 100.0)]);
    let place = |progress| PlaceStart { parts: vec![PartStart { variant: None, progress }], down_s: None };
    let working = place(Progress::Working { worked_s: 3.0 });
    // The last station's part is gone as soon as it is done.
    assert_eq!(prospect(&line).so_far.start.places, [working.clone(), PlaceStart::default()]);
    line.batch(BROKER, vec![yes(TIGHTEN_ACTIVE, now + 4.0), yes(TIGHTEN_FAULT, now + 6.0)]);
    line.batch(PLC, vec![no(WELD_ACTIVE, now + 8.0)]);
    let start = prospect(&line).so_far.start;
    let stopped = PlaceStart { down_s: Some(2.0), ..place(Progress::Working { worked_s: 2.0 }) };
    assert_eq!(start.places, [place(Progress::Done), stopped]);
}

#[test]
fn what_was_seen_is_what_is_forecast() {
    let line = line();
    let prospect = prospect(&line);
    let weld = prospect.learned.place(0).unwrap();
    assert_eq!(prospect.planned_output, None);
    // The last cycle has not settled.
    assert!((weld.worked_s() - 8.0 * (WELDS - 1) as f64).abs() < 1e-6, "{}", weld.worked_s());
    // Two hours of the shift are left, from 06:00 to 08:00 UTC, and the weld takes 8 s with 2 s from part to part.
    let forecast = prospect.forecast(ForecastOptions { replications: 50, seed: 1 }).unwrap();
    let expected = prospect.so_far.left_s / TAKT_S;
    assert!((forecast.output.p50 / expected - 1.0).abs() < 0.02, "{:?}, expected {expected}", forecast.output);
    let [drum] = &forecast.materials[..] else { panic!("{:?}", forecast.materials) };
    let (level, left_h) = (100.0 - 0.5 * (WELDS - 1) as f64, drum.left_h.unwrap());
    assert_eq!((drum.signal, drum.level), (DRUM, level));
    let expected_h = level / 0.5 * TAKT_S / 3600.0;
    assert!((left_h.p50 / expected_h - 1.0).abs() < 0.02, "{left_h:?}, expected {expected_h} h");
}

#[test]
fn a_restored_twin_foretells_the_same() {
    let line = line();
    let restored = Twin::restore(line.twin.plant().clone(), &line.twin.snapshot().unwrap()).unwrap();
    assert_eq!(restored.prospect(), line.twin.prospect());
}
