//! What the body of a request tells: rows, as a JSON array or as lines, each a value of a signal.

use std::collections::HashMap;

use adapter::{Raw, bad_sample, convert};
use plant::Signal;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use telemetry::{Quality, Reason, Sample, Timestamp};

/// The most rows of a request.
pub(crate) const ROWS_MAX: usize = 10_000;
/// The most rows of which an answer says what is wrong with them; it counts them all.
const PROBLEMS_MAX: usize = 100;

/// The signals of a link, by their paths and by their addresses.
#[derive(Debug)]
pub(crate) struct Signals {
    signals: Vec<Signal>,
    by_path: HashMap<String, usize>,
    by_address: HashMap<String, usize>,
}

/// Why a request is not taken; nothing of it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Wrong {
    /// What is wrong with it.
    pub(crate) error: String,
    /// The first of the rows that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<WrongRow>,
    /// How many are.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) rows_wrong: usize,
}

/// A row that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WrongRow {
    /// Which, counted from 1.
    pub(crate) row: usize,
    /// What is wrong with it, and what was expected.
    pub(crate) error: String,
}

impl Wrong {
    /// Something is wrong with all of it.
    pub(crate) fn whole(error: String) -> Self {
        Self { error, rows: Vec::new(), rows_wrong: 0 }
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    signal: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    value: Json,
    time: Option<Json>,
    #[serde(default)]
    quality: QualityName,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum QualityName {
    #[default]
    Good,
    Uncertain,
    Bad,
}

impl Signals {
    pub(crate) fn new(signals: &[&Signal]) -> Self {
        let by = |name: fn(&Signal) -> &String| {
            signals.iter().enumerate().map(|(place, signal)| (name(signal).clone(), place)).collect()
        };
        Self {
            by_path: by(|signal| &signal.path),
            by_address: by(|signal| &signal.address),
            signals: signals.iter().map(|&signal| signal.clone()).collect(),
        }
    }

    /// The samples of a body, in its order. A row without a time is of the time of receipt.
    ///
    /// # Errors
    /// If the body is not rows, or one of them is wrong.
    pub(crate) fn read(&self, body: &[u8], received: Timestamp) -> Result<Vec<Sample>, Wrong> {
        let rows = rows(body)?;
        if rows.len() > ROWS_MAX {
            return Err(Wrong::whole(format!("{} rows; expected at most {ROWS_MAX} in a request", rows.len())));
        }
        let (mut samples, mut problems, mut count) = (Vec::with_capacity(rows.len()), Vec::new(), 0);
        for (place, row) in rows.into_iter().enumerate() {
            match row.and_then(|row| self.sample(&row, received)) {
                Ok(sample) => samples.push(sample),
                Err(error) => {
                    count += 1;
                    if problems.len() < PROBLEMS_MAX {
                        problems.push(WrongRow { row: place + 1, error });
                    }
                }
            }
        }
        match count {
            0 => Ok(samples),
            _ => Err(Wrong {
                error: "some rows are wrong, and none is taken".to_owned(),
                rows: problems,
                rows_wrong: count,
            }),
        }
    }

    fn sample(&self, row: &Row, received: Timestamp) -> Result<Sample, String> {
        let signal = self.signal(row)?;
        let source_time = row.time.as_ref().map_or(Ok(received), time)?;
        let quality = match row.quality {
            QualityName::Good => Quality::Good,
            QualityName::Uncertain => Quality::Uncertain(Reason::Unspecified),
            QualityName::Bad if row.value.is_null() => {
                return Ok(bad_sample(signal, source_time, Reason::Unspecified));
            }
            QualityName::Bad => Quality::Bad(Reason::Unspecified),
        };
        let expected = || format!("{} takes {}", signal.path, signal.data_type.name());
        let raw = raw(&row.value).ok_or_else(|| format!("value: {} is no value; {}", row.value, expected()))?;
        match convert(raw, signal) {
            Ok(value) => Ok(Sample { signal: signal.id, source_time, value, quality }),
            Err(reason) => Err(format!("value: {raw} is no usable value, {reason}; {}", expected())),
        }
    }

    fn signal(&self, row: &Row) -> Result<&Signal, String> {
        let (found, name, what) = match (&row.signal, &row.tag) {
            (Some(path), None) => (self.by_path.get(path), path, "signal"),
            (None, Some(address)) => (self.by_address.get(address), address, "tag"),
            _ => return Err("expected either signal, the path of one, or tag, its address in the tag list".to_owned()),
        };
        found
            .and_then(|&place| self.signals.get(place))
            .ok_or_else(|| format!("{what}: {name:?} is none of this link; see the tag list"))
    }
}

/// The rows of a body: an array if it begins like one, else a row in each line that is not empty.
fn rows(body: &[u8]) -> Result<Vec<Result<Row, String>>, Wrong> {
    let row = |json: Json| serde_json::from_value::<Row>(json).map_err(|error| error.to_string());
    let body = body.trim_ascii();
    if body.starts_with(b"[") {
        let rows: Vec<Json> = serde_json::from_slice(body)
            .map_err(|error| Wrong::whole(format!("the body is no JSON array of rows: {error}")))?;
        return Ok(rows.into_iter().map(row).collect());
    }
    let lines = body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let rows: Vec<_> = lines
        .take(ROWS_MAX + 1)
        .map(|line| serde_json::from_slice::<Json>(line).map_err(|error| error.to_string()).and_then(row))
        .collect();
    if rows.is_empty() {
        return Err(Wrong::whole("the body is empty; expected a JSON array of rows, or a row in each line".to_owned()));
    }
    Ok(rows)
}

/// A JSON scalar; `None` for null, an array or an object.
fn raw(json: &Json) -> Option<Raw<'_>> {
    match json {
        Json::Bool(condition) => Some(Raw::Boolean(*condition)),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Some(Raw::Integer(integer.into())),
            (_, Some(integer)) => Some(Raw::Integer(integer.into())),
            _ => number.as_f64().map(Raw::Float),
        },
        Json::String(text) => Some(Raw::Text(text)),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// RFC 3339, or milliseconds since 1970.
fn time(json: &Json) -> Result<Timestamp, String> {
    let expected = || {
        format!(
            "time: {json} is none; expected RFC 3339, such as \"2026-11-24T08:14:00.5Z\", or milliseconds since 1970"
        )
    };
    match json {
        Json::String(text) => text.parse().map_err(|_| expected()),
        Json::Number(number) => match number.as_i64() {
            Some(millis) => Ok(Timestamp::from_millis(millis)),
            None => number.as_f64().map(|millis| Timestamp::EPOCH.plus_seconds(millis / 1000.0)).ok_or_else(expected),
        },
        _ => Err(expected()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use plant::DataType;
    use telemetry::{Symbol, Value};

    use super::*;

    const RECEIVED: Timestamp = Timestamp::from_millis(5_000);

    fn signals() -> Signals {
        let signals =
            [signal(0, "torque", DataType::F64), signal(1, "part", DataType::Text), signal(2, "ok", DataType::Bool)];
        Signals::new(&signals.iter().collect::<Vec<_>>())
    }

    fn read(body: &str) -> Result<Vec<Sample>, Wrong> {
        signals().read(body.as_bytes(), RECEIVED)
    }

    fn refused(body: &str, words: &str) {
        let wrong = read(body).unwrap_err();
        assert!(serde_json::to_string(&wrong).unwrap().contains(words), "{body}: {wrong:?}");
    }

    #[test]
    fn an_array_and_lines_tell_the_same() {
        let rows = [
            r#"{"signal": "station/signal-0", "value": 12.5, "time": "1970-01-01T00:00:01Z"}"#,
            r#"{"tag": "part", "value": "EV1-7", "time": 1500}"#,
            r#"{"tag": "ok", "value": true, "quality": "uncertain"}"#,
            r#"{"tag": "ok", "quality": "bad"}"#,
        ];
        let told = read(&format!("[{}]", rows.join(","))).unwrap();
        assert_eq!(told, read(&(rows.join("\r\n") + "\n\n")).unwrap());
        let told: Vec<_> = told.iter().map(|sample| (sample.value, sample.source_time, sample.quality)).collect();
        let part = Value::Symbol(Symbol::new("EV1-7").unwrap());
        let doubt = Reason::Unspecified;
        assert_eq!(
            told,
            [
                (Value::Float(12.5), Timestamp::from_millis(1_000), Quality::Good),
                (part, Timestamp::from_millis(1_500), Quality::Good),
                (Value::Boolean(true), RECEIVED, Quality::Uncertain(doubt)),
                (Value::Boolean(false), RECEIVED, Quality::Bad(doubt)),
            ]
        );
    }

    #[test]
    fn each_wrong_row_is_named_and_none_is_taken() {
        let body = "{\"tag\": \"torque\", \"value\": 1}\n{\"tag\": \"torqe\", \"value\": 1}\n{\"tag\": \"torque\"\n";
        let wrong = read(body).unwrap_err();
        assert_eq!((wrong.rows_wrong, wrong.rows.iter().map(|row| row.row).collect::<Vec<_>>()), (2, vec![2, 3]));
        refused(r#"{"tag": "torqe", "value": 1}"#, r#"tag: \"torqe\" is none of this link"#);
        refused(r#"{"value": 1}"#, "either signal, the path of one, or tag");
        refused(r#"{"tag": "torque", "signal": "a/b", "value": 1}"#, "either signal");
        refused(r#"{"tag": "torque", "value": "12,5"}"#, "station/signal-0 takes f64");
        refused(r#"{"tag": "torque"}"#, "null is no value");
        refused(r#"{"tag": "torque", "value": 1, "time": "today"}"#, "expected RFC 3339");
        refused(r#"{"tag": "torque", "value": 1, "quality": "fine"}"#, "unknown variant `fine`");
        refused(r#"{"tag": "torque", "valu": 1}"#, "unknown field `valu`");
        refused("", "the body is empty");
        refused("[1", "no JSON array");
        refused(&"{\"tag\": \"torque\", \"value\": 1}\n".repeat(ROWS_MAX + 1), "expected at most 10000");
        let many = read(&"1\n".repeat(500)).unwrap_err();
        assert_eq!((many.rows_wrong, many.rows.len()), (500, PROBLEMS_MAX));
    }
}
