//! Alarms and conditions of a machine, as asyncua tells them, in the twin's own list of alerts.

#![allow(clippy::unwrap_used)]

use contract::LinkStateName::{Down, Up};
use contract::{AlertV1, CauseName, PriorityName, QualityName, SignalV1, StateName, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::peers::OpcuaServer;
use e2e::proxy::{Fault, Proxy};
use e2e::site::{self, Site, opcua_link};

const TAGS: &str = "\
weld-20/active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,
weld-20/overheat,alarm,pack,event:SourceName=Weld20;ConditionName=Overheat,bool,,,,,,,
weld-20/overheat.message,alarm.message,pack,event:SourceName=Weld20;ConditionName=Overheat#/Message,text,,,,,,,
weld-20/overheat.severity,alarm.severity,pack,event:SourceName=Weld20;ConditionName=Overheat#/Severity,u16,,,,,,,
weld-20/door,alarm,pack,event:ConditionName=Door,bool,,,,,,,
weld-20/acknowledged,other,pack,event:SourceName=Weld20#/AckedState,bool,,,,,,,
weld-20/log,other,pack,event:SourceName=Weld20#/Message,text,,,,,,,
";

fn site(port: u16) -> Site {
    let plant = opcua_link("pack", port) + "retry_interval_s = 1.0\n" + &site::station("weld-20", "spot-weld", &[]);
    Site::new(&plant, TAGS)
}

fn server(port: u16) -> OpcuaServer {
    let mut server = OpcuaServer::start(port);
    server.add("Active", "Boolean", false);
    server
}

#[track_caller]
fn check(daemon: &Daemon, name: &str, value: ValueV1) {
    let is = |signal: &SignalV1| signal.quality == Some(QualityName::Good) && signal.value.as_ref() == Some(&value);
    daemon.wait_for_signal(&format!("weld-20/{name}"), &format!("good, {value:?}"), is);
}

/// Waits for the alert whose headline has these words, in that state.
#[track_caller]
fn wait_for_alert(daemon: &Daemon, words: &str, state: StateName) -> AlertV1 {
    let is_it = |alert: &&AlertV1| alert.headline.contains(words) && alert.state == state;
    daemon.wait_for(&format!("{words:?}, {state:?}"), |line| line.alerts.iter().find(is_it).cloned())
}

#[test]
fn machine_alarms_not_only_values() {
    let mut peer = server(free_port());
    let proxy = Proxy::start(peer.port(), 7);
    // One that stood before the daemon came.
    peer.alarm("Guard", "Door", true, "Door open", 100);
    let site = site(proxy.port());
    let daemon = site.start();
    let door = wait_for_alert(&daemon, "weld-20: door active since", StateName::Unacknowledged);
    assert_eq!((door.priority, door.cause.name), (PriorityName::Medium, CauseName::MachineAlarm));
    check(&daemon, "overheat", ValueV1::Boolean(false));

    peer.alarm("Weld20", "Overheat", true, "Transformer over temperature, 131 °C", 850);
    let words = "weld-20: overheat (Transformer over temperatur…) active since";
    let hot = wait_for_alert(&daemon, words, StateName::Unacknowledged);
    assert_eq!((hot.priority, hot.evidence[0].statistic), (PriorityName::High, Some(850.0)));
    check(&daemon, "acknowledged", ValueV1::Boolean(false));

    // What ended and began while nobody listened is asked for at once.
    proxy.set(Fault::Gone);
    daemon.wait_for_link("pack", Down, "");
    peer.alarm("Weld20", "Overheat", false, "Transformer at 60 °C", 850);
    proxy.set(Fault::None);
    daemon.wait_for_link("pack", Up, "");
    check(&daemon, "overheat", ValueV1::Boolean(false));
    check(&daemon, "overheat.severity", ValueV1::Integer(0));
    wait_for_alert(&daemon, "weld-20: overheat", StateName::ReturnedUnacknowledged);
    wait_for_alert(&daemon, "weld-20: door", StateName::Unacknowledged);
    peer.alarm("Guard", "Door", false, "Door closed", 100);
    wait_for_alert(&daemon, "weld-20: door", StateName::ReturnedUnacknowledged);

    // What is no condition is only told.
    peer.event("Weld20", "Tip dresser ready", 10);
    check(&daemon, "log", ValueV1::Text("Tip dresser ready".into()));
    check(&daemon, "overheat", ValueV1::Boolean(false));
    daemon.stop();

    // All of it is in the recording, and makes the same of a replay.
    let recording = site.recording().display().to_string();
    let verified = run_linetwin(["verify", &recording, "--replay"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
