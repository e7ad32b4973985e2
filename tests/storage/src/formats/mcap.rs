//! MCAP with zstd: a channel for each signal, and of a sample its value and quality in as few bytes as they take.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use mcap::records::MessageHeader;
use plant::Plant;
use telemetry::{Event, Input, Value};

use super::Format;
use crate::digest::{Digest, quality_code, text_sum};

pub(crate) struct Mcap;

const FILE: &str = "samples.mcap";
/// The key of a channel's metadata with the signal's id.
const ID: &str = "id";

impl Format for Mcap {
    fn name(&self) -> &'static str {
        "MCAP, zstd"
    }

    fn write(&self, plant: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()> {
        let mut writer = mcap::Writer::new(BufWriter::new(File::create(folder.join(FILE))?))?;
        let mut channels = Vec::new();
        for signal in &plant.signals {
            let metadata = BTreeMap::from([(ID.to_owned(), signal.id.0.to_string())]);
            channels.push(writer.add_channel(0, &signal.path, "linetwin", &metadata)?);
        }
        let mut data = Vec::new();
        for input in inputs {
            let Event::Samples(batch) = &input.event else { continue };
            for sample in &batch.samples {
                data.clear();
                encode(sample.value, quality_code(sample.quality), &mut data);
                let header = MessageHeader {
                    channel_id: channels[sample.signal.0 as usize],
                    sequence: input.sequence as u32,
                    log_time: input.received.as_nanos() as u64,
                    publish_time: sample.source_time.as_nanos() as u64,
                };
                writer.write_to_known_channel(&header, &data)?;
            }
        }
        writer.finish()?;
        Ok(File::open(folder.join(FILE))?.sync_all()?)
    }

    fn read(&self, folder: &Path) -> anyhow::Result<Digest> {
        let (mut digest, mut signals) = (Digest::default(), BTreeMap::new());
        let bytes = fs::read(folder.join(FILE))?;
        for message in mcap::MessageStream::new(&bytes)? {
            let message = message?;
            let (value, quality) = decode(&message.data)?;
            let signal = match signals.get(&message.channel.id) {
                Some(&signal) => signal,
                None => {
                    let id = message.channel.metadata.get(ID).context("a channel has no id")?.parse()?;
                    *signals.entry(message.channel.id).or_insert(id)
                }
            };
            digest.add(signal, message.publish_time as i64, value, quality);
        }
        Ok(digest)
    }
}

/// Quality, kind, value.
fn encode(value: Value, quality: u64, data: &mut Vec<u8>) {
    data.extend((quality as u16).to_le_bytes());
    match value {
        Value::Float(number) => {
            data.push(b'f');
            data.extend(number.to_le_bytes());
        }
        Value::Integer(number) => {
            data.push(b'i');
            data.extend(number.to_le_bytes());
        }
        Value::Boolean(condition) => data.extend([b'b', condition.into()]),
        Value::Symbol(text) => {
            data.push(b's');
            data.extend(text.as_str().as_bytes());
        }
    }
}

fn decode(data: &[u8]) -> anyhow::Result<(u64, u64)> {
    let (&[low, high, kind], value) = data.split_first_chunk().context("a message is too short")?;
    let value = match (kind, value) {
        (b's', text) => text_sum(std::str::from_utf8(text)?),
        (b'b', &[condition]) => condition.into(),
        (_, number) => u64::from_le_bytes(number.try_into()?),
    };
    Ok((value, u16::from_le_bytes([low, high]).into()))
}
