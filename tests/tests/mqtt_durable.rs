//! A message of quality of service 1 that the broker has taken is in the recording, whatever becomes of the daemon.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use contract::LinkStateName::Up;
use contract::ValueV1;
use e2e::broker::{Mosquitto, Publisher};
use e2e::daemon::{Daemon, signal};
use e2e::site::{self, Site, mqtt_link};
use e2e::wait::wait_for;
use recording::Reader;
use serde_json::json;
use telemetry::{Event, Value};

const TOPIC: &str = "cell/weld-20";
/// When the first message says that it was.
const START_MS: i64 = 1_795_413_600_000;

/// A station that is told of numbers over a link.
fn site(link: String) -> Site {
    let tags = "weld-20/number,other,cell,cell/weld-20#/number,i64,,,,,,,\n\
         weld-20/active,cycle.active,cell,cell/cycle#/active,bool,,,,,,,\n";
    Site::new(&(link + &site::station("weld-20", "spot-weld", &[])), tags)
}

fn publish(publisher: &mut Publisher, numbers: impl IntoIterator<Item = i64>) {
    for number in numbers {
        publisher.publish(&json!({ "ts": START_MS + number, "number": number }).to_string());
    }
}

/// Waits until the twin knows that number or a later one.
#[track_caller]
fn wait_for_number(daemon: &Daemon, number: i64) {
    daemon.wait_for(&format!("number {number}"), |line| match signal(line, "weld-20/number")?.value {
        Some(ValueV1::Integer(known)) if known >= number => Some(()),
        _ => None,
    });
}

/// How often each number is in a recording.
fn recorded(recording: &Path) -> BTreeMap<i64, usize> {
    let mut numbers = BTreeMap::new();
    for input in Reader::open(recording).unwrap() {
        let Event::Samples(batch) = input.unwrap().event else { continue };
        for sample in batch.samples {
            let Value::Integer(number) = sample.value else { panic!("{sample:?}") };
            *numbers.entry(number).or_default() += 1;
        }
    }
    numbers
}

/// Numbers that are published to a daemon before it is killed.
const BEFORE: i64 = 150;
/// Numbers that are published while nobody is there.
const MEANWHILE: i64 = 10;

/// Kills a daemon again and again, each time when it has seen so many of the numbers published to it, and looks for each.
#[track_caller]
fn check_kills(seen_when_killed: impl IntoIterator<Item = i64>) {
    let broker = Mosquitto::start();
    let site = site(mqtt_link("cell", broker.port()));
    let mut published = 0;
    let mut publisher = broker.publisher(TOPIC);
    for seen in seen_when_killed {
        let daemon = site.start();
        if published == 0 {
            // Before its first session the broker keeps nothing for it.
            daemon.wait_for_link("cell", Up, "");
        }
        publish(&mut publisher, published..published + BEFORE);
        wait_for_number(&daemon, published + seen);
        published += BEFORE;
        daemon.kill();
        // What comes while nobody is there is kept, too.
        publish(&mut publisher, published..published + MEANWHILE);
        published += MEANWHILE;
    }
    let daemon = site.start();
    wait_for_number(&daemon, published - 1);
    daemon.stop();
    let numbers = recorded(&site.recording());
    let missing: Vec<i64> = (0..published).filter(|number| !numbers.contains_key(number)).collect();
    assert!(missing.is_empty(), "{missing:?} of {published}");
}

#[test]
fn a_daemon_that_is_killed_again_and_again_records_every_number() {
    check_kills([1, 23, 60, 148, 149]);
}

#[test]
#[ignore = "eleven minutes; cargo xtask crash runs it"]
fn a_daemon_that_is_killed_500_times_records_every_number() {
    // A prime spreads them over all there are; also before any of them is seen, while it reads its recording again.
    check_kills((0..500).map(|kill| kill * 7919 % (BEFORE + MEANWHILE) - MEANWHILE));
}

#[test]
fn what_is_recorded_is_acknowledged_although_nothing_more_comes_and_does_not_come_again() {
    let broker = Mosquitto::start();
    let site = site(mqtt_link("cell", broker.port()));
    let mut publisher = broker.publisher(TOPIC);
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    publish(&mut publisher, 0..100);
    wait_for("all acknowledgements", || (broker.acknowledgements_of("linetwin-e2e-cell") == 100).then_some(()));
    daemon.kill();
    let each_once = |numbers: std::ops::Range<i64>| numbers.map(|number| (number, 1)).collect::<BTreeMap<_, _>>();
    assert_eq!(recorded(&site.recording()), each_once(0..100));

    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    // It comes after all that come again.
    publish(&mut publisher, 100..101);
    wait_for_number(&daemon, 100);
    assert_eq!(daemon.state().counts.late_samples, 0);
    daemon.stop();
    assert_eq!(recorded(&site.recording()), each_once(0..101));
}

#[test]
fn messages_without_a_time_are_not_kept_for_us() {
    let broker = Mosquitto::start();
    let site = site(mqtt_link("cell", broker.port()).replace("time_pointer = \"/ts\"\n", ""));
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    daemon.stop();
    broker.publish(TOPIC, r#"{"number": 1}"#);
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    broker.publish(TOPIC, r#"{"number": 2}"#);
    wait_for_number(&daemon, 2);
    daemon.stop();
    assert_eq!(recorded(&site.recording()), BTreeMap::from([(2, 1)]));
}
