//! `linetwin verify`: whether a recording is whole, and whether a replay of it tells what was told live.

mod alerts;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use recording::{Checkpoints, Reader, RecordingError, segment_files};
use telemetry::{Input, Timestamp};

/// `linetwin verify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or one of its segments.
    recording: PathBuf,
    /// Replay it too, and compare with the alerts that were told live.
    #[arg(long)]
    replay: bool,
}

/// A recording in which something is wrong; all of it has been printed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problems} problems", .recording.display())]
pub struct NotWhole {
    recording: PathBuf,
    problems: u64,
}

/// Reads every byte of a recording and prints what is in it and what is wrong with it.
///
/// # Errors
/// [`NotWhole`]; or that it cannot be read at all.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let recording = &arguments.recording;
    let mut problems = verify_segments(recording)?;
    if recording.is_dir() {
        print_checkpoints(recording)?;
        if arguments.replay {
            problems += alerts::compare(recording)?;
        }
    }
    if problems > 0 {
        return Err(NotWhole { recording: recording.clone(), problems }.into());
    }
    println!("{}: whole", recording.display());
    Ok(())
}

/// Prints a line for each segment, and one for each problem. Returns how many there are.
fn verify_segments(recording: &Path) -> anyhow::Result<u64> {
    let files = segment_files(recording)?;
    if files.is_empty() {
        return Err(RecordingError::NoSegments(recording.to_owned()).into());
    }
    println!(
        "{:16} {:>9} {:>10} {:>11} {:>11} {:>11}  {:20}  to",
        "segment", "MiB", "B/sample", "first input", "last input", "samples", "from"
    );
    let (mut problems, mut expected) = (0, None);
    for file in files {
        let segment = Contents::read(&file)?;
        if let (Some(expected), Some((first, _))) = (expected, segment.ends)
            && first.sequence != expected
        {
            problems += 1;
            println!("  {}", missing(expected, first.sequence));
        }
        segment.print(&file);
        problems += segment.problems;
        expected = segment.ends.map_or(expected, |(_, last)| last.sequence.checked_add(1));
    }
    Ok(problems)
}

/// What to say of a segment that does not go on where the one before has ended.
fn missing(expected: u64, found: u64) -> String {
    match found.checked_sub(expected) {
        Some(_) => format!("inputs {expected} to {} are missing", found - 1),
        None => format!("the numbers of inputs go back from {expected} to {found}"),
    }
}

/// An input's place in the log.
#[derive(Debug, Clone, Copy)]
struct Place {
    sequence: u64,
    received: Timestamp,
}

/// What is in a segment.
struct Contents {
    bytes: u64,
    samples: u64,
    ends: Option<(Place, Place)>,
    problems: u64,
}

impl Contents {
    /// Reads a segment to its end; prints what is wrong with it.
    fn read(file: &Path) -> anyhow::Result<Self> {
        let bytes = file.metadata().with_context(|| format!("cannot read {}", file.display()))?.len();
        let mut contents = Self { bytes, samples: 0, ends: None, problems: 0 };
        let mut reader = match Reader::open(file) {
            Ok(reader) => reader,
            Err(error @ RecordingError::Unreadable(_)) => {
                contents.problems = 1;
                println!("  {error}");
                return Ok(contents);
            }
            Err(error) => return Err(error.into()),
        };
        for input in reader.by_ref() {
            contents.count(&input?);
        }
        contents.problems = reader.damage_count();
        for damage in reader.damage() {
            println!("  {damage}");
        }
        let unlisted = reader.damage_count() - reader.damage().len() as u64;
        if unlisted > 0 {
            println!("  and {unlisted} more");
        }
        Ok(contents)
    }

    fn count(&mut self, input: &Input) {
        self.samples += input.event.samples().len() as u64;
        let place = Place { sequence: input.sequence, received: input.received };
        self.ends = Some((self.ends.map_or(place, |(first, _)| first), place));
    }

    fn print(&self, file: &Path) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mib = self.bytes as f64 / (1024.0 * 1024.0);
        let each =
            if self.samples > 0 { format!("{:.2}", self.bytes as f64 / self.samples as f64) } else { "-".into() };
        match self.ends {
            Some((first, last)) => println!(
                "{name:16} {mib:9.2} {each:>10} {:11} {:11} {:11}  {:20}  {}",
                first.sequence, last.sequence, self.samples, first.received, last.received
            ),
            None => println!("{name:16} {mib:9.2}  without inputs"),
        }
    }
}

/// A checkpoint that is of no use costs time, so none is a problem.
fn print_checkpoints(recording: &Path) -> anyhow::Result<()> {
    let ids = Checkpoints::of(recording).list().context("cannot list the checkpoints")?;
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        println!(
            "{} checkpoints, of input {} at {} to input {} at {}",
            ids.len(),
            first.sequence,
            first.received,
            last.sequence,
            last.received
        );
    }
    Ok(())
}
