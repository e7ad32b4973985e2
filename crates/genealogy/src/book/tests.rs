use plant::Cause;
use proptest::prelude::*;
use telemetry::IncidentId;

use super::*;
use crate::labels::Labels;

const RULES: Rules = Rules { on_line_max: 5, lost_after_s: 3600.0 };
const FIRST: StationId = StationId(0);
const LAST: StationId = StationId(2);

fn at(seconds: f64) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(seconds)
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

/// A cycle of ten seconds up to that time.
fn cycle(station: StationId, end_s: f64) -> PartCycle {
    PartCycle {
        station,
        start: at(end_s - 10.0),
        end: at(end_s),
        variant: None,
        program: None,
        labels: Labels::default(),
        values: Vec::new(),
        incidents: Vec::new(),
    }
}

/// Takes cycles of parts, each with its station and its end in seconds, at which it is told, and then lets time pass.
/// Returns what was closed: part, ending, and the stations of its cycles.
fn run(told: &[(&str, StationId, f64)], until_s: f64) -> Vec<(String, Ending, Vec<u16>)> {
    let (mut book, mut closed) = (PartBook::default(), Vec::new());
    for &(part, station, end_s) in told {
        book.take(symbol(part), cycle(station, end_s), station == LAST, at(end_s + 1.0), RULES, &mut closed);
    }
    book.pass(at(until_s), RULES, &mut closed);
    let stations = |record: &PartRecord| record.cycles.iter().map(|cycle| cycle.station.0).collect();
    closed.iter().map(|record| (record.part.to_string(), record.ending, stations(record))).collect()
}

fn expect(part: &str, ending: Ending, stations: &[u16]) -> (String, Ending, Vec<u16>) {
    (part.to_owned(), ending, stations.to_vec())
}

#[test]
fn a_part_leaves_when_another_comes_to_its_last_station_or_none_does_for_long() {
    let told = [("A", FIRST, 10.0), ("B", FIRST, 20.0), ("A", LAST, 30.0), ("B", LAST, 50.0)];
    assert_eq!(run(&told, 51.0), [expect("A", Ending::Left, &[0, 2])]);
    assert_eq!(run(&told, 700.0), [expect("A", Ending::Left, &[0, 2]), expect("B", Ending::Left, &[0, 2])]);
}

#[test]
fn rework_and_a_repeated_test_are_of_one_record() {
    let told = [("A", FIRST, 10.0), ("A", FIRST, 25.0), ("A", LAST, 40.0), ("A", LAST, 60.0), ("B", LAST, 80.0)];
    assert_eq!(run(&told, 81.0), [expect("A", Ending::Left, &[0, 0, 2, 2])]);
}

#[test]
fn a_part_that_is_not_seen_any_more_is_incomplete_and_the_same_serial_later_is_another_part() {
    let told = [("A", FIRST, 10.0), ("A", FIRST, 5000.0), ("A", LAST, 5020.0)];
    let closed = run(&told, 6000.0);
    assert_eq!(closed, [expect("A", Ending::NotSeen, &[0]), expect("A", Ending::Left, &[0, 2])]);
    let told = [("A", LAST, 10.0), ("B", LAST, 30.0), ("A", FIRST, 90_000.0), ("A", LAST, 90_020.0)];
    let closed = run(&told, 91_000.0);
    assert_eq!(closed[0], expect("A", Ending::Left, &[2]));
    assert_eq!(closed[2], expect("A", Ending::Left, &[0, 2]), "a new day");
}

#[test]
fn a_cycle_that_is_told_after_the_part_has_left_adds_to_its_record() {
    let told = [("A", LAST, 40.0), ("B", LAST, 60.0), ("A", FIRST, 20.0)];
    assert_eq!(run(&told, 61.0)[1], expect("A", Ending::Late, &[0]));
    let told = [("A", LAST, 40.0), ("A", FIRST, 20.0), ("B", LAST, 60.0)];
    assert_eq!(run(&told, 61.0), [expect("A", Ending::Left, &[0, 2])], "still in time");
}

#[test]
fn a_clock_that_is_put_back_does_not_keep_parts_for_ever() {
    let (mut book, mut closed) = (PartBook::default(), Vec::new());
    book.take(symbol("A"), cycle(FIRST, 10.0), false, at(1e6), RULES, &mut closed);
    book.pass(at(100.0), RULES, &mut closed);
    assert_eq!((book.len(), closed.len()), (1, 0));
    book.pass(at(3700.0), RULES, &mut closed);
    assert_eq!((book.len(), closed.len()), (0, 1));
}

#[test]
fn an_incident_is_noted_in_the_cycles_since_its_onset_and_once() {
    let (mut book, mut closed) = (PartBook::default(), Vec::new());
    for end_s in [10.0, 30.0, 50.0] {
        book.take(symbol("A"), cycle(FIRST, end_s), false, at(end_s), RULES, &mut closed);
    }
    book.take(symbol("A"), cycle(LAST, 70.0), true, at(70.0), RULES, &mut closed);
    let mark = IncidentMark { incident: IncidentId { sequence: 7, ordinal: 0 }, cause: Cause::ElectrodeWear };
    book.mark(&[FIRST], at(25.0), mark);
    book.mark(&[FIRST], at(25.0), mark);
    book.pass(at(5000.0), RULES, &mut closed);
    let marks: Vec<usize> = closed[0].cycles.iter().map(|cycle| cycle.incidents.len()).collect();
    assert_eq!(marks, [0, 1, 1, 0]);
}

proptest! {
    /// Parts walk about as they like, are told late, twice, or days later; none of their cycles is lost or doubled.
    #[test]
    fn every_cycle_is_in_one_record(
        walk in prop::collection::vec((0_u8..12, 0_u16..3, 0.0_f64..4000.0, 0.0_f64..60.0), 0..200),
        on_line_max in 1_usize..8,
    ) {
        let rules = Rules { on_line_max, ..RULES };
        let (mut book, mut closed, mut now_s) = (PartBook::default(), Vec::new(), 0.0);
        let mut given = Vec::new();
        for (number, (part, station, wait_s, late_s)) in walk.into_iter().enumerate() {
            // Mostly a takt, now and then long enough for parts to be given up.
            now_s += if number % 10 == 0 { wait_s } else { wait_s / 100.0 };
            let part = symbol(&format!("P{part}"));
            // The end is the cycle's own, so that it can be told from all others.
            let taken = cycle(StationId(station), now_s - late_s + number as f64 * 1e-6);
            given.push((part, taken.end, station));
            book.take(part, taken, StationId(station) == LAST, at(now_s), rules, &mut closed);
            prop_assert!(book.len() <= on_line_max);
            book.pass(at(now_s), rules, &mut closed);
        }
        book.pass(at(now_s + 1e6), rules, &mut closed);
        prop_assert!(book.is_empty());
        let mut found: Vec<_> = Vec::new();
        for record in &closed {
            prop_assert!(record.cycles.is_sorted_by_key(|cycle| (cycle.start, cycle.station)));
            found.extend(record.cycles.iter().map(|cycle| (record.part, cycle.end, cycle.station.0)));
        }
        given.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(given, found);
    }
}
