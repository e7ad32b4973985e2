//! A day of polls of a device to which everything happens, in simulated time: tokio's clock moves on whenever all tasks
//! wait, so 24 hours take seconds, with the timers, timeouts and pauses that a plant has. The device is in this process; what
//! real ones do in real time is in `tests/tests/modbus_chaos.rs`.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter::testing::{Usage, signal};
use adapter::{Clock, Context, queue};
use plant::{DataType, HostPort, Link, LinkSettings, ModbusSettings, ModbusTransport, Origin, Signal};
use telemetry::{Event, LinkId, LinkState, Quality, Timestamp, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, Pauses};
use crate::frame::CRC;
use crate::transport::{Dial, Endpoint, Framing, Stream};
use crate::{Buses, ModbusAdapter};

const DAY: Duration = Duration::from_secs(24 * 3600);
const INTERVAL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the device takes for an answer.
const LATENCY: Duration = Duration::from_millis(5);
/// From the end of a fault to the first good value, at most.
const BACK: Duration = Duration::from_secs(2);
/// How old a good value may be when it arrives: one poll with every request late or repeated.
const AGE_MAX_MS: u64 = 3000;
/// The first registers of the two requests of a poll. Both are alike, so that an answer to the other would fit.
const BLOCKS: [u16; 2] = [0, 100];
/// Registers of a request: two with the milliseconds of the day, and some that hold what [`value_at`] says.
const BLOCK: u16 = 6;
/// The most batches that may wait.
const QUEUE: usize = 8;
/// How much the process may grow in a day, MiB; other tests may run beside.
const GROWTH_MAX_MIB: f64 = 24.0;

/// What is wrong with the device.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// It refuses connections, and has closed those that it had.
    Off,
    /// Nothing answers, not even to connect.
    Gone,
    /// It takes requests and does not answer.
    Silent,
    /// Its answers come when nobody waits for them any more.
    Late,
    /// It closes the connection in the middle of an answer.
    Cut,
    /// It answers with bytes that mean nothing.
    Garbage,
    /// It answers with a frame that is broken.
    Broken,
    /// It is busy.
    Busy,
    /// Each answer comes after one to a request that nobody made.
    Stray,
}

/// Those that come and go.
const FAULTS: [Fault; 9] = [
    Fault::Off,
    Fault::Gone,
    Fault::Silent,
    Fault::Late,
    Fault::Cut,
    Fault::Garbage,
    Fault::Broken,
    Fault::Busy,
    Fault::Stray,
];

/// Numbers that look random and are the same for a seed: xorshift64*.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }

    fn from(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }
}

fn value_at(register: u16) -> u16 {
    register * 257 + 11
}

struct Device {
    framing: Framing,
    begun: Instant,
    fault: Mutex<Fault>,
    dice: Mutex<Dice>,
    connections: Mutex<u64>,
}

impl Device {
    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    fn dial(self: &Arc<Self>) -> Dial {
        let device = self.clone();
        Box::new(move || {
            let device = device.clone();
            Box::pin(async move { device.connect().await })
        })
    }

    async fn connect(self: Arc<Self>) -> Result<Box<dyn Stream>, String> {
        match self.fault() {
            Fault::Off => return Err("connection refused".to_owned()),
            Fault::Gone => std::future::pending().await,
            _ => {}
        }
        *self.connections.lock().unwrap() += 1;
        let (near, far) = duplex(1024);
        tokio::spawn(async move { self.serve(far).await });
        Ok(Box::new(near))
    }

    /// Answers requests until the connection ends.
    async fn serve(&self, mut stream: DuplexStream) -> Option<()> {
        let mut request = [0; 12];
        let request = match self.framing {
            Framing::Tcp => &mut request[..],
            Framing::Rtu => &mut request[..8],
        };
        loop {
            stream.read_exact(request).await.ok()?;
            sleep(LATENCY).await;
            let answer = self.answer(request, false);
            match self.fault() {
                Fault::None => stream.write_all(&answer).await.ok()?,
                Fault::Off => return None,
                Fault::Gone | Fault::Silent => {}
                Fault::Late => {
                    sleep(PATIENCE.mul_f64(1.4)).await;
                    stream.write_all(&answer).await.ok()?;
                }
                Fault::Cut => {
                    let half = self.roll(1..answer.len() as u64) as usize;
                    return stream.write_all(&answer[..half]).await.ok();
                }
                Fault::Garbage => {
                    let length = self.roll(1..300);
                    let bytes: Vec<u8> = (0..length).map(|_| self.roll(0..256) as u8).collect();
                    stream.write_all(&bytes).await.ok()?;
                }
                Fault::Broken => {
                    let mut broken = answer;
                    // Over TCP only the head, which says what the answer is to: nothing protects the rest.
                    let place = match self.framing {
                        Framing::Tcp => self.roll(0..7) as usize,
                        Framing::Rtu => self.roll(0..broken.len() as u64) as usize,
                    };
                    broken[place] ^= 1 << self.roll(0..8);
                    stream.write_all(&broken).await.ok()?;
                }
                Fault::Busy => stream.write_all(&self.answer(request, true)).await.ok()?,
                Fault::Stray => {
                    let mut stray = answer.clone();
                    stray[0] ^= 0x80;
                    stream.write_all(&stray).await.ok()?;
                    stream.write_all(&answer).await.ok()?;
                }
            }
        }
    }

