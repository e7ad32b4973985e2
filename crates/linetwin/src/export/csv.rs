//! CSV: a row for each sample.

use std::io::Write;

use csv::Writer;
use recording::RecordingHeader;
use telemetry::{Event, Input};

use super::Sink;

/// Writes a header row, then the samples.
pub(super) struct CsvSink<W: Write> {
    writer: Writer<W>,
    header: RecordingHeader,
}

const COLUMNS: [&str; 7] = ["sequence", "received", "link", "signal", "source_time", "value", "quality"];

impl<W: Write> CsvSink<W> {
    pub(super) fn new(sink: W, header: &RecordingHeader) -> anyhow::Result<Self> {
        let mut writer = Writer::from_writer(sink);
        writer.write_record(COLUMNS)?;
        Ok(Self { writer, header: header.clone() })
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn write(&mut self, input: &Input) -> anyhow::Result<()> {
        let Event::Samples(batch) = &input.event else { return Ok(()) };
        let (sequence, received) = (input.sequence.to_string(), input.received.to_string());
        let link = self.header.links.get(&batch.link).map_or("", String::as_str);
        for sample in &batch.samples {
            let signal = self.header.signals.get(&sample.signal).map_or("", String::as_str);
            let (time, value) = (sample.source_time.to_string(), sample.value.to_string());
            let quality = sample.quality.to_string();
            self.writer.write_record([&sequence, &received, link, signal, &time, &value, &quality])?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<u64> {
        self.writer.flush()?;
        Ok(0)
    }
}
