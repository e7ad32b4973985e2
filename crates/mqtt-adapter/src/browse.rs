use std::collections::BTreeMap;
use std::time::Duration;

use adapter::{BrowseError, BrowsedTag, Raw, host_and_port, json};
use mqtt_client::{Memory, valid_filter};
use plant::{BrokerTlsSettings, DataType, Password};
use serde_json::Value as Json;
use tokio::time::{Instant, timeout_at};

use crate::broker::Broker;

const EXPECTED: &str = "expected mqtt://HOST:PORT/FILTER or mqtt://USER:PASSWORD@HOST:PORT/FILTER, or mqtts:// for TLS, such \
                        as mqtt://192.0.2.10/ev1/#";

/// The ports that are registered for MQTT, without and with TLS.
const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;
/// The most values listed; a wider look at a plant is no list that a person reads.
const ROWS_MAX: usize = 10_000;

/// Listens at a broker for a while and lists every value that the messages carry: `mqtt://host:port/topic/#`, or `mqtts://` for
/// one whose certificate the system trusts.
///
/// Types are the widest that fit what was seen. Values that were always null have no type and are left out. At most
/// 10 000 values are listed; that more were seen is logged.
///
/// # Errors
/// If the address is not understood, the broker refuses or ends the subscription, or no message carried a value.
pub async fn browse(address: &str, listen: Duration) -> Result<Vec<BrowsedTag>, BrowseError> {
    let (broker, filter) = parse(address)?;
    let filters = std::slice::from_ref(&filter);
    let mut subscription = broker.subscribe(filters, Memory::None, None).await.map_err(BrowseError)?;
    let until = Instant::now() + listen;
    let mut seen = Seen::default();
    while let Ok(message) = timeout_at(until, subscription.next()).await {
        let message = message.map_err(BrowseError)?;
        seen.add(&message.topic, &message.payload);
    }
    seen.rows(&format!("{broker}: {filter:?} for {listen:?}"))
}

fn parse(address: &str) -> Result<(Broker, String), BrowseError> {
    let refused = |what: &str| BrowseError(format!("{what}; {EXPECTED}"));
    let (tls, rest) = match (address.strip_prefix("mqtt://"), address.strip_prefix("mqtts://")) {
        (Some(rest), _) => (None, rest),
        (None, Some(rest)) => (Some(BrokerTlsSettings::default()), rest),
        (None, None) => return Err(refused("the address starts with neither mqtt:// nor mqtts://")),
    };
    let (authority, filter) = rest.split_once('/').ok_or_else(|| refused("there is no topic after the host"))?;
    if !valid_filter(filter) {
        return Err(refused(&format!("{filter:?} is no topic filter")));
    }
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (Some((user.to_owned(), Password::Text(password.to_owned()))), host)
        }
        None => (None, authority),
    };
    let (host, port) = host_and_port(host, if tls.is_some() { TLS_PORT } else { PORT })?;
    let client_id = format!("linetwin-browse-{}", std::process::id());
    Ok((Broker { host, port, version: None, tls, client_id, login }, filter.to_owned()))
}

/// The values seen so far, by topic and JSON pointer.
#[derive(Debug, Default)]
struct Seen {
    values: BTreeMap<(String, String), (DataType, String)>,
    messages: u64,
    not_json: u64,
    full: bool,
}

impl Seen {
    fn add(&mut self, topic: &str, payload: &[u8]) {
        self.messages += 1;
        match serde_json::from_slice(payload) {
            Ok(json) => self.add_json(topic, &mut String::new(), &json),
            Err(_) => self.not_json += 1,
        }
    }

    fn add_json(&mut self, topic: &str, pointer: &mut String, json: &Json) {
        let above = pointer.len();
        match json {
            Json::Object(object) => {
                for (name, value) in object {
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.add_json(topic, pointer, value);
                    pointer.truncate(above);
                }
            }
            Json::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    pointer.push_str(&format!("/{index}"));
                    self.add_json(topic, pointer, value);
                    pointer.truncate(above);
                }
            }
            scalar => {
                if let Some(raw) = json::raw(scalar) {
                    self.add_value(topic, pointer, raw);
                }
            }
        }
    }

    fn add_value(&mut self, topic: &str, pointer: &str, raw: Raw<'_>) {
        let key = (topic.to_owned(), pointer.to_owned());
        let described = format!("last held {raw}");
        if let Some((data_type, description)) = self.values.get_mut(&key) {
            *data_type = widened(*data_type, type_of(raw));
            *description = described;
        } else if self.values.len() < ROWS_MAX {
            self.values.insert(key, (type_of(raw), described));
        } else {
            self.full = true;
        }
    }

    fn rows(self, what: &str) -> Result<Vec<BrowsedTag>, BrowseError> {
        let Self { values, messages, not_json, full } = self;
        if values.is_empty() {
            return Err(BrowseError(format!(
                "{what}: {messages} messages, of which {not_json} were not JSON, and no value in them; listen longer, or \
                 look at another topic"
            )));
        }
        if full {
            tracing::warn!("{what}: only the first {ROWS_MAX} values are listed; narrow the topic filter");
        }
        if not_json > 0 {
            tracing::warn!("{what}: {not_json} of {messages} messages were not JSON and are not listed");
        }
        Ok(values.into_iter().map(|((topic, pointer), seen)| row(&topic, &pointer, seen)).collect())
    }
}

