//! The life of an edge node, message by message, after chapters 5 and 6 of the specification.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use adapter::testing::signal;
use mqtt_client::sparkplug::{
    BD_SEQ, Metric, Payload, Property, PropertySet, PropertyValue, QUALITY, REBIRTH, Value, datatype,
};
use plant::{DataType, SparkplugHost};
use telemetry::{Quality, Reason, Timestamp, Value as Told};
use tokio::time::Instant;

use super::node::{Kind, Node, Now, Outcome};
use super::{HostApplication, parse};

/// An edge node `g/n` with a metric of its own, signal 0, and a device `d` with two, signals 1 and 2.
struct Test {
    node: Node,
    settings: SparkplugHost,
    now: Now,
}

fn metric(name: &str, alias: u64, value: Value) -> Metric {
    let name = (!name.is_empty()).then(|| name.to_owned());
    Metric { name, alias: Some(alias), timestamp: Some(1_000 + alias), value: Some(value), ..Metric::default() }
}

fn payload(seq: u64, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(7), metrics, seq: Some(seq) }
}

fn bd_seq(number: u64) -> Metric {
    Metric { name: Some(BD_SEQ.to_owned()), value: Some(Value::Long(number)), ..Metric::default() }
}

fn node_birth(bd: u64) -> Payload {
    let rebirth = Metric { name: Some(REBIRTH.to_owned()), value: Some(Value::Boolean(false)), ..Metric::default() };
    payload(0, vec![bd_seq(bd), rebirth, metric("load", 10, Value::Double(0.5)), metric("other", 11, Value::Int(1))])
}

fn device_birth(seq: u64) -> Payload {
    let small = Metric { datatype: Some(datatype::INT16), ..metric("small", 21, Value::Int(0xfffe)) };
    payload(seq, vec![metric("a/b", 20, Value::Float(1.5)), small])
}

fn data(seq: u64, alias: u64, value: Value) -> Payload {
    payload(seq, vec![metric("", alias, value)])
}

const GOOD: Quality = Quality::Good;
const GONE: Quality = Quality::Bad(Reason::NotConnected);
const STALE: Quality = Quality::Bad(Reason::Stale);

impl Test {
    fn new() -> Self {
        let signals = [
            signal(0, "g/n#load", DataType::F64),
            signal(1, "g/n/d#a/b", DataType::F64),
            signal(2, "g/n/d#small", DataType::I64),
        ];
        let host = HostApplication::new(SparkplugHost::default(), &signals.each_ref()).unwrap();
        let node = Node::new(&host.nodes["g/n"]);
        let now = Now { time: Timestamp::from_millis(5_000), instant: Instant::now() };
        Self { node, settings: host.settings, now }
    }

    /// A node and a device that are alive; the next message has number 2.
    fn alive() -> Self {
        let mut test = Self::new();
        test.check(Kind::Birth, "", node_birth(5), &[(0, GOOD)], 0);
        test.check(Kind::Birth, "d", device_birth(1), &[(1, GOOD), (2, GOOD)], 0);
        test
    }

    fn take(&mut self, kind: Kind, device: &str, payload: Payload) -> Outcome {
        let mut outcome = Outcome::default();
        self.node.take(kind, device, payload, &self.settings, self.now, &mut outcome);
        outcome
    }

    /// Takes a message; which signals it tells of, and how much of it is of no use.
    #[track_caller]
    fn check(&mut self, kind: Kind, device: &str, payload: Payload, expected: &[(u32, Quality)], unusable: u64) {
        let outcome = self.take(kind, device, payload);
        let told: Vec<_> = outcome.samples.iter().map(|sample| (sample.signal.0, sample.quality)).collect();
        assert_eq!((told.as_slice(), outcome.unusable, outcome.lost), (expected, unusable, 0));
    }

    fn pass(&mut self, seconds: f64) -> Outcome {
        self.now.instant += Duration::from_secs_f64(seconds);
        let mut outcome = Outcome::default();
        self.node.tick(self.now, &mut outcome);
        outcome
    }

