//! Closed segments, and the upkeep that makes and removes them.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use telemetry::{Input, Timestamp};
use tempfile::{TempDir, tempdir};

use super::inputs::{any_input, exactly, flip, header, input, read, write};
use crate::{
    CheckpointId, Checkpoints, DamageReason, NO_WRITER, Reader, RecordingError, Removal, Retention, Upkeep, Upkept,
    Writer, WriterOptions, fuzzing,
};

/// When the last of the made-up inputs was received, about.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_001_000);

fn upkeep(folder: &Path, retention: Retention) -> Upkept {
    Upkeep::new(folder, retention).pass(NO_WRITER, NOW, || false).unwrap()
}

/// A recording of `count` inputs in closed segments.
fn closed(count: u64, segment_bytes: u64) -> TempDir {
    let folder = tempdir().unwrap();
    let inputs: Vec<Input> = (0..count).map(input).collect();
    write(folder.path(), &inputs, WriterOptions { segment_bytes });
    let done = upkeep(folder.path(), Retention::KEEP_ALL);
    assert!(done.problems.is_empty() && done.closed == done.segments, "{done:?}");
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("0000") && name.contains('.'))
        .collect();
    names.sort();
    names
}

fn first_segment(folder: &TempDir) -> PathBuf {
    folder.path().join("000001.parquet")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_input_comes_back_exactly_from_closed_segments(
        first in 0..u64::MAX - 2_000_000,
        events in prop::collection::vec((any_input(), prop_oneof![4 => Just(0u64), 1 => 1..3u64, 1 => 1..60_000u64]), 1..30),
        segment_bytes in 0..3000u64,
        from in any::<prop::sample::Index>(),
    ) {
        let mut next = first;
        let inputs: Vec<Input> = events
            .into_iter()
            .map(|((received, event), gap)| {
                let sequence = next + gap;
                next = sequence + 1;
                Input { sequence, received, event }
            })
            .collect();
        let folder = tempdir().unwrap();
        write(folder.path(), &inputs, WriterOptions { segment_bytes });
        let (before, open) = read(folder.path());
        prop_assert_eq!(exactly(&before), exactly(&inputs));

        let done = upkeep(folder.path(), Retention::KEEP_ALL);
        prop_assert!(done.problems.is_empty(), "{:?}", done.problems);
        prop_assert!(files(folder.path()).iter().all(|name| name.ends_with(".parquet")));
        let (back, closed) = read(folder.path());
        prop_assert_eq!(exactly(&back), exactly(&inputs));
        prop_assert_eq!(closed.damage_count(), open.damage_count());
        prop_assert_eq!(&**closed.header(), &header());
        let last = inputs.last().map(|input| input.sequence);
        prop_assert_eq!(Writer::last_sequence(folder.path()).unwrap(), last);

        let from = from.get(&inputs).sequence;
        let mut reader = Reader::open_at(folder.path(), from).unwrap();
        let tail: Vec<Input> = reader.by_ref().collect::<Result<_, _>>().unwrap();
        let expected: Vec<Input> = inputs.into_iter().filter(|input| input.sequence >= from).collect();
        prop_assert_eq!(exactly(&tail), exactly(&expected));
    }
}

#[test]
fn a_segment_of_many_row_groups_is_read_from_any_input_on() {
    let folder = tempdir().unwrap();
    // Two sequence numbers in five are inputs, so that the numbers end the groups, not the rows.
    let inputs: Vec<Input> = (0..2_000_000).step_by(1000).map(input).collect();
    write(folder.path(), &inputs, WriterOptions { segment_bytes: u64::MAX });
    upkeep(folder.path(), Retention::KEEP_ALL);
    for from in [0, 1, 524_287, 524_288, 1_000_000, 1_999_000, 1_999_001] {
        let tail: Vec<Input> = Reader::open_at(folder.path(), from).unwrap().map(Result::unwrap).collect();
        let expected: Vec<Input> = inputs.iter().filter(|input| input.sequence >= from).cloned().collect();
        assert_eq!(tail, expected, "from {from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn flipped_bits_in_a_closed_segment_never_give_a_wrong_input(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..4),
        segment_bytes in prop_oneof![Just(u64::MAX), 1..500u64],
        kept in prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)],
    ) {
        let folder = closed(12, segment_bytes);
        let file = first_segment(&folder);
        let original = fs::read(&file).unwrap();
        let mut bytes = original.clone();
        flip(&mut bytes, flips);
        if let Some(kept) = kept {
            bytes.truncate(kept.index(bytes.len()));
        }
        fs::write(&file, &bytes).unwrap();
        let written: Vec<Input> = (0..12).map(input).collect();
        let Ok(mut reader) = Reader::open(folder.path()) else { return Ok(()) };
        for input in reader.by_ref() {
            let input = input.unwrap();
            prop_assert!(written.contains(&input), "never written: {:?}", input);
        }
        prop_assert_eq!(reader.damage_count() > 0, bytes != original);
        Writer::last_sequence(folder.path()).unwrap();
    }
}

