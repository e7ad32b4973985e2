//! What a killed process leaves of a recording. In a process of its own: one that starts others shares its files with them for
//! a moment, and with them the lock of a recording.
#![allow(clippy::unwrap_used)]

use std::env;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

use recording::{NO_WRITER, Reader, RecordingHeader, Retention, Upkeep, Writer, WriterOptions};
use telemetry::{
    Event, Input, LinkId, LinkState, Quality, Reason, Sample, SampleBatch, SignalId, Symbol, Timestamp, Value,
};
use tempfile::tempdir;

/// Set, it makes [`child`] record into the folder that it names.
const FOLDER: &str = "RECORDING_TEST_KILLED_CHILD_FOLDER";
const OPTIONS: WriterOptions = WriterOptions { segment_bytes: 2_000 };
/// What a child prints before the number of a flushed input.
const FLUSHED: &str = "flushed ";
/// An end for a child whose parent has died: it stops by itself then.
const CHILD_INPUTS: u64 = 1_000_000;
/// How often a child is killed.
const KILLS: u64 = 500;

fn header() -> RecordingHeader {
    RecordingHeader {
        program_version: "0.1.0".into(),
        created: Timestamp::from_millis(1_800_000_000_000),
        signals: [(SignalId(3), "weld-10/current".to_owned())].into(),
        links: [(LinkId(1), "plc-weld".to_owned())].into(),
        configuration: [("line.toml".to_owned(), "[line]\nname = \"pack\"\n".to_owned())].into(),
        overrides: Default::default(),
    }
}

fn input(sequence: u64) -> Input {
    let at = Timestamp::from_millis(1_800_000_000_000 + sequence as i64);
    let sample = |value, quality| Sample { signal: SignalId(3), source_time: at, value, quality };
    let event = match sequence % 4 {
        0 => Event::Link { link: LinkId(1), state: LinkState::Down { reason: format!("cut {sequence}") } },
        1 => Event::Tick,
        _ => Event::Samples(SampleBatch {
            link: LinkId(1),
            samples: vec![
                sample(Value::Float(sequence as f64 / 3.0), Quality::Good),
                sample(Value::Symbol(Symbol::new("PACK-0001").unwrap()), Quality::Bad(Reason::Stale)),
            ],
        }),
    };
    Input { sequence, received: at, event }
}

/// Not a test of its own: the process that [`what_was_flushed_survives_500_kills`] kills. It goes on with the recording,
/// and closes the segments that it has left.
#[test]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let first = Writer::last_sequence(folder).unwrap().map_or(0, |last| last + 1);
    let mut writer = Writer::create(folder, header(), OPTIONS).unwrap();
    let mut upkeep = Upkeep::new(folder, Retention::KEEP_ALL);
    let mut looked_after = 0;
    for sequence in first..first + CHILD_INPUTS {
        writer.append(&input(sequence)).unwrap();
        if sequence % 7 == 0 {
            writer.flush().unwrap();
            writeln!(stdout(), "{FLUSHED}{sequence}").unwrap();
        }
        if looked_after != writer.at_segment() {
            looked_after = writer.at_segment();
            let done = upkeep.pass(looked_after, input(sequence).received, || false).unwrap();
            assert!(done.problems.is_empty(), "{done:?}");
        }
    }
}

/// Kills a child after that many flushes. Returns the last input that it had flushed.
fn kill_after(flushes: usize, folder: &Path) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut flushed = output.lines().filter_map(|line| line.unwrap().split_once(FLUSHED)?.1.parse::<u64>().ok());
    let last = flushed.by_ref().take(flushes).last().unwrap();
    child.kill().unwrap();
    // The pipe still holds what the child said between that line and the kill.
    let last = flushed.last().unwrap_or(last);
    assert!(!child.wait().unwrap().success(), "the child ended before the kill");
    last
}

/// One recording, gone on with after each kill. How long a child lives changes from kill to kill, and with it what it is
/// at when it is killed: a frame, a new segment, the closing of one.
#[test]
fn what_was_flushed_survives_500_kills() {
    let folder = tempdir().unwrap();
    for kill in 0..KILLS {
        let flushed = kill_after(1 + (kill * 7 % 23) as usize, folder.path());
        let there = Writer::last_sequence(folder.path()).unwrap().unwrap();
        assert!(there >= flushed, "input {flushed} was flushed, the recording ends with {there}");
    }
    let last = Writer::last_sequence(folder.path()).unwrap().unwrap();
    let mut writer = Writer::create(folder.path(), header(), OPTIONS).unwrap();
    writer.append(&input(last + 1)).unwrap();
    drop(writer);
    let done = Upkeep::new(folder.path(), Retention::KEEP_ALL).pass(NO_WRITER, input(last).received, || false).unwrap();
    assert!(done.problems.is_empty(), "{done:?}");
    let mut reader = Reader::open(folder.path()).unwrap();
    let back: Vec<Input> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(back, (0..=last + 1).map(input).collect::<Vec<_>>());
    // What each kill may leave behind is one frame that was not whole.
    assert!(reader.damage_count() <= KILLS, "{:?}", reader.damage());
}
