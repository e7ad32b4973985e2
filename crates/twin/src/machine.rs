//! What the machines themselves say is wrong. Each of their alarms is an incident as long as it stands.

use alarms::{Detector, Evidence, Source, Verdict};
use plant::{Cause, Plant, Role, Signal};
use serde::{Deserialize, Serialize};
use telemetry::{SignalId, Symbol, Timestamp, Value};

use crate::twin::{Step, Twin};

/// The lowest severity that OPC UA knows: an alarm is one from there on.
const SEVERITY_MIN: f64 = 1.0;
/// The severity of an alarm that the machine says none of: the middle.
const SEVERITY_UNSAID: f64 = 500.0;

/// The signals of one of a machine's alarms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineAlarm {
    signal: SignalId,
    message: Option<SignalId>,
    severity: Option<SignalId>,
}

impl MachineAlarm {
    /// Whether the signal says something of this alarm.
    pub(crate) fn is_said_by(&self, signal: SignalId) -> bool {
        self.signal == signal || [self.message, self.severity].contains(&Some(signal))
    }
}

/// The alarms of a plant's machines, each with the signals that are called as it and say more of it.
pub(crate) fn machine_alarms(plant: &Plant) -> Vec<MachineAlarm> {
    let more = |alarm: &Signal, role: Role| {
        let name = alarm.path.clone() + role.of_alarm()?;
        plant.signals.iter().find(|signal| signal.role == role && signal.path == name).map(|signal| signal.id)
    };
    let alarms = plant.signals.iter().filter(|signal| signal.role == Role::MachineAlarm);
    let bound = alarms.map(|alarm| MachineAlarm {
        signal: alarm.id,
        message: more(alarm, Role::AlarmMessage),
        severity: more(alarm, Role::AlarmSeverity),
    });
    bound.collect()
}

/// An alarm that stands, as it was last told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct StandingAlarm {
    since: Timestamp,
    severity: f64,
    message: Option<Symbol>,
}

impl StandingAlarm {
    /// The clock was put back to `now`: nothing began later.
    pub(crate) fn put_back(&mut self, now: Timestamp) {
        self.since = self.since.min(now);
    }
}

impl Twin {
    /// A machine has said something of one of its alarms. One that is no longer heard of stands until the machine says that it
    /// is over.
    pub(crate) fn machine_alarm(&mut self, place: usize, at: Timestamp, step: &mut Step<'_>) {
        let alarm = self.model.alarms[place];
        let Some(value) = self.usable(alarm.signal) else { return };
        let source = Source::Machine { station: self.model.plant.signal(alarm.signal).station, signal: alarm.signal };
        let known = self.state.alarms[place];
        if !is_on(value) {
            self.state.alarms[place] = None;
            if known.is_some() {
                self.clear(source, at, None, step);
            }
            return;
        }
        let severity = alarm.severity.and_then(|signal| self.usable(signal)?.as_f64());
        let standing = StandingAlarm {
            since: known.map_or(at, |known| known.since),
            severity: severity.filter(|severity| *severity >= SEVERITY_MIN).unwrap_or(SEVERITY_UNSAID),
            message: alarm.message.and_then(|signal| text(self.usable(signal)?)).or(text(value)),
        };
        if known != Some(standing) {
            self.state.alarms[place] = Some(standing);
            self.raise(self.says(source, alarm.signal, standing, at), step);
        }
    }

    /// The value that a signal has now, if it can be believed.
    fn usable(&self, signal: SignalId) -> Option<Value> {
        let sample = self.state.signals[signal.index()]?;
        sample.quality.is_usable().then_some(sample.value)
    }

    fn says(&self, source: Source, signal: SignalId, standing: StandingAlarm, at: Timestamp) -> Verdict {
        let name = self.model.plant.signal(signal).path.clone();
        let severity = [standing.severity, SEVERITY_MIN];
        let evidence = Evidence {
            note: standing.message.map(|message| message.to_string()).unwrap_or_default(),
            ..Evidence::without_baseline(source, name, Detector::MachineAlarm, severity, standing.since)
        };
        Verdict::of_one_cause(at, Cause::MachineAlarm, evidence)
    }
}

/// Whether an alarm with that value stands: it is true, a code other than 0, or a text.
fn is_on(value: Value) -> bool {
    match value {
        Value::Symbol(text) => !text.as_str().is_empty(),
        number => number.as_f64().is_some_and(|number| number != 0.0),
    }
}

/// The value as a text, if it is one that says something.
fn text(value: Value) -> Option<Symbol> {
    match value {
        Value::Symbol(text) if !text.as_str().is_empty() => Some(text),
        _ => None,
    }
}
