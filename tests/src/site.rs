//! A line to run `linetwin` for: its configuration in a folder.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::daemon::{Daemon, linetwin};

/// The header of a tag list.
pub const TAGS_HEADER: &str = "signal,role,link,address,type,order,unit,scale,offset,low,high,description";

/// Where the test's line is, and how it learns: soon, as each of its cycles takes about a second.
const LINE: &str = r#"
enterprise = "acme"
site = "ulm"
area = "body"
line = "e2e"
languages = ["en", "de"]

[detection]
false_alarms_per_shift = 2.0
shift_h = 8.0
warm_up_cycles = 60
link_loss_s = 1.0

[[variant]]
name = "ev"
code = 1

"#;

/// The topics of that line.
pub const BASE_TOPIC: &str = "linetwin/v1/acme/ulm/body/e2e";

/// A configuration folder and a place for a recording, both thrown away in the end.
pub struct Site {
    scratch: TempDir,
}

impl Site {
    /// Writes a configuration: the links and stations as in `plant.toml`, and the rows of a tag list.
    pub fn new(links_and_stations: &str, tags: &str) -> Self {
        let site = Self { scratch: tempfile::tempdir().expect("a temporary folder can be made") };
        site.write("linetwin.toml", "node = \"e2e\"\n[http]\nport = 0\n");
        site.configure(links_and_stations, tags);
        site
    }

    /// Writes links, stations and tags as [`Self::new`] does.
    pub fn configure(&self, links_and_stations: &str, tags: &str) {
        self.write("plant.toml", &format!("{LINE}{links_and_stations}"));
        self.write("tags/all.csv", &format!("{TAGS_HEADER}\n{tags}"));
    }

    /// Writes a file of the configuration.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.config().join(file);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .and_then(|()| std::fs::write(&path, text))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The configuration folder.
    pub fn config(&self) -> PathBuf {
        self.scratch.path().join("config")
    }

    /// The folder of the recording.
    pub fn recording(&self) -> PathBuf {
        self.scratch.path().join("recording")
    }

    /// `linetwin run` on this site, with more settings as `--set` takes them.
    pub fn command(&self, settings: &[&str]) -> Command {
        let mut command = linetwin();
        command.arg("run").arg("--config").arg(self.config());
        command.arg("--set").arg(format!("recording.folder={}", self.recording().display()));
        for setting in settings {
            command.args(["--set", setting]);
        }
        command
    }

    /// Starts the daemon without a broker for alerts.
    #[track_caller]
    pub fn start(&self) -> Daemon {
        Daemon::start(&mut self.command(&[]))
    }

    /// Starts the daemon, which tells its alerts to the broker on that port.
    #[track_caller]
    pub fn start_telling(&self, mqtt_port: u16) -> Daemon {
        Daemon::start(&mut self.command(&["mqtt.enabled=true", &format!("mqtt.port={mqtt_port}")]))
    }
}

/// A Modbus link of `plant.toml`, polled as fast as it makes sense.
pub fn modbus_link(name: &str, port: u16) -> String {
    modbus_link_every(0.05, 0.5, name, port)
}

/// A Modbus link of `plant.toml`, polled at an interval and with a timeout, both in seconds.
pub fn modbus_link_every(poll_interval_s: f64, timeout_s: f64, name: &str, port: u16) -> String {
    format!(
        "[[link]]\nprotocol = \"modbus\"\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         poll_interval_s = {poll_interval_s:?}\ntimeout_s = {timeout_s:?}\n"
    )
}

/// An OPC UA link of `plant.toml`, without security, told as fast as it makes sense.
pub fn opcua_link(name: &str, port: u16) -> String {
    opcua_link_every(0.05, name, port)
}

/// An OPC UA link of `plant.toml`, without security, told at an interval in seconds.
pub fn opcua_link_every(publishing_interval_s: f64, name: &str, port: u16) -> String {
    format!(
        "[[link]]\nprotocol = \"opcua\"\nname = \"{name}\"\nurl = \"opc.tcp://127.0.0.1:{port}\"\n\
         security = \"none\"\npublishing_interval_s = {publishing_interval_s:?}\nsampling_interval_s = 0.0\n"
    )
}

/// An MQTT link of `plant.toml`, whose messages tell their time.
pub fn mqtt_link(name: &str, port: u16) -> String {
    format!(
        "[[link]]\nprotocol = \"mqtt\"\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {port}\ntime_pointer = \"/ts\"\n"
    )
}

/// A station of `plant.toml` with cycles of about a second.
pub fn station(name: &str, kind: &str, upstream: &[&str]) -> String {
    format!("[[station]]\nname = \"{name}\"\nkind = \"{kind}\"\nupstream = {upstream:?}\nideal_cycle_s = 1.0\n")
}
