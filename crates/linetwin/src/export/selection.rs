//! Which part of a recording is exported.

use std::collections::BTreeSet;

use recording::RecordingHeader;
use telemetry::{Event, Input, SignalId, Timestamp};

use super::Arguments;
use crate::inputs::first_received;

/// A span of time, and signals.
pub(super) struct Selection {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// All if `None`.
    signals: Option<BTreeSet<SignalId>>,
}

impl Selection {
    pub(super) fn new(arguments: &Arguments, header: &RecordingHeader) -> anyhow::Result<Self> {
        let begin = first_received(&arguments.recording)?;
        let zone = jiff::tz::TimeZone::UTC;
        let moment = |moment: Option<crate::replay::moment::Moment>| {
            moment.map(|moment| moment.resolve(begin.unwrap_or(header.created), &zone)).transpose()
        };
        let (from, to) = (moment(arguments.from)?, moment(arguments.to)?);
        if let (Some(from), Some(to)) = (from, to) {
            anyhow::ensure!(from < to, "--from {from} is not before --to {to}");
        }
        if arguments.signal.is_empty() {
            return Ok(Self { from, to, signals: None });
        }
        let mut signals = BTreeSet::new();
        for pattern in &arguments.signal {
            let found = header.signals.iter().filter(|(_, path)| pattern.matches(path)).map(|(&id, _)| id);
            let before = signals.len();
            signals.extend(found);
            anyhow::ensure!(
                signals.len() > before || header.signals.values().any(|path| pattern.matches(path)),
                "--signal {pattern}: the recording has no such signal; linetwin export --format csv lists them, or \
                 \"*/current\" names one at every station"
            );
        }
        Ok(Self { from, to, signals: Some(signals) })
    }

    /// What is selected of an input; `None` if nothing is.
    pub(super) fn of(&self, mut input: Input) -> Option<Input> {
        let is_early = self.from.is_some_and(|from| input.received < from);
        if is_early || self.to.is_some_and(|to| input.received >= to) {
            return None;
        }
        if let (Some(signals), Event::Samples(batch)) = (&self.signals, &mut input.event) {
            batch.samples.retain(|sample| signals.contains(&sample.signal));
            if batch.samples.is_empty() {
                return None;
            }
        }
        Some(input)
    }
}
