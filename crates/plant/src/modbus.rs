//! The settings of a Modbus link: what `plant.toml` says, and what an adapter is given.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::entries::{Entries, Entry};
use crate::keys::LinkKeys;
use crate::links::check_key;
use crate::problem::Findings;
use crate::schema::name_schema;
use crate::tree::Tree;

/// How to poll a unit of a Modbus device.
#[derive(Debug, Clone, PartialEq)]
pub struct ModbusSettings {
    /// How to get to it. Links with the same host and port, or the same serial line, share a connection.
    pub transport: ModbusTransport,
    /// Unit identifier.
    pub unit: u8,
    /// From the start of one poll to the start of the next, seconds, of tags that are in no group.
    pub poll_interval_s: f64,
    /// Groups with intervals of their own.
    pub poll_groups: Vec<PollGroup>,
    /// How long to wait for an answer, seconds.
    pub timeout_s: f64,
    /// The most registers asked for at once, 1 to 125.
    pub max_registers: u16,
    /// The most coils or discrete inputs asked for at once, 1 to 2000.
    pub max_bits: u16,
    /// The most unused registers read along to merge two blocks.
    pub max_gap: u16,
    /// The number that tag lists give to the first cell of a table: 0 or 1.
    pub base_address: u16,
    /// From a connection to the first request, seconds.
    pub pause_after_connect_s: f64,
    /// From an answer to the next request, seconds.
    pub pause_between_requests_s: f64,
    /// How often a request is made again while the device says that it is busy.
    pub busy_retries: u32,
}

impl ModbusSettings {
    /// A device at a host and port, with everything else as it is if `plant.toml` says nothing.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        ModbusKeys { host: Some(host.into()), port, ..ModbusKeys::default() }.into()
    }
}

/// How to get to a Modbus device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModbusTransport {
    /// Modbus TCP.
    Tcp(HostPort),
    /// Modbus TCP within TLS, as the standard's Modbus Security.
    Tls(HostPort, ModbusTls),
    /// Frames of a serial line through a TCP connection, as plain serial servers pass them.
    RtuOverTcp(HostPort),
    /// A serial line.
    Rtu(SerialLine),
}

/// Where a device listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// How a connection to a device is encrypted. All files are in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusTls {
    /// Certificates of who may have signed the device's.
    pub ca: PathBuf,
    /// The daemon's own certificate and key, if the device wants them.
    pub own: Option<OwnCertificate>,
    /// The name that the device's certificate must have; the host if absent.
    pub server_name: Option<String>,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// The certificate and those between it and its signer.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A serial line with characters of eight bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialLine {
    /// Path of the device, such as `/dev/ttyUSB0`.
    pub device: String,
    /// Bits a second.
    pub baud: u32,
    /// Parity of each character.
    pub parity: Parity,
    /// Stop bits of each character, 1 or 2.
    pub stop_bits: u8,
}

/// Parity of the characters of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No parity bit.
    None,
    /// An even number of ones: what the standard asks for.
    #[default]
    Even,
    /// An odd number of ones.
    Odd,
}

/// Tags that are polled at a rate of their own.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PollGroup {
    /// Name, as the column `poll` of a tag list gives it.
    #[schemars(schema_with = "name_schema")]
    pub name: String,
    /// From the start of one poll to the start of the next, seconds.
    #[schemars(range(min = 0.01, max = 86_400.0))]
    pub interval_s: f64,
}

