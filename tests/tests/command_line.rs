//! What a person meets at the command line: refusals that say what to do, checking, browsing and the demo.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use e2e::broker::Mosquitto;
use e2e::daemon::{linetwin, run_linetwin};
use e2e::net::free_port;
use e2e::peers::{ModbusDevice, OpcuaServer};
use e2e::program::{Ended, Program};
use e2e::site::{self, Site, modbus_link, mqtt_link, opcua_link};
use e2e::wait::wait_for;
use e2e::workspace_root;
use rustix::process::Signal;

const WELD_TAG: &str = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n";

fn site() -> Site {
    let plant = modbus_link("plc", free_port()) + &site::station("weld-20", "spot-weld", &[]);
    Site::new(&plant, WELD_TAG)
}

#[track_caller]
fn check_refused(command: &mut Command, code: i32, expected: &[&str]) {
    let Ended { code: ended, errors, .. } = Program::start("linetwin", command).wait();
    assert_eq!(ended, Some(code), "{errors}");
    for text in expected {
        assert!(errors.contains(text), "expected {text:?} in: {errors}");
    }
}

fn check(site: &Site) -> Ended {
    run_linetwin(["check".as_ref(), "--config".as_ref(), site.config().as_os_str()])
}

#[test]
fn a_port_in_use_is_refused_with_the_key_to_set() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let set = format!("http.port={port}");
    check_refused(&mut site().command(&[&set]), 1, &[&format!("127.0.0.1:{port}"), "http.port"]);
}

#[test]
fn a_recording_that_cannot_be_written_is_refused_with_the_key_to_set() {
    let site = site();
    let folder = site.config().join("plant.toml/recording");
    let set = format!("recording.folder={}", folder.display());
    check_refused(&mut site.command(&[&set]), 1, &[&folder.display().to_string(), "recording.folder"]);
}

#[test]
fn a_second_daemon_on_the_same_recording_is_refused() {
    let site = site();
    let first = site.start();
    let folder = site.recording().display().to_string();
    check_refused(&mut site.command(&[]), 1, &[&folder, "another process is recording"]);
    first.stop();
}

#[test]
fn a_machine_without_room_for_the_stacks_of_opc_ua_is_told_what_to_raise() {
    // Less than one of them, and more than the program itself.
    let limited = r#"ulimit -v 260000; exec "$0" "$@""#;
    let url = format!("opc.tcp://127.0.0.1:{}/", free_port());
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(linetwin().get_program()).args(["browse", &url, "--link", "a", "--station", "b"]);
    check_refused(&mut command, 1, &["no threads with a stack of 256 MiB", "ulimit -v"]);
}

#[test]
fn every_problem_of_a_configuration_is_told_at_once() {
    let site = site();
    let plant = fs::read_to_string(site.config().join("plant.toml")).unwrap();
    site.write(
        "plant.toml",
        &plant.replace("kind = \"spot-weld\"", "kind = \"spot-wled\"").replace("shift_h", "shift"),
    );
    site.write("tags/more.csv", &format!("{}\nweld-20/x,weld.curent,plc,coil:1,u15,,,,,,,\n", site::TAGS_HEADER));
    let Ended { code, errors, .. } = check(&site);
    assert_eq!(code, Some(2), "{errors}");
    for expected in ["spot-weld", "shift_h", "weld.current", "u16"] {
        assert!(errors.lines().any(|line| line.contains(expected) && line.contains(':')), "{expected} in: {errors}");
    }
}

#[test]
fn every_address_that_a_protocol_cannot_read_is_told_at_once() {
    let site = site();
    site.write(
        "tags/more.csv",
        &format!("{}\nweld-20/x,,plc,coil,u16,,,,,,,\nweld-20/y,,plc,holding:7.16,bool,,,,,,,\n", site::TAGS_HEADER),
    );
    let Ended { code, errors, .. } = check(&site);
    assert_eq!(code, Some(2), "{errors}");
    for expected in ["tags/more.csv:2", "tags/more.csv:3"] {
        assert!(errors.contains(expected), "{expected} in: {errors}");
    }
}

