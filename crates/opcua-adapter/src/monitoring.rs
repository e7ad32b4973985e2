//! How the server is asked to look at each variable, and what it makes of that.

use std::collections::BTreeMap;

use adapter::Clock;
use opcua::types::{
    AttributeId, DataChangeFilter, DataChangeTrigger, DeadbandType, ExtensionObject, MonitoredItemCreateResult,
    MonitoringParameters, StatusCode,
};
use plant::{DataType, Deadband, OpcuaSettings, Signal};

use crate::events::{self, EVENTS_QUEUED};
use crate::points::{Point, Watch};

/// What is asked of the server for one node. Of several signals that come from a variable the most demanding counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Monitoring {
    watch: Watch,
    /// 0 asks for every change, or for the fastest sampling that the server has.
    sampling_interval_ms: f64,
    queue_size: u32,
    deadband: Deadband,
}

impl Monitoring {
    /// As the tag lists say, or else the link.
    pub(crate) fn of(point: &Point, settings: &OpcuaSettings, clock: &Clock) -> Self {
        if point.watch == Watch::Events {
            let (sampling_interval_ms, queue_size) = (0.0, EVENTS_QUEUED);
            return Self { watch: Watch::Events, sampling_interval_ms, queue_size, deadband: Deadband::None };
        }
        let sampling = |signal: &Signal| signal.sampling.interval_s.unwrap_or(settings.sampling_interval_s);
        let queue = |signal: &Signal| signal.sampling.queue_size.unwrap_or(settings.queue_size);
        let signals = || point.items.iter().map(|item| &item.signal);
        let interval_s = signals().map(sampling).fold(f64::INFINITY, f64::min);
        let sampling_interval_ms =
            if interval_s > 0.0 { clock.duration(interval_s).as_secs_f64() * 1000.0 } else { 0.0 };
        let queue_size = signals().map(queue).max().unwrap_or(settings.queue_size);
        Self { watch: Watch::Value, sampling_interval_ms, queue_size, deadband: deadband(point, settings) }
    }

    /// The same, but every change is told.
    pub(crate) fn without_deadband(self) -> Self {
        Self { deadband: Deadband::None, ..self }
    }

    pub(crate) fn has_deadband(&self) -> bool {
        self.deadband != Deadband::None
    }

    /// What of the node is monitored.
    pub(crate) fn attribute(&self) -> AttributeId {
        match self.watch {
            Watch::Value => AttributeId::Value,
            Watch::Events => AttributeId::EventNotifier,
        }
    }

    pub(crate) fn parameters(&self, client_handle: u32) -> MonitoringParameters {
        MonitoringParameters {
            client_handle,
            sampling_interval: self.sampling_interval_ms,
            filter: match self.watch {
                Watch::Value => self.filter(),
                Watch::Events => events::filter(),
            },
            queue_size: self.queue_size,
            discard_oldest: true,
        }
    }

    /// Not every server takes the standard's default, a change of status or value, for granted, and so it is said.
    fn filter(&self) -> ExtensionObject {
        let (kind, deadband_value) = match self.deadband {
            Deadband::None => (DeadbandType::None, 0.0),
            Deadband::Absolute(value) => (DeadbandType::Absolute, value),
            Deadband::Percent(value) => (DeadbandType::Percent, value),
        };
        let filter =
            DataChangeFilter { trigger: DataChangeTrigger::StatusValue, deadband_type: kind as u32, deadband_value };
        ExtensionObject::from_message(filter)
    }
}

/// The deadband of a variable, in the device's unit. One with a part taken out, or with signals that want different ones, has
/// none: the server would judge all of it by one measure.
fn deadband(point: &Point, settings: &OpcuaSettings) -> Deadband {
    let is_whole = point.items.iter().all(|item| item.part.is_empty());
    let mut wanted = point.items.iter().map(|item| of_signal(&item.signal, settings));
    match wanted.next() {
        Some(first) if is_whole && wanted.all(|other| other == first) => first,
        _ => Deadband::None,
    }
}

