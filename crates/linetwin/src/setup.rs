//! From a configuration to parts that are ready to run; every problem at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapter::{AddressError, Context};
use csv_adapter::CsvAdapter;
use historian::Historian;
use http_adapter::HttpAdapter;
use modbus_adapter::{Buses, ModbusAdapter};
use mqtt_adapter::MqttAdapter;
use opcua_adapter::OpcuaAdapter;
use open_protocol_adapter::OpenProtocolAdapter;
use plant::{DaemonSettings, Files, Link, LinkSettings, Overrides, Plant};
use recording::{Reader, RecordingHeader};
use simulated_adapter::SimulatedAdapter;
use telemetry::{LinkId, Timestamp};

/// Where the configuration comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArguments {
    /// Folder with linetwin.toml, plant.toml and tags/*.csv.
    #[arg(long, value_name = "DIR")]
    pub config: PathBuf,
    /// Set a key over the files and the environment, such as http.port=8081 or link[0].host=10.0.0.7.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// A configuration that cannot run; the message lists every problem, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(String);

impl Misconfigured {
    /// What is wrong, a line each.
    pub(crate) fn new(problems: String) -> Self {
        Self(problems)
    }
}

/// A configuration in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The plant.
    pub plant: Arc<Plant>,
    /// The daemon's own settings.
    pub daemon: DaemonSettings,
    files: Files,
    overrides: Overrides,
}

impl Setup {
    /// Reads a configuration folder, with the environment and `set` over it, and checks all of it.
    ///
    /// # Errors
    /// [`Misconfigured`], or that the folder cannot be read.
    pub fn read(folder: &Path, set: &[String]) -> anyhow::Result<Self> {
        Self::of_files(Files::read_dir(folder).map_err(|error| Misconfigured(error.to_string()))?, set)
    }

    /// Checks all of a configuration, with the environment and `set` over it.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub(crate) fn of_files(files: Files, set: &[String]) -> anyhow::Result<Self> {
        // Names or values that are not UTF-8 cannot be ours.
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("LINETWIN__"))
            .collect();
        Self::new(files, Overrides { environment, set: set.to_vec() })
    }

    /// Checks all of a configuration.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub fn new(files: Files, overrides: Overrides) -> anyhow::Result<Self> {
        let configuration = plant::load(&files, &overrides).map_err(|problems| Misconfigured(problems.to_string()))?;
        let setup = Self { plant: Arc::new(configuration.plant), daemon: configuration.daemon, files, overrides };
        setup.devices(&mut Buses::default())?;
        if setup.daemon.historian.enabled {
            Historian::check(&setup.daemon.historian, &setup.plant)
                .map_err(|error| Misconfigured(error.to_string()))?;
        }
        Ok(setup)
    }

    /// The texts that it was read from.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// An adapter for each link, in the links' order.
    ///
    /// # Errors
    /// [`Misconfigured`], if an adapter cannot serve an address.
    pub fn devices(&self, buses: &mut Buses) -> anyhow::Result<Vec<Device>> {
        devices(&self.plant, buses)
    }

    /// What a recording says of the configuration it was made under. Passwords stay out.
    pub fn header(&self, created: Timestamp) -> RecordingHeader {
        let environment = self.overrides.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
        let set = self.overrides.set.iter().filter_map(|setting| setting.split_once('='));
        let set = set.map(|(key, value)| (key.to_owned(), value.to_owned()));
        RecordingHeader {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            created,
            signals: self.plant.signals.iter().map(|signal| (signal.id, signal.path.clone())).collect(),
            links: self.plant.links.iter().map(|link| (link.id, link.name.clone())).collect(),
            configuration: self.files.iter().map(|(name, text)| (name.to_owned(), without_passwords(text))).collect(),
            overrides: environment.chain(set).filter(|(key, _)| !is_secret(key)).collect(),
        }
    }

    /// What to read a recording under: the configuration in `folder`, else the one that it was made under; with `set` over it.
    ///
    /// # Errors
    /// [`Misconfigured`], or that the folder or the recording cannot be read.
    pub fn of_recording(recording: &Path, folder: Option<&Path>, set: &[String]) -> anyhow::Result<Self> {
        match folder {
            Some(folder) => Self::read(folder, set),
            None => Self::from_header(Reader::open(recording)?.header(), set),
        }
    }

    /// The configuration that a part of a recording was made under, with `more` over it.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub(crate) fn from_header(header: &RecordingHeader, more: &[String]) -> anyhow::Result<Self> {
        let (environment, set): (Vec<_>, Vec<_>) =
            header.overrides.iter().partition(|(key, _)| key.starts_with("LINETWIN__"));
        let overrides = Overrides {
            environment: environment.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            set: set.into_iter().map(|(key, value)| format!("{key}={value}")).chain(more.iter().cloned()).collect(),
        };
        Self::new(Files::from_pairs(header.configuration.clone()), overrides)
    }
}

