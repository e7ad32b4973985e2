//! Several OPC UA servers that serve the same, and a server that is there and does not run, as asyncua has them.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use contract::LinkStateName::{Down, Up};
use contract::{QualityName, SignalV1, ValueV1};
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::peers::OpcuaServer;
use e2e::site::{self, Site};

/// How long a server must have been better than a healthy one.
const RETURN_AFTER: Duration = Duration::from_secs(6);

const TAGS: &str = "\
weld-20/active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,
weld-20/torque,other,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,
";

fn site(ports: &[u16]) -> Site {
    let urls: Vec<String> = ports.iter().map(|port| format!("opc.tcp://127.0.0.1:{port}")).collect();
    let plant = format!(
        "[[link]]\nprotocol = \"opcua\"\nname = \"pack\"\nurl = {urls:?}\nreturn_after_s = {}\n\
         security = \"none\"\npublishing_interval_s = 0.05\nsampling_interval_s = 0.0\n{}",
        RETURN_AFTER.as_secs_f64(),
        site::station("weld-20", "spot-weld", &[])
    );
    Site::new(&plant, TAGS)
}

fn server(torque: f64) -> OpcuaServer {
    let mut server = OpcuaServer::start(free_port());
    server.add("Active", "Boolean", false);
    server.add("Torque", "Double", torque);
    server
}

#[track_caller]
fn check_torque(daemon: &Daemon, torque: f64) {
    let is =
        |signal: &SignalV1| signal.quality == Some(QualityName::Good) && signal.value == Some(ValueV1::Number(torque));
    daemon.wait_for_signal("weld-20/torque", &format!("good, {torque}"), is);
}

#[test]
fn the_healthiest_of_several_servers_is_used_and_not_back_and_forth() {
    let (mut first, mut second) = (server(1.0), server(2.0));
    let site = site(&[first.port(), second.port()]);
    let daemon = site.start();
    check_torque(&daemon, 1.0);
    first.health(0, 100);
    check_torque(&daemon, 2.0);
    let told = |what: &str| daemon.log().iter().any(|line| line.contains(what));
    assert!(told("has service level 100") && told("has 255; going over to"), "{:?}", daemon.log());
    first.expect_sessions(0);
    // The first is as good again, but has to show that it stays so.
    let begun = Instant::now();
    // Newer than what the second has: an older value would be taken for late.
    first.set("Torque", 1.0);
    first.health(0, 255);
    check_torque(&daemon, 1.0);
    assert!(begun.elapsed() >= RETURN_AFTER, "back after {:?}", begun.elapsed());
    // One that is gone is left at once.
    second.set("Torque", 2.0);
    drop(first);
    check_torque(&daemon, 2.0);
    assert!(told("going over to another server"), "{:?}", daemon.log());
    daemon.stop();
    second.expect_sessions(0);
    second.expect_most_sessions(1);
}

#[test]
fn a_server_that_does_not_run_is_told_as_such() {
    let mut server = server(1.0);
    let site = site(&[server.port()]);
    let daemon = site.start();
    check_torque(&daemon, 1.0);
    server.health(3, 255);
    daemon.wait_for_link("pack", Down, "the server's state is Suspended, not Running");
    server.health(0, 255);
    daemon.wait_for_link("pack", Up, "");
    check_torque(&daemon, 1.0);
}
