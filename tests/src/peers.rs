//! Devices of pymodbus and asyncua, as `tests/peers/` writes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fast_clock::FastClock;
use crate::net::free_port;
use crate::program::Program;
use crate::wait::wait_for;
use crate::workspace_root;

/// The Python that has the peers.
///
/// # Panics
/// If they are not installed.
#[track_caller]
pub fn python() -> PathBuf {
    let python = workspace_root().join(".peers/venv/bin/python");
    assert!(python.exists(), "the peers are not installed: run `cargo xtask peers`");
    python
}

/// A peer that obeys requests on its standard input.
pub(crate) struct Peer {
    program: Program,
    asked: usize,
}

impl Peer {
    /// Starts it and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let peer = Self { program: Program::start(name, command), asked: 0 };
        wait_for(&format!("{name} to be ready"), || {
            assert!(!peer.program.has_ended(), "{name} has ended; if a module is missing, run `cargo xtask peers`");
            peer.program.output().first().cloned()
        });
        peer
    }

    /// Starts a device in Python on that port.
    #[track_caller]
    fn start_device(script: &str, port: u16, more: &[&str]) -> Self {
        Self::start(script, device(script, port).args(more))
    }

    /// The same on a free port, where it lives by a clock.
    #[track_caller]
    fn start_device_by(clock: &FastClock, script: &str) -> (Self, u16) {
        let port = free_port();
        let mut command = device(script, port);
        clock.set(&mut command);
        (Self::start(script, &mut command), port)
    }

    /// Asks for something and waits until it is done.
    ///
    /// # Panics
    /// With the peer's words, if it cannot be done.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Value) {
        self.program.send(&request.to_string());
        self.asked += 1;
        let answer = wait_for("a peer's answer", || self.program.output().get(self.asked).cloned());
        assert_eq!(answer, r#"{"ok": true}"#, "{request}");
    }
}

/// The command of a device in Python on that port.
#[track_caller]
fn device(script: &str, port: u16) -> Command {
    let mut command = Command::new(python());
    // -B: no compiled files in the source tree.
    command.arg("-B").arg(workspace_root().join("tests/peers").join(script)).args(["--port", &port.to_string()]);
    command
}

/// A Modbus device, unit 1, with coils 0 to 15 and holding registers 0 to 63. It refuses every other address.
pub struct ModbusDevice {
    peer: Peer,
    port: u16,
}

impl ModbusDevice {
    /// Starts one of pymodbus on a free port, everything 0.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, as `modbus_server.py` takes them.
    #[track_caller]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on(free_port(), arguments)
    }

    /// The same on that port.
    #[track_caller]
    pub fn start_on(port: u16, arguments: &[&str]) -> Self {
        Self { peer: Peer::start_device("modbus_server.py", port, arguments), port }
    }

    /// Starts one of pymodbus on a free port that lives by a clock.
    #[track_caller]
    pub fn start_by(clock: &FastClock) -> Self {
        let (peer, port) = Peer::start_device_by(clock, "modbus_server.py");
        Self { peer, port }
    }

    /// Starts one of libmodbus on a free port, which has no [`Self::coil`] and no [`Self::answer_late`] and serves one client
    /// at a time.
    #[track_caller]
    pub fn start_libmodbus() -> Self {
        let port = free_port();
        Self { peer: Peer::start_device("libmodbus_server.py", port, &[]), port }
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets a coil.
    #[track_caller]
    pub fn coil(&mut self, address: u16, value: bool) {
        self.peer.ask(&json!({ "do": "coils", "start": address, "values": [value] }));
    }

    /// Sets holding registers.
    #[track_caller]
    pub fn registers(&mut self, start: u16, values: &[u16]) {
        self.peer.ask(&json!({ "do": "registers", "start": start, "values": values }));
    }

    /// Sets two holding registers to a number, high word first.
    #[track_caller]
    pub fn float(&mut self, start: u16, value: f32) {
        let bits = value.to_bits();
        self.registers(start, &[(bits >> 16) as u16, bits as u16]);
    }

    /// From now on its answers come that many seconds late.
    #[track_caller]
    pub fn answer_late(&mut self, seconds: f64) {
        self.peer.ask(&json!({ "do": "late", "seconds": seconds }));
    }
}

