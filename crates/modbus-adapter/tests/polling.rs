//! The adapter against a device that can be told to misbehave.
#![allow(clippy::unwrap_used)]

mod device;

use std::time::Duration;

use adapter::testing::signal;
use adapter::{Clock, Context, CountersSnapshot, queue};
use device::{Answers, TestDevice, scripted_device};
use modbus_adapter::{ModbusAdapter, browse};
use plant::{DataType, Link, LinkSettings, ModbusSettings, Origin, Signal, WordOrder};
use telemetry::{Event, LinkId, LinkState, Quality, Reason, Sample, Symbol, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_modbus::ExceptionCode;
use tokio_util::sync::CancellationToken;

/// No test waits longer than this for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A running adapter, seen from the twin's side.
struct Running {
    events: mpsc::Receiver<Event>,
    context: Context,
    task: JoinHandle<()>,
}

impl Running {
    fn start(port: u16, signals: &[Signal]) -> Self {
        let settings = ModbusSettings {
            host: "127.0.0.1".into(),
            port,
            unit: 1,
            poll_interval_s: 1.0,
            timeout_s: 0.3,
            max_registers: 125,
            max_gap: 4,
        };
        let origin = Origin { file: "plant.toml".into(), line: 1 };
        let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Modbus(settings.clone()), origin };
        let adapter = ModbusAdapter::new(&link, &settings, &signals.iter().collect::<Vec<_>>()).unwrap();
        let (sender, events) = queue(4);
        let clock = Clock::scaled("2026-01-01T00:00:00Z".parse().unwrap(), 100.0);
        let context = Context::new(LinkId(0), clock, CancellationToken::new(), sender);
        let task = tokio::spawn(adapter.run(context.clone()));
        Self { events, context, task }
    }

    async fn event(&mut self) -> Event {
        timeout(BOUND, self.events.recv()).await.expect("no event in time").expect("the adapter ended")
    }

    async fn samples(&mut self) -> Vec<Sample> {
        loop {
            if let Event::Samples(batch) = self.event().await {
                return batch.samples;
            }
        }
    }

    /// Waits until a poll gives these values and qualities, in the order of the signals.
    async fn wait_for(&mut self, expected: &[Result<Value, Reason>]) {
        let seen = async {
            loop {
                let mut samples = self.samples().await;
                samples.sort_by_key(|sample| sample.signal);
                if samples.iter().map(outcome).collect::<Vec<_>>() == expected {
                    return;
                }
            }
        };
        timeout(BOUND, seen).await.unwrap_or_else(|_| panic!("no poll gave {expected:?}"));
    }

    async fn link_state(&mut self) -> LinkState {
        loop {
            if let Event::Link { state, .. } = self.event().await {
                return state;
            }
        }
    }

    async fn wait_down(&mut self, expected: &str) {
        match self.link_state().await {
            LinkState::Down { reason } => assert!(reason.contains(expected), "{reason}"),
            LinkState::Up => panic!("the link came up instead of going down: {expected}"),
        }
    }

    async fn wait_up(&mut self) {
        assert_eq!(self.link_state().await, LinkState::Up);
    }

    fn counters(&self) -> CountersSnapshot {
        self.context.counters.snapshot()
    }

    async fn stop(self) -> CountersSnapshot {
        self.context.stop.cancel();
        drop(self.events);
        timeout(BOUND, self.task).await.expect("the adapter does not stop").unwrap();
        self.context.counters.snapshot()
    }
}

fn outcome(sample: &Sample) -> Result<Value, Reason> {
    match sample.quality {
        Quality::Bad(reason) => Err(reason),
        _ => Ok(sample.value),
    }
}

fn integers(values: &[i64]) -> Vec<Result<Value, Reason>> {
    values.iter().map(|&value| Ok(Value::Integer(value))).collect()
}

fn registers(addresses: std::ops::Range<u16>) -> Vec<Signal> {
    addresses.map(|at| signal(at.into(), &format!("holding:{at}"), DataType::U16)).collect()
}

