//! Values and times in JSON, for every link whose messages are JSON.

use serde_json::Value as Json;
use telemetry::Timestamp;

use crate::Raw;

/// A scalar; `None` for null, an array or an object.
pub fn raw(json: &Json) -> Option<Raw<'_>> {
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

/// A time: RFC 3339, or milliseconds since 1970; `None` if it is neither.
pub fn time(json: &Json) -> Option<Timestamp> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => match number.as_i64() {
            Some(millis) => Some(Timestamp::from_millis(millis)),
            None => number.as_f64().map(|millis| Timestamp::EPOCH.plus_seconds(millis / 1000.0)),
        },
        _ => None,
    }
}
