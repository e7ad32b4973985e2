//! What users of other programs complain of at OPC UA, each as a test against asyncua.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use contract::LinkStateName::{Down, Up};
use contract::{QualityName, SignalV1, ValueV1};
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::peers::OpcuaServer;
use e2e::proxy::{Fault, Proxy};
use e2e::site::{self, Site, opcua_link};

/// From the peer's return to good values, with room for a slow machine: the pauses between attempts are below a second.
const BACK_MAX: Duration = Duration::from_secs(10);

/// How often the connection is broken.
const BROKEN: usize = 50;

const ACTIVE: &str = "active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,";

fn site(port: u16, rows: &[&str]) -> Site {
    let plant = opcua_link("pack", port) + "retry_interval_s = 1.0\n" + &site::station("weld-20", "spot-weld", &[]);
    let rows: String = [ACTIVE].iter().chain(rows).map(|row| format!("weld-20/{row}\n")).collect();
    Site::new(&plant, &rows)
}

fn server(port: u16, torque: f64) -> OpcuaServer {
    let mut server = OpcuaServer::start(port);
    server.add("Active", "Boolean", false);
    server.add("Torque", "Double", torque);
    server
}

const TORQUE: &str = "torque,other,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,";

#[track_caller]
fn check_good(daemon: &Daemon, name: &str, value: f64) {
    let is =
        |signal: &SignalV1| signal.quality == Some(QualityName::Good) && signal.value == Some(ValueV1::Number(value));
    daemon.wait_for_signal(&format!("weld-20/{name}"), &format!("good, {value}"), is);
}

#[track_caller]
fn check_bad(daemon: &Daemon, name: &str, reason: &str) {
    let is = |signal: &SignalV1| signal.quality == Some(QualityName::Bad) && signal.reason.as_deref() == Some(reason);
    daemon.wait_for_signal(&format!("weld-20/{name}"), &format!("bad, {reason}"), is);
}

#[test]
fn no_recovery_after_a_server_restart() {
    let port = free_port();
    let mut peer = server(port, 0.0);
    let site = site(port, &[TORQUE]);
    let daemon = site.start();
    for night in 1..=3 {
        check_good(&daemon, "torque", f64::from(night - 1));
        drop(peer);
        daemon.wait_for_link("pack", Down, "");
        check_bad(&daemon, "torque", "not connected");
        peer = server(port, f64::from(night));
        let begun = Instant::now();
        check_good(&daemon, "torque", f64::from(night));
        assert!(begun.elapsed() < BACK_MAX, "back after {:?}", begun.elapsed());
    }
    peer.expect_sessions(1);
}

#[test]
fn reconnect_storms_and_bad_session_closed() {
    let mut peer = server(free_port(), 0.0);
    let proxy = Proxy::start(peer.port(), 7);
    let site = site(proxy.port(), &[TORQUE]);
    let daemon = site.start();
    check_good(&daemon, "torque", 0.0);
    let faults = [Fault::Reset, Fault::Half, Fault::Gone, Fault::Duplicate].into_iter().cycle().take(BROKEN - 1);
    for (round, fault) in faults.chain([Fault::Garbage]).enumerate() {
        let value = round as f64 + 1.0;
        proxy.set(fault);
        // Something to send, so that the fault has something to hit.
        peer.set("Torque", -value);
        daemon.wait_for_link("pack", Down, "");
        peer.set("Torque", value);
        proxy.set(Fault::None);
        let begun = Instant::now();
        daemon.wait_for_link("pack", Up, "");
        check_good(&daemon, "torque", value);
        assert!(begun.elapsed() < BACK_MAX, "{fault:?}: back after {:?}", begun.elapsed());
        assert_eq!(proxy.most_at_once(), 1, "{fault:?}: one connection at a time");
    }
    peer.expect_sessions(1);
    peer.expect_most_sessions(1);
    let (_, metrics) = daemon.get("/metrics");
    let resumed = format!("linetwin_link_sessions_resumed_total{{link=\"pack\"}} {BROKEN}.0");
    assert!(metrics.contains(&resumed), "{metrics}");
    assert!(metrics.contains("linetwin_link_sessions_left_total{link=\"pack\"} 0"), "{metrics}");
    daemon.stop();
    peer.expect_sessions(0);
}

