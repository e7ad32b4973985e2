//! Whatever is found, done and suppressed, the book stays whole, and who hears its changes knows what is open.

use std::collections::BTreeMap;

use plant::{AlarmPolicy, EscalationStep, Flood};
use proptest::prelude::*;

use super::*;
use crate::Handling;

#[derive(Debug, Clone)]
enum Step {
    Take { source: Source, causes: &'static [(Cause, f64)], limit: Option<f64> },
    Clear(Source),
    Command(u64, IncidentAction),
    Remove(Place),
    PlaceBack(Place),
    Suppress(bool),
    Wait(f64),
}

fn any_source() -> impl Strategy<Value = Source> {
    prop_oneof![
        8 => (0u16..5, 0u16..3).prop_map(|(station, place)| feature(StationId(station), place)),
        1 => (0u16..2).prop_map(|link| Source::Link { link: LinkId(link) }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let causes = prop::sample::select(vec![WEAR, FORCE, CURRENT, WARM_GUN, WEAK_GUN, WARM_LOOP]);
    let limit = prop::option::of(0.0..10_000.0f64);
    prop_oneof![
        4 => (any_source(), causes, limit).prop_map(|(source, causes, limit)| match source {
            Source::Link { .. } => Step::Take { source, causes: LOST, limit: None },
            _ => Step::Take { source, causes, limit },
        }),
        3 => any_source().prop_map(Step::Clear),
        3 => (1u64..60, any_action()).prop_map(|(sequence, action)| Step::Command(sequence, action)),
        1 => any_place().prop_map(Step::Remove),
        1 => any_place().prop_map(Step::PlaceBack),
        1 => any::<bool>().prop_map(Step::Suppress),
        2 => (0.0..5000.0f64).prop_map(Step::Wait),
    ]
}

fn any_action() -> impl Strategy<Value = IncidentAction> {
    prop::sample::select(vec![
        IncidentAction::Acknowledge,
        IncidentAction::Shelve(Shelf::Once),
        IncidentAction::Shelve(Shelf::ForSeconds(600)),
        IncidentAction::Unshelve,
        IncidentAction::Comment,
        IncidentAction::MarkTrue,
        IncidentAction::MarkFalse,
        IncidentAction::MarkPlanned(InterventionKind::Other),
    ])
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (0u16..5).prop_map(|station| Place::Station(StationId(station))),
        (0u16..2).prop_map(|link| Place::Link(LinkId(link))),
    ]
}

/// A line that delays, re-alarms, floods and escalates.
fn strict_plant() -> Plant {
    let mut plant = plant();
    plant.alarms = AlarmPolicy {
        on_delay_s: 2.0,
        off_delay_s: 3.0,
        re_alarm_min: Some(30.0),
        flood: Flood { alarms_max: 3, window_min: 10.0 },
        escalation: vec![
            EscalationStep { after_min: 0.0, to: vec!["lead".into()], min_priority: Priority::Low },
            EscalationStep { after_min: 10.0, to: vec!["chief".into()], min_priority: Priority::Medium },
        ],
        ..AlarmPolicy::default()
    };
    plant
}

/// What must hold of the open incidents at any time.
fn check_book(book: &IncidentBook) {
    let mut sources: Vec<Source> = book.open.iter().flat_map(|entry| entry.standing.clone()).collect();
    let count = sources.len();
    sources.sort_unstable();
    sources.dedup();
    assert_eq!(sources.len(), count, "a source stands in two incidents");
    for entry in &book.open {
        let incident = &entry.incident;
        let evidence: Vec<Source> = incident.evidence.iter().map(|evidence| evidence.source).collect();
        assert!(entry.standing.iter().all(|source| evidence.contains(source)), "a source stands without evidence");
        assert!((incident.causes.iter().map(|ranked| ranked.share).sum::<f64>() - 1.0).abs() < 1e-9, "{incident:?}");
        assert!(incident.causes.is_sorted_by(|a, b| a.share >= b.share), "{incident:?}");
        assert_eq!(incident.station.is_none(), incident.link.is_some(), "{incident:?}");
        assert!(incident.station.is_none_or(|station| !incident.affected.contains(&station)), "{incident:?}");
        if let Some(TimeToLimit { expected_s, earliest_s, latest_s }) = incident.time_to_limit {
            assert!(0.0 <= earliest_s && earliest_s <= expected_s, "{incident:?}");
            assert!(latest_s.is_none_or(|latest_s| expected_s <= latest_s), "{incident:?}");
        }
        let (stands, returned) = (!entry.standing.is_empty(), incident.returned.is_some());
        assert!(entry.clearing.iter().all(|(source, _)| entry.standing.contains(source)), "{entry:?}");
        match incident.state {
            IncidentState::Unacknowledged | IncidentState::Acknowledged | IncidentState::ReturnedUnacknowledged
                if !entry.is_known() => {}
            IncidentState::Unacknowledged => assert!(stands && !returned && incident.acknowledged.is_none()),
            IncidentState::Acknowledged => assert!(stands && !returned && incident.acknowledged.is_some()),
            IncidentState::ReturnedUnacknowledged => assert!(!stands && returned && incident.acknowledged.is_none()),
            IncidentState::Shelved => assert!(incident.handling.shelved.is_some()),
            IncidentState::Suppressed => assert!(incident.handling.suppressed.is_some()),
            IncidentState::OutOfService => assert!(incident.handling.out_of_service.is_some()),
            IncidentState::Closed => panic!("a closed incident is open"),
        }
        assert!(incident.handling.history.len() <= Handling::HISTORY_MAX);
    }
    let mut ids: Vec<IncidentId> = book.open.iter().map(|entry| entry.incident.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), book.open.len(), "two open incidents with one identity");
}

/// What somebody who only hears the changes knows of the open incidents.
#[derive(Default)]
struct Heard(BTreeMap<IncidentId, Incident>);

impl Heard {
    fn take(&mut self, changes: &[Changed]) {
        for (change, incident) in changes {
            assert_eq!(*change == Change::Closed, incident.state == IncidentState::Closed, "{incident:?}");
            match change {
                Change::Closed => assert!(self.0.remove(&incident.id).is_some(), "closed and not open: {incident:?}"),
                _ => drop(self.0.insert(incident.id, incident.clone())),
            }
        }
    }
}

fn check_steps(plant: Plant, steps: Vec<Step>) {
    let mut told = Told { plant, ..Told::new() };
    let (mut heard, mut now_s, mut is_suppressed) = (Heard::default(), 0.0, false);
    for step in steps {
        now_s += 1.0;
        let plant = told.plant.clone();
        let now = at(now_s);
        let suppression = |station: Option<StationId>| (is_suppressed && station == Some(WELD_A)).then_some(0);
        let situation = Situation { plant: &plant, now, shift: Some(0), suppression: &suppression };
        let mut changes = Vec::new();
        match step {
            Step::Take { source, causes, limit } => {
                let mut ids = told.next_ids();
                let verdict = verdict(source, now_s, causes, limit.map(time));
                changes.extend(told.book.take(verdict, [], &mut ids, situation));
            }
            Step::Clear(source) => changes.extend(told.book.clear(source, now, None, situation)),
            Step::Command(sequence, action) => {
                let id = IncidentId { sequence, ordinal: 0 };
                changes.extend(told.book.command(id, action, "anna", "why", situation));
            }
            Step::Remove(place) => {
                let removed = Removed { place, name: "it".into(), by: "anna".into(), at: now, comment: String::new() };
                let _ = told.book.remove_from_service(removed);
            }
            Step::PlaceBack(place) => drop(told.book.place_in_service(place, "it")),
            Step::Suppress(suppress) => is_suppressed = suppress,
            Step::Wait(seconds) => now_s += seconds,
        }
        heard.take(&changes);
        check_book(&told.book);
        let suppression = |station: Option<StationId>| (is_suppressed && station == Some(WELD_A)).then_some(0);
        let situation = Situation { plant: &plant, now: at(now_s), shift: Some(0), suppression: &suppression };
        let mut changes = Vec::new();
        told.book.pass_time(situation, &mut changes);
        heard.take(&changes);
        check_book(&told.book);
        let open: BTreeMap<_, _> = told.book.open().map(|incident| (incident.id, incident.state)).collect();
        let known: BTreeMap<_, _> = heard.0.iter().map(|(id, incident)| (*id, incident.state)).collect();
        assert_eq!(known, open, "what is heard is not what is open");
    }
}

proptest! {
    #[test]
    fn nothing_breaks_the_book(steps in prop::collection::vec(any_step(), 0..60), is_strict in any::<bool>()) {
        check_steps(if is_strict { strict_plant() } else { plant() }, steps);
    }
}