/// An adapter for each link of a plant, in the links' order. Those that share an endpoint of Modbus meet on its bus.
///
/// # Errors
/// [`Misconfigured`], if an adapter cannot serve an address.
pub fn devices(plant: &Plant, buses: &mut Buses) -> anyhow::Result<Vec<Device>> {
    Ok(devices_of(plant, buses, |_| true)?.into_iter().map(|(_, device)| device).collect())
}

/// As [`devices`], for those of the links that `is_wanted`.
///
/// # Errors
/// As [`devices`].
pub(crate) fn devices_of(
    plant: &Plant,
    buses: &mut Buses,
    is_wanted: impl Fn(&Link) -> bool,
) -> anyhow::Result<Vec<(LinkId, Device)>> {
    let (mut devices, mut problems) = (Vec::new(), Vec::new());
    for link in plant.links.iter().filter(|link| is_wanted(link)) {
        match Device::new(link, plant, buses) {
            Ok(device) => devices.push((link.id, device)),
            Err(errors) => problems.extend(errors),
        }
    }
    if problems.is_empty() {
        return Ok(devices);
    }
    problems.sort_by(|a, b| (&a.origin, &a.signal).cmp(&(&b.origin, &b.signal)));
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Misconfigured(lines.join("\n")).into())
}

/// A link's adapter, ready to run.
#[derive(Debug)]
pub enum Device {
    /// Modbus.
    Modbus(ModbusAdapter),
    /// OPC UA.
    Opcua(OpcuaAdapter),
    /// MQTT.
    Mqtt(MqttAdapter),
    /// CSV files.
    Csv(CsvAdapter),
    /// Rows that are posted over HTTP.
    Http(HttpAdapter),
    /// Open Protocol.
    OpenProtocol(OpenProtocolAdapter),
    /// Simulated sources.
    Simulated(SimulatedAdapter),
}

impl Device {
    fn new(link: &Link, plant: &Plant, buses: &mut Buses) -> Result<Self, Vec<AddressError>> {
        let signals: Vec<_> = plant.signals.iter().filter(|signal| signal.link == link.id).collect();
        match &link.settings {
            LinkSettings::Modbus(settings) => ModbusAdapter::new(link, settings, &signals, buses).map(Self::Modbus),
            LinkSettings::Opcua(settings) => OpcuaAdapter::new(link, settings, &signals).map(Self::Opcua),
            LinkSettings::Mqtt(settings) => MqttAdapter::new(link, settings, &signals).map(Self::Mqtt),
            LinkSettings::Csv(settings) => CsvAdapter::new(link, settings, &signals).map(Self::Csv),
            LinkSettings::Http(settings) => HttpAdapter::new(link, settings, &signals).map(Self::Http),
            LinkSettings::OpenProtocol(settings) => {
                OpenProtocolAdapter::new(link, settings, &signals).map(Self::OpenProtocol)
            }
            LinkSettings::Simulated(settings) => SimulatedAdapter::new(link, settings, &signals).map(Self::Simulated),
        }
    }

    /// Keeps the link connected until the context is stopped.
    pub async fn run(self, context: Context) {
        match self {
            Self::Modbus(adapter) => adapter.run(context).await,
            Self::Opcua(adapter) => adapter.run(context).await,
            Self::Mqtt(adapter) => adapter.run(context).await,
            Self::Csv(adapter) => adapter.run(context).await,
            Self::Http(adapter) => adapter.run(context).await,
            Self::OpenProtocol(adapter) => adapter.run(context).await,
            Self::Simulated(adapter) => adapter.run(context).await,
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("password") || key.ends_with("token")
}

/// A configuration text with the lines left out that set a password, and their user names, which need one. The lines
/// stay as comments, so that line numbers in messages stay true.
fn without_passwords(text: &str) -> String {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let is_login = |line: &str| key(line).is_some_and(|key| is_secret(&key) || key == "username");
    let lines: Vec<&str> =
        text.split('\n').map(|line| if is_login(line) { "# left out of the recording" } else { line }).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_get_into_a_recording() {
        let text = "[mqtt]\nhost = \"a\"\nusername = \"u\"\npassword = \"p=1\"\n";
        let expected = "[mqtt]\nhost = \"a\"\n# left out of the recording\n# left out of the recording\n";
        assert_eq!(without_passwords(text), expected);
        assert!(is_secret("LINETWIN__LINK__2__PASSWORD") && is_secret("mqtt.password"));
        assert!(is_secret("LINETWIN__HISTORIAN__TOKEN") && !is_secret("historian.token_file"));
    }
}
