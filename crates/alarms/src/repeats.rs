use std::collections::VecDeque;

use plant::{Cause, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, Timestamp};

use crate::{Incident, Source, Step};

/// The most closed incidents that are remembered; the oldest make room.
const MAX: usize = 256;

/// Incidents that were closed lately: what comes again is one of them with a count, not another one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repeats {
    closed: VecDeque<Closed>,
}

/// What is remembered of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Closed {
    pub(crate) id: IncidentId,
    pub(crate) repeats: u32,
    pub(crate) history: Vec<Step>,
    station: Option<StationId>,
    cause: Cause,
    sources: Vec<Source>,
    at: Timestamp,
}

impl Repeats {
    /// Remembers an incident that was closed at that time.
    pub(crate) fn remember(&mut self, incident: &Incident, at: Timestamp) {
        if self.closed.len() == MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(Closed {
            id: incident.id,
            repeats: incident.handling.repeats,
            history: incident.handling.history.clone(),
            station: incident.station,
            cause: incident.cause(),
            sources: incident.evidence.iter().map(|evidence| evidence.source).collect(),
            at,
        });
    }

    /// The incident that comes again with this one, if there is one: the same source showed it, or it lay at the same
    /// station and had the same cause; of a machine's alarms each is another.
    pub(crate) fn take(
        &mut self,
        incident: &Incident,
        source: Source,
        now: Timestamp,
        within_h: f64,
    ) -> Option<Closed> {
        self.closed.retain(|closed| now.seconds_since(closed.at).abs() <= within_h * 3600.0);
        let is_same = |closed: &Closed| {
            let is_there = !source.is_machine() && closed.station.is_some() && closed.station == incident.station;
            closed.sources.contains(&source) || (is_there && closed.cause == incident.cause())
        };
        let place = self.closed.iter().rposition(is_same)?;
        self.closed.remove(place)
    }
}
