use std::fs;

use proptest::prelude::*;
use telemetry::{Event, Input, LinkId, SampleBatch, Timestamp};
use tempfile::tempdir;

use super::inputs::{any_input, exactly, header, input, read, write};
use crate::{
    DamageReason, MAX_PAYLOAD_BYTES, Reader, RecordingError, RecordingHeader, Writer, WriterOptions, frame, wire,
};

fn check_round_trip(inputs: &[Input], segment_bytes: u64) {
    let folder = tempdir().unwrap();
    write(folder.path(), inputs, WriterOptions { segment_bytes });
    let (back, reader) = read(folder.path());
    assert_eq!(exactly(&back), exactly(inputs));
    assert_eq!(reader.damage(), []);
    assert_eq!(**reader.header(), header());
    let last = inputs.last().map(|input| input.sequence);
    assert_eq!(Writer::last_sequence(folder.path()).unwrap(), last);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_input_comes_back_exactly(
        first in 0..u64::MAX - 100,
        events in prop::collection::vec(any_input(), 1..20),
        segment_bytes in 0..3000u64,
    ) {
        let inputs: Vec<Input> = (first..)
            .zip(events)
            .map(|(sequence, (received, event))| Input { sequence, received, event })
            .collect();
        check_round_trip(&inputs, segment_bytes);
    }
}

#[test]
fn a_batch_of_many_samples_comes_back() {
    let Event::Samples(SampleBatch { samples, .. }) = input(0).event else { panic!("not a batch") };
    let samples = samples.into_iter().cycle().take(200_000).collect();
    let huge = |sequence| Input {
        sequence,
        received: Timestamp::EPOCH,
        event: Event::Samples(SampleBatch { link: LinkId(0), samples }),
    };
    check_round_trip(&[input(0), huge(1), input(2)], 1_000_000);
}

#[test]
fn the_last_sequence_number_there_is_can_be_recorded() {
    check_round_trip(&[input(u64::MAX - 1), input(u64::MAX)], 1_000_000);
}

#[test]
fn an_input_too_large_for_a_frame_is_refused_and_the_next_is_not() {
    let folder = tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), header(), WriterOptions::default()).unwrap();
    let reason = "x".repeat(MAX_PAYLOAD_BYTES);
    let state = telemetry::LinkState::Down { reason };
    let huge = Input { event: Event::Link { link: LinkId(0), state }, ..input(1) };
    writer.append(&input(0)).unwrap();
    let refused = writer.append(&huge).unwrap_err();
    assert!(matches!(refused, RecordingError::TooLarge { .. }), "{refused}");
    writer.append(&input(2)).unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.lost(), 1);
    let (back, reader) = read(folder.path());
    assert_eq!(back, [input(0), input(2)]);
    assert_eq!(reader.damage()[0].reason, DamageReason::Sequence { expected: 1, found: 2 });
}

#[test]
fn a_header_too_large_for_a_frame_is_refused_at_the_start() {
    let folder = tempdir().unwrap();
    let configuration = [("line.toml".to_owned(), "x".repeat(MAX_PAYLOAD_BYTES))].into();
    let header = RecordingHeader { configuration, ..header() };
    let refused = Writer::create(folder.path(), header, WriterOptions::default()).unwrap_err();
    assert!(matches!(refused, RecordingError::TooLarge { .. }), "{refused}");
}

#[test]
fn a_sequence_number_that_does_not_grow_is_refused() {
    let folder = tempdir().unwrap();
    write(folder.path(), &[input(4)], WriterOptions::default());
    let mut writer = Writer::create(folder.path(), header(), WriterOptions::default()).unwrap();
    let refused = writer.append(&input(4)).unwrap_err();
    assert!(matches!(refused, RecordingError::OutOfOrder { sequence: 4, last: 4 }), "{refused}");
}

#[test]
fn a_folder_has_one_writer_and_any_number_of_readers() {
    let folder = tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), header(), WriterOptions::default()).unwrap();
    let refused = Writer::create(folder.path(), header(), WriterOptions::default()).unwrap_err();
    assert!(matches!(refused, RecordingError::InUse(_)), "{refused}");
    writer.append(&input(0)).unwrap();
    writer.flush().unwrap();
    assert_eq!(read(folder.path()).0, [input(0)]);
    drop(writer);
    Writer::create(folder.path(), header(), WriterOptions::default()).unwrap();
}

