use std::collections::BTreeSet;

use plant::{Cause, Plant, Priority, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentAction, IncidentId, Shelf, Timestamp};

use crate::entry::Entry;
use crate::flood::FloodWatch;
use crate::lifecycle::By;
use crate::marks::Marks;
use crate::priority::{lowered, machine_priority, priority, stake};
use crate::repeats::Repeats;
use crate::{
    Change, Changed, Circumstances, Evidence, Incident, IncidentState, Intervention, Judged, Judgement, Place, Refusal,
    Removed, Source, Suppressor, Verdict,
};

/// An incident on its way to a limit is told again after this many seconds, so that the time it has left stays true.
const RETELL_S: f64 = 10.0 * 60.0;

/// How far apart the begins of what began at once may be told to be, s: a few cycles.
const AT_ONCE_S: f64 = 300.0;
/// At so many other stations something must have begun at once. With one false alarm a shift of eight hours, four stations
/// would do so by chance about once in a million shifts.
const AT_ONCE_STATIONS: usize = 3;
/// What such a coincidence weighs as evidence of a common cause: as much as the strongest that a feature can say.
const COMMON_WEIGHT: f64 = 1.0;

/// The incidents of the line that are not over: the only place that decides what an alert is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentBook {
    open: Vec<Entry>,
    repeats: Repeats,
    marks: Marks,
    flood: FloodWatch,
    removed: Vec<Removed>,
}

/// The identities of the incidents that come of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    next: IncidentId,
}

impl Ids {
    /// The identities of what comes of the input with that sequence number.
    pub fn of_input(sequence: u64) -> Self {
        Self { next: IncidentId { sequence, ordinal: 0 } }
    }

    fn next(&mut self) -> IncidentId {
        let id = self.next;
        self.next.ordinal += 1;
        id
    }
}

/// What holds at the moment that the book is asked.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The plant.
    pub plant: &'a Plant,
    /// When it is.
    pub now: Timestamp,
    /// The shift, by index into the plant's calendar; `None` between shifts.
    pub shift: Option<u16>,
    /// The first of the plant's suppressions that holds at a station, by index.
    pub suppression: &'a dyn Fn(Option<StationId>) -> Option<u16>,
}

