//! An OPC UA link while all that can happen to a connection does, against asyncua: every change arrives, or its loss is counted
//! or marked by the link's going down; the link is back soon after its server is, and the server never has more than one
//! session.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use adapter::testing::{Usage, signal};
use adapter::{Clock, Context, Counters, queue};
use e2e::net::free_port;
use e2e::peers::OpcuaServer;
use e2e::proxy::{Chaos, Fault, Proxy};
use opcua_adapter::OpcuaAdapter;
use plant::{DataType, Link, LinkSettings, OpcuaAccess, OpcuaSecurity, OpcuaSettings, Origin};
use telemetry::{Event, LinkId, LinkState, Quality, Sample, Timestamp, Value};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

/// Faults of a run, and the shortest that one lasts.
const FAULTS: usize = 24;
const UNIT: Duration = Duration::from_millis(120);
/// From a server's return to the first good value.
const BACK: Duration = Duration::from_secs(2);
/// How long a server may take until it is there at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much the test may grow, MiB.
const GROWTH_MAX_MIB: f64 = 16.0;

/// A link to the variable `Count` of a server on that port.
struct Running {
    runtime: Runtime,
    context: Option<Context>,
    counters: Arc<Counters>,
    task: tokio::task::JoinHandle<()>,
    received: Received,
}

/// What came of the link.
struct Received {
    events: mpsc::Receiver<Event>,
    /// The last good value, and the last of this session.
    last: i64,
    of_session: Option<i64>,
    /// Values that were skipped while the link was up.
    skipped: u64,
    samples: u64,
    is_up: bool,
    /// Why the link went down, each time.
    reasons: Vec<String>,
    last_time: Option<Timestamp>,
}

impl Running {
    fn start(port: u16) -> Self {
        let url = format!("opc.tcp://127.0.0.1:{port}");
        let settings = OpcuaSettings {
            access: OpcuaAccess { security: OpcuaSecurity::None, ..OpcuaSettings::at("").access },
            publishing_interval_s: 0.05,
            sampling_interval_s: 0.0,
            queue_size: 1000,
            ..OpcuaSettings::at(url)
        };
        let origin = Origin { file: "plant.toml".into(), line: 1 };
        let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Opcua(settings.clone()), origin };
        let count = signal(0, "nsu=urn:linetwin:e2e;s=Count", DataType::I64);
        let adapter = OpcuaAdapter::new(&link, &settings, &[&count]).unwrap();
        let (sender, events) = queue(8);
        let context = Context::new(LinkId(0), Clock::system(), CancellationToken::new(), sender);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let task = runtime.spawn(adapter.run(context.clone()));
        let received = Received {
            events,
            last: 0,
            of_session: None,
            skipped: 0,
            samples: 0,
            is_up: false,
            reasons: Vec::new(),
            last_time: None,
        };
        Self { runtime, counters: context.counters.clone(), context: Some(context), task, received }
    }

    /// As [`Received::until`].
    fn until(&mut self, moment: Instant, is_it: impl Fn(&Received) -> bool) -> bool {
        self.runtime.block_on(self.received.until(moment, is_it))
    }

    /// How long it takes from now until the next good value.
    #[track_caller]
    fn back(&mut self) -> Duration {
        let (begun, samples) = (Instant::now(), self.received.samples);
        let is_back = self.until(begun + PATIENCE, |received| received.samples > samples);
        assert!(is_back, "not back within {PATIENCE:?}: {:?}", self.received.reasons);
        begun.elapsed()
    }

    /// Ends the adapter and takes what is left.
    fn stop(mut self) -> (Received, Arc<Counters>) {
        let context = self.context.take().unwrap();
        context.stop.cancel();
        drop(context);
        self.until(Instant::now() + PATIENCE, |_| false);
        self.runtime.block_on(self.task).unwrap();
        (self.received, self.counters)
    }
}

impl Received {
    /// Takes what comes until a moment, or until it is so; whether it is.
    async fn until(&mut self, moment: Instant, is_it: impl Fn(&Self) -> bool) -> bool {
        while !is_it(self) {
            let Ok(Some(event)) = timeout_at(moment.into(), self.events.recv()).await else { return false };
            match event {
                Event::Samples(batch) => batch.samples.iter().for_each(|sample| self.take(sample)),
                Event::Link { state: LinkState::Up, .. } => (self.of_session, self.is_up) = (None, true),
                Event::Link { state: LinkState::Down { reason }, .. } => {
                    self.is_up = false;
                    self.reasons.push(reason);
                }
                _ => {}
            }
        }
        true
    }

