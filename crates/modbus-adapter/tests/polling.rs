//! The adapter against a device that can be told to misbehave.
#![allow(clippy::unwrap_used)]

mod device;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adapter::testing::signal;
use adapter::{Clock, Context, CountersSnapshot, queue};
use device::{Answers, TestDevice, scripted_device};
use modbus_adapter::{Buses, ModbusAdapter, browse};
use plant::{DataType, Link, LinkSettings, ModbusSettings, Origin, PollGroup, Signal, WordOrder};
use telemetry::{Event, LinkId, LinkState, Quality, Reason, Sample, Symbol, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_modbus::ExceptionCode;
use tokio_util::sync::CancellationToken;

/// No test waits longer than this for anything.
const BOUND: Duration = Duration::from_secs(20);

/// How many times as fast as life the plant's clock runs.
const SPEED: f64 = 100.0;

/// A device on this machine, polled once a second of the plant's clock.
fn settings(port: u16) -> ModbusSettings {
    ModbusSettings { timeout_s: 0.3, max_gap: 4, ..ModbusSettings::tcp("127.0.0.1", port) }
}

/// A running adapter, seen from the twin's side.
struct Running {
    events: mpsc::Receiver<Event>,
    context: Context,
    task: JoinHandle<()>,
}

impl Running {
    fn start(port: u16, signals: &[Signal]) -> Self {
        Self::start_with(settings(port), signals)
    }

    fn start_with(settings: ModbusSettings, signals: &[Signal]) -> Self {
        Self::start_on(&mut Buses::default(), settings, signals)
    }

    fn start_on(buses: &mut Buses, settings: ModbusSettings, signals: &[Signal]) -> Self {
        let origin = Origin { file: "plant.toml".into(), line: 1 };
        let name = format!("plc-{}", settings.unit);
        let link = Link { id: LinkId(0), name, settings: LinkSettings::Modbus(settings.clone()), origin };
        let adapter = ModbusAdapter::new(&link, &settings, &signals.iter().collect::<Vec<_>>(), buses).unwrap();
        let (sender, events) = queue(4);
        let clock = Clock::scaled("2026-01-01T00:00:00Z".parse().unwrap(), SPEED);
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

/// Peers lose a whole poll over one register, or ask for each alone from then on.
#[tokio::test]
async fn one_bad_register_loses_only_itself() {
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
    let first = [(0, 5), (0, 2), (2, 3), (2, 1), (3, 2)];
    let later = [(0, 2), (3, 2)];
    assert_eq!(device.requests()[..9], [&first[..], &later[..], &later[..]].concat());
    device.set("holding", 2, &[12]);
    running.wait_for(&integers(&[10, 11, 12, 13, 14])).await;
    running.wait_for(&integers(&[10, 11, 12, 13, 14])).await;
    assert_eq!(device.requests().last(), Some(&(0, 5)), "what is a hole no more is read with its neighbours");
    assert_eq!(running.stop().await.failures, 0);
}

#[tokio::test]
async fn a_hole_among_many_is_found_in_few_requests() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[7; 77]);
    device.set("holding", 78, &[7; 47]);
    let mut running = Running::start(device.port(), &registers(0..125));
    let expected: Vec<_> =
        (0..125).map(|at| if at == 77 { Err(Reason::UnknownAddress) } else { Ok(Value::Integer(7)) }).collect();
    running.wait_for(&expected).await;
    let asked = device.requests().len();
    assert!(asked <= 1 + 2 * 7, "{asked} requests");
    running.stop().await;
}

#[tokio::test]
async fn cells_that_nobody_wants_and_the_device_does_not_have_are_not_read_along_again() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10]);
    device.set("holding", 3, &[13]);
    let signals = [signal(0, "holding:0", DataType::U16), signal(1, "holding:3", DataType::U16)];
    let mut running = Running::start(device.port(), &signals);
    running.wait_for(&integers(&[10, 13])).await;
    running.wait_for(&integers(&[10, 13])).await;
    assert_eq!(device.requests()[..5], [(0, 4), (0, 1), (3, 1), (0, 1), (3, 1)]);
    running.stop().await;
}

