//! Who judges shares nothing with the twin but its outputs.

use std::collections::{BTreeMap, BTreeSet};

use alarms::{Change, Incident, IncidentState, Source};
use telemetry::{IncidentId, Input};
use twin::{Output, Twin};

/// Follows every incident through its life by what is told of it.
#[derive(Default)]
pub(crate) struct Judge {
    open: BTreeMap<IncidentId, Incident>,
    closed: BTreeSet<IncidentId>,
    samples: u64,
}

impl Judge {
    pub(crate) fn hear(&mut self, input: &Input, outputs: &[Output]) {
        self.samples += input.event.samples().len() as u64;
        for output in outputs {
            match output {
                Output::Incident { change, incident } => self.follow(*change, incident),
                Output::Command { refused, .. } => assert_eq!(*refused, None, "a command for an open incident"),
                Output::Station { .. }
                | Output::Cycle(_)
                | Output::Intervention(_)
                | Output::Part(_)
                | Output::Shift(_) => {}
            }
        }
    }

    fn follow(&mut self, change: Change, incident: &Incident) {
        let (id, handling) = (incident.id, &incident.handling);
        let begins = matches!(change, Change::Raised | Change::Suppressed | Change::RemovedFromService);
        assert!(begins || self.open.contains_key(&id), "{change:?} {id} before it was told");
        if self.closed.remove(&id) {
            assert!(begins && handling.repeats > 0, "{id} was closed and came again without a count");
        }
        let was_shown = self.open.get(&id).is_some_and(|known| !known.state.is_hidden());
        assert!(change != Change::Raised || !was_shown, "{id} was raised twice");
        let state = incident.state;
        let expected = match (incident.acknowledged.is_some(), incident.returned.is_some()) {
            _ if change == Change::Closed => IncidentState::Closed,
            _ if handling.out_of_service.is_some() => IncidentState::OutOfService,
            _ if handling.suppressed.is_some() => IncidentState::Suppressed,
            _ if handling.shelved.is_some() => IncidentState::Shelved,
            (false, false) => IncidentState::Unacknowledged,
            (true, false) => IncidentState::Acknowledged,
            (false, true) => IncidentState::ReturnedUnacknowledged,
            (true, true) => panic!("over and not closed: {incident:?}"),
        };
        assert_eq!(state, expected, "{incident:?}");
        assert!(change != Change::Escalated || state == IncidentState::Unacknowledged, "{incident:?}");
        if state == IncidentState::Closed {
            self.open.remove(&id);
            self.closed.insert(id);
        } else {
            self.open.insert(id, incident.clone());
        }
        let mut sources: Vec<Source> = Vec::new();
        sources.extend(self.open.values().flat_map(|open| open.evidence.iter().map(|evidence| evidence.source)));
        let count = sources.len();
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(sources.len(), count, "a source has two open incidents");
    }

    /// What the twin holds is what it has told.
    pub(crate) fn compare(&self, twin: &Twin) {
        assert_eq!(twin.view().counts.samples, self.samples, "samples in, and samples counted");
        let held: BTreeMap<IncidentId, IncidentState> =
            twin.open_incidents().map(|incident| (incident.id, incident.state)).collect();
        let told: BTreeMap<IncidentId, IncidentState> =
            self.open.iter().map(|(&id, incident)| (id, incident.state)).collect();
        assert_eq!(held, told, "incidents held, and incidents told");
    }
}
