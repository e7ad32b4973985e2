use std::fmt;

use genealogy::{Common, CycleMemory, Recent, Relation};
use plant::{Cause, Locus, Plant, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, Timestamp};

use crate::{
    Acknowledgement, Circumstances, Incident, IncidentState, Intervention, Priority, RankedCause, Source, TimeToLimit,
    Verdict,
};

/// How an incident changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Raised,
    /// More speaks for it, or its cause ranks differently.
    Updated,
    /// Somebody took it on.
    Acknowledged,
    /// It is no longer there.
    Returned,
    /// It is no longer there, and somebody has seen it.
    Closed,
}

impl Change {
    /// The change's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Acknowledged => "acknowledged",
            Self::Returned => "returned",
            Self::Closed => "closed",
        }
    }
}

/// A command about an incident that is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchIncident(pub IncidentId);

impl fmt::Display for NoSuchIncident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no open incident {}: it was never raised, or it is closed", self.0)
    }
}

impl std::error::Error for NoSuchIncident {}

/// An incident on its way to a limit is told again after this many seconds, so that the time it has left stays true.
const RETELL_S: f64 = 10.0 * 60.0;
/// Seconds to a limit below which an incident has high priority.
const HIGH_PRIORITY_S: f64 = 15.0 * 60.0;
/// Seconds to a limit below which an incident has medium priority.
const MEDIUM_PRIORITY_S: f64 = 60.0 * 60.0;

/// Interventions, and other changes, that an incident keeps; the latest stay.
const RECENT_MAX: usize = 8;

/// The open incidents of the line: the only place that decides what an alert is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentBook {
    open: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    incident: Incident,
    /// The station that first showed it, whatever is now held to be the cause.
    shown_at: Option<StationId>,
    /// Sources whose verdict still stands.
    standing: Vec<Source>,
    /// For each piece of evidence, what it speaks for.
    grounds: Vec<Grounds>,
    /// When it was last told to the outside.
    told: Timestamp,
}

/// What a piece of evidence speaks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Grounds {
    /// By what is known besides, most likely first.
    causes: Vec<(Cause, f64)>,
    circumstances: Circumstances,
    /// As [`Verdict::is_supply`].
    is_supply: bool,
    /// How long from `at` until a limit is crossed if it goes on like this.
    time_to_limit: Option<TimeToLimit>,
    at: Timestamp,
}

/// What a supervisor would want to be told of when it changes.
#[derive(PartialEq)]
struct Gist {
    state: IncidentState,
    priority: Priority,
    station: Option<StationId>,
    cause: Option<Cause>,
    sources: usize,
    /// How the strongest of what is in common belongs to it; which of several that are alike is the first may change.
    common: Option<Relation>,
}

