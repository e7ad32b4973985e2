use genealogy::factors::Factor;
use genealogy::{Common, Relation};
use plant::{ChangeKind, Origin, Station, StationKind};
use telemetry::{InterventionKind, LinkId};

use super::*;
use crate::{Detector, Direction, Evidence, TimeToLimit};

mod lifecycle;
mod property;

const COOLING: StationId = StationId(0);
const OTHER_COOLING: StationId = StationId(1);
const WELD_A: StationId = StationId(2);
const WELD_B: StationId = StationId(3);
const LASER: StationId = StationId(4);

/// Two welding stations on one cooling loop, a laser on another.
fn plant() -> Plant {
    let station = |id: StationId, kind: StationKind, utilities: &[StationId]| Station {
        id,
        name: format!("station-{}", id.0),
        kind,
        upstream: Vec::new(),
        utilities: utilities.to_vec(),
        ideal_cycle_s: None,
        origin: Origin { file: String::new(), line: 0 },
    };
    Plant {
        stations: vec![
            station(COOLING, StationKind::CoolingLoop, &[]),
            station(OTHER_COOLING, StationKind::CoolingLoop, &[]),
            station(WELD_A, StationKind::SpotWeld, &[COOLING]),
            station(WELD_B, StationKind::SpotWeld, &[COOLING]),
            station(LASER, StationKind::LaserWeld, &[OTHER_COOLING]),
        ],
        ..Plant::default()
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(seconds)
}

fn feature(station: StationId, feature: u16) -> Source {
    Source::Feature { station, feature }
}

fn verdict(source: Source, seconds: f64, causes: &[(Cause, f64)], time_to_limit: Option<TimeToLimit>) -> Verdict {
    let evidence = Evidence {
        source,
        name: String::new(),
        unit: String::new(),
        variant: None,
        part: None,
        direction: Some(Direction::Up),
        value: None,
        baseline: None,
        sigma: None,
        baseline_cycles: 0,
        detector: Detector::MeanShift,
        statistic: 0.0,
        threshold: 0.0,
        false_alarms_per_shift: 0.0,
        onset: at(seconds),
        note: String::new(),
    };
    let is_supply = causes == WARM_LOOP;
    Verdict { at: at(seconds), evidence, causes: causes.to_vec(), is_supply, time_to_limit, circumstances: None }
}

fn time(expected_s: f64) -> TimeToLimit {
    TimeToLimit { expected_s, earliest_s: 0.5 * expected_s, latest_s: Some(2.0 * expected_s) }
}

/// The situation in which nothing is suppressed, in the first shift.
fn calm(plant: &Plant, now: Timestamp) -> Situation<'_> {
    Situation { plant, now, shift: Some(0), suppression: &|_| None }
}

/// A book that tells what a supervisor would see, a word a change.
struct Told {
    plant: Plant,
    book: IncidentBook,
    sequence: u64,
}

impl Told {
    fn new() -> Self {
        Self { plant: plant(), book: IncidentBook::default(), sequence: 0 }
    }

    fn next_ids(&mut self) -> Ids {
        self.sequence += 1;
        Ids::of_input(self.sequence)
    }

    fn take(&mut self, source: Source, seconds: f64, causes: &[(Cause, f64)]) -> String {
        self.take_with_limit(source, seconds, causes, None)
    }

    fn take_with_limit(&mut self, source: Source, seconds: f64, causes: &[(Cause, f64)], limit: Option<f64>) -> String {
        let mut ids = self.next_ids();
        let verdict = verdict(source, seconds, causes, limit.map(time));
        let told = self.book.take(verdict, [], &mut ids, calm(&self.plant, at(seconds)));
        told.map_or("nothing".to_owned(), |(change, incident)| words(change, &incident))
    }

    fn clear(&mut self, source: Source, seconds: f64) -> String {
        let told = self.book.clear(source, at(seconds), None, calm(&self.plant, at(seconds)));
        told.map_or("nothing".to_owned(), |(change, incident)| words(change, &incident))
    }

    fn acknowledge(&mut self, sequence: u64, seconds: f64) -> String {
        self.command(sequence, IncidentAction::Acknowledge, "on it", seconds)
    }

    fn command(&mut self, sequence: u64, action: IncidentAction, comment: &str, seconds: f64) -> String {
        let id = IncidentId { sequence, ordinal: 0 };
        match self.book.command(id, action, "anna", comment, calm(&self.plant, at(seconds))) {
            Ok((change, incident)) => words(change, &incident),
            Err(error) => error.to_string(),
        }
    }

