//! How well what the twin told fits what truly happened: one judgement, whether a simulator or a person knows the truth.

use std::sync::Arc;

use alarms::{Change, Incident};
use plant::{Cause, Plant};
use telemetry::{IncidentId, Timestamp};

/// An incident's change as the twin gave it.
#[derive(Debug, Clone)]
pub struct Told {
    /// When, by the twin's time.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
    /// The incident after the change.
    pub incident: Incident,
}

/// Something that truly was wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Where, by name: a station or a link.
    pub place: String,
    /// What, in the words of who labelled it.
    pub fault: Option<String>,
    /// The cause that the twin should name, if that is known.
    pub cause: Option<Cause>,
    /// When it began.
    pub began: Timestamp,
    /// When it was gone; `None` if it was there to the end.
    pub ended: Option<Timestamp>,
    /// When a true process quantity left its limit at the place, if one did.
    pub limit: Option<Timestamp>,
}

/// How well one fault was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The first incident of it; `None` if there was none.
    pub found: Option<IncidentId>,
    /// Seconds from the fault's begin until that incident is told to be at its place.
    pub delay_s: Option<f64>,
    /// Whether a true process quantity left its limit at the fault's place.
    pub limit_crossed: bool,
    /// Seconds from that incident to the moment the limit was left; negative if the incident came too late.
    pub time_won_s: Option<f64>,
    /// Whether that incident came to have the right cause as its first.
    pub cause_is_right: bool,
}

/// How many alarms a person gets: changes by which an incident asks for attention, first or again (EEMUA 191).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// How many in all.
    pub alarms: usize,
    /// The most in any ten minutes.
    pub peak: usize,
}

/// All that a twin told of incidents, in order.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// The plant.
    pub plant: Arc<Plant>,
    /// Every change of an incident.
    pub told: Vec<Told>,
}

impl Alerts {
    /// Incidents raised.
    pub fn raised(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.change == Change::Raised)
    }

    /// An incident as it was last told, before it came again if it did.
    pub fn last_of(&self, incident: &Incident) -> Option<&Told> {
        self.told.iter().rev().find(|told| is_same(&told.incident, incident))
    }

    /// How many alarms there were from a moment on.
    pub fn load(&self, from: Timestamp) -> Load {
        const ASKING: [Change; 5] =
            [Change::Raised, Change::ReAlarmed, Change::Unshelved, Change::Unsuppressed, Change::PlacedInService];
        let asking = self.told.iter().filter(|told| told.at >= from && ASKING.contains(&told.change));
        let times: Vec<Timestamp> = asking.map(|told| told.at).collect();
        let until = |begin: Timestamp| times.iter().filter(move |at| (0.0..600.0).contains(&at.seconds_since(begin)));
        Load { alarms: times.len(), peak: times.iter().map(|&begin| until(begin).count()).max().unwrap_or(0) }
    }

    /// Where an incident is, by name: a station or a link.
    pub fn place_of(&self, incident: &Incident) -> &str {
        match (incident.station, incident.link) {
            (Some(station), _) => &self.plant.station(station).name,
            (_, Some(link)) => &self.plant.link(link).name,
            _ => "",
        }
    }

    /// Whether an incident is ever told to be of one of these faults.
    pub fn is_true(&self, incident: &Incident, labels: &[Label]) -> bool {
        let mut of_incident = self.told.iter().filter(|told| is_same(&told.incident, incident));
        of_incident.any(|told| labels.iter().any(|label| self.is_of(told, label)))
    }

    /// Incidents that are of none of these faults: never at the place of one, or before it, or begun after it.
    pub fn false_alarms<'a>(&'a self, labels: &[Label]) -> impl Iterator<Item = &'a Told> {
        self.raised().filter(|raised| !self.is_true(&raised.incident, labels))
    }

    /// How well a fault was found.
    pub fn score(&self, label: &Label) -> Score {
        let found = self.told.iter().find(|told| self.is_of(told, label));
        let last = found.and_then(|told| self.last_of(&told.incident));
        Score {
            found: found.map(|told| told.incident.id),
            delay_s: found.map(|told| told.at.seconds_since(label.began)),
            limit_crossed: label.limit.is_some(),
            time_won_s: found.zip(label.limit).map(|(told, limit)| limit.seconds_since(told.at)),
            cause_is_right: last.is_some_and(|told| Some(told.incident.cause()) == label.cause),
        }
    }

    /// Raised while the fault was there, or after it of something that began before its end: a detector may be late.
    fn is_of(&self, told: &Told, label: &Label) -> bool {
        let incident = &told.incident;
        incident.raised >= label.began
            && label.ended.is_none_or(|ended| incident.onset <= ended)
            && self.place_of(incident) == label.place
    }
}

/// Whether two changes are of one incident and of one time that it came: what comes again is right or false again.
fn is_same(one: &Incident, other: &Incident) -> bool {
    (one.id, one.raised) == (other.id, other.raised)
}

#[cfg(test)]
mod tests;
