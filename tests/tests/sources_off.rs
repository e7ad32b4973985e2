//! OPC UA servers and MQTT brokers that are off for long, each in another way: the daemon does not grow while it tries them again
//! and again, a device beside them loses nothing, and each is back when it is on.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adapter::testing::Usage;
use e2e::broker::Mosquitto;
use e2e::net::free_port;
use e2e::peers::{ModbusDevice, OpcuaServer};
use e2e::proxy::{Fault, Proxy};
use e2e::site::{self, Site, modbus_link, mqtt_link, opcua_link};
use e2e::wait::{PATIENCE, wait_for};

/// How each source of a protocol is off. One that holds back is noticed after seconds only, so there are few attempts.
const OFF: [Fault; 10] = [
    Fault::Gone,
    Fault::Gone,
    Fault::Gone,
    Fault::Gone,
    Fault::Reset,
    Fault::Reset,
    Fault::Reset,
    Fault::Garbage,
    Fault::Garbage,
    Fault::Pause,
];
/// Failed attempts between the two measurements of memory; `OFF_RETRIES` sets others.
const RETRIES: f64 = 500.0;
/// How much the daemon may grow meanwhile, with what it keeps of the device that is on, MiB.
const GROWTH_MAX_MIB: f64 = 8.0;

/// Each source behind a proxy of its own, by the name of its link.
fn proxies(protocol: &str, peer: u16) -> Vec<(String, Proxy)> {
    let name = |source| format!("{protocol}-{source}");
    (0..OFF.len()).map(|source| (name(source), Proxy::start(peer, source as u64))).collect()
}

fn site(device: &ModbusDevice, servers: &[(String, Proxy)], brokers: &[(String, Proxy)]) -> Site {
    let mut plant = modbus_link("plc", device.port());
    let mut tags = String::from("weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    for (link, proxy) in servers {
        plant += &opcua_link(link, proxy.port());
        tags += &format!("weld-20/{link},,{link},nsu=urn:linetwin:e2e;s=Level,f64,,,,,,,\n");
    }
    for (link, proxy) in brokers {
        plant += &mqtt_link(link, proxy.port());
        tags += &format!("weld-20/{link},,{link},cell#/level,f64,,,,,,,\n");
    }
    Site::new(&(plant + &site::station("weld-20", "spot-weld", &[])), &tags)
}

#[test]
fn memory_and_crashes_on_long_runs_with_opc_ua_and_mqtt_off() {
    let (device, mut server, broker) = (ModbusDevice::start(), OpcuaServer::start(free_port()), Mosquitto::start());
    server.add("Level", "Double", 0.0);
    let (servers, brokers) = (proxies("opcua", server.port()), proxies("mqtt", broker.port()));
    let site = site(&device, &servers, &brokers);
    let daemon = site.start();
    let all = || servers.iter().chain(&brokers);
    let links: Vec<&str> = all().map(|(link, _)| link.as_str()).collect();
    daemon.wait_for_links(&links, true);

    for ((_, proxy), &fault) in all().zip(OFF.iter().cycle()) {
        proxy.set(fault);
    }
    let mut level = 0.0;
    let mut change = |server: &mut OpcuaServer| {
        level += 1.0;
        server.set("Level", level);
        broker.publish("cell", &format!(r#"{{"ts":"2026-11-24T08:00:00Z","level":{level}}}"#));
    };
    // Some are noticed only when they should say something.
    change(&mut server);
    daemon.wait_for_links(&links, false);

    let retries = std::env::var("OFF_RETRIES").map_or(RETRIES, |text| text.parse().unwrap());
    let patience = PATIENCE.max(Duration::from_secs_f64(retries / 5.0));
    let (begun, first, before, samples) =
        (Instant::now(), daemon.failures(), Usage::of(daemon.id()), daemon.counted("samples")["plc"]);
    while daemon.failures() < first + retries {
        assert!(begun.elapsed() < patience, "too few attempts in {patience:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (took_s, after) = (begun.elapsed().as_secs_f64(), Usage::of(daemon.id()));
    let grown = after.resident_mib - before.resident_mib;
    println!(
        "{} attempts in {took_s:.0} s: {grown:.1} MiB grown to {:.0}, {:.0} % of a processor; {:.1} samples/s of the device",
        daemon.failures() - first,
        after.resident_mib,
        (after.cpu_s - before.cpu_s) / took_s * 100.0,
        (daemon.counted("samples")["plc"] - samples) / took_s,
    );
    assert!(grown <= GROWTH_MAX_MIB, "{grown:.1} MiB grown");
    let lost = ["failures", "bad_samples"].map(|name| daemon.counted(name)["plc"]);
    assert_eq!(lost, [0.0, 0.0], "failures and bad samples of the device that is on");

    let returned = Instant::now();
    all().for_each(|(_, proxy)| proxy.set(Fault::None));
    let mut back = BTreeMap::new();
    wait_for("all sources to be back", || {
        for (link, _) in daemon.of_links("linetwin_link_up").iter().filter(|(_, up)| **up == 1.0) {
            back.entry(link.clone()).or_insert_with(|| returned.elapsed());
        }
        all().all(|(link, _)| back.contains_key(link)).then_some(())
    });
    for ((link, _), fault) in all().zip(OFF.iter().cycle()) {
        println!("{link} is back from {fault:?} after {:.1?}", back[link]);
    }
    let known: BTreeMap<String, f64> = daemon.counted("samples");
    wait_for("each source to tell something again", || {
        change(&mut server);
        let now = daemon.counted("samples");
        all().all(|(link, _)| now[link] > known[link]).then_some(())
    });
    server.expect_most_sessions(OFF.len() as u32);
    daemon.stop();
}
