use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

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

/// Follows one station's state through what its signals and its neighbour say.
///
/// A station without a part sensor cannot tell starved from blocked by itself. It is blocked from the end of its cycle
/// until its part is seen to go on: the station downstream begins a cycle, or the buffer downstream is not full. After
/// that it is starved until its next cycle begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateWatch {
    state: StationState,
    since: Timestamp,
    working: bool,
    faulted: bool,
    holds_part: bool,
    seen: bool,
}

impl StateWatch {
    /// The watch of a station that nothing is known of yet.
    pub fn new() -> Self {
        Self {
            state: StationState::Unknown,
            since: Timestamp::EPOCH,
            working: false,
            faulted: false,
            holds_part: false,
            seen: false,
        }
    }

    /// What the station is doing.
    pub fn state(&self) -> StationState {
        self.state
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether it works on a part, stopped or not.
    pub(crate) fn is_working(&self) -> bool {
        self.working
    }

    /// Whether it has stopped with a fault of its own.
    pub(crate) fn is_faulted(&self) -> bool {
        self.faulted
    }

    /// Whether it has, as far as it knows itself, a part.
    pub(crate) fn holds_part(&self) -> bool {
        self.holds_part
    }

    /// Whether it can be seen.
    pub(crate) fn is_seen(&self) -> bool {
        self.seen
    }

    /// The station began or ended work on a part. Returns the new state if it changed.
    pub fn working(&mut self, working: bool, at: Timestamp) -> Option<StationState> {
        self.holds_part = self.holds_part || self.working || working;
        self.working = working;
        self.seen = true;
        self.settle(at)
    }

    /// The station's fault came or went. Returns the new state if it changed.
    pub fn fault(&mut self, faulted: bool, at: Timestamp) -> Option<StationState> {
        self.faulted = faulted;
        self.seen = true;
        self.settle(at)
    }

    /// The part was taken over downstream. Returns the new state if it changed.
    pub fn part_taken(&mut self, at: Timestamp) -> Option<StationState> {
        self.holds_part = self.working;
        self.settle(at)
    }

    /// The station can no longer be seen. Returns the new state if it changed.
    pub fn lost(&mut self, at: Timestamp) -> Option<StationState> {
        self.seen = false;
        self.settle(at)
    }

    fn settle(&mut self, at: Timestamp) -> Option<StationState> {
        let state = match (self.seen, self.faulted, self.working, self.holds_part) {
            (false, ..) => StationState::Unknown,
            (_, true, ..) => StationState::Down,
            (_, _, true, _) => StationState::Running,
            (_, _, _, true) => StationState::Blocked,
            _ => StationState::Starved,
        };
        if state == self.state {
            return None;
        }
        self.state = state;
        self.since = at;
        Some(state)
    }
}

impl Default for StateWatch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_is_blocked_until_its_part_is_taken_and_then_starved() {
        let at = Timestamp::from_millis;
        let mut watch = StateWatch::new();
        assert_eq!(watch.working(true, at(1)), Some(StationState::Running));
        assert_eq!(watch.fault(true, at(2)), Some(StationState::Down));
        assert_eq!(watch.fault(false, at(3)), Some(StationState::Running));
        assert_eq!(watch.working(false, at(4)), Some(StationState::Blocked));
        assert_eq!(watch.part_taken(at(5)), Some(StationState::Starved));
        assert_eq!(watch.part_taken(at(6)), None);
        assert_eq!(watch.since(), at(5));
        assert_eq!(watch.lost(at(7)), Some(StationState::Unknown));
        assert_eq!(watch.working(true, at(8)), Some(StationState::Running));
    }
}