    fn asks(&mut self) -> bool {
        self.node.ask(Duration::from_secs_f64(self.settings.rebirth_interval_s), self.now.instant)
    }
}

#[test]
fn sparkplug_done_exactly_births_and_aliases() {
    let mut test = Test::new();
    let born = test.take(Kind::Birth, "", node_birth(5));
    assert_eq!((born.samples[0].value, born.samples[0].source_time), (Told::Float(0.5), Timestamp::from_millis(1_010)));
    let born = test.take(Kind::Birth, "d", device_birth(1));
    assert_eq!((born.samples[0].value, born.samples[1].value), (Told::Float(1.5), Told::Integer(-2)));
    let told = test.take(Kind::Data, "d", data(2, 21, Value::Int(0x8000)));
    assert_eq!(told.samples[0].value, Told::Integer(-32_768), "the type is that of the birth");
    test.check(Kind::Data, "", data(3, 11, Value::Int(2)), &[], 0);
    let by_name = payload(4, vec![Metric { alias: None, ..metric("a/b", 0, Value::Float(2.5)) }]);
    test.check(Kind::Data, "d", by_name, &[(1, GOOD)], 0);
    assert!(!test.asks());
    test.check(Kind::Data, "d", data(5, 99, Value::Int(1)), &[], 1);
    assert!(test.asks(), "an alias that no birth has told asks for one");
}

#[test]
fn sparkplug_done_exactly_numbers_go_round_and_late_ones_are_left_out() {
    let mut test = Test::alive();
    for seq in (2..600).map(|number| number % 256) {
        test.check(Kind::Data, "d", data(seq, 20, Value::Float(1.0)), &[(1, GOOD)], 0);
    }
    test.check(Kind::Data, "d", data(599 % 256, 20, Value::Float(1.0)), &[], 1);
    test.check(Kind::Data, "d", Payload { seq: None, ..data(0, 20, Value::Float(1.0)) }, &[], 1);
    test.check(Kind::Data, "d", data(256, 20, Value::Float(1.0)), &[], 1);
    assert!(!test.asks());
}

#[test]
fn sparkplug_done_exactly_what_comes_in_another_order_is_put_in_order() {
    let mut test = Test::alive();
    test.check(Kind::Data, "d", data(4, 20, Value::Float(4.0)), &[], 0);
    test.check(Kind::Data, "d", data(3, 20, Value::Float(3.0)), &[], 0);
    let told = test.take(Kind::Data, "d", data(2, 20, Value::Float(2.0)));
    let values: Vec<_> = told.samples.iter().map(|sample| sample.value).collect();
    assert_eq!(values, [2.0, 3.0, 4.0].map(Told::Float));
    assert_eq!(test.pass(60.0), Outcome::default(), "nothing is missing any more");
}

#[test]
fn sparkplug_done_exactly_a_gap_makes_stale_is_counted_and_asks_for_a_birth() {
    let mut test = Test::alive();
    test.check(Kind::Data, "d", data(4, 20, Value::Float(4.0)), &[], 0);
    assert_eq!(test.pass(1.9), Outcome::default());
    assert!(!test.asks());
    let gap = test.pass(0.2);
    let told: Vec<_> = gap.samples.iter().map(|sample| (sample.signal.0, sample.quality)).collect();
    assert_eq!((told, gap.lost, gap.unusable), (vec![(0, STALE), (1, STALE), (2, STALE)], 2, 1));
    assert!(test.asks());
    test.check(Kind::Data, "d", data(5, 20, Value::Float(5.0)), &[], 1);
    assert!(!test.asks(), "not again so soon");
    test.pass(10.0);
    assert!(test.asks());
    test.check(Kind::Birth, "", node_birth(5), &[(0, GOOD)], 0);
    test.check(Kind::Data, "d", data(1, 20, Value::Float(5.0)), &[], 1);
    test.pass(10.0);
    assert!(test.asks(), "a device that is not born again is asked for");
}

