//! A hundred real Modbus devices and ten thousand items of an OPC UA server on one daemon. A quarter of the devices is switched off:
//! the others and the items lose nothing, the daemon does not grow while it tries those that are off again and again, and each is back
//! when it is on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adapter::testing::Usage;
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::peers::{ModbusFleet, OpcuaServer};
use e2e::site::{self, Site, modbus_link_every, opcua_link};
use e2e::wait::{PATIENCE, wait_for};
use recording::Reader;
use telemetry::{Quality, Value};

const ITEMS: u32 = 10_000;
/// Changes of all items together a second.
const CHANGES_PER_S: u32 = 500;
const DEVICES: usize = 100;
/// Devices of one process, which are switched off together.
const FLEET: usize = 25;
/// Values read from each device, all in one request.
const REGISTERS: u16 = 20;
const INTERVAL_S: f64 = 0.5;
const TIMEOUT_S: f64 = 5.0;
/// Polls of each device in a measured window.
const POLLS: f64 = 20.0;
/// Failed attempts at devices that are off between the two measurements of memory; `FLEET_RETRIES` sets others.
const RETRIES: f64 = 400.0;
/// How much the daemon may grow meanwhile, with what it keeps of the healthy devices, MiB.
const GROWTH_MAX_MIB: f64 = 16.0;

fn site(ports: &[u16], opcua_port: u16) -> Site {
    let mut plant = opcua_link("items", opcua_port);
    let mut tags = String::from("weld-20/active,cycle.active,plc-000,holding:63.15,bool,,,,,,,\n");
    for (device, port) in ports.iter().enumerate() {
        plant += &modbus_link_every(INTERVAL_S, TIMEOUT_S, &format!("plc-{device:03}"), *port);
        for register in 0..REGISTERS {
            tags += &format!("weld-20/{device:03}.{register},,plc-{device:03},holding:{register},u16,,,,,,,\n");
        }
    }
    for item in 0..ITEMS {
        tags += &format!("weld-20/item-{item},,items,nsu=urn:linetwin:e2e;s=item-{item},i64,,,,,,,\n");
    }
    Site::new(&(plant + &site::station("weld-20", "spot-weld", &[])), &tags)
}

/// How often the devices of these links were polled in a window, and what was lost: each sample is there or counted.
fn check_window(daemon: &Daemon, links: &[String], what: &str) {
    let counts = || ["samples", "lost_at_source", "bad_samples"].map(|what| daemon.counted(what));
    let (begun, before, cpu) = (Instant::now(), counts(), Usage::of(daemon.id()).cpu_s);
    let of = |counts: &BTreeMap<String, f64>, link: &String| counts[link];
    let polls =
        |now: &[BTreeMap<String, f64>; 3], link| (of(&now[0], link) - of(&before[0], link)) / f64::from(REGISTERS);
    let after = wait_for("every device to be polled", || {
        let now = counts();
        links.iter().all(|link| polls(&now, link) >= POLLS).then_some(now)
    });
    let took_s = begun.elapsed().as_secs_f64();
    let now = Usage::of(daemon.id());
    let rates: Vec<f64> = links.iter().map(|link| polls(&after, link) / took_s).collect();
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let sum = |at: usize| links.iter().map(|link| of(&after[at], link) - of(&before[at], link)).sum::<f64>();
    println!(
        "{what}: {} devices, {:.0} values/s, slowest {slowest:.2} of {:.2} polls/s, {} slots left out, {} bad; {:.0} % of a \
         processor, {:.0} MiB",
        links.len(),
        sum(0) / took_s,
        1.0 / INTERVAL_S,
        sum(1),
        sum(2),
        (now.cpu_s - cpu) / took_s * 100.0,
        now.resident_mib,
    );
    assert_eq!(sum(2), 0.0, "no value of a device that is on is bad");
    let expected = POLLS * links.len() as f64;
    assert!(sum(1) <= 0.05 * expected, "{} of {expected} slots left out", sum(1));
    assert!(slowest >= 0.9 / INTERVAL_S, "the slowest device was polled {slowest:.2} times a second");
}

