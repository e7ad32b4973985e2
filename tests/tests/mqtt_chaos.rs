//! An MQTT link while all that can happen to a connection does, at a real Mosquitto: every message that the broker has taken
//! arrives, the link is back soon after the broker is, and memory does not grow.
#![allow(clippy::unwrap_used)]

mod mqtt;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adapter::testing::{Usage, signal};
use e2e::broker::Mosquitto;
use e2e::proxy::{Chaos, Fault, Proxy};
use mqtt::Running;
use plant::{DataType, MqttPayload, MqttSettings};
use telemetry::{Event, LinkState, Quality, Timestamp, Value};

/// Faults of a run, and the shortest that one lasts.
const FAULTS: usize = 24;
const UNIT: Duration = Duration::from_millis(80);
/// From a broker's return to the link's.
const BACK: Duration = Duration::from_secs(2);
/// From a broker's return to all messages that had waited, on a busy machine.
const ALL_BACK: Duration = Duration::from_secs(4);
/// The same after bytes that are no MQTT: a length among them can be a large one, and what comes then is taken for its rest until
/// a ping is not answered, which takes up to twice 10 s.
const BACK_FROM_GARBAGE: Duration = Duration::from_secs(22);
/// Times that a connection is lost in the long run, and how much memory that may take, MiB.
const LOSSES: usize = 300;
const GROWTH_MAX_MIB: f64 = 16.0;

fn settings(port: u16, version: u8) -> MqttSettings {
    let payload = MqttPayload::Json { time_pointer: Some("/ts".to_owned()) };
    MqttSettings { payload, version: Some(version), ..MqttSettings::at("127.0.0.1", port, "twin") }
}

/// What came of a link.
#[derive(Default)]
struct Seen {
    numbers: BTreeSet<i64>,
    downs: usize,
}

impl Seen {
    /// Takes what comes until a moment, or until it is enough; whether it is.
    fn take(&mut self, link: &mut Running, until: Instant, is_enough: impl Fn(&Self) -> bool) -> bool {
        while !is_enough(self) {
            let left = until.saturating_duration_since(Instant::now());
            match link.event_within(left) {
                None => return false,
                Some(Event::Link { state: LinkState::Down { .. }, .. }) => self.downs += 1,
                Some(event) => event.samples().iter().for_each(|sample| {
                    if sample.quality != Quality::Good {
                        return;
                    }
                    let Value::Integer(number) = sample.value else { panic!("{sample:?}") };
                    assert_eq!(sample.source_time, Timestamp::from_millis(number), "a value keeps its time");
                    self.numbers.insert(number);
                }),
            }
        }
        true
    }

    /// Whether all numbers from 1 on are there.
    fn has_all(&self, last: i64) -> bool {
        self.numbers.len() as i64 == last
    }
}

fn message(number: i64) -> String {
    format!(r#"{{"ts": {number}, "n": {number}}}"#)
}

#[test]
fn every_message_arrives_whatever_happens_to_the_connection() {
    for (version, seed) in [(5, 11), (3, 12)] {
        let broker = Mosquitto::start_keeping();
        let proxy = Proxy::start(broker.port(), seed);
        let mut link = Running::start(&settings(proxy.port(), version), &[signal(0, "cell#/n", DataType::I64)]);
        link.wait_up();
        let mut publisher = broker.publisher("cell");
        let (mut seen, mut number, mut slowest, mut before) = (Seen::default(), 0, Duration::ZERO, Fault::None);
        for (fault, lasts) in Chaos::new(seed, UNIT).take(2 * FAULTS) {
            proxy.set(fault);
            let set = Instant::now();
            for _ in 0..20 {
                number += 1;
                publisher.publish(&message(number));
            }
            if fault == Fault::None {
                let is_garbage = matches!(before, Fault::Garbage | Fault::Duplicate);
                let back = if is_garbage { BACK_FROM_GARBAGE } else { ALL_BACK };
                let is_back = seen.take(&mut link, set + back, |seen| seen.has_all(number));
                assert!(is_back, "seed {seed}: {number} is not there within {back:?} after {before:?}");
                if !is_garbage {
                    slowest = slowest.max(set.elapsed());
                }
            }
            seen.take(&mut link, Instant::now() + lasts, |_| false);
            before = fault;
        }
        proxy.set(Fault::None);
        seen.take(&mut link, Instant::now() + BACK_FROM_GARBAGE, |seen| seen.has_all(number));
        let missing: Vec<i64> = (1..=number).filter(|number| !seen.numbers.contains(number)).collect();
        let counters = link.stop();
        println!("seed {seed}: {number} messages, slowest return {slowest:.2?}, {counters:?}");
        assert!(missing.is_empty(), "seed {seed}: {missing:?} of {number}; {counters:?}");
        assert!(counters.failures > 0, "the chaos must have been one: {counters:?}");
    }
}

#[test]
fn a_clock_of_the_source_that_steps_changes_times_and_loses_nothing() {
    let broker = Mosquitto::start_keeping();
    let mut link = Running::start(&settings(broker.port(), 5), &[signal(0, "cell#/n", DataType::I64)]);
    link.wait_up();
    let mut publisher = broker.publisher("cell");
    let times = [1_700_000_000_000, 946_684_800_000, 4_000_000_000_000, -1, 1_700_000_000_001];
    for time in times {
        publisher.publish(&message(time));
    }
    let told = times.map(|_| link.samples()[0].source_time.as_millis());
    assert_eq!(told, times);
    link.stop();
}

#[test]
fn memory_and_crashes_on_long_runs() {
    let broker = Mosquitto::start_keeping();
    let proxy = Proxy::start(broker.port(), 1);
    let mut link = Running::start(&settings(proxy.port(), 5), &[signal(0, "cell#/n", DataType::I64)]);
    link.wait_up();
    let mut publisher = broker.publisher("cell");
    let (mut seen, mut memory) = (Seen::default(), Vec::new());
    for loss in 1..=LOSSES as i64 {
        // The next thing that the broker says ends the connection.
        proxy.set(Fault::Reset);
        publisher.publish(&message(2 * loss - 1));
        assert!(seen.take(&mut link, Instant::now() + BACK, |seen| seen.downs == loss as usize), "not lost");
        proxy.set(Fault::None);
        publisher.publish(&message(2 * loss));
        let is_back = seen.take(&mut link, Instant::now() + BACK, |seen| seen.has_all(2 * loss));
        assert!(is_back, "loss {loss}: not back within {BACK:?}");
        memory.push(Usage::own().resident_mib);
    }
    let (early, late) = (memory[LOSSES / 10], memory[LOSSES - 1]);
    let counters = link.stop();
    println!("{LOSSES} losses: {early:.1} MiB after a tenth, {late:.1} MiB at the end; {counters:?}");
    assert_eq!(seen.numbers.len(), 2 * LOSSES, "every number came");
    assert!(late <= early + GROWTH_MAX_MIB, "{early:.1} MiB have become {late:.1}");
}