#[tokio::test]
async fn values_of_all_tables_arrive_in_one_batch_with_one_time() {
    let device = TestDevice::start().await;
    device.set("coil", 3, &[1]);
    device.set("discrete", 9, &[0]);
    device.set("input", 12, &[0x0000, 0x4148]);
    device.set("holding", 0, &[0xFFFE, 0x4556, 0x3100, 0x0004]);
    device.set("holding", 10, &[0x7FC0, 0x0000]);
    let signals = [
        signal(0, "coil:3", DataType::Bool),
        signal(1, "discrete:9", DataType::Bool),
        Signal { word_order: WordOrder::Cdab, ..signal(2, "input:12", DataType::F32) },
        Signal { scale: 0.5, offset: 10.0, ..signal(3, "holding:0", DataType::I16) },
        signal(4, "holding:1/2", DataType::Text),
        signal(5, "holding:3.2", DataType::Bool),
        signal(6, "holding:10", DataType::F32),
    ];
    let mut running = Running::start(device.port(), &signals);
    running.wait_up().await;
    let mut samples = running.samples().await;
    assert!(samples.iter().all(|sample| sample.source_time == samples[0].source_time));
    samples.sort_by_key(|sample| sample.signal);
    assert_eq!(
        samples.iter().map(outcome).collect::<Vec<_>>(),
        [
            Ok(Value::Boolean(true)),
            Ok(Value::Boolean(false)),
            Ok(Value::Float(12.5)),
            Ok(Value::Float(9.0)),
            Ok(Value::Symbol(Symbol::new("EV1").unwrap())),
            Ok(Value::Boolean(true)),
            Err(Reason::OutOfRange),
        ]
    );
    let counters = running.stop().await;
    assert_eq!((counters.connects, counters.failures), (1, 0));
}

#[tokio::test]
async fn a_hole_costs_its_own_signal_only_and_is_never_merged_over_again() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11]);
    device.set("holding", 3, &[13, 14]);
    let mut running = Running::start(device.port(), &registers(0..5));
    let expected = [10, 11, -1, 13, 14]
        .map(|value| if value < 0 { Err(Reason::UnknownAddress) } else { Ok(Value::Integer(value)) });
    running.wait_up().await;
    running.wait_for(&expected).await;
    running.wait_for(&expected).await;
    running.wait_for(&expected).await;
    let first = [(0, 5), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1)];
    let later = [(0, 2), (3, 2), (2, 1)];
    assert_eq!(device.requests()[..9], [&first[..], &later[..]].concat());
    device.set("holding", 2, &[12]);
    running.wait_for(&integers(&[10, 11, 12, 13, 14])).await;
    assert_eq!(running.stop().await.failures, 0);
}

#[tokio::test]
async fn a_device_that_refuses_long_requests_is_read_in_short_ones() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11, 12]);
    device.refuse_longer_than(2);
    let mut running = Running::start(device.port(), &registers(0..3));
    running.wait_for(&integers(&[10, 11, 12])).await;
    running.wait_for(&integers(&[10, 11, 12])).await;
    let split = [(0, 3), (0, 1), (1, 1), (2, 1)];
    assert_eq!(device.requests()[..6], [&split[..], &split[1..3]].concat());
    running.stop().await;
}

#[tokio::test]
async fn a_busy_device_gives_bad_quality_and_is_not_asked_more_often() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11]);
    device.answer(Answers::Refuse(ExceptionCode::ServerDeviceBusy));
    let mut running = Running::start(device.port(), &registers(0..2));
    running.wait_up().await;
    running.wait_for(&[Err(Reason::DeviceFault), Err(Reason::DeviceFault)]).await;
    device.answer(Answers::AtOnce);
    running.wait_for(&integers(&[10, 11])).await;
    assert!(device.requests().iter().all(|&request| request == (0, 2)));
    running.stop().await;
}

