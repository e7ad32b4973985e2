//! `linetwin export`: a recording, or a part of one, in a format that other tools read.

mod csv;
mod line_protocol;
mod mcap;
mod names;
mod selection;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use recording::{ParquetFile, Reader, RecordingHeader};
use telemetry::Input;

use crate::replay::moment::Moment;

use names::Names;
use selection::Selection;

/// `linetwin export`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or one of its segments.
    recording: PathBuf,
    /// What to write: parquet, csv, line-protocol (InfluxDB) or mcap (Foxglove and others).
    #[arg(long, value_enum)]
    format: Format,
    /// File to write, which must not be there yet; - for standard output, for csv and line-protocol only.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only what was received at that moment or later: 2026-11-24T08:14:00Z, 08:14 in UTC, or +2h after the begin.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// Only what was received before that moment.
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    /// Only samples of these signals, such as weld-20/current or "weld-20/*"; may be given more than once.
    #[arg(long, value_name = "PATTERN")]
    signal: Vec<glob::Pattern>,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A row for each sample, as in closed segments; itself a recording.
    Parquet,
    /// A row for each sample.
    Csv,
    /// A line for each sample.
    LineProtocol,
    /// A channel for each signal, a message for each sample.
    Mcap,
}

/// What inputs are written to.
trait Sink {
    /// Writes an input, its ids those of the header that the sink was made with.
    fn write(&mut self, input: &Input) -> anyhow::Result<()>;
    /// Writes the rest. Returns how many samples have no place in the format.
    fn finish(self: Box<Self>) -> anyhow::Result<u64>;
}

/// Exports a recording.
///
/// # Errors
/// If the recording cannot be read, the arguments make no sense together, or the file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let names = Names::of(&arguments.recording)?;
    let selection = Selection::new(arguments, names.header())?;
    let mut sink = sink(arguments, names.header())?;
    let (mut reader, mut remap) = (Reader::open(&arguments.recording)?, names.remap());
    let (mut inputs, mut samples) = (0u64, 0u64);
    while let Some(input) = reader.next() {
        let input = remap.apply(reader.header(), input?);
        let Some(input) = selection.of(input) else { continue };
        inputs += 1;
        samples += input.event.samples().len() as u64;
        sink.write(&input).with_context(|| format!("cannot export to {}", arguments.out.display()))?;
    }
    let unfit = sink.finish().with_context(|| format!("cannot export to {}", arguments.out.display()))?;
    for damage in reader.damage() {
        tracing::warn!("{damage}");
    }
    if unfit > 0 {
        tracing::warn!("{unfit} samples are left out: the format has no place for their value or time");
    }
    eprintln!("{}: {} samples of {inputs} inputs", arguments.out.display(), samples - unfit);
    Ok(())
}

fn sink(arguments: &Arguments, header: &RecordingHeader) -> anyhow::Result<Box<dyn Sink>> {
    let out = &arguments.out;
    Ok(match arguments.format {
        Format::Csv => Box::new(csv::CsvSink::new(text_file(out)?, header)?),
        Format::LineProtocol => Box::new(line_protocol::LineProtocolSink::new(text_file(out)?, header)),
        Format::Parquet => Box::new(Parquet(ParquetFile::create(named_file(out)?, header.clone())?)),
        Format::Mcap => {
            let path = named_file(out)?;
            let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
            Box::new(mcap::McapSink::new(BufWriter::new(file), header)?)
        }
    })
}

fn text_file(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn named_file(path: &Path) -> anyhow::Result<&Path> {
    anyhow::ensure!(path.as_os_str() != "-", "this format is no text; name a file with --out");
    Ok(path)
}

/// A closed segment with what was selected.
struct Parquet(ParquetFile);

impl Sink for Parquet {
    fn write(&mut self, input: &Input) -> anyhow::Result<()> {
        Ok(self.0.push(input)?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<u64> {
        self.0.finish()?;
        Ok(0)
    }
}