/// A cap on registers per request that nobody told us.
#[tokio::test]
async fn device_limits_are_found_out() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11, 12]);
    device.refuse_longer_than(2);
    let mut running = Running::start(device.port(), &registers(0..3));
    running.wait_for(&integers(&[10, 11, 12])).await;
    running.wait_for(&integers(&[10, 11, 12])).await;
    assert_eq!(device.requests()[..5], [(0, 3), (0, 1), (1, 2), (0, 1), (1, 2)]);
    running.stop().await;
}

/// A cap, a wait after the connection, a gap between requests, a device that counts from 1.
#[tokio::test]
async fn device_limits_and_temperament_are_respected() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11, 12, 13]);
    let gap = Duration::from_millis(40);
    let profile = ModbusSettings {
        max_registers: 2,
        base_address: 1,
        pause_after_connect_s: 0.3,
        pause_between_requests_s: gap.as_secs_f64(),
        ..settings(device.port())
    };
    let begun = Instant::now();
    let mut running = Running::start_with(profile, &registers(1..5));
    running.wait_up().await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    running.wait_for(&integers(&[10, 11, 12, 13])).await;
    running.wait_for(&integers(&[10, 11, 12, 13])).await;
    assert_eq!(device.requests()[..4], [(0, 2), (2, 2), (0, 2), (2, 2)]);
    let times = device.request_times();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= gap), "{times:?}");
    running.stop().await;
}

#[tokio::test]
async fn each_poll_group_has_a_rate_of_its_own() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11]);
    let slow = PollGroup { name: "slow".into(), interval_s: 10.0 };
    let profile = ModbusSettings { poll_groups: vec![slow], ..settings(device.port()) };
    let signals = [
        signal(0, "holding:0", DataType::U16),
        Signal { poll: Some("slow".into()), ..signal(1, "holding:1", DataType::U16) },
    ];
    let mut running = Running::start_with(profile, &signals);
    let (mut fast, mut slow) = (0, 0);
    while slow < 4 {
        let samples = running.samples().await;
        assert_eq!(samples.len(), 1);
        if samples[0].signal.0 == 0 { fast += 1 } else { slow += 1 }
    }
    // Three whole intervals of the slow one at most, at least two and a half; slots may be missed on a busy machine.
    let missed = running.counters().lost_at_source as i32;
    assert!(fast + missed >= 24 && fast <= 33, "{fast} fast polls, {missed} missed");
    running.stop().await;
}

#[tokio::test]
async fn a_busy_device_is_asked_again_as_often_as_its_profile_says() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[10, 11]);
    device.answer(Answers::Refuse(ExceptionCode::ServerDeviceBusy));
    let profile = ModbusSettings { busy_retries: 2, poll_interval_s: 1000.0, ..settings(device.port()) };
    let mut running = Running::start_with(profile, &registers(0..2));
    running.wait_up().await;
    running.wait_for(&[Err(Reason::DeviceFault), Err(Reason::DeviceFault)]).await;
    assert_eq!(device.requests(), [(0, 2); 3]);
    device.answer(Answers::AtOnce);
    running.wait_for(&integers(&[10, 11])).await;
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

/// One slow reply, and every later one carries the id before: with peers until a restart.
#[tokio::test]
async fn off_by_one_reply_for_ever_is_one_poll() {
    let device = TestDevice::start().await;
    device.set("holding", 0, &[111]);
    let mut running = Running::start(device.port(), &registers(0..1));
    running.wait_up().await;
    running.wait_for(&integers(&[111])).await;
    device.answer(Answers::After(Duration::from_millis(450)));
    running.wait_for(&[Err(Reason::Timeout)]).await;
    device.set("holding", 0, &[222]);
    device.answer(Answers::AtOnce);
    device.wait_for_late_answer(BOUND).await;
    running.wait_for(&integers(&[222])).await;
    for _ in 0..20 {
        assert_eq!(running.samples().await.iter().map(outcome).collect::<Vec<_>>(), integers(&[222]));
    }
    let counters = running.stop().await;
    assert_eq!((counters.connects, counters.failures), (1, 0), "the connection is kept");
    assert_eq!(counters.unusable, 1, "the late answer is counted");
}

