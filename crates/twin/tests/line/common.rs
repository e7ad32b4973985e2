//! What bad cycles have in common: lots that alternate, lots that only changed, one lot at two stations.

use std::sync::{Arc, LazyLock};

use alarms::Incident;
use genealogy::Relation;
use genealogy::factors::Factor;
use plant::{Cause, Plant, Role, StationKind};
use telemetry::{Sample, SignalId, Symbol, Value};
use twin::{Output, Outputs, Twin};

use crate::tiny::*;

const COIL: SignalId = SignalId(SIGNALS);
const TIGHTEN_PART: SignalId = SignalId(SIGNALS + 1);
const BOLTS: SignalId = SignalId(SIGNALS + 2);

/// The tiny line, whose stations tell the lots of their sheets and bolts.
fn line() -> Line {
    static TOLD: LazyLock<Twin> = LazyLock::new(|| {
        let mut plant = Plant::clone(&plant());
        let more = [
            (COIL, WELD, Role::MaterialLot),
            (TIGHTEN_PART, TIGHTEN, Role::PartId),
            (BOLTS, TIGHTEN, Role::MaterialLot),
        ];
        for (id, station, role) in more {
            let path = format!("{}/{}", plant.station(station).name, role.name());
            plant.signals.push(plant::Signal { id, station, role, path, ..plant.signals[0].clone() });
        }
        Twin::new(Arc::new(plant))
    });
    Line { twin: TOLD.clone() }
}

fn text(signal: SignalId, seconds: f64, text: &str) -> Sample {
    sample(signal, seconds, Value::Symbol(Symbol::new(text).unwrap()))
}

/// What is built: by cycle, the coil, the bolts' lot, what the weld's resistance and what the tightening's angle is.
struct Shift {
    coil: fn(usize) -> &'static str,
    bolts: fn(usize) -> &'static str,
    resistance: fn(usize) -> f64,
    angle: fn(usize) -> f64,
}

const USUAL: Shift = Shift { coil: |_| "C1", bolts: |_| "B1", resistance: |_| 100.0, angle: |_| 60.0 };
/// From here on something may be wrong.
const ONSET: usize = 200;
const CYCLES: usize = 280;

impl Shift {
    /// Each part is welded, and tightened in the next cycle.
    fn run(&self, line: &mut Line) -> Outputs {
        let mut outputs = Vec::new();
        for cycle in 0..CYCLES {
            let begin = cycle as f64 * TAKT_S;
            let mut welded = vec![text(COIL, begin, (self.coil)(cycle))];
            welded.extend(weld(cycle, (self.resistance)(cycle)));
            outputs.extend(line.batch(PLC, welded));
            if let Some(part) = cycle.checked_sub(1) {
                let tightened = vec![
                    text(BOLTS, begin, (self.bolts)(part)),
                    text(TIGHTEN_PART, begin, &format!("P{part:05}")),
                    yes(TIGHTEN_ACTIVE, begin),
                    number(TORQUE, begin + 5.0, 50.0 + 0.1 * noise(part + 5)),
                    number(ANGLE, begin + 6.0, (self.angle)(part) + 0.5 * noise(part)),
                    no(TIGHTEN_ACTIVE, begin + 8.0),
                ];
                outputs.extend(line.batch(BROKER, tightened));
            }
        }
        outputs
    }

    fn incidents(&self) -> Vec<Incident> {
        self.incidents_of(&mut line())
    }

    /// The incidents, each as it was told last.
    fn incidents_of(&self, line: &mut Line) -> Vec<Incident> {
        let mut last: Vec<Incident> = Vec::new();
        for output in self.run(line) {
            let Output::Incident { incident, .. } = output else { continue };
            match last.iter_mut().find(|known| known.id == incident.id) {
                Some(known) => *known = *incident,
                None => last.push(*incident),
            }
        }
        last
    }
}

/// Two bins in turn, four parts from each.
fn bin(cycle: usize) -> &'static str {
    if cycle >= ONSET && (cycle / 4).is_multiple_of(2) { "BAD" } else { "GOOD" }
}

/// What an incident says of lots: the relation, the lot, bad and good cycles with it.
fn lots(incident: &Incident) -> Vec<(Relation, String, u64, u64)> {
    let lot = |common: &genealogy::Common| match common.factor {
        Factor::Lot(label) => {
            Some((common.relation, label.text.to_string(), common.table.bad_with, common.table.good_with))
        }
        _ => None,
    };
    incident.in_common.iter().filter_map(lot).collect()
}

