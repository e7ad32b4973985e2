//! CSV: a row for each sample, with names as an export has them.

use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use plant::Plant;
use telemetry::{Event, Input, Value};

use super::Format;
use crate::digest::{Digest, quality_code, text_sum};

pub(crate) struct Csv;

const FILE: &str = "samples.csv";

impl Format for Csv {
    fn name(&self) -> &'static str {
        "CSV"
    }

    fn write(&self, _: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_path(folder.join(FILE))?;
        writer.write_record([
            "sequence",
            "received_ns",
            "link",
            "signal",
            "source_time_ns",
            "kind",
            "value",
            "quality",
        ])?;
        for input in inputs {
            let Event::Samples(batch) = &input.event else { continue };
            for sample in &batch.samples {
                writer.serialize((
                    input.sequence,
                    input.received.as_nanos(),
                    batch.link.0,
                    sample.signal.0,
                    sample.source_time.as_nanos(),
                    kind(sample.value),
                    sample.value.to_string(),
                    quality_code(sample.quality),
                ))?;
            }
        }
        writer.flush()?;
        Ok(File::open(folder.join(FILE))?.sync_all()?)
    }

    fn read(&self, folder: &Path) -> anyhow::Result<Digest> {
        let mut digest = Digest::default();
        let mut reader = csv::Reader::from_path(folder.join(FILE))?;
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row)? {
            let cell = |at| row.get(at).context("a row is too short");
            let value = match cell(5)? {
                "f" => cell(6)?.parse::<f64>()?.to_bits(),
                "i" => cell(6)?.parse::<i64>()? as u64,
                "b" => u64::from(cell(6)? == "true"),
                _ => text_sum(cell(6)?),
            };
            digest.add(cell(3)?.parse()?, cell(4)?.parse()?, value, cell(7)?.parse()?);
        }
        Ok(digest)
    }
}

fn kind(value: Value) -> &'static str {
    match value {
        Value::Float(_) => "f",
        Value::Integer(_) => "i",
        Value::Boolean(_) => "b",
        Value::Symbol(_) => "s",
    }
}
