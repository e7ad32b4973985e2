//! What a metric says, in the words of the adapters.

use adapter::{Raw, bad_sample};
use mqtt_client::sparkplug::{Metric, QUALITY, QUALITY_GOOD, QUALITY_STALE, Value, datatype};
use plant::Signal;
use telemetry::{Quality, Reason, Sample, Timestamp};

/// The quality that a metric tells, if it tells one.
pub(super) fn quality(metric: &Metric) -> Option<Quality> {
    const BAD: u64 = 0;
    Some(match metric.properties.as_ref()?.integer(QUALITY)? {
        QUALITY_GOOD => Quality::Good,
        QUALITY_STALE => Quality::Uncertain(Reason::Stale),
        BAD => Quality::Bad(Reason::DeviceFault),
        _ => Quality::Uncertain(Reason::Unspecified),
    })
}

/// A signal's sample of a metric of that type; `None` if it holds what is not read.
pub(super) fn sample(
    signal: &Signal,
    metric: &Metric,
    datatype: Option<u32>,
    time: Timestamp,
    quality: Quality,
) -> Option<Sample> {
    let raw = match &metric.value {
        // A null has no value, whatever else is in it.
        _ if metric.is_null == Some(true) => return Some(bad_sample(signal, time, Reason::Unspecified)),
        None => return Some(bad_sample(signal, time, Reason::Malformed)),
        Some(Value::Bytes(_) | Value::DataSet(_) | Value::Template(_)) => return None,
        Some(Value::Int(bits)) => integer((*bits).into(), datatype),
        Some(Value::Long(bits)) => integer(*bits, datatype),
        Some(Value::Float(number)) => Raw::Float((*number).into()),
        Some(Value::Double(number)) => Raw::Float(*number),
        Some(Value::Boolean(condition)) => Raw::Boolean(*condition),
        Some(Value::Text(text)) => Raw::Text(text),
    };
    Some(adapter::sample(signal, raw, time, quality))
}

/// Integers below 0 come as the two's complement of their type, which some nodes widen to 32 or 64 bits.
fn integer(bits: u64, datatype: Option<u32>) -> Raw<'static> {
    Raw::Integer(match datatype {
        Some(datatype::INT8) => (bits as i8).into(),
        Some(datatype::INT16) => (bits as i16).into(),
        Some(datatype::INT32) => (bits as i32).into(),
        Some(datatype::INT64) => (bits as i64).into(),
        _ => bits.into(),
    })
}
