//! Results of a tightening controller: each one is taken and acknowledged, whatever happens to the connection and to the daemon.

#![allow(clippy::unwrap_used)]

use contract::{LinkStateName, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::peers::TighteningController;
use e2e::proxy::{Fault, Proxy};
use e2e::site::{self, Site};

/// All that may ever be asked of a controller.
const HARMLESS: [u16; 6] = [1, 3, 60, 62, 64, 9999];

fn site(port: u16) -> Site {
    let link = format!(
        "[[link]]\nprotocol = \"open-protocol\"\nname = \"tool\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         time_zone = \"Europe/Berlin\"\n"
    );
    let rows = "tighten-60/active,cycle.active,plc,coil:0,bool,,,,,,,\ntighten-60/vin,part.id,tool,vin,text,,,,,,,\n\
                tighten-60/torque,tighten.torque,tool,torque,f64,,N·m,,,,,\ntighten-60/angle,tighten.angle,tool,angle,f64,,deg,,,,,\n\
                tighten-60/ok,result,tool,ok,bool,,,,,,,\ntighten-60/id,other,tool,tightening_id,i64,,,,,,,\n";
    let plant = link + &site::modbus_link("plc", 1) + &site::station("tighten-60", "pack-assembly", &[]);
    Site::new(&plant, rows)
}

fn wait_for_part(daemon: &Daemon, part: &str) {
    daemon.wait_for_signal("tighten-60/vin", part, |signal| signal.value == Some(ValueV1::Text(part.to_owned())));
}

/// The ids of all results in the recording, each once, in order, and how many samples there are.
fn recorded_ids(site: &Site) -> (Vec<u64>, usize) {
    let recording = site.recording().display().to_string();
    let exported = run_linetwin(["export", &recording, "--format", "csv", "--out", "-", "--signal", "tighten-60/id"]);
    // The last columns are value and quality.
    let ids = exported.output.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap().parse().unwrap());
    let mut ids: Vec<u64> = ids.collect();
    let samples = ids.len();
    ids.sort_unstable();
    ids.dedup();
    (ids, samples)
}

#[test]
fn a_result_is_taken_with_its_time_and_acknowledged() {
    for revisions in [&[1, 2][..], &[1]] {
        let mut controller = TighteningController::start(revisions);
        let site = site(controller.port());
        let daemon = site.start();
        daemon.wait_for_link("tool", LinkStateName::Up, "");
        controller.tighten("EV1-1", 12.34, 5);
        wait_for_part(&daemon, "EV1-1");
        let torque = daemon.wait_for("the torque", |line| e2e::daemon::signal(line, "tighten-60/torque").cloned());
        assert_eq!(torque.value, Some(ValueV1::Number(12.34)));
        assert!(serde_json::to_string(&torque).unwrap().contains("2026-11-24T09:00:05"), "{torque:?}");
        daemon.wait_for_signal("tighten-60/ok", "good", |signal| signal.value == Some(ValueV1::Boolean(true)));
        controller.expect(62, 1);
        // Nobody says anything for a while: the connection is kept.
        controller.expect(9999, 1);
        controller.tighten("EV1-2", 12.5, 6);
        wait_for_part(&daemon, "EV1-2");
        daemon.stop();
        controller.expect(3, 1);
        controller.expect_only(&HARMLESS);
    }
}

#[test]
fn no_result_is_lost_by_breaks_and_kills() {
    let mut controller = TighteningController::start(&[1, 2]);
    let site = site(controller.port());
    controller.tighten("before", 10.0, 0);
    let mut daemon = site.start();
    wait_for_part(&daemon, "before");
    for round in 0..4_u32 {
        let second = 10 * (round + 1);
        controller.tighten(&format!("live-{round}"), 10.0, second);
        match round % 2 {
            0 => controller.hang_up(),
            // At whatever it does.
            _ => {
                daemon.kill();
                controller.tighten(&format!("dead-{round}"), 10.0, second + 1);
                controller.tighten(&format!("dead-{round}b"), 10.0, second + 2);
                daemon = site.start();
            }
        }
    }
    controller.tighten("after", 10.0, 100);
    wait_for_part(&daemon, "after");
    controller.garble();
    daemon.wait_for_link("tool", LinkStateName::Up, "");
    controller.tighten("last", 10.0, 101);
    wait_for_part(&daemon, "last");
    daemon.stop();
    let (ids, samples) = recorded_ids(&site);
    assert_eq!(ids, (1..=11).collect::<Vec<_>>(), "of {samples} samples");
    controller.expect_only(&HARMLESS);
}

#[test]
fn a_result_that_the_controller_has_forgotten_is_counted() {
    let mut controller = TighteningController::start(&[1, 2]);
    let proxy = Proxy::start(controller.port(), 1);
    let site = site(proxy.port());
    let daemon = site.start();
    daemon.wait_for_link("tool", LinkStateName::Up, "");
    controller.tighten("one", 10.0, 1);
    wait_for_part(&daemon, "one");
    controller.expect(62, 1);
    proxy.set(Fault::Gone);
    daemon.wait_for_link("tool", LinkStateName::Down, "");
    for second in 2..6 {
        controller.tighten("gone", 10.0, second);
    }
    controller.tighten("last", 10.0, 6);
    controller.forget(4);
    // In the middle of what it still has: those that it has not are counted once.
    controller.break_at(5);
    proxy.set(Fault::None);
    wait_for_part(&daemon, "last");
    let (_, metrics) = daemon.get("/metrics");
    assert!(metrics.contains("linetwin_link_lost_at_source_total{link=\"tool\"} 2"), "{metrics}");
    daemon.stop();
    assert_eq!(recorded_ids(&site).0, [1, 4, 5, 6]);
}

#[test]
fn a_field_that_no_result_has_is_found_with_nothing_connected() {
    let site = site(1);
    let tags = std::fs::read_to_string(site.config().join("tags/all.csv")).unwrap();
    site.write("tags/all.csv", &tags.replace("tool,torque,", "tool,torqe,"));
    let config = site.config().display().to_string();
    let checked = run_linetwin(["check", "--config", &config]);
    assert!(checked.errors.contains("address `torqe`: is no field of a result; expected one of"), "{}", checked.errors);
}
