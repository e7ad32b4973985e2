use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{LinkState, Timestamp};

/// All that the twin remembers of a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinkWatch {
    pub(crate) state: Option<LinkState>,
    /// When it came into that state.
    pub(crate) since: Timestamp,
    /// The latest source time seen on it: event time has come this far.
    pub(crate) watermark: Timestamp,
    /// Whether its loss has been raised.
    pub(crate) raised: bool,
    /// Its stations whose last cycle may not have settled, by id: those that event time matters to.
    pub(crate) settling: Vec<StationId>,
}

impl LinkWatch {
    pub(crate) fn new() -> Self {
        let watermark = Timestamp::from_nanos(i64::MIN);
        Self { state: None, since: Timestamp::EPOCH, watermark, raised: false, settling: Vec::new() }
    }

    /// A cycle of one of its stations has ended.
    pub(crate) fn settles(&mut self, station: StationId) {
        if let Err(place) = self.settling.binary_search(&station) {
            self.settling.insert(place, station);
        }
    }

    /// Takes a new state in; a new reason while it is down does not start the time anew.
    pub(crate) fn set(&mut self, state: LinkState, at: Timestamp) {
        let stays_down = matches!((&self.state, &state), (Some(LinkState::Down { .. }), LinkState::Down { .. }));
        let stays_up = matches!((&self.state, &state), (Some(LinkState::Up), LinkState::Up));
        if !stays_down && !stays_up {
            self.since = at;
        }
        self.state = Some(state);
    }

    /// Whether it was up from a moment until now; one that has said nothing of itself counts as up.
    pub(crate) fn is_up_since(&self, moment: Timestamp) -> bool {
        !matches!(self.state, Some(LinkState::Down { .. })) && self.since <= moment
    }

    /// The clock was put back to `now`: what was stamped later than `latest` was stamped by a clock that was wrong.
    pub(crate) fn forget_after(&mut self, latest: Timestamp, now: Timestamp) {
        self.since = self.since.min(now);
        if self.watermark > latest {
            self.watermark = now;
        }
    }

    /// Why it has been down for at least `patience_s` by `now`, if it has and that was not raised before.
    pub(crate) fn overdue(&self, patience_s: f64, now: Timestamp) -> Option<&str> {
        match &self.state {
            Some(LinkState::Down { reason }) if !self.raised && now.seconds_since(self.since) >= patience_s => {
                Some(reason)
            }
            _ => None,
        }
    }
}
