//! Devices whose clocks are off.

use std::sync::Arc;

use plant::{CsvSettings, LinkSettings};
use telemetry::Sample;
use twin::{ClockOff, Output, Twin};

use crate::tiny::*;

/// Welds those cycles, each received when it has ended, by a PLC whose clock is behind by so much.
fn welds_behind(line: &mut Line, cycles: std::ops::Range<usize>, behind_s: f64) -> Vec<Output> {
    let told = |sample: Sample| Sample { source_time: sample.source_time.plus_seconds(-behind_s), ..sample };
    let one = |cycle: usize| {
        let samples = weld(cycle, 100.0).into_iter().map(told).collect();
        line.take(cycle as f64 * TAKT_S + 8.0, batch(PLC, samples))
    };
    cycles.flat_map(one).collect()
}

fn clocks_off(line: &Line) -> Vec<ClockOff> {
    line.twin.view().links.swap_remove(PLC.index()).clocks_off
}

/// When each cycle ended, seconds after the line's begin.
fn ends(outputs: &[Output]) -> Vec<f64> {
    let end = |output: &Output| match output {
        Output::Cycle(cycle) => Some(cycle.end.seconds_since(at(0.0))),
        _ => None,
    };
    outputs.iter().filter_map(end).collect()
}

#[test]
fn which_clock() {
    // An hour behind; reset to the year 2000; an hour ahead.
    for behind_s in [3600.0, 8.489e8, -3600.0] {
        let mut line = Line::new();
        line.take(0.0, up(PLC));
        welds_behind(&mut line, 0..20, behind_s);
        let off = clocks_off(&line);
        assert_eq!((off.len(), off[0].station), (1, WELD), "its own device, and no other");
        assert!((off[0].behind_s - behind_s).abs() < 1.0, "{off:?}");
        // From then on its cycles end when they end.
        let ends = ends(&welds_behind(&mut line, 20..40, behind_s));
        let expected = |cycle: usize| cycle as f64 * TAKT_S + 8.0;
        assert_eq!(ends.len(), 20);
        assert!(ends.iter().zip(19..).all(|(end, cycle)| (end - expected(cycle)).abs() < 1.0), "{behind_s}: {ends:?}");
        let counts = line.twin.view().counts;
        assert!(counts.corrected_samples >= 100, "{counts:?}");
        assert_eq!(counts.incidents, 0);
    }
}

#[test]
fn a_clock_that_is_set_right_is_believed_again() {
    let mut line = Line::new();
    line.take(0.0, up(PLC));
    welds_behind(&mut line, 0..20, 3600.0);
    welds_behind(&mut line, 20..21, 0.1);
    assert_eq!(clocks_off(&line), []);
    assert_eq!(ends(&welds_behind(&mut line, 21..24, 0.1)).len(), 3);
}

#[test]
fn a_clock_that_is_off_by_little_is_believed() {
    let mut line = Line::new();
    line.take(0.0, up(PLC));
    welds_behind(&mut line, 0..40, 30.0);
    assert_eq!((clocks_off(&line), line.twin.view().counts.corrected_samples), (Vec::new(), 0));
}

/// A station that puts its files down an hour late has a clock like any other.
#[test]
fn files_that_come_late_say_nothing_of_a_clock() {
    let mut plant = (*plant()).clone();
    plant.links[PLC.index()].settings = LinkSettings::Csv(CsvSettings {
        folder: String::new(),
        delimiter: ';',
        decimal_mark: ',',
        time_column: String::new(),
        time_format: String::new(),
        time_zone: None,
        settle_s: 1.0,
    });
    let mut line = Line { twin: Twin::new(Arc::new(plant)) };
    line.take(0.0, up(PLC));
    welds_behind(&mut line, 0..40, 3600.0);
    assert_eq!((clocks_off(&line), line.twin.view().counts.corrected_samples), (Vec::new(), 0));
}
