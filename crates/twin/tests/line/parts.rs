//! What goes into the record of a part, and when that is closed.

use std::sync::Arc;

use genealogy::{Ending, PartCycle, PartRecord};
use plant::{Plant, Role, VariantFlow};
use telemetry::{Event, InterventionKind, Sample, SignalId, Symbol, Value};
use twin::{Output, Outputs, Twin};

use crate::tiny::*;

const LOT: SignalId = SignalId(SIGNALS);
const CHILD: SignalId = SignalId(SIGNALS + 1);
const TOOL: SignalId = SignalId(SIGNALS + 2);
const OPERATOR: SignalId = SignalId(SIGNALS + 3);
const TIGHTEN_PART: SignalId = SignalId(SIGNALS + 4);

/// The tiny line, whose weld tells more, and whose tightening knows the part, too.
fn line(operators: bool) -> Line {
    let mut plant = Plant::clone(&plant());
    let more = [
        (LOT, WELD, Role::MaterialLot),
        (CHILD, WELD, Role::PartChild),
        (TOOL, WELD, Role::ToolId),
        (OPERATOR, WELD, Role::OperatorId),
        (TIGHTEN_PART, TIGHTEN, Role::PartId),
    ];
    for (id, station, role) in more {
        let signal = plant::Signal { id, station, role, path: role.name().to_owned(), ..plant.signals[0].clone() };
        plant.signals.push(signal);
    }
    plant.genealogy.operators = operators;
    // Small cars are only welded.
    plant.flow.variants = vec![VariantFlow { leaves_after: Some(WELD), ..VariantFlow::default() }];
    Line { twin: Twin::new(Arc::new(plant)) }
}

fn text(signal: SignalId, seconds: f64, text: &str) -> Sample {
    sample(signal, seconds, Value::Symbol(Symbol::new(text).unwrap()))
}

fn records(outputs: Outputs) -> Vec<PartRecord> {
    let record = |output| if let Output::Part(record) = output { Some(*record) } else { None };
    outputs.into_iter().filter_map(record).collect()
}

/// One tightening of a part, from its begin for 8 s.
fn tighten(part: &str, begin: f64) -> Vec<Sample> {
    vec![
        text(TIGHTEN_PART, begin, part),
        yes(TIGHTEN_ACTIVE, begin),
        number(TORQUE, begin + 3.0, 50.0),
        number(TORQUE, begin + 6.0, 54.0),
        no(TIGHTEN_ACTIVE, begin + 8.0),
    ]
}

/// Welds part 0 with all that the station tells, tightens it and the next, and lets the first leave.
fn passed(line: &mut Line) -> PartRecord {
    let told = |line: &mut Line, link, samples| records(line.batch(link, samples));
    line.take(0.0, report("weld", InterventionKind::ToolDress));
    let mut samples = vec![text(LOT, 0.0, "4711"), text(TOOL, 0.0, "G7"), text(OPERATOR, 0.0, "badge 12")];
    samples.extend(weld(0, 70.0));
    samples.insert(5, text(CHILD, 2.0, "M1"));
    samples.insert(6, text(CHILD, 5.0, "M2"));
    let mut closed = told(line, PLC, samples);
    closed.extend(told(line, PLC, weld(1, 90.0)));
    closed.extend(told(line, BROKER, tighten("P00000", 20.0)));
    assert_eq!(closed, [], "it is still on the line");
    closed.extend(told(line, BROKER, tighten("P00001", 30.0)));
    closed.extend(told(line, BROKER, vec![no(TIGHTEN_ACTIVE, 40.0)]));
    assert_eq!(closed.len(), 1);
    closed.remove(0)
}

fn texts(cycle: &PartCycle) -> (Vec<String>, Vec<String>) {
    let texts = |labels: &[genealogy::Label]| labels.iter().map(|label| label.text.to_string()).collect();
    (texts(&cycle.labels.lots), texts(&cycle.labels.children))
}

#[test]
fn a_record_has_all_that_the_stations_told_of_the_part() {
    let record = passed(&mut line(false));
    assert_eq!((record.part.as_str(), record.ending, record.cycles.len()), ("P00000", Ending::Left, 2));
    assert_eq!(record.in_limits(), Some(false));
    let [welded, tightened] = &record.cycles[..] else { panic!("{record:?}") };
    assert_eq!((welded.station, tightened.station), (WELD, TIGHTEN));
    assert_eq!(texts(welded), (vec!["4711".to_owned()], vec!["M1".to_owned(), "M2".to_owned()]));
    assert_eq!(welded.labels.tool.map(|tool| tool.to_string()).as_deref(), Some("G7"));
    assert_eq!(welded.labels.tool_life, Some(0.0));
    assert_eq!((welded.labels.operator, &welded.labels.actions[0].by), (None, &None), "nobody asked for names");
    assert_eq!(welded.labels.actions[0].kind, InterventionKind::ToolDress);
    let resistance = welded.values[0];
    assert_eq!((resistance.low, resistance.in_limits()), (Some(RESISTANCE_LOW), Some(false)));
    assert_eq!(resistance.expected, None, "nothing is learnt yet");
    let torque = tightened.values[0];
    assert_eq!((torque.value, torque.lowest, torque.highest), (52.0, 50.0, 54.0));
}

