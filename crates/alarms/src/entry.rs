//! One incident of the book: what speaks for it, and what that says of its cause and its place.

use std::collections::{BTreeMap, BTreeSet};

use genealogy::{Common, CycleMemory, Recent, Relation};
use plant::{Cause, Locus, Plant, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, Timestamp};

use crate::shown::{Grounds, Shown};
use crate::{
    Circumstances, Evidence, Handling, Incident, IncidentState, Intervention, Priority, RankedCause, Source,
    TimeToLimit, Verdict,
};

/// Interventions, and other changes, that an incident keeps; the latest stay.
const RECENT_MAX: usize = 8;

/// An incident with what only the book needs to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) incident: Incident,
    /// The station that first showed it, whatever is now held to be the cause.
    shown_at: Option<StationId>,
    /// Sources whose verdict still stands.
    pub(crate) standing: BTreeSet<Source>,
    /// Of these, sources that have cleared, and when that counts.
    pub(crate) clearing: Vec<(Source, Timestamp)>,
    /// For each piece of evidence, what it speaks for.
    pub(crate) grounds: Vec<Grounds>,
    /// When it was last told to the outside.
    pub(crate) told: Timestamp,
    /// When it may first be told.
    pub(crate) due: Timestamp,
    /// When it last began to ask for an acknowledgement; `None` while it never has.
    pub(crate) asked: Option<Timestamp>,
}

/// What a supervisor would want to be told of when it changes.
#[derive(PartialEq)]
pub(crate) struct Gist {
    state: IncidentState,
    pub(crate) priority: Priority,
    station: Option<StationId>,
    cause: Option<Cause>,
    /// How many sources show it, roughly once they are many: nobody wants to be told of each.
    sources: u32,
    /// How the strongest of what is in common belongs to it; which of several that are alike is the first may change.
    common: Option<Relation>,
}

/// The number itself while it is small, then its order of magnitude.
fn magnitude(count: usize) -> u32 {
    const EACH: usize = 8;
    if count <= EACH { count as u32 } else { EACH as u32 + (count / EACH).ilog2() }
}

