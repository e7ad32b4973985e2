use alarms::{Change, Incident};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{Input, Timestamp};
use twin::Output;

use crate::rim::{schema_tag, text};
use crate::{AlertV1, ChangeName, Message, TimeV1};

schema_tag!(EventSchema = "linetwin/event/v1");

/// One change of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventV1 {
    /// Version of this message.
    pub schema: EventSchema,
    /// What tells this event from every other, such as `412-0@2026-11-24T08:20:00.25Z`. One that comes again has the same:
    /// whoever has seen it drops it.
    #[serde(default)]
    pub id: String,
    /// Whether it is told late: it says what was, perhaps long ago, and calls nobody to act. Absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// Sequence number of the input that made the change, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// When that input was received.
    pub at: TimeV1,
    /// How the incident changed.
    pub change: ChangeName,
    /// Who changed it; absent if it came of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The incident after the change.
    pub alert: AlertV1,
}

/// Which output of the log an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSource {
    /// Sequence number of the input that made the change.
    pub sequence: u64,
    /// Which of the outputs that followed from it, from 0.
    pub ordinal: usize,
    /// When the input was received.
    pub at: Timestamp,
}

impl EventSource {
    /// Each output that followed from an input, with its source.
    pub fn each<'a>(input: &Input, outputs: &'a [Output]) -> impl Iterator<Item = (Self, &'a Output)> + use<'a> {
        let (sequence, at) = (input.sequence, input.received);
        outputs.iter().enumerate().map(move |(ordinal, output)| (Self { sequence, ordinal, at }, output))
    }

    /// The identity of the event. It has the time in it because another recording counts its inputs anew.
    fn id(self) -> String {
        format!("{}-{}@{}", self.sequence, self.ordinal, self.at)
    }
}

impl EventV1 {
    /// The event of a change.
    pub fn new(change: Change, incident: &Incident, plant: &Plant, source: EventSource) -> Self {
        let step = incident.handling.history.last().filter(|step| step.change == change);
        Self {
            schema: EventSchema::V1,
            id: source.id(),
            history: false,
            sequence: Some(source.sequence),
            at: source.at.into(),
            change: change.into(),
            by: step.and_then(|step| step.by.clone()),
            comment: step.and_then(|step| text(&step.comment)),
            alert: AlertV1::new(incident, plant),
        }
    }

    /// The same event, told late.
    pub fn told_late(self) -> Self {
        Self { history: true, ..self }
    }
}

impl Message for EventV1 {}

/// The lines that a replay and the live daemon write to their alert files for what followed from an input: for each output that
/// is about an incident an [`EventV1`] and a line end.
pub fn alert_lines<'a>(
    outputs: &'a [Output],
    plant: &'a Plant,
    input: &Input,
) -> impl Iterator<Item = String> + use<'a> {
    EventSource::each(input, outputs).filter_map(move |(source, output)| alert_line(output, plant, source))
}

fn alert_line(output: &Output, plant: &Plant, source: EventSource) -> Option<String> {
    let Output::Incident { change, incident } = output else { return None };
    let mut line = EventV1::new(*change, incident, plant, source).to_json();
    line.push('\n');
    Some(line)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, at, incident, plant, tool_dress};

    #[test]
    fn an_alert_line_is_one_event_and_stays_the_same_to_the_byte() {
        let output = Output::Incident { change: Change::Raised, incident: Box::new(incident()) };
        let source = EventSource { sequence: 412, ordinal: 1, at: at("2026-11-24T08:20:00.25Z") };
        let line = alert_line(&output, &plant(), source).unwrap();
        assert_valid("event-v1", &line);
        let event: EventV1 = serde_json::from_str(&line).unwrap();
        assert_eq!(event.to_json() + "\n", line);
        let expected = concat!(
            r#"{"schema":"linetwin/event/v1","id":"412-1@2026-11-24T08:20:00.25Z","sequence":412,"at":"2026-11-24T08:20:00.25Z","change":"raised","#,
            r#""alert":{"schema":"linetwin/alert/v1","id":"412-0","state":"unacknowledged","priority":"medium","#,
            r#""enterprise":"acme","site":"ulm","area":"body","line":"line-1","station":"weld-20","#,
            r#""station_kind":"spot-weld","headline":"weld-20: weld resistance falling since 08:14 UTC, electrode wear "#,
            r#"likely (78 %); limit in about 25 min, 18 to 40","cause":{"name":"electrode-wear","title":"electrode wear","#,
            r#""share":0.78},"rivals":[{"name":"sheet-material","title":"changed sheet or fit-up","share":0.22}],"#,
            r#""advice":"Dress the caps in the next gap, or change them if they have been dressed to the end. Check the "#,
            r#"nugget of the next part (peel or ultrasonic test) and the parts since the onset.","#,
            r#""onset":"2026-11-24T08:14:30Z","raised":"2026-11-24T08:20:00Z","updated":"2026-11-24T08:20:00Z","#,
            r#""time_to_limit_s":1502.0,"time_to_limit_earliest_s":1080.0,"time_to_limit_latest_s":2460.0,"affected":[],"#,
            r#""evidence":[{"station":"weld-20","name":"weld resistance","#,
            r#""unit":"µΩ","variant":"EV1","part":"P-000317","direction":"down","value":168.5,"baseline":182.0,"#,
            r#""sigma":4.5,"baseline_cycles":120,"deviation_sigma":-3.0,"detector":"mean-shift","statistic":9.25,"#,
            r#""threshold":7.5,"false_alarms_per_shift":0.015625,"onset":"2026-11-24T08:14:30Z"}]}}"#,
            "\n"
        );
        assert_eq!(line, expected);
        let late = event.told_late().to_json();
        assert_valid("event-v1", &late);
        assert_eq!(late.replace(r#","history":true"#, "") + "\n", line);
    }

    #[test]
    fn other_outputs_make_no_line() {
        let output = Output::Intervention(tool_dress());
        let source = EventSource { sequence: 1, ordinal: 0, at: Timestamp::EPOCH };
        assert_eq!(alert_line(&output, &plant(), source), None);
    }
}