fn type_of(raw: Raw<'_>) -> DataType {
    match raw {
        Raw::Boolean(_) => DataType::Bool,
        Raw::Integer(number) if i64::try_from(number).is_ok() => DataType::I64,
        Raw::Integer(_) => DataType::U64,
        Raw::Float(_) => DataType::F64,
        Raw::Text(_) => DataType::Text,
    }
}

/// The type that holds values of both; where there is none, the one that was seen first.
fn widened(first: DataType, other: DataType) -> DataType {
    let is_number = |data_type| matches!(data_type, DataType::I64 | DataType::U64 | DataType::F64);
    if first != other && is_number(first) && is_number(other) { DataType::F64 } else { first }
}

/// Named `station/name`: the last level of the topic and the pointer, or the last two levels where the whole payload is
/// the value.
fn row(topic: &str, pointer: &str, (data_type, description): (DataType, String)) -> BrowsedTag {
    let (above, last) = topic.rsplit_once('/').unwrap_or(("", topic));
    let signal = match pointer.strip_prefix('/') {
        Some(path) => format!("{last}/{}", path.replace('/', ".")),
        None => format!("{}/{last}", above.rsplit('/').next().unwrap_or_default()).trim_start_matches('/').to_owned(),
    };
    BrowsedTag {
        signal,
        address: format!("{topic}#{pointer}"),
        data_type,
        order: None,
        unit: String::new(),
        description,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(messages: &[(&str, &str)], expected: &[(&str, &str, DataType)]) {
        let mut seen = Seen::default();
        for (topic, payload) in messages {
            seen.add(topic, payload.as_bytes());
        }
        let rows = seen.rows("test").unwrap();
        let found: Vec<_> = rows.iter().map(|row| (row.signal.as_str(), row.address.as_str(), row.data_type)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_json_leaf_is_listed_with_its_type() {
        check(
            &[(
                "ev1/cooling-1",
                r#"{"flow": 12.5, "on": true, "n": 3, "id": "P1", "a": [1], "b": {"c/d": 2}, "x": null}"#,
            )],
            &[
                ("cooling-1/a.0", "ev1/cooling-1#/a/0", DataType::I64),
                ("cooling-1/b.c~1d", "ev1/cooling-1#/b/c~1d", DataType::I64),
                ("cooling-1/flow", "ev1/cooling-1#/flow", DataType::F64),
                ("cooling-1/id", "ev1/cooling-1#/id", DataType::Text),
                ("cooling-1/n", "ev1/cooling-1#/n", DataType::I64),
                ("cooling-1/on", "ev1/cooling-1#/on", DataType::Bool),
            ],
        );
        check(&[("ev1/cooling-1/flow", "12.5")], &[("cooling-1/flow", "ev1/cooling-1/flow#", DataType::F64)]);
        check(&[("flow", "12.5")], &[("flow", "flow#", DataType::F64)]);
    }

    #[test]
    fn a_number_that_is_once_whole_and_once_not_is_a_float() {
        check(&[("t", "1"), ("t", "1.5")], &[("t", "t#", DataType::F64)]);
        check(&[("t", "18446744073709551615")], &[("t", "t#", DataType::U64)]);
        check(&[("t", "\"a\""), ("t", "1.5")], &[("t", "t#", DataType::Text)]);
    }

    #[test]
    fn nothing_seen_is_an_error_that_says_what_was_heard() {
        let mut seen = Seen::default();
        seen.add("t", b"on");
        assert!(seen.rows("test").unwrap_err().0.contains("1 messages, of which 1 were not JSON"));
    }

    #[test]
    fn the_list_is_bounded() {
        let mut seen = Seen::default();
        seen.add("t", serde_json::to_vec(&vec![1; ROWS_MAX + 1]).unwrap().as_slice());
        assert!(seen.full);
        assert_eq!(seen.rows("test").unwrap().len(), ROWS_MAX);
    }

    #[test]
    fn a_browse_address_names_broker_and_filter() {
        let (broker, filter) = parse("mqtt://me:secret@broker:1884/ev1/#").unwrap();
        assert_eq!((broker.host.as_str(), broker.port, filter.as_str()), ("broker", 1884, "ev1/#"));
        assert_eq!(broker.login, Some(("me".to_owned(), Password::Text("secret".to_owned()))));
        let (broker, filter) = parse("mqtt://[::1]/#").unwrap();
        assert_eq!((broker.host.as_str(), broker.port, filter.as_str()), ("::1", 1883, "#"));
        let (broker, _) = parse("mqtts://broker/#").unwrap();
        assert_eq!((broker.port, broker.tls.is_some()), (8883, true));
        for wrong in ["broker/#", "mqtt://broker", "mqtt://broker/", "mqtt://broker/a#"] {
            assert!(parse(wrong).unwrap_err().0.contains("expected mqtt://"), "{wrong}");
        }
    }
}
