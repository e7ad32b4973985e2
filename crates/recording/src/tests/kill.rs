use std::env;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::tempdir;

use super::inputs::{header, input, read, write};
use crate::{Writer, WriterOptions};

/// Set, it makes [`child`] record into the folder that it names.
const FOLDER: &str = "RECORDING_TEST_KILLED_CHILD_FOLDER";
const OPTIONS: WriterOptions = WriterOptions { segment_bytes: 2_000 };
/// What a child prints before the number of a flushed input.
const FLUSHED: &str = "flushed ";
/// An end for a child whose parent has died: it stops by itself then.
const CHILD_INPUTS: u64 = 1_000_000;

/// Not a test of its own: the process that [`what_was_flushed_survives_a_kill`] kills.
#[test]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let mut writer = Writer::create(Path::new(&folder), header(), OPTIONS).unwrap();
    for sequence in 0..CHILD_INPUTS {
        writer.append(&input(sequence)).unwrap();
        if sequence % 7 == 0 {
            writer.flush().unwrap();
            writeln!(stdout(), "{FLUSHED}{sequence}").unwrap();
        }
    }
}

fn check_kill_after(flushes: usize) {
    let folder = tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::kill::child", "--nocapture"])
        .env(FOLDER, folder.path())
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

    let (back, reader) = read(folder.path());
    let inputs = |count: usize| (0..count as u64).map(input).collect::<Vec<_>>();
    assert!(back.len() as u64 > last, "input {last} was flushed, {} were read", back.len());
    assert_eq!(back, inputs(back.len()));
    assert!(reader.damage_count() <= 1, "{:?}", reader.damage());

    let next = Writer::last_sequence(folder.path()).unwrap().unwrap() + 1;
    write(folder.path(), &[input(next)], OPTIONS);
    assert_eq!(read(folder.path()).0, inputs(back.len() + 1));
}

#[test]
fn what_was_flushed_survives_a_kill() {
    for flushes in [1, 2, 50, 200] {
        check_kill_after(flushes);
    }
}
