//! The lifecycle of an incident: the transitions of ISA-18.2 beyond acknowledging, and who is told when.

use plant::{AlarmPolicy, Costs, Duty, EscalationStep, Flood};

use super::*;

const GUN: Source = Source::Feature { station: WELD_A, feature: 0 };

fn under(policy: AlarmPolicy) -> Told {
    let mut told = Told::new();
    told.plant.alarms = policy;
    told
}

fn shelve(told: &mut Told, seconds: u32, at_s: f64) -> String {
    told.command(1, IncidentAction::Shelve(Shelf::ForSeconds(seconds)), "", at_s)
}

#[test]
fn what_is_shelved_for_a_time_asks_again_after_it() {
    let mut told = Told::new();
    told.take(GUN, 1.0, WEAR);
    told.acknowledge(1, 2.0);
    assert_eq!(shelve(&mut told, 60, 3.0), "shelved 1-0 shelved low", "C to G");
    assert_eq!(told.wait(62.0), "nothing");
    assert_eq!(told.wait(63.0), "unshelved 1-0 unacknowledged low", "G to B");
    assert_eq!(told.wait(64.0), "nothing");
}

#[test]
fn what_comes_and_goes_on_the_shelf_is_not_told_of() {
    let mut told = Told::new();
    told.take(GUN, 1.0, WEAR);
    shelve(&mut told, 60, 2.0);
    assert_eq!(told.clear(GUN, 10.0), "nothing");
    assert_eq!(told.take(GUN, 20.0, WEAR), "nothing");
    assert_eq!(told.clear(GUN, 30.0), "nothing");
    assert_eq!(told.wait(62.0), "closed 1-0 closed low", "G to A");
}

#[test]
fn what_is_shelved_once_is_over_when_it_is_gone() {
    let mut told = Told::new();
    told.take(GUN, 1.0, WEAR);
    assert_eq!(told.command(1, IncidentAction::Shelve(Shelf::Once), "", 2.0), "shelved 1-0 shelved low");
    assert_eq!(told.wait(100_000.0), "nothing");
    assert_eq!(told.clear(GUN, 100_001.0), "closed 1-0 closed low", "G to A");
}

#[test]
fn a_shelf_can_be_cleared_and_is_not_for_ever() {
    let mut told = Told::new();
    told.take(GUN, 1.0, WEAR);
    assert_eq!(told.command(1, IncidentAction::Unshelve, "", 2.0), "incident 1-0 is not shelved");
    let refused = "an incident can be shelved for at most 24 h (alarms.shelve_max_h); give an earlier time";
    assert_eq!(shelve(&mut told, 24 * 3600 + 1, 3.0), refused);
    let refused = "incident 1-0 cannot be shelved until a time that has passed; give a later one";
    assert_eq!(told.command(1, IncidentAction::Shelve(Shelf::Until(at(3.0))), "", 3.0), refused);
    assert_eq!(shelve(&mut told, 24 * 3600, 4.0), "shelved 1-0 shelved low");
    assert_eq!(told.command(1, IncidentAction::Unshelve, "", 5.0), "unshelved 1-0 unacknowledged low", "G to B");
}

#[test]
fn what_is_suppressed_by_design_is_told_when_that_ends_and_not_before() {
    let mut told = Told::new();
    let plant = told.plant.clone();
    let set_up = |station: Option<StationId>| (station == Some(WELD_A)).then_some(0);
    let suppressed = |seconds| Situation { suppression: &set_up, ..calm(&plant, at(seconds)) };
    let mut ids = told.next_ids();
    let (change, incident) = told.book.take(verdict(GUN, 1.0, WEAR, None), [], &mut ids, suppressed(1.0)).unwrap();
    assert_eq!(words(change, &incident), "suppressed 1-0 suppressed low", "A to H");
    assert_eq!(told.wait_in(suppressed(2.0)), "nothing");
    assert_eq!(told.wait(3.0), "raised 1-0 unacknowledged low", "H to B");
    told.acknowledge(1, 4.0);
    assert_eq!(told.wait_in(suppressed(5.0)), "suppressed 1-0 suppressed low", "C to H");
    assert_eq!(told.wait(6.0), "unsuppressed 1-0 acknowledged low", "H to C, where we depart from the standard");
    assert_eq!(told.wait_in(suppressed(7.0)), "suppressed 1-0 suppressed low");
    assert_eq!(told.clear(GUN, 8.0), "closed 1-0 closed low", "H to A");
}

