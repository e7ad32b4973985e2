//! A real InfluxDB of the test's own: that of Debian, 1.6, with the write API of InfluxDB 2 before it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::net::{free_port, is_listened_on};
use crate::peers::python;
use crate::program::Program;
use crate::wait::wait_for;
use crate::workspace_root;

/// The database, which is the bucket.
const BUCKET: &str = "ev1";

/// The server and what stands before it. What it holds is thrown away in the end.
pub struct Influx {
    server: Program,
    bridge: Program,
    ports: Ports,
    /// The files of certificate and key, if the write API is over TLS.
    tls: Option<[PathBuf; 2]>,
    folder: TempDir,
}

#[derive(Clone, Copy)]
struct Ports {
    /// Of the server's own API.
    own: u16,
    /// Of the server's backups, which nobody wants.
    backup: u16,
    /// Of the write API of InfluxDB 2.
    bridge: u16,
}

impl Influx {
    /// Starts it with an empty bucket.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same over TLS, with the certificate and the key in these files.
    #[track_caller]
    pub fn start_over_tls(files: [PathBuf; 2]) -> Self {
        Self::start_with(Some(files))
    }

    #[track_caller]
    fn start_with(tls: Option<[PathBuf; 2]>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let ports = Ports { own: free_port(), backup: free_port(), bridge: free_port() };
        let server = start_server(folder.path(), ports);
        let bridge = start_bridge(ports, tls.as_ref());
        let influx = Self { server, bridge, ports, tls, folder };
        influx.ask(&format!("CREATE DATABASE {BUCKET}"));
        influx
    }

    /// The settings, as `--set` takes them, of a historian that writes to it.
    pub fn settings(&self) -> Vec<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("historian.url={scheme}://localhost:{}", self.ports.bridge);
        let more = ["enabled=true", "org=acme", "bucket=ev1", "token=secret", "batch_interval_s=0.2"];
        more.into_iter().map(|setting| format!("historian.{setting}")).chain([url]).collect()
    }

    /// Ends it at once, with all connections; what it has written stays.
    pub fn kill(&mut self) {
        self.bridge.kill();
        self.server.kill();
    }

    /// Starts it again after [`Self::kill`].
    #[track_caller]
    pub fn restart(&mut self) {
        self.server = start_server(self.folder.path(), self.ports);
        self.bridge = start_bridge(self.ports, self.tls.as_ref());
    }

    /// From now on it answers that it is unavailable, or not.
    pub fn set_unavailable(&mut self, is_unavailable: bool) {
        self.bridge.send(if is_unavailable { "down" } else { "up" });
    }

    /// Writes a line as somebody else would.
    #[track_caller]
    pub fn write(&self, line: &str) {
        let url = format!("http://127.0.0.1:{}/write?db={BUCKET}", self.ports.own);
        ureq::post(&url).send(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }

    /// What a query finds: for each series its rows.
    #[track_caller]
    pub fn ask(&self, query: &str) -> Vec<Value> {
        let url = format!("http://127.0.0.1:{}/query", self.ports.own);
        let answer = ureq::post(&url).query("db", BUCKET).query("q", query).send_empty();
        let mut answer = answer.unwrap_or_else(|error| panic!("{query}: {error}"));
        let json: Value = answer.body_mut().read_json().unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(json["results"][0].get("error"), None, "{query}");
        json["results"][0]["series"].as_array().cloned().unwrap_or_default()
    }

    /// How many points there are that have the field, of those that a condition chooses.
    #[track_caller]
    pub fn count(&self, field: &str, of: &str) -> u64 {
        let found = self.ask(&format!("SELECT COUNT({field}) FROM {of}"));
        found.first().and_then(|series| series["values"][0][1].as_u64()).unwrap_or_default()
    }
}

fn start_server(folder: &Path, ports: Ports) -> Program {
    let Ports { own, backup, .. } = ports;
    let place = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "reporting-disabled = true\nbind-address = \"127.0.0.1:{backup}\"\n[meta]\ndir = {:?}\n\
         [data]\ndir = {:?}\nwal-dir = {:?}\n[http]\nbind-address = \"127.0.0.1:{own}\"\nlog-enabled = false\n",
        place("meta"),
        place("data"),
        place("wal")
    );
    let path = folder.join("influxdb.conf");
    std::fs::write(&path, config).expect("a temporary file can be written");
    let server = Program::start("influxd", Command::new("influxd").arg("-config").arg(&path));
    wait_for("influxd to listen", || {
        assert!(!server.has_ended(), "influxd has ended");
        is_listened_on(own).then_some(())
    });
    server
}

fn start_bridge(ports: Ports, tls: Option<&[PathBuf; 2]>) -> Program {
    let script = workspace_root().join("tests/peers/influx_bridge.py");
    let mut command = Command::new(python());
    command.arg("-B").arg(script);
    command.args(["--port", &ports.bridge.to_string(), "--to", &ports.own.to_string()]);
    if let Some([certificate, key]) = tls {
        command.arg("--certificate").arg(certificate).arg("--key").arg(key);
    }
    let bridge = Program::start("influx_bridge.py", &mut command);
    wait_for("the write API to be ready", || {
        assert!(!bridge.has_ended(), "it has ended");
        bridge.output().first().cloned()
    });
    bridge
}