impl Entry {
    /// The entry of a new incident, to be told at `due`.
    pub(crate) fn new(verdict: &Verdict, id: IncidentId, due: Timestamp) -> Self {
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
                handling: Handling::default(),
            },
            shown_at: source.station(),
            standing: BTreeSet::new(),
            clearing: Vec::new(),
            grounds: Vec::new(),
            told: verdict.at,
            due,
            asked: None,
        }
    }

    pub(crate) fn gist(&self) -> Gist {
        Gist {
            state: self.incident.state,
            priority: self.incident.priority,
            station: self.incident.station,
            cause: self.incident.causes.first().map(|ranked| ranked.cause),
            sources: magnitude(self.incident.evidence.len()),
            common: self.incident.in_common.first().map(|common| common.relation),
        }
    }

    /// The place of a source's evidence.
    pub(crate) fn place_of(&self, source: Source) -> Option<usize> {
        self.incident.evidence.iter().position(|evidence| evidence.source == source)
    }

    /// Whether a source was held to speak for a common cause.
    pub(crate) fn speaks_for_common_cause(&self, source: Source) -> bool {
        let grounds = self.place_of(source).map(|place| &self.grounds[place]);
        grounds.is_some_and(|grounds| grounds.causes.iter().any(|(cause, _)| *cause == Cause::CommonCause))
    }

    /// Whether the verdict can have the same cause as something that already speaks for this incident. What another
    /// station showed counts only while it stands: what is over brings nothing about.
    pub(crate) fn explains(&self, verdict: &Verdict, plant: &Plant) -> bool {
        let source = verdict.evidence.source;
        let Some(station) = source.station().filter(|_| !source.is_machine()) else { return false };
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

    /// The stations that show it by something that stands and began within so many seconds of a moment.
    pub(crate) fn stations_since(&self, onset: Timestamp, within_s: f64) -> impl Iterator<Item = StationId> {
        let began = move |evidence: &&Evidence| evidence.onset.seconds_since(onset).abs() <= within_s;
        let standing = self.incident.evidence.iter().filter(|evidence| self.standing.contains(&evidence.source));
        standing
            .filter(began)
            .map(|evidence| evidence.source)
            .filter(|source| !source.is_machine())
            .filter_map(Source::station)
    }

    /// How urgent the machine itself says that it is, if it is an alarm of a machine.
    pub(crate) fn machine_severity(&self) -> Option<f64> {
        let evidence = self.incident.evidence.iter().find(|evidence| evidence.source.is_machine())?;
        Some(evidence.statistic)
    }

    pub(crate) fn add(&mut self, verdict: Verdict, recent: impl IntoIterator<Item = Intervention>, plant: &Plant) {
        let Verdict { at, evidence, causes, is_supply, time_to_limit, circumstances } = verdict;
        let source = evidence.source;
        let circumstances = circumstances.unwrap_or_default();
        if self.standing.insert(source) {
            self.remember(recent);
            self.remember_changes(&circumstances.recent);
        }
        self.clearing.retain(|&(clearing, _)| clearing != source);
        if self.incident.returned.take().is_some() {
            self.incident.ended_by = None;
            self.incident.handling.repeats += 1;
            self.incident.settle();
        }
        self.incident.onset = self.incident.onset.min(evidence.onset);
        self.incident.updated = at;
        let grounds = Grounds { causes, circumstances, is_supply, time_to_limit, at };
        let says_what_it_said = match self.place_of(source) {
            Some(place) => {
                let before = &self.grounds[place];
                let is_same = (&before.causes, &before.circumstances) == (&grounds.causes, &grounds.circumstances);
                (self.incident.evidence[place], self.grounds[place]) = (evidence, grounds);
                is_same
            }
            None => {
                self.incident.evidence.push(evidence);
                self.grounds.push(grounds);
                false
            }
        };
        self.incident.time_to_limit = self.time_to_limit();
        if !says_what_it_said {
            self.incident.in_common = self.in_common();
            let place = self.rank(plant);
            self.locate(place);
        }
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
    /// Returns where it is to be mended: at the utility, if a utility's own evidence is there; else at the station or utility
    /// that the first cause lies at, or that showed it first if it lies at none.
    fn rank(&mut self, plant: &Plant) -> Option<StationId> {
        let root = self.utility_with_evidence(plant);
        let mut sums: Vec<(Cause, Option<StationId>, f64)> = Vec::new();
        let mut places_of_sums = BTreeMap::new();
        for (evidence, grounds) in self.incident.evidence.iter().zip(&self.grounds) {
            let station = evidence.source.station();
            if root.is_some() && station != root {
                continue;
            }
            for &(cause, weight) in &grounds.causes {
                let place = station.and_then(|station| match cause.locus() {
                    Locus::Station => Some(self.first_to_share(station, grounds, cause, plant)),
                    // Stations that share no utility cannot have it from the same.
                    Locus::Utility => Some(plant.station(station).utilities.first().copied().unwrap_or(station)),
                    Locus::Link | Locus::Line => None,
                });
                let at = *places_of_sums.entry((cause, place)).or_insert(sums.len());
                match sums.get_mut(at) {
                    Some((_, _, sum)) => *sum += weight,
                    None => sums.push((cause, place, weight)),
                }
            }
        }
        self.add_consequences(&mut sums);
        sums.sort_by(|(cause_a, _, a), (cause_b, _, b)| b.total_cmp(a).then(cause_a.cmp(cause_b)));
        let place = root.or(sums.first().and_then(|&(_, place, _)| place)).or(self.shown_at);
        let mut ranked: Vec<(Cause, f64)> = Vec::new();
        for (cause, _, sum) in sums {
            if ranked.iter().all(|&(known, _)| known != cause) {
                ranked.push((cause, sum));
            }
        }
        let total: f64 = ranked.iter().map(|(_, sum)| sum).sum();
        self.incident.causes =
            ranked.into_iter().map(|(cause, sum)| RankedCause { cause, share: sum / total }).collect();
        place
    }

    /// Of the stations that show the cause together with a lot or a tool that this one shows it with: the one that parts
    /// come to first.
    fn first_to_share(&self, station: StationId, grounds: &Grounds, cause: Cause, plant: &Plant) -> StationId {
        if grounds.circumstances.in_common.is_empty() {
            return station;
        }
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
        let utilities: BTreeSet<StationId> =
            stations().flat_map(|station| plant.station(station).utilities.iter().copied()).collect();
        stations().find(|station| utilities.contains(station))
    }

    /// Places the incident; all others that show it are affected.
    fn locate(&mut self, place: Option<StationId>) {
        let Some(place) = place else { return };
        self.incident.station = Some(place);
        let stations = self.incident.evidence.iter().filter_map(|evidence| evidence.source.station());
        let affected: BTreeSet<StationId> = stations.filter(|&station| station != place).collect();
        self.incident.affected = affected.into_iter().collect();
    }

    /// From the last update until the first of the sources that still stand is expected to cross its limit, with the
    /// interval of that source.
    pub(crate) fn time_to_limit(&self) -> Option<TimeToLimit> {
        let grounds = self.incident.evidence.iter().zip(&self.grounds);
        let standing = grounds.filter(|(evidence, _)| self.standing.contains(&evidence.source));
        let left = standing.filter_map(|(_, grounds)| {
            Some(grounds.time_to_limit?.after(self.incident.updated.seconds_since(grounds.at)))
        });
        left.min_by(|one, other| one.expected_s.total_cmp(&other.expected_s))
    }
}