    /// What the time until then makes of the incidents.
    fn wait(&mut self, seconds: f64) -> String {
        self.wait_in(calm(&self.plant.clone(), at(seconds)))
    }

    fn wait_in(&mut self, situation: Situation<'_>) -> String {
        let mut changes = Vec::new();
        self.book.pass_time(situation, &mut changes);
        let told: Vec<String> = changes.iter().map(|(change, incident)| words(*change, incident)).collect();
        if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
    }

    fn places(&self) -> Vec<(Option<StationId>, Cause, Vec<StationId>)> {
        let place = |incident: &Incident| (incident.station, incident.cause(), incident.affected.clone());
        self.book.open().map(place).collect()
    }
}

/// Such as `raised 1-0 unacknowledged low`.
fn words(change: Change, incident: &Incident) -> String {
    format!("{} {} {} {}", change.name(), incident.id, incident.state.name(), incident.priority.name())
}

const WEAR: &[(Cause, f64)] = &[(Cause::ElectrodeWear, 0.7), (Cause::ElectrodeForce, 0.3)];
const FORCE: &[(Cause, f64)] = &[(Cause::ElectrodeForce, 1.0)];
const CURRENT: &[(Cause, f64)] = &[(Cause::WeldCurrent, 1.0)];
const WARM_GUN: &[(Cause, f64)] = &[(Cause::CoolingSupply, 0.6), (Cause::WeldWaterRestriction, 0.5)];
const WEAK_GUN: &[(Cause, f64)] = &[(Cause::WeldWaterRestriction, 0.9), (Cause::CoolingSupply, 0.5)];
const WARM_LOOP: &[(Cause, f64)] = &[(Cause::ChillerFouling, 0.7), (Cause::PumpWear, 0.1)];
const BUSY_CHILLER: &[(Cause, f64)] = &[(Cause::ChillerFouling, 0.9)];
const WEAK_WELD: &[(Cause, f64)] = &[(Cause::ElectrodeWear, 0.7), (Cause::CoolingSupply, 0.1)];
const LOST_POWER: &[(Cause, f64)] = &[(Cause::LaserPower, 1.0)];
const LOST: &[(Cause, f64)] = &[(Cause::LinkLoss, 1.0)];

#[test]
fn the_same_source_again_is_no_second_incident_and_no_second_message() {
    let mut told = Told::new();
    assert_eq!(told.take(feature(WELD_A, 0), 1.0, WEAR), "raised 1-0 unacknowledged low");
    assert_eq!(told.take(feature(WELD_A, 0), 2.0, WEAR), "nothing");
    assert_eq!(told.book.open().count(), 1);
}

#[test]
fn features_of_a_station_that_can_have_one_cause_are_one_incident() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, WEAR);
    assert_eq!(told.take(feature(WELD_A, 1), 2.0, FORCE), "updated 1-0 unacknowledged low");
    assert_eq!(told.places(), [(Some(WELD_A), Cause::ElectrodeForce, vec![])]);
    assert_eq!(told.take(feature(WELD_A, 2), 3.0, CURRENT), "raised 3-0 unacknowledged low");
    assert_eq!(told.take(feature(WELD_B, 0), 4.0, WEAR), "raised 4-0 unacknowledged low");
}

/// An incident keeps its source even where its causes come to look like another's.
#[test]
fn a_source_stays_with_its_incident() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, WEAR);
    assert_eq!(told.take(feature(WELD_A, 1), 2.0, CURRENT), "raised 2-0 unacknowledged low");
    told.take(feature(WELD_A, 0), 3.0, CURRENT);
    told.take(feature(WELD_A, 1), 4.0, CURRENT);
    assert_eq!(told.clear(feature(WELD_A, 1), 5.0), "returned 2-0 returned-unacknowledged low");
    assert_eq!(told.clear(feature(WELD_A, 0), 6.0), "returned 1-0 returned-unacknowledged low");
}

#[test]
fn what_a_utility_can_explain_is_one_incident_at_the_utility_in_any_order() {
    let shown = [(feature(COOLING, 0), WARM_LOOP), (feature(WELD_A, 0), WARM_GUN), (feature(WELD_B, 1), WEAK_GUN)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut told = Told::new();
        for (place, shown) in order.into_iter().map(|place| (place, shown[place])) {
            told.take(shown.0, place as f64, shown.1);
        }
        let expected = [(Some(COOLING), Cause::ChillerFouling, vec![WELD_A, WELD_B])];
        assert_eq!(told.places(), expected, "in the order {order:?}");
    }
}

