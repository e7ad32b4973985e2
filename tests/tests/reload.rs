//! The configuration is changed while the daemon runs and telemetry comes: what is not touched goes on, and nothing is lost.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use contract::LinkStateName::{Down, Up};
use contract::{QualityName, ValueV1};
use e2e::broker::{Mosquitto, Publisher};
use e2e::daemon::{Daemon, run_linetwin, station};
use e2e::net::free_port;
use e2e::peers::ModbusDevice;
use e2e::site::{self, Site, modbus_link, mqtt_link};
use recording::Reader;
use telemetry::Value;

const ROWS: &str = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,
weld-20/level,other,plc,holding:0,u16,,,,,,,
weld-20/count,other,broker,cell/20#/count,i64,,,,,,,
weld-20/lost,other,gone,holding:0,u16,,,,,,,
";

/// A line of three links, one of which leads nowhere.
struct Line {
    device: ModbusDevice,
    broker: Mosquitto,
    gone: u16,
    site: Site,
}

impl Line {
    fn new() -> Self {
        let mut device = ModbusDevice::start();
        device.registers(0, &[7, 8]);
        let (broker, gone) = (Mosquitto::start(), free_port());
        let site = Site::new("", "");
        let line = Self { device, broker, gone, site };
        line.configure(&[], ROWS);
        line
    }

    /// Writes the configuration with more of `plant.toml` and with these tags.
    fn configure(&self, more: &[&str], rows: &str) {
        let links = modbus_link("gone", self.gone)
            + &modbus_link("plc", self.device.port())
            + &mqtt_link("broker", self.broker.port());
        self.site.configure(&(links + &site::station("weld-20", "spot-weld", &[]) + &more.concat()), rows);
    }

    fn start(&self) -> Daemon {
        let daemon = self.site.start();
        daemon.wait_for_link("plc", Up, "");
        daemon.wait_for_link("broker", Up, "");
        daemon.wait_for_link("gone", Down, "refused");
        daemon
    }
}

