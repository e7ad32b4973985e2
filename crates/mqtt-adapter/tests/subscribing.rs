//! The adapter against a broker that comes and goes.
#![allow(clippy::unwrap_used)]

mod broker;

use std::time::{Duration, Instant};

use adapter::testing::{dark_listener, signal};
use adapter::{Clock, Context, CountersSnapshot, queue};
use broker::{BOUND, Front, TestBroker, scripted_broker};
use mqtt_adapter::{MqttAdapter, browse};
use plant::{DataType, Link, LinkSettings, MqttPayload, MqttSettings, Origin, Signal};
use telemetry::{Event, LinkId, LinkState, Quality, Reason, Sample, Symbol, Timestamp, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What a scripted broker says: "connected", "connected, and I know you", "refused: not authorised", "first subscription granted, second not".
const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const CONNACK_REMEMBERED: &[u8] = &[0x20, 2, 1, 0];
const CONNACK_NOT_AUTHORISED: &[u8] = &[0x20, 2, 0, 5];
const SUBACK_SECOND_REFUSED: &[u8] = &[0x90, 4, 0, 1, 1, 0x80];

/// What the clock of every test shows at its start.
fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A running adapter, seen from the twin's side.
struct Running {
    events: mpsc::Receiver<Event>,
    context: Context,
    task: JoinHandle<()>,
}

fn adapter(
    port: u16,
    time_pointer: Option<&str>,
    signals: &[Signal],
) -> Result<MqttAdapter, Vec<adapter::AddressError>> {
    let settings = MqttSettings {
        version: Some(3),
        payload: MqttPayload::Json { time_pointer: time_pointer.map(str::to_owned) },
        ..MqttSettings::at("127.0.0.1", port, "linetwin")
    };
    let origin = Origin { file: "plant.toml".into(), line: 9 };
    let link = Link { id: LinkId(0), name: "utilities".into(), settings: LinkSettings::Mqtt(settings.clone()), origin };
    MqttAdapter::new(&link, &settings, &signals.iter().collect::<Vec<_>>())
}

impl Running {
    fn start(port: u16, queue_capacity: usize, signals: &[Signal]) -> Self {
        let adapter = adapter(port, Some("/ts"), signals).unwrap();
        let (sender, events) = queue(queue_capacity);
        let context = Context::new(LinkId(0), Clock::scaled(start(), 1.0), CancellationToken::new(), sender);
        let task = tokio::spawn(adapter.run(context.clone()));
        Self { events, context, task }
    }

    async fn event(&mut self) -> Event {
        timeout(BOUND, self.events.recv()).await.expect("no event in time").expect("the adapter ended")
    }

    async fn samples(&mut self) -> Vec<Sample> {
        match self.event().await {
            Event::Samples(batch) => batch.samples,
            other => panic!("expected samples, got {other:?}"),
        }
    }

    async fn wait_up(&mut self) {
        match self.event().await {
            Event::Link { state: LinkState::Up, .. } => {}
            other => panic!("expected the link to come up, got {other:?}"),
        }
    }

    async fn wait_down(&mut self, expected: &str) {
        match self.event().await {
            Event::Link { state: LinkState::Down { reason }, .. } => assert!(reason.contains(expected), "{reason}"),
            other => panic!("expected the link to go down: {expected}, got {other:?}"),
        }
    }

    async fn stop(self) -> CountersSnapshot {
        self.context.stop.cancel();
        drop(self.events);
        timeout(BOUND, self.task).await.expect("the adapter does not stop").unwrap();
        self.context.counters.snapshot()
    }
}

fn cooling_signals() -> Vec<Signal> {
    vec![
        signal(0, "ev1/cooling-1#/flow", DataType::F64),
        Signal { scale: 0.1, ..signal(1, "ev1/cooling-1#/pressure", DataType::U16) },
        signal(2, "ev1/cooling-1#/state", DataType::Text),
        signal(3, "ev1/robot-10#/active", DataType::Bool),
    ]
}

#[tokio::test]
async fn a_message_becomes_one_batch_at_the_time_that_it_tells() {
    let mut broker = TestBroker::start().await;
    let mut running = Running::start(broker.port(), 4, &cooling_signals());
    running.wait_up().await;
    broker
        .publish("ev1/cooling-1", r#"{"ts": "2026-01-01T00:00:09Z", "flow": 12.5, "pressure": 15, "state": "running"}"#)
        .await;
    broker.publish("ev1/robot-10", r#"{"ts": 1767225610000, "active": true}"#).await;
    let samples = running.samples().await;
    assert!(samples.iter().all(|sample| sample.source_time == start().plus_seconds(9.0)));
    let values: Vec<_> = samples.iter().map(|sample| (sample.signal.0, sample.value, sample.quality)).collect();
    let running_state = Value::Symbol(Symbol::new("running").unwrap());
    assert_eq!(
        values,
        [
            (0, Value::Float(12.5), Quality::Good),
            (1, Value::Float(1.5), Quality::Good),
            (2, running_state, Quality::Good)
        ]
    );
    let samples = running.samples().await;
    assert_eq!((samples[0].value, samples[0].source_time), (Value::Boolean(true), start().plus_seconds(10.0)));
    let counters = running.stop().await;
    assert_eq!((counters.samples, counters.bad_samples, counters.unusable, counters.failures), (4, 0, 0, 0));
}

#[tokio::test]
async fn a_retained_message_comes_at_once() {
    let mut broker = TestBroker::start().await;
    broker.publish_retained("ev1/robot-10", r#"{"ts": 0, "active": true}"#).await;
    let mut running = Running::start(broker.port(), 4, &cooling_signals());
    running.wait_up().await;
    assert_eq!(running.samples().await[0].value, Value::Boolean(true));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_bad_or_left_out_and_counted() {
    let mut broker = TestBroker::start().await;
    let mut running = Running::start(broker.port(), 4, &cooling_signals());
    running.wait_up().await;
    broker.publish("ev1/cooling-1", "oops").await;
    broker.publish("ev1/cooling-1", r#"{"ts": 0, "flow": "fast"}"#).await;
    let malformed = running.samples().await;
    assert_eq!(malformed.len(), 3);
    assert!(malformed.iter().all(|sample| sample.quality == Quality::Bad(Reason::Malformed)));
    assert!(malformed.iter().all(|sample| sample.source_time >= start()));
    let partly = running.samples().await;
    assert_eq!((partly.len(), partly[0].quality), (1, Quality::Bad(Reason::TypeMismatch)));
    let counters = running.stop().await;
    assert_eq!((counters.samples, counters.bad_samples, counters.unusable), (4, 4, 3));
}

#[tokio::test]
async fn a_broker_that_restarts_is_subscribed_again() {
    let broker = TestBroker::start().await;
    let front = Front::start(&broker).await;
    let mut running = Running::start(front.port(), 4, &cooling_signals());
    running.wait_up().await;
    front.take_down();
    running.wait_down("it closed the connection").await;
    let mut successor = TestBroker::start().await;
    successor.publish_retained("ev1/robot-10", r#"{"ts": 0, "active": true}"#).await;
    front.bring_up(&successor);
    // Attempts while it was down may have failed for another reason than the loss of the link.
    loop {
        match running.event().await {
            Event::Link { state: LinkState::Up, .. } => break,
            Event::Link { .. } => {}
            other => panic!("expected a link state, got {other:?}"),
        }
    }
    assert_eq!(running.samples().await[0].value, Value::Boolean(true));
    successor.publish("ev1/robot-10", r#"{"ts": 0, "active": false}"#).await;
    assert_eq!(running.samples().await[0].value, Value::Boolean(false));
    assert_eq!(running.stop().await.connects, 2);
}

#[tokio::test]
async fn a_full_queue_slows_the_broker_down_and_loses_nothing() {
    const MESSAGES: i64 = 300;
    let mut broker = TestBroker::start().await;
    let mut running = Running::start(broker.port(), 1, &[signal(0, "count#/n", DataType::I64)]);
    running.wait_up().await;
    for number in 0..MESSAGES {
        broker.publish("count", &format!(r#"{{"ts": 0, "n": {number}}}"#)).await;
    }
    for number in 0..MESSAGES {
        assert_eq!(running.samples().await[0].value, Value::Integer(number));
    }
    let counters = running.stop().await;
    assert!(counters.waits > 0);
    assert_eq!(counters.samples, MESSAGES as u64);
}

#[tokio::test]
async fn a_refused_subscription_is_told_with_its_topic() {
    let port = scripted_broker(&[CONNACK, SUBACK_SECOND_REFUSED]).await;
    let mut running = Running::start(port, 4, &cooling_signals());
    running.wait_down("refuses the subscription to ev1/robot-10; allow client \"linetwin\"").await;
    assert_eq!(running.stop().await.connects, 0);
}

/// A packet that publishes at `ev1/robot-10` with quality of service 1.
fn published(packet: u16) -> Vec<u8> {
    let (topic, payload) = (b"ev1/robot-10", br#"{"ts": 0, "active": true}"#);
    let length = (2 + topic.len() + 2 + payload.len()) as u8;
    [&[0x32, length, 0, topic.len() as u8], &topic[..], &packet.to_be_bytes(), &payload[..]].concat()
}

#[tokio::test]
async fn a_broker_that_kept_much_is_listened_to_before_it_answers_the_subscription() {
    const KEPT: u16 = 1500;
    let kept: Vec<u8> = (1..=KEPT).flat_map(published).chain(SUBACK_SECOND_REFUSED.iter().copied()).collect();
    let answers: &[&[u8]] = &*Box::leak(Box::new([CONNACK_REMEMBERED, Box::leak(kept.into_boxed_slice())]));
    let mut running = Running::start(scripted_broker(answers).await, 4, &cooling_signals());
    running.wait_up().await;
    for _ in 0..KEPT {
        assert_eq!(running.samples().await[0].value, Value::Boolean(true));
    }
    running.wait_down("refuses the subscription to ev1/robot-10").await;
    running.stop().await;
}

#[tokio::test]
async fn a_broker_that_does_not_know_us_and_sends_much_before_its_answer_is_left() {
    let early: Vec<u8> = (1..=1500).flat_map(published).collect();
    let answers: &[&[u8]] = &*Box::leak(Box::new([CONNACK, Box::leak(early.into_boxed_slice())]));
    let mut running = Running::start(scripted_broker(answers).await, 4, &cooling_signals());
    running.wait_down("more than 1000 messages before it acknowledged the subscription").await;
    running.stop().await;
}

#[tokio::test]
async fn a_refused_connection_is_told_with_what_to_check() {
    let port = scripted_broker(&[CONNACK_NOT_AUTHORISED]).await;
    let mut running = Running::start(port, 4, &cooling_signals());
    running.wait_down("not authorised; check user name and password").await;
    running.stop().await;
}

#[tokio::test]
async fn a_silent_broker_is_given_up() {
    let port = scripted_broker(&[]).await;
    let mut running = Running::start(port, 4, &cooling_signals());
    running.wait_down("no answer in time").await;
    running.stop().await;
}

#[tokio::test]
async fn a_broker_whose_machine_drops_everything_is_found_within_two_seconds_of_its_return() {
    let broker = TestBroker::start().await;
    let (listener, _filling) = dark_listener().await;
    let mut running = Running::start(listener.local_addr().unwrap().port(), 4, &cooling_signals());
    running.wait_down("does not answer within 1s").await;
    // Until the pauses are as long as they get.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (returned, _front) = (Instant::now(), Front::at(listener, &broker));
    running.wait_up().await;
    assert!(returned.elapsed() <= Duration::from_secs(2), "found after {:?}", returned.elapsed());
    running.stop().await;
}

#[test]
fn a_wrong_time_pointer_is_told_with_the_addresses() {
    let errors = adapter(1883, Some("ts"), &[signal(0, "a+", DataType::F64)]).unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].to_string().starts_with("plant.toml:9: time_pointer of link utilities: address `ts`"));
    assert!(adapter(1883, Some("ts"), &cooling_signals()).is_err());
}

#[tokio::test]
async fn browsing_lists_the_values_of_the_messages() {
    let mut broker = TestBroker::start().await;
    broker.publish_retained("ev1/cooling-1", r#"{"flow": 12.5, "on": true}"#).await;
    let address = format!("mqtt://127.0.0.1:{}/ev1/#", broker.port());
    let rows = browse(&address, Duration::from_secs(1)).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.address.as_str(), row.data_type)).collect();
    assert_eq!(found, [("ev1/cooling-1#/flow", DataType::F64), ("ev1/cooling-1#/on", DataType::Bool)]);
    let nothing = browse(&format!("mqtt://127.0.0.1:{}/other/#", broker.port()), Duration::from_millis(1)).await;
    assert!(nothing.unwrap_err().0.contains("0 messages"));
}
