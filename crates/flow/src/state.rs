use plant::StationState;
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

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
