//! Everything that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use std::time::Duration;

use adapter::testing::signal;
use mqtt_client::sparkplug::Payload;
use plant::{DataType, Link, LinkSettings, MqttCsv, MqttPayload, MqttSettings, Origin, Signal, WordOrder};
use prost::Message as _;
use telemetry::{LinkId, Timestamp};

use crate::payload::{Content, Message, Told};
use crate::sparkplug::{self, Kind, Sent};

const TYPES: [DataType; 4] = [DataType::F64, DataType::I16, DataType::Bool, DataType::Text];

fn signals(address: impl Fn(DataType) -> String) -> Vec<Signal> {
    let with_order =
        |(id, data_type)| Signal { word_order: WordOrder::Cdab, ..signal(id, &address(data_type), data_type) };
    (0..).zip(TYPES).map(with_order).collect()
}

fn content(payload: &MqttPayload, signals: &[Signal]) -> Option<Content> {
    let settings = LinkSettings::Mqtt(MqttSettings::at("broker", 1883, "fuzz"));
    let link =
        Link { id: LinkId(0), name: "fuzz".into(), settings, origin: Origin { file: "plant.toml".into(), line: 1 } };
    Content::new(&link, payload, &signals.iter().collect::<Vec<_>>()).ok()
}

/// A payload as a broker may send it, read as each kind.
pub fn payload(bytes: &[u8]) {
    let csv = MqttCsv {
        delimiter: ',',
        decimal_mark: '.',
        columns: Vec::new(),
        time_column: "t".to_owned(),
        time_format: "iso".to_owned(),
        time_zone: None,
    };
    let binary = |data_type| if data_type == DataType::Text { "t#1/3" } else { "t#2" }.to_owned();
    let kinds = [
        (MqttPayload::Json { time_pointer: Some("/t".to_owned()) }, signals(|_| "t#/a/0".to_owned())),
        (MqttPayload::Text, signals(|_| "t".to_owned())),
        (MqttPayload::Binary, signals(binary)),
        (MqttPayload::Csv(csv), signals(|_| "t#a".to_owned())),
    ];
    for (kind, signals) in kinds {
        let Some(content) = content(&kind, &signals) else { continue };
        let message = Message { topic: "t", payload: bytes, retained: false, received: Timestamp::EPOCH };
        let _ = content.read(message, &mut Told::default());
    }
}

/// An address of a tag list, as each kind of payload takes it, and a topic that messages may have.
pub fn topic(text: &str) {
    let signals = signals(|_| text.to_owned());
    for kind in [MqttPayload::Json { time_pointer: None }, MqttPayload::Text, MqttPayload::Binary] {
        let Some(content) = content(&kind, &signals) else { continue };
        let message = Message { topic: text, payload: b"1", retained: true, received: Timestamp::EPOCH };
        let _ = (content.subscriptions(), content.read(message, &mut Told::default()));
    }
    let _ = (sparkplug::parse(text), sparkplug::Topic::parse(text));
}

/// What an edge node and its device send: before each message a byte for its kind and whose it is, and how many bytes it has, as
/// two bytes.
pub fn sparkplug(bytes: &[u8]) {
    let (mut rest, mut messages) = (bytes, Vec::new());
    while let [what, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (payload, next) = after.split_at(length);
        messages.extend(sent(*what, payload));
        rest = next;
    }
    sparkplug::live(&messages, &signals(|_| "g/n/d#m".to_owned()));
    sparkplug::live(&messages, &signals(|_| "g/n#m".to_owned()));
}

fn sent(what: u8, payload: &[u8]) -> Option<Sent> {
    let kind = match what & 3 {
        0 => Kind::Birth,
        1 => Kind::Death,
        _ => Kind::Data,
    };
    let device = if what & 4 == 0 { "" } else { "d" };
    let payload = Payload::decode(payload).ok()?;
    let written = payload.encode_to_vec();
    assert_eq!(Payload::decode(&written[..]).map(|again| again.encode_to_vec()), Ok(written));
    Some(Sent { kind, device, payload, then_wait: Duration::from_secs((what >> 3).into()) })
}
