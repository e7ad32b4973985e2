//! MQTT links at a real Mosquitto: versions and encryption, subscriptions, payloads, and a Sparkplug B node that is not ours.
#![allow(clippy::unwrap_used)]

mod mqtt;

use std::path::Path;
use std::process::Command;

use adapter::testing::signal;
use e2e::broker::Mosquitto;
use e2e::net::free_port;
use e2e::peers::SparkplugNode;
use e2e::program::Program;
use mqtt::{Running, publish};
use plant::{
    BrokerTlsSettings, DataType, MqttCsv, MqttPayload, MqttSettings, Password, Signal, SparkplugHost, WordOrder,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use telemetry::{Quality, Reason, Sample, Symbol, Timestamp, Value};

fn settings(port: u16, payload: MqttPayload) -> MqttSettings {
    MqttSettings { payload, ..MqttSettings::at("127.0.0.1", port, "twin") }
}

fn with_time() -> MqttPayload {
    MqttPayload::Json { time_pointer: Some("/ts".to_owned()) }
}

fn without_time() -> MqttPayload {
    MqttPayload::Json { time_pointer: None }
}

fn numbers(samples: &[Sample]) -> Vec<(u32, Value)> {
    samples.iter().map(|sample| (sample.signal.0, sample.value)).collect()
}

/// A certificate authority, a broker's certificate until a year, and one for the twin.
fn certificates(folder: &Path, until_year: i32) {
    let mut authority = CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for name in ["broker", "twin"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until_year, 1, 1);
        std::fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, &authority).unwrap().pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn encrypted_broker(until_year: i32) -> Mosquitto {
    let encrypted = "user root\nallow_anonymous false\npassword_file FOLDER/passwords\ncafile FOLDER/ca.pem\n\
                     certfile FOLDER/broker.pem\nkeyfile FOLDER/broker.key\nrequire_certificate true\n";
    Mosquitto::start_with(free_port(), encrypted, |folder| {
        certificates(folder, until_year);
        std::fs::write(folder.join("password"), "sesame\n").unwrap();
        let mut password = Command::new("mosquitto_passwd");
        password.args(["-b", "-c"]).arg(folder.join("passwords")).args(["twin", "sesame"]);
        assert_eq!(Program::start("mosquitto_passwd", &mut password).wait().code, Some(0));
    })
}

fn encrypted(broker: &Mosquitto) -> MqttSettings {
    let file = |name: &str| Some(broker.folder().join(name));
    MqttSettings {
        tls: Some(BrokerTlsSettings { ca: file("ca.pem"), certificate: file("twin.pem"), key: file("twin.key") }),
        login: Some(("twin".to_owned(), Password::File(broker.folder().join("password")))),
        ..settings(broker.port(), without_time())
    }
}

#[test]
fn both_versions_come_through_tls_with_a_certificate_and_a_password_of_a_file() {
    let broker = encrypted_broker(2090);
    for version in [Some(5), Some(3), None] {
        let mut link =
            Running::start(&MqttSettings { version, ..encrypted(&broker) }, &[signal(0, "a", DataType::F64)]);
        link.wait_up();
        link.stop();
    }
    let check = |settings: MqttSettings, expected: &str| {
        let mut link = Running::start(&settings, &[signal(0, "a", DataType::F64)]);
        link.wait_down(expected);
        link.stop();
    };
    let wrong =
        MqttSettings { login: Some(("twin".to_owned(), Password::Text("open".to_owned()))), ..encrypted(&broker) };
    check(MqttSettings { version: Some(5), ..wrong.clone() }, "not authorised; check user name and password");
    check(MqttSettings { version: Some(3), ..wrong }, "not authorised; check user name and password");
    let missing = Some(("twin".to_owned(), Password::File(broker.folder().join("nothing"))));
    check(MqttSettings { login: missing, ..encrypted(&broker) }, "password_file");
    let stranger = tempfile::tempdir().unwrap();
    certificates(stranger.path(), 2090);
    let mut other = encrypted(&broker);
    other.tls.as_mut().unwrap().ca = Some(stranger.path().join("ca.pem"));
    check(other, "invalid peer certificate");
}

#[test]
fn a_broker_whose_certificate_has_expired_is_not_believed() {
    let broker = encrypted_broker(2021);
    let mut link = Running::start(&encrypted(&broker), &[signal(0, "a", DataType::F64)]);
    link.wait_down("expired");
    link.stop();
}

#[test]
fn a_broker_of_3_1_1_only_is_spoken_to_in_that() {
    let port = linetwin::broker::start(0).unwrap();
    let mut link = Running::start(&settings(port, without_time()), &[signal(0, "a", DataType::F64)]);
    link.wait_up();
    publish(port, "a", b"1.5", false);
    assert_eq!(numbers(&link.samples()), [(0, Value::Float(1.5))]);
    link.stop();
}

#[test]
fn topics_with_wildcards_that_overlap_tell_each_signal_once() {
    let broker = Mosquitto::start();
    let signals =
        [("ev1/+/flow", 0), ("ev1/a/flow", 1), ("+/b/+", 2)].map(|(address, id)| signal(id, address, DataType::I64));
    for version in [3, 5] {
        let settings = MqttSettings { version: Some(version), ..settings(broker.port(), without_time()) };
        let mut link = Running::start(&settings, &signals);
        link.wait_up();
        publish(broker.port(), "ev1/a/flow", b"1", false);
        publish(broker.port(), "other/b/c", b"2", false);
        assert_eq!(numbers(&link.samples()), [(1, Value::Integer(1)), (0, Value::Integer(1))]);
        assert_eq!(numbers(&link.samples()), [(2, Value::Integer(2))]);
        assert_eq!(link.stop().unusable, 0);
    }
}

#[test]
fn a_shared_subscription_gives_each_message_to_one_of_its_group() {
    const MESSAGES: usize = 40;
    let broker = Mosquitto::start();
    let start = |client_id: &str| {
        let share = Some("twins".to_owned());
        let settings =
            MqttSettings { share, client_id: client_id.to_owned(), ..settings(broker.port(), without_time()) };
        let mut link = Running::start(&settings, &[signal(0, "a/+", DataType::I64)]);
        link.wait_up();
        link
    };
    let links = [start("one"), start("two")];
    for number in 0..MESSAGES {
        publish(broker.port(), "a/b", number.to_string().as_bytes(), false);
    }
    let counts = || links.each_ref().map(|link| link.counters().samples);
    e2e::wait::wait_for("all messages", || (counts().iter().sum::<u64>() == MESSAGES as u64).then_some(()));
    assert!(counts().iter().all(|&count| count > 0), "{:?}", counts());
    for link in links {
        link.stop();
    }
}

#[test]
fn text_bytes_and_rows_of_csv_are_read_and_what_is_none_is_bad_and_counted() {
    let broker = Mosquitto::start();
    let port = broker.port();
    let check = |payload: MqttPayload, signals: &[Signal], good: &[u8], expected: &[(u32, Value)], wrong: &[u8]| {
        let mut link = Running::start(&settings(port, payload), signals);
        link.wait_up();
        publish(port, "press", good, false);
        publish(port, "press", wrong, false);
        publish(port, "press", good, false);
        assert_eq!(numbers(&link.samples()), expected);
        let bad = link.samples();
        assert!(bad.iter().all(|sample| sample.quality == Quality::Bad(Reason::Malformed)), "{bad:?}");
        assert_eq!(numbers(&link.samples()), expected, "nothing else is lost");
        let counters = link.stop();
        assert_eq!((counters.unusable, counters.bad_samples), (1, signals.len() as u64));
    };
    let running = Value::Symbol(Symbol::new("running").unwrap());
    check(MqttPayload::Text, &[signal(0, "press", DataType::Text)], b"running\n", &[(0, running)], &[0xff, 0xfe]);
    let number = Signal { word_order: WordOrder::Dcba, ..signal(0, "press#1", DataType::F32) };
    let bytes = [&[1][..], &2.5f32.to_le_bytes()].concat();
    let expected = [(0, Value::Float(2.5)), (1, Value::Boolean(true))];
    check(MqttPayload::Binary, &[number, signal(1, "press#0", DataType::Bool)], &bytes, &expected, &bytes[..4]);
    let csv = MqttCsv {
        delimiter: ';',
        decimal_mark: ',',
        columns: Vec::new(),
        time_column: "t".to_owned(),
        time_format: "unix-ms".to_owned(),
        time_zone: None,
    };
    let rate = [signal(0, "press#rate", DataType::F64)];
    check(
        MqttPayload::Csv(csv),
        &rate,
        b"t;rate\n1700000000000;0,5\n",
        &[(0, Value::Float(0.5))],
        b"t;rate\nnow;0,5\n",
    );
}

#[test]
fn live_value_or_cached_repeat() {
    let broker = Mosquitto::start();
    publish(broker.port(), "press", br#"{"ts": 1700000000000, "x": 1}"#, true);
    let signals = [signal(0, "press#/x", DataType::I64)];
    for version in [3, 5] {
        let start = |payload| {
            let client_id = format!("twin-{version}");
            let settings = MqttSettings { version: Some(version), client_id, ..settings(broker.port(), payload) };
            let mut link = Running::start(&settings, &signals);
            link.wait_up();
            link
        };
        let mut link = start(without_time());
        assert_eq!(link.samples()[0].quality, Quality::Uncertain(Reason::Stale), "kept, and nobody knows since when");
        publish(broker.port(), "press", br#"{"ts": 1700000000000, "x": 1}"#, true);
        assert_eq!(link.samples()[0].quality, Quality::Good, "the same again, but live");
        link.stop();
        let mut link = start(with_time());
        let sample = link.samples()[0];
        assert_eq!((sample.quality, sample.source_time), (Quality::Good, Timestamp::from_millis(1_700_000_000_000)));
        link.stop();
    }
}

#[test]
fn what_is_published_while_the_link_is_away_comes_with_its_time_in_both_versions() {
    let broker = Mosquitto::start();
    let signals = [signal(0, "press#/x", DataType::I64)];
    for version in [3, 5] {
        let client_id = format!("kept-{version}");
        let settings = MqttSettings { version: Some(version), client_id, ..settings(broker.port(), with_time()) };
        let mut link = Running::start(&settings, &signals);
        link.wait_up();
        link.stop();
        for number in 1..=5 {
            publish(broker.port(), "press", format!(r#"{{"ts": {number}, "x": {number}}}"#).as_bytes(), false);
        }
        let mut link = Running::start(&settings, &signals);
        link.wait_up();
        for number in 1..=5 {
            let sample = link.samples()[0];
            assert_eq!((sample.value, sample.source_time), (Value::Integer(number), Timestamp::from_millis(number)));
        }
        link.stop();
    }
}

fn sparkplug_signals() -> Vec<Signal> {
    vec![
        signal(0, "plant/press#load", DataType::F64),
        signal(1, "plant/press#count", DataType::I64),
        signal(2, "plant/press/heater#temperature", DataType::F64),
        signal(3, "plant/press/heater#state", DataType::Text),
    ]
}

/// Waits until a signal is so.
#[track_caller]
fn wait_for(link: &mut Running, id: u32, is: impl Fn(&Sample) -> bool) {
    while !link.samples().iter().any(|sample| sample.signal.0 == id && is(sample)) {}
}

#[test]
fn sparkplug_done_exactly() {
    let broker = Mosquitto::start();
    let state = broker.subscribe("spBv1.0/STATE/#");
    let host = SparkplugHost { host_id: Some("linetwin".to_owned()), reorder_s: 0.5, rebirth_interval_s: 1.0 };
    for version in [5, 3] {
        let payload = MqttPayload::SparkplugB(host.clone());
        let settings = MqttSettings { version: Some(version), ..settings(broker.port(), payload) };
        let mut node = SparkplugNode::start(broker.port());
        // The node has been born before: the host asks for a birth.
        let mut link = Running::start(&settings, &sparkplug_signals());
        link.wait_up();
        wait_for(&mut link, 1, |sample| sample.value == Value::Integer(-2) && sample.quality == Quality::Good);
        wait_for(&mut link, 3, |sample| sample.value == Value::Symbol(Symbol::new("cold").unwrap()));
        for turn in 0..300 {
            node.update("node", "load", f64::from(turn));
            node.update("device", "temperature", f64::from(turn));
        }
        wait_for(&mut link, 2, |sample| sample.value == Value::Float(299.0) && sample.quality == Quality::Good);
        node.ask("skip");
        node.update("node", "count", 6);
        wait_for(&mut link, 1, |sample| sample.quality == Quality::Bad(Reason::Stale));
        wait_for(&mut link, 1, |sample| sample.value == Value::Integer(6) && sample.quality == Quality::Good);
        node.ask("die");
        wait_for(&mut link, 2, |sample| sample.quality == Quality::Bad(Reason::NotConnected));
        node.update("node", "count", 7);
        wait_for(&mut link, 1, |sample| sample.value == Value::Integer(7));
        // Without a farewell: the broker tells its death.
        drop(node);
        wait_for(&mut link, 0, |sample| sample.quality == Quality::Bad(Reason::NotConnected));
        let node = SparkplugNode::start(broker.port());
        wait_for(&mut link, 0, |sample| sample.quality == Quality::Good);
        let online = |online: bool| {
            let told = state.messages().last().map(|message| message.json()["online"].clone());
            (told == Some(online.into())).then_some(())
        };
        e2e::wait::wait_for("the host to be told online", || online(true));
        let counters = link.stop();
        e2e::wait::wait_for("the host to be told offline", || online(false));
        assert_eq!(counters.lost_at_source, 1, "{counters:?}");
        drop(node);
    }
}