#[test]
fn wrong_idea_of_liveness() {
    let mut peer = server(free_port(), 0.0);
    let proxy = Proxy::start(peer.port(), 7);
    let site = site(proxy.port(), &[TORQUE]);
    let daemon = site.start();
    check_good(&daemon, "torque", 0.0);
    // Slow is not dead.
    proxy.set(Fault::Delay(Duration::from_millis(300)));
    for value in 1..=10 {
        peer.set("Torque", f64::from(value));
        check_good(&daemon, "torque", f64::from(value));
    }
    assert_eq!(proxy.connections(), 2, "discovery and the session, and no other since");
    // Silent is.
    proxy.set(Fault::Pause);
    daemon.wait_for_link("pack", Down, "has sent nothing for 6 s");
    proxy.set(Fault::None);
    peer.set("Torque", 11.0);
    check_good(&daemon, "torque", 11.0);
}

#[test]
fn one_bad_node_stops_everything() {
    let mut peer = server(free_port(), 5.0);
    let missing = "late,other,pack,nsu=urn:linetwin:e2e;s=Late,f64,,,,,,,";
    let site = site(peer.port(), &[TORQUE, missing]);
    let daemon = site.start();
    check_good(&daemon, "torque", 5.0);
    check_bad(&daemon, "late", "unknown address");
    let named = |line: &String| line.contains("weld-20/late") && line.contains("s=Late");
    assert!(daemon.log().iter().any(named), "{:?}", daemon.log());
    // It comes later, and is found without a new session.
    peer.add("Late", "Double", 6.0);
    check_good(&daemon, "late", 6.0);
    let (_, metrics) = daemon.get("/metrics");
    assert!(metrics.contains("linetwin_link_connects_total{link=\"pack\"} 1"), "{metrics}");
}

#[test]
fn silent_gaps_after_reconnect() {
    let mut peer = server(free_port(), 0.0);
    peer.add("Level", "Double", 0.0);
    let proxy = Proxy::start(peer.port(), 7);
    let site = site(proxy.port(), &[TORQUE, "level,other,pack,nsu=urn:linetwin:e2e;s=Level,f64,,%,,,,,"]);
    let daemon = site.start();
    check_good(&daemon, "torque", 0.0);
    let counted = |name: &str, count: u32| {
        let (_, metrics) = daemon.get("/metrics");
        assert!(metrics.contains(&format!("linetwin_link_{name}_total{{link=\"pack\"}} {count}.0")), "{metrics}");
    };
    // Lost on the way: the next one shows it, and it is asked for again.
    peer.lose(1, false, |peer| peer.set("Torque", 1.0));
    peer.set("Level", 1.0);
    check_good(&daemon, "torque", 1.0);
    counted("connects", 1);
    counted("lost_at_source", 0);
    // Lost for good: the loss is counted, the gap is marked by the link's going down, and all values are read again.
    peer.lose(1, true, |peer| peer.set("Torque", 2.0));
    peer.set("Level", 2.0);
    check_good(&daemon, "torque", 2.0);
    counted("connects", 2);
    counted("lost_at_source", 1);
    let told = |what: &str| daemon.log().iter().any(|line| line.contains(what));
    assert!(told("1 messages of a subscription are missing"), "{:?}", daemon.log());
    // Lost with the connection: marked in the same way.
    peer.lose(1, false, |peer| peer.set("Torque", 3.0));
    proxy.set(Fault::Gone);
    daemon.wait_for_link("pack", Down, "");
    proxy.set(Fault::None);
    check_good(&daemon, "torque", 3.0);
    counted("connects", 3);
    peer.expect_most_sessions(1);
}