/// Modbus devices in one process, each of unit 1 on a port of its own. Register N of the device on port P holds
/// `P * 31 + N`, modulo 65536.
pub struct ModbusFleet {
    // Ends the devices when it is dropped.
    _peer: Peer,
    ports: Vec<u16>,
}

impl ModbusFleet {
    /// Starts one of pymodbus on each of the ports.
    #[track_caller]
    pub fn start(ports: &[u16]) -> Self {
        let more: Vec<String> = ports[1..].iter().flat_map(|port| ["--port".to_owned(), port.to_string()]).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        Self { _peer: Peer::start_device("modbus_fleet.py", ports[0], &more), ports: ports.to_vec() }
    }

    /// Switches all of them off, as a power cut does. Returns where they were.
    pub fn switch_off(self) -> Vec<u16> {
        self.ports
    }
}

/// Two serial lines of which each says what the other hears, as a cable between them does.
pub struct SerialCable {
    // Ends socat when it is dropped.
    _socat: Program,
    folder: TempDir,
}

impl SerialCable {
    /// Starts it, and waits until both ends are there.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let end = |name: &str| format!("pty,raw,echo=0,link={}", folder.path().join(name).display());
        let mut command = Command::new("socat");
        let socat = Program::start("socat", command.arg(end("near")).arg(end("far")));
        let cable = Self { _socat: socat, folder };
        wait_for("socat to lay the cable", || {
            cable.ends().iter().all(|end| std::fs::metadata(end).is_ok()).then_some(())
        });
        cable
    }

    /// The paths of both ends.
    pub fn ends(&self) -> [String; 2] {
        ["near", "far"].map(|name| self.folder.path().join(name).display().to_string())
    }
}

/// An OPC UA server. Its nodes are `nsu=urn:linetwin:e2e;s=NAME`.
pub struct OpcuaServer {
    peer: Peer,
    port: u16,
}

impl OpcuaServer {
    /// Starts it on a port, without security and without nodes.
    #[track_caller]
    pub fn start(port: u16) -> Self {
        Self { peer: Peer::start_device("opcua_server.py", port, &[]), port }
    }

    /// Starts it on a free port as one that lives by a clock.
    #[track_caller]
    pub fn start_by(clock: &FastClock) -> Self {
        let (peer, port) = Peer::start_device_by(clock, "opcua_server.py");
        Self { peer, port }
    }

    /// Starts it on a port with one endpoint, such as `Basic256Sha256_SignAndEncrypt`. It lets in anonymous users, `twin`
    /// with the password `secret`, and who has `twin.der` and `twin.pem`, which it puts into the folder of its certificates.
    #[track_caller]
    pub fn start_secured(port: u16, security: &str, certificates: &Path, valid_days: f64) -> Self {
        let (folder, days) = (certificates.display().to_string(), valid_days.to_string());
        let more = ["--security", security, "--certificates", &folder, "--valid-days", &days];
        Self { peer: Peer::start_device("opcua_server.py", port, &more), port }
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Adds a node of an OPC UA built-in type, such as `Double`.
    #[track_caller]
    pub fn add(&mut self, name: &str, data_type: &str, value: impl Into<Value>) {
        self.peer.ask(&json!({ "do": "add", "name": name, "type": data_type, "value": value.into() }));
    }

    /// Gives a node a value that is true now.
    #[track_caller]
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.peer.ask(&json!({ "do": "set", "name": name, "value": value.into() }));
    }

