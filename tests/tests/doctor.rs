//! `linetwin doctor` says why a tag is silent, beside a daemon with real devices, each with something wrong.

#![allow(clippy::unwrap_used)]

use contract::LinkStateName::{Down, Up};
use e2e::broker::Mosquitto;
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::peers::ModbusDevice;
use e2e::program::Ended;
use e2e::site::{self, Site, modbus_link, mqtt_link};

const ROWS: &str = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,
weld-20/count,other,plc,holding:0,u16,,,,,,,
weld-20/far,other,plc,holding:900,u16,,,,,,,
weld-20/hot,other,broker,cell/20#/hot,f64,,degC,,,0,100,
weld-20/absent,other,broker,cell/21#/level,f64,,,,,,,
weld-20/lost,other,gone,holding:0,u16,,,,,,,
";

fn doctor(site: &Site, daemon_url: &str, signals: &[&str]) -> Ended {
    let config = site.config().display().to_string();
    run_linetwin(["doctor", "--config", &config, "--url", daemon_url].iter().chain(signals))
}

/// Each text, in a line of its own, in this order.
#[track_caller]
fn assert_told(ended: &Ended, code: i32, told: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.output, ended.errors);
    let mut lines = ended.output.lines();
    for text in told {
        assert!(lines.any(|line| line.contains(text)), "{text:?} is missing in\n{}", ended.output);
    }
}

fn start(site: &Site, broker: &Mosquitto) -> Daemon {
    let daemon = site.start();
    daemon.wait_for_link("plc", Up, "");
    daemon.wait_for_link("broker", Up, "");
    daemon.wait_for_link("gone", Down, "refused");
    broker.publish("cell/20", r#"{"ts":"2026-11-24T08:00:00Z","hot":300}"#);
    daemon.wait_for_signal("weld-20/hot", "out of range", |signal| signal.reason.as_deref() == Some("out of range"));
    daemon.wait_for_signal("weld-20/far", "bad", |signal| signal.reason.is_some());
    daemon
}

#[test]
fn it_says_why_a_tag_is_silent() {
    let (device, broker, gone) = (ModbusDevice::start(), Mosquitto::start(), free_port());
    let links = modbus_link("plc", device.port()) + &mqtt_link("broker", broker.port()) + &modbus_link("gone", gone);
    let site = Site::new(&(links + &site::station("weld-20", "spot-weld", &[])), ROWS);
    let daemon = start(&site, &broker);

    let all = doctor(&site, daemon.url(), &[]);
    let (refused, probe) = (
        format!("127.0.0.1 is there, but nothing listens at port {gone}"),
        format!("`linetwin probe modbus 127.0.0.1:{} holding:START/COUNT --unit 1`", device.port()),
    );
    assert_told(
        &all,
        1,
        &[
            "ok    daemon",
            "ok    link plc",
            "ok    link broker",
            "WRONG link gone",
            &refused,
            "ok    signals: 2 of 6 are heard of",
            "WRONG weld-20/absent: never heard of",
            "nothing usable has come at topic cell/21",
            "WRONG weld-20/hot: not good: out of range",
            "a broken sensor, or scale, offset or byte order",
            "WRONG weld-20/lost: never heard of",
            "WRONG weld-20/far: not good: unknown address",
            &probe,
        ],
    );
    assert!(all.errors.contains("5 of this is wrong"), "{}", all.errors);

    let one = doctor(&site, daemon.url(), &["weld-20/count", "weld-20/hot"]);
    assert_told(
        &one,
        1,
        &["ok    weld-20/count (holding:0 at link plc, tags/all.csv:3): 0 at ", "the last value is 300 degC at"],
    );
    let unknown = doctor(&site, daemon.url(), &["weld-20/typo"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.errors.contains("no tag list has weld-20/typo; expected names"), "{}", unknown.errors);

    let url = daemon.url().to_owned();
    daemon.stop();
    let alone = doctor(&site, &url, &[]);
    assert_told(
        &alone,
        1,
        &["WRONG daemon", "start it with `linetwin run", "ok    link plc", "takes connections", &refused],
    );
}
