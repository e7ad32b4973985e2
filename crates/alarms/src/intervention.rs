use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{InterventionKind, SignalId, Timestamp};

/// Something was done at a station that changes, or may change, what is normal there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervention {
    /// What was done.
    pub kind: InterventionKind,
    /// The station.
    pub station: StationId,
    /// The signal, if it concerns only what is measured by that.
    pub signal: Option<SignalId>,
    /// When it was done.
    pub at: Timestamp,
    /// Who reported it; `None` if the twin saw it by itself.
    pub by: Option<String>,
    /// What they added; may be empty.
    pub comment: String,
}