impl IncidentBook {
    /// The incidents that are not closed, in the order they were raised.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter().map(|entry| &entry.incident)
    }

    /// Takes a verdict in: as evidence of an open incident if they can have one cause, else as a new incident with the
    /// identity `id`. Returns what is to be told: nothing, if the incident only goes on as it was told last.
    ///
    /// `recent` is what was done shortly before where the verdict comes from; it is asked for only when the verdict says
    /// something new.
    pub fn take(
        &mut self,
        mut verdict: Verdict,
        recent: impl IntoIterator<Item = Intervention>,
        id: IncidentId,
        plant: &Plant,
    ) -> Option<(Change, &Incident)> {
        let circumstances = match (verdict.circumstances.take(), self.circumstances(verdict.evidence.source)) {
            // The charts began anew while it stood: what changed when it truly began has been said.
            (Some(_), Some((known, raised))) if verdict.evidence.onset >= raised => known.clone(),
            (Some(found), _) => found,
            (None, known) => known.map_or_else(Circumstances::default, |(known, _)| known.clone()),
        };
        circumstances.weigh(&mut verdict.causes);
        verdict.circumstances = Some(circumstances);
        let known = self.open.iter().position(|entry| entry.place_of(verdict.evidence.source).is_some());
        let place = known.or_else(|| self.open.iter().position(|entry| entry.explains(&verdict, plant)));
        let (change, place) = match place {
            Some(place) => (Change::Updated, place),
            None => {
                self.open.push(Entry::new(&verdict, id));
                (Change::Raised, self.open.len() - 1)
            }
        };
        let entry = &mut self.open[place];
        let before = entry.gist();
        entry.add(verdict, recent, plant);
        let since_told_s = entry.incident.updated.seconds_since(entry.told);
        // Negative if the clock was put back.
        let retell = entry.incident.time_to_limit.is_some() && since_told_s.abs() >= RETELL_S;
        if entry.gist() == before && !retell {
            return None;
        }
        entry.told = entry.incident.updated;
        Some((change, &entry.incident))
    }

    /// A source's verdict no longer stands: of itself, or because of what was done. Returns the incident if that ended it
    /// for good or for now.
    pub fn clear(
        &mut self,
        source: Source,
        at: Timestamp,
        because: Option<&Intervention>,
    ) -> Option<(Change, Incident)> {
        let place = self.open.iter().position(|entry| entry.standing.contains(&source))?;
        let entry = &mut self.open[place];
        entry.standing.retain(|&standing| standing != source);
        entry.incident.time_to_limit = entry.time_to_limit();
        if !entry.standing.is_empty() {
            return None;
        }
        entry.incident.returned = Some(at);
        entry.incident.ended_by = because.cloned();
        entry.incident.updated = at;
        match entry.incident.state {
            IncidentState::Acknowledged => Some((Change::Closed, self.close(place))),
            _ => {
                entry.incident.state = IncidentState::ReturnedUnacknowledged;
                Some((Change::Returned, entry.incident.clone()))
            }
        }
    }

    /// Somebody takes an incident on. An incident that had returned is closed by it.
    ///
    /// # Errors
    /// If no such incident is open.
    pub fn acknowledge(
        &mut self,
        id: IncidentId,
        by: &str,
        comment: &str,
        at: Timestamp,
    ) -> Result<(Change, Incident), NoSuchIncident> {
        let place = self.open.iter().position(|entry| entry.incident.id == id).ok_or(NoSuchIncident(id))?;
        let incident = &mut self.open[place].incident;
        incident.acknowledged = Some(Acknowledgement { by: by.to_owned(), at, comment: comment.to_owned() });
        incident.updated = at;
        if incident.state == IncidentState::ReturnedUnacknowledged {
            return Ok((Change::Closed, self.close(place)));
        }
        incident.state = IncidentState::Acknowledged;
        Ok((Change::Acknowledged, incident.clone()))
    }

    /// What was last said of what belongs to a source's verdict, and when its incident was raised.
    fn circumstances(&self, source: Source) -> Option<(&Circumstances, Timestamp)> {
        self.open
            .iter()
            .find_map(|entry| Some((&entry.grounds[entry.place_of(source)?].circumstances, entry.incident.raised)))
    }

    fn close(&mut self, place: usize) -> Incident {
        let mut incident = self.open.remove(place).incident;
        incident.state = IncidentState::Closed;
        incident
    }
}

impl Entry {
    fn new(verdict: &Verdict, id: IncidentId) -> Self {
        let source = verdict.evidence.source;
        Self {
            incident: Incident {
                id,
                state: IncidentState::Unacknowledged,
                priority: Priority::Low,
                station: source.station(),
                link: match source {
                    Source::Link { link } => Some(link),
                    _ => None,
                },
                causes: Vec::new(),
                affected: Vec::new(),
                evidence: Vec::new(),
                onset: verdict.evidence.onset,
                raised: verdict.at,
                updated: verdict.at,
                time_to_limit: None,
                acknowledged: None,
                returned: None,
                ended_by: None,
                recent_interventions: Vec::new(),
                recent_changes: Vec::new(),
                in_common: Vec::new(),
            },
            shown_at: source.station(),
            standing: Vec::new(),
            grounds: Vec::new(),
            told: verdict.at,
        }
    }

    fn gist(&self) -> Gist {
        Gist {
            state: self.incident.state,
            priority: self.incident.priority,
            station: self.incident.station,
            cause: self.incident.causes.first().map(|ranked| ranked.cause),
            sources: self.incident.evidence.len(),
            common: self.incident.in_common.first().map(|common| common.relation),
        }
    }