#[test]
fn sampling_queue_and_deadband() {
    let mut peer = server(free_port(), 1.0);
    peer.add("Level", "Double", 1.0);
    let site = site(peer.port(), &[]);
    let header = format!("{},sampling_ms,queue,deadband", site::TAGS_HEADER);
    let rows = [
        format!("weld-20/{ACTIVE},,,"),
        "weld-20/torque,other,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,,10,3,0.5".into(),
        "weld-20/level,other,pack,nsu=urn:linetwin:e2e;s=Level,f64,,%,,,,,,,,".into(),
    ];
    site.write("tags/all.csv", &format!("{header}\n{}\n", rows.join("\n")));
    let daemon = site.start();
    check_good(&daemon, "torque", 1.0);
    // What comes after it is there, and so it would be too.
    peer.set("Torque", 1.2);
    peer.set("Level", 2.0);
    check_good(&daemon, "level", 2.0);
    check_good(&daemon, "torque", 1.0);
    peer.set("Torque", 2.0);
    check_good(&daemon, "torque", 2.0);
    let told = |what: &str| daemon.log().iter().filter(|line| line.contains(what)).count();
    assert_eq!(told("the server looks every 50 ms, not every 10 ms"), 1, "{:?}", daemon.log());
    // Once, not at each session.
    let port = peer.port();
    drop(peer);
    daemon.wait_for_link("pack", Down, "");
    let mut peer = server(port, 3.0);
    peer.add("Level", "Double", 3.0);
    check_good(&daemon, "torque", 3.0);
    assert_eq!(told("the server looks every 50 ms"), 1, "{:?}", daemon.log());
}

#[test]
fn structures_and_arrays() {
    let mut peer = server(free_port(), 0.0);
    peer.add("Curve", "Double", serde_json::json!([1.5, 2.5, 3.5]));
    peer.add_structure("Joint", &[("Torque", 40.5), ("Angle", 90.0)]);
    let rows = [
        "first,other,pack,nsu=urn:linetwin:e2e;s=Curve#/0,f64,,,,,,,",
        "last,other,pack,nsu=urn:linetwin:e2e;s=Curve#/2,f64,,,,,,,",
        "beyond,other,pack,nsu=urn:linetwin:e2e;s=Curve#/3,f64,,,,,,,",
        "joint,other,pack,nsu=urn:linetwin:e2e;s=Joint#/Torque,f64,,,,,,,",
        "angle,other,pack,nsu=urn:linetwin:e2e;s=Joint#/Angle,f64,,,,,,,",
    ];
    let site = site(peer.port(), &rows);
    let daemon = site.start();
    check_good(&daemon, "first", 1.5);
    check_good(&daemon, "last", 3.5);
    check_bad(&daemon, "beyond", "unknown address");
    check_good(&daemon, "joint", 40.5);
    check_good(&daemon, "angle", 90.0);
    peer.set("Curve", serde_json::json!([1.5, 2.5, 4.5]));
    check_good(&daemon, "last", 4.5);
}

#[test]
fn a_variable_is_found_by_the_way_to_it() {
    let mut peer = server(free_port(), 7.5);
    let rows = [
        "torque,other,pack,/Objects/nsu=urn:linetwin:e2e;Torque,f64,,,,,,,",
        "astray,other,pack,/Objects/nsu=urn:linetwin:e2e;Nowhere,f64,,,,,,,",
        "elsewhere,other,pack,/Objects/nsu=urn:elsewhere;Torque,f64,,,,,,,",
    ];
    let site = site(peer.port(), &rows);
    let daemon = site.start();
    check_good(&daemon, "torque", 7.5);
    check_bad(&daemon, "astray", "unknown address");
    check_bad(&daemon, "elsewhere", "unknown address");
    peer.set("Torque", 8.5);
    check_good(&daemon, "torque", 8.5);
}
