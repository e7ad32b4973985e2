//! The payload of Sparkplug B, chapter 6 of the specification 3.0.0, as far as an edge node needs it: the fields keep the
//! specification's numbers.

use prost::{Message, Oneof};

/// What a message carries.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Payload {
    /// When it was made, ms since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub(crate) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) metrics: Vec<Metric>,
    /// The message's place among those of the node, 0 to 255.
    #[prost(uint64, optional, tag = "3")]
    pub(crate) seq: Option<u64>,
}

/// One value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    /// Stands for the name in messages after the birth.
    #[prost(uint64, optional, tag = "2")]
    pub(crate) alias: Option<u64>,
    /// When it was true, ms since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub(crate) timestamp: Option<u64>,
    /// One of [`datatype`].
    #[prost(uint32, optional, tag = "4")]
    pub(crate) datatype: Option<u32>,
    #[prost(bool, optional, tag = "7")]
    pub(crate) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(crate) properties: Option<PropertySet>,
    #[prost(oneof = "Value", tags = "11, 13, 14, 15")]
    pub(crate) value: Option<Value>,
}

/// The value of a metric.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Value {
    /// An integer or a time of 64 bits.
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

/// What else is known of a metric.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(crate) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) values: Vec<PropertyValue>,
}

/// One property; only texts are used.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PropertyValue {
    #[prost(uint32, optional, tag = "1")]
    pub(crate) datatype: Option<u32>,
    #[prost(string, optional, tag = "8")]
    pub(crate) text: Option<String>,
}

/// The specification's numbers of the types.
pub(crate) mod datatype {
    pub(crate) const INT64: u32 = 4;
    pub(crate) const UINT64: u32 = 8;
    pub(crate) const DOUBLE: u32 = 10;
    pub(crate) const BOOLEAN: u32 = 11;
    pub(crate) const STRING: u32 = 12;
    pub(crate) const DATE_TIME: u32 = 13;
}

impl PropertySet {
    /// The unit of a metric, under the key that hosts look for.
    pub(crate) fn of_unit(unit: &str) -> Self {
        let unit = PropertyValue { datatype: Some(datatype::STRING), text: Some(unit.to_owned()) };
        Self { keys: vec!["engUnit".to_owned()], values: vec![unit] }
    }
}