#[test]
fn a_place_out_of_service_is_silent_until_it_is_placed_back() {
    let mut told = Told::new();
    told.take(GUN, 1.0, WEAR);
    let removed = Removed {
        place: Place::Station(WELD_A),
        name: "station-2".into(),
        by: "kim".into(),
        at: at(2.0),
        comment: "new gun".into(),
    };
    assert_eq!(told.book.remove_from_service(removed.clone()), Ok(()));
    let again = told.book.remove_from_service(removed).unwrap_err();
    assert_eq!(again.to_string(), "station-2 is out of service already");
    assert_eq!(told.wait(2.0), "removed-from-service 1-0 out-of-service low", "B to I");
    let by = told.book.open().next().unwrap().handling.history.last().unwrap().by.clone();
    assert_eq!(by.as_deref(), Some("kim"));
    assert_eq!(told.take(feature(WELD_A, 5), 3.0, CURRENT), "removed-from-service 2-0 out-of-service low", "A to I");
    assert_eq!(told.book.place_in_service(Place::Station(WELD_A), "station-2"), Ok(()));
    let told_again = told.wait(4.0);
    assert_eq!(told_again, "placed-in-service 1-0 unacknowledged low, raised 2-0 unacknowledged low", "I to B");
    let refused = told.book.place_in_service(Place::Station(WELD_A), "station-2").unwrap_err();
    assert_eq!(refused.to_string(), "station-2 is in service");
}

#[test]
fn what_lasts_shorter_than_the_on_delay_is_never_told() {
    let mut told = under(AlarmPolicy { on_delay_s: 10.0, ..AlarmPolicy::default() });
    assert_eq!(told.take(GUN, 1.0, WEAR), "nothing");
    assert_eq!(told.wait(10.0), "nothing");
    assert_eq!(told.book.open().count(), 0);
    assert_eq!(told.acknowledge(1, 10.0), "there is no open incident 1-0: it was never raised, or it is closed");
    assert_eq!(told.clear(GUN, 10.5), "nothing");
    assert_eq!(told.wait(12.0), "nothing");
    told.take(GUN, 20.0, WEAR);
    assert_eq!(told.wait(30.0), "raised 2-0 unacknowledged low");
}

#[test]
fn what_is_gone_shorter_than_the_off_delay_is_still_there() {
    let mut told = under(AlarmPolicy { off_delay_s: 10.0, ..AlarmPolicy::default() });
    told.take(GUN, 1.0, WEAR);
    assert_eq!(told.clear(GUN, 2.0), "nothing");
    assert_eq!(told.take(GUN, 11.0, WEAR), "nothing");
    assert_eq!(told.wait(12.0), "nothing");
    assert_eq!(told.clear(GUN, 20.0), "nothing");
    assert_eq!(told.wait(30.0), "returned 1-0 returned-unacknowledged low");
    assert_eq!(told.book.open().next().unwrap().handling.repeats, 0);
}

#[test]
fn what_comes_again_soon_is_one_incident_with_a_count() {
    let mut told = Told::new();
    for (seconds, repeats) in [(0.0, 0), (10.0, 1), (20.0, 2)] {
        assert_eq!(told.take(GUN, seconds, WEAR), "raised 1-0 unacknowledged low");
        assert_eq!(told.book.open().next().unwrap().handling.repeats, repeats);
        told.acknowledge(1, seconds + 1.0);
        told.clear(GUN, seconds + 2.0);
    }
    let late_s = 22.0 + 8.0 * 3600.0 + 1.0;
    assert_eq!(told.take(GUN, late_s, WEAR), "raised 4-0 unacknowledged low", "too late to be the same");
}

#[test]
fn a_cause_at_a_station_is_the_same_whatever_shows_it() {
    let mut told = Told::new();
    told.take(GUN, 0.0, WEAR);
    told.acknowledge(1, 1.0);
    told.clear(GUN, 2.0);
    assert_eq!(told.take(feature(WELD_B, 1), 3.0, WEAR), "raised 2-0 unacknowledged low", "another station");
    assert_eq!(told.take(feature(WELD_A, 1), 4.0, WEAR), "raised 1-0 unacknowledged low", "another feature");
}

#[test]
fn what_was_acknowledged_long_ago_and_still_stands_asks_again() {
    let mut told = under(AlarmPolicy { re_alarm_min: Some(30.0), ..AlarmPolicy::default() });
    told.take(GUN, 0.0, WEAR);
    told.acknowledge(1, 60.0);
    assert_eq!(told.wait(60.0 + 1799.0), "nothing");
    assert_eq!(told.wait(60.0 + 1800.0), "re-alarmed 1-0 unacknowledged low", "C to B");
}

#[test]
fn what_becomes_more_urgent_after_its_acknowledgement_asks_again() {
    let mut told = Told::new();
    told.take(GUN, 0.0, WEAR);
    told.acknowledge(1, 1.0);
    assert_eq!(told.take_with_limit(GUN, 2.0, WEAR, Some(3000.0)), "re-alarmed 1-0 unacknowledged medium");
    assert_eq!(told.acknowledge(1, 3.0), "acknowledged 1-0 acknowledged medium");
    assert_eq!(told.take_with_limit(GUN, 4.0, WEAR, Some(2900.0)), "nothing");
}

fn step(after_min: f64, to: &str, min_priority: Priority) -> EscalationStep {
    EscalationStep { after_min, to: vec![to.to_owned()], min_priority }
}

