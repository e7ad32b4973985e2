use alarms::{Change, Incident};
use contract::{AlertV1, CommandReplyV1, EventSource, EventV1, ForecastV1, Message, RecordingV1, ShiftV1};
use plant::Plant;
use telemetry::{IncidentId, Timestamp};
use twin::Output;

/// Something to be told, in its final words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publication {
    /// What is retained of an incident from now on.
    Alert {
        /// The incident.
        incident: IncidentId,
        /// An [`AlertV1`]; nothing once the incident is closed.
        content: Option<String>,
    },
    /// What is retained of a report from now on.
    Report {
        /// Which.
        report: Report,
        /// A [`ShiftV1`], a [`ForecastV1`] or a [`RecordingV1`].
        content: String,
    },
    /// A change of an incident.
    Event(Event),
    /// The answer to a command.
    Reply(CommandReplyV1),
}

/// An event in its final words, and what is to be known of it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its identity.
    pub id: String,
    /// When the input that made it was received.
    pub at: Timestamp,
    /// An [`EventV1`].
    pub content: String,
}

impl From<&EventV1> for Event {
    fn from(event: &EventV1) -> Self {
        Self { id: event.id.clone(), at: event.at.0, content: event.to_json() }
    }
}

/// What is told of the line again and again; only the latest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// What the last shift came to.
    Shift,
    /// What the shift under way may come to.
    Forecast,
    /// Whether the daemon can record.
    Recording,
}

impl Report {
    /// The last level of its topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Forecast => "forecast",
            Self::Recording => "recording",
        }
    }
}

impl Publication {
    /// What is to be told of an output.
    pub fn from_output(output: &Output, plant: &Plant, source: EventSource) -> Vec<Self> {
        let mut publications = Vec::new();
        if let Output::Incident { change, incident } = output {
            let event = EventV1::new(*change, incident, plant, source);
            let content = (*change != Change::Closed).then(|| event.alert.to_json());
            publications.push(Self::Alert { incident: incident.id, content });
            publications.push(Self::Event((&event).into()));
        }
        publications.extend(Self::from_shift(output, plant));
        publications.extend(CommandReplyV1::from_output(output).map(Self::Reply));
        publications
    }

    /// What is retained of a shift that is over.
    pub fn from_shift(output: &Output, plant: &Plant) -> Option<Self> {
        let Output::Shift(report) = output else { return None };
        Some(Self::Report { report: Report::Shift, content: ShiftV1::new(report, plant).to_json() })
    }

    /// What is retained of a forecast.
    pub fn from_forecast(forecast: &ForecastV1) -> Self {
        Self::Report { report: Report::Forecast, content: forecast.to_json() }
    }

    /// What is retained of the recording.
    pub fn from_recording(recording: &RecordingV1) -> Self {
        Self::Report { report: Report::Recording, content: recording.to_json() }
    }

    /// What is retained of an incident that is already open when the notifier starts.
    pub fn from_open(incident: &Incident, plant: &Plant) -> Self {
        Self::Alert { incident: incident.id, content: Some(AlertV1::new(incident, plant).to_json()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alarms::{Acknowledgement, IncidentState, Priority, RankedCause};
    use plant::{Cause, Detection};
    use telemetry::{Command, CommandAction, IncidentAction};

    use super::*;

    const SOURCE: EventSource = EventSource { sequence: 500, ordinal: 0, at: Timestamp::EPOCH };

    fn plant() -> Plant {
        Plant {
            enterprise: "acme".into(),
            site: "ulm".into(),
            area: "body".into(),
            line: "line-1".into(),
            detection: Detection { false_alarms_per_shift: 1.0, warm_up_cycles: 30, ..Detection::default() },
            ..Plant::default()
        }
    }

    fn incident() -> Incident {
        let at = Timestamp::from_millis(1_800_000_000_000);
        Incident {
            id: IncidentId { sequence: 412, ordinal: 0 },
            state: IncidentState::Acknowledged,
            priority: Priority::Low,
            station: None,
            link: None,
            causes: vec![RankedCause { cause: Cause::LinkLoss, share: 1.0 }],
            affected: Vec::new(),
            evidence: Vec::new(),
            onset: at,
            raised: at,
            updated: at,
            time_to_limit: None,
            acknowledged: Some(Acknowledgement { by: "lead".into(), at, comment: String::new() }),
            returned: None,
            ended_by: None,
            recent_interventions: Vec::new(),
            recent_changes: Vec::new(),
            in_common: Vec::new(),
            handling: alarms::Handling::default(),
        }
    }

    fn check(output: &Output, expected: &[&str]) {
        let schema = |content: &str| content.split('"').nth(3).unwrap().to_owned();
        let told: Vec<_> = Publication::from_output(output, &plant(), SOURCE)
            .into_iter()
            .map(|publication| match publication {
                Publication::Alert { content: None, .. } => "clear".to_owned(),
                Publication::Alert { content: Some(content), .. }
                | Publication::Event(Event { content, .. })
                | Publication::Report { content, .. } => schema(&content),
                Publication::Reply(reply) => schema(&reply.to_json()),
            })
            .collect();
        assert_eq!(told, expected, "{output:?}");
    }

    #[test]
    fn an_incident_is_retained_told_and_answered() {
        let (alert, event, reply) = ("linetwin/alert/v1", "linetwin/event/v1", "linetwin/command-reply/v1");
        let changed = |change| Output::Incident { change, incident: Box::new(incident()) };
        check(&changed(Change::Raised), &[alert, event]);
        check(&changed(Change::Acknowledged), &[alert, event]);
        check(&changed(Change::Closed), &["clear", event]);
        let action = CommandAction::OnIncident { incident: incident().id, action: IncidentAction::Acknowledge };
        let command = Command { by: "lead".into(), action, comment: String::new() };
        check(&Output::Command { command, refused: Some("closed".into()) }, &[reply]);
        let open = Publication::from_open(&incident(), &plant());
        assert_eq!(Publication::from_output(&changed(Change::Updated), &plant(), SOURCE)[0], open);
    }
}
