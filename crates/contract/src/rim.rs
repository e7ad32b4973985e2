use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use telemetry::Timestamp;

/// A type that leaves the daemon as one JSON object.
pub trait Message: Serialize {
    /// The message as JSON on one line, without a line end. Equal messages give equal bytes.
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("a message has text keys only"))
    }
}

/// A moment: RFC 3339 in UTC, such as `2026-11-24T08:14:02.5Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeV1(pub Timestamp);

impl From<Timestamp> for TimeV1 {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

impl fmt::Display for TimeV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for TimeV1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TimeV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse()
            .map(Self)
            .map_err(|problem| D::Error::custom(format!("{text:?} is not an RFC 3339 time: {problem}")))
    }
}

impl JsonSchema for TimeV1 {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 in UTC, such as 2026-11-24T08:14:02.5Z.",
        })
    }
}

/// The name that JSON has for one of a closed set.
pub fn wire_name(of: impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// JSON has no infinity and no NaN: such a number is left out.
pub(crate) fn finite(number: impl Into<Option<f64>>) -> Option<f64> {
    number.into().filter(|number| number.is_finite())
}

/// The core writes "none" as an empty text; on the wire it is left out.
pub(crate) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A count of nothing is left out.
pub(crate) fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How many standard deviations a value is from its baseline.
pub(crate) fn deviation_sigma(value: Option<f64>, baseline: Option<f64>, sigma: Option<f64>) -> Option<f64> {
    finite((value? - baseline?) / sigma?)
}

/// The type of a message's `schema` field: it has exactly one value.
macro_rules! schema_tag {
    ($tag:ident = $name:literal) => {
        #[doc = concat!("Marks a message as `", $name, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $tag {
            #[doc = concat!("Always `", $name, "`.")]
            #[serde(rename = $name)]
            V1,
        }

        impl $tag {
            /// The name of the schema.
            pub const NAME: &'static str = $name;
        }
    };
}
pub(crate) use schema_tag;
