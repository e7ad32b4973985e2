use genealogy::{Common, Recent};
use plant::{Cause, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, LinkId, Timestamp};

use crate::{Evidence, Intervention, TimeToLimit};

/// The state of an incident, after ISA-18.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IncidentState {
    /// ISA-18.2 B: there, nobody has seen it.
    Unacknowledged,
    /// ISA-18.2 C: there, somebody has taken it on.
    Acknowledged,
    /// ISA-18.2 D: no longer there, nobody has seen it.
    ReturnedUnacknowledged,
    /// ISA-18.2 A: no longer there, and seen. The incident is over.
    Closed,
}

impl IncidentState {
    /// The state's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned-unacknowledged",
            Self::Closed => "closed",
        }
    }
}

/// How soon somebody should act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// In this shift.
    Low,
    /// Within the hour.
    Medium,
    /// Now: a limit is crossed or will be within minutes, or the twin is blind.
    High,
}

impl Priority {
    /// The priority's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A cause and how much of the evidence speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RankedCause {
    /// The cause.
    pub cause: Cause,
    /// Its share of the evidence's weight, 0 to 1; those of an incident sum to 1.
    pub share: f64,
}

/// Who took an incident on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they added; may be empty.
    pub comment: String,
}

/// One thing that is wrong, with all that speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its identity.
    pub id: IncidentId,
    /// Where it is in its life.
    pub state: IncidentState,
    /// How soon somebody should act.
    pub priority: Priority,
    /// Where the cause is to be mended; `None` for a link.
    pub station: Option<StationId>,
    /// The link, if the cause is one.
    pub link: Option<LinkId>,
    /// The possible causes, most likely first; never empty.
    pub causes: Vec<RankedCause>,
    /// Other stations that show it.
    pub affected: Vec<StationId>,
    /// What speaks for it: one entry a source, in the order they came.
    pub evidence: Vec<Evidence>,
    /// When it began, as far as the detectors can tell.
    pub onset: Timestamp,
    /// When it was raised.
    pub raised: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// How long from `updated` until the first limit is crossed if it goes on like this.
    pub time_to_limit: Option<TimeToLimit>,
    /// Who took it on.
    pub acknowledged: Option<Acknowledgement>,
    /// When it went away.
    pub returned: Option<Timestamp>,
    /// The intervention that ended it, if it did not go away by itself.
    pub ended_by: Option<Intervention>,
    /// What was done at its stations and their utilities shortly before they showed it, the latest last.
    pub recent_interventions: Vec<Intervention>,
    /// Lots, tools and programs that its stations had come to use when they first showed it, by time.
    pub recent_changes: Vec<Recent>,
    /// What the cycles that show it have in common, the strongest first.
    pub in_common: Vec<Common>,
}

impl Incident {
    /// The most likely cause.
    pub fn cause(&self) -> Cause {
        self.causes[0].cause
    }
}