    fn take(&mut self, sample: &Sample) {
        assert_eq!(sample.quality, Quality::Good);
        let Value::Integer(value) = sample.value else { panic!("{:?}", sample.value) };
        match self.of_session {
            Some(before) => {
                assert!(value > before, "{value} after {before} in one session");
                self.skipped += (value - before - 1) as u64;
            }
            None => assert!(value >= self.last, "{value} after {}", self.last),
        }
        (self.of_session, self.last, self.last_time) = (Some(value), value, Some(sample.source_time));
        self.samples += 1;
    }
}

/// Counts the variable up, as fast as the server obeys, until it is stopped.
struct Counting {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<OpcuaServer>,
}

impl Counting {
    fn start(mut server: OpcuaServer, count: Arc<AtomicI64>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                server.set("Count", count.fetch_add(1, Ordering::Relaxed) + 1);
            }
            server
        });
        Self { stop, thread }
    }

    fn stop(self) -> OpcuaServer {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn server(port: u16, count: i64) -> OpcuaServer {
    let mut server = OpcuaServer::start(port);
    server.add("Count", "Int64", count);
    server
}

#[test]
fn no_change_is_lost_in_silence_whatever_happens_to_the_connection() {
    let server = server(free_port(), 0);
    let proxy = Proxy::start(server.port(), 7);
    let mut link = Running::start(proxy.port());
    assert!(link.until(Instant::now() + PATIENCE, |received| received.samples > 0), "the link must come up");
    let count = Arc::new(AtomicI64::new(0));
    let counting = Counting::start(server, count.clone());
    let (begun, resident) = (Instant::now(), Usage::own().resident_mib);
    let mut slowest = (Duration::ZERO, Fault::None);
    let mut before = Fault::None;
    for (fault, lasts) in Chaos::new(7, UNIT).take(2 * FAULTS) {
        proxy.set(fault);
        if fault == Fault::None {
            let took = link.back();
            if took > BACK {
                println!("{took:.2?} after {before:?}: {:?}", link.received.reasons);
            }
            slowest = if took > slowest.0 { (took, before) } else { slowest };
        }
        before = fault;
        link.until(Instant::now() + lasts, |_| false);
    }
    proxy.set(Fault::None);
    let (took, grown) = (begun.elapsed(), Usage::own().resident_mib - resident);
    let mut server = counting.stop();
    let last = count.load(Ordering::Relaxed);
    assert!(link.until(Instant::now() + PATIENCE, |received| received.last == last), "the last value arrives");
    let (received, counters) = link.stop();
    let counters = counters.snapshot();
    println!(
        "{took:.1?}: {last} changes, {} received, {} skipped while up; slowest return {:.2?} after {:?}; {grown:.1} MiB grown; \
         {counters:?}",
        received.samples, received.skipped, slowest.0, slowest.1
    );
    assert!(received.skipped <= counters.lost_at_source, "what is lost while the link is up is counted");
    assert_eq!(counters.samples, received.samples, "every sample is counted");
    assert!(slowest.0 <= BACK, "{slowest:?}: {:?}", received.reasons);
    assert!(
        !received.reasons.is_empty() && counters.sessions_resumed > 0,
        "the chaos must have been one: {counters:?}"
    );
    assert_eq!(proxy.most_at_once(), 1, "one connection at a time");
    assert!(grown <= GROWTH_MAX_MIB, "{grown:.1} MiB grown");
    server.expect_most_sessions(1);
    server.expect_sessions(0);
}

#[test]
fn back_soon_after_a_server_that_was_killed() {
    let port = free_port();
    let mut peer = Some(server(port, 1));
    let mut link = Running::start(port);
    assert!(link.until(Instant::now() + PATIENCE, |received| received.samples > 0), "the link must come up");
    for count in 2..=4 {
        // The peers are killed, not told to end.
        drop(peer.take());
        assert!(link.until(Instant::now() + PATIENCE, |received| !received.is_up));
        let mut started = server(port, count);
        let took = link.back();
        println!("back {took:.2?} after the server's return");
        assert!(took <= BACK, "{took:?}: {:?}", link.received.reasons);
        assert_eq!(link.received.last, count);
        started.expect_most_sessions(1);
        peer = Some(started);
    }
    link.stop();
}

#[test]
fn a_servers_clock_that_steps_ends_nothing() {
    let mut server = server(free_port(), 1);
    let mut link = Running::start(server.port());
    assert!(link.until(Instant::now() + PATIENCE, |received| received.samples > 0), "the link must come up");
    let begun = link.received.last_time.unwrap();
    for (count, step_s) in [(2, -31_536_000.0), (3, 3600.0), (4, 0.0)] {
        server.step_clock(step_s);
        server.set("Count", count);
        link.back();
        let shown_s = link.received.last_time.unwrap().seconds_since(begun);
        assert!((shown_s - step_s).abs() < PATIENCE.as_secs_f64(), "{shown_s} s, as the server says it");
        assert_eq!((link.received.last, link.received.reasons.len()), (count, 0));
    }
    link.stop();
}