    fn roll(&self, range: std::ops::Range<u64>) -> u64 {
        self.dice.lock().unwrap().from(range)
    }

    fn answer(&self, request: &[u8], is_busy: bool) -> Vec<u8> {
        let head = if self.framing == Framing::Tcp { 6 } else { 0 };
        let [unit, function, high, low, _, count] = request[head..head + 6] else { unreachable!() };
        let mut body = if is_busy { vec![unit, function | 0x80, 6] } else { vec![unit, function, 2 * count] };
        let millis = self.begun.elapsed().as_millis() as u32;
        let start = u16::from_be_bytes([high, low]);
        for register in (start..start + u16::from(count)).filter(|_| !is_busy) {
            let value = match register % 100 {
                0 => (millis >> 16) as u16,
                1 => millis as u16,
                _ => value_at(register),
            };
            body.extend(value.to_be_bytes());
        }
        match self.framing {
            Framing::Tcp => [&request[..4], &(body.len() as u16).to_be_bytes(), &body].concat(),
            Framing::Rtu => [&body[..], &CRC.checksum(&body).to_le_bytes()].concat(),
        }
    }
}

/// Two values of each request: the time, and one that stays.
fn signals() -> Vec<Signal> {
    let of_block = |start: u16| {
        let time = signal(start.into(), &format!("holding:{start}"), DataType::U32);
        let fixed = (start + 2..start + BLOCK).map(|at| signal(at.into(), &format!("holding:{at}"), DataType::U16));
        std::iter::once(time).chain(fixed)
    };
    BLOCKS.into_iter().flat_map(of_block).collect()
}

/// What came of the link, with every good value checked.
struct Received {
    events: mpsc::Receiver<Event>,
    begun: Instant,
    /// Since when the link is up.
    up: Option<Instant>,
    up_for: Duration,
    sessions: u64,
    /// Polls while the link was up, and samples of any time.
    polls: u64,
    samples: u64,
    good: u64,
    longest_queue: usize,
}

impl Received {
    /// Takes what comes until a moment, or until the first good value if `stop_at_good`; whether there was one.
    async fn until(&mut self, moment: Instant, stop_at_good: bool) -> bool {
        let mut good = false;
        while let Ok(event) = timeout_at(moment, self.events.recv()).await {
            good |= self.take(&event.expect("the adapter has ended"));
            if good && stop_at_good {
                break;
            }
        }
        good
    }

    fn take(&mut self, event: &Event) -> bool {
        self.longest_queue = self.longest_queue.max(self.events.len());
        match event {
            Event::Link { state: LinkState::Up, .. } => {
                self.up = Some(Instant::now());
                self.sessions += 1;
            }
            Event::Link { .. } => self.up_for += self.up.take().map_or(Duration::ZERO, |since| since.elapsed()),
            _ => {}
        }
        let samples = event.samples();
        self.samples += samples.len() as u64;
        self.polls += u64::from(self.up.is_some() && !samples.is_empty());
        let good = samples.iter().filter(|sample| sample.quality == Quality::Good);
        let good = good.map(|sample| self.check(sample.signal.0 as u16, sample.value)).count() as u64;
        self.good += good;
        good > 0
    }

    fn check(&self, register: u16, value: Value) {
        let Value::Integer(value) = value else { panic!("{register}: {value:?}") };
        if BLOCKS.contains(&register) {
            let age_ms = self.begun.elapsed().as_millis() as u64 - value as u64;
            assert!(age_ms <= AGE_MAX_MS, "register {register} is {age_ms} ms old");
        } else {
            assert_eq!(value, i64::from(value_at(register)), "register {register}");
        }
    }
}

/// Twice a day the device is off for hours; else something short happens every few minutes.
fn faults(seed: u64) -> impl Iterator<Item = (Duration, Fault, Duration)> {
    let mut dice = Dice(seed);
    (0..).map(move |number| {
        let quiet = Duration::from_millis(dice.from(20_000..600_000));
        match number {
            40 => (quiet, Fault::Off, Duration::from_secs(3 * 3600)),
            80 => (quiet, Fault::Gone, Duration::from_secs(3 * 3600)),
            _ => {
                let fault = FAULTS[dice.from(0..FAULTS.len() as u64) as usize];
                (quiet, fault, Duration::from_millis(dice.from(100..90_000)))
            }
        }
    })
}