#[test]
fn sparkplug_done_exactly_only_the_death_of_this_birth_counts() {
    let mut test = Test::alive();
    let death = |number| Payload { timestamp: Some(9), metrics: vec![bd_seq(number)], seq: None };
    test.check(Kind::Death, "", death(4), &[], 1);
    test.check(Kind::Data, "d", data(2, 20, Value::Float(2.0)), &[(1, GOOD)], 0);
    test.check(Kind::Death, "", Payload::default(), &[], 1);
    test.check(Kind::Death, "", death(5), &[(0, GONE), (1, GONE), (2, GONE)], 0);
    test.check(Kind::Death, "", death(5), &[], 1);
    test.check(Kind::Birth, "", node_birth(6), &[(0, GOOD)], 0);
    test.check(Kind::Death, "", death(5), &[], 1);
}

#[test]
fn sparkplug_done_exactly_a_birth_with_another_number_says_that_a_death_was_lost() {
    let mut test = Test::alive();
    test.check(Kind::Birth, "", node_birth(6), &[(0, GONE), (1, GONE), (2, GONE), (0, GOOD)], 0);
    let mut test = Test::alive();
    test.check(Kind::Birth, "", node_birth(5), &[(0, GOOD)], 0);
}

#[test]
fn sparkplug_done_exactly_a_device_dies_alone() {
    let mut test = Test::alive();
    test.check(Kind::Death, "d", payload(2, vec![]), &[(1, GONE), (2, GONE)], 0);
    test.check(Kind::Data, "", data(3, 10, Value::Double(0.7)), &[(0, GOOD)], 0);
    test.check(Kind::Birth, "d", device_birth(4), &[(1, GOOD), (2, GOOD)], 0);
    test.check(Kind::Birth, "of no interest", payload(5, vec![]), &[], 0);
    test.check(Kind::Data, "d", data(6, 20, Value::Float(1.0)), &[(1, GOOD)], 0);
}

#[test]
fn sparkplug_done_exactly_null_quality_history_and_what_is_not_read() {
    let mut test = Test::alive();
    let null = Metric { is_null: Some(true), value: None, ..metric("", 20, Value::Int(0)) };
    test.check(Kind::Data, "d", payload(2, vec![null]), &[(1, Quality::Bad(Reason::Unspecified))], 0);
    let with_quality = |number| {
        let value = PropertyValue { datatype: Some(datatype::INT32), value: Some(Property::Int(number)) };
        let properties = PropertySet { keys: vec![QUALITY.to_owned()], values: vec![value] };
        Metric { properties: Some(properties), ..metric("", 20, Value::Float(1.0)) }
    };
    let stale = Quality::Uncertain(Reason::Stale);
    test.check(Kind::Data, "d", payload(3, vec![with_quality(500)]), &[(1, stale)], 0);
    test.check(Kind::Data, "d", data(4, 20, Value::Float(1.0)), &[(1, stale)], 0);
    test.check(Kind::Data, "d", payload(5, vec![with_quality(0)]), &[(1, Quality::Bad(Reason::DeviceFault))], 0);
    test.check(Kind::Data, "d", payload(6, vec![with_quality(192)]), &[(1, GOOD)], 0);
    let old = Metric { is_historical: Some(true), timestamp: Some(3), ..metric("", 20, Value::Float(1.0)) };
    assert_eq!(test.take(Kind::Data, "d", payload(7, vec![old])).samples[0].source_time, Timestamp::from_millis(3));
    let table = test.take(Kind::Data, "d", data(8, 20, Value::DataSet(vec![])));
    assert_eq!((table.samples.len(), table.unusable, table.unread.as_deref()), (0, 1, Some("g/n/d#a/b")));
    assert_eq!(test.take(Kind::Data, "d", data(9, 20, Value::DataSet(vec![]))).unread, None, "told once");
}

#[test]
fn an_address_names_a_metric() {
    assert_eq!(parse("g/n#a/b"), Ok(("g/n".to_owned(), "", "a/b")));
    assert_eq!(parse("g/n/d#m#x"), Ok(("g/n".to_owned(), "d", "m#x")));
    for wrong in ["g#m", "g/n", "g/n#", "g/n/d/e#m", "g//d#m", "g/+#m"] {
        assert!(parse(wrong).unwrap_err().contains("GROUP/NODE"), "{wrong}");
    }
}