impl IncidentBook {
    /// The incidents that have been told and are not closed, in the order they were raised.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter().filter(|entry| entry.is_known()).map(|entry| &entry.incident)
    }

    /// The places that are out of service, in the order they were removed.
    pub fn out_of_service(&self) -> &[Removed] {
        &self.removed
    }

    /// Since when there are so many incidents that only urgent ones are told one by one.
    pub fn flood_since(&self) -> Option<Timestamp> {
        self.flood.since()
    }

    /// Takes a verdict in: as evidence of an open incident if they can have one cause, else as a new incident with the
    /// next of `ids`, or that of the closed one which comes again. Returns what is to be told: nothing, if the incident only
    /// goes on as it was told last, or is too young to be told.
    ///
    /// `recent` is what was done shortly before where the verdict comes from; it is asked for only when the verdict says
    /// something new.
    pub fn take(
        &mut self,
        mut verdict: Verdict,
        recent: impl IntoIterator<Item = Intervention>,
        ids: &mut Ids,
        situation: Situation<'_>,
    ) -> Option<Changed> {
        let plant = situation.plant;
        let source = verdict.evidence.source;
        let circumstances = match (verdict.circumstances.take(), self.circumstances(source)) {
            // The charts began anew while it stood: what changed when it truly began has been said.
            (Some(_), Some((known, raised))) if verdict.evidence.onset >= raised => known.clone(),
            (Some(found), _) => found,
            (None, known) => known.map_or_else(Circumstances::default, |(known, _)| known.clone()),
        };
        circumstances.weigh(&mut verdict.causes);
        verdict.circumstances = Some(circumstances);
        let at = verdict.at;
        let known = self.open.iter().position(|entry| entry.place_of(source).is_some());
        if known.is_some_and(|place| self.open[place].speaks_for_common_cause(source)) {
            verdict.causes.push((Cause::CommonCause, COMMON_WEIGHT));
        }
        let place = known.or_else(|| self.place_of_new(&mut verdict, plant));
        let Some(place) = place else {
            self.open.push(Entry::new(&verdict, ids.next(), situation.now.plus_seconds(plant.alarms.on_delay_s)));
            let place = self.open.len() - 1;
            self.open[place].add(verdict, recent, plant);
            self.repeat(place, source, situation);
            self.weigh(place, plant);
            return self.show(place, situation, at);
        };
        let entry = &mut self.open[place];
        let before = entry.gist();
        entry.add(verdict, recent, plant);
        self.weigh(place, plant);
        let entry = &mut self.open[place];
        if !entry.is_known() {
            return self.show(place, situation, at);
        }
        if entry.incident.state == IncidentState::Acknowledged && entry.incident.priority > before.priority {
            entry.ask(situation.now, situation.shift, &plant.alarms);
            return Some(entry.tell(Change::ReAlarmed, at, By::default()));
        }
        let since_told_s = entry.incident.updated.seconds_since(entry.told);
        // Negative if the clock was put back.
        let retell = entry.incident.time_to_limit.is_some() && since_told_s.abs() >= RETELL_S;
        if entry.gist() == before && !retell {
            return None;
        }
        entry.told = entry.incident.updated;
        Some((Change::Updated, entry.incident.clone()))
    }

    /// A source's verdict no longer stands: of itself, or because of what was done. Returns the incident if that ended it
    /// for good or for now; of itself it does so when that has lasted.
    pub fn clear(
        &mut self,
        source: Source,
        at: Timestamp,
        because: Option<&Intervention>,
        situation: Situation<'_>,
    ) -> Option<Changed> {
        let place = self.open.iter().position(|entry| entry.standing.contains(&source))?;
        let delay_s = situation.plant.alarms.off_delay_s;
        let entry = &mut self.open[place];
        if because.is_none() && delay_s > 0.0 {
            if entry.clearing.iter().all(|&(clearing, _)| clearing != source) {
                entry.clearing.push((source, at.plus_seconds(delay_s)));
            }
            return None;
        }
        self.cease(place, source, at, because)
    }

    /// Carries out what somebody wants done about an incident.
    ///
    /// # Errors
    /// If it is not open, or that cannot be done with it.
    pub fn command(
        &mut self,
        id: IncidentId,
        action: IncidentAction,
        by: &str,
        comment: &str,
        situation: Situation<'_>,
    ) -> Result<Changed, Refusal> {
        let is_it = |entry: &Entry| entry.incident.id == id && entry.is_known();
        let place = self.open.iter().position(is_it).ok_or(Refusal::NoSuchIncident(id))?;
        let Situation { plant, now, shift, .. } = situation;
        let entry = &mut self.open[place];
        let change = match action {
            IncidentAction::Acknowledge => {
                entry.acknowledge(now, by, comment);
                Change::Acknowledged
            }
            IncidentAction::Shelve(shelf) => {
                entry.shelve(shelved_until(shelf, id, situation)?, now, by);
                Change::Shelved
            }
            IncidentAction::Unshelve => {
                entry.incident.handling.shelved.take().ok_or(Refusal::NotShelved(id))?;
                entry.ask(now, shift, &plant.alarms);
                Change::Unshelved
            }
            IncidentAction::Comment if comment.is_empty() => return Err(Refusal::NoComment),
            IncidentAction::Comment => Change::Commented,
            IncidentAction::MarkTrue => self.judge(place, Judgement::True, by, comment, situation),
            IncidentAction::MarkFalse => self.judge(place, Judgement::False, by, comment, situation),
            IncidentAction::MarkPlanned(_) => self.judge(place, Judgement::Planned, by, comment, situation),
        };
        let by = By::person(by, comment);
        if self.open[place].is_over() {
            return Ok(self.close(place, now, by));
        }
        Ok(self.open[place].tell(change, now, by))
    }

    /// Somebody takes a place out of service: what only that shows is kept from view until it is in service again.
    ///
    /// # Errors
    /// If it is out of service already.
    pub fn remove_from_service(&mut self, removed: Removed) -> Result<(), Refusal> {
        if self.removed.iter().any(|known| known.place == removed.place) {
            return Err(Refusal::OutAlready(removed.name));
        }
        self.removed.push(removed);
        Ok(())
    }

    /// Somebody puts a place back into service.
    ///
    /// # Errors
    /// If it is in service.
    pub fn place_in_service(&mut self, place: Place, name: &str) -> Result<(), Refusal> {
        let known = self.removed.iter().position(|removed| removed.place == place);
        self.removed.remove(known.ok_or_else(|| Refusal::NotOut(name.to_owned()))?);
        Ok(())
    }

    /// What the time that has passed, the state of the plant and what people did make of the open incidents.
    pub fn pass_time(&mut self, situation: Situation<'_>, changes: &mut Vec<Changed>) {
        let now = situation.now;
        self.flood.pass_time(now, situation.plant.alarms.flood);
        let mut place = 0;
        while place < self.open.len() {
            let count = self.open.len();
            let due = |&&(_, due): &&(Source, Timestamp)| due <= now;
            let cleared: Vec<_> = self.open[place].clearing.iter().filter(due).copied().collect();
            for (source, due) in cleared {
                changes.extend(self.cease(place, source, due, None));
            }
            if self.open.len() == count {
                changes.extend(self.look(place, situation));
            }
            // What is over has left its place to the next.
            place += usize::from(self.open.len() == count);
        }
        self.release(situation, changes);
    }

    /// The incident that a source which shows something new belongs to: one that can have the same cause; else the first of
    /// those that began at so many other stations at the same moment that this can hardly be a coincidence. Then, and if that
    /// is what the incident is, the source speaks for a common cause.
    fn place_of_new(&self, verdict: &mut Verdict, plant: &Plant) -> Option<usize> {
        if verdict.evidence.source.is_machine() {
            return None;
        }
        let explained = self.open.iter().position(|entry| entry.explains(verdict, plant));
        if explained.is_some_and(|place| self.open[place].incident.cause() != Cause::CommonCause) {
            return explained;
        }
        let begun_at_once = self.begun_at_once(&verdict.evidence);
        if begun_at_once.is_some() {
            verdict.causes.push((Cause::CommonCause, COMMON_WEIGHT));
        }
        explained.or(begun_at_once)
    }

    /// The first of the incidents that began when this did, if they did at enough other stations.
    fn begun_at_once(&self, evidence: &Evidence) -> Option<usize> {
        let station = evidence.source.station()?;
        let others =
            |entry: &Entry| entry.stations_since(evidence.onset, AT_ONCE_S).filter(|&other| other != station).collect();
        let place = self.open.iter().position(|entry| !BTreeSet::is_empty(&others(entry)))?;
        let stations: BTreeSet<StationId> = self.open.iter().flat_map(others).collect();
        (stations.len() >= AT_ONCE_STATIONS).then_some(place)
    }

    /// The clock was put back: nothing that is to come may wait for a time that was.
    pub fn put_back(&mut self, now: Timestamp) {
        for entry in &mut self.open {
            entry.asked = entry.asked.map(|asked| asked.min(now));
            entry.told = entry.told.min(now);
        }
    }

    /// Looks whether an incident has to be hidden, shown or told again.
    fn look(&mut self, place: usize, situation: Situation<'_>) -> Option<Changed> {
        let Situation { plant, now, shift, .. } = situation;
        let entry = &mut self.open[place];
        if entry.standing.is_empty() && !entry.is_known() {
            // It was gone before it was to be told.
            self.open.remove(place);
            return None;
        }
        if !entry.is_known() {
            return self.show(place, situation, now);
        }
        if entry.is_shelf_over(now) {
            entry.incident.handling.shelved = None;
            return Some(self.unhide(place, Change::Unshelved, situation));
        }
        let removed = covering(&self.removed, entry);
        let entry = &mut self.open[place];
        match (&entry.incident.handling.out_of_service, removed) {
            (None, Some(removed)) => {
                entry.incident.handling.out_of_service = Some(removed.clone());
                return Some(entry.tell(Change::RemovedFromService, now, By::person(&removed.by, &removed.comment)));
            }
            (Some(_), None) => {
                entry.incident.handling.out_of_service = None;
                return Some(self.unhide(place, Change::PlacedInService, situation));
            }
            _ => {}
        }
        let flood = entry.incident.handling.suppressed.filter(|&by| by == Suppressor::Flood);
        let rule = (situation.suppression)(entry.incident.station).map(Suppressor::Rule);
        let is_urgent = entry.incident.priority == Priority::High;
        match entry.suppress(rule.or(flood.filter(|_| !is_urgent))) {
            Some(Change::Suppressed) => Some(entry.tell(Change::Suppressed, now, By::default())),
            Some(change) => Some(self.unhide(place, change, situation)),
            None => {
                let change = entry.grow_old(now, shift, plant)?;
                Some(entry.tell(change, now, By::default()))
            }
        }
    }

    /// Tells an incident for the first time, if it is old enough: shown, or as what is kept from view.
    fn show(&mut self, place: usize, situation: Situation<'_>, at: Timestamp) -> Option<Changed> {
        let Situation { plant, now, shift, .. } = situation;
        let removed = covering(&self.removed, &self.open[place]);
        let entry = &mut self.open[place];
        if entry.due > now {
            return None;
        }
        if removed.is_some() {
            entry.incident.handling.out_of_service = removed.cloned();
            return Some(entry.tell(Change::RemovedFromService, at, By::default()));
        }
        let rule = (situation.suppression)(entry.incident.station).map(Suppressor::Rule);
        if rule.is_none() && self.flood.admits(entry.incident.priority, now, plant.alarms.flood) {
            entry.ask(now, shift, &plant.alarms);
            entry.incident.raised = at;
            return Some(entry.tell(Change::Raised, at, By::default()));
        }
        entry.suppress(rule.or(Some(Suppressor::Flood)));
        Some(entry.tell(Change::Suppressed, at, By::default()))
    }

    /// An incident that was kept from view is so no longer: it is over, or it asks, for the first time or again.
    fn unhide(&mut self, place: usize, change: Change, situation: Situation<'_>) -> Changed {
        let Situation { plant, now, shift, .. } = situation;
        let entry = &mut self.open[place];
        entry.incident.settle();
        if entry.incident.returned.is_some() {
            return self.close(place, now, By::default());
        }
        if entry.incident.state.is_hidden() {
            return entry.tell(change, now, By::default());
        }
        let change = match entry.asked {
            None => {
                entry.incident.raised = now;
                Change::Raised
            }
            Some(_) => change,
        };
        if change != Change::Unsuppressed || entry.incident.acknowledged.is_none() {
            entry.ask(now, shift, &plant.alarms);
        }
        entry.tell(change, now, By::default())
    }

    /// After a flood, shows the most urgent of those that it held back, the oldest of these first.
    fn release(&mut self, situation: Situation<'_>, changes: &mut Vec<Changed>) {
        let held = self.open.iter().enumerate();
        let held = held.filter(|(_, entry)| entry.incident.handling.suppressed == Some(Suppressor::Flood));
        let next = held.max_by_key(|(place, entry)| (entry.incident.priority, std::cmp::Reverse(*place)));
        let Some((place, _)) = next else { return };
        if self.flood.releases(situation.now, situation.plant.alarms.flood) {
            self.open[place].suppress(None);
            changes.push(self.unhide(place, Change::Unsuppressed, situation));
        }
    }

    fn cease(
        &mut self,
        place: usize,
        source: Source,
        at: Timestamp,
        because: Option<&Intervention>,
    ) -> Option<Changed> {
        let entry = &mut self.open[place];
        if !entry.cease(source, at, because) || !entry.is_known() {
            return None;
        }
        if entry.is_over() {
            return Some(self.close(place, at, By::default()));
        }
        let is_shelved = entry.incident.handling.shelved.is_some();
        (!is_shelved).then(|| entry.tell(Change::Returned, at, By::default()))
    }

    fn close(&mut self, place: usize, at: Timestamp, by: By<'_>) -> Changed {
        let (change, incident) = self.open.remove(place).close(at, by);
        self.repeats.remember(&incident, at);
        (change, incident)
    }

    /// Somebody says whether an incident is true. Who says that has seen it.
    fn judge(&mut self, place: usize, judgement: Judgement, by: &str, comment: &str, at: Situation<'_>) -> Change {
        let entry = &mut self.open[place];
        let (station, cause) = (entry.incident.station, entry.incident.cause());
        match judgement {
            Judgement::False => self.marks.mark_false(station, cause),
            Judgement::True | Judgement::Planned => self.marks.mark_true(station, cause),
        }
        entry.incident.handling.judged = Some(Judged { judgement, by: by.to_owned(), at: at.now });
        if entry.incident.acknowledged.is_none() {
            entry.acknowledge(at.now, by, comment);
        }
        if judgement != Judgement::True {
            entry.incident.priority = Priority::Low;
        }
        self.weigh(place, at.plant);
        Change::Judged
    }

    /// Sets what is at stake and how urgent it is, by that, the time left and what people have said of the like. The priority
    /// rises while the incident is open and does not fall, so that nobody is told of every change of mind.
    fn weigh(&mut self, place: usize, plant: &Plant) {
        let machine_severity = self.open[place].machine_severity();
        let incident = &mut self.open[place].incident;
        let cause = incident.cause();
        let stake = stake(cause, incident.station, plant);
        incident.handling.stake = Some(stake);
        incident.handling.marked_false = self.marks.marked_false(incident.station, cause);
        let time_to_limit_s = incident.time_to_limit.map(|time| time.expected_s);
        let by_stake = match machine_severity {
            Some(severity) => machine_priority(severity),
            None => priority(cause, stake, time_to_limit_s, &plant.alarms),
        };
        let judgement = incident.handling.judged.as_ref().map(|judged| judged.judgement);
        let priority = match judgement {
            Some(Judgement::False | Judgement::Planned) => Priority::Low,
            // A machine has many alarms, and that one of them was false says nothing of the others.
            None if incident.handling.marked_false > 0 && machine_severity.is_none() => lowered(by_stake),
            Some(Judgement::True) | None => by_stake,
        };
        incident.priority = priority.max(incident.priority);
    }

    /// A new incident that is a closed one come again takes that one's identity and history on.
    fn repeat(&mut self, place: usize, source: Source, situation: Situation<'_>) {
        let incident = &mut self.open[place].incident;
        let within_h = situation.plant.alarms.repeat_h;
        let Some(closed) = self.repeats.take(incident, source, situation.now, within_h) else { return };
        incident.id = closed.id;
        incident.handling.repeats = closed.repeats + 1;
        incident.handling.history = closed.history;
    }

    /// What was last said of what belongs to a source's verdict, and when its incident was raised.
    fn circumstances(&self, source: Source) -> Option<(&Circumstances, Timestamp)> {
        self.open
            .iter()
            .find_map(|entry| Some((&entry.grounds[entry.place_of(source)?].circumstances, entry.incident.raised)))
    }
}

/// The place out of service that all that stands of an incident is from, if there is one.
fn covering<'a>(removed: &'a [Removed], entry: &Entry) -> Option<&'a Removed> {
    let covers = |place: Place| entry.standing.iter().all(|&source| place.covers(source));
    removed.iter().find(|removed| !entry.standing.is_empty() && covers(removed.place))
}

/// Until when a shelf holds; `None`: until the incident is no longer there.
fn shelved_until(shelf: Shelf, id: IncidentId, situation: Situation<'_>) -> Result<Option<Timestamp>, Refusal> {
    let max_h = situation.plant.alarms.shelve_max_h;
    let until = match shelf {
        Shelf::Once => return Ok(None),
        Shelf::ForSeconds(seconds) => situation.now.plus_seconds(f64::from(seconds)),
        Shelf::Until(until) => until,
    };
    let left_s = until.seconds_since(situation.now);
    if left_s <= 0.0 {
        return Err(Refusal::ShelfOver(id));
    }
    if left_s > max_h * 3600.0 {
        return Err(Refusal::ShelfTooLong { max_h });
    }
    Ok(Some(until))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