/// The utility's own evidence silences its consequences, but they stay part of the incident.
#[test]
fn a_second_feature_of_an_affected_station_joins_the_incident_at_the_utility() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, WARM_GUN);
    told.take(feature(COOLING, 0), 2.0, WARM_LOOP);
    assert_eq!(told.take(feature(WELD_A, 1), 3.0, WEAK_GUN), "updated 1-0 unacknowledged low");
    assert_eq!(told.places(), [(Some(COOLING), Cause::ChillerFouling, vec![WELD_A])]);
}

#[test]
fn two_stations_on_one_utility_point_to_it_and_a_station_on_another_does_not() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, WEAK_GUN);
    assert_eq!(told.places(), [(Some(WELD_A), Cause::WeldWaterRestriction, vec![])]);
    assert_eq!(told.take(feature(WELD_B, 0), 2.0, WEAK_GUN), "updated 1-0 unacknowledged low");
    assert_eq!(told.places(), [(Some(COOLING), Cause::CoolingSupply, vec![WELD_A, WELD_B])]);
    assert_eq!(told.take(feature(LASER, 0), 3.0, WARM_GUN), "raised 3-0 unacknowledged low");
}

#[test]
fn causes_are_shares_of_the_evidence_and_ties_are_in_the_order_of_all_causes() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, &[(Cause::ElectrodeForce, 0.5), (Cause::ElectrodeWear, 0.5)]);
    let incident = told.book.open().next().cloned().unwrap();
    let shares: Vec<_> = incident.causes.iter().map(|ranked| (ranked.cause, ranked.share)).collect();
    assert_eq!(shares, [(Cause::ElectrodeWear, 0.5), (Cause::ElectrodeForce, 0.5)]);
}

/// ISA-18.2, figure 1: the rows of the state table, by the letters of its states.
#[test]
fn the_lifecycle_is_that_of_isa_18_2() {
    let source = feature(WELD_A, 0);
    let mut told = Told::new();
    assert_eq!(told.take(source, 1.0, WEAR), "raised 1-0 unacknowledged low", "A to B");
    assert_eq!(told.acknowledge(1, 2.0), "acknowledged 1-0 acknowledged low", "B to C");
    assert_eq!(told.take(source, 3.0, WEAR), "nothing", "C stays");
    assert_eq!(told.clear(source, 4.0), "closed 1-0 closed low", "C to A");
    assert_eq!(told.take(source, 5.0, WEAR), "raised 1-0 unacknowledged low", "A to B, and the same again");
    assert_eq!(told.clear(source, 6.0), "returned 1-0 returned-unacknowledged low", "B to D");
    assert_eq!(told.clear(source, 7.0), "nothing", "D stays");
    assert_eq!(told.take(source, 8.0, WEAR), "updated 1-0 unacknowledged low", "D to B");
    assert_eq!(told.book.open().next().unwrap().returned, None);
    assert_eq!(told.clear(source, 9.0), "returned 1-0 returned-unacknowledged low", "B to D");
    assert_eq!(told.acknowledge(1, 10.0), "closed 1-0 closed low", "D to A");
    assert_eq!(told.book.open().count(), 0);
}

#[test]
fn an_incident_returns_with_the_last_of_its_sources() {
    let mut told = Told::new();
    told.take(feature(WELD_A, 0), 1.0, WEAR);
    told.take(feature(WELD_A, 1), 2.0, FORCE);
    assert_eq!(told.clear(feature(WELD_A, 0), 3.0), "nothing");
    assert_eq!(told.clear(feature(WELD_A, 1), 4.0), "returned 1-0 returned-unacknowledged low");
    assert_eq!(told.clear(feature(WELD_B, 0), 5.0), "nothing");
}

#[test]
fn a_command_for_what_is_not_open_is_refused_in_words() {
    let mut told = Told::new();
    let refused = "there is no open incident 1-0: it was never raised, or it is closed";
    assert_eq!(told.acknowledge(1, 1.0), refused);
    told.take(feature(WELD_A, 0), 2.0, WEAR);
    told.acknowledge(1, 3.0);
    told.clear(feature(WELD_A, 0), 4.0);
    assert_eq!(told.acknowledge(1, 5.0), refused);
}

