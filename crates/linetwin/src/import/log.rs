//! The inputs that the live daemon would have recorded, had it received each row at its time.

use std::path::Path;

use recording::{RecordingHeader, Writer, WriterOptions};
use telemetry::{Event, Input, LinkId, LinkState, NANOS_PER_SECOND, Sample, SampleBatch, Timestamp};

/// The daemon tells the twin each second that time passes.
const TICK_NANOS: i64 = NANOS_PER_SECOND;
/// Ticks after a row until the next: ten minutes. Longer gaps have no more, so that a year without rows costs no more
/// than an hour.
const TICKS_PER_GAP_MAX: u32 = 600;
/// The most samples of a batch.
const BATCH_SAMPLES_MAX: usize = 10_000;

/// A recording that is written row by row.
pub(super) struct Log {
    writer: Writer,
    written: Written,
    /// The time of the last row, and of the next tick.
    now: Option<(Timestamp, Timestamp)>,
    /// Samples of the same time, each link's in a batch of its own, in the order that links came.
    batches: Vec<SampleBatch>,
}

/// What a recording came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// Inputs, which are numbered from 1.
    pub(super) inputs: u64,
    /// Inputs that are batches of samples.
    pub(super) batches: u64,
    /// Inputs that are ticks of the clock.
    pub(super) ticks: u64,
    /// Samples in the batches.
    pub(super) samples: u64,
}

impl Log {
    pub(super) fn begin(folder: &Path, header: RecordingHeader) -> anyhow::Result<Self> {
        let writer = Writer::create(folder, header, WriterOptions::default())?;
        Ok(Self { writer, written: Written::default(), now: None, batches: Vec::new() })
    }

    /// Time comes to that of the next row, which is not before the last one's. With the first row the links come up.
    pub(super) fn come_to(&mut self, time: Timestamp, links: &[LinkId]) -> anyhow::Result<()> {
        match self.now {
            Some((now, _)) if now == time => return Ok(()),
            Some((now, tick)) => {
                self.deliver(now)?;
                self.tick_until(time, tick)?;
            }
            None => {
                for &link in links {
                    self.append(time, Event::Link { link, state: LinkState::Up })?;
                }
                self.now = Some((time, time.plus_nanos(TICK_NANOS)));
            }
        }
        Ok(())
    }

    fn tick_until(&mut self, time: Timestamp, mut tick: Timestamp) -> anyhow::Result<()> {
        for _ in 0..TICKS_PER_GAP_MAX {
            if tick > time {
                break;
            }
            self.append(tick, Event::Tick)?;
            self.written.ticks += 1;
            tick = tick.plus_nanos(TICK_NANOS);
        }
        self.now = Some((time, if tick > time { tick } else { time.plus_nanos(TICK_NANOS) }));
        Ok(())
    }

    /// Adds a sample of the row that time has come to.
    pub(super) fn add(&mut self, link: LinkId, sample: Sample) -> anyhow::Result<()> {
        match self.batches.iter_mut().find(|batch| batch.link == link) {
            Some(batch) => batch.samples.push(sample),
            None => self.batches.push(SampleBatch { link, samples: vec![sample] }),
        }
        match self.now {
            Some((now, _)) if self.batches.iter().any(|batch| batch.samples.len() >= BATCH_SAMPLES_MAX) => {
                self.deliver(now)
            }
            _ => Ok(()),
        }
    }

    fn deliver(&mut self, received: Timestamp) -> anyhow::Result<()> {
        for batch in std::mem::take(&mut self.batches) {
            self.written.samples += batch.samples.len() as u64;
            self.written.batches += 1;
            self.append(received, Event::Samples(batch))?;
        }
        Ok(())
    }

    fn append(&mut self, received: Timestamp, event: Event) -> anyhow::Result<()> {
        self.written.inputs += 1;
        Ok(self.writer.append(&Input { sequence: self.written.inputs, received, event })?)
    }

    /// Makes all durable.
    pub(super) fn finish(mut self) -> anyhow::Result<Written> {
        if let Some((now, _)) = self.now {
            self.deliver(now)?;
        }
        self.writer.sync()?;
        Ok(self.written)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use recording::Reader;
    use telemetry::{Quality, SignalId, Value};

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millis(1_795_413_600_000).plus_seconds(seconds)
    }

    /// Records a row of one sample on each of two links at those seconds.
    fn recorded(seconds: &[f64]) -> (Vec<String>, Written) {
        let folder = tempfile::tempdir().unwrap();
        let header = RecordingHeader {
            program_version: String::new(),
            created: at(0.0),
            signals: Default::default(),
            links: Default::default(),
            configuration: Default::default(),
            overrides: Default::default(),
        };
        let mut log = Log::begin(folder.path(), header).unwrap();
        let links = [LinkId(0), LinkId(1)];
        for &seconds in seconds {
            log.come_to(at(seconds), &links).unwrap();
            for link in links {
                let (value, quality) = (Value::Integer(7), Quality::Good);
                log.add(link, Sample { signal: SignalId(0), source_time: at(seconds), value, quality }).unwrap();
            }
        }
        let written = log.finish().unwrap();
        let shown = |input: Input| {
            let what = match input.event {
                Event::Samples(batch) => format!("{} on {}", batch.samples.len(), batch.link.0),
                Event::Link { link, state: LinkState::Up } => format!("up {}", link.0),
                Event::Tick => "tick".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{} {} {what}", input.sequence, input.received.seconds_since(at(0.0)))
        };
        (Reader::open(folder.path()).unwrap().map(|input| shown(input.unwrap())).collect(), written)
    }

    #[test]
    fn inputs_come_as_the_daemon_would_have_received_them() {
        let (inputs, written) = recorded(&[0.0, 0.5, 0.5, 2.0, 2.25]);
        let expected = [
            "1 0 up 0",
            "2 0 up 1",
            "3 0 1 on 0",
            "4 0 1 on 1",
            "5 0.5 2 on 0",
            "6 0.5 2 on 1",
            "7 1 tick",
            "8 2 tick",
            "9 2 1 on 0",
            "10 2 1 on 1",
            "11 2.25 1 on 0",
            "12 2.25 1 on 1",
        ];
        assert_eq!(inputs, expected);
        assert_eq!(written, Written { inputs: 12, batches: 8, ticks: 2, samples: 10 });
    }

    #[test]
    fn a_year_without_rows_has_the_ticks_of_ten_minutes() {
        let (inputs, written) = recorded(&[0.0, 3.0e7, 3.0e7 + 1.5]);
        assert_eq!(written.ticks, u64::from(TICKS_PER_GAP_MAX) + 1);
        assert!(inputs.contains(&"604 600 tick".to_owned()), "{inputs:?}");
        assert!(inputs.contains(&"607 30000001 tick".to_owned()), "{inputs:?}");
    }
}