    /// The place of a source's evidence.
    fn place_of(&self, source: Source) -> Option<usize> {
        self.incident.evidence.iter().position(|evidence| evidence.source == source)
    }

    /// Whether the verdict can have the same cause as something that already speaks for this incident. What another
    /// station showed counts only while it stands: what is over brings nothing about.
    fn explains(&self, verdict: &Verdict, plant: &Plant) -> bool {
        let Some(station) = verdict.evidence.source.station() else { return false };
        let nothing = Circumstances::default();
        let circumstances = verdict.circumstances.as_ref().unwrap_or(&nothing);
        let there = Shown { station, causes: &verdict.causes, is_supply: verdict.is_supply, circumstances };
        self.incident.evidence.iter().zip(&self.grounds).any(|(evidence, grounds)| {
            let Some(station) = evidence.source.station() else { return false };
            let here = grounds.shown_at(station);
            let counts = station == there.station || self.standing.contains(&evidence.source);
            counts && here.can_be_one_with(&there, plant)
        })
    }

    fn add(&mut self, verdict: Verdict, recent: impl IntoIterator<Item = Intervention>, plant: &Plant) {
        let Verdict { at, evidence, causes, is_supply, time_to_limit, circumstances } = verdict;
        let source = evidence.source;
        let circumstances = circumstances.unwrap_or_default();
        if !self.standing.contains(&source) {
            self.standing.push(source);
            self.remember(recent);
            self.remember_changes(&circumstances.recent);
        }
        if self.incident.state == IncidentState::ReturnedUnacknowledged {
            self.incident.state = IncidentState::Unacknowledged;
            self.incident.returned = None;
            self.incident.ended_by = None;
        }
        self.incident.onset = self.incident.onset.min(evidence.onset);
        self.incident.updated = at;
        let grounds = Grounds { causes, circumstances, is_supply, time_to_limit, at };
        match self.place_of(source) {
            Some(place) => (self.incident.evidence[place], self.grounds[place]) = (evidence, grounds),
            None => {
                self.incident.evidence.push(evidence);
                self.grounds.push(grounds);
            }
        }
        self.incident.time_to_limit = self.time_to_limit();
        self.incident.in_common = self.in_common();
        let blamed = self.rank(plant);
        self.locate(blamed, plant);
        self.incident.priority = self.priority();
    }

    fn remember(&mut self, recent: impl IntoIterator<Item = Intervention>) {
        let known = &mut self.incident.recent_interventions;
        for intervention in recent {
            if !known.contains(&intervention) {
                known.push(intervention);
            }
        }
        known.sort_by_key(|intervention| intervention.at);
        known.drain(..known.len().saturating_sub(RECENT_MAX));
    }

    fn remember_changes(&mut self, recent: &[Recent]) {
        let known = &mut self.incident.recent_changes;
        for change in recent {
            if known.iter().all(|known| known.factor != change.factor) {
                known.push(*change);
            }
        }
        known.sort_by_key(|change| change.since);
        known.drain(..known.len().saturating_sub(RECENT_MAX));
    }

    /// What the cycles of its evidence have in common: each value once, as the strongest has it.
    fn in_common(&self) -> Vec<Common> {
        let mut all: Vec<Common> =
            self.grounds.iter().flat_map(|grounds| grounds.circumstances.in_common.iter().copied()).collect();
        // Stable: what is as strong stays in the order in which each station has it.
        all.sort_by(|one, two| one.relation.cmp(&two.relation).then(one.chance.total_cmp(&two.chance)));
        let mut common: Vec<Common> = Vec::new();
        for one in all {
            if common.len() < CycleMemory::COMMON_MAX && common.iter().all(|known| known.factor != one.factor) {
                common.push(one);
            }
        }
        common
    }

