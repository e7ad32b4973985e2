//! InfluxDB's line protocol: a line for each sample, its time that of the source.

use std::io::Write;

use influxdb_line_protocol::LineProtocolBuilder;
use recording::RecordingHeader;
use telemetry::{Event, Input, Quality, Sample, Value};

use super::Sink;

/// The measurement.
const MEASUREMENT: &str = "telemetry";

/// Tags `station`, `signal`, `link` and `quality`. The field is `value` for a float, else `value_integer`, `value_boolean`
/// or `value_text`: within a measurement a field has one type.
pub(super) struct LineProtocolSink<W: Write> {
    sink: W,
    header: RecordingHeader,
    unfit: u64,
}

impl<W: Write> LineProtocolSink<W> {
    pub(super) fn new(sink: W, header: &RecordingHeader) -> Self {
        Self { sink, header: header.clone(), unfit: 0 }
    }

    fn line(&self, link: &str, sample: &Sample) -> Option<Vec<u8>> {
        let path = self.header.signals.get(&sample.signal).map_or("", String::as_str);
        let (station, signal) = path.split_once('/').unwrap_or(("", path));
        let quality = match sample.quality {
            Quality::Good => "good",
            Quality::Uncertain(_) => "uncertain",
            Quality::Bad(_) => "bad",
        };
        let tags = [("link", link), ("quality", quality), ("signal", signal), ("station", station)];
        let mut line = LineProtocolBuilder::new().measurement(MEASUREMENT);
        // A tag without a value is none that the protocol knows.
        for (key, value) in tags.into_iter().filter(|(_, value)| !value.is_empty()) {
            line = line.tag(key, value);
        }
        let line = match sample.value {
            Value::Float(number) if number.is_finite() => line.field("value", number),
            Value::Float(_) => return None,
            Value::Integer(number) => line.field("value_integer", number),
            Value::Boolean(condition) => line.field("value_boolean", condition),
            Value::Symbol(text) => line.field("value_text", text.as_str()),
        };
        Some(line.timestamp(sample.source_time.as_nanos()).close_line().build())
    }
}

impl<W: Write> Sink for LineProtocolSink<W> {
    fn write(&mut self, input: &Input) -> anyhow::Result<()> {
        let Event::Samples(batch) = &input.event else { return Ok(()) };
        let link = self.header.links.get(&batch.link).map_or("", String::as_str);
        for sample in &batch.samples {
            match self.line(link, sample) {
                Some(line) => self.sink.write_all(&line)?,
                None => self.unfit += 1,
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<u64> {
        self.sink.flush()?;
        Ok(self.unfit)
    }
}
