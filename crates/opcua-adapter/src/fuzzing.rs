//! Everything of ours that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use std::io::Cursor;

use adapter::Context;
use opcua::types::{BinaryDecodable, ContextOwned, DataValue, EventFieldList};
use plant::Signal;
use telemetry::Timestamp;

use crate::address;
use crate::events::{Conditions, EventSignal};
use crate::value::{Skew, sample};

/// The address of a tag list, with the part of a value behind `#`.
pub fn address(text: &str) {
    let _ = address::parse(text);
}

/// The address of events for a signal, and an event as a server may send it.
pub fn event(bytes: &[u8], signal: &Signal, context: &Context) {
    let types = ContextOwned::default();
    let mut bytes = Cursor::new(bytes);
    let Ok(signal) = EventSignal::parse(signal) else { return };
    let signals = [signal];
    let mut conditions = Conditions::new(&signals);
    while let Ok(event) = EventFieldList::decode(&mut bytes, &types.context()) {
        let _ = conditions.hear(event, Skew::default(), context);
    }
}

/// A data value as a server may send it, and the part of it that an address names, as a sample of that signal.
pub fn value(bytes: &[u8], part: &str, signal: &Signal) {
    let context = ContextOwned::default();
    let Ok(value) = DataValue::decode(&mut Cursor::new(bytes), &context.context()) else { return };
    let part: Vec<String> = part.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let _ = sample(signal, &part, &value, Skew::default(), Timestamp::EPOCH);
}
