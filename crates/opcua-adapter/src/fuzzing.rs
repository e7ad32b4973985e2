//! Everything of ours that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use std::io::Cursor;

use opcua::types::{BinaryDecodable, ContextOwned, DataValue};
use plant::Signal;
use telemetry::Timestamp;

use crate::address;
use crate::value::{Skew, sample};

/// The address of a tag list, with the part of a value behind `#`.
pub fn address(text: &str) {
    let _ = address::parse(text);
}

/// A data value as a server may send it, and the part of it that an address names, as a sample of that signal.
pub fn value(bytes: &[u8], part: &str, signal: &Signal) {
    let context = ContextOwned::default();
    let Ok(value) = DataValue::decode(&mut Cursor::new(bytes), &context.context()) else { return };
    let part: Vec<String> = part.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let _ = sample(signal, &part, &value, Skew::default(), Timestamp::EPOCH);
}
