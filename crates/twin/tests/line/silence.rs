//! Signals that must be heard of now and then.

use std::sync::Arc;

use telemetry::{Event, Quality, Reason, Value};
use twin::{Output, Twin};

use crate::tiny::*;

/// The cooling's flow must be heard of every 30 s.
fn line() -> Line {
    let mut plant = (*plant()).clone();
    plant.signals[FLOW.index()].stale_after_s = Some(30.0);
    let mut line = Line { twin: Twin::new(Arc::new(plant)) };
    line.take(0.0, up(BROKER));
    line
}

/// What is told while time passes and nothing else does.
fn waits(line: &mut Line, seconds: std::ops::RangeInclusive<u32>) -> Vec<(u32, String)> {
    let mut told = Vec::new();
    for second in seconds {
        told.extend(incidents(&line.take(f64::from(second), Event::Tick)).into_iter().map(|word| (second, word)));
    }
    told
}

fn flows(line: &mut Line, seconds: f64) -> Vec<Output> {
    line.take(seconds, batch(BROKER, vec![number(FLOW, seconds, 12.0)]))
}

#[test]
fn no_data_alarm_per_signal() {
    let mut line = line();
    flows(&mut line, 1.0);
    // Its neighbour goes on: the device is there, one sensor is dead.
    let supply = |line: &mut Line, at| line.take(at, batch(BROKER, vec![number(SUPPLY, at, 20.0)]));
    for second in 2..31 {
        assert_eq!(incidents(&supply(&mut line, f64::from(second))), [""; 0]);
    }
    assert_eq!(waits(&mut line, 31..=200), [(32, "raised sensor-dropout".to_owned())], "by the clock, not on arrival");
    let known = line.twin.view().signals[FLOW.index()].unwrap();
    assert_eq!((known.value, known.quality), (Value::Float(12.0), Quality::Bad(Reason::Stale)));
    assert_eq!(incidents(&flows(&mut line, 201.0)), ["returned sensor-dropout"]);
    assert_eq!(line.twin.view().signals[FLOW.index()].unwrap().quality, Quality::Good);
}

#[test]
fn one_that_is_never_heard_of_is_told_too() {
    let mut line = line();
    assert_eq!(waits(&mut line, 1..=100), [(31, "raised sensor-dropout".to_owned())]);
}

#[test]
fn a_device_that_says_only_that_the_sensor_failed_gives_no_data() {
    let mut line = line();
    flows(&mut line, 0.0);
    let mut failed = number(FLOW, 0.0, 0.0);
    failed.quality = Quality::Bad(Reason::DeviceFault);
    let mut told = Vec::new();
    for second in 1..100 {
        failed.source_time = at(f64::from(second));
        told.extend(incidents(&line.take(f64::from(second), batch(BROKER, vec![failed]))));
    }
    assert_eq!(told, ["raised sensor-dropout"]);
}

/// Its own incident says that nothing comes; when it is back its signals have their time anew.
#[test]
fn a_lost_link_is_no_silent_signal() {
    let mut line = line();
    flows(&mut line, 0.0);
    line.take(1.0, down(BROKER));
    assert_eq!(waits(&mut line, 2..=100), [(11, "raised link-loss".to_owned())]);
    line.take(101.0, up(BROKER));
    assert_eq!(waits(&mut line, 102..=130), []);
    assert_eq!(waits(&mut line, 131..=133), [(132, "raised sensor-dropout".to_owned())]);
}

/// An export has the values of some links only.
#[test]
fn a_link_that_has_never_been_there_has_no_silent_signals() {
    let mut line = line();
    let mut plant = (**line.twin.plant()).clone();
    plant.signals[RESISTANCE.index()].stale_after_s = Some(30.0);
    line.twin = Twin::new(Arc::new(plant));
    line.take(0.0, up(BROKER));
    assert_eq!(waits(&mut line, 1..=100), [(31, "raised sensor-dropout".to_owned())]);
    line.take(100.0, up(PLC));
    let told = waits(&mut line, 101..=200);
    assert_eq!(told.iter().map(|(second, _)| *second).collect::<Vec<_>>(), [132], "{told:?}");
}

/// The clock of the host goes back an hour: nobody has been silent for that.
#[test]
fn a_clock_that_is_put_back_makes_nobody_silent() {
    let mut line = line();
    flows(&mut line, 4000.0);
    assert_eq!(waits(&mut line, 400..=429), []);
    assert_eq!(waits(&mut line, 430..=440), [(431, "raised sensor-dropout".to_owned())]);
}
