//! What machines say themselves, beside what the twin finds.

use std::sync::Arc;

use alarms::Priority;
use plant::{DataType, Role, Signal};
use telemetry::{Event, Sample, SignalId, Symbol, Value};
use twin::{Output, Twin};

use crate::tiny::*;

/// The line with the alarms `hot` and `door` at the weld station; of the first it is said more.
struct Machine {
    line: Line,
    hot: SignalId,
    message: SignalId,
    severity: SignalId,
    door: SignalId,
}

impl Machine {
    fn new() -> Self {
        let mut plant = (*plant()).clone();
        let mut add = |name: &str, role, data_type| {
            let id = SignalId(plant.signals.len() as u32);
            let path = format!("{}/{name}", plant.stations[WELD.index()].name);
            let like = plant.signals[WELD_ACTIVE.index()].clone();
            plant.signals.push(Signal { id, path, role, data_type, ..like });
            id
        };
        let hot = add("hot", Role::MachineAlarm, DataType::Bool);
        let message = add("hot.message", Role::AlarmMessage, DataType::Text);
        let severity = add("hot.severity", Role::AlarmSeverity, DataType::U16);
        let door = add("door", Role::MachineAlarm, DataType::Text);
        let mut line = Line { twin: Twin::new(Arc::new(plant)) };
        line.take(0.0, up(PLC));
        Self { line, hot, message, severity, door }
    }

    fn says(&mut self, seconds: f64, values: &[(SignalId, Value)]) -> Vec<Output> {
        let sample = |&(signal, value): &(SignalId, Value)| Sample { signal, value, ..yes(WELD_ACTIVE, seconds) };
        self.line.take(seconds, batch(PLC, values.iter().map(sample).collect()))
    }
}

fn text(text: &str) -> Value {
    Value::Symbol(Symbol::new(text).unwrap())
}

#[test]
fn an_alarm_of_a_machine_is_an_incident_as_long_as_it_stands() {
    let mut machine = Machine::new();
    let Machine { hot, message, severity, .. } = machine;
    assert_eq!(incidents(&machine.says(1.0, &[(hot, Value::Boolean(false))])), [""; 0]);
    let begin = [(message, text("Transformer hot")), (severity, Value::Integer(700)), (hot, Value::Boolean(true))];
    assert_eq!(incidents(&machine.says(2.0, &begin)), ["raised machine-alarm"]);
    let incident = machine.line.twin.open_incidents().next().unwrap().clone();
    assert_eq!((incident.station, incident.priority, incident.onset), (Some(WELD), Priority::Medium, at(2.0)));
    assert_eq!((incident.evidence[0].note.as_str(), incident.evidence[0].statistic), ("Transformer hot", 700.0));
    assert_eq!(incidents(&machine.says(3.0, &begin)), [""; 0], "a device that is polled says it again and again");
    // Nobody can say that it is over.
    machine.line.take(4.0, down(PLC));
    machine.line.take(5.0, up(PLC));
    assert_eq!(incidents(&machine.line.take(6.0, Event::Tick)), [""; 0]);
    assert_eq!(incidents(&machine.line.take(7.0, acknowledge(incident.id))), ["acknowledged machine-alarm"]);
    let worse = machine.says(8.0, &[(severity, Value::Integer(900)), (hot, Value::Boolean(true))]);
    assert_eq!(incidents(&worse), ["re-alarmed machine-alarm"], "it is more urgent now");
    machine.line.take(9.0, acknowledge(incident.id));
    let end = [(hot, Value::Boolean(false)), (message, text("")), (severity, Value::Integer(0))];
    assert_eq!(incidents(&machine.says(10.0, &end)), ["closed machine-alarm"]);
    assert_eq!(incidents(&machine.says(11.0, &begin)), ["raised machine-alarm"]);
}

#[test]
fn each_alarm_of_a_machine_is_an_incident_of_its_own() {
    let mut machine = Machine::new();
    let Machine { hot, door, .. } = machine;
    assert_eq!(incidents(&machine.says(1.0, &[(hot, Value::Boolean(true))])), ["raised machine-alarm"]);
    assert_eq!(incidents(&machine.says(2.0, &[(door, text("Door open"))])), ["raised machine-alarm"]);
    let open: Vec<_> = machine.line.twin.open_incidents().map(|incident| incident.evidence[0].note.clone()).collect();
    assert_eq!(open, ["", "Door open"]);
    assert_eq!(incidents(&machine.says(3.0, &[(door, text("Door still open"))])), [""; 0]);
    assert_eq!(incidents(&machine.says(4.0, &[(door, text(""))])), ["returned machine-alarm"]);
    assert_eq!(machine.line.twin.open_incidents().filter(|incident| incident.returned.is_none()).count(), 1);
}

#[test]
fn a_snapshot_remembers_what_stands() {
    let mut machine = Machine::new();
    let hot = machine.hot;
    machine.says(1.0, &[(hot, Value::Boolean(true))]);
    let snapshot = machine.line.twin.snapshot().unwrap();
    let plant = machine.line.twin.plant().clone();
    machine.line.twin = Twin::restore(plant, &snapshot).unwrap();
    assert_eq!(incidents(&machine.says(2.0, &[(hot, Value::Boolean(true))])), [""; 0]);
    assert_eq!(incidents(&machine.says(3.0, &[(hot, Value::Boolean(false))])), ["returned machine-alarm"]);
}
