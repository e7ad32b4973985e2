use genealogy::{Common, Recent};
use plant::{Cause, Priority, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, LinkId, Timestamp};

use crate::{Evidence, Handling, Intervention, TimeToLimit};

/// The state of an incident, by the letters of ISA-18.2-2016, figure 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IncidentState {
    /// B: there, nobody has seen it.
    Unacknowledged,
    /// C: there, somebody has taken it on.
    Acknowledged,
    /// D: no longer there, nobody has seen it.
    ReturnedUnacknowledged,
    /// G: not shown for a while, because somebody wants that.
    Shelved,
    /// H: not shown by design, while the plant is in a state where it says nothing.
    Suppressed,
    /// I: not shown until somebody says so, because the place is being maintained.
    OutOfService,
    /// A: no longer there, and seen or not to be shown. The incident is over.
    Closed,
}

impl IncidentState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::Shelved,
        Self::Suppressed,
        Self::OutOfService,
        Self::Closed,
    ];

    /// The state's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned-unacknowledged",
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out-of-service",
            Self::Closed => "closed",
        }
    }

    /// Whether it is there and kept from view.
    pub const fn is_hidden(self) -> bool {
        matches!(self, Self::Shelved | Self::Suppressed | Self::OutOfService)
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
    /// How people and the plant's rules have dealt with it.
    pub handling: Handling,
}

impl Incident {
    /// The most likely cause.
    pub fn cause(&self) -> Cause {
        self.causes[0].cause
    }

    /// Sets the state to what follows from the rest, for an incident that is not over.
    pub(crate) fn settle(&mut self) {
        let Handling { shelved, suppressed, out_of_service, .. } = &self.handling;
        self.state = match (out_of_service, suppressed, shelved) {
            (Some(_), _, _) => IncidentState::OutOfService,
            (None, Some(_), _) => IncidentState::Suppressed,
            (None, None, Some(_)) => IncidentState::Shelved,
            (None, None, None) => match (self.returned, &self.acknowledged) {
                (None, None) => IncidentState::Unacknowledged,
                (None, Some(_)) => IncidentState::Acknowledged,
                (Some(_), None) => IncidentState::ReturnedUnacknowledged,
                (Some(_), Some(_)) => IncidentState::Closed,
            },
        };
    }
}
