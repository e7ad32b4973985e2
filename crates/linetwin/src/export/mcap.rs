//! MCAP: a channel for each signal, a message in JSON for each sample, in chunks compressed with zstd.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use mcap::records::MessageHeader;
use recording::{RecordingHeader, event_json};
use serde_json::json;
use telemetry::{Event, Input, LinkId, Sample, SignalId, Timestamp, Value};

use super::Sink;

/// The topic of the inputs that are no samples.
const EVENTS: &str = "linetwin/events";

/// Writes a channel when its first sample comes.
pub(super) struct McapSink<W: Write + Seek> {
    writer: mcap::Writer<W>,
    header: RecordingHeader,
    sample_schema: u16,
    channels: BTreeMap<(LinkId, SignalId), u16>,
    events: u16,
    unfit: u64,
}

impl<W: Write + Seek> McapSink<W> {
    pub(super) fn new(sink: W, header: &RecordingHeader) -> anyhow::Result<Self> {
        let library = format!("linetwin {}", env!("CARGO_PKG_VERSION"));
        let mut writer = mcap::WriteOptions::new().library(library).create(sink)?;
        let schema = json!({
            "type": "object",
            "properties": {
                "value": { "type": ["number", "integer", "boolean", "string", "null"] },
                "quality": { "type": "string" },
            },
        });
        let sample_schema = writer.add_schema("linetwin.Sample", "jsonschema", schema.to_string().as_bytes())?;
        let event_schema = writer.add_schema("linetwin.Event", "jsonschema", br#"{"type":"object"}"#)?;
        let events = writer.add_channel(event_schema, EVENTS, "json", &BTreeMap::new())?;
        Ok(Self { writer, header: header.clone(), sample_schema, channels: BTreeMap::new(), events, unfit: 0 })
    }

    fn channel(&mut self, link: LinkId, signal: SignalId) -> anyhow::Result<u16> {
        if let Some(&channel) = self.channels.get(&(link, signal)) {
            return Ok(channel);
        }
        let name = |name: Option<&String>| name.cloned().unwrap_or_default();
        let metadata = BTreeMap::from([("link".to_owned(), name(self.header.links.get(&link)))]);
        let topic = name(self.header.signals.get(&signal));
        let channel = self.writer.add_channel(self.sample_schema, &topic, "json", &metadata)?;
        self.channels.insert((link, signal), channel);
        Ok(channel)
    }

    fn sample(&mut self, input: &Input, link: LinkId, sample: &Sample) -> anyhow::Result<()> {
        let channel_id = self.channel(link, sample.signal)?;
        let value = match sample.value {
            // JSON has no such numbers.
            Value::Float(number) => json!(number.is_finite().then_some(number)),
            Value::Integer(number) => json!(number),
            Value::Boolean(condition) => json!(condition),
            Value::Symbol(text) => json!(text.as_str()),
        };
        let data = json!({ "value": value, "quality": sample.quality.to_string() }).to_string();
        self.message(channel_id, input, sample.source_time, data.as_bytes())
    }

    /// MCAP's times begin in 1970 and its sequence numbers have 32 bits, of which the lowest are kept.
    fn message(&mut self, channel_id: u16, input: &Input, published: Timestamp, data: &[u8]) -> anyhow::Result<()> {
        let nanos = |moment: Timestamp| u64::try_from(moment.as_nanos());
        let (Ok(log_time), Ok(publish_time)) = (nanos(input.received), nanos(published)) else {
            self.unfit += u64::from(channel_id != self.events);
            return Ok(());
        };
        let sequence = input.sequence as u32;
        self.writer.write_to_known_channel(&MessageHeader { channel_id, sequence, log_time, publish_time }, data)?;
        Ok(())
    }
}

impl<W: Write + Seek> Sink for McapSink<W> {
    fn write(&mut self, input: &Input) -> anyhow::Result<()> {
        match &input.event {
            Event::Samples(batch) => batch.samples.iter().try_for_each(|sample| self.sample(input, batch.link, sample)),
            Event::Tick => Ok(()),
            event => {
                let data = event_json(event)?;
                self.message(self.events, input, input.received, data.as_bytes())
            }
        }
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<u64> {
        self.writer.finish()?;
        Ok(self.unfit)
    }
}
