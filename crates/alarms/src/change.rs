use serde::{Deserialize, Serialize};

/// How an incident changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Change {
    /// It asks for attention: it is new, or came again after it was closed.
    Raised,
    /// More speaks for it, its cause ranks differently, or it came again before it was closed.
    Updated,
    /// Somebody took it on.
    Acknowledged,
    /// It is no longer there.
    Returned,
    /// It is no longer there, and somebody has seen it or it was not to be shown.
    Closed,
    /// Somebody does not want to see it for a while.
    Shelved,
    /// It is shown again, and asks again.
    Unshelved,
    /// The plant is in a state where it is not shown.
    Suppressed,
    /// The plant is in such a state no longer.
    Unsuppressed,
    /// All that shows it is being maintained.
    RemovedFromService,
    /// What shows it is in service again, and it asks again.
    PlacedInService,
    /// Somebody added something.
    Commented,
    /// Somebody said whether it is true.
    Judged,
    /// Nobody has acknowledged it, and others are told.
    Escalated,
    /// It was acknowledged long ago and is still there, or has become more urgent since: it asks again.
    ReAlarmed,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 15] = [
        Self::Raised,
        Self::Updated,
        Self::Acknowledged,
        Self::Returned,
        Self::Closed,
        Self::Shelved,
        Self::Unshelved,
        Self::Suppressed,
        Self::Unsuppressed,
        Self::RemovedFromService,
        Self::PlacedInService,
        Self::Commented,
        Self::Judged,
        Self::Escalated,
        Self::ReAlarmed,
    ];

    /// The change's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Acknowledged => "acknowledged",
            Self::Returned => "returned",
            Self::Closed => "closed",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
            Self::Suppressed => "suppressed",
            Self::Unsuppressed => "unsuppressed",
            Self::RemovedFromService => "removed-from-service",
            Self::PlacedInService => "placed-in-service",
            Self::Commented => "commented",
            Self::Judged => "judged",
            Self::Escalated => "escalated",
            Self::ReAlarmed => "re-alarmed",
        }
    }
}