#[test]
fn a_bad_lot_that_alternates_is_one_incident_that_names_it() {
    let angle = |part| if bin(part) == "BAD" { 56.0 } else { 60.0 };
    let incidents = Shift { bolts: bin, angle, ..USUAL }.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    let [incident] = &incidents[..] else { return };
    assert_eq!((incident.station, incident.cause()), (Some(TIGHTEN), Cause::JointFriction));
    let (relation, lot, bad_with, good_with) = lots(incident).remove(0);
    assert_eq!((relation, lot.as_str(), good_with), (Relation::GoesWith, "BAD", 0));
    let common = &incident.in_common[0];
    assert!(bad_with >= 5 && common.table.bad_without == 0 && common.q < 0.01, "{common:?}");
}

/// The lot of the sheet is told at the weld; what it does shows where the part is tightened.
#[test]
fn a_lot_from_upstream_is_named() {
    let angle = |part| if bin(part) == "BAD" { 56.0 } else { 60.0 };
    let incidents = Shift { coil: bin, angle, ..USUAL }.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!(incidents[0].station, Some(TIGHTEN));
    assert_eq!(lots(&incidents[0])[0].1, "BAD");
}

#[test]
fn a_lot_that_only_came_when_it_began_is_said_to_have_begun_with_it() {
    let bolts = |part| if part >= ONSET { "B2" } else { "B1" };
    let angle = |part| if part >= ONSET { 57.0 } else { 60.0 };
    let incidents = Shift { bolts, angle, ..USUAL }.incidents();
    assert_eq!(incidents.len(), 1);
    let lots = lots(&incidents[0]);
    assert_eq!((lots[0].0, lots[0].1.as_str(), lots.len()), (Relation::BegunWith, "B2", 1));
    let recent = &incidents[0].recent_changes;
    assert_eq!(recent.len(), 1);
    assert_eq!(recent[0].since, at((ONSET + 1) as f64 * TAKT_S));
}

#[test]
fn a_lot_without_effect_is_no_incident_and_in_common_with_nothing_else() {
    let coil = |cycle| if cycle >= ONSET - 60 { "C2" } else { "C1" };
    assert_eq!(Shift { coil, ..USUAL }.incidents(), []);
    let angle = |part| if part >= ONSET { 57.0 } else { 60.0 };
    let incidents = Shift { coil, angle, ..USUAL }.incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].in_common, [], "the coil came long before");
}

/// A change at the onset speaks for what it can bring: another lot of sheet, and not the force of the electrodes.
#[test]
fn what_changed_last_moves_the_cause_that_can_come_with_it() {
    let share = |shift: Shift| {
        let incidents = shift.incidents();
        let found = incidents[0].causes.iter().find(|ranked| ranked.cause == Cause::SheetMaterial);
        found.map_or(0.0, |ranked| ranked.share)
    };
    let resistance = |cycle| if cycle >= ONSET { 110.0 } else { 100.0 };
    let without = share(Shift { resistance, ..USUAL });
    let with = share(Shift { resistance, coil: |cycle| if cycle >= ONSET { "C2" } else { "C1" }, ..USUAL });
    let alternating =
        share(Shift { resistance: |cycle| if bin(cycle) == "BAD" { 112.0 } else { 100.0 }, coil: bin, ..USUAL });
    assert!(without < with && with < alternating, "{without} {with} {alternating}");
}

/// One bad coil, seen at both stations: they are two welds of its sheets here.
#[test]
fn one_lot_at_two_stations_is_one_incident_where_it_came_first() {
    let mut plant = Plant::clone(line().twin.plant());
    plant.stations[TIGHTEN.index()].kind = StationKind::SpotWeld;
    plant.signals[ANGLE.0 as usize].role = Role::WeldResistance;
    let mut line = Line { twin: Twin::new(Arc::new(plant)) };
    let resistance = |cycle| if bin(cycle) == "BAD" { 112.0 } else { 100.0 };
    let angle = |part| if bin(part) == "BAD" { 68.0 } else { 60.0 };
    let shift = Shift { coil: bin, resistance, angle, ..USUAL };
    let incidents = shift.incidents_of(&mut line);
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    assert_eq!((incidents[0].station, incidents[0].cause()), (Some(WELD), Cause::SheetMaterial));
    assert_eq!(incidents[0].affected, [TIGHTEN]);
}

/// A twin that is restored in between says the same.
#[test]
fn the_memory_is_part_of_the_snapshot() {
    let shift = Shift { bolts: bin, angle: |part| if bin(part) == "BAD" { 56.0 } else { 60.0 }, ..USUAL };
    let mut line = line();
    shift.run(&mut line);
    let snapshot = line.twin.snapshot().unwrap();
    let restored = Twin::restore(line.twin.plant().clone(), &snapshot).unwrap();
    assert_eq!(restored.snapshot().unwrap(), snapshot);
}
