use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use telemetry::Input;
use tempfile::{TempDir, tempdir};

use super::inputs::{flip, header, input, read, write};
use crate::{DAMAGE_LISTED, Damage, DamageReason, Reader, Writer, WriterOptions, frame, wire};

const ONE_SEGMENT: WriterOptions = WriterOptions { segment_bytes: u64::MAX };

fn inputs(count: u64) -> Vec<Input> {
    (0..count).map(input).collect()
}

fn recording_of(count: u64, options: WriterOptions) -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), &inputs(count), options);
    folder
}

fn first_segment(folder: &TempDir) -> PathBuf {
    folder.path().join("000001.ltrec")
}

/// Where each frame of a recording of `inputs` ends in its only segment; the first entry is where the header ends.
fn frame_ends(bytes: &[u8], inputs: &[Input]) -> Vec<usize> {
    let sizes: Vec<usize> =
        inputs.iter().map(|input| frame::encode(&wire::Input::from(input)).unwrap().len()).collect();
    let header = bytes.len() - sizes.iter().sum::<usize>();
    let mut ends = vec![header];
    ends.extend(sizes.iter().scan(header, |end, size| {
        *end += size;
        Some(*end)
    }));
    ends
}

#[test]
fn a_segment_cut_at_any_byte_gives_the_whole_frames_before_the_cut() {
    let folder = recording_of(12, ONE_SEGMENT);
    let file = first_segment(&folder);
    let bytes = fs::read(&file).unwrap();
    let all = inputs(12);
    let ends = frame_ends(&bytes, &all);
    for cut in (0..bytes.len()).rev() {
        OpenOptions::new().write(true).open(&file).unwrap().set_len(cut as u64).unwrap();
        let Some(whole) = ends.iter().rposition(|&end| end <= cut) else {
            assert!(Reader::open(folder.path()).is_err(), "cut at {cut}, within the header");
            continue;
        };
        let (back, reader) = read(folder.path());
        assert_eq!(back, all[..whole], "cut at {cut}");
        let (offset, bytes_lost) = (ends[whole] as u64, (cut - ends[whole]) as u64);
        let torn = Damage { file: file.clone(), offset, bytes_lost, reason: DamageReason::Torn };
        let expected = if bytes_lost == 0 { vec![] } else { vec![torn] };
        assert_eq!(reader.damage(), expected, "cut at {cut}");
    }
}

#[test]
fn a_writer_goes_on_after_a_cut_at_any_byte() {
    let folder = recording_of(3, ONE_SEGMENT);
    let bytes = fs::read(first_segment(&folder)).unwrap();
    for cut in 0..bytes.len() {
        let folder = tempdir().unwrap();
        fs::write(first_segment(&folder), &bytes[..cut]).unwrap();
        let next = Writer::last_sequence(folder.path()).unwrap().map_or(0, |last| last + 1);
        write(folder.path(), &[input(next), input(next + 1)], ONE_SEGMENT);
        let (back, reader) = read(folder.path());
        assert_eq!(back, inputs(next + 2), "cut at {cut}");
        assert!(reader.damage_count() <= 1, "{:?}", reader.damage());
    }
}

#[test]
fn a_segment_without_a_whole_input_still_tells_where_to_go_on() {
    let folder = recording_of(3, WriterOptions { segment_bytes: 1 });
    let last = folder.path().join("000003.ltrec");
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
    fs::remove_file(first_segment(&folder)).unwrap();
    fs::remove_file(folder.path().join("000002.ltrec")).unwrap();
    assert_eq!(Writer::last_sequence(folder.path()).unwrap(), Some(1));
}

#[test]
fn a_missing_segment_is_reported_as_a_gap() {
    let folder = recording_of(4, WriterOptions { segment_bytes: 1 });
    fs::remove_file(folder.path().join("000002.ltrec")).unwrap();
    let (back, reader) = read(folder.path());
    assert_eq!(back, [input(0), input(2), input(3)]);
    assert_eq!(reader.damage().len(), 1);
    assert_eq!(reader.damage()[0].file, folder.path().join("000003.ltrec"));
    assert_eq!(reader.damage()[0].reason, DamageReason::Sequence { expected: 1, found: 2 });
}

