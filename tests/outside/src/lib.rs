//! Everything that reads bytes or text from outside, by name. A fuzzer gives each [`Target`] what it has never seen; the test of
//! this crate gives it all that was worth keeping, `fuzz/corpus/<name>/*`.
//!
//! No target may panic, wait or grow without bound, whatever comes. Where that costs little, a target holds more: that what is
//! read can be written and is then read as the same, or that nothing of it is uncounted.

mod documents;
mod files;
mod rows;

use std::str;

use adapter::testing::signal;
use plant::DataType;

/// Something that reads from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Lets it read these bytes.
    pub read: fn(&[u8]),
}

/// Every one of them.
pub const TARGETS: [Target; 25] = [
    // What devices, brokers and controllers send.
    Target { name: "modbus-tcp", read: modbus_adapter::fuzzing::tcp },
    Target { name: "modbus-rtu", read: modbus_adapter::fuzzing::rtu },
    Target { name: "modbus-registers", read: modbus_adapter::fuzzing::decode },
    Target { name: "opcua-value", read: opcua_value },
    Target { name: "opcua-event", read: opcua_event },
    Target { name: "mqtt-payload", read: mqtt_adapter::fuzzing::payload },
    Target { name: "mqtt-sparkplug", read: mqtt_adapter::fuzzing::sparkplug },
    Target { name: "open-protocol", read: open_protocol_adapter::fuzzing::messages },
    Target { name: "csv-rows", read: rows::csv },
    Target { name: "http-rows", read: http_adapter::fuzzing::body },
    Target { name: "influx-answer", read: |bytes| as_text(bytes, historian::fuzzing::answer) },
    // What people write.
    Target { name: "configuration", read: documents::configuration },
    Target { name: "users", read: documents::users },
    Target { name: "modbus-address", read: |bytes| as_text(bytes, modbus_adapter::fuzzing::address) },
    Target { name: "mqtt-topic", read: |bytes| as_text(bytes, mqtt_adapter::fuzzing::topic) },
    Target { name: "opcua-address", read: |bytes| as_text(bytes, opcua_adapter::fuzzing::address) },
    Target { name: "simulated-address", read: |bytes| as_text(bytes, simulated_adapter::fuzzing::address) },
    // What clients ask the daemon, and what it tells them.
    Target { name: "command", read: documents::command },
    Target { name: "messages", read: documents::messages },
    Target { name: "live-stream", read: api_client::fuzzing::stream },
    // What lies on the disk.
    Target { name: "segment-open", read: files::open_segment },
    Target { name: "segment-closed", read: files::closed_segment },
    Target { name: "segment-payload", read: recording::fuzzing::payload },
    Target { name: "spool-batch", read: files::spool_batch },
    Target { name: "spool-line", read: |bytes| as_text(bytes, historian::fuzzing::line) },
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Bytes that are no text never come to whoever reads texts.
fn as_text(bytes: &[u8], read: impl Fn(&str)) {
    if let Ok(text) = str::from_utf8(bytes) {
        read(text);
    }
}

/// A line with the part of the value that the tag list wants, such as `/3/Torque`; then the value as it goes over the wire.
fn opcua_value(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |&byte| byte == b'\n');
    let (Some(part), Some(value)) = (halves.next(), halves.next()) else { return };
    let Ok(part) = str::from_utf8(part) else { return };
    for (id, data_type) in (0..).zip([DataType::F64, DataType::I16, DataType::U64, DataType::Bool, DataType::Text]) {
        opcua_adapter::fuzzing::value(value, part, &signal(id, "i=1", data_type));
    }
}

/// A line with the names behind `event:`, such as `SourceName=Weld20#/Severity`; then events as they go over the wire.
fn opcua_event(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |&byte| byte == b'\n');
    let (Some(names), Some(events)) = (halves.next(), halves.next()) else { return };
    let Ok(names) = str::from_utf8(names) else { return };
    for (id, data_type) in (0..).zip([DataType::Bool, DataType::U16, DataType::Text]) {
        opcua_adapter::fuzzing::event(events, &signal(id, &format!("event:{names}"), data_type));
    }
}