#[test]
fn nobody_answers_so_others_are_told_by_the_rota() {
    let duty = |role: &str, name: &str, shifts: &[u16]| Duty {
        role: role.to_owned(),
        name: name.to_owned(),
        shifts: shifts.to_vec(),
    };
    let mut told = under(AlarmPolicy {
        escalation: vec![
            step(0.0, "lead", Priority::Low),
            step(10.0, "chief", Priority::Low),
            step(20.0, "manager", Priority::Medium),
        ],
        duties: vec![duty("lead", "Ada", &[0]), duty("lead", "Bo", &[1]), duty("lead", "Cy", &[])],
        ..AlarmPolicy::default()
    });
    told.take(GUN, 0.0, WEAR);
    let to = |told: &Told| {
        let escalation = told.book.open().next().unwrap().handling.escalation.clone();
        let name = |recipient: crate::Recipient| recipient.name.unwrap_or(recipient.role);
        escalation.map(|escalation| escalation.to.into_iter().map(name).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(to(&told).as_deref(), Some("Ada Cy"), "who is on duty in the first shift");
    assert_eq!(told.wait(599.0), "nothing");
    assert_eq!(told.wait(600.0), "escalated 1-0 unacknowledged low");
    assert_eq!(to(&told).as_deref(), Some("chief"), "nobody is entered");
    assert_eq!(told.wait(1200.0), "nothing", "not urgent enough for the manager");
    assert_eq!(told.acknowledge(1, 1201.0), "acknowledged 1-0 acknowledged low");
    assert_eq!(to(&told), None);
    assert_eq!(told.wait(100_000.0), "nothing");
}

#[test]
fn what_people_mark_false_is_less_urgent_until_they_mark_it_true() {
    let lost = Source::Link { link: LinkId(0) };
    let mut told = Told::new();
    told.take(lost, 0.0, LOST);
    assert_eq!(told.command(1, IncidentAction::MarkFalse, "pulled the plug", 1.0), "judged 1-0 acknowledged low");
    assert_eq!(told.take(lost, 2.0, LOST), "nothing", "it stays low");
    told.clear(lost, 3.0);
    assert_eq!(told.take(lost, 4.0, LOST), "raised 1-0 unacknowledged medium", "a step below high");
    assert_eq!(told.book.open().next().unwrap().handling.marked_false, 1);
    assert_eq!(told.command(1, IncidentAction::MarkTrue, "", 5.0), "judged 1-0 acknowledged high");
    told.clear(lost, 6.0);
    assert_eq!(told.take(lost, 7.0, LOST), "raised 1-0 unacknowledged high");
}

#[test]
fn priority_is_by_cost_and_time_left() {
    let check = |scrap_per_part: f64, limit: Option<f64>, expected: &str| {
        let costs = Costs {
            currency: "EUR".into(),
            scrap_per_part,
            downtime_per_h: 0.0,
            slow_share: 0.1,
            minor_below: 1000.0,
            severe_from: 10_000.0,
        };
        let mut told = under(AlarmPolicy { costs: Some(costs), ..AlarmPolicy::default() });
        told.plant.stations[WELD_A.index()].ideal_cycle_s = Some(36.0);
        let words = told.take_with_limit(GUN, 1.0, WEAR, limit);
        assert_eq!(words, format!("raised 1-0 unacknowledged {expected}"), "{scrap_per_part} {limit:?}");
        let stake = told.book.open().next().unwrap().handling.stake.unwrap();
        assert_eq!(stake.cost_per_h, Some(100.0 * scrap_per_part));
    };
    for (scrap_per_part, long, soon, now) in
        [(9.0, "low", "low", "medium"), (10.0, "low", "medium", "high"), (100.0, "medium", "high", "high")]
    {
        check(scrap_per_part, None, long);
        check(scrap_per_part, Some(3600.0), soon);
        check(scrap_per_part, Some(900.0), now);
    }
}

#[test]
fn in_a_flood_the_rest_is_held_back_and_comes_up_one_by_one() {
    let mut told = under(AlarmPolicy { flood: Flood { alarms_max: 2, window_min: 10.0 }, ..AlarmPolicy::default() });
    assert_eq!(told.take(feature(WELD_A, 0), 0.0, WEAR), "raised 1-0 unacknowledged low");
    assert_eq!(told.take(feature(WELD_B, 0), 1.0, WEAR), "raised 2-0 unacknowledged low");
    assert_eq!(told.take(feature(LASER, 0), 2.0, FORCE), "suppressed 3-0 suppressed low");
    assert_eq!(told.take(feature(WELD_A, 1), 3.0, CURRENT), "suppressed 4-0 suppressed low");
    assert_eq!(told.take(Source::Link { link: LinkId(0) }, 4.0, LOST), "raised 5-0 unacknowledged high");
    assert_eq!(told.take_with_limit(feature(WELD_A, 1), 5.0, CURRENT, Some(10.0)), "updated 4-0 suppressed high");
    assert_eq!(told.wait(5.0), "raised 4-0 unacknowledged high", "it has become urgent");
    assert_eq!(told.book.flood_since(), Some(at(2.0)));
    assert_eq!(told.wait(604.0), "nothing");
    assert_eq!(told.wait(606.0), "raised 3-0 unacknowledged low");
    assert_eq!(told.book.flood_since(), None);
}