#[test]
fn memory_and_crashes_on_long_runs_of_a_hundred_modbus_devices_and_ten_thousand_opc_ua_items() {
    let ports: Vec<u16> = (0..DEVICES).map(|_| free_port()).collect();
    let mut server = OpcuaServer::start(free_port());
    server.crowd(ITEMS);
    let names: Vec<String> = (0..DEVICES).map(|device| format!("plc-{device:03}")).collect();
    let (healthy, dying) = names.split_at(DEVICES - FLEET);
    let mut fleets: Vec<ModbusFleet> = ports.chunks(FLEET).map(ModbusFleet::start).collect();
    let site = site(&ports, server.port());
    let daemon = site.start();
    daemon.wait_for_links(&names, true);
    let items = |what: &str| daemon.counted(what)["items"];
    wait_for("a value of each item", || (items("samples") >= f64::from(ITEMS)).then_some(()));
    server.churn(CHANGES_PER_S);
    check_window(&daemon, &names, "all on");

    let off = fleets.pop().unwrap().switch_off();
    daemon.wait_for_links(dying, false);
    check_window(&daemon, healthy, "a quarter off");
    let retries = std::env::var("FLEET_RETRIES").map_or(RETRIES, |text| text.parse().unwrap());
    let (begun, first, before) = (Instant::now(), daemon.failures(), Usage::of(daemon.id()));
    let patience = PATIENCE.max(Duration::from_secs_f64(retries / 5.0));
    while daemon.failures() < first + retries {
        assert!(begun.elapsed() < patience, "too few attempts in {patience:?}");
        check_window(&daemon, healthy, "a quarter off");
    }
    let grown = Usage::of(daemon.id()).resident_mib - before.resident_mib;
    println!("{} attempts in {:.0?}: {grown:.1} MiB grown", daemon.failures() - first, begun.elapsed());
    assert!(grown <= GROWTH_MAX_MIB, "{grown} MiB grown");

    let returned = Instant::now();
    let _back = ModbusFleet::start(&off);
    daemon.wait_for_links(dying, true);
    println!("all back {:.1?} after they were started", returned.elapsed());
    check_window(&daemon, &names, "all on again");
    server.settle();
    // What the last change brings is on its way.
    std::thread::sleep(Duration::from_secs(1));
    println!("{} values of {ITEMS} items", items("samples"));
    assert_eq!(["failures", "bad_samples", "lost_at_source"].map(items), [0.0; 3], "of the items");
    let counted = daemon.counted("samples");
    daemon.stop();
    check_devices(&site, &ports, &counted);
    check_items(&site);
}

/// Every good value is its own device's, and at least what had been counted before the end is in the recording.
fn check_devices(site: &Site, ports: &[u16], counted: &BTreeMap<String, f64>) {
    let mut reader = Reader::open(&site.recording()).unwrap();
    let places: BTreeMap<_, (usize, u16)> = reader
        .header()
        .signals
        .iter()
        .filter_map(|(id, path)| {
            let (device, register) = path.strip_prefix("weld-20/")?.split_once('.')?;
            Some((*id, (device.parse().unwrap(), register.parse().unwrap())))
        })
        .collect();
    let mut recorded = vec![0.0; DEVICES];
    for input in reader.by_ref() {
        for sample in input.unwrap().event.samples() {
            let Some(&(device, register)) = places.get(&sample.signal) else { continue };
            recorded[device] += 1.0;
            let expected = (u32::from(ports[device]) * 31 + u32::from(register)) % 65_536;
            let is_right = sample.quality != Quality::Good || sample.value == Value::Integer(expected.into());
            assert!(is_right, "device {device}, register {register}: {sample:?}");
        }
    }
    for (device, recorded) in recorded.iter().enumerate().skip(1) {
        let counted = counted[&format!("plc-{device:03}")];
        assert!(*recorded >= counted, "device {device}: {recorded} of {counted} samples recorded");
    }
}

/// Each item has told every count from 0 to the last, which is the same for all.
fn check_items(site: &Site) {
    let mut reader = Reader::open(&site.recording()).unwrap();
    let items: BTreeMap<_, u32> = reader
        .header()
        .signals
        .iter()
        .filter_map(|(id, path)| Some((*id, path.strip_prefix("weld-20/item-")?.parse().unwrap())))
        .collect();
    let mut counts = vec![Vec::new(); ITEMS as usize];
    for input in reader.by_ref() {
        for sample in input.unwrap().event.samples() {
            if let (Some(&item), Value::Integer(count)) = (items.get(&sample.signal), &sample.value) {
                counts[item as usize].push(*count);
            }
        }
    }
    let rounds = counts.iter().map(Vec::len).max().unwrap();
    assert!(rounds >= 2, "no item has changed");
    let expected: Vec<i64> = (0..rounds as i64).collect();
    for (item, counts) in counts.iter().enumerate() {
        assert_eq!(*counts, expected, "item {item}");
    }
}
