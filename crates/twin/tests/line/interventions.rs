//! What is done at a station, and what the twin makes of it.

use telemetry::InterventionKind as Kind;
use telemetry::{Symbol, Value};
use twin::{FeatureView, Output};

use crate::tiny::*;

/// Cycles in which the weld is as it should be, and then as a worn tip makes it.
const GOOD: std::ops::Range<usize> = 0..210;
const WORN: std::ops::Range<usize> = 210..230;
/// A second at which the last of them is complete.
const AFTER: f64 = 2300.0;

fn feature(line: &Line, station: plant::StationId, name: &str) -> FeatureView {
    let station = line.twin.view().stations.swap_remove(station.index());
    station.features.into_iter().find(|feature| feature.name == name).unwrap()
}

/// A line on which electrode wear stands, with all its cycles complete.
fn worn() -> Line {
    let mut line = Line::new();
    line.welds(GOOD, |_| 100.0);
    line.welds(WORN, |_| 88.0);
    line.batch(PLC, vec![no(WELD_ACTIVE, AFTER - 1.0)]);
    assert_eq!(line.twin.open_incidents().count(), 1);
    assert!(feature(&line, WELD, "weld resistance").statistic > 0.0);
    line
}

/// What an intervention at that place leaves: whether the incident still stands, and of the weld's resistance and work
/// time whether the chart runs on, and whether the baseline is kept.
fn check(place: &str, kind: Kind, stands: bool, resistance: (bool, bool), work_time: (bool, bool)) {
    let mut line = worn();
    let statistic = |line: &Line, name| feature(line, WELD, name).statistic;
    let before = statistic(&line, "work time");
    line.take(AFTER, report(place, kind));
    let left = |name| (statistic(&line, name) > 0.0, feature(&line, WELD, name).baseline_cycles > 0);
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!(incident.returned.is_none(), stands, "{kind} at {place}");
    assert_eq!(incident.ended_by.as_ref().map(|ended| ended.kind), (!stands).then_some(kind), "{kind} at {place}");
    assert_eq!(left("weld resistance"), resistance, "{kind} at {place}: resistance");
    assert_eq!(left("work time").1, work_time.1, "{kind} at {place}: work time");
    assert_eq!(statistic(&line, "work time") == before, work_time.0, "{kind} at {place}: work time");
}

#[test]
fn each_kind_lets_begin_anew_what_it_concerns_and_no_more() {
    let (kept, restarted, relearnt) = ((true, true), (false, true), (false, false));
    // A steady work time has nothing in its chart: it runs on at zero whether restarted or not.
    let untouched = (true, true);
    check("weld", Kind::Retool, false, relearnt, (true, false));
    check("weld", Kind::ProgramChange, false, relearnt, (true, false));
    check("weld", Kind::Changeover, false, restarted, untouched);
    check("weld", Kind::ToolDress, false, restarted, untouched);
    check("weld", Kind::ToolChange, false, restarted, untouched);
    check("weld", Kind::FilterChange, false, restarted, untouched);
    check("weld", Kind::Cleaning, false, restarted, untouched);
    check("weld", Kind::SensorChange, false, relearnt, untouched);
    check("weld", Kind::Other, true, kept, untouched);
    // A signal narrows it to what needs that signal.
    check("weld/resistance", Kind::SensorChange, false, relearnt, untouched);
    check("weld/life", Kind::SensorChange, false, relearnt, untouched);
    check("weld/active", Kind::SensorChange, true, kept, (true, false));
    // What a utility delivers reaches the stations that depend on it, but not their own tools and sensors.
    check("cooling", Kind::Retool, false, relearnt, untouched);
    check("cooling", Kind::FilterChange, false, restarted, untouched);
    check("cooling", Kind::Cleaning, false, restarted, untouched);
    check("cooling", Kind::ToolDress, true, kept, untouched);
    check("cooling", Kind::SensorChange, true, kept, untouched);
    check("tighten", Kind::Retool, true, kept, untouched);
}

/// The weld tells its variant, and each has a baseline; the screwdriver does not.
#[test]
fn a_changeover_is_learnt_anew_only_where_the_variant_is_not_told() {
    let mut line = Line::new();
    for cycle in 0..20 {
        let begin = cycle as f64 * TAKT_S;
        line.batch(BROKER, vec![yes(TIGHTEN_ACTIVE, begin), number(TORQUE, begin + 5.0, 20.0 + noise(cycle))]);
        line.batch(BROKER, vec![no(TIGHTEN_ACTIVE, begin + 8.0)]);
    }
    let learnt = feature(&line, TIGHTEN, "final torque").baseline_cycles;
    assert!(learnt > WARM_UP_CYCLES);
    line.take(300.0, report("weld", Kind::Changeover));
    assert_eq!(feature(&line, TIGHTEN, "final torque").baseline_cycles, learnt);
    line.take(300.0, report("tighten", Kind::Changeover));
    assert_eq!(feature(&line, TIGHTEN, "final torque").baseline_cycles, 0);
}