#[test]
fn a_torn_end_stays_known_when_the_segment_is_closed() {
    let folder = tempdir().unwrap();
    write(folder.path(), &[input(0), input(1)], WriterOptions::default());
    let open = folder.path().join("000001.ltrec");
    let bytes = fs::read(&open).unwrap();
    fs::write(&open, &bytes[..bytes.len() - 3]).unwrap();
    let (back, reader) = read(folder.path());
    let torn = reader.damage()[0].clone();
    assert_eq!((back, &torn.reason), (vec![input(0)], &DamageReason::Torn));

    assert_eq!(upkeep(folder.path(), Retention::KEEP_ALL).closed, 1);
    let (back, reader) = read(folder.path());
    assert_eq!(back, [input(0)]);
    assert_eq!(reader.damage(), [crate::Damage { file: first_segment(&folder), ..torn }]);
}

#[test]
fn a_segment_with_other_damage_stays_as_it_is() {
    let folder = tempdir().unwrap();
    write(folder.path(), &[input(0), input(1), input(2)], WriterOptions::default());
    let open = folder.path().join("000001.ltrec");
    let mut bytes = fs::read(&open).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&open, &bytes).unwrap();
    let mut upkeep = Upkeep::new(folder.path(), Retention::KEEP_ALL);
    let done = upkeep.pass(NO_WRITER, NOW, || false).unwrap();
    assert!(matches!(done.problems[..], [RecordingError::Unreadable(_)]), "{done:?}");
    assert_eq!(fs::read(&open).unwrap(), bytes);
    assert_eq!(files(folder.path()), ["000001.ltrec"]);
    assert!(upkeep.pass(NO_WRITER, NOW, || false).unwrap().problems.is_empty(), "it is told once");
}

#[test]
fn a_kill_between_any_two_steps_of_closing_leaves_the_segment_whole() {
    let folder = tempdir().unwrap();
    let inputs = [input(0), input(1)];
    write(folder.path(), &inputs, WriterOptions::default());
    let open = fs::read(folder.path().join("000001.ltrec")).unwrap();
    fs::write(folder.path().join("000001.parquet.part"), b"half of it").unwrap();
    assert_eq!(read(folder.path()).0, inputs);
    assert_eq!(upkeep(folder.path(), Retention::KEEP_ALL).closed, 1);
    assert_eq!(files(folder.path()), ["000001.parquet"]);

    fs::write(folder.path().join("000001.ltrec"), open).unwrap();
    assert_eq!(read(folder.path()).0, inputs);
    assert_eq!(upkeep(folder.path(), Retention::KEEP_ALL).closed, 0);
    assert_eq!(files(folder.path()), ["000001.parquet"]);
    assert_eq!(read(folder.path()).0, inputs);
}

#[test]
fn the_segment_that_is_being_written_is_left_alone() {
    let folder = tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), header(), WriterOptions { segment_bytes: 1 }).unwrap();
    for sequence in 0..3 {
        writer.append(&input(sequence)).unwrap();
        writer.flush().unwrap();
        let done = Upkeep::new(folder.path(), Retention::KEEP_ALL).pass(writer.at_segment(), NOW, || false).unwrap();
        assert!(done.problems.is_empty(), "{done:?}");
    }
    assert_eq!(files(folder.path()), ["000001.parquet", "000002.parquet", "000003.ltrec"]);
    assert_eq!(read(folder.path()).0, [input(0), input(1), input(2)]);
}