fn of_signal(signal: &Signal, settings: &OpcuaSettings) -> Deadband {
    match signal.sampling.deadband.unwrap_or(settings.deadband) {
        _ if matches!(signal.data_type, DataType::Bool | DataType::Text) => Deadband::None,
        Deadband::Absolute(value) => Deadband::Absolute(value / signal.scale.abs()),
        other => other,
    }
}

/// Whether the server refuses only the deadband: it knows none, or no range that percent could be of.
pub(crate) fn refuses_deadband(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(
        status,
        S::BadFilterNotAllowed
            | S::BadMonitoredItemFilterInvalid
            | S::BadMonitoredItemFilterUnsupported
            | S::BadDeadbandFilterInvalid
    )
}

/// What the server made of what it was asked for, in words, with how many signals it is so for.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    found: BTreeMap<String, usize>,
}

impl Revisions {
    /// Takes note of one item.
    pub(crate) fn note(&mut self, asked: Monitoring, result: &MonitoredItemCreateResult) {
        let (sampling, revised) = (asked.sampling_interval_ms, result.revised_sampling_interval);
        // Who asks for the fastest takes what comes.
        if sampling > 0.0 && (revised - sampling).abs() > 0.5 {
            self.add(format!("looks every {revised} ms, not every {sampling} ms"));
        }
        let what = if asked.watch == Watch::Events { "events" } else { "values" };
        if result.revised_queue_size != asked.queue_size {
            let (revised, queue) = (result.revised_queue_size, asked.queue_size);
            let kept = format!("keeps {revised} {what} between two publishings, not {queue}");
            self.add(kept);
        }
    }

    /// Takes note of a deadband that the server does not have.
    pub(crate) fn note_no_deadband(&mut self, signal: &Signal, status: StatusCode) {
        self.add(format!("has no such deadband for {} ({status}) and tells every change", signal.path));
    }

    fn add(&mut self, words: String) {
        *self.found.entry(words).or_default() += 1;
    }

    /// Tells it.
    pub(crate) fn tell(self, url: &str) {
        for (what, variables) in self.found {
            tracing::info!(url, variables, "the server {what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use adapter::testing::signal;
    use plant::Sampling;

    use super::*;
    use crate::address::parse;
    use crate::points::points;

    fn monitoring(signals: &[(&str, DataType, Sampling)]) -> Monitoring {
        let found = signals.iter().enumerate().map(|(id, &(address, data_type, sampling))| {
            let signal = Signal { sampling, scale: 0.1, ..signal(id as u32, address, data_type) };
            (signal, parse(address).unwrap_or_else(|problem| panic!("{problem}")))
        });
        let settings = OpcuaSettings { deadband: Deadband::Percent(1.0), ..OpcuaSettings::at("opc.tcp://plc") };
        Monitoring::of(&points(found.collect())[0], &settings, &Clock::system())
    }

    #[test]
    fn a_tag_says_other_than_its_link() {
        let of_link = monitoring(&[("i=1", DataType::F64, Sampling::default())]);
        let expected = Monitoring {
            watch: Watch::Value,
            sampling_interval_ms: 250.0,
            queue_size: 16,
            deadband: Deadband::Percent(1.0),
        };
        assert_eq!(of_link, expected);
        let own = Sampling { interval_s: Some(0.0), queue_size: Some(3), deadband: Some(Deadband::Absolute(0.5)) };
        let of_tag = monitoring(&[("i=1", DataType::F64, own)]);
        let expected =
            Monitoring { sampling_interval_ms: 0.0, queue_size: 3, deadband: Deadband::Absolute(5.0), ..expected };
        assert_eq!(of_tag, expected);
    }

    #[test]
    fn what_is_no_number_or_only_a_part_has_no_deadband() {
        assert!(!monitoring(&[("i=1", DataType::Bool, Sampling::default())]).has_deadband());
        assert!(!monitoring(&[("i=1#/0", DataType::F64, Sampling::default())]).has_deadband());
        let other = Sampling { deadband: Some(Deadband::Absolute(1.0)), ..Sampling::default() };
        let two = [("i=1", DataType::F64, Sampling::default()), ("i=1", DataType::F64, other)];
        assert!(!monitoring(&two).has_deadband());
    }
}
