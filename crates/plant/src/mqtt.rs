//! An MQTT link: its keys in `plant.toml`, and what they mean.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::links;
use crate::password::Password;
use crate::problem::Findings;
use crate::schema::name_schema;
use crate::settings::{BrokerTlsSettings, version_schema};
use crate::tree::Tree;

/// How to subscribe at an MQTT broker.
#[derive(Debug, Clone, PartialEq)]
pub struct MqttSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The only version to speak, 3 for 3.1.1 or 5; without it 5 is tried first, and 3.1.1 where the broker does not take it.
    pub version: Option<u8>,
    /// How the connection is encrypted, if it is.
    pub tls: Option<BrokerTlsSettings>,
    /// Client identifier; must be unique at the broker.
    pub client_id: String,
    /// User name and password, if the broker wants them.
    pub login: Option<(String, Password)>,
    /// The group that shares the messages, each of which goes to one of it.
    pub share: Option<String>,
    /// What the messages are.
    pub payload: MqttPayload,
}

impl MqttSettings {
    /// A broker at a host and port, with everything else as it is if `plant.toml` says nothing.
    pub fn at(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        let keys = MqttKeys { host: host.into(), port, client_id: Some(client_id.into()), ..MqttKeys::default() };
        keys.settings("", "")
    }
}

/// What the messages of a link are, and with that what an address of it is.
#[derive(Debug, Clone, PartialEq)]
pub enum MqttPayload {
    /// JSON: `topic#/json/pointer`.
    Json {
        /// JSON pointer to a payload's source time (RFC 3339, or a number of milliseconds since 1970); without it the time
        /// of receipt counts.
        time_pointer: Option<String>,
    },
    /// A number, a condition or a text and nothing else: `topic`.
    Text,
    /// Numbers at fixed places: `topic#offset`.
    Binary,
    /// Rows of CSV: `topic#column`.
    Csv(MqttCsv),
    /// Sparkplug B, of which the daemon is a host: `group/node#metric`, `group/node/device#metric`.
    SparkplugB(SparkplugHost),
}

/// How rows of CSV in messages are written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttCsv {
    /// What stands between two cells.
    #[serde(default = "comma")]
    #[schemars(title = "comma, semicolon, bar or tab", regex(pattern = "^[,;|\t]$"), with = "String")]
    pub delimiter: char,
    /// What stands between the whole part and the decimals of a number.
    #[serde(default = "point")]
    #[schemars(title = "point or comma", regex(pattern = "^[.,]$"), with = "String")]
    pub decimal_mark: char,
    /// The columns' names, if messages have no header.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Name of the column with the time of each row.
    #[schemars(length(min = 1))]
    pub time_column: String,
    /// How times are written: iso, unix-s, unix-ms, unix-us, unix-ns, or a pattern such as "%d.%m.%Y %H:%M:%S".
    #[serde(default = "iso")]
    pub time_format: String,
    /// Time zone of times that name no offset from UTC, such as Europe/Berlin; UTC if absent.
    pub time_zone: Option<String>,
}

fn comma() -> char {
    ','
}

fn point() -> char {
    '.'
}

fn iso() -> String {
    "iso".to_owned()
}

/// What the daemon is as a host application of Sparkplug B.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SparkplugHost {
    /// The name under which the daemon says at `spBv1.0/STATE/<host_id>` that it is there; it says nothing if absent.
    #[schemars(schema_with = "name_schema")]
    pub host_id: Option<String>,
    /// How long a message that is missing is waited for before its node is asked for a birth, seconds.
    #[schemars(range(min = 0.1, max = 60.0))]
    pub reorder_s: f64,
    /// From one request for a birth to the next to the same node at least, seconds.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub rebirth_interval_s: f64,
}

impl Default for SparkplugHost {
    fn default() -> Self {
        Self { host_id: None, reorder_s: 2.0, rebirth_interval_s: 10.0 }
    }
}

