//! What becomes of an incident as time passes and people act: the transitions of ISA-18.2-2016, figure 2.
//!
//! Where this departs from the standard: what was acknowledged before the plant suppressed it stays so, because a station
//! that is set up five times in a shift would ask five times; and what ends while it is not to be shown is over, because
//! nobody is waiting for its end.

use plant::{AlarmPolicy, Plant};
use telemetry::Timestamp;

use crate::entry::Entry;
use crate::{
    Acknowledgement, Change, Escalation, Incident, IncidentState, Intervention, Recipient, Shelved, Source, Step,
    Suppressor,
};

/// What a change came of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct By<'a> {
    /// Who made it; `None` if it came of itself.
    pub(crate) who: Option<&'a str>,
    /// What they added; may be empty.
    pub(crate) comment: &'a str,
}

impl<'a> By<'a> {
    pub(crate) fn person(who: &'a str, comment: &'a str) -> Self {
        Self { who: Some(who), comment }
    }
}

/// A change of an incident, and the incident after it.
pub type Changed = (Change, Incident);

impl Entry {
    /// What is told of a change that happened now.
    pub(crate) fn tell(&mut self, change: Change, at: Timestamp, by: By<'_>) -> Changed {
        let incident = &mut self.incident;
        incident.settle();
        incident.updated = at;
        let priority = incident.priority;
        let (who, comment) = (by.who.map(str::to_owned), by.comment.to_owned());
        incident.handling.remember(Step { at, change, priority, by: who, comment });
        self.told = at;
        (change, incident.clone())
    }

    /// It is over: the last that is told of it.
    pub(crate) fn close(mut self, at: Timestamp, by: By<'_>) -> Changed {
        let (change, mut incident) = self.tell(Change::Closed, at, by);
        incident.state = IncidentState::Closed;
        (change, incident)
    }

    /// Whether it has been told at all.
    pub(crate) fn is_known(&self) -> bool {
        self.asked.is_some() || self.incident.state.is_hidden()
    }

    /// Whether it is there, seen by people and not taken on.
    fn asks(&self) -> bool {
        self.asked.is_some() && self.incident.state == IncidentState::Unacknowledged
    }

    /// It asks for attention from now on, and those are told who are told first.
    pub(crate) fn ask(&mut self, now: Timestamp, shift: Option<u16>, policy: &AlarmPolicy) {
        self.incident.acknowledged = None;
        self.asked = Some(now);
        self.incident.handling.escalation = None;
        self.escalate(now, shift, policy);
    }

    /// A verdict no longer stands. Returns whether none does now.
    pub(crate) fn cease(&mut self, source: Source, at: Timestamp, because: Option<&Intervention>) -> bool {
        self.standing.remove(&source);
        self.clearing.retain(|&(clearing, _)| clearing != source);
        self.incident.time_to_limit = self.time_to_limit();
        if self.standing.is_empty() {
            self.incident.returned = Some(at);
            self.incident.ended_by = because.cloned();
        }
        self.standing.is_empty()
    }

    /// Whether it is over now that nothing of it stands: somebody has seen it, or nobody is to. What is shelved for a time
    /// stays so, so that it does not come again within that time.
    pub(crate) fn is_over(&self) -> bool {
        let handling = &self.incident.handling;
        let is_gone = self.incident.returned.is_some();
        let is_kept = handling.shelved.as_ref().is_some_and(|shelved| shelved.until.is_some());
        let is_hidden =
            handling.suppressed.is_some() || handling.out_of_service.is_some() || handling.shelved.is_some();
        is_gone && !is_kept && (is_hidden || self.incident.acknowledged.is_some())
    }

    pub(crate) fn acknowledge(&mut self, at: Timestamp, by: &str, comment: &str) {
        self.incident.acknowledged = Some(Acknowledgement { by: by.to_owned(), at, comment: comment.to_owned() });
        self.incident.handling.escalation = None;
    }

    pub(crate) fn shelve(&mut self, until: Option<Timestamp>, at: Timestamp, by: &str) {
        self.incident.handling.shelved = Some(Shelved { by: by.to_owned(), at, until });
        self.incident.handling.escalation = None;
    }

    /// Whether its time on the shelf has run out.
    pub(crate) fn is_shelf_over(&self, now: Timestamp) -> bool {
        let until = self.incident.handling.shelved.as_ref().and_then(|shelved| shelved.until);
        until.is_some_and(|until| until <= now)
    }

    /// Sets what it is not shown for by design. Returns how that changes it, if it does.
    pub(crate) fn suppress(&mut self, by: Option<Suppressor>) -> Option<Change> {
        let suppressed = &mut self.incident.handling.suppressed;
        let change = match (&suppressed, by) {
            (None, Some(_)) => Some(Change::Suppressed),
            (Some(_), None) => Some(Change::Unsuppressed),
            // Another rule, or the flood: it is kept from view as it was.
            (Some(_), Some(_)) | (None, None) => None,
        };
        *suppressed = by;
        change
    }

    /// Tells those of the next step that is due, if nobody has taken it on. Returns whether there is one.
    pub(crate) fn escalate(&mut self, now: Timestamp, shift: Option<u16>, policy: &AlarmPolicy) -> bool {
        let Some(asked) = self.asked else { return false };
        let priority = self.incident.priority;
        let waited_min = now.seconds_since(asked) / 60.0;
        let due = policy
            .escalation
            .iter()
            .rposition(|step| step.after_min <= waited_min && step.min_priority <= priority)
            .map(|step| step as u16);
        let reached = self.incident.handling.escalation.as_ref().map(|escalation| escalation.step);
        let Some(step) = due.filter(|&due| reached.is_none_or(|reached| due > reached)) else { return false };
        let to = recipients(&policy.escalation[usize::from(step)].to, shift, policy);
        self.incident.handling.escalation = Some(Escalation { step, since: now, to });
        true
    }

    /// What the time that has passed makes of an incident that is shown.
    pub(crate) fn grow_old(&mut self, now: Timestamp, shift: Option<u16>, plant: &Plant) -> Option<Change> {
        if self.asks() && self.escalate(now, shift, &plant.alarms) {
            return Some(Change::Escalated);
        }
        let acknowledged = self.incident.acknowledged.as_ref().map(|acknowledgement| acknowledgement.at);
        let is_old = |at: Timestamp| {
            plant.alarms.re_alarm_min.is_some_and(|re_alarm_min| now.seconds_since(at) >= re_alarm_min * 60.0)
        };
        if self.incident.state == IncidentState::Acknowledged && acknowledged.is_some_and(is_old) {
            self.ask(now, shift, &plant.alarms);
            return Some(Change::ReAlarmed);
        }
        None
    }
}

/// Who has the roles in a shift.
fn recipients(roles: &[String], shift: Option<u16>, policy: &AlarmPolicy) -> Vec<Recipient> {
    let mut recipients = Vec::new();
    for role in roles {
        let before = recipients.len();
        let named =
            policy.on_duty(role, shift).map(|name| Recipient { role: role.clone(), name: Some(name.to_owned()) });
        recipients.extend(named);
        if recipients.len() == before {
            recipients.push(Recipient { role: role.clone(), name: None });
        }
    }
    recipients
}
