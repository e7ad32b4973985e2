//! What stands in the frames. Version 3; the order of fields and of variants is the format, so a change of either is a
//! new version. A variant added at the end of an enum needs one too, because older programs cannot read it; what was
//! written before is then read as it was. That is all that version 2 has over version 1, interventions, and version 3
//! over version 2: what else an operator can do about an incident, and service.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use telemetry::{
    Command, CommandAction, IncidentId, InterventionKind, LinkId, LinkState, Reason, Shelf, SignalId, Symbol, Timestamp,
};

use crate::RecordingHeader;

/// The format version that this program writes, and the newest that it reads.
pub(crate) const FORMAT_VERSION: u32 = 3;
/// The oldest format version that it reads.
pub(crate) const OLDEST_FORMAT_VERSION: u32 = 1;

/// How a header's payload starts, whatever its format version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Preamble<'a> {
    pub(crate) format_version: u32,
    pub(crate) program_version: &'a str,
}

/// The rest of a header's payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header<'a> {
    pub(crate) first_sequence: u64,
    created_ns: i64,
    #[serde(borrow)]
    signals: Vec<(u32, &'a str)>,
    links: Vec<(u16, &'a str)>,
    configuration: Vec<(&'a str, &'a str)>,
    overrides: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Input<'a> {
    sequence: u64,
    received_ns: i64,
    #[serde(borrow)]
    event: Event<'a>,
}

/// What an input tells. In a frame it stands in postcard's encoding; where a closed segment has no column for it, in JSON,
/// for which the texts can be borrowed or not: JSON escapes some of their characters.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Samples {
        link: u16,
        #[serde(borrow)]
        samples: Vec<Sample<'a>>,
    },
    LinkUp {
        link: u16,
    },
    LinkDown {
        link: u16,
        #[serde(borrow)]
        reason: Cow<'a, str>,
    },
    Acknowledge {
        #[serde(borrow)]
        by: Cow<'a, str>,
        incident_sequence: u64,
        incident_ordinal: u16,
        #[serde(borrow)]
        comment: Cow<'a, str>,
    },
    Tick,
    /// Since version 2.
    Intervention {
        #[serde(borrow)]
        by: Cow<'a, str>,
        #[serde(borrow)]
        place: Cow<'a, str>,
        /// The kind by its code.
        kind: u8,
        done_ns: Option<i64>,
        #[serde(borrow)]
        comment: Cow<'a, str>,
    },
    /// Since version 3. What an operator does about an incident besides acknowledging it.
    OnIncident {
        #[serde(borrow)]
        by: Cow<'a, str>,
        incident_sequence: u64,
        incident_ordinal: u16,
        action: IncidentAction,
        #[serde(borrow)]
        comment: Cow<'a, str>,
    },
    /// Since version 3.
    Service {
        #[serde(borrow)]
        by: Cow<'a, str>,
        #[serde(borrow)]
        place: Cow<'a, str>,
        is_in_service: bool,
        #[serde(borrow)]
        comment: Cow<'a, str>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IncidentAction {
    ShelveOnce,
    ShelveForSeconds(u32),
    ShelveUntilNs(i64),
    Unshelve,
    Comment,
    MarkTrue,
    MarkFalse,
    /// The kind of intervention by its code.
    MarkPlanned(u8),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sample<'a> {
    signal: u32,
    source_time_ns: i64,
    #[serde(borrow)]
    value: Value<'a>,
    quality: Quality,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Value<'a> {
    /// The number's bits, little-endian, so that every NaN comes back as it was.
    Float([u8; 8]),
    Integer(i64),
    Boolean(bool),
    Symbol(&'a str),
}

/// A reason by its code.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Quality {
    Good,
    Uncertain(u8),
    Bad(u8),
}

/// Why a decoded frame is no input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnInput {
    #[error("unknown quality reason {0}")]
    UnknownReason(u8),
    #[error("unknown kind of intervention {0}")]
    UnknownIntervention(u8),
    #[error(transparent)]
    SymbolTooLong(#[from] telemetry::SymbolTooLong),
}

impl<'a> From<&'a RecordingHeader> for Preamble<'a> {
    fn from(header: &'a RecordingHeader) -> Self {
        Self { format_version: FORMAT_VERSION, program_version: &header.program_version }
    }
}

impl<'a> Header<'a> {
    pub(crate) fn new(header: &'a RecordingHeader, first_sequence: u64) -> Self {
        Self {
            first_sequence,
            created_ns: header.created.as_nanos(),
            signals: header.signals.iter().map(|(id, path)| (id.0, path.as_str())).collect(),
            links: header.links.iter().map(|(id, name)| (id.0, name.as_str())).collect(),
            configuration: header.configuration.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect(),
            overrides: header.overrides.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        }
    }

