//! Everything of ours that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use std::io::Cursor;

use adapter::{Clock, Context};
use opcua::types::{BinaryDecodable, DataValue, EventFieldList, NodeId};
use plant::Signal;
use telemetry::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::address::{self, Address, Place};
use crate::decoding::made_up::types;
use crate::deep::wait_deep_blocking;
use crate::events::{Conditions, EventSignal};
use crate::value::{Skew, sample};

/// The address of a tag list, with the part of a value behind `#`. A node's own address leads to it again.
pub fn address(text: &str) {
    let Ok(Address { place: Place::Node(node), .. }) = address::parse(text) else { return };
    let uri = node.namespace_uri.as_ref();
    let written = match uri {
        "" => address::format(&node.node_id, None),
        uri => address::format(&NodeId { namespace: 1, ..node.node_id.clone() }, Some(uri)),
    };
    assert_eq!(
        address::parse(&written),
        Ok(Address { place: Place::Node(node.clone()), part: Vec::new() }),
        "{written}"
    );
}

/// Events as a server may send them, for a signal with an address of events.
pub fn event(bytes: &[u8], signal: &Signal) {
    let (bytes, signal) = (bytes.to_vec(), signal.clone());
    wait_deep_blocking(move || hear(&bytes, &signal));
}

fn hear(bytes: &[u8], signal: &Signal) {
    let (types, (queue, _)) = (types(), adapter::queue(1));
    let context = Context::new(signal.link, Clock::system(), CancellationToken::new(), queue);
    let mut bytes = Cursor::new(bytes);
    let Ok(signal) = EventSignal::parse(signal) else { return };
    let signals = [signal];
    let mut conditions = Conditions::new(&signals);
    while let Ok(event) = EventFieldList::decode(&mut bytes, &types.context()) {
        let _ = conditions.hear(event, Skew::default(), &context);
    }
}

/// A data value as a server may send it, and the part of it that an address names, as a sample of that signal.
pub fn value(bytes: &[u8], part: &str, signal: &Signal) {
    let (bytes, part, signal) = (bytes.to_vec(), part.to_owned(), signal.clone());
    wait_deep_blocking(move || take(&bytes, &part, &signal));
}

fn take(bytes: &[u8], part: &str, signal: &Signal) {
    let types = types();
    let Ok(value) = DataValue::decode(&mut Cursor::new(bytes), &types.context()) else { return };
    let part: Vec<String> = part.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let _ = sample(signal, &part, &value, Skew::default(), Timestamp::EPOCH);
}
