// Addresses as values: `core` has no sockets.
use core::net::IpAddr;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::schema::name_schema;

/// The daemon's own settings: `linetwin.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DaemonSettings {
    /// Name of this daemon, as logs and metrics show it.
    #[schemars(schema_with = "name_schema")]
    pub node: String,
    /// The HTTP server: pages, API, live stream and metrics.
    pub http: HttpSettings,
    /// The MQTT broker that alerts go to and operators' commands come from.
    pub mqtt: NotifySettings,
    /// The durable log of all inputs.
    pub recording: RecordingSettings,
    /// The queue from the links to the twin.
    pub queue: QueueSettings,
    /// Where the records of parts are kept.
    pub parts: PartsSettings,
    /// The database that history goes to.
    pub historian: HistorianSettings,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            node: "linetwin".to_owned(),
            http: HttpSettings::default(),
            mqtt: NotifySettings::default(),
            recording: RecordingSettings::default(),
            queue: QueueSettings::default(),
            parts: PartsSettings::default(),
            historian: HistorianSettings::default(),
        }
    }
}

/// The HTTP server: pages, API, live stream and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Address to listen on: `127.0.0.1` for this machine only, `0.0.0.0` for the network.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port to listen on; 0 takes any free one.
    pub port: u16,
    /// Certificate and key to speak TLS with.
    #[schemars(with = "TlsSettings")]
    pub tls: Option<TlsSettings>,
    /// Whether a proxy in front speaks TLS. It is then believed where a request comes from.
    pub tls_proxy: bool,
    /// The users file: who may log in; relative to the working directory. Without, everybody may read and nobody may command.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub users: Option<PathBuf>,
    /// What somebody may do who is not logged in; `none` if absent. Goes with `users`.
    #[schemars(schema_with = "anonymous_schema")]
    pub anonymous: Option<Anonymous>,
    /// Hours after which one has to log in again.
    #[schemars(range(min = 1, max = 168))]
    pub session_h: u32,
    /// Minutes without a request or an open page after which one has to log in again.
    #[schemars(range(min = 1, max = 10_080))]
    pub idle_min: u32,
    /// The audit log: who did what; `audit.jsonl` in the recording's folder if absent.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub audit: Option<PathBuf>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            tls: None,
            tls_proxy: false,
            users: None,
            anonymous: None,
            session_h: 12,
            idle_min: 60,
            audit: None,
        }
    }
}

/// Certificate and key to speak TLS with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate and those it was signed with, in PEM; relative to the working directory.
    #[schemars(length(min = 1), with = "String")]
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    #[schemars(length(min = 1), with = "String")]
    pub key: PathBuf,
}

/// What somebody may do who is not logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// Nothing: one has to log in to read.
    None,
    /// Read.
    Viewer,
}

fn anonymous_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "role", "type": "string", "enum": ["none", "viewer"] })
}

impl HttpSettings {
    /// Whether only this machine can reach a server on that host.
    pub fn is_this_machine(host: &str) -> bool {
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Whether passwords would cross the network in the clear, if the server listens on that host.
    pub fn is_in_the_clear(&self, host: &str) -> bool {
        self.users.is_some() && self.tls.is_none() && !self.tls_proxy && !Self::is_this_machine(host)
    }
}

/// The MQTT broker that alerts go to and operators' commands come from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySettings {
    /// Whether to connect to it at all.
    pub enabled: bool,
    /// Host name or address.
    #[schemars(length(min = 1))]
    pub host: String,
    /// TCP port.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password, if the broker wants one.
    pub password: Option<String>,
    /// The only version of MQTT to speak; if absent 5 is tried first, and 3.1.1 where the broker does not take it.
    #[schemars(schema_with = "version_schema")]
    pub version: Option<u8>,
    /// How the connection is encrypted, if it is.
    pub tls: Option<BrokerTlsSettings>,
    /// The Sparkplug B edge node that tells the line, if there is one.
    pub sparkplug: Option<SparkplugSettings>,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self {
            enabled: false,
            host: "127.0.0.1".to_owned(),
            port: 1883,
            username: None,
            password: None,
            version: None,
            tls: None,
            sparkplug: None,
        }
    }
}

pub(crate) fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "number: 3 or 5", "type": "integer", "minimum": 3, "maximum": 5 })
}

/// How the connection to the broker is encrypted. All files are in PEM; relative to the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerTlsSettings {
    /// Certificates of who may have signed the broker's; those of the system if absent.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// The daemon's own certificate, if the broker wants one.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub certificate: Option<PathBuf>,
    /// The key of that certificate.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub key: Option<PathBuf>,
}

