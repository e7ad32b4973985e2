use adapter::sample;
use plant::Signal;
use telemetry::{Quality, Sample, Timestamp};

use crate::SimulatedAdapter;
use crate::source::Source;
use crate::wave::{Tick, Wave};

/// The waves of a link, all asked at each tick. Ticks are at whole intervals since 1970.
pub(crate) struct WaveSource<'a> {
    waves: Vec<(&'a Signal, &'a Wave)>,
    interval_nanos: i64,
    seed: u64,
    /// The tick that is next.
    next: i64,
}

impl<'a> WaveSource<'a> {
    /// Begins with the first tick at or after that time.
    pub(crate) fn new(adapter: &'a SimulatedAdapter, start: Timestamp) -> Self {
        let wave = |(signal, source): &'a (Signal, Source)| match source {
            Source::Wave(wave) => Some((signal, wave)),
            Source::Point(_) => None,
        };
        let interval_nanos = (adapter.settings.interval_s * 1e9) as i64;
        let waves = adapter.signals.iter().filter_map(wave).collect();
        let next = start.as_nanos().div_euclid(interval_nanos) + 1;
        Self { waves, interval_nanos, seed: adapter.settings.seed, next }
    }

    /// When the next tick is.
    pub(crate) fn due(&self) -> Timestamp {
        Timestamp::from_nanos(self.next.saturating_mul(self.interval_nanos))
    }

    /// Appends what is due by then, a batch for each tick.
    pub(crate) fn give(&mut self, now: Timestamp, batches: &mut Vec<Vec<Sample>>) {
        while self.due() <= now {
            let at = self.due();
            let of_tick = (0..).zip(&self.waves).map(|(source, (signal, wave))| {
                let tick = Tick { at, number: self.next, seed: self.seed, source };
                sample(signal, wave.at(tick).raw(), at, Quality::Good)
            });
            batches.push(of_tick.collect());
            self.next += 1;
        }
    }
}
