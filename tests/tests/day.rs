//! A day at pymodbus, asyncua and Mosquitto, by a clock that all of them and the daemon share and that runs sixty times as fast as the
//! world's: what comes of hours of faults and of an outage that lasts for hours, with every timer of theirs as in a plant. How soon a
//! link is back is measured in real time elsewhere, as what takes computing takes sixty times as long here.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use adapter::testing::Usage;
use contract::{SignalV1, ValueV1};
use e2e::broker::Mosquitto;
use e2e::daemon::Daemon;
use e2e::fast_clock::FastClock;
use e2e::peers::{ModbusDevice, OpcuaServer};
use e2e::proxy::{Chaos, Fault, Proxy};
use e2e::site::{self, Site, modbus_link_every, opcua_link_every};
use recording::Reader;
use telemetry::{Event, LinkState, Quality, Timestamp, Value};

const RATE: u32 = 60;
/// How long it lasts by the clock; `DAY_HOURS` sets others.
const HOURS: f64 = 1.0;
/// The shortest fault.
const UNIT: Duration = Duration::from_secs(15);
/// The part of the run in which nothing can be reached.
const OUTAGE: Range<f64> = 0.5..0.65;
/// From one poll of the device to the next, which is asked about as often to hold another number.
const POLL: Duration = Duration::from_secs(2);
/// From the end of a fault to the first good value: three quarters of a second of the world.
const BACK: Duration = Duration::from_secs(45);
/// A machine with other work may be that late once, and once in so many faults.
const LATE_ONE_IN: usize = 50;
/// How long what had waited may take in the end.
const LAST: Duration = Duration::from_secs(120);
/// How much the daemon may grow from the first fifth of the run to its end, MiB.
const GROWTH_MAX_MIB: f64 = 16.0;

/// A link and what happens to its connection.
struct Source {
    link: &'static str,
    proxy: Proxy,
    chaos: Chaos,
    /// Until when the fault lasts.
    until: Instant,
    /// Since when which fault was there.
    faults: Vec<(Timestamp, Fault)>,
}

impl Source {
    fn new(link: &'static str, peer: u16, seed: u64, unit: Duration) -> Self {
        let (proxy, chaos) = (Proxy::start(peer, seed), Chaos::new(seed, unit));
        Self { link, proxy, chaos, until: Instant::now(), faults: Vec::new() }
    }

    /// Sets a fault that is to last so long for the world.
    fn set(&mut self, clock: &FastClock, fault: Fault, lasts: Duration) {
        self.proxy.set(fault);
        self.faults.push((clock.now(), fault));
        self.until = Instant::now() + lasts;
    }

    /// Goes on to the next fault when it is time.
    fn turn(&mut self, clock: &FastClock) {
        if Instant::now() >= self.until {
            let (fault, lasts) = self.chaos.next().unwrap();
            self.set(clock, fault, lasts);
        }
    }

    /// How long it took after each fault until a good value came, s, with the fault, where there was the time for it.
    fn returns(&self, told: &[Told]) -> Vec<(f64, Fault)> {
        let mut returns = Vec::new();
        for pair in self.faults.windows(2) {
            let [(_, fault), (ended, Fault::None)] = pair else { continue };
            // Bytes that are no MQTT are found out by a ping that is not answered, often later than the next fault comes.
            let is_found_late = self.link == "broker" && matches!(fault, Fault::Garbage | Fault::Duplicate);
            if *fault == Fault::None || is_found_late {
                continue;
            }
            let later = &told[told.partition_point(|told| told.at < *ended)..];
            let good = later.iter().find(|told| matches!(told.what, What::Value(_)));
            let next = self.faults.iter().find(|(at, fault)| at > ended && *fault != Fault::None);
            let took = good.map_or(f64::INFINITY, |good| good.at.seconds_since(*ended));
            let had = next.map_or(f64::INFINITY, |(next, _)| next.seconds_since(*ended));
            if took <= had || had > BACK.as_secs_f64() {
                returns.push((took, *fault));
            }
        }
        returns
    }
}

/// What a link told, and when by the clock.
struct Told {
    at: Timestamp,
    what: What,
}