/// The Sparkplug B edge node that tells the line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["group"]))]
pub struct SparkplugSettings {
    /// The group that it belongs to.
    #[schemars(schema_with = "name_schema")]
    pub group: String,
    /// Its name in the group; that of the daemon if absent.
    #[schemars(schema_with = "name_schema")]
    pub node: Option<String>,
    /// The primary host application: the node is born only while that one is online. Any time if absent.
    #[schemars(schema_with = "name_schema")]
    pub primary_host: Option<String>,
    /// The least time from one message of a station or the line to its next, s.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub interval_s: f64,
}

impl Default for SparkplugSettings {
    fn default() -> Self {
        Self { group: String::new(), node: None, primary_host: None, interval_s: 1.0 }
    }
}

/// The durable log of all inputs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// Folder of the segments; relative to the working directory.
    #[schemars(length(min = 1), with = "String")]
    pub folder: PathBuf,
    /// Seconds between two writes to the disk: the most that a power cut can lose.
    #[schemars(range(min = 0.01, max = 60.0))]
    pub flush_interval_s: f64,
    /// Size at which a segment is closed and the next begun, MiB. To close it takes about half of that in memory.
    #[schemars(range(min = 1, max = 1024))]
    pub segment_size_mib: u32,
    /// Days that segments are kept; older ones are removed.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: u32,
    /// The most that all segments may take, MiB; the oldest are removed when they take more.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub size_max_mib: u32,
    /// What is to stay free on the disk, MiB; the oldest segments are removed when there is less.
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub free_min_mib: u32,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("recording"),
            flush_interval_s: 1.0,
            segment_size_mib: 64,
            keep_days: 60,
            size_max_mib: 65_536,
            free_min_mib: 512,
        }
    }
}

/// The queue from the links to the twin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    /// Batches it holds; when it is full the links wait, and the waits are counted.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub capacity: usize,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { capacity: 1024 }
    }
}

/// Where the records of parts that left the line are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PartsSettings {
    /// Whether to keep them at all.
    pub enabled: bool,
    /// Folder of the records; `parts` in the recording's folder if absent.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub folder: Option<PathBuf>,
    /// Days that records are kept; older ones are removed.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: u32,
    /// The most that all records may take, MiB; the oldest days are removed when they take more.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub size_max_mib: u32,
}

impl Default for PartsSettings {
    fn default() -> Self {
        Self { enabled: true, folder: None, keep_days: 3660, size_max_mib: 16_384 }
    }
}

/// The InfluxDB that samples, cycles and states go to.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistorianSettings {
    /// Whether to write to it at all.
    pub enabled: bool,
    /// Where it is.
    #[schemars(title = "URL such as http://127.0.0.1:8086", regex(pattern = "^https?://[^/]+/?$"))]
    pub url: String,
    /// The organization, by name or id.
    pub org: String,
    /// The bucket that is written to.
    pub bucket: String,
    /// The token that may write there. Rather `token_file`: a recording carries the text of this file.
    pub token: Option<String>,
    /// The file with the token; relative to the working directory.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub token_file: Option<PathBuf>,
    /// Certificates of who may have signed the server's, in PEM; those that browsers trust if absent.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// The signals whose samples are written, as patterns of their paths.
    pub signals: Vec<String>,
    /// Whether what each cycle came to is written.
    pub cycles: bool,
    /// Whether it is written what each station does.
    pub states: bool,
    /// The most points of a batch.
    #[schemars(range(min = 1, max = 50_000))]
    pub batch_points: usize,
    /// The longest that a point waits for a batch to be full, s.
    #[schemars(range(min = 0.05, max = 60.0))]
    pub batch_interval_s: f64,
    /// Folder of what is not written yet; `historian` in the recording's folder if absent.
    #[schemars(length(min = 1), with = "Option<String>")]
    pub folder: Option<PathBuf>,
    /// The most that this may take, MiB; the oldest is dropped when it takes more.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub size_max_mib: u32,
    /// How fast what is left from before is written, points per second. What is new goes first.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub backlog_points_per_s: u32,
}

impl Default for HistorianSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            url: "http://127.0.0.1:8086".to_owned(),
            org: String::new(),
            bucket: String::new(),
            token: None,
            token_file: None,
            ca: None,
            signals: vec!["*".to_owned()],
            cycles: true,
            states: true,
            batch_points: 5000,
            batch_interval_s: 1.0,
            folder: None,
            size_max_mib: 4096,
            backlog_points_per_s: 20_000,
        }
    }
}

impl DaemonSettings {
    /// The audit log.
    pub fn audit_file(&self) -> PathBuf {
        self.http.audit.clone().unwrap_or_else(|| self.recording.folder.join("audit.jsonl"))
    }

    /// The folder of the records of parts.
    pub fn parts_folder(&self) -> PathBuf {
        self.parts.folder.clone().unwrap_or_else(|| self.recording.folder.join("parts"))
    }

    /// The folder of what the historian has not written yet.
    pub fn historian_folder(&self) -> PathBuf {
        self.historian.folder.clone().unwrap_or_else(|| self.recording.folder.join("historian"))
    }
}
