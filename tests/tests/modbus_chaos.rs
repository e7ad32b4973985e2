//! A Modbus link while all that can happen to a connection does, against real peers: no value is ever wrong, the link is
//! back soon after its device is, and the device never has more than one client.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use adapter::testing::{Usage, signal};
use adapter::{Clock, Context, queue};
use e2e::peers::ModbusDevice;
use e2e::proxy::{Chaos, Fault, Proxy};
use modbus_adapter::{Buses, ModbusAdapter};
use plant::{DataType, Link, LinkSettings, ModbusSettings, Origin, Signal};
use telemetry::{Event, LinkId, Quality, Sample, Value};
use tokio::sync::mpsc;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

/// Faults of a run, and the shortest that one lasts.
const FAULTS: usize = 24;
const UNIT: Duration = Duration::from_millis(80);
/// How many times as fast as life the polls are.
const SPEED: f64 = 20.0;
/// What is asked for in one request, and how many of these: all are alike, so that an answer to another request would fit.
const BLOCK: u16 = 8;
const BLOCKS: u16 = 4;
/// From a device's return to the first good value.
const BACK: Duration = Duration::from_secs(2);
/// How much the test may grow, MiB.
const GROWTH_MAX_MIB: f64 = 16.0;

/// What a register holds.
fn value_at(address: u16) -> u16 {
    address * 257 + 11
}

fn signals() -> Vec<Signal> {
    let addresses = (0..BLOCKS).flat_map(|block| block * 16..block * 16 + BLOCK);
    addresses.map(|at| signal(at.into(), &format!("holding:{at}"), DataType::U16)).collect()
}

/// What came of the link, with every good value checked.
struct Received {
    events: mpsc::Receiver<Event>,
    samples: u64,
}

impl Received {
    /// Takes what comes until a moment, or until the first good value if `stop_at_good`; whether there was one.
    async fn until(&mut self, moment: Instant, stop_at_good: bool) -> bool {
        let mut good = false;
        while let Ok(event) = timeout_at(moment.into(), self.events.recv()).await {
            let Event::Samples(batch) = event.expect("the adapter has ended") else { continue };
            self.samples += batch.samples.len() as u64;
            good |= batch.samples.iter().filter(|sample| sample.quality == Quality::Good).map(check_value).count() > 0;
            if good && stop_at_good {
                break;
            }
        }
        good
    }
}

fn check_value(sample: &Sample) {
    let expected = Value::Integer(value_at(sample.signal.0 as u16).into());
    assert_eq!(sample.value, expected, "holding {}", sample.signal.0);
}

async fn check(proxy: &Proxy, seed: u64) {
    let settings = ModbusSettings {
        poll_interval_s: 0.5,
        timeout_s: 0.1,
        max_gap: 0,
        ..ModbusSettings::tcp("127.0.0.1", proxy.port())
    };
    let origin = Origin { file: "plant.toml".into(), line: 1 };
    let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Modbus(settings.clone()), origin };
    let signals = signals();
    let of_link: Vec<&Signal> = signals.iter().collect();
    let adapter = ModbusAdapter::new(&link, &settings, &of_link, &mut Buses::default()).unwrap();
    let (sender, events) = queue(8);
    let clock = Clock::scaled("2026-01-01T00:00:00Z".parse().unwrap(), SPEED);
    let context = Context::new(LinkId(0), clock, CancellationToken::new(), sender);
    let task = tokio::spawn(adapter.run(context.clone()));
    let mut received = Received { events, samples: 0 };
    assert!(received.until(Instant::now() + BACK, true).await, "the link must come up");

    let begun = (Instant::now(), Usage::own().resident_mib);
    let mut slowest = Duration::ZERO;
    for (fault, lasts) in Chaos::new(seed, UNIT).take(2 * FAULTS) {
        proxy.set(fault);
        let set = Instant::now();
        if fault == Fault::None {
            assert!(received.until(set + BACK, true).await, "seed {seed}: not back within {BACK:?}");
            slowest = slowest.max(set.elapsed());
        }
        received.until(Instant::now() + lasts, false).await;
    }
    let took = begun.0.elapsed();
    let grown = Usage::own().resident_mib - begun.1;
    let counters = context.counters.clone();
    context.stop.cancel();
    drop(context);
    while let Some(event) = received.events.recv().await {
        received.samples += event.samples().len() as u64;
    }
    task.await.unwrap();
    let counters = counters.snapshot();
    println!("seed {seed}: {took:.1?}, slowest return {slowest:.2?}, {grown:.1} MiB grown, {counters:?}");
    assert_eq!(proxy.most_at_once(), 1, "the device has one client");
    let connections = proxy.connections();
    assert!(connections as f64 <= 5.0 * took.as_secs_f64() + 2.0, "{connections} connections in {took:?}");
    assert_eq!(counters.samples, received.samples, "every sample is counted");
    assert!(counters.failures > 0 && counters.unusable > 0, "the chaos must have been one: {counters:?}");
    assert!(grown <= GROWTH_MAX_MIB, "{grown:.1} MiB grown");
}

fn run(mut device: ModbusDevice, seed: u64) {
    let values: Vec<u16> = (0..64).map(value_at).collect();
    device.registers(0, &values);
    let proxy = Proxy::start(device.port(), seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(check(&proxy, seed));
}

#[test]
fn no_value_is_wrong_whatever_happens_to_a_device_of_pymodbus() {
    run(ModbusDevice::start(), 7);
}

#[test]
fn no_value_is_wrong_whatever_happens_to_a_device_of_libmodbus() {
    run(ModbusDevice::start_libmodbus(), 8);
}