#[test]
fn the_oldest_segments_go_first_and_the_newest_stays() {
    let checkpoint = |sequence| CheckpointId { sequence, received: input(sequence).received };
    let check = |retention: Retention, expected: &[&str], why: Option<Removal>| {
        let folder = closed(5, 1);
        let checkpoints = Checkpoints::of(folder.path());
        checkpoints.keep(checkpoint(1), b"one").unwrap();
        checkpoints.keep(checkpoint(3), b"three").unwrap();
        let done = upkeep(folder.path(), retention);
        assert_eq!(files(folder.path()), expected);
        assert!(done.removed.iter().all(|(_, reason)| Some(*reason) == why), "{done:?}");
        assert_eq!(done.removed.len(), 5 - expected.len());
        let first: u64 = expected[0][..6].parse::<u64>().unwrap() - 1;
        let left: Vec<u64> = checkpoints.list().unwrap().into_iter().map(|id| id.sequence).collect();
        assert_eq!(left, [1, 3].into_iter().filter(|sequence| sequence + 1 >= first).collect::<Vec<_>>());
        assert_eq!(Writer::last_sequence(folder.path()).unwrap(), Some(4));
    };
    let all = ["000001.parquet", "000002.parquet", "000003.parquet", "000004.parquet", "000005.parquet"];
    check(Retention::KEEP_ALL, &all, None);
    // NOW is 1000 ms after input 0 and 997 ms after input 3.
    check(Retention { age_max_s: 0.9975, ..Retention::KEEP_ALL }, &all[3..], Some(Removal::Age));
    check(Retention { age_max_s: 0.0, ..Retention::KEEP_ALL }, &all[4..], Some(Removal::Age));
    check(Retention { size_max_bytes: 1, ..Retention::KEEP_ALL }, &all[4..], Some(Removal::Size));
    check(Retention { free_min_bytes: u64::MAX, ..Retention::KEEP_ALL }, &all[4..], Some(Removal::DiskFull));
}

#[test]
fn checkpoints_thin_out_to_one_an_hour_and_then_to_one_a_day() {
    let folder = tempdir().unwrap();
    let checkpoints = Checkpoints::of(folder.path());
    let minute = |n: u64| CheckpointId { sequence: n, received: Timestamp::from_millis(n as i64 * 60_000) };
    for n in 0..=150 {
        checkpoints.keep(minute(n), format!("state {n}").as_bytes()).unwrap();
    }
    assert_eq!(checkpoints.list().unwrap(), [0, 60, 120, 149, 150].map(minute));
    assert_eq!(checkpoints.read(minute(60)).unwrap(), b"state 60");
    checkpoints.keep(minute(9 * 24 * 60), b"nine days later").unwrap();
    checkpoints.keep(minute(9 * 24 * 60 + 1), b"and a minute").unwrap();
    assert_eq!(checkpoints.list().unwrap(), [0, 12_960, 12_961].map(minute));
    checkpoints.forget_after(12_960);
    assert_eq!(checkpoints.list().unwrap(), [0, 12_960].map(minute));
}

/// A closed segment whose footer describes its first row group otherwise, under a seal that fits.
fn described(key: &str, value: u64) -> Vec<u8> {
    let folder = closed(12, u64::MAX);
    let mut file = fs::read(first_segment(&folder)).unwrap();
    let mark = b"{\"format_version\"";
    let at = file.windows(mark.len()).position(|window| window == mark).unwrap();
    let mut texts = serde_json::Deserializer::from_slice(&file[at..]).into_iter::<serde_json::Value>();
    let mut description = texts.next().unwrap().unwrap();
    let length = texts.byte_offset();
    description["groups"][0][key] = value.into();
    // It has to be as long as before, and what a number takes more is left out elsewhere.
    description["signals"] = serde_json::json!({});
    let text = description.to_string();
    file[at..at + length].copy_from_slice(format!("{text:length$}").as_bytes());
    fuzzing::sealed(&file)
}

#[test]
fn a_footer_that_names_what_is_not_there_is_damage() {
    for (key, value) in [("bytes", u64::MAX), ("bytes", 1 << 40), ("start", u64::MAX), ("last_sequence", u64::MAX)] {
        let folder = tempdir().unwrap();
        let file = folder.path().join("000001.parquet");
        fs::write(&file, described(key, value)).unwrap();
        let mut reader = Reader::open(&file).unwrap();
        assert!(reader.next().is_none(), "{key}");
        assert!(matches!(reader.damage()[0].reason, DamageReason::Undecodable(_)), "{key}: {:?}", reader.damage());
    }
}
