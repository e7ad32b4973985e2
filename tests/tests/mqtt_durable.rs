//! A message of quality of service 1 that the broker has taken is in the recording, whatever becomes of the daemon.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use contract::LinkStateName::Up;
use contract::ValueV1;
use e2e::broker::{Mosquitto, Publisher};
use e2e::daemon::{Daemon, signal};
use e2e::site::{self, Site, mqtt_link};
use recording::Reader;
use serde_json::json;
use telemetry::{Event, Value};

const TOPIC: &str = "cell/weld-20";
/// When the first message says that it was.
const START_MS: i64 = 1_795_413_600_000;

fn site(port: u16) -> Site {
    let plant = mqtt_link("cell", port) + &site::station("weld-20", "spot-weld", &[]);
    Site::new(&plant, "weld-20/number,other,cell,cell/weld-20#/number,i64,,,,,,,\n")
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

#[test]
fn a_daemon_that_is_killed_again_and_again_records_every_number() {
    let broker = Mosquitto::start();
    let site = site(broker.port());
    let mut published = 0;
    let mut publisher = broker.publisher(TOPIC);
    for seen_when_killed in [1, 23, 60, 148, 149] {
        let daemon = site.start();
        daemon.wait_for_link("cell", Up, "");
        publish(&mut publisher, published..published + 150);
        wait_for_number(&daemon, published + seen_when_killed);
        published += 150;
        daemon.kill();
        // What comes while nobody is there is kept, too.
        publish(&mut publisher, published..published + 10);
        published += 10;
    }
    let daemon = site.start();
    wait_for_number(&daemon, published - 1);
    daemon.stop();
    let numbers = recorded(&site.recording());
    let missing: Vec<i64> = (0..published).filter(|number| !numbers.contains_key(number)).collect();
    assert!(missing.is_empty(), "{missing:?} of {published}");
}

#[test]
fn what_was_acknowledged_does_not_come_again_and_what_does_is_late() {
    let broker = Mosquitto::start();
    let site = site(broker.port());
    let mut publisher = broker.publisher(TOPIC);
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    // More than the broker sends without an acknowledgement.
    publish(&mut publisher, 0..100);
    wait_for_number(&daemon, 99);
    daemon.stop();
    let before = recorded(&site.recording()).len();
    assert_eq!(before, 100);

    // A message of the next life comes after all those that come again.
    let daemon = site.start();
    daemon.wait_for_link("cell", Up, "");
    publish(&mut publisher, 100..101);
    wait_for_number(&daemon, 100);
    let late = daemon.state().counts.late_samples;
    daemon.stop();
    let numbers = recorded(&site.recording());
    let again = numbers.values().filter(|&&times| times > 1).count();
    // The broker sends twenty ahead; those before were acknowledged, or it would not have sent the last.
    assert!(again <= 20, "{again} came again");
    assert!(numbers.range(..80).all(|(_, &times)| times == 1), "{numbers:?}");
    let is_last_again = usize::from(numbers[&99] > 1);
    assert_eq!(late as usize, again - is_last_again, "the last is as old as what is known, which is not late");
}

#[test]
fn messages_without_a_time_are_not_kept_for_us() {
    let broker = Mosquitto::start();
    let plant = mqtt_link("cell", broker.port()).replace("time_pointer = \"/ts\"\n", "")
        + &site::station("weld-20", "spot-weld", &[]);
    let site = Site::new(&plant, "weld-20/number,other,cell,cell/weld-20#/number,i64,,,,,,,\n");
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