#[test]
fn priority_is_by_the_time_that_is_left() {
    let check = |limit: Option<f64>, expected: &str| {
        let mut told = Told::new();
        let words = told.take_with_limit(feature(WELD_A, 0), 1.0, WEAR, limit);
        assert_eq!(words, format!("raised 1-0 unacknowledged {expected}"), "{limit:?}");
    };
    check(None, "low");
    check(Some(3601.0), "low");
    check(Some(3600.0), "medium");
    check(Some(901.0), "medium");
    check(Some(900.0), "high");
    check(Some(0.0), "high");
    let mut told = Told::new();
    let lost = told.take(Source::Link { link: LinkId(0) }, 1.0, LOST);
    assert_eq!(lost, "raised 1-0 unacknowledged high", "the twin is blind");
}

#[test]
fn an_incident_on_its_way_to_a_limit_is_told_again_but_not_often() {
    let mut told = Told::new();
    let source = feature(WELD_A, 0);
    told.take_with_limit(source, 0.0, WEAR, Some(3000.0));
    assert_eq!(told.take_with_limit(source, 599.0, WEAR, Some(2401.0)), "nothing");
    assert_eq!(told.take_with_limit(source, 600.0, WEAR, Some(2400.0)), "updated 1-0 unacknowledged medium");
    assert_eq!(told.take_with_limit(source, 700.0, WEAR, Some(2300.0)), "nothing");
    assert_eq!(told.take_with_limit(source, 800.0, WEAR, Some(800.0)), "updated 1-0 unacknowledged high");
}

/// What is left is counted from the last update: an estimate of an hour ago has an hour less, and a newer one of the
/// same source replaces it.
#[test]
fn the_time_to_the_limit_is_that_of_the_latest_estimates() {
    let left = |told: &Told| told.book.open().next().unwrap().time_to_limit.unwrap().expected_s;
    let mut told = Told::new();
    told.take_with_limit(feature(WELD_A, 0), 0.0, WEAR, Some(1000.0));
    told.take_with_limit(feature(WELD_A, 0), 100.0, WEAR, Some(5000.0));
    assert_eq!(left(&told), 5000.0);
    told.take_with_limit(feature(WELD_A, 1), 200.0, FORCE, Some(9000.0));
    assert_eq!(left(&told), 4900.0);
    told.clear(feature(WELD_A, 0), 300.0);
    told.take_with_limit(feature(WELD_A, 1), 400.0, FORCE, Some(8800.0));
    assert_eq!(left(&told), 8800.0);
}

/// Not the earliest of all early ends and the latest of all late ones: they would be no interval of anything.
#[test]
fn of_several_times_to_a_limit_the_soonest_counts_with_its_own_interval() {
    let time = |expected_s, earliest_s, latest_s| TimeToLimit { expected_s, earliest_s, latest_s };
    let mut told = Told::new();
    let mut take = |place, seconds, time| {
        let mut ids = told.next_ids();
        told.book.take(
            verdict(feature(WELD_A, place), seconds, WEAR, Some(time)),
            [],
            &mut ids,
            calm(&told.plant, at(1.0)),
        );
        told.book.open().next().unwrap().time_to_limit
    };
    take(0, 0.0, time(3000.0, 2000.0, Some(7000.0)));
    assert_eq!(take(1, 100.0, time(4000.0, 50.0, None)), Some(time(2900.0, 1900.0, Some(6900.0))));
    assert_eq!(take(2, 2500.0, time(200.0, 0.0, None)), Some(time(200.0, 0.0, None)));
    assert_eq!(take(2, 2600.0, time(900.0, 800.0, Some(1000.0))), Some(time(400.0, 0.0, Some(4400.0))));
    assert_eq!(take(2, 4000.0, time(900.0, 800.0, None)), Some(time(0.0, 0.0, Some(3000.0))));
}

fn dressed(station: StationId, seconds: f64) -> Intervention {
    Intervention {
        kind: InterventionKind::ToolDress,
        station,
        signal: None,
        at: at(seconds),
        by: None,
        comment: String::new(),
    }
}

#[test]
fn an_incident_says_what_ended_it_until_it_is_there_again() {
    let mut told = Told::new();
    let ended_by = |told: &Told| told.book.open().next().unwrap().ended_by.clone();
    told.take(feature(WELD_A, 0), 1.0, WEAR);
    told.take(feature(WELD_A, 1), 2.0, FORCE);
    assert_eq!(
        told.book.clear(feature(WELD_A, 0), at(3.0), Some(&dressed(WELD_A, 3.0)), calm(&told.plant, at(3.0))),
        None,
        "the force still stands"
    );
    assert_eq!(ended_by(&told), None);
    let (change, incident) =
        told.book.clear(feature(WELD_A, 1), at(4.0), Some(&dressed(WELD_A, 4.0)), calm(&told.plant, at(4.0))).unwrap();
    assert_eq!((change, incident.ended_by), (Change::Returned, Some(dressed(WELD_A, 4.0))));
    told.take(feature(WELD_A, 1), 5.0, FORCE);
    assert_eq!(ended_by(&told), None);
    told.clear(feature(WELD_A, 1), 6.0);
    assert_eq!(ended_by(&told), None, "it went away by itself");
}

