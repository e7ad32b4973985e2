//! Bad data and broken links: each is told with its reason, costs nothing but itself, and ends when its cause does.

#![allow(clippy::unwrap_used)]

use contract::LinkStateName::{Down, Up};
use contract::{QualityName, SignalV1, ValueV1};
use e2e::broker::Mosquitto;
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::peers::{ModbusDevice, OpcuaServer};
use e2e::site::{self, BASE_TOPIC, Site, modbus_link, mqtt_link, opcua_link};
use serde_json::json;

/// One station at one device.
fn site(link: String, rows: &[&str]) -> Site {
    let plant = link + &site::station("weld-20", "spot-weld", &[]);
    Site::new(&plant, &rows.iter().map(|row| format!("weld-20/{row}\n")).collect::<String>())
}

#[track_caller]
fn check_good(daemon: &Daemon, name: &str, value: ValueV1) {
    let is = |signal: &SignalV1| signal.quality == Some(QualityName::Good) && signal.value == Some(value.clone());
    daemon.wait_for_signal(&format!("weld-20/{name}"), &format!("good, {value:?}"), is);
}

#[track_caller]
fn check_bad(daemon: &Daemon, name: &str, reason: &str) {
    let is = |signal: &SignalV1| signal.quality == Some(QualityName::Bad) && signal.reason.as_deref() == Some(reason);
    daemon.wait_for_signal(&format!("weld-20/{name}"), &format!("bad, {reason}"), is);
}

fn modbus_station(device: &ModbusDevice, row: &str) -> Site {
    let rows = ["active,cycle.active,plc,coil:0,bool,,,,,,,", "count,other,plc,holding:0,u16,,,,,,,", row];
    site(modbus_link("plc", device.port()), &rows)
}

#[track_caller]
fn check_modbus(row: &str, reason: &str) {
    let mut device = ModbusDevice::start();
    device.registers(0, &[7]);
    device.float(2, f32::NAN);
    device.float(4, 25.0);
    let site = modbus_station(&device, &format!("{row},"));
    let daemon = site.start();
    check_bad(&daemon, "odd", reason);
    check_good(&daemon, "count", ValueV1::Integer(7));
    check_good(&daemon, "active", ValueV1::Boolean(false));
    assert!(daemon.state().counts.bad_samples > 0);
}

#[test]
fn a_register_that_is_no_number_is_out_of_range() {
    check_modbus("odd,other,plc,holding:2,f32,,kA,,,0,100", "out of range");
}

#[test]
fn a_register_in_the_wrong_byte_order_is_out_of_range() {
    check_modbus("odd,other,plc,holding:4,f32,badc,kA,,,1,100", "out of range");
}

#[test]
fn a_register_of_the_wrong_type_is_out_of_range() {
    check_modbus("odd,other,plc,holding:4,u32,,kA,,,0,100", "out of range");
}

#[test]
fn a_register_that_the_device_does_not_have_is_an_unknown_address() {
    check_modbus("odd,other,plc,holding:900,u16,,,,,,", "unknown address");
}

#[test]
fn a_plc_that_answers_late_is_a_link_that_is_down_until_it_answers_in_time() {
    let mut device = ModbusDevice::start();
    let site = modbus_station(&device, "level,other,plc,holding:1,u16,,,,,,,");
    let daemon = site.start();
    // A signal that never had a value could not lose it.
    check_good(&daemon, "level", ValueV1::Integer(0));
    device.answer_late(2.0);
    daemon.wait_for_link("plc", Down, &format!("127.0.0.1:{}", device.port()));
    daemon.wait_for_link("plc", Down, "no answer within 500ms");
    check_bad(&daemon, "level", "not connected");
    daemon.wait_for("the lost link to be an alert", |line| line.alerts.first().cloned());
    device.registers(1, &[42]);
    device.answer_late(0.0);
    daemon.wait_for_link("plc", Up, "");
    check_good(&daemon, "level", ValueV1::Integer(42));
}

