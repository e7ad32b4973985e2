//! The recording.

use std::path::Path;

use e2e::recording_header;
use linetwin::simulated::START;
use plant::Plant;
use recording::{NO_WRITER, Reader, Retention, Upkeep, Writer, WriterOptions};
use telemetry::Input;

use super::Format;
use crate::digest::Digest;

/// Segments as the daemon writes them.
pub(crate) struct Open;
/// Segments that were closed: written, turned into Parquet and compared.
pub(crate) struct Closed;

impl Format for Open {
    fn name(&self) -> &'static str {
        "recording, open segments"
    }

    fn write(&self, plant: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()> {
        let mut writer = Writer::create(folder, recording_header(plant), WriterOptions::default())?;
        for input in inputs {
            writer.append(input)?;
        }
        Ok(writer.sync()?)
    }

    fn read(&self, folder: &Path) -> anyhow::Result<Digest> {
        let mut digest = Digest::default();
        for input in Reader::open(folder)? {
            digest.add_input(&input?);
        }
        Ok(digest)
    }
}

impl Format for Closed {
    fn name(&self) -> &'static str {
        "recording, closed segments"
    }

    fn write(&self, plant: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()> {
        Open.write(plant, inputs, folder)?;
        let done = Upkeep::new(folder, Retention::KEEP_ALL).pass(NO_WRITER, START, || false)?;
        anyhow::ensure!(done.closed == done.segments, "{:?}", done.problems);
        Ok(())
    }

    fn read(&self, folder: &Path) -> anyhow::Result<Digest> {
        Open.read(folder)
    }
}