#[tokio::test]
async fn a_silent_device_takes_the_link_down_until_it_answers() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10]);
    let mut running = Running::start(device.port(), &registers(0..1));
    running.wait_up().await;
    device.answer(Answers::Never);
    running.wait_down("holding 0: no answer within 300ms").await;
    device.answer(Answers::AtOnce);
    running.wait_up().await;
    running.wait_for(&integers(&[10])).await;
    assert!(running.stop().await.failures >= 1);
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_another() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[111]);
    device.answer(Answers::After(Duration::from_millis(600)));
    let mut running = Running::start(device.port(), &registers(0..1));
    running.wait_down("no answer within").await;
    device.set("holding", 0, &[222]);
    device.answer(Answers::AtOnce);
    running.wait_up().await;
    device.wait_for_late_answer(BOUND).await;
    for _ in 0..20 {
        assert_eq!(running.samples().await.iter().map(outcome).collect::<Vec<_>>(), integers(&[222]));
    }
    running.stop().await;
}

#[tokio::test]
async fn an_answer_to_another_request_ends_the_connection() {
    let stale = |request: &[u8]| Some([&[0x77, 0x77], &request[2..4], &[0, 5, request[6], 3, 2, 0, 111]].concat());
    let right = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 222]].concat());
    let port = scripted_device(&[stale, right]).await;
    let mut running = Running::start(port, &registers(0..1));
    running.wait_down("another request").await;
    running.wait_up().await;
    assert_eq!(running.samples().await.iter().map(outcome).collect::<Vec<_>>(), integers(&[222]));
    running.stop().await;
}

#[tokio::test]
async fn an_answer_of_the_wrong_length_ends_the_connection() {
    let short = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 111]].concat());
    let port = scripted_device(&[short]).await;
    let mut running = Running::start(port, &registers(0..2));
    running.wait_down("holds 1 registers; expected 2").await;
    running.stop().await;
}

#[tokio::test]
async fn a_closed_connection_is_opened_again() {
    let close = |_: &[u8]| None;
    let right = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 222]].concat());
    let port = scripted_device(&[close, right]).await;
    let mut running = Running::start(port, &registers(0..1));
    running.wait_down("closed the connection").await;
    running.wait_up().await;
    running.stop().await;
}

#[tokio::test]
async fn a_device_that_is_off_is_reported_once_and_found_when_it_comes_back() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10]);
    let mut running = Running::start(device.port(), &registers(0..1));
    running.wait_up().await;
    let off = device.switch_off().await;
    running.wait_down("").await;
    running.wait_down("cannot connect").await;
    let _device = off.switch_on().await;
    running.wait_up().await;
    running.wait_for(&integers(&[10])).await;
    running.stop().await;
}

#[tokio::test]
async fn slots_that_a_slow_device_makes_us_miss_are_counted() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10]);
    device.answer(Answers::After(Duration::from_millis(50)));
    let mut running = Running::start(device.port(), &registers(0..1));
    let counted = async {
        while running.counters().lost_at_source < 3 {
            running.samples().await;
        }
    };
    timeout(BOUND, counted).await.expect("no missed slots counted");
    assert_eq!(running.stop().await.failures, 0);
}

#[tokio::test]
async fn browsing_lists_what_can_be_read_around_the_holes() {
    let device = TestDevice::start().await;
    device.set("holding", 2, &[20, 0xABCD]);
    device.set("holding", 7, &[70]);
    device.set("coil", 1, &[1]);
    let rows = browse(&format!("modbus://127.0.0.1:{}?range=0-200", device.port())).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.signal.as_str(), row.address.as_str())).collect();
    assert_eq!(found, [("register-2", "holding:2"), ("register-3", "holding:3"), ("register-7", "holding:7")]);
    assert_eq!(rows[1].description, "held 43981 (hex ABCD)");
    let coils = browse(&format!("modbus://127.0.0.1:{}?range=0-9&table=coil", device.port())).await.unwrap();
    assert_eq!((coils.len(), coils[0].data_type), (1, DataType::Bool));
    let nothing = browse(&format!("modbus://127.0.0.1:{}?table=input", device.port())).await.unwrap_err();
    assert!(nothing.0.contains("refuses every input from 0 to 99"), "{nothing}");
}