/// Modbus, polled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = []))]
pub(crate) struct ModbusKeys {
    /// How to get to the device.
    #[schemars(schema_with = "transport_schema")]
    transport: TransportName,
    /// Host name or address; for every transport but `rtu`.
    #[schemars(length(min = 1))]
    host: Option<String>,
    /// TCP port.
    #[schemars(range(min = 1))]
    port: u16,
    /// The serial line, for transport `rtu`.
    #[schemars(with = "SerialKeys")]
    serial: Option<SerialKeys>,
    /// How the connection is encrypted, for transport `tls`.
    #[schemars(with = "TlsKeys")]
    tls: Option<TlsKeys>,
    /// Unit identifier.
    unit: u8,
    /// From the start of one poll to the start of the next, seconds, of tags that are in no group.
    #[schemars(range(min = 0.01, max = 3600.0))]
    poll_interval_s: f64,
    /// Groups of tags with intervals of their own; the column `poll` of a tag list names one.
    #[schemars(length(max = 20))]
    poll: Vec<PollGroup>,
    /// How long to wait for an answer, seconds.
    #[schemars(range(min = 0.01, max = 60.0))]
    timeout_s: f64,
    /// The most registers asked for at once; less than 125 for devices that cannot do what the standard allows.
    #[schemars(range(min = 1, max = 125))]
    max_registers: u16,
    /// The most coils or discrete inputs asked for at once; less than 2000 for devices that cannot do that many.
    #[schemars(range(min = 1, max = 2000))]
    max_bits: u16,
    /// The most unused registers read along to merge two blocks.
    #[schemars(range(max = 124))]
    max_gap: u16,
    /// The number that the tag lists give to the first cell of a table: 0 as the protocol does, or 1 as many manuals do.
    #[schemars(range(max = 1))]
    base_address: u16,
    /// From a connection to the first request, seconds, for devices that are not ready at once.
    #[schemars(range(min = 0.0, max = 60.0))]
    pause_after_connect_s: f64,
    /// From an answer to the next request, seconds, for devices that must not be hurried.
    #[schemars(range(min = 0.0, max = 60.0))]
    pause_between_requests_s: f64,
    /// How often a request is made again, 0.1 s later, while the device says that it is busy.
    #[schemars(range(max = 10))]
    busy_retries: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TransportName {
    #[default]
    Tcp,
    Tls,
    RtuOverTcp,
    Rtu,
}

fn transport_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "transport", "type": "string", "enum": ["tcp", "tls", "rtu-over-tcp", "rtu"] })
}

/// The serial line.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["device"]))]
struct SerialKeys {
    /// Path of the device, such as `/dev/ttyUSB0`.
    #[schemars(length(min = 1))]
    device: String,
    /// Bits a second.
    #[schemars(range(min = 300, max = 4_000_000))]
    baud: u32,
    /// Parity of each character.
    #[schemars(schema_with = "parity_schema")]
    parity: Parity,
    /// Stop bits of each character.
    #[schemars(range(min = 1, max = 2))]
    stop_bits: u8,
}

impl Default for SerialKeys {
    fn default() -> Self {
        Self { device: String::new(), baud: 19_200, parity: Parity::Even, stop_bits: 1 }
    }
}

fn parity_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "parity", "type": "string", "enum": ["none", "even", "odd"] })
}

/// How the connection is encrypted. All files are in PEM; relative to the working directory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["ca"]))]
struct TlsKeys {
    /// Certificates of who may have signed the device's.
    #[schemars(length(min = 1), with = "String")]
    ca: PathBuf,
    /// The daemon's own certificate, if the device wants one.
    #[schemars(length(min = 1), with = "Option<String>")]
    certificate: Option<PathBuf>,
    /// The key of that certificate.
    #[schemars(length(min = 1), with = "Option<String>")]
    key: Option<PathBuf>,
    /// The name that the device's certificate must have; the host if absent.
    #[schemars(length(min = 1))]
    server_name: Option<String>,
}

impl Default for ModbusKeys {
    fn default() -> Self {
        Self {
            transport: TransportName::Tcp,
            host: None,
            port: 502,
            serial: None,
            tls: None,
            unit: 1,
            poll_interval_s: 1.0,
            poll: Vec::new(),
            timeout_s: 1.0,
            max_registers: 125,
            max_bits: 2000,
            max_gap: 8,
            base_address: 0,
            pause_after_connect_s: 0.0,
            pause_between_requests_s: 0.0,
            busy_retries: 3,
        }
    }
}

impl ModbusKeys {
    /// The poll groups, to look a tag's up in.
    pub(crate) fn poll_groups(&self) -> &[PollGroup] {
        &self.poll
    }

    /// What two links have in common that share a connection.
    fn endpoint(&self) -> Option<String> {
        match self.transport {
            TransportName::Rtu => self.serial.as_ref().map(|serial| serial.device.clone()),
            _ => self.host.as_ref().map(|host| format!("{host}:{}", self.port)),
        }
    }

    /// Whether two links ask the same of the connection that they share.
    fn agrees_with(&self, other: &Self) -> bool {
        let connection = |keys: &Self| {
            let pauses = (keys.pause_after_connect_s.to_bits(), keys.pause_between_requests_s.to_bits());
            (keys.transport, keys.serial.clone(), keys.tls.clone(), pauses)
        };
        connection(self) == connection(other)
    }
}