    /// Ranks the causes by the weight that the evidence gives them; ties in the order of [`Cause::ALL`].
    ///
    /// A cause that lies at a station explains what that station shows and no other's, so the station for which most
    /// speaks counts; but what came with a lot or a tool explains what all show that had it, and lies where it came first. A cause that lies at a utility explains what all its stations show. And where a utility itself
    /// shows something, what its stations show is a consequence and says nothing of the cause. Likewise a cause that
    /// something speaks for on its own has also all that speaks for what it brings about.
    ///
    /// Returns the station that the first cause lies at, or is seen from if it lies at a utility.
    fn rank(&mut self, plant: &Plant) -> Option<StationId> {
        let root = self.utility_with_evidence(plant);
        let mut sums: Vec<(Cause, Option<StationId>, f64)> = Vec::new();
        for (evidence, grounds) in self.incident.evidence.iter().zip(&self.grounds) {
            let station = evidence.source.station();
            if root.is_some() && station != root {
                continue;
            }
            for &(cause, weight) in &grounds.causes {
                let place = match station {
                    Some(station) if cause.locus() == Locus::Station => {
                        Some(self.first_to_share(station, grounds, cause, plant))
                    }
                    _ => None,
                };
                match sums.iter_mut().find(|(known, at, _)| (*known, *at) == (cause, place)) {
                    Some((_, _, sum)) => *sum += weight,
                    None => sums.push((cause, place, weight)),
                }
            }
        }
        self.add_consequences(&mut sums);
        sums.sort_by(|(cause_a, _, a), (cause_b, _, b)| b.total_cmp(a).then(cause_a.cmp(cause_b)));
        let blamed = sums.first().and_then(|&(_, place, _)| place).or(self.shown_at);
        let mut ranked: Vec<(Cause, f64)> = Vec::new();
        for (cause, _, sum) in sums {
            if ranked.iter().all(|&(known, _)| known != cause) {
                ranked.push((cause, sum));
            }
        }
        let total: f64 = ranked.iter().map(|(_, sum)| sum).sum();
        self.incident.causes =
            ranked.into_iter().map(|(cause, sum)| RankedCause { cause, share: sum / total }).collect();
        blamed
    }

    /// Of the stations that show the cause together with a lot or a tool that this one shows it with: the one that parts
    /// come to first.
    fn first_to_share(&self, station: StationId, grounds: &Grounds, cause: Cause, plant: &Plant) -> StationId {
        let shares = |other: &Grounds| {
            other.causes.iter().any(|(known, _)| *known == cause)
                && grounds.circumstances.share(&other.circumstances, cause)
        };
        let others = self.incident.evidence.iter().zip(&self.grounds).filter(|(_, other)| shares(other));
        let sharing = others.filter_map(|(evidence, _)| evidence.source.station());
        sharing.fold(station, |first, other| if plant.is_upstream(other, first) { other } else { first })
    }

    fn add_consequences(&self, sums: &mut [(Cause, Option<StationId>, f64)]) {
        for place in 0..sums.len() {
            let (cause, station, _) = sums[place];
            for &brought in cause.brings().iter().filter(|&&brought| self.speaks_alone_for(cause, brought, station)) {
                let consequence = sums.iter().find(|(known, at, _)| (*known, *at) == (brought, station));
                sums[place].2 += consequence.map_or(0.0, |&(_, _, sum)| sum);
            }
        }
    }

    /// Whether something at the station speaks for one cause before all others, and not for the other.
    fn speaks_alone_for(&self, cause: Cause, other: Cause, station: Option<StationId>) -> bool {
        let of_station = self.incident.evidence.iter().zip(&self.grounds);
        of_station.filter(|(evidence, _)| evidence.source.station() == station).any(|(_, grounds)| {
            let most = grounds.causes.iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
            most.is_some_and(|&(most, _)| most == cause) && grounds.causes.iter().all(|&(known, _)| known != other)
        })
    }

    /// The utility that shows something itself, while a station that depends on it does too.
    fn utility_with_evidence(&self, plant: &Plant) -> Option<StationId> {
        let stations = || self.incident.evidence.iter().filter_map(|evidence| evidence.source.station());
        stations().find(|utility| stations().any(|station| plant.station(station).utilities.contains(utility)))
    }