    /// Adds a node that holds a structure of numbers.
    #[track_caller]
    pub fn add_structure(&mut self, name: &str, fields: &[(&str, f64)]) {
        let fields: serde_json::Map<String, Value> =
            fields.iter().map(|&(field, value)| (field.to_owned(), value.into())).collect();
        self.peer.ask(&json!({ "do": "add_structure", "name": name, "fields": fields }));
    }

    /// Tells of an alarm condition of a source, that it is active with a severity from 1 to 1000, or no longer. It goes to all
    /// that ask what stands as long as it is active or was not acknowledged at the machine.
    #[track_caller]
    pub fn alarm(&mut self, source: &str, condition: &str, active: bool, message: &str, severity: u16) {
        self.peer.ask(&json!({
            "do": "alarm", "source": source, "condition": condition, "active": active, "message": message,
            "severity": severity, "acked": !active,
        }));
    }

    /// Tells of an event that is no condition.
    #[track_caller]
    pub fn event(&mut self, source: &str, message: &str, severity: u16) {
        self.peer.ask(&json!({ "do": "event", "source": source, "message": message, "severity": severity }));
    }

    /// Adds so many nodes of integers, `item-0` and so on, which count from 0.
    #[track_caller]
    pub fn crowd(&mut self, count: u32) {
        self.peer.ask(&json!({ "do": "crowd", "count": count }));
    }

    /// From now on the nodes of the crowd count on, one after the other, about so many a second.
    #[track_caller]
    pub fn churn(&mut self, changes_per_s: u32) {
        self.peer.ask(&json!({ "do": "churn", "changes_per_s": changes_per_s }));
    }

    /// Ends that as soon as all have the same count.
    #[track_caller]
    pub fn settle(&mut self) {
        self.peer.ask(&json!({ "do": "settle" }));
    }

    /// From now on the times of its values are that many seconds off.
    #[track_caller]
    pub fn step_clock(&mut self, seconds: f64) {
        self.peer.ask(&json!({ "do": "step_clock", "seconds": seconds }));
    }

    /// Gives the server a state, 0 for running and 3 for suspended, and a service level.
    #[track_caller]
    pub fn health(&mut self, state: i32, level: u8) {
        self.peer.ask(&json!({ "do": "health", "state": state, "level": level }));
    }

    /// Waits until it has that many sessions.
    #[track_caller]
    pub fn expect_sessions(&mut self, count: u32) {
        self.peer.ask(&json!({ "do": "sessions", "count": count }));
    }

    /// Checks how many sessions it had at most at once so far.
    #[track_caller]
    pub fn expect_most_sessions(&mut self, count: u32) {
        self.peer.ask(&json!({ "do": "most_sessions", "count": count }));
    }

    /// Loses that many notifications on their way, while `change` makes them. If it forgets them, they cannot be asked for again.
    #[track_caller]
    pub fn lose(&mut self, count: u32, forget: bool, change: impl FnOnce(&mut Self)) {
        self.peer.ask(&json!({ "do": "lose", "count": count, "forget": forget }));
        change(self);
        self.peer.ask(&json!({ "do": "lost" }));
    }

    /// Gives a node a status code by name, such as `BadSensorFailure`.
    #[track_caller]
    pub fn fail(&mut self, name: &str, value: impl Into<Value>, status: &str) {
        self.peer.ask(&json!({ "do": "set", "name": name, "value": value.into(), "status": status }));
    }
}

/// A Sparkplug B edge node of pysparkplug, `plant/press` with the device `heater`, as `sparkplug_node.py` describes it. It dies
/// without a farewell when it is dropped.
pub struct SparkplugNode(Peer);

impl SparkplugNode {
    /// Starts it at the broker on that port, and waits until it has been born.
    #[track_caller]
    pub fn start(port: u16) -> Self {
        Self(Peer::start_device("sparkplug_node.py", port, &[]))
    }

    /// Changes a metric of the `node` or the `device`.
    #[track_caller]
    pub fn update(&mut self, of: &str, metric: &str, value: impl Into<Value>) {
        self.0.ask(&json!({ "do": of, "name": metric, "value": value.into() }));
    }