async fn check_day(transport: ModbusTransport, seed: u64) {
    let settings = ModbusSettings {
        poll_interval_s: INTERVAL.as_secs_f64(),
        timeout_s: PATIENCE.as_secs_f64(),
        max_gap: 0,
        transport,
        ..ModbusSettings::tcp("plc", 502)
    };
    let endpoint = Endpoint(settings.transport.clone());
    let begun = Instant::now();
    let device = Arc::new(Device {
        framing: endpoint.framing(),
        begun,
        fault: Mutex::new(Fault::None),
        dice: Mutex::new(Dice(seed + 1)),
        connections: Mutex::new(0),
    });
    let bus = Arc::new(Bus::through(device.dial(), endpoint, Pauses::default()));
    let mut buses = Buses::with(&bus);
    let origin = Origin { file: "plant.toml".into(), line: 1 };
    let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Modbus(settings.clone()), origin };
    let signals = signals();
    let adapter = ModbusAdapter::new(&link, &settings, &signals.iter().collect::<Vec<_>>(), &mut buses).unwrap();
    let (sender, events) = queue(QUEUE);
    let context = Context::new(LinkId(0), Clock::scaled(Timestamp::EPOCH, 1.0), CancellationToken::new(), sender);
    let task = tokio::spawn(adapter.run(context.clone()));
    let mut received = Received {
        events,
        begun,
        up: None,
        up_for: Duration::ZERO,
        sessions: 0,
        polls: 0,
        samples: 0,
        good: 0,
        longest_queue: 0,
    };

    let (mut slowest, mut happened, mut memory_mib) = (Duration::ZERO, 0, Usage::own().resident_mib);
    for (quiet, fault, lasts) in faults(seed) {
        received.until(Instant::now() + quiet, false).await;
        if begun.elapsed() >= DAY {
            break;
        }
        device.set(fault);
        received.until(Instant::now() + lasts, false).await;
        device.set(Fault::None);
        let ended = Instant::now();
        assert!(
            received.until(ended + BACK, true).await,
            "seed {seed}: not back {BACK:?} after {fault:?} of {lasts:?}"
        );
        slowest = slowest.max(ended.elapsed());
        happened += 1;
        if happened == 20 {
            memory_mib = Usage::own().resident_mib;
        }
    }
    let grown = Usage::own().resident_mib - memory_mib;
    received.up_for += received.up.map_or(Duration::ZERO, |since| since.elapsed());
    let counters = context.counters.clone();
    context.stop.cancel();
    drop(context);
    task.await.unwrap();
    while let Some(event) = received.events.recv().await {
        received.take(&event);
    }
    check_accounts(&received, &counters.snapshot(), seed);
    let connections = *device.connections.lock().unwrap();
    println!(
        "seed {seed}: {happened} faults, slowest return {slowest:.2?}, {} sessions over {connections} connections, up for \
         {:.1} h, {} polls, {} good samples, {grown:.1} MiB grown, at most {} batches waited; {:?}",
        received.sessions,
        received.up_for.as_secs_f64() / 3600.0,
        received.polls,
        received.good,
        received.longest_queue,
        counters.snapshot(),
    );
    assert!(happened > 100, "{happened} faults");
    assert!(received.longest_queue <= QUEUE && grown <= GROWTH_MAX_MIB, "{grown:.1} MiB grown");
}

/// Every slot of the time in which the link was up gave a batch or is counted, and every sample is counted.
fn check_accounts(received: &Received, counters: &adapter::CountersSnapshot, seed: u64) {
    assert_eq!(counters.samples, received.samples, "seed {seed}: every sample is counted");
    let slots = received.up_for.as_secs_f64() / INTERVAL.as_secs_f64();
    let told = (received.polls + counters.lost_at_source) as f64;
    let slack = 3.0 * received.sessions as f64;
    assert!((told - slots).abs() <= slack, "seed {seed}: {told} polls and losses in {slots} slots, {slack} are slack");
    assert!(counters.unusable > 0 && counters.failures > 0 && counters.bad_samples > 0, "no chaos: {counters:?}");
}

fn at() -> HostPort {
    HostPort { host: "plc".to_owned(), port: 502 }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_chaos_over_tcp_loses_nothing_that_is_not_counted() {
    check_day(ModbusTransport::Tcp(at()), 7).await;
}

#[tokio::test(start_paused = true)]
async fn a_day_of_chaos_on_a_line_loses_nothing_that_is_not_counted() {
    check_day(ModbusTransport::RtuOverTcp(at()), 8).await;
}