#[test]
fn an_incident_remembers_what_was_done_before_each_source_showed_it() {
    let mut told = Told::new();
    let mut take = |source: Source, seconds: f64, done: &[f64]| {
        let recent = done.iter().map(|&seconds| dressed(source.station().unwrap(), seconds));
        let mut ids = told.next_ids();
        told.book.take(verdict(source, seconds, FORCE, None), recent, &mut ids, calm(&told.plant, at(1.0)));
        let incident = told.book.open().next().unwrap();
        incident.recent_interventions.iter().map(|known| known.at.seconds_since(at(0.0))).collect::<Vec<f64>>()
    };
    assert_eq!(take(feature(WELD_A, 0), 10.0, &[5.0]), [5.0]);
    assert_eq!(take(feature(WELD_A, 0), 20.0, &[5.0, 15.0]), [5.0], "what came after it is not before it");
    assert_eq!(take(feature(WELD_A, 1), 30.0, &[2.0, 5.0]), [2.0, 5.0], "each is named once");
    let many: Vec<f64> = (0..20).map(f64::from).collect();
    assert_eq!(take(feature(WELD_A, 2), 40.0, &many), many[12..]);
}

#[test]
fn what_begins_at_many_stations_at_once_has_a_common_cause() {
    let mut told = Told::new();
    let mut plant = told.plant.clone();
    plant.stations =
        (0..100).map(|id| Station { id: StationId(id), utilities: Vec::new(), ..plant.stations[2].clone() }).collect();
    told.plant = plant;
    // 500 features of 100 stations, whatever each can have as its cause, within two minutes.
    for place in 0..500_u16 {
        let causes = [WEAR, CURRENT, FORCE, LOST_POWER][usize::from(place) % 4];
        told.take(feature(StationId(place % 100), place / 100), f64::from(place % 120), causes);
    }
    assert_eq!(told.book.open().count(), 3, "the three that came before it could be seen");
    let first = told.book.open().next().unwrap();
    assert_eq!((first.cause(), first.affected.len()), (Cause::CommonCause, 97));
    let shown = |incident: &Incident| incident.evidence.len();
    assert_eq!(told.book.open().map(shown).sum::<usize>(), 500);
}

#[test]
fn what_begins_at_some_stations_one_after_the_other_has_causes_of_its_own() {
    let mut told = Told::new();
    let seconds = |station: StationId| f64::from(station.0) * (AT_ONCE_S + 1.0);
    for station in [WELD_A, WELD_B, LASER, OTHER_COOLING, COOLING] {
        told.take(feature(station, 0), seconds(station), CURRENT);
    }
    assert_eq!(told.book.open().count(), 5);
}

/// A worn electrode is no business of a chiller that works hard and still delivers.
#[test]
fn a_station_is_held_to_feel_a_utility_only_if_that_no_longer_delivers_or_its_own_water_says_so() {
    let mut told = Told::new();
    told.take(feature(COOLING, 1), 1.0, BUSY_CHILLER);
    assert_eq!(told.take(feature(WELD_A, 0), 2.0, WEAK_WELD), "raised 2-0 unacknowledged low");
    assert_eq!(told.take(feature(WELD_B, 0), 3.0, WEAK_WELD), "raised 3-0 unacknowledged low");
    assert_eq!(told.take(feature(WELD_B, 1), 4.0, WARM_GUN), "updated 1-0 unacknowledged low");
    let expected = [
        (Some(COOLING), Cause::ChillerFouling, vec![WELD_B]),
        (Some(WELD_A), Cause::ElectrodeWear, vec![]),
        (Some(WELD_B), Cause::ElectrodeWear, vec![]),
    ];
    assert_eq!(told.places(), expected);

    let mut told = Told::new();
    told.take(feature(COOLING, 0), 1.0, WARM_LOOP);
    assert_eq!(told.take(feature(WELD_A, 0), 2.0, WEAK_WELD), "updated 1-0 unacknowledged low");
    told.clear(feature(COOLING, 0), 3.0);
    assert_eq!(told.take(feature(WELD_B, 0), 4.0, WEAK_WELD), "raised 3-0 unacknowledged low");
}