/// Publishes 1, 2, 3 … until it is told to stop.
struct Counting {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Counting {
    fn start(mut publisher: Publisher) -> Self {
        let (stop, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (is_over, count) = (stop.clone(), sent.clone());
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let ts = telemetry::Timestamp::from_millis(1_796_000_000_000 + number as i64);
                publisher.publish(&format!(r#"{{"ts":"{ts}","count":{number}}}"#));
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        Self { stop, sent, thread }
    }

    /// Returns how many were sent.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

/// The values of a signal in a recording, by its name, in their order; whatever its id was at the time.
fn recorded(recording: &Path, path: &str) -> Vec<i64> {
    let mut reader = Reader::open(recording).unwrap();
    let (mut values, mut names) = (Vec::new(), BTreeMap::new());
    while let Some(input) = reader.next() {
        let input = input.unwrap();
        names.clone_from(&reader.header().signals);
        for sample in input.event.samples().iter().filter(|sample| names[&sample.signal] == path) {
            if let Value::Integer(value) = sample.value
                && sample.quality.is_usable()
            {
                values.push(value);
            }
        }
    }
    assert_eq!(reader.damage_count(), 0);
    values
}

#[track_caller]
fn check_connects(daemon: &Daemon, link: &str, expected: f64) {
    let metrics = daemon.get("/metrics").1;
    let name = format!("linetwin_link_connects_total{{link=\"{link}\"}} ");
    let counted = metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    assert_eq!(counted, Some(expected), "{link}: {metrics}");
}

#[track_caller]
fn check_level(daemon: &Daemon, level: i64) {
    daemon.wait_for_signal("weld-20/level", &format!("good, {level}"), |signal| {
        signal.quality == Some(QualityName::Good) && signal.value == Some(ValueV1::Integer(level))
    });
}

#[test]
fn change_config_without_a_hole() {
    let line = Line::new();
    let daemon = line.start();
    check_level(&daemon, 7);
    let lost =
        daemon.wait_for("the lost link to be an alert", |line| line.alerts.first().map(|alert| alert.id.clone()));
    let counting = Counting::start(line.broker.publisher("cell/20"));

    // The same again, written otherwise.
    line.configure(&["# Nothing new.\n"], ROWS);
    assert!(daemon.reload().contains("as it was"));

    // Wrong in one place: nothing of it counts.
    line.configure(&[], &ROWS.replace("holding:0,u16", "holding:1,u17"));
    let refused = daemon.reload();
    assert!(refused.contains("tags/all.csv:3") && refused.contains("u17"), "{refused}");
    let health = daemon.get("/healthz").1;
    assert!(health.contains("is refused, the one before is in force: tags/all.csv:3"), "{health}");
    check_level(&daemon, 7);

    // Another address: that link is touched, what the twin remembers means the same.
    line.configure(&[], &ROWS.replace("plc,holding:0", "plc,holding:1"));
    let told = daemon.reload();
    assert!(told.contains("links ended: plc; links started: plc"), "{told}");
    check_level(&daemon, 8);
    assert!(!daemon.get("/healthz").1.contains("refused,"));

    // Another station, in front of all others, with a tag over another link: the ids of all others move.
    let more = site::station("a-10", "robot", &[]);
    let rows =
        format!("a-10/active,cycle.active,plc,coil:1,bool,,,,,,,\n{}", ROWS.replace("plc,holding:0", "plc,holding:1"));
    line.configure(&[&more], &rows);
    let told = daemon.reload();
    assert!(told.contains("links ended: plc; links started: plc"), "{told}");
    daemon.wait_for_signal("a-10/active", "good", |signal| signal.quality == Some(QualityName::Good));
    check_level(&daemon, 8);

    // A link gone, and with it its alert; the ids of links move.
    let site_without = modbus_link("plc", line.device.port()) + &mqtt_link("broker", line.broker.port());
    let rows: String = ROWS.lines().filter(|row| !row.contains("gone")).map(|row| format!("{row}\n")).collect();
    assert!(daemon.state().alerts.iter().any(|alert| alert.id == lost), "it is the same incident as before");
    line.site.configure(&(site_without + &site::station("weld-20", "spot-weld", &[])), &rows);
    let told = daemon.reload();
    assert!(told.contains("links ended: gone, plc; links started: plc"), "{told}");
    check_level(&daemon, 7);
    let state = daemon.state();
    assert!(state.alerts.is_empty() && station(&state, "a-10").is_none(), "{:?}", state.alerts);

    check_connects(&daemon, "broker", 1.0);
    let sent = counting.stop();
    daemon.wait_for_signal("weld-20/count", "the last", |signal| signal.value == Some(ValueV1::Integer(sent as i64)));
    daemon.stop();
    let expected: Vec<i64> = (1..=sent as i64).collect();
    assert_eq!(recorded(&line.site.recording(), "weld-20/count"), expected);
    let verified = run_linetwin([Path::new("verify"), &line.site.recording(), Path::new("--replay")]);
    assert_eq!(verified.code, Some(0), "{}", verified.output);
    assert!(verified.output.contains("has changed 3 times on the way, and was followed"), "{}", verified.output);
}

#[test]
fn what_the_daemon_itself_is_waits_for_a_restart() {
    let line = Line::new();
    let daemon = line.start();
    line.site.write("linetwin.toml", "node = \"e2e\"\n[http]\nport = 0\nidle_min = 5\n");
    assert!(daemon.reload().contains("as it was"));
    daemon.wait_for("health to say so", |_| {
        daemon
            .get("/healthz")
            .1
            .contains("what has changed in linetwin.toml waits for a restart of the daemon: http")
            .then_some(())
    });
    line.site.write("linetwin.toml", "node = \"other\"\n[http]\nport = 0\n");
    let refused = daemon.reload();
    assert!(refused.contains("part of every topic; restart the daemon"), "{refused}");
    daemon.stop();
}
