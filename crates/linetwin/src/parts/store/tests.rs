use std::sync::Arc;

use genealogy::{Ending, Labels, PartCycle, PartRecord};
use plant::StationId;
use telemetry::{Event, Symbol};

use super::*;
use crate::example;
use crate::parts::read::records_of;
use crate::setup::Setup;

fn twin() -> Twin {
    Twin::new(Setup::new(example::files(), Default::default()).unwrap().plant)
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn closed(part: &str) -> Output {
    let at = Timestamp::from_millis(1_795_413_600_000);
    let cycle = PartCycle {
        station: StationId(0),
        start: at,
        end: at.plus_seconds(30.0),
        variant: None,
        program: None,
        labels: Labels::default(),
        values: Vec::new(),
        incidents: Vec::new(),
    };
    let record =
        PartRecord { part: symbol(part), ending: Ending::Left, closed: at, cycles: vec![cycle], cycles_dropped: 0 };
    Output::Part(Box::new(record))
}

fn input(sequence: u64, day: f64) -> Input {
    let received = Timestamp::from_millis(1_795_413_600_000).plus_seconds(day * DAY_S);
    Input { sequence, received, event: Event::Tick }
}

fn open(folder: &Path, keep_days: u32) -> PartStore {
    PartStore::open(folder, &PartsSettings { keep_days, ..PartsSettings::default() }).unwrap()
}

fn sequences(folder: &Path, part: &str) -> Vec<u64> {
    records_of(folder, part).unwrap().iter().map(|record| record.sequence).collect()
}

/// The odd serials that a scanner can give; each is found again, and only by itself.
#[test]
fn a_record_is_found_while_the_file_is_written() {
    let (folder, twin) = (tempfile::tempdir().unwrap(), twin());
    let mut store = open(folder.path(), 10);
    let serials =
        ["EV1-1", "EV1-10", "Ü-\"1\"\n", "../../etc/passwd", "=cmd|'/c'!A1", "0B1EC0012345678901234567", "🔋"];
    for (number, serial) in serials.iter().enumerate() {
        store.keep(&input(number as u64 + 1, 0.0), &[closed(serial)], &twin);
        assert_eq!(sequences(folder.path(), serial), [number as u64 + 1], "{serial}");
    }
    assert_eq!(sequences(folder.path(), "EV1"), Vec::<u64>::new());
    store.keep(&input(90, 1.0), &[closed("EV1-1")], &twin);
    assert_eq!(sequences(folder.path(), "EV1-1"), [1, 90], "the same serial on another day");
    assert_eq!(days(folder.path()).unwrap().len(), 2);
    assert_eq!(store.gauges().kept.load(Ordering::Relaxed), 8);
}

/// A crash cuts the last record anywhere; the inputs since the last snapshot then give it again.
#[test]
fn a_torn_record_is_removed_and_follows_again() {
    let twin = twin();
    let inputs = [(1, vec![closed("A")]), (2, vec![closed("B"), closed("C"), closed("D")]), (3, vec![closed("E")])];
    let whole = tempfile::tempdir().unwrap();
    let mut store = open(whole.path(), 10);
    inputs.iter().for_each(|(sequence, outputs)| store.keep(&input(*sequence, 0.0), outputs, &twin));
    let name = days(whole.path()).unwrap()[0].file_name();
    let text = fs::read(whole.path().join(&name)).unwrap();
    for length in (0..=text.len()).step_by(7).chain([text.len() - 1]) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(&name), &text[..length]).unwrap();
        let mut store = open(folder.path(), 10);
        inputs.iter().for_each(|(sequence, outputs)| store.keep(&input(*sequence, 0.0), outputs, &twin));
        assert_eq!(fs::read(folder.path().join(&name)).unwrap(), text, "cut at byte {length}");
    }
}

#[test]
fn a_line_that_is_being_written_is_not_read() {
    let (folder, twin) = (tempfile::tempdir().unwrap(), twin());
    open(folder.path(), 10).keep(&input(1, 0.0), &[closed("A")], &twin);
    let path = folder.path().join(days(folder.path()).unwrap()[0].file_name());
    let half = r#"{"schema":"linetwin/part/v1","part":"A","sequ"#;
    OpenOptions::new().append(true).open(&path).unwrap().write_all(half.as_bytes()).unwrap();
    assert_eq!(sequences(folder.path(), "A"), [1]);
}

#[test]
fn old_days_and_days_that_there_is_no_room_for_are_removed_and_counted() {
    let (folder, twin) = (tempfile::tempdir().unwrap(), twin());
    let mut store = open(folder.path(), 3);
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    for day in 0..6 {
        store.keep(&input(day + 1, day as f64), &[closed("A")], &twin);
    }
    assert_eq!(sequences(folder.path(), "A"), [4, 5, 6]);
    assert_eq!(store.gauges().files_removed.load(Ordering::Relaxed), 3);
    store.bytes_max = store.gauges().bytes.load(Ordering::Relaxed);
    store.keep(&input(7, 5.0), &[closed("A")], &twin);
    assert_eq!(sequences(folder.path(), "A"), [5, 6, 7], "no room for all");
    store.bytes_max = 1;
    store.keep(&input(8, 5.0), &[closed("A")], &twin);
    assert_eq!(sequences(folder.path(), "A"), [6, 7], "the day's own records stay");
    assert_eq!(store.gauges().lost.load(Ordering::Relaxed), 1);
    assert!(store.gauges().problem.lock().unwrap().as_deref().unwrap().contains("parts.size_max_mib"));
    store.bytes_max = 1 << 20;
    store.keep(&input(9, 5.0), &[closed("A")], &twin);
    assert_eq!(sequences(folder.path(), "A"), [6, 7, 9]);
    assert_eq!(*store.gauges().problem.lock().unwrap(), None);
    assert!(folder.path().join("notes.txt").exists());
}

#[test]
fn what_is_kept_is_kept_once() {
    let (folder, twin) = (tempfile::tempdir().unwrap(), twin());
    let gauges: Arc<PartsGauges> = {
        let mut store = open(folder.path(), 10);
        store.keep(&input(4, 0.0), &[closed("A"), closed("B")], &twin);
        store.gauges().clone()
    };
    assert_eq!(gauges.kept.load(Ordering::Relaxed), 2);
    let mut store = open(folder.path(), 10);
    assert!(!store.wants(&input(3, 0.0), &[closed("A")]));
    store.keep(&input(4, 0.0), &[closed("A"), closed("B")], &twin);
    assert_eq!((sequences(folder.path(), "A"), sequences(folder.path(), "B")), (vec![4], vec![4]));
    assert_eq!(store.gauges().kept.load(Ordering::Relaxed), 0);
}

/// A power cut can cost the recording inputs whose records were on the disk: their numbers come again, with other parts.
#[test]
fn nothing_is_taken_for_known_once_the_daemon_is_live() {
    let (folder, twin) = (tempfile::tempdir().unwrap(), twin());
    open(folder.path(), 10).keep(&input(9, 0.0), &[closed("A")], &twin);
    let mut store = open(folder.path(), 10);
    store.go_live();
    store.keep(&input(8, 0.0), &[closed("B")], &twin);
    assert_eq!(sequences(folder.path(), "B"), [8]);
}