    pub(crate) fn to_recording_header(&self, program_version: &str) -> RecordingHeader {
        let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
        RecordingHeader {
            program_version: program_version.to_owned(),
            created: Timestamp::from_nanos(self.created_ns),
            signals: self.signals.iter().map(|&(id, path)| (SignalId(id), path.to_owned())).collect(),
            links: self.links.iter().map(|&(id, name)| (LinkId(id), name.to_owned())).collect(),
            configuration: texts(&self.configuration),
            overrides: texts(&self.overrides),
        }
    }
}

impl<'a> From<&'a telemetry::Input> for Input<'a> {
    fn from(input: &'a telemetry::Input) -> Self {
        Self { sequence: input.sequence, received_ns: input.received.as_nanos(), event: (&input.event).into() }
    }
}

impl TryFrom<Input<'_>> for telemetry::Input {
    type Error = NotAnInput;

    fn try_from(input: Input<'_>) -> Result<Self, NotAnInput> {
        Ok(Self {
            sequence: input.sequence,
            received: Timestamp::from_nanos(input.received_ns),
            event: input.event.try_into()?,
        })
    }
}

impl<'a> From<&'a telemetry::Event> for Event<'a> {
    fn from(event: &'a telemetry::Event) -> Self {
        match event {
            telemetry::Event::Samples(batch) => {
                Self::Samples { link: batch.link.0, samples: batch.samples.iter().map(Sample::from).collect() }
            }
            telemetry::Event::Link { link, state: LinkState::Up } => Self::LinkUp { link: link.0 },
            telemetry::Event::Link { link, state: LinkState::Down { reason } } => {
                Self::LinkDown { link: link.0, reason: reason.into() }
            }
            telemetry::Event::Command(command) => command.into(),
            telemetry::Event::Tick => Self::Tick,
        }
    }
}

impl TryFrom<Event<'_>> for telemetry::Event {
    type Error = NotAnInput;

    fn try_from(event: Event<'_>) -> Result<Self, NotAnInput> {
        Ok(match event {
            Event::Samples { link, samples } => Self::Samples(telemetry::SampleBatch {
                link: LinkId(link),
                samples: samples.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            }),
            Event::LinkUp { link } => Self::Link { link: LinkId(link), state: LinkState::Up },
            Event::LinkDown { link, reason } => {
                Self::Link { link: LinkId(link), state: LinkState::Down { reason: reason.into_owned() } }
            }
            Event::Tick => Self::Tick,
            Event::Acknowledge { by, incident_sequence, incident_ordinal, comment } => {
                let incident = IncidentId { sequence: incident_sequence, ordinal: incident_ordinal };
                let action = CommandAction::OnIncident { incident, action: telemetry::IncidentAction::Acknowledge };
                command(by, action, comment)
            }
            Event::OnIncident { by, incident_sequence, incident_ordinal, action, comment } => {
                let incident = IncidentId { sequence: incident_sequence, ordinal: incident_ordinal };
                command(by, CommandAction::OnIncident { incident, action: action.try_into()? }, comment)
            }
            Event::Intervention { by, place, kind, done_ns, comment } => {
                let (place, kind) = (place.into_owned(), intervention_kind(kind)?);
                let done = done_ns.map(Timestamp::from_nanos);
                command(by, CommandAction::ReportIntervention { place, kind, done }, comment)
            }
            Event::Service { by, place, is_in_service, comment } => {
                let place = place.into_owned();
                let action = match is_in_service {
                    true => CommandAction::PlaceInService { place },
                    false => CommandAction::RemoveFromService { place },
                };
                command(by, action, comment)
            }
        })
    }
}

fn command(by: Cow<'_, str>, action: CommandAction, comment: Cow<'_, str>) -> telemetry::Event {
    telemetry::Event::Command(Command { by: by.into_owned(), action, comment: comment.into_owned() })
}

impl<'a> From<&'a Command> for Event<'a> {
    fn from(command: &'a Command) -> Self {
        let (by, comment) = ((&command.by).into(), (&command.comment).into());
        let service = |place: &'a String, is_in_service, by, comment| Self::Service {
            by,
            place: place.into(),
            is_in_service,
            comment,
        };
        match &command.action {
            CommandAction::OnIncident { incident, action } => {
                let (incident_sequence, incident_ordinal) = (incident.sequence, incident.ordinal);
                match IncidentAction::besides_acknowledge(*action) {
                    None => Self::Acknowledge { by, incident_sequence, incident_ordinal, comment },
                    Some(action) => Self::OnIncident { by, incident_sequence, incident_ordinal, action, comment },
                }
            }
            CommandAction::ReportIntervention { place, kind, done } => Self::Intervention {
                by,
                place: place.into(),
                kind: kind.code(),
                done_ns: done.map(Timestamp::as_nanos),
                comment,
            },
            CommandAction::RemoveFromService { place } => service(place, false, by, comment),
            CommandAction::PlaceInService { place } => service(place, true, by, comment),
        }
    }
}