enum What {
    Up,
    Down,
    Value(i64),
    Bad,
}

fn site(sources: &[Source; 3]) -> Site {
    let [device, server, broker] = sources.each_ref().map(|source| source.proxy.port());
    let plant = [
        modbus_link_every(POLL.as_secs_f64(), 3.0, "device", device),
        opcua_link_every(1.0, "server", server),
        site::mqtt_link("broker", broker),
        site::station("weld-20", "spot-weld", &[]),
    ];
    let tags = "weld-20/active,cycle.active,device,coil:0,bool,,,,,,,\n\
                weld-20/device,,device,holding:0,u32,,,,,,,\n\
                weld-20/server,,server,nsu=urn:linetwin:e2e;s=item-0,i64,,,,,,,\n\
                weld-20/broker,,broker,cell#/level,i64,,,,,,,\n";
    Site::new(&plant.concat(), tags)
}

/// All that each link told, by its name.
fn told(site: &Site) -> BTreeMap<String, Vec<Told>> {
    let reader = Reader::open(&site.recording()).unwrap();
    let header = reader.header().clone();
    let mut told: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for input in reader {
        let input = input.unwrap();
        let at = input.received;
        if let Event::Link { link, state } = &input.event {
            let what = if *state == LinkState::Up { What::Up } else { What::Down };
            told.entry(header.links[link].clone()).or_default().push(Told { at, what });
        }
        for sample in input.event.samples() {
            let path = &header.signals[&sample.signal];
            let Some(link) = path.strip_prefix("weld-20/").filter(|name| *name != "active") else { continue };
            let what = match sample.value {
                Value::Integer(number) if sample.quality == Quality::Good => What::Value(number),
                _ => What::Bad,
            };
            told.entry(link.to_owned()).or_default().push(Told { at, what });
        }
    }
    told
}

/// No poll brought an older number than one before, and each slot in which the link was up brought something or is counted.
fn check_device(told: &[Told], last: i64, lost: f64) {
    let (mut newest, mut polls, mut sessions, mut up, mut up_s) = (0, 0.0, 0.0, None, 0.0);
    for Told { at, what } in told {
        match what {
            What::Up => (up, sessions) = (Some(*at), sessions + 1.0),
            What::Down => up_s += up.take().map_or(0.0, |since| at.seconds_since(since)),
            What::Bad => polls += f64::from(u8::from(up.is_some())),
            What::Value(number) => {
                assert!((newest..=last).contains(number), "{number} after {newest} at {at}");
                (newest, polls) = (*number, polls + 1.0);
            }
        }
    }
    up_s += up.map_or(0.0, |since| told.last().unwrap().at.seconds_since(since));
    let slots = up_s / POLL.as_secs_f64();
    println!("device: {polls} polls and {lost} lost in {slots:.0} slots of {sessions} sessions");
    assert!((polls + lost - slots).abs() <= 3.0 * sessions, "{polls} polls and {lost} lost in {slots:.0} slots");
    assert_eq!(newest, last, "the last number");
}

/// Every change arrived, fell into a time in which the link was down, or is counted.
fn check_server(told: &[Told], lost: f64) {
    let (mut newest, mut of_session, mut skipped, mut changes) = (-1, None, 0, 0);
    for Told { at, what } in told {
        match what {
            What::Up => of_session = None,
            What::Down => {}
            What::Bad => panic!("a bad value at {at}"),
            What::Value(number) => {
                let fits = of_session.map_or(*number >= newest, |before| *number > before);
                assert!(fits, "{number} after {newest} at {at}");
                skipped += of_session.map_or(0, |before| number - before - 1);
                (of_session, newest, changes) = (Some(*number), *number, changes + 1);
            }
        }
    }
    println!("server: {changes} of {newest} changes, {skipped} skipped while up, {lost} counted as lost");
    assert!(skipped as f64 <= lost, "{skipped} skipped while the link was up, {lost} counted");
}

