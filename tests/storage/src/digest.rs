//! What samples come to, so that a format is judged on giving all of them back.

use telemetry::{Input, Quality, Sample, Value};

/// Sums that depend on every sample, and not on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Digest {
    pub(crate) samples: u64,
    signals: u64,
    times: u64,
    values: u64,
    qualities: u64,
}

impl Digest {
    pub(crate) fn of_inputs(inputs: &[Input]) -> Self {
        let mut digest = Self::default();
        inputs.iter().for_each(|input| digest.add_input(input));
        digest
    }

    pub(crate) fn add_input(&mut self, input: &Input) {
        input.event.samples().iter().for_each(|sample| self.add_sample(sample));
    }

    fn add_sample(&mut self, sample: &Sample) {
        let value = match sample.value {
            Value::Float(number) => number.to_bits(),
            Value::Integer(number) => number as u64,
            Value::Boolean(condition) => u64::from(condition),
            Value::Symbol(text) => text_sum(text.as_str()),
        };
        self.add(sample.signal.0.into(), sample.source_time.as_nanos(), value, quality_code(sample.quality));
    }

    /// A sample, its value as bits.
    pub(crate) fn add(&mut self, signal: u64, time_ns: i64, value: u64, quality: u64) {
        self.samples += 1;
        // Multiplied, so that a value that stands with another signal shows.
        let key = signal.wrapping_mul(2).wrapping_add(1);
        self.signals = self.signals.wrapping_add(signal);
        self.times = self.times.wrapping_add((time_ns as u64).wrapping_mul(key));
        self.values = self.values.wrapping_add(value.wrapping_mul(key));
        self.qualities = self.qualities.wrapping_add(quality.wrapping_mul(key));
    }
}

/// A text as a number.
pub(crate) fn text_sum(text: &str) -> u64 {
    text.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// A quality as a number.
pub(crate) fn quality_code(quality: Quality) -> u64 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain(reason) => 256 + u64::from(reason.code()),
        Quality::Bad(reason) => 512 + u64::from(reason.code()),
    }
}
