use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{InterventionKind, LinkId, Quality, SignalId, Timestamp, Value};

/// One entry of the input log: the only thing that can change the twin.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Position in the log; each input's is one more than its predecessor's.
    pub sequence: u64,
    /// When the shell received it. The twin's clock; it can step back when the host's clock does.
    pub received: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What an [`Input`] says happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Values arrived over a link.
    Samples(SampleBatch),
    /// A link changed its state.
    Link {
        /// The link.
        link: LinkId,
        /// The state it is in from now on.
        state: LinkState,
    },
    /// An operator wants something.
    Command(Command),
    /// Time has passed.
    Tick,
}

impl Event {
    /// The values that arrived; none if something else happened.
    pub fn samples(&self) -> &[Sample] {
        match self {
            Self::Samples(batch) => &batch.samples,
            Self::Link { .. } | Self::Command(_) | Self::Tick => &[],
        }
    }
}

/// Values that arrived together over one link.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleBatch {
    /// The link they came over.
    pub link: LinkId,
    /// The values, in the order the device gave them. Source times need not be sorted.
    pub samples: Vec<Sample>,
}

/// One signal's value at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The signal.
    pub signal: SignalId,
    /// When the value was true, by the source's clock; by ours where the protocol carries no time.
    pub source_time: Timestamp,
    /// The value, scaled to the signal's unit.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
}

/// Whether a link delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkState {
    /// Connected and delivering.
    Up,
    /// Not delivering.
    Down {
        /// Why, in words for a person: what failed, where, and what was expected.
        reason: String,
    },
}

/// What an operator wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who asks.
    pub by: String,
    /// What is asked.
    pub action: CommandAction,
    /// What the operator adds; may be empty.
    pub comment: String,
}

/// The actions an operator can ask for. Places are named, so that a recording is read under a newer configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandAction {
    /// Something about an incident.
    OnIncident {
        /// The incident.
        incident: IncidentId,
        /// What.
        action: IncidentAction,
    },
    /// "This was done here": what stood before may say nothing of what comes.
    ReportIntervention {
        /// Where: the name of a station, or the path of a signal for what concerns only that.
        place: String,
        /// What was done.
        kind: InterventionKind,
        /// When it was done, if that was not just now.
        done: Option<Timestamp>,
    },
    /// "No alerts from here until I say so": the place is being maintained.
    RemoveFromService {
        /// Where: the name of a station or link, or `station/name` of a signal or feature.
        place: String,
    },
    /// "It is maintained": alerts from here again.
    PlaceInService {
        /// Where, as it was removed.
        place: String,
    },
}

/// What an operator can do about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentAction {
    /// "I have seen it and take it on."
    Acknowledge,
    /// "Do not show it for a while."
    Shelve(Shelf),
    /// "Show it again."
    Unshelve,
    /// "This is worth knowing of it"; it stands in the command's comment.
    Comment,
    /// "There is something wrong, as it says."
    MarkTrue,
    /// "Nothing is wrong."
    MarkFalse,
    /// "We did this": what is different is meant to be so.
    MarkPlanned(InterventionKind),
}

/// For how long an incident is shelved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shelf {
    /// Until it is no longer there.
    Once,
    /// For some seconds from the moment that the command is received.
    ForSeconds(u32),
    /// Until that time.
    Until(Timestamp),
}

/// An incident's identity: the input that raised it, and which one of those raised by that input.
///
/// Written `412-0`. Derived from the log, so that a replay gives the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId {
    /// Sequence number of the input that raised the incident.
    pub sequence: u64,
    /// 0 for the first incident raised by that input, 1 for the second, …
    pub ordinal: u16,
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sequence, self.ordinal)
    }
}

impl FromStr for IncidentId {
    type Err = NotAnIncidentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (sequence, ordinal) = text.split_once('-')?;
            Some(Self { sequence: sequence.parse().ok()?, ordinal: ordinal.parse().ok()? })
        };
        parse().ok_or_else(|| NotAnIncidentId(text.to_owned()))
    }
}

/// A text that is no incident id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnIncidentId(String);

impl fmt::Display for NotAnIncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an incident id; one looks like 412-0", self.0)
    }
}

impl std::error::Error for NotAnIncidentId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_id_reads_what_it_prints() {
        let id = IncidentId { sequence: 412, ordinal: 3 };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("412".parse::<IncidentId>().is_err());
        assert!("-1-0".parse::<IncidentId>().is_err());
    }
}
