use std::collections::BTreeSet;

use adapter::{bad_sample, convert, json};
use serde_json::Value as Json;
use telemetry::{Quality, Reason, Sample, SignalId, Timestamp};

use crate::topic::{Field, Topic};

/// What a message gave.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) samples: Vec<Sample>,
    /// Values, or whole messages, that could not be used.
    pub(crate) unusable: u64,
}

/// What the log has been told of on this connection. It grows with the tag list, not with the messages.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeSet<Trouble>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Payload { topic: String },
    Time { topic: String },
    Value { signal: SignalId },
}

impl Told {
    fn first(&mut self, trouble: Trouble) -> bool {
        self.0.insert(trouble)
    }
}

/// The samples of one message, in the order of the topic's signals.
///
/// A payload that is not JSON makes all signals of the topic bad at the time of receipt. A signal that the message does
/// not mention gives no sample, as nothing is known of it. Where the message should tell its time and does not, the time
/// of receipt stands in and the samples are uncertain.
pub(crate) fn read(
    topic: &Topic,
    payload: &[u8],
    time_pointer: Option<&str>,
    received: Timestamp,
    told: &mut Told,
) -> Reading {
    let json: Json = match serde_json::from_slice(payload) {
        Ok(json) => json,
        Err(error) => {
            if told.first(Trouble::Payload { topic: topic.name.clone() }) {
                tracing::warn!(topic = topic.name, "a payload is not JSON: {error}; told once per connection");
            }
            let bad = |field: &Field| bad_sample(&field.signal, received, Reason::Malformed);
            return Reading { samples: topic.fields.iter().map(bad).collect(), unusable: 1 };
        }
    };
    let (source_time, quality) = match time_pointer.map(|pointer| time(&json, pointer)) {
        None => (received, Quality::Good),
        Some(Ok(time)) => (time, Quality::Good),
        Some(Err(problem)) => {
            if told.first(Trouble::Time { topic: topic.name.clone() }) {
                tracing::warn!(
                    topic = topic.name,
                    "{problem}; the time of receipt stands in; told once per connection"
                );
            }
            (received, Quality::Uncertain(Reason::Malformed))
        }
    };
    let mut reading = Reading { samples: Vec::with_capacity(topic.fields.len()), unusable: 0 };
    for field in &topic.fields {
        match json.pointer(&field.pointer) {
            Some(found) => reading.samples.push(sample(field, found, source_time, quality, told)),
            None => {
                reading.unusable += 1;
                tell(field, "is not in a message", told);
            }
        }
    }
    reading
}

fn sample(field: &Field, found: &Json, source_time: Timestamp, quality: Quality, told: &mut Told) -> Sample {
    let signal = &field.signal;
    let Some(raw) = json::raw(found) else {
        tell(field, &format!("holds {}, which is no value", kind(found)), told);
        return bad_sample(signal, source_time, Reason::TypeMismatch);
    };
    match convert(raw, signal) {
        Ok(value) => Sample { signal: signal.id, source_time, value, quality },
        Err(reason) => {
            tell(field, &format!("holds {raw}, which is no usable {}: {reason}", signal.data_type.name()), told);
            bad_sample(signal, source_time, reason)
        }
    }
}

fn tell(field: &Field, problem: &str, told: &mut Told) {
    let signal = &field.signal;
    if told.first(Trouble::Value { signal: signal.id }) {
        tracing::warn!(
            "{}: {}: address `{}` {problem}; told once per connection",
            signal.origin,
            signal.path,
            signal.address
        );
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
        Json::Bool(_) | Json::Number(_) | Json::String(_) => "a scalar",
    }
}