impl IncidentAction {
    /// `None` for an acknowledgement, which has a frame of its own since version 1.
    fn besides_acknowledge(action: telemetry::IncidentAction) -> Option<Self> {
        Some(match action {
            telemetry::IncidentAction::Acknowledge => return None,
            telemetry::IncidentAction::Shelve(Shelf::Once) => Self::ShelveOnce,
            telemetry::IncidentAction::Shelve(Shelf::ForSeconds(seconds)) => Self::ShelveForSeconds(seconds),
            telemetry::IncidentAction::Shelve(Shelf::Until(until)) => Self::ShelveUntilNs(until.as_nanos()),
            telemetry::IncidentAction::Unshelve => Self::Unshelve,
            telemetry::IncidentAction::Comment => Self::Comment,
            telemetry::IncidentAction::MarkTrue => Self::MarkTrue,
            telemetry::IncidentAction::MarkFalse => Self::MarkFalse,
            telemetry::IncidentAction::MarkPlanned(kind) => Self::MarkPlanned(kind.code()),
        })
    }
}

impl TryFrom<IncidentAction> for telemetry::IncidentAction {
    type Error = NotAnInput;

    fn try_from(action: IncidentAction) -> Result<Self, NotAnInput> {
        Ok(match action {
            IncidentAction::ShelveOnce => Self::Shelve(Shelf::Once),
            IncidentAction::ShelveForSeconds(seconds) => Self::Shelve(Shelf::ForSeconds(seconds)),
            IncidentAction::ShelveUntilNs(until) => Self::Shelve(Shelf::Until(Timestamp::from_nanos(until))),
            IncidentAction::Unshelve => Self::Unshelve,
            IncidentAction::Comment => Self::Comment,
            IncidentAction::MarkTrue => Self::MarkTrue,
            IncidentAction::MarkFalse => Self::MarkFalse,
            IncidentAction::MarkPlanned(kind) => Self::MarkPlanned(intervention_kind(kind)?),
        })
    }
}

fn intervention_kind(code: u8) -> Result<InterventionKind, NotAnInput> {
    InterventionKind::from_code(code).ok_or(NotAnInput::UnknownIntervention(code))
}

impl<'a> From<&'a telemetry::Sample> for Sample<'a> {
    fn from(sample: &'a telemetry::Sample) -> Self {
        Self {
            signal: sample.signal.0,
            source_time_ns: sample.source_time.as_nanos(),
            value: (&sample.value).into(),
            quality: sample.quality.into(),
        }
    }
}

impl TryFrom<Sample<'_>> for telemetry::Sample {
    type Error = NotAnInput;

    fn try_from(sample: Sample<'_>) -> Result<Self, NotAnInput> {
        Ok(Self {
            signal: SignalId(sample.signal),
            source_time: Timestamp::from_nanos(sample.source_time_ns),
            value: sample.value.try_into()?,
            quality: sample.quality.try_into()?,
        })
    }
}

impl<'a> From<&'a telemetry::Value> for Value<'a> {
    fn from(value: &'a telemetry::Value) -> Self {
        match value {
            telemetry::Value::Float(number) => Self::Float(number.to_bits().to_le_bytes()),
            telemetry::Value::Integer(number) => Self::Integer(*number),
            telemetry::Value::Boolean(condition) => Self::Boolean(*condition),
            telemetry::Value::Symbol(symbol) => Self::Symbol(symbol.as_str()),
        }
    }
}

impl TryFrom<Value<'_>> for telemetry::Value {
    type Error = NotAnInput;

    fn try_from(value: Value<'_>) -> Result<Self, NotAnInput> {
        Ok(match value {
            Value::Float(bits) => Self::Float(f64::from_bits(u64::from_le_bytes(bits))),
            Value::Integer(number) => Self::Integer(number),
            Value::Boolean(condition) => Self::Boolean(condition),
            Value::Symbol(text) => Self::Symbol(Symbol::new(text)?),
        })
    }
}

impl From<telemetry::Quality> for Quality {
    fn from(quality: telemetry::Quality) -> Self {
        match quality {
            telemetry::Quality::Good => Self::Good,
            telemetry::Quality::Uncertain(reason) => Self::Uncertain(reason.code()),
            telemetry::Quality::Bad(reason) => Self::Bad(reason.code()),
        }
    }
}

impl TryFrom<Quality> for telemetry::Quality {
    type Error = NotAnInput;

    fn try_from(quality: Quality) -> Result<Self, NotAnInput> {
        let reason = |code| Reason::from_code(code).ok_or(NotAnInput::UnknownReason(code));
        Ok(match quality {
            Quality::Good => Self::Good,
            Quality::Uncertain(code) => Self::Uncertain(reason(code)?),
            Quality::Bad(code) => Self::Bad(reason(code)?),
        })
    }
}