    /// Places the incident where its cause is to be mended: at the utility, if a utility's own evidence is there or the
    /// first cause lies there; else at the station that the first cause lies at.
    fn locate(&mut self, blamed: Option<StationId>, plant: &Plant) {
        let stations: Vec<StationId> =
            self.incident.evidence.iter().filter_map(|evidence| evidence.source.station()).collect();
        let Some(blamed) = blamed else { return };
        let place = match self.utility_with_evidence(plant) {
            Some(utility) => utility,
            None if self.incident.cause().locus() == Locus::Utility => {
                plant.station(blamed).utilities.first().copied().unwrap_or(blamed)
            }
            None => blamed,
        };
        self.incident.station = Some(place);
        let mut affected: Vec<StationId> = stations.into_iter().filter(|&station| station != place).collect();
        affected.sort_unstable();
        affected.dedup();
        self.incident.affected = affected;
    }

    /// From the last update until the first of the sources that still stand is expected to cross its limit, with the
    /// interval of that source.
    fn time_to_limit(&self) -> Option<TimeToLimit> {
        let grounds = self.incident.evidence.iter().zip(&self.grounds);
        let standing = grounds.filter(|(evidence, _)| self.standing.contains(&evidence.source));
        let left = standing.filter_map(|(_, grounds)| {
            Some(grounds.time_to_limit?.after(self.incident.updated.seconds_since(grounds.at)))
        });
        left.min_by(|one, other| one.expected_s.total_cmp(&other.expected_s))
    }

    /// It rises while the incident is open and never falls, so that nobody is told of every change of mind.
    fn priority(&self) -> Priority {
        let by_time = match self.incident.time_to_limit.map(|time| time.expected_s) {
            _ if self.incident.cause() == Cause::LinkLoss => Priority::High,
            Some(seconds) if seconds <= HIGH_PRIORITY_S => Priority::High,
            Some(seconds) if seconds <= MEDIUM_PRIORITY_S => Priority::Medium,
            _ => Priority::Low,
        };
        by_time.max(self.incident.priority)
    }
}

impl Grounds {
    fn shown_at(&self, station: StationId) -> Shown<'_> {
        Shown { station, causes: &self.causes, is_supply: self.is_supply, circumstances: &self.circumstances }
    }
}

/// What a station shows.
struct Shown<'a> {
    station: StationId,
    causes: &'a [(Cause, f64)],
    is_supply: bool,
    circumstances: &'a Circumstances,
}

impl Shown<'_> {
    /// Whether what two stations show can come from one cause: one that either can have, if it is one station, or if it can
    /// come with a lot or a tool that what both show goes with; else a utility.
    ///
    /// A utility that no longer supplies what it should is felt by all that depend on it, so whatever of theirs can come
    /// from it at all does. Without that, they must speak for it themselves: a worn electrode may also come from warm
    /// water, but while nothing says that the water is warm it is none of the water's business.
    fn can_be_one_with(&self, other: &Self, plant: &Plant) -> bool {
        let mut shared = self.causes.iter().map(|(cause, _)| *cause).filter(|&cause| other.can_be(cause));
        if self.station == other.station {
            return shared.next().is_some();
        }
        if shared.any(|cause| self.circumstances.share(other.circumstances, cause)) {
            return true;
        }
        let utilities = |shown: &Self| &plant.station(shown.station).utilities;
        let is_felt_by = |utility: &Self, station: &Self| {
            let felt = if utility.is_supply { station.utility_share() > 0.0 } else { station.speaks_for_utility() };
            felt && utilities(station).contains(&utility.station)
        };
        let share_one = || utilities(self).iter().any(|shared| utilities(other).contains(shared));
        is_felt_by(self, other)
            || is_felt_by(other, self)
            || (self.speaks_for_utility() && other.speaks_for_utility() && share_one())
    }

    fn can_be(&self, cause: Cause) -> bool {
        self.causes.iter().any(|(known, _)| *known == cause)
    }

    /// The largest weight of a cause that lies at a utility, as a share of the largest weight; 0 if there is none.
    fn utility_share(&self) -> f64 {
        let largest = |weights: &mut dyn Iterator<Item = f64>| weights.fold(0.0, f64::max);
        let at_utility = self.causes.iter().filter(|(cause, _)| cause.locus() == Locus::Utility);
        largest(&mut at_utility.map(|&(_, weight)| weight))
            / largest(&mut self.causes.iter().map(|&(_, weight)| weight))
    }

    fn speaks_for_utility(&self) -> bool {
        const HALF: f64 = 0.5;
        self.utility_share() >= HALF
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