/// Checks the Modbus links: what a transport needs, and what those that share a connection must have in common.
pub(crate) fn check(links: &Entries<LinkKeys>, tree: &Tree, findings: &mut Findings) {
    let mut first: BTreeMap<String, (&Entry<LinkKeys>, &ModbusKeys)> = BTreeMap::new();
    for (_, entry, keys) in links.sound() {
        let LinkKeys::Modbus(keys) = keys else { continue };
        check_transport(keys, &entry.pointer, tree, findings);
        check_poll_groups(keys, &entry.pointer, tree, findings);
        let Some(endpoint) = keys.endpoint() else { continue };
        let (other, others) = first.entry(endpoint).or_insert((entry, keys));
        if !keys.agrees_with(others) {
            let message = format!("shares its connection with link {:?}, but not all of its settings", other.name);
            let expected = "the same transport, serial, tls, pause_after_connect_s and pause_between_requests_s";
            findings.add(tree.place(&entry.pointer), message, expected);
        }
    }
}

fn check_transport(keys: &ModbusKeys, pointer: &str, tree: &Tree, findings: &mut Findings) {
    let mut needs = |key: &str, missing: bool, expected: &str| {
        if missing {
            findings.add(tree.place(&format!("{pointer}/{key}")), "is missing", expected);
        }
    };
    needs("host", keys.transport != TransportName::Rtu && keys.host.is_none(), "a text that is not empty");
    needs("serial", keys.transport == TransportName::Rtu && keys.serial.is_none(), "a table with the line's device");
    needs("tls", keys.transport == TransportName::Tls && keys.tls.is_none(), "a table with a ca");
    let mut idle = |key: &str, idle: bool, transport: &str| {
        if idle {
            let message = format!("is set, but the link's transport is not {transport}");
            findings.add(
                tree.place(&format!("{pointer}/{key}")),
                message,
                format!("transport = \"{transport}\", or nothing"),
            );
        }
    };
    idle("serial", keys.transport != TransportName::Rtu && keys.serial.is_some(), "rtu");
    idle("tls", keys.transport != TransportName::Tls && keys.tls.is_some(), "tls");
    if let Some(tls) = &keys.tls {
        check_key(tree, &format!("{pointer}/tls"), tls.certificate.is_some() != tls.key.is_some(), findings);
    }
}

fn check_poll_groups(keys: &ModbusKeys, pointer: &str, tree: &Tree, findings: &mut Findings) {
    for (index, group) in keys.poll.iter().enumerate() {
        if keys.poll[..index].iter().any(|other| other.name == group.name) {
            let place = tree.place(&format!("{pointer}/poll/{index}/name"));
            findings.add(place, format!("{:?} is already the name of a group", group.name), "a name of its own");
        }
    }
}

impl From<ModbusKeys> for ModbusSettings {
    fn from(keys: ModbusKeys) -> Self {
        let to = HostPort { host: keys.host.unwrap_or_default(), port: keys.port };
        // What is missing here has been reported, and the plant is not used.
        let transport = match keys.transport {
            TransportName::Tcp => ModbusTransport::Tcp(to),
            TransportName::Tls => ModbusTransport::Tls(to, keys.tls.unwrap_or_default().into()),
            TransportName::RtuOverTcp => ModbusTransport::RtuOverTcp(to),
            TransportName::Rtu => ModbusTransport::Rtu(keys.serial.unwrap_or_default().into()),
        };
        Self {
            transport,
            unit: keys.unit,
            poll_interval_s: keys.poll_interval_s,
            poll_groups: keys.poll,
            timeout_s: keys.timeout_s,
            max_registers: keys.max_registers,
            max_bits: keys.max_bits,
            max_gap: keys.max_gap,
            base_address: keys.base_address,
            pause_after_connect_s: keys.pause_after_connect_s,
            pause_between_requests_s: keys.pause_between_requests_s,
            busy_retries: keys.busy_retries,
        }
    }
}

impl From<TlsKeys> for ModbusTls {
    fn from(keys: TlsKeys) -> Self {
        let own = keys.certificate.zip(keys.key).map(|(certificate, key)| OwnCertificate { certificate, key });
        Self { ca: keys.ca, own, server_name: keys.server_name }
    }
}

impl From<SerialKeys> for SerialLine {
    fn from(SerialKeys { device, baud, parity, stop_bits }: SerialKeys) -> Self {
        Self { device, baud, parity, stop_bits }
    }
}