/// MQTT 5 or 3.1.1, subscribed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["host"]))]
pub(crate) struct MqttKeys {
    /// Host name or address.
    #[schemars(length(min = 1))]
    host: String,
    /// TCP port.
    #[schemars(range(min = 1))]
    port: u16,
    /// The only version of MQTT to speak; if absent 5 is tried first, and 3.1.1 where the broker does not take it.
    #[schemars(schema_with = "version_schema")]
    version: Option<u8>,
    /// How the connection is encrypted, if it is.
    tls: Option<BrokerTlsSettings>,
    /// Client identifier, unique at the broker, which knows by it what to send again; `linetwin-<line>-<link>` if absent.
    #[schemars(length(min = 1))]
    client_id: Option<String>,
    /// User name, if the broker wants one.
    username: Option<String>,
    /// Password, if the broker wants one.
    password: Option<String>,
    /// File whose first line is the password.
    #[schemars(length(min = 1), with = "Option<String>")]
    password_file: Option<PathBuf>,
    /// The group that shares the messages, each of which the broker gives to one of it; all come here if absent.
    #[schemars(title = "name without / + #", regex(pattern = "^[^/+#]+$"))]
    share: Option<String>,
    /// What the messages are.
    #[schemars(schema_with = "payload_schema")]
    payload: PayloadName,
    /// Where a payload of JSON holds its source time: RFC 3339, or milliseconds since 1970. If absent the time of receipt
    /// counts.
    #[schemars(title = "JSON pointer such as /ts", regex(pattern = "^(/.*)?$"))]
    time_pointer: Option<String>,
    /// How the rows are written, for payload `csv`.
    #[schemars(with = "MqttCsv")]
    csv: Option<MqttCsv>,
    /// What the daemon is as a host, for payload `sparkplug-b`.
    #[schemars(with = "SparkplugHost")]
    sparkplug: Option<SparkplugHost>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PayloadName {
    #[default]
    Json,
    Text,
    Binary,
    Csv,
    SparkplugB,
}

fn payload_schema(_: &mut SchemaGenerator) -> Schema {
    let names = ["json", "text", "binary", "csv", "sparkplug-b"];
    json_schema!({ "title": "payload", "type": "string", "enum": names })
}

impl Default for MqttKeys {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 1883,
            version: None,
            tls: None,
            client_id: None,
            username: None,
            password: None,
            password_file: None,
            share: None,
            payload: PayloadName::Json,
            time_pointer: None,
            csv: None,
            sparkplug: None,
        }
    }
}

impl MqttKeys {
    /// Checks the keys against each other.
    pub(crate) fn check(&self, tree: &Tree, pointer: &str, findings: &mut Findings) {
        let place = |key: &str| tree.place(&format!("{pointer}/{key}"));
        links::check_login(tree, pointer, self.username.as_deref(), self.password.as_deref(), findings);
        if self.password_file.is_some() && (self.username.is_none() || self.password.is_some()) {
            let message = "needs a username, and no password beside it";
            findings.add(place("password_file"), message, "username with one of password and password_file");
        }
        links::check_version(tree, pointer, self.version, findings);
        let is_half = self.tls.as_ref().is_some_and(|tls| tls.certificate.is_some() != tls.key.is_some());
        links::check_key(tree, &format!("{pointer}/tls"), is_half, findings);
        let keys = [
            ("time_pointer", self.time_pointer.is_some(), PayloadName::Json, "json"),
            ("csv", self.csv.is_some(), PayloadName::Csv, "csv"),
            ("sparkplug", self.sparkplug.is_some(), PayloadName::SparkplugB, "sparkplug-b"),
        ];
        for (key, is_set, payload, name) in keys {
            if is_set && self.payload != payload {
                let message = format!("is set, but payload is not {name:?}");
                findings.add(place(key), message, format!("payload = {name:?}, or nothing here"));
            }
        }
        if self.payload == PayloadName::Csv && self.csv.is_none() {
            findings.add(place("payload"), "says nothing of the rows", "csv = { time_column = \"…\" } beside it");
        }
        if let Some(csv) = &self.csv
            && csv.delimiter == csv.decimal_mark
        {
            let message = format!("is the delimiter {:?} too", csv.delimiter);
            findings.add(place("csv/decimal_mark"), message, "two that can be told apart");
        }
        if self.share.is_some() && self.payload == PayloadName::SparkplugB {
            findings.add(place("share"), "would take messages out of their order", "no share for sparkplug-b");
        }
    }

    /// Whether the order of a value's bytes is the tag list's to say.
    pub(crate) fn has_order(&self) -> bool {
        self.payload == PayloadName::Binary
    }

    /// The broker and who the link is there.
    pub(crate) fn client(&self, link: &str, line: &str) -> (String, u16, String) {
        (self.host.clone(), self.port, self.client_id(link, line))
    }

    /// With the line in it, because the twins of several lines may share a broker.
    fn client_id(&self, link: &str, line: &str) -> String {
        self.client_id.clone().unwrap_or_else(|| format!("linetwin-{line}-{link}"))
    }

    /// What they mean for a link of a line.
    pub(crate) fn settings(self, link: &str, line: &str) -> MqttSettings {
        let client_id = self.client_id(link, line);
        let password = Password::of(self.password, self.password_file);
        let payload = match (self.payload, self.csv) {
            (PayloadName::Csv, Some(csv)) => MqttPayload::Csv(csv),
            // Without its table the check has refused CSV.
            (PayloadName::Json | PayloadName::Csv, _) => MqttPayload::Json { time_pointer: self.time_pointer },
            (PayloadName::Text, _) => MqttPayload::Text,
            (PayloadName::Binary, _) => MqttPayload::Binary,
            (PayloadName::SparkplugB, _) => MqttPayload::SparkplugB(self.sparkplug.unwrap_or_default()),
        };
        MqttSettings {
            host: self.host,
            port: self.port,
            version: self.version,
            tls: self.tls,
            client_id,
            login: self.username.map(|username| (username, password)),
            share: self.share,
            payload,
        }
    }
}