#[test]
fn the_example_configuration_has_no_problems() {
    let folder = workspace_root().join("config");
    let Ended { code, errors, output } = run_linetwin(["check".as_ref(), "--config".as_ref(), folder.as_os_str()]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(output.contains("no problems"), "{output}");
}

/// Browses a peer and checks a configuration that has what was found.
#[track_caller]
fn check_browsed(url: &str, link: String, expected: &[&str]) {
    let browsed =
        run_linetwin(["browse", url, "--insecure", "--link", "plc", "--station", "weld-20", "--seconds", "2"]);
    assert_eq!(browsed.code, Some(0), "{}", browsed.errors);
    for address in expected {
        assert!(browsed.output.contains(address), "expected {address} in: {}", browsed.output);
    }
    let address = if link.contains("\"modbus\"") { "coil:0" } else { "i=1" };
    let own = WELD_TAG.replace("coil:0", address);
    let site = Site::new(&(link + &site::station("weld-20", "spot-weld", &[])), &own);
    site.write("tags/browsed.csv", &browsed.output);
    let checked = check(&site);
    assert_eq!(checked.code, Some(0), "{}\n{}", checked.errors, browsed.output);
    let signals = browsed.output.lines().count();
    assert!(checked.output.contains(&format!(" {signals} signals")), "{signals} in: {}", checked.output);
}

#[test]
fn what_a_modbus_device_offers_can_be_configured() {
    let mut device = ModbusDevice::start();
    device.registers(5, &[1234]);
    let port = device.port();
    check_browsed(
        &format!("modbus://127.0.0.1:{port}"),
        modbus_link("plc", port),
        &["holding:5", "1234", "holding:63"],
    );
}

#[test]
fn what_an_opc_ua_server_offers_can_be_configured() {
    let mut server = OpcuaServer::start(free_port());
    server.add("Tighten60.Torque", "Double", 50.5);
    server.add("Tighten60.Active", "Boolean", true);
    server.add("Tighten60.Serial", "String", "P-000317");
    let port = server.port();
    let expected = ["nsu=urn:linetwin:e2e;s=Tighten60.Torque", "f64", "bool", "text"];
    check_browsed(&format!("opc.tcp://127.0.0.1:{port}"), opcua_link("plc", port), &expected);
}

#[test]
fn what_a_broker_carries_can_be_configured() {
    let broker = Mosquitto::start();
    let port = broker.port();
    let site_link = mqtt_link("plc", port);
    let publisher = broker.keep_publishing("ev1/cooling-1", r#"{"ts":1795413600000,"flow":12.5,"pump":{"on":true}}"#);
    let expected = ["ev1/cooling-1#/flow", "ev1/cooling-1#/pump/on"];
    check_browsed(&format!("mqtt://127.0.0.1:{port}/ev1/#"), site_link, &expected);
    drop(publisher);
}

#[test]
fn nobody_at_an_address_that_is_browsed_is_an_error_that_names_it() {
    let port = free_port();
    for url in [
        format!("modbus://127.0.0.1:{port}"),
        format!("opc.tcp://127.0.0.1:{port}"),
        format!("mqtt://127.0.0.1:{port}/#"),
    ] {
        check_refused(linetwin().args(["browse", &url]), 1, &[&format!("127.0.0.1:{port}")]);
    }
    check_refused(linetwin().args(["browse", "ftp://x"]), 1, &["expected opc.tcp://"]);
}

#[test]
fn the_demo_stops_when_told_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let arguments = "demo --speed 10 --for 3m --http-port 0 --mqtt-port 0 --fault none";
    let mut demo = Program::start("linetwin", linetwin().args(arguments.split(' ')).env("TMPDIR", scratch.path()));
    let page = wait_for("the demo's page", || {
        assert!(!demo.has_ended(), "the demo has ended");
        let line = demo.output().into_iter().find(|line| line.contains(" page "))?;
        Some(line.split_whitespace().last()?.to_owned())
    });
    wait_for("the demo's links to be up", || {
        let state = ureq::get(format!("{page}api/v1/state"))
            .call()
            .unwrap()
            .body_mut()
            .read_json::<serde_json::Value>()
            .unwrap();
        state["links"].as_array()?.iter().all(|link| link["state"] == "up").then_some(())
    });
    demo.signal(Signal::INT);
    let Ended { code, errors, .. } = demo.wait();
    assert_eq!(code, Some(0), "{errors}");
    let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_shift_is_simulated_as_configured_and_as_it_could_be() {
    let config = workspace_root().join("config");
    let simulate = |arguments: &[&str]| {
        let all = ["simulate", "--config"].iter().map(std::ffi::OsStr::new).chain([config.as_os_str()]);
        run_linetwin(all.chain(arguments.iter().map(std::ffi::OsStr::new)))
    };
    let Ended { code, output, errors } = simulate(&["--replications", "50", "--what-if", "weld-30.cycle_s=44"]);
    assert_eq!(code, Some(0), "{errors}");
    // As designed it is as fast as the one before it.
    assert!(output.contains("difference    -"), "{output}");
    assert!(output.contains("what if weld-30.cycle_s=44") && output.contains("bottleneck what if"), "{output}");
    let Ended { code, errors, .. } = simulate(&["--what-if", "weld-99.cycle_s=44"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("weld-99") && errors.contains("robot-10, weld-20"), "{errors}");
    let Ended { code, output, errors } =
        simulate(&["--launch", "--days", "3", "--replications", "2", "--format", "csv"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(output.lines().count(), 4, "{output}");
}
