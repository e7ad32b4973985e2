//! The line as an edge node of Sparkplug B at a real Mosquitto, read by a host application that is not ours.
//!
//! What is checked are the rules of the specification 3.0.0 for an edge node, chapters 5 and 6.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use contract::LinkStateName::Up;
use e2e::broker::Mosquitto;
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::peers::SparkplugHost;
use e2e::site::{self, Site, mqtt_link};
use e2e::wait::wait_for;
use serde_json::{Value, json};

const NODE: &str = "plants/e2e";

fn site(devices: &Mosquitto) -> Site {
    let rows = "weld-20/active,cycle.active,cell,cell/weld-20#/active,bool,,,,,,,\n\
                weld-20/part,part.id,cell,cell/weld-20#/part,text,,,,,,,\n\
                weld-30/active,cycle.active,other,cell/weld-30#/active,bool,,,,,,,\n";
    let links = mqtt_link("cell", devices.port()) + &mqtt_link("other", devices.port());
    let stations = site::station("weld-20", "spot-weld", &[]) + &site::station("weld-30", "spot-weld", &["weld-20"]);
    Site::new(&(links + &stations), rows)
}

fn start(site: &Site, broker: &Mosquitto, more: &[&str]) -> Daemon {
    let port = format!("mqtt.port={}", broker.port());
    let common = ["mqtt.enabled=true", "mqtt.sparkplug.group=plants", "mqtt.sparkplug.interval_s=0.2", &port];
    Daemon::start(&mut site.command(&[&common, more].concat()))
}

fn cycle(devices: &Mosquitto, station: &str, active: bool) {
    let now = now_ms();
    devices.publish(&format!("cell/{station}"), &json!({ "ts": now, "active": active, "part": "P-1" }).to_string());
}

fn now_ms() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

fn is(message: &Value, kind: &str, name: &str) -> bool {
    message["kind"] == kind && message["name"] == name
}

/// The first message of that kind from a place on.
fn wait_for_message(host: &SparkplugHost, from: usize, kind: &str, name: &str) -> (usize, Value) {
    wait_for(&format!("{kind} of {name}"), || {
        let messages = host.messages();
        let place = messages.iter().skip(from).position(|message| is(message, kind, name))?;
        Some((from + place, messages[from + place].clone()))
    })
}