#[test]
fn who_worked_on_a_part_is_kept_only_where_that_is_allowed() {
    let record = passed(&mut line(true));
    let labels = &record.cycles[0].labels;
    assert_eq!(labels.operator.map(|operator| operator.to_string()).as_deref(), Some("badge 12"));
    assert_eq!(labels.actions[0].by.as_deref(), Some("anna"));
}

#[test]
fn a_variant_may_leave_early() {
    let mut line = line(false);
    let small = |cycle: usize| {
        let mut samples = weld(cycle, 90.0);
        samples.insert(0, sample(VARIANT, cycle as f64 * TAKT_S, Value::Integer(1)));
        samples
    };
    let closed: Vec<PartRecord> = (0..3).flat_map(|cycle| records(line.batch(PLC, small(cycle)))).collect();
    let parts: Vec<&str> = closed.iter().map(|record| record.part.as_str()).collect();
    assert_eq!(parts, ["P00000"], "the second is complete only when the third has been there for a while");
    assert_eq!(closed[0].ending, Ending::Left);
}

/// A cycle whose part is not known is counted; it is not taken for one of the part before.
#[test]
fn a_cycle_without_a_serial_is_in_no_record() {
    let mut line = line(false);
    line.batch(PLC, weld(0, 90.0));
    let mut unread = weld(1, 90.0);
    unread[0] = text(PART, 10.0, "");
    line.batch(PLC, unread);
    line.batch(PLC, weld(2, 90.0));
    line.batch(PLC, vec![no(WELD_ACTIVE, 32.0)]);
    let counts = line.twin.view().counts;
    assert_eq!((counts.cycles, counts.cycles_without_part, counts.parts_closed), (3, 1, 0));
    let outputs = line.take(1e6, Event::Tick);
    let closed = records(outputs);
    let cycles: Vec<(&str, usize, Ending)> =
        closed.iter().map(|record| (record.part.as_str(), record.cycles.len(), record.ending)).collect();
    assert_eq!(cycles, [("P00000", 1, Ending::NotSeen), ("P00002", 1, Ending::NotSeen)]);
    assert_eq!(line.twin.view().counts.parts_incomplete, 2);
}

/// A polled device says again and again that there is no cycle, and the next part may be there before it has settled.
#[test]
fn a_cycle_is_of_the_part_that_was_there_when_it_ended() {
    let mut line = line(false);
    let mut samples = weld(0, 90.0);
    samples.extend([text(PART, 8.5, "P00001"), no(WELD_ACTIVE, 8.5), no(WELD_ACTIVE, 9.5)]);
    line.batch(PLC, samples);
    let closed = records(line.take(1e6, Event::Tick));
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].part.as_str(), "P00000");
}

/// The weld's resistance falls; the parts since the onset that are on the line are marked when that is found out.
#[test]
fn parts_know_the_incidents_that_stood_when_they_were_built() {
    let mut line = line(false);
    line.welds(0..210, |_| 100.0);
    let outputs = line.welds(210..230, |_| 88.0);
    line.batch(PLC, vec![no(WELD_ACTIVE, 2310.0)]);
    let raised = outputs.iter().find_map(|output| match output {
        Output::Incident { incident, .. } => Some(incident.clone()),
        _ => None,
    });
    let raised = raised.unwrap();
    let closed = records(line.take(1e6, Event::Tick));
    assert_eq!(closed.len(), 230);
    for record in &closed {
        let cycle = &record.cycles[0];
        let is_marked = cycle.incidents.iter().any(|mark| mark.incident == raised.id);
        assert_eq!(is_marked, cycle.end >= raised.onset, "{} of {}", record.part, raised.onset);
    }
    assert!(closed.iter().any(|record| record.cycles[0].end >= raised.onset && record.cycles[0].end < raised.raised));
    let expected = closed[200].cycles[0].values[0].expected.unwrap();
    assert!((expected.value - 100.0).abs() < 1.0 && expected.sigma < 2.0, "{expected:?}");
}