/// However much the wear shows that it brings about, the gun's own water says where it comes from.
#[test]
fn a_cause_with_evidence_of_its_own_comes_before_what_it_brings_about() {
    let hot_cap = &[(Cause::ElectrodeWear, 0.7), (Cause::WeldWaterRestriction, 0.1)];
    let mut told = Told::new();
    for place in 0..4 {
        told.take(feature(WELD_A, place), f64::from(place), hot_cap);
    }
    assert_eq!(told.places(), [(Some(WELD_A), Cause::ElectrodeWear, vec![])]);
    told.take(feature(WELD_A, 4), 5.0, WEAK_GUN);
    assert_eq!(told.places(), [(Some(WELD_A), Cause::WeldWaterRestriction, vec![])]);
}

const ROUGH_SHEET: &[(Cause, f64)] = &[(Cause::ElectrodeForce, 0.5), (Cause::SheetMaterial, 0.4)];

/// The lot of sheet that all cycles that show something go with.
fn from_lot(text: &str) -> Circumstances {
    let label = genealogy::Label { signal: telemetry::SignalId(0), text: telemetry::Symbol::new(text).unwrap() };
    let common = Common {
        factor: Factor::Lot(label),
        relation: Relation::GoesWith,
        since: at(0.0),
        table: genealogy::factors::Table { bad_with: 12, bad_without: 0, good_with: 1, good_without: 39 },
        p: 1e-6,
        q: 1e-5,
        chance: 1e-5,
    };
    Circumstances { in_common: vec![common], changes: vec![(ChangeKind::Lot, Some(1e-5))], ..Circumstances::default() }
}

impl Told {
    /// Two welding stations, one after the other, and what each shows goes with.
    fn two_with(first: Option<Circumstances>, second: Option<Circumstances>) -> Self {
        let mut told = Self::new();
        told.plant.stations[WELD_B.index()].upstream = vec![WELD_A];
        // The station that parts come to later shows it first.
        for (station, circumstances) in [(WELD_B, second), (WELD_A, first)] {
            let (mut ids, seconds) = (told.next_ids(), told.sequence as f64);
            let verdict = Verdict { circumstances, ..verdict(feature(station, 0), seconds, ROUGH_SHEET, None) };
            told.book.take(verdict, [], &mut ids, calm(&told.plant, at(1.0)));
        }
        told
    }
}

#[test]
fn two_stations_that_a_lot_goes_with_are_one_incident_where_the_lot_came_first() {
    let told = Told::two_with(Some(from_lot("4711")), Some(from_lot("4711")));
    assert_eq!(told.places(), [(Some(WELD_A), Cause::SheetMaterial, vec![WELD_B])]);
    let incident = told.book.open().next().unwrap();
    assert_eq!(incident.in_common.len(), 1, "what both have in common is said once");
}

#[test]
fn two_lots_or_none_are_two_incidents() {
    let two_lots = Told::two_with(Some(from_lot("4711")), Some(from_lot("4712")));
    assert_eq!(
        two_lots.places(),
        [(Some(WELD_B), Cause::SheetMaterial, vec![]), (Some(WELD_A), Cause::SheetMaterial, vec![])]
    );
    let none = Told::two_with(None, None);
    assert_eq!(
        none.places(),
        [(Some(WELD_B), Cause::ElectrodeForce, vec![]), (Some(WELD_A), Cause::ElectrodeForce, vec![])]
    );
}

/// After hours the cycles before the onset are forgotten, and after a dressing the charts find another onset; what was found
/// when it began still holds, and speaks for the same cause.
#[test]
fn what_was_said_when_it_began_holds() {
    let mut told = Told::two_with(Some(from_lot("4711")), None);
    for circumstances in [None, Some(Circumstances::default())] {
        let mut ids = told.next_ids();
        let verdict = Verdict { circumstances, ..verdict(feature(WELD_A, 0), 9000.0, ROUGH_SHEET, None) };
        told.book.take(verdict, [], &mut ids, calm(&told.plant, at(1.0)));
        let incident = told.book.open().nth(1).cloned().unwrap();
        let found = (incident.station, incident.cause(), incident.in_common.len());
        assert_eq!(found, (Some(WELD_A), Cause::SheetMaterial, 1));
    }
}