/// The time at a pointer: RFC 3339, or milliseconds since 1970.
fn time(json: &Json, pointer: &str) -> Result<Timestamp, String> {
    let found = json.pointer(pointer).ok_or_else(|| format!("a message has no time at {pointer}"))?;
    json::time(found)
        .ok_or_else(|| format!("the time at {pointer} is neither RFC 3339 nor a number of milliseconds since 1970"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use plant::DataType;
    use telemetry::{Symbol, Value};

    use super::*;
    use crate::topic::topics;

    const RECEIVED: Timestamp = Timestamp::from_millis(5_000);

    fn topic(fields: &[(&str, DataType)]) -> Topic {
        let signals: Vec<_> = (0..)
            .zip(fields)
            .map(|(id, (pointer, data_type))| signal(id, &format!("line#{pointer}"), *data_type))
            .collect();
        topics(&signals.iter().collect::<Vec<_>>()).unwrap().remove(0)
    }

    fn check_value(data_type: DataType, payload: &str, expected: Result<Value, Reason>) {
        let reading = read(&topic(&[("/x", data_type)]), payload.as_bytes(), None, RECEIVED, &mut Told::default());
        let [sample] = reading.samples[..] else { panic!("{payload}: {reading:?}") };
        assert_eq!(sample.source_time, RECEIVED);
        match expected {
            Ok(value) => assert_eq!((sample.value, sample.quality), (value, Quality::Good), "{payload}"),
            Err(reason) => assert_eq!(sample.quality, Quality::Bad(reason), "{payload}"),
        }
    }

    fn check_time(payload: &str, expected: Result<i64, ()>) {
        let topic = topic(&[("/x", DataType::Bool)]);
        let reading = read(&topic, payload.as_bytes(), Some("/ts"), RECEIVED, &mut Told::default());
        let sample = reading.samples[0];
        let expected = match expected {
            Ok(nanos) => (Timestamp::from_nanos(nanos), Quality::Good),
            Err(()) => (RECEIVED, Quality::Uncertain(Reason::Malformed)),
        };
        assert_eq!((sample.source_time, sample.quality), expected, "{payload}");
    }

    #[test]
    fn a_value_is_of_the_signals_type_or_bad() {
        check_value(DataType::F64, r#"{"x": 2.5}"#, Ok(Value::Float(2.5)));
        check_value(DataType::F64, r#"{"x": 2}"#, Ok(Value::Float(2.0)));
        check_value(DataType::I32, r#"{"x": -2}"#, Ok(Value::Integer(-2)));
        check_value(DataType::U64, r#"{"x": 18446744073709551615}"#, Err(Reason::OutOfRange));
        check_value(DataType::Bool, r#"{"x": true}"#, Ok(Value::Boolean(true)));
        check_value(DataType::Text, r#"{"x": "EV1-L"}"#, Ok(Value::Symbol(Symbol::new("EV1-L").unwrap())));
        check_value(DataType::Text, r#"{"x": "0123456789012345678901234567890"}"#, Err(Reason::TypeMismatch));
        check_value(DataType::F64, r#"{"x": "2.5"}"#, Err(Reason::TypeMismatch));
        check_value(DataType::F64, r#"{"x": null}"#, Err(Reason::TypeMismatch));
        check_value(DataType::F64, r#"{"x": [2.5]}"#, Err(Reason::TypeMismatch));
    }

    #[test]
    fn the_whole_payload_may_be_the_value() {
        let reading = read(&topic(&[("", DataType::F64)]), b" 2.5\n", None, RECEIVED, &mut Told::default());
        assert_eq!(reading.samples[0].value, Value::Float(2.5));
    }

    #[test]
    fn a_message_tells_its_time() {
        check_time(r#"{"x": true, "ts": "1970-01-01T00:00:01.5+00:00"}"#, Ok(1_500_000_000));
        check_time(r#"{"x": true, "ts": 1500}"#, Ok(1_500_000_000));
        check_time(r#"{"x": true, "ts": 1500.25}"#, Ok(1_500_250_000));
        check_time(r#"{"x": true, "ts": -1}"#, Ok(-1_000_000));
        check_time(r#"{"x": true, "ts": 1e300}"#, Ok(i64::MAX));
    }

    #[test]
    fn where_a_message_does_not_tell_its_time_its_samples_are_uncertain() {
        check_time(r#"{"x": true}"#, Err(()));
        check_time(r#"{"x": true, "ts": "yesterday"}"#, Err(()));
        check_time(r#"{"x": true, "ts": null}"#, Err(()));
    }

    #[test]
    fn a_payload_that_is_not_json_makes_every_signal_bad() {
        let topic = topic(&[("/x", DataType::F64), ("/y", DataType::Text)]);
        for payload in ["", "{", "on", "{\"x\": 1e999}", "{} {}"] {
            let reading = read(&topic, payload.as_bytes(), Some("/ts"), RECEIVED, &mut Told::default());
            assert_eq!(reading.unusable, 1, "{payload}");
            assert_eq!(reading.samples.len(), 2);
            for sample in reading.samples {
                assert_eq!((sample.source_time, sample.quality), (RECEIVED, Quality::Bad(Reason::Malformed)));
            }
        }
    }

    #[test]
    fn a_signal_that_a_message_does_not_mention_gives_no_sample_and_is_counted() {
        let topic = topic(&[("/x", DataType::F64), ("/y/0", DataType::F64)]);
        let reading = read(&topic, br#"{"x": 1.5, "y": []}"#, None, RECEIVED, &mut Told::default());
        assert_eq!((reading.samples.len(), reading.unusable), (1, 1));
        assert_eq!(reading.samples[0].value, Value::Float(1.5));
    }

    #[test]
    fn each_trouble_is_told_once() {
        let mut told = Told::default();
        assert!(told.first(Trouble::Value { signal: SignalId(1) }));
        assert!(!told.first(Trouble::Value { signal: SignalId(1) }));
        assert!(told.first(Trouble::Time { topic: "line".into() }));
    }
}
