//! The payload of Sparkplug B, chapter 6 of the specification 3.0.0, as far as linetwin reads or writes it: the fields keep
//! the specification's numbers.

use prost::{Message, Oneof};
use serde::{Deserialize, Serialize};

/// What a message carries.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was made, ms since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// Its values.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// The message's place among those of the node, 0 to 255.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One value.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// What it is called, in births and wherever it has no alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Stands for the name in messages after the birth.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was true, ms since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// One of [`datatype`].
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Whether it was kept for a while, and there is or was something newer.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// Whether there is none.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// What else is known of it.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value itself.
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub value: Option<Value>,
}

/// The value of a metric.
#[derive(Clone, PartialEq, Oneof)]
pub enum Value {
    /// An integer of up to 32 bits; one below 0 as the two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// An integer or a time of 64 bits.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// A number.
    #[prost(float, tag = "12")]
    Float(f32),
    /// A number.
    #[prost(double, tag = "13")]
    Double(f64),
    /// A condition.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// A text.
    #[prost(string, tag = "15")]
    Text(String),
    /// Bytes or a file.
    #[prost(bytes, tag = "16")]
    Bytes(Vec<u8>),
    /// A table, unread.
    #[prost(bytes, tag = "17")]
    DataSet(Vec<u8>),
    /// A structure, unread.
    #[prost(bytes, tag = "18")]
    Template(Vec<u8>),
}

/// What else is known of a metric: as many values as keys.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// What is known.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// What it is.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// One property.
#[derive(Clone, PartialEq, Message)]
pub struct PropertyValue {
    /// One of [`datatype`].
    #[prost(uint32, optional, tag = "1")]
    pub datatype: Option<u32>,
    /// The value itself.
    #[prost(oneof = "Property", tags = "3, 4, 8")]
    pub value: Option<Property>,
}

/// The value of a property; numbers that are no integers are not read.
#[derive(Clone, PartialEq, Oneof)]
pub enum Property {
    /// An integer of up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// An integer of 64 bits.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// A text.
    #[prost(string, tag = "8")]
    Text(String),
}

/// The specification's numbers of the types.
#[allow(missing_docs)] // Their names are their meaning.
pub mod datatype {
    pub const INT8: u32 = 1;
    pub const INT16: u32 = 2;
    pub const INT32: u32 = 3;
    pub const INT64: u32 = 4;
    pub const UINT64: u32 = 8;
    pub const DOUBLE: u32 = 10;
    pub const BOOLEAN: u32 = 11;
    pub const STRING: u32 = 12;
    pub const DATE_TIME: u32 = 13;
}

/// The first level of every topic.
pub const NAMESPACE: &str = "spBv1.0";
/// The metric by which a host asks a node for a birth.
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that says which birth a death belongs to.
pub const BD_SEQ: &str = "bdSeq";
/// The property of a metric that says how good it is: [`QUALITY_GOOD`] and the like.
pub const QUALITY: &str = "Quality";
/// The quality of a value that is what it says.
pub const QUALITY_GOOD: u64 = 192;
/// The quality of a value that has not been heard of for too long.
pub const QUALITY_STALE: u64 = 500;

/// What a host application says of itself, as JSON, retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostState {
    /// Whether it is there.
    pub online: bool,
    /// When it came, by its own clock, ms since 1970.
    pub timestamp: u64,
}

/// Where a host application says so.
pub fn host_topic(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

impl PropertySet {
    /// The unit of a metric, under the key that hosts look for.
    pub fn of_unit(unit: &str) -> Self {
        let unit = PropertyValue { datatype: Some(datatype::STRING), value: Some(Property::Text(unit.to_owned())) };
        Self { keys: vec!["engUnit".to_owned()], values: vec![unit] }
    }

    /// An integer by its key.
    pub fn integer(&self, key: &str) -> Option<u64> {
        let place = self.keys.iter().position(|known| known == key)?;
        match self.values.get(place)?.value.as_ref()? {
            Property::Int(number) => Some((*number).into()),
            Property::Long(number) => Some(*number),
            Property::Text(_) => None,
        }
    }
}