#[test]
fn an_opc_ua_server_that_restarts_is_found_again_and_its_failed_nodes_are_bad() {
    let rows = [
        "active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,",
        "torque,other,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,",
        "serial,other,pack,nsu=urn:linetwin:e2e;s=Serial,f64,,,,,,,",
        "missing,other,pack,nsu=urn:linetwin:e2e;s=Missing,f64,,,,,,,",
    ];
    let port = free_port();
    let serve = |torque: f64| {
        let mut server = OpcuaServer::start(port);
        server.add("Active", "Boolean", false);
        server.add("Torque", "Double", torque);
        server.add("Serial", "String", "P-1");
        server
    };
    let mut server = serve(50.0);
    let site = site(opcua_link("pack", port), &rows);
    let daemon = site.start();
    check_good(&daemon, "torque", ValueV1::Number(50.0));
    check_bad(&daemon, "serial", "type mismatch");
    check_bad(&daemon, "missing", "unknown address");
    server.fail("Torque", 50.0, "BadSensorFailure");
    check_bad(&daemon, "torque", "device fault");
    server.set("Torque", 51.0);
    check_good(&daemon, "torque", ValueV1::Number(51.0));

    drop(server);
    daemon.wait_for_link("pack", Down, &format!("127.0.0.1:{port}"));
    check_bad(&daemon, "torque", "not connected");
    let mut server = serve(52.0);
    daemon.wait_for_link("pack", Up, "");
    check_good(&daemon, "torque", ValueV1::Number(52.0));
    server.set("Torque", 53.0);
    check_good(&daemon, "torque", ValueV1::Number(53.0));
}

#[test]
fn a_payload_that_is_no_json_or_of_the_wrong_type_is_bad_until_the_next_good_one() {
    let broker = Mosquitto::start();
    let rows = [
        "active,cycle.active,cell,cell/weld-20#/active,bool,,,,,,,",
        "flow,other,cell,cell/weld-20#/flow,f64,,l/min,,,,,",
        "level,other,cell,cell/level#/level,f64,,,,,,,",
    ];
    let site = site(mqtt_link("cell", broker.port()), &rows);
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    broker.publish("cell/level", r#"{"ts":"2026-11-24T08:00:00Z","level":3}"#);
    let good = |flow: f64| json!({ "ts": "2026-11-24T08:00:00Z", "active": true, "flow": flow }).to_string();
    broker.publish("cell/weld-20", &good(5.5));
    check_good(&daemon, "flow", ValueV1::Number(5.5));
    broker.publish("cell/weld-20", r#"{"ts":"2026-11-24T08:00:01Z","flow":"much"}"#);
    check_bad(&daemon, "flow", "type mismatch");
    check_good(&daemon, "active", ValueV1::Boolean(true));
    broker.publish("cell/weld-20", r#"{"flow": 5"#);
    check_bad(&daemon, "flow", "malformed payload");
    check_bad(&daemon, "active", "malformed payload");
    check_good(&daemon, "level", ValueV1::Number(3.0));
}

#[test]
fn a_broker_that_restarts_is_found_again_and_gets_the_open_alerts_anew() {
    let broker = Mosquitto::start();
    let port = broker.port();
    let plant = [
        mqtt_link("cell", port),
        modbus_link("gone", free_port()),
        site::station("weld-20", "spot-weld", &[]),
        site::station("robot-50", "robot", &["weld-20"]),
    ];
    let tags = "weld-20/active,cycle.active,cell,cell/weld-20#/active,bool,,,,,,,\n\
         robot-50/active,cycle.active,gone,coil:0,bool,,,,,,,\n";
    let site = Site::new(&plant.concat(), tags);
    let daemon = site.start_telling(port);
    let alerts = format!("{BASE_TOPIC}/alerts/+");
    let told = |broker: &Mosquitto| {
        broker.subscribe(&alerts).wait_for("the alert of the lost link", |message| {
            (message.json()["link"] == "gone").then(|| message.topic.clone())
        })
    };
    let topic = told(&broker);
    daemon.wait_for_link("cell", Up, "");
    broker.stop();
    daemon.wait_for_link("cell", Down, &format!("127.0.0.1:{port}"));

    let broker = Mosquitto::start_on(port);
    daemon.wait_for_link("cell", Up, "");
    broker.publish("cell/weld-20", r#"{"ts":"2026-11-24T08:00:00Z","active":true}"#);
    check_good(&daemon, "active", ValueV1::Boolean(true));
    assert_eq!(told(&broker), topic);
}