    /// Has it `die`, which ends the device, `skip` a message as if it had got lost, or `leave`.
    #[track_caller]
    pub fn ask(&mut self, request: &str) {
        self.0.ask(&json!({ "do": request }));
    }
}

/// A Sparkplug B host application of pysparkplug, which reads what nodes tell.
pub struct SparkplugHost(Program);

impl SparkplugHost {
    /// Starts it at the broker on that port, and waits until it hears.
    #[track_caller]
    pub fn start(port: u16) -> Self {
        let host = Self(Program::start("sparkplug_host.py", &mut device("sparkplug_host.py", port)));
        wait_for("the host application to be ready", || {
            assert!(!host.0.has_ended(), "it has ended; if a module is missing, run `cargo xtask peers`");
            host.0.output().first().cloned()
        });
        host
    }

    /// What it has read so far, in order.
    ///
    /// # Panics
    /// If there is something that it could not read.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        let lines = self.0.output();
        let messages = lines.iter().skip(1).map(|line| serde_json::from_str(line));
        let messages: Vec<Value> = messages.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"));
        let unreadable = messages.iter().find_map(|message| message.get("unreadable"));
        assert_eq!(unreadable, None);
        messages
    }

    /// Asks a node, such as `group/node`, for a birth.
    pub fn ask_for_birth(&mut self, node: &str) {
        self.0.send(&json!({ "rebirth": node }).to_string());
    }

    /// Tells whether a host of that name is online, since a time of its own clock.
    pub fn tell_state(&mut self, host: &str, online: bool, timestamp_ms: u64) {
        self.0.send(&json!({ "host": host, "online": online, "timestamp": timestamp_ms }).to_string());
    }
}

/// A tightening controller that speaks Open Protocol: a simulator of ours, as there is none to install.
pub struct TighteningController {
    peer: Peer,
    port: u16,
}

impl TighteningController {
    /// Starts one that has results in these revisions.
    #[track_caller]
    pub fn start(revisions: &[u16]) -> Self {
        let port = free_port();
        let revisions: Vec<String> = revisions.iter().map(u16::to_string).collect();
        let more: Vec<&str> = ["--revisions"].into_iter().chain(revisions.iter().map(String::as_str)).collect();
        Self { peer: Peer::start_device("open_protocol_controller.py", port, &more), port }
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Tightens a screw on a part, with that torque, N·m, at a second after ten o'clock by its clock.
    #[track_caller]
    pub fn tighten(&mut self, vin: &str, torque: f64, second: u32) {
        let time = format!("2026-11-24:10:{:02}:{:02}", second / 60, second % 60);
        self.peer.ask(&json!({ "do": "tighten", "vin": vin, "torque": torque, "angle": 42, "ok": true, "time": time }));
    }

    /// Forgets its results before that id.
    #[track_caller]
    pub fn forget(&mut self, before: u64) {
        self.peer.ask(&json!({ "do": "forget", "before": before }));
    }

    /// Waits until it has been asked for a MID so often.
    #[track_caller]
    pub fn expect(&mut self, mid: u16, count: usize) {
        self.peer.ask(&json!({ "do": "expect", "mid": mid, "count": count }));
    }

    /// Panics if it was ever asked for any other MID.
    #[track_caller]
    pub fn expect_only(&mut self, mids: &[u16]) {
        self.peer.ask(&json!({ "do": "expect_only", "mids": mids }));
    }

    /// Ends the connection.
    #[track_caller]
    pub fn hang_up(&mut self) {
        self.peer.ask(&json!({ "do": "hang_up" }));
    }

    /// Ends the connection when that result is asked for, the first time.
    #[track_caller]
    pub fn break_at(&mut self, result: u64) {
        self.peer.ask(&json!({ "do": "break_at", "number": result }));
    }

    /// Sends what is no message.
    #[track_caller]
    pub fn garble(&mut self) {
        self.peer.ask(&json!({ "do": "garble" }));
    }
}