#[test]
fn each_segment_reads_alone_and_under_the_header_of_its_own_run() {
    let folder = tempdir().unwrap();
    write(folder.path(), &[input(0), input(1)], WriterOptions { segment_bytes: 1 });
    let changed = RecordingHeader { program_version: "0.2.0".into(), ..header() };
    let mut writer = Writer::create(folder.path(), changed.clone(), WriterOptions::default()).unwrap();
    writer.append(&input(2)).unwrap();
    drop(writer);

    let (alone, reader) = read(&folder.path().join("000002.ltrec"));
    assert_eq!((alone, reader.damage()), (vec![input(1)], &[][..]));

    let mut reader = Reader::open(folder.path()).unwrap();
    let mut versions = Vec::new();
    while let Some(input) = reader.next() {
        versions.push((input.unwrap().sequence, reader.header().program_version.clone()));
    }
    assert_eq!(versions, [(0, "0.1.0".into()), (1, "0.1.0".into()), (2, "0.2.0".into())]);
}

#[test]
fn a_newer_format_is_an_error_that_names_its_program_and_then_reading_goes_on() {
    let folder = tempdir().unwrap();
    let version = wire::FORMAT_VERSION + 1;
    let newer = frame::encode(&(version, "0.9.0", "what the next version has here")).unwrap();
    let newer = [&b"LTREC\r\n\x1a"[..], &newer].concat();
    write(folder.path(), &[input(0), input(1)], WriterOptions { segment_bytes: 1 });
    fs::rename(folder.path().join("000002.ltrec"), folder.path().join("000003.ltrec")).unwrap();
    fs::write(folder.path().join("000002.ltrec"), &newer).unwrap();

    let read: Vec<_> = Reader::open(folder.path()).unwrap().collect();
    let [Ok(first), Err(error), Ok(last)] = &read[..] else { panic!("{read:?}") };
    assert_eq!((first, last), (&input(0), &input(1)));
    let text = error.to_string();
    assert!(text.contains("000002.ltrec") && text.contains("linetwin 0.9.0"), "{text}");

    fs::write(folder.path().join("000004.ltrec"), &newer).unwrap();
    let refused = Writer::create(folder.path(), header(), WriterOptions::default()).unwrap_err();
    assert!(matches!(refused, RecordingError::NewerFormat { found, .. } if found == version), "{refused}");
}

/// Each file was written by the last program that knew no newer version.
#[test]
fn a_recording_of_an_older_format_version_is_still_read() {
    check_still_read(include_bytes!("format-1.ltrec"), 5);
    check_still_read(include_bytes!("format-2.ltrec"), 6);
}

fn check_still_read(segment: &[u8], inputs: u64) {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("000001.ltrec"), segment).unwrap();
    let recorded: Vec<Input> = (0..inputs).map(input).collect();
    let (back, reader) = read(folder.path());
    assert_eq!((exactly(&back), reader.damage()), (exactly(&recorded), &[][..]));
    write(folder.path(), &[input(inputs)], WriterOptions::default());
    let (back, reader) = read(folder.path());
    assert_eq!((back, reader.damage()), ([recorded, vec![input(inputs)]].concat(), &[][..]));
}

#[test]
fn where_nothing_is_recorded_the_error_says_what_was_expected() {
    let folder = tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert_eq!(Writer::last_sequence(&absent).unwrap(), None);
    assert_eq!(Writer::last_sequence(folder.path()).unwrap(), None);
    let check = |path, expected: &str| {
        let text = Reader::open(path).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(&absent, "check the path");
    check(folder.path(), "000001.ltrec");
    let foreign = folder.path().join("notes.txt");
    fs::write(&foreign, "a shopping list").unwrap();
    check(&foreign, "not a segment of a linetwin recording");
}

#[test]
fn the_disk_is_asked_beside_who_writes() {
    let folder = tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), header(), WriterOptions { segment_bytes: 1 }).unwrap();
    writer.begin_sync(|| panic!("there is nothing to sync")).unwrap();
    assert!(!writer.is_syncing() && writer.end_sync().is_none());

    writer.append(&input(1)).unwrap();
    let (sender, woken) = std::sync::mpsc::channel();
    let wake = sender.clone();
    writer.begin_sync(move || wake.send(()).unwrap()).unwrap();
    assert!(writer.is_syncing());
    writer.begin_sync(|| panic!("one is under way")).unwrap();
    // The segment is full, and is not left while it is not known what became of it.
    writer.append(&input(2)).unwrap();
    woken.recv().unwrap();
    writer.end_sync().unwrap().unwrap();
    assert!(!writer.is_syncing() && writer.end_sync().is_none());
    assert_eq!(writer.at_segment(), 1);

    writer.begin_sync(move || sender.send(()).unwrap()).unwrap();
    writer.sync().unwrap();
    assert!(!writer.is_syncing(), "who waits for the disk has its answer to both");
    woken.recv().unwrap();
    writer.append(&input(3)).unwrap();
    writer.flush().unwrap();
    assert_eq!(writer.at_segment(), 2);
    drop(writer);
    assert_eq!(read(folder.path()).0, [input(1), input(2), input(3)]);
}
