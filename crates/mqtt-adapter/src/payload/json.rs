//! JSON, with values and the time at JSON pointers.

use adapter::{bad_sample, json};
use plant::Signal;
use serde_json::Value as Json;
use telemetry::{Quality, Reason, Sample, Timestamp};

use super::{Message, Reading, Told, Trouble, fields, sample, tell};
use crate::topic::Filter;

/// The samples of one message, in the order of its signals.
///
/// A payload that is not JSON makes all signals of the topic bad at the time of receipt. A signal that the message does
/// not mention gives no sample, as nothing is known of it. Where the message should tell its time and does not, the time
/// of receipt stands in and the samples are uncertain.
pub(super) fn read(
    filters: &[&Filter<String>],
    message: Message<'_>,
    time_pointer: Option<&str>,
    told: &mut Told,
) -> Reading {
    let json: Json = match serde_json::from_slice(message.payload) {
        Ok(json) => json,
        Err(error) => return message.malformed(filters, &format!("JSON, but {error}"), told),
    };
    let (source_time, quality) = match time_pointer.map(|pointer| time(&json, pointer)) {
        None => message.moment(),
        Some(Ok(time)) => (time, Quality::Good),
        Some(Err(problem)) => {
            let first = fields(filters).next().map(|field| field.signal.id);
            if first.is_some_and(|signal| told.first(Trouble::Time(signal))) {
                let topic = message.topic;
                tracing::warn!(topic, "{problem}; the time of receipt stands in; told once per connection");
            }
            (message.received, Quality::Uncertain(Reason::Malformed))
        }
    };
    let (mut samples, mut unusable) = (Vec::new(), 0);
    for field in fields(filters) {
        match json.pointer(&field.at) {
            Some(found) => samples.push(value(&field.signal, found, source_time, quality, told)),
            None => {
                unusable += 1;
                tell(&field.signal, "is not in a message", told);
            }
        }
    }
    Reading { batches: vec![samples], unusable }
}

fn value(signal: &Signal, found: &Json, source_time: Timestamp, quality: Quality, told: &mut Told) -> Sample {
    if let Some(raw) = json::raw(found) {
        return sample(signal, raw, source_time, quality, told);
    }
    tell(signal, &format!("holds {}, which is no value", kind(found)), told);
    bad_sample(signal, source_time, Reason::TypeMismatch)
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
    use telemetry::{SignalId, Symbol, Value};

    use super::*;
    use crate::topic::{Topics, pointer};

    const RECEIVED: Timestamp = Timestamp::from_millis(5_000);

    fn told_of(fields: &[(&str, DataType)], payload: &str, time_pointer: Option<&str>, retained: bool) -> Reading {
        let signals: Vec<_> = (0..)
            .zip(fields)
            .map(|(id, (pointer, data_type))| signal(id, &format!("line#{pointer}"), *data_type))
            .collect();
        let topics = Topics::new(&signals.iter().collect::<Vec<_>>(), pointer).unwrap();
        let message = Message { topic: "line", payload: payload.as_bytes(), retained, received: RECEIVED };
        read(&topics.of("line"), message, time_pointer, &mut Told::default())
    }

    fn check_value(data_type: DataType, payload: &str, expected: Result<Value, Reason>) {
        let reading = told_of(&[("/x", data_type)], payload, None, false);
        let [sample] = reading.batches[0][..] else { panic!("{payload}: {reading:?}") };
        assert_eq!(sample.source_time, RECEIVED);
        match expected {
            Ok(value) => assert_eq!((sample.value, sample.quality), (value, Quality::Good), "{payload}"),
            Err(reason) => assert_eq!(sample.quality, Quality::Bad(reason), "{payload}"),
        }
    }

    fn check_time(payload: &str, expected: Result<i64, ()>) {
        let sample = told_of(&[("/x", DataType::Bool)], payload, Some("/ts"), false).batches[0][0];
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
        let reading = told_of(&[("", DataType::F64)], " 2.5\n", None, false);
        assert_eq!(reading.batches[0][0].value, Value::Float(2.5));
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
        let fields = [("/x", DataType::F64), ("/y", DataType::Text)];
        for payload in ["", "{", "on", "{\"x\": 1e999}", "{} {}"] {
            let reading = told_of(&fields, payload, Some("/ts"), false);
            assert_eq!(reading.unusable, 1, "{payload}");
            assert_eq!(reading.batches[0].len(), 2);
            for sample in &reading.batches[0] {
                assert_eq!((sample.source_time, sample.quality), (RECEIVED, Quality::Bad(Reason::Malformed)));
            }
        }
    }

    #[test]
    fn a_signal_that_a_message_does_not_mention_gives_no_sample_and_is_counted() {
        let fields = [("/x", DataType::F64), ("/y/0", DataType::F64)];
        let reading = told_of(&fields, r#"{"x": 1.5, "y": []}"#, None, false);
        assert_eq!((reading.batches[0].len(), reading.unusable), (1, 1));
        assert_eq!(reading.batches[0][0].value, Value::Float(1.5));
    }

    #[test]
    fn each_trouble_is_told_once() {
        let mut told = Told::default();
        assert!(told.first(Trouble::Value(SignalId(1))));
        assert!(!told.first(Trouble::Value(SignalId(1))));
        assert!(told.first(Trouble::Time(SignalId(1))));
    }

    #[test]
    fn what_the_broker_had_kept_is_uncertain_unless_it_tells_its_time() {
        let quality = |time_pointer| {
            told_of(&[("/x", DataType::Bool)], r#"{"x": true, "ts": 7}"#, time_pointer, true).batches[0][0].quality
        };
        assert_eq!(quality(None), Quality::Uncertain(Reason::Stale));
        assert_eq!(quality(Some("/ts")), Quality::Good);
    }
}
