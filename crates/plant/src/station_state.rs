use serde::{Deserialize, Serialize};

/// What a station is doing, after the states of PackML (ISA-TR88.00.02-2015) as far as signals can tell them.
///
/// PackML's transient states (starting, completing, resetting, …) last shorter than a plant's signals are read and belong
/// to the state that they lead to. `docs/kpi.md` has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StationState {
    /// Not known: its link is down, or it has not been heard of yet. No row of PackML.
    Unknown,
    /// Working on a part. PackML: Execute.
    Running,
    /// Ready, but no part has come. PackML: Suspended, by what is upstream.
    Starved,
    /// Done, but its part has not been taken. PackML: Suspended, by what is downstream.
    Blocked,
    /// Stopped with a fault of its own. PackML: Aborted.
    Down,
    /// Ready, and a part has come, but something of its own holds it back longer than usual: its tool is serviced, a
    /// person is waited for. PackML: Held.
    Held,
    /// It is set up for another variant. PackML: Held, in a unit mode of its own.
    Changeover,
    /// Seen, and not at work, and not known what it waits for: it has had no cycle since it came into sight. PackML: Idle.
    Idle,
    /// Not at work in a break or between shifts. PackML: Stopped.
    NotScheduled,
}

impl StationState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Running,
        Self::Starved,
        Self::Blocked,
        Self::Down,
        Self::Held,
        Self::Changeover,
        Self::Idle,
        Self::NotScheduled,
    ];

    /// The state's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Starved => "starved",
            Self::Blocked => "blocked",
            Self::Down => "down",
            Self::Held => "held",
            Self::Changeover => "changeover",
            Self::Idle => "idle",
            Self::NotScheduled => "not-scheduled",
        }
    }
}