fn metric<'a>(message: &'a Value, name: &str) -> &'a Value {
    let metrics = message["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == name).unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// The rules that hold for all messages of a life, from a birth to its death.
fn check_life(messages: &[Value]) {
    assert_eq!(messages[0]["kind"], "NBIRTH", "a node is born before it tells anything");
    let mut next = 0;
    let mut born = BTreeSet::new();
    for message in messages {
        let (kind, name) = (message["kind"].as_str().unwrap(), message["name"].as_str().unwrap());
        assert_eq!(message["retain"], false, "{message}");
        if kind == "NDEATH" {
            // The host hears it with the least of what it was sent and what it has subscribed with.
            assert_eq!((&message["seq"], &message["qos"]), (&Value::Null, &json!(1)), "{message}");
            continue;
        }
        if kind == "NBIRTH" {
            (next, born) = (0, BTreeSet::new());
        }
        assert_eq!(message["seq"], json!(next), "{message}");
        assert_eq!(message["qos"], 0, "{message}");
        assert!(message["timestamp"].as_u64().unwrap() > 1_600_000_000_000, "{message}");
        next = (next + 1) % 256;
        let is_new = match kind {
            "DBIRTH" => {
                born.insert(name);
                continue;
            }
            "DDEATH" => born.remove(name),
            "DDATA" => born.contains(name),
            _ => true,
        };
        assert!(is_new, "a device tells between its birth and its death: {message}");
        for metric in message["metrics"].as_array().unwrap() {
            assert!(metric["timestamp"].as_u64().is_some(), "{metric}");
            let is_alone = ["bdSeq", "Node Control/Rebirth"].contains(&metric["name"].as_str().unwrap());
            assert_eq!(metric["alias"].is_null(), is_alone, "{metric}");
        }
    }
}

#[test]
fn a_node_is_born_tells_what_changes_is_born_again_on_request_and_dies() {
    let devices = Mosquitto::start_on(free_port());
    let broker = Mosquitto::start();
    let site = site(&devices);
    let mut host = SparkplugHost::start(broker.port());
    let daemon = start(&site, &broker, &[]);
    daemon.wait_for_link("cell", Up, "");
    let (born_at, birth) = wait_for_message(&host, 0, "NBIRTH", "e2e");
    assert_eq!(born_at, 0);
    assert_eq!(metric(&birth, "bdSeq")["value"], 0);
    assert_eq!(metric(&birth, "Node Control/Rebirth")["value"], false);
    assert_eq!(metric(&birth, "Line/Name")["value"], "e2e");

    cycle(&devices, "weld-20", true);
    let (_, device) = wait_for_message(&host, 0, "DBIRTH", "e2e/weld-20");
    assert_eq!(metric(&device, "State")["type"], "STRING");
    cycle(&devices, "weld-20", false);
    let is_done = |message: &Value| {
        is(message, "DDATA", "e2e/weld-20")
            && message["metrics"]
                .as_array()
                .unwrap()
                .iter()
                .any(|metric| metric["name"] == "State" && metric["value"] == "blocked")
    };
    wait_for("the end of the cycle to be told", || host.messages().iter().any(is_done).then_some(()));

    let before = host.messages().len();
    host.ask_for_birth(NODE);
    let (_, again) = wait_for_message(&host, before, "NBIRTH", "e2e");
    assert_eq!(metric(&again, "bdSeq")["value"], 0, "the same connection");
    wait_for_message(&host, before, "DBIRTH", "e2e/weld-20");

    daemon.stop();
    let (_, death) = wait_for_message(&host, before, "NDEATH", "e2e");
    assert_eq!(metric(&death, "bdSeq")["value"], 0);
    check_life(&host.messages());
}

#[test]
fn a_killed_node_dies_by_its_will_and_comes_back_with_the_next_number() {
    let devices = Mosquitto::start_on(free_port());
    let broker = Mosquitto::start();
    let site = site(&devices);
    let host = SparkplugHost::start(broker.port());
    let mut from = 0;
    for life in 0..3 {
        let daemon = start(&site, &broker, if life == 2 { &["mqtt.version=3"] } else { &[] });
        let (born_at, birth) = wait_for_message(&host, from, "NBIRTH", "e2e");
        assert_eq!((born_at, &metric(&birth, "bdSeq")["value"]), (from, &json!(life)));
        daemon.kill();
        let (died_at, death) = wait_for_message(&host, from, "NDEATH", "e2e");
        assert_eq!(metric(&death, "bdSeq")["value"], life, "the death of that birth");
        let messages = host.messages();
        check_life(&messages[born_at..=died_at]);
        from = died_at + 1;
    }
}

#[test]
fn a_station_dies_with_its_link() {
    let mut devices = Mosquitto::start_on(free_port());
    let broker = Mosquitto::start();
    let site = site(&devices);
    let host = SparkplugHost::start(broker.port());
    let daemon = start(&site, &broker, &[]);
    daemon.wait_for_link("cell", Up, "");
    cycle(&devices, "weld-20", true);
    wait_for_message(&host, 0, "DBIRTH", "e2e/weld-20");
    let mut died_at = 0;
    devices.kill_and_restart(|| died_at = wait_for_message(&host, 0, "DDEATH", "e2e/weld-20").0);
    daemon.wait_for_link("cell", Up, "");
    cycle(&devices, "weld-20", true);
    wait_for_message(&host, died_at, "DBIRTH", "e2e/weld-20");
    daemon.stop();
    check_life(&host.messages());
}

#[test]
fn with_a_primary_host_a_node_lives_while_that_one_is_online() {
    let devices = Mosquitto::start_on(free_port());
    let broker = Mosquitto::start();
    let site = site(&devices);
    let mut host = SparkplugHost::start(broker.port());
    host.tell_state("scada", false, 1000);
    let daemon = start(&site, &broker, &["mqtt.sparkplug.primary_host=scada"]);
    wait_for("the edge node to be connected", || {
        daemon.log().iter().any(|line| line.contains("edge node connected")).then_some(())
    });
    host.tell_state("scada", true, 2000);
    let (_, birth) = wait_for_message(&host, 0, "NBIRTH", "e2e");
    // The will of a connection that the host itself has replaced says nothing.
    host.tell_state("scada", false, 1500);
    host.ask_for_birth(NODE);
    let (again_at, _) = wait_for_message(&host, 1, "NBIRTH", "e2e");
    host.tell_state("scada", false, 3000);
    let (died_at, death) = wait_for_message(&host, 0, "NDEATH", "e2e");
    assert!(again_at < died_at);
    assert_eq!(metric(&death, "bdSeq")["value"], metric(&birth, "bdSeq")["value"]);
    host.tell_state("scada", true, 4000);
    let (_, next) = wait_for_message(&host, died_at, "NBIRTH", "e2e");
    assert_eq!(metric(&next, "bdSeq")["value"], json!(metric(&birth, "bdSeq")["value"].as_u64().unwrap() + 1));
    daemon.stop();
}