#[test]
fn an_intact_frame_that_cannot_be_decoded_costs_itself_only() {
    let folder = recording_of(1, ONE_SEGMENT);
    let file = first_segment(&folder);
    let unknown = frame::encode(&(1u64, 0i64, 99u32)).unwrap();
    let next = frame::encode(&wire::Input::from(&input(1))).unwrap();
    let bytes = [fs::read(&file).unwrap(), unknown.clone(), next].concat();
    fs::write(&file, bytes).unwrap();
    let (back, reader) = read(folder.path());
    assert_eq!(back, inputs(2));
    assert_eq!(reader.damage()[0].bytes_lost, unknown.len() as u64);
    assert!(matches!(reader.damage()[0].reason, DamageReason::Undecodable(_)), "{:?}", reader.damage());
}

#[test]
fn zeros_after_a_power_failure_are_damage_not_inputs() {
    let folder = recording_of(2, ONE_SEGMENT);
    let file = first_segment(&folder);
    let mut bytes = fs::read(&file).unwrap();
    bytes.resize(bytes.len() + 4096, 0);
    fs::write(&file, &bytes).unwrap();
    let (back, reader) = read(folder.path());
    assert_eq!(back, inputs(2));
    assert_eq!((reader.damage_count(), reader.damage()[0].bytes_lost), (1, 4096));
}

#[test]
fn the_list_of_damage_is_bounded_and_the_count_is_not() {
    let folder = tempdir().unwrap();
    let sparse: Vec<Input> = (0..DAMAGE_LISTED as u64 + 11).map(|n| input(n * 2)).collect();
    write(folder.path(), &sparse, ONE_SEGMENT);
    let (back, reader) = read(folder.path());
    assert_eq!(back, sparse);
    assert_eq!((reader.damage().len(), reader.damage_count()), (DAMAGE_LISTED, DAMAGE_LISTED as u64 + 10));
}

/// Reads what may be anything: no panic, an end, and never an input that was not written.
fn read_anything(path: &Path, written: &[Input]) -> Option<Reader> {
    let mut reader = Reader::open(path).ok()?;
    for input in reader.by_ref().filter_map(Result::ok) {
        assert!(written.contains(&input), "never written: {input:?}");
    }
    Some(reader)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn flipped_bits_never_give_a_wrong_input(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..4),
        segment_bytes in prop_oneof![Just(u64::MAX), 1..500u64],
    ) {
        let folder = recording_of(12, WriterOptions { segment_bytes });
        let file = first_segment(&folder);
        let original = fs::read(&file).unwrap();
        let mut bytes = original.clone();
        flip(&mut bytes, flips);
        fs::write(&file, &bytes).unwrap();
        if let Some(reader) = read_anything(folder.path(), &inputs(12)) {
            prop_assert_eq!(reader.damage_count() > 0, bytes != original);
            prop_assert_eq!(&**reader.header(), &header());
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(
        kept in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let folder = recording_of(4, ONE_SEGMENT);
        let file = first_segment(&folder);
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(kept.index(bytes.len() + 1));
        bytes.extend(&noise);
        fs::write(&file, &bytes).unwrap();
        read_anything(folder.path(), &inputs(4));
        read_anything(&file, &inputs(4));
        Writer::last_sequence(folder.path()).unwrap();
    }

    /// Whatever the checksum says: the decoder itself must stand any payload.
    #[test]
    fn arbitrary_payloads_are_decoded_without_a_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&[0u8; 8][..], &payload].concat();
        let _ = frame::decode::<wire::Input>(&payload).map(Input::try_from);
        let _ = frame::decode::<wire::Header>(&payload);
        let _ = frame::decode_start::<wire::Preamble>(&bytes);
    }
}