/// Every message arrived.
fn check_broker(told: &[Told], last: i64) {
    let numbers: BTreeSet<i64> =
        told.iter().filter_map(|told| if let What::Value(number) = told.what { Some(number) } else { None }).collect();
    let missing: Vec<i64> = (1..=last).filter(|number| !numbers.contains(number)).collect();
    println!("broker: {} of {last} messages", numbers.len());
    assert!(missing.is_empty(), "{} of {last} missing: {missing:?}", missing.len());
}

#[test]
fn a_day_at_real_peers_loses_nothing_that_is_not_counted() {
    let hours: f64 = std::env::var("DAY_HOURS").map_or(HOURS, |text| text.parse().unwrap());
    let clock = FastClock::start(RATE);
    let (mut device, mut server, broker) =
        (ModbusDevice::start_by(&clock), OpcuaServer::start_by(&clock), Mosquitto::start_by(&clock));
    server.crowd(1);
    let unit = clock.real(UNIT);
    let mut sources = [
        Source::new("device", device.port(), 7, unit),
        Source::new("server", server.port(), 8, unit),
        Source::new("broker", broker.port(), 9, unit),
    ];
    let names = sources.each_ref().map(|source| source.link);
    let site = site(&sources);
    let mut command = site.command(&[]);
    clock.set(&mut command);
    let daemon = Daemon::start(&mut command);
    daemon.wait_for_links(&names, true);
    server.churn(1);

    let mut publisher = broker.publisher("cell");
    let (begun, lasts) = (Instant::now(), clock.real(Duration::from_secs_f64(hours * 3600.0)));
    let (mut number, mut early, mut is_outage) = (0_i64, None, false);
    while begun.elapsed() < lasts {
        number += 1;
        device.registers(0, &[(number >> 16) as u16, number as u16]);
        publisher.publish(&format!(r#"{{"ts":{},"level":{number}}}"#, clock.now().as_millis()));
        let done = begun.elapsed().div_duration_f64(lasts);
        if done > 0.2 && early.is_none() {
            early = Some(Usage::of(daemon.id()));
        }
        let was_outage = std::mem::replace(&mut is_outage, OUTAGE.contains(&done));
        for source in &mut sources {
            match (was_outage, is_outage) {
                (false, true) => source.set(&clock, Fault::Gone, lasts),
                (true, true) => {}
                (true, false) => source.set(&clock, Fault::None, clock.real(BACK)),
                (false, false) => source.turn(&clock),
            }
        }
    }
    sources.iter_mut().for_each(|source| source.set(&clock, Fault::None, clock.real(LAST)));
    server.settle();
    daemon.wait_for_links(&names, true);
    let is_last = |signal: &SignalV1| signal.value == Some(ValueV1::Integer(number));
    daemon.wait_for_signal("weld-20/device", "the last number", is_last);
    std::thread::sleep(clock.real(LAST));
    let (lost, failures) = (daemon.counted("lost_at_source"), daemon.counted("failures"));
    let (early, late) = (early.unwrap(), Usage::of(daemon.id()));
    let grown = late.resident_mib - early.resident_mib;
    println!(
        "{:.0?} for {hours} hours: {grown:.1} MiB grown to {:.0}, {:.0} % of a processor; failures: {failures:?}",
        begun.elapsed(),
        late.resident_mib,
        late.cpu_s / begun.elapsed().as_secs_f64() * 100.0,
    );
    daemon.stop();

    let told = told(&site);
    for source in &sources {
        let mut returns = source.returns(&told[source.link]);
        returns.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (middle, slowest) = (returns[returns.len() / 2].0, returns.last().unwrap());
        println!(
            "{}: back {} times, half of them within {middle:.1} s, slowest {slowest:.1?}",
            source.link,
            returns.len()
        );
        let late = returns.iter().filter(|(took, _)| *took > BACK.as_secs_f64()).count();
        assert!(late <= 1 + returns.len() / LATE_ONE_IN, "{}: {late} of {} times late", source.link, returns.len());
        assert!(failures[source.link] > 0.0, "the chaos must have been one");
    }
    check_device(&told["device"], number, lost["device"]);
    check_server(&told["server"], lost["server"]);
    check_broker(&told["broker"], number);
    server.expect_most_sessions(1);
    assert!(grown <= GROWTH_MAX_MIB, "{grown:.1} MiB grown");
}
