use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::InterventionKind;

use crate::StationState;

/// What a station's time goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Work on a part.
    Working,
    /// A part is on its way in, as long as that usually takes: part of production, for the design cycle holds it.
    Handover,
    /// Nothing that a customer pays for.
    Lost(Loss),
}

/// Where time is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Loss {
    /// The station was not seen: nothing is known of that time.
    Unseen,
    /// A break, or time between shifts, in which it did not work.
    Break,
    /// Stopped with a fault of its own; what was reported or seen to be done there meanwhile.
    Down(Option<InterventionKind>),
    /// Held back by something of its own, though a part was there; what was reported or seen to be done there meanwhile.
    Held(Option<InterventionKind>),
    /// Set up for another variant.
    Changeover,
    /// Not at work, and not known why.
    Idle,
    /// No part came, because of that source: the root of the chain, not the neighbour.
    Starved(Source),
    /// The part was not taken, because of that source: the root of the chain, not the neighbour.
    Blocked(Source),
}

/// Who lets a station wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// The supply of parts at the start of the line.
    Supply,
    /// A station or a buffer.
    Station(StationId),
}

impl Activity {
    /// Whether the station is active in the sense of the active period method: it does not wait for others, so that it
    /// is what others may wait for. Setting up, being mended and being held count as active.
    ///
    /// Roser, Nakano, Tanaka, "A practical bottleneck detection method", Winter Simulation Conference 2001.
    pub fn is_active(self) -> bool {
        match self {
            Self::Working | Self::Handover => true,
            Self::Lost(Loss::Down(_) | Loss::Held(_) | Loss::Changeover) => true,
            Self::Lost(Loss::Unseen | Loss::Break | Loss::Idle | Loss::Starved(_) | Loss::Blocked(_)) => false,
        }
    }

    /// The state that a person sees; `watched` is what the station's own signals say, which a handover leaves as it is.
    pub(crate) fn state(self, watched: StationState) -> StationState {
        match self {
            Self::Working => StationState::Running,
            Self::Handover => watched,
            Self::Lost(Loss::Unseen) => StationState::Unknown,
            Self::Lost(Loss::Break) => StationState::NotScheduled,
            Self::Lost(Loss::Down(_)) => StationState::Down,
            Self::Lost(Loss::Held(_)) => StationState::Held,
            Self::Lost(Loss::Changeover) => StationState::Changeover,
            Self::Lost(Loss::Idle) => StationState::Idle,
            Self::Lost(Loss::Starved(_)) => StationState::Starved,
            Self::Lost(Loss::Blocked(_)) => StationState::Blocked,
        }
    }

    /// What was done at the station while it stood, if that was reported or seen.
    pub fn reason(self) -> Option<InterventionKind> {
        match self {
            Self::Lost(Loss::Down(reason) | Loss::Held(reason)) => reason,
            _ => None,
        }
    }
}
