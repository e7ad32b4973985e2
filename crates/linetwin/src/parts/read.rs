//! The files of records, read while they are written.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract::PartV1;
use jiff::civil::Date;
use telemetry::Timestamp;
use twin::{Output, Twin};

use crate::recorder::for_each_step;
use crate::setup::Setup;

/// A day in UTC, and the file of the records that were closed on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

const PREFIX: &str = "parts-";
const SUFFIX: &str = ".jsonl";

impl Day {
    /// The day of a moment.
    pub fn of(moment: Timestamp) -> Self {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(moment.as_nanos())).unwrap_or_default();
        Self(jiff::tz::TimeZone::UTC.to_datetime(moment).date())
    }

    /// The file's name.
    pub fn file_name(self) -> String {
        format!("{PREFIX}{self}{SUFFIX}")
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        format!("{self}T00:00:00Z").parse().unwrap_or(Timestamp::EPOCH)
    }

    fn of_file(name: &str) -> Option<Self> {
        name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok().map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The days that there are records of, oldest first. Other files in the folder are left alone.
///
/// # Errors
/// If the folder cannot be read.
pub fn days(folder: &Path) -> io::Result<Vec<Day>> {
    let mut days = Vec::new();
    for entry in fs::read_dir(folder)? {
        days.extend(entry?.file_name().to_str().and_then(Day::of_file));
    }
    days.sort_unstable();
    Ok(days)
}

/// Gives the lines of the files of these days that `wants` a look, as records, in the order they were written. A line
/// without an end is being written and is left out.
///
/// # Errors
/// If a file cannot be read, or a line in it is no record.
pub fn for_each(
    folder: &Path,
    range: RangeInclusive<Day>,
    wants: impl Fn(&[u8]) -> bool,
    mut take: impl FnMut(PartV1) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let unreadable = || {
        format!(
            "cannot read the records of parts in {}; name the daemon's folder with --data, or a recording with \
             --recording",
            folder.display()
        )
    };
    for day in days(folder).with_context(unreadable)?.into_iter().filter(|day| range.contains(day)) {
        let path = folder.join(day.file_name());
        let mut reader = BufReader::with_capacity(1 << 18, File::open(&path).with_context(unreadable)?);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).with_context(unreadable)?;
            number += 1;
            if line.pop() != Some(b'\n') {
                break;
            }
            if wants(&line) {
                let record = serde_json::from_slice(&line)
                    .with_context(|| format!("{}:{number}: not a record of a part", path.display()))?;
                take(record)?;
            }
        }
    }
    Ok(())
}

/// All days.
pub fn always() -> RangeInclusive<Day> {
    Day(Date::MIN)..=Day(Date::MAX)
}

/// The records of a serial, in the order they were closed.
///
/// # Errors
/// As [`for_each`].
pub fn records_of(folder: &Path, part: &str) -> anyhow::Result<Vec<PartV1>> {
    // The serial as it stands in a line; parsing them all would take twenty times as long.
    let quoted = serde_json::to_string(part)?;
    let begin = format!("{{\"schema\":\"linetwin/part/v1\",\"part\":{quoted},");
    let mut records = Vec::new();
    for_each(
        folder,
        always(),
        |line| line.starts_with(begin.as_bytes()),
        |record| {
            records.push(record);
            Ok(())
        },
    )?;
    Ok(records)
}

/// Where records come from.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub struct Source {
    /// Folder of the records, as the daemon keeps them.
    #[arg(long, value_name = "DIR", default_value = "recording/parts")]
    data: PathBuf,
    /// Folder of a recording, which is run through the twin: the same records as live, byte for byte.
    #[arg(long, value_name = "DIR")]
    recording: Option<PathBuf>,
}

impl Source {
    /// Gives the records that were closed on these days, in the order they were closed.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn for_each(
        &self,
        range: RangeInclusive<Day>,
        mut take: impl FnMut(PartV1) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match &self.recording {
            Some(recording) => replayed(recording, |record| match range.contains(&Day::of(record.closed.0)) {
                true => take(record),
                false => Ok(()),
            }),
            None => for_each(&self.data, range, |_| true, take),
        }
    }

    /// The records of a serial, in the order they were closed.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn records_of(&self, part: &str) -> anyhow::Result<Vec<PartV1>> {
        let Some(recording) = &self.recording else {
            return records_of(&self.data, part);
        };
        let mut records = Vec::new();
        replayed(recording, |record| {
            records.extend((record.part == part).then_some(record));
            Ok(())
        })?;
        Ok(records)
    }
}

/// Runs a recording through the twin and gives the records that it closes.
fn replayed(recording: &Path, mut take: impl FnMut(PartV1) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let setup = Setup::of_recording(recording, None, &[])?;
    for_each_step(recording, &mut Twin::new(setup.plant), |input, outputs, twin| {
        for output in outputs {
            if let Output::Part(record) = output {
                take(PartV1::new(record, twin, input.sequence))?;
            }
        }
        Ok(())
    })
}