#[test]
fn after_a_retool_the_new_normal_is_learnt_and_the_next_drift_names_the_retool() {
    let mut line = worn();
    line.take(AFTER, report("weld", Kind::Retool));
    let told = line.welds(230..410, |_| 130.0);
    assert_eq!(incidents(&told), Vec::<String>::new(), "another level is normal now");
    let view = feature(&line, WELD, "weld resistance");
    assert!(view.baseline_cycles > WARM_UP_CYCLES && (view.baseline.unwrap() - 130.0).abs() < 2.0, "{view:?}");
    let told = line.welds(410..430, |_| 118.0);
    assert_eq!(incidents(&told)[0], "updated electrode-wear", "there again: {told:?}");
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!(incident.ended_by, None);
    let retool = incident.recent_interventions.iter().find(|done| done.kind == Kind::Retool).unwrap();
    assert_eq!((retool.by.as_deref(), retool.comment.as_str(), retool.at), (Some("anna"), "done", at(AFTER)));
}

/// Old and new are mixed in it.
#[test]
fn the_cycle_under_way_is_measured_and_not_judged() {
    let mut line = worn();
    line.batch(PLC, vec![yes(WELD_ACTIVE, AFTER), number(RESISTANCE, AFTER + 1.0, 55.0)]);
    line.take(AFTER + 2.0, report("weld", Kind::Retool));
    let told = line.batch(PLC, vec![no(WELD_ACTIVE, AFTER + 8.0), no(WELD_ACTIVE, AFTER + 9.5)]);
    let cycle = |output: &Output| if let Output::Cycle(cycle) = output { Some(cycle.features[0]) } else { None };
    assert_eq!(told.iter().find_map(cycle), Some(Some(55.0)));
    assert_eq!(feature(&line, WELD, "weld resistance").baseline_cycles, 0);
    line.welds(231..233, |_| 130.0);
    assert_eq!(feature(&line, WELD, "weld resistance").baseline_cycles, 1);
}

#[test]
fn what_cannot_be_is_refused_in_words_and_changes_nothing() {
    let check = |place: &str, done_s: Option<f64>, expected: &str| {
        let mut line = worn();
        let before = line.twin.view();
        let outputs = line.take(AFTER, report_done(place, Kind::Retool, done_s.map(at)));
        let [Output::Command { command, refused: Some(reason) }] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(command.by, "anna");
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(line.twin.view().stations, before.stations);
    };
    check("weld-99", None, "there is no station \"weld-99\"");
    check("weld/flow", None, "no signal of that path");
    check("", None, "there is no station \"\"");
    check("weld", Some(AFTER + 61.0), "is still to come");
    check("weld", Some(AFTER - 86_401.0), "is more than 24 h ago");
}

#[test]
fn an_intervention_can_be_told_later_and_the_latest_of_each_kind_is_remembered() {
    let mut line = Line::new();
    let remembered = |line: &Line| {
        let interventions = line.twin.view().stations.swap_remove(WELD.index()).interventions;
        interventions.iter().map(|known| (known.kind, known.at)).collect::<Vec<_>>()
    };
    line.take(AFTER, report_done("weld", Kind::Cleaning, Some(at(60.0))));
    let outputs = line.take(AFTER + 1.0, report("weld", Kind::Other));
    assert!(
        matches!(&outputs[..], [Output::Intervention(told), Output::Command { refused: None, .. }] if told.at == at(AFTER + 1.0)),
        "{outputs:?}"
    );
    assert_eq!(remembered(&line), [(Kind::Cleaning, at(60.0)), (Kind::Other, at(AFTER + 1.0))]);
    line.take(AFTER + 2.0, report("weld", Kind::Cleaning));
    assert_eq!(remembered(&line), [(Kind::Other, at(AFTER + 1.0)), (Kind::Cleaning, at(AFTER + 2.0))]);
}

#[test]
fn only_what_was_done_shortly_before_is_named() {
    let named = |hours: f64| {
        let mut line = Line::new();
        line.take(0.0, report_done("cooling", Kind::Other, Some(at(-hours * 3600.0))));
        line.welds(GOOD, |_| 100.0);
        line.welds(WORN, |_| 88.0);
        let incident = line.twin.open_incidents().next().unwrap();
        incident.recent_interventions.iter().filter(|done| done.station == COOLING).count()
    };
    assert_eq!((named(0.0), named(3.0), named(4.0)), (1, 1, 0));
}

#[test]
fn the_twin_sees_a_dressed_tool_and_a_new_program_by_itself() {
    let mut line = worn();
    let outputs = line.batch(PLC, vec![number(LIFE, AFTER, 0.0)]);
    let [Output::Intervention(dressed), Output::Incident { incident, .. }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!((dressed.kind, dressed.by.as_ref(), dressed.at), (Kind::ToolDress, None, at(AFTER)));
    assert_eq!(dressed.comment, "tool life fell from 29 to 0");
    assert_eq!(incident.ended_by.as_ref(), Some(dressed));

    let mut line = Line::new();
    let mut seen = Vec::new();
    for (cycle, program) in ["P1", "P1", "P2", "P1", "P2", "P2"].into_iter().enumerate() {
        let program = Value::Symbol(Symbol::new(program).unwrap());
        let mut samples = vec![sample(PROGRAM, cycle as f64 * TAKT_S, program)];
        samples.extend(weld(cycle, 100.0));
        samples.push(no(WELD_ACTIVE, cycle as f64 * TAKT_S + 9.5));
        seen.extend(line.batch(PLC, samples).into_iter().filter(|output| matches!(output, Output::Intervention(_))));
    }
    let [Output::Intervention(changed)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((changed.kind, changed.at), (Kind::ProgramChange, at(2.0 * TAKT_S)));
}