#[tokio::test]
async fn a_device_that_never_answers_the_last_request_loses_its_connection() {
    let stale = |request: &[u8]| Some([&[0x77, 0x77], &request[2..4], &[0, 5, request[6], 3, 2, 0, 111]].concat());
    let right = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 222]].concat());
    let port = scripted_device(&[stale, right]).await;
    let mut running = Running::start(port, &registers(0..1));
    running.wait_down("no answer within 300ms").await;
    running.wait_up().await;
    running.wait_for(&integers(&[222])).await;
    assert!(running.stop().await.unusable >= 2);
}

/// Whether unit 2 of the gateway of the next test has power.
static UNIT_2_IS_ON: AtomicBool = AtomicBool::new(false);

/// A timeout of one unit stalls, or flushes, what others wait for.
#[tokio::test]
async fn one_dead_unit_starves_nobody() {
    let gateway = |request: &[u8]| {
        let answers = request[6] == 1 || UNIT_2_IS_ON.load(Ordering::Relaxed);
        Some(if answers { [&request[..4], &[0, 5, request[6], 3, 2, 0, request[6]]].concat() } else { Vec::new() })
    };
    let port = scripted_device(&[gateway]).await;
    let mut buses = Buses::default();
    let mut start = |unit| {
        let settings = ModbusSettings { unit, timeout_s: 0.1, poll_interval_s: 2.0, ..settings(port) };
        Running::start_on(&mut buses, settings, &registers(0..1))
    };
    let (mut alive, mut dead) = (start(1), start(2));
    alive.wait_up().await;
    // At once, then at each slot.
    assert_eq!(dead.samples().await.iter().map(outcome).collect::<Vec<_>>(), [Err(Reason::Timeout)]);
    dead.wait_down("it is asked less often").await;
    let drain = tokio::spawn(async move {
        loop {
            match dead.event().await {
                Event::Link { state: LinkState::Up, .. } => break dead,
                Event::Samples(batch) => assert!(batch.samples.iter().all(|sample| !sample.quality.is_usable())),
                other => panic!("told again: {other:?}"),
            }
        }
    });
    // From the longest pause on, a timeout takes at most one tenth of the time from the others.
    let served = |alive: &Running| alive.counters().samples;
    let mut polls = Vec::new();
    for _ in 0..40 {
        let begun = (Instant::now(), served(&alive));
        while begun.0.elapsed() < Duration::from_millis(50) {
            assert_eq!(alive.samples().await.iter().map(outcome).collect::<Vec<_>>(), integers(&[1]));
        }
        polls.push(served(&alive) - begun.1);
    }
    let undisturbed = polls.iter().filter(|&&polls| polls >= 2).count();
    assert!(undisturbed >= 30, "polls in each 2.5 intervals: {polls:?}");
    UNIT_2_IS_ON.store(true, Ordering::Relaxed);
    let mut back = timeout(BOUND, drain).await.expect("the unit is not found again").unwrap();
    back.wait_for(&integers(&[2])).await;
    assert_eq!(back.stop().await.demotions, 1);
    let counters = alive.stop().await;
    assert_eq!((counters.connects, counters.failures, counters.bad_samples), (1, 0, 0));
}

#[tokio::test]
async fn an_answer_of_another_unit_says_what_to_set() {
    let other = |request: &[u8]| Some([&request[..4], &[0, 5, 9, 3, 2, 0, 111]].concat());
    let port = scripted_device(&[other]).await;
    let mut running = Running::start(port, &registers(0..1));
    running.wait_down("set the link's unit to 9").await;
    running.stop().await;
}

#[tokio::test]
async fn an_answer_of_the_wrong_length_ends_the_connection() {
    let short = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 111]].concat());
    let port = scripted_device(&[short]).await;
    let mut running = Running::start(port, &registers(0..2));
    running.wait_down("holds 2 bytes of data; expected 4").await;
    running.stop().await;
}

/// What is missing of it would be taken from the answers that follow.
#[tokio::test]
async fn an_answer_that_breaks_off_ends_the_connection() {
    let half = |request: &[u8]| Some([&request[..4], &[0, 143, request[6], 3, 140, 0, 111]].concat());
    let right = |request: &[u8]| Some([&request[..4], &[0, 5, request[6], 3, 2, 0, 222]].concat());
    let port = scripted_device(&[half, right]).await;
    let mut running = Running::start(port, &registers(0..1));
    running.wait_down("broke off in the middle").await;
    running.wait_up().await;
    running.wait_for(&integers(&[222])).await;
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
