//! Measures how long an alert takes: from a sample at a real Mosquitto, over the daemon, to a supervisor at the same
//! Mosquitto, beside what the broker itself takes for a message in the same run.
//!
//! The devices tell times of their own, long past, so that days of cycles take seconds. A cycle is judged once its link
//! has told of a later moment, so the sample that is timed is the one that tells it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use contract::{EventV1, LinkStateName};
use e2e::broker::Mosquitto;
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::site::{self, BASE_TOPIC, Site, mqtt_link};
use rumqttc::{Client, Event, MqttOptions, NetworkOptions, Packet, QoS};
use serde_json::json;

/// Stations, each of which shows one shift.
const STATIONS: usize = 100;
/// Cycles that each learns from, and the most until its shift is told.
const LEARNT: usize = 40;
const TOLD_WITHIN: usize = 30;
/// Three messages of two signals.
const SAMPLES_OF_A_CYCLE: usize = 6;
/// A cycle, and from one to the next, in the devices' time, s.
const CYCLE_S: f64 = 10.0;
const TAKT_S: f64 = 12.0;
/// From one station's shift to the next, in the devices' time, s: so long that nobody takes them for one.
const APART_S: f64 = 1800.0;
/// How long before now the devices' time begins, s.
const BEFORE_S: f64 = 7.0 * 86_400.0;
/// How long an alert that follows from a cycle is waited for before the next.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a message of the broker may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);
/// As large as an alert, bytes.
const PROBE_BYTES: usize = 1500;
const PROBE: &str = "probe";

fn main() -> anyhow::Result<()> {
    let broker = Mosquitto::start_with(free_port(), "allow_anonymous true\nset_tcp_nodelay true\n", |_| {});
    let site = site(broker.port());
    let settings = ["mqtt.enabled=true", "detection.warm_up_cycles=30", &format!("mqtt.port={}", broker.port())];
    let daemon = Daemon::start(&mut site.command(&settings));
    daemon.wait_for_link("cell", LinkStateName::Up, "");
    let mut plant = Clients::connect(broker.port())?;
    for cycle in 0..LEARNT {
        for station in 0..STATIONS {
            plant.cycle(station, 20.0 + 0.05 * noise(cycle + station))?;
        }
        // No faster than the daemon takes it, or the broker would drop some.
        let samples = ((cycle + 1) * STATIONS * SAMPLES_OF_A_CYCLE) as u64;
        daemon.wait_for("the cycles to be taken", |line| (line.counts.samples >= samples).then_some(()));
    }
    let (mut alone, mut through, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    for station in 0..STATIONS {
        alone.push(plant.probe()?);
        if let Some((through_s, inside_s)) = plant.shift(station)? {
            through.push(through_s);
            inside.push(inside_s);
        }
    }
    daemon.stop();
    println!(
        "{} changes of alerts after {STATIONS} shifts, one after the other; Mosquitto, quality of service 1",
        through.len()
    );
    let alone = Spread::of(alone).context("the broker has passed nothing on")?;
    for (what, spread) in [
        ("the broker alone, client to client", Some(alone)),
        ("daemon has the sample -> supervisor has the alert", Spread::of(inside)),
        ("sample published -> supervisor has the alert", Spread::of(through)),
    ] {
        let Spread { p50_ms, p99_ms } = spread.with_context(|| format!("{what}: nothing was measured"))?;
        let (by_p50, by_p99) = (p50_ms / alone.p50_ms, p99_ms / alone.p99_ms);
        println!("{what:52} p50 {p50_ms:7.2} ms ({by_p50:5.2} x)   p99 {p99_ms:7.2} ms ({by_p99:5.2} x)");
    }
    Ok(())
}

fn noise(number: usize) -> f64 {
    (number * 37 % 11) as f64 - 5.0
}

fn site(port: u16) -> Site {
    let name = |place: usize| format!("robot-{place:03}");
    let stations: String = (0..STATIONS).map(|place| site::station(&name(place), "robot", &[])).collect();
    let rows = (0..STATIONS).map(|place| {
        let name = name(place);
        format!(
            "{name}/active,cycle.active,cell,cell/{name}#/active,bool,,,,,,,\n\
             {name}/motion,robot.motion_time,cell,cell/{name}#/motion,f64,,s,,,,,\n"
        )
    });
    // Each is to be told on its own, however many there are.
    let plant = format!("[alarms]\nflood_alarms_max = {}\n{}{stations}", 2 * STATIONS, mqtt_link("cell", port));
    Site::new(&plant, &rows.collect::<String>())
}

/// The devices and the supervisor.
struct Clients {
    client: Client,
    heard: Receiver<Heard>,
    /// The devices' time, s.
    device_s: f64,
}

/// A message that came.
struct Heard {
    topic: String,
    payload: Vec<u8>,
    at_s: f64,
}

impl Clients {
    fn connect(port: u16) -> anyhow::Result<Self> {
        let mut options = MqttOptions::new("bench", "127.0.0.1", port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 1000);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        client.subscribe(PROBE, QoS::AtLeastOnce)?;
        client.subscribe(format!("{BASE_TOPIC}/events"), QoS::AtLeastOnce)?;
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            for event in connection.iter().map_while(Result::ok) {
                let Event::Incoming(Packet::Publish(publish)) = event else { continue };
                let heard = Heard { topic: publish.topic, payload: publish.payload.to_vec(), at_s: now_s() };
                if sender.send(heard).is_err() {
                    return;
                }
            }
        });
        Ok(Self { client, heard, device_s: now_s() - BEFORE_S })
    }

    /// A cycle at a station, and the moment later that makes it complete. Returns when that was published, s.
    fn cycle(&mut self, station: usize, motion: f64) -> anyhow::Result<f64> {
        self.tell(station, 0.0, true, motion)?;
        self.tell(station, CYCLE_S, false, motion)?;
        let published_s = now_s();
        self.tell(station, TAKT_S, false, motion)?;
        self.device_s += TAKT_S;
        Ok(published_s)
    }

    fn tell(&self, station: usize, after_s: f64, active: bool, motion: f64) -> anyhow::Result<()> {
        let ts = ((self.device_s + after_s) * 1000.0) as i64;
        let payload = json!({ "ts": ts, "active": active, "motion": motion }).to_string();
        Ok(self.client.publish(format!("cell/robot-{station:03}"), QoS::AtLeastOnce, false, payload)?)
    }

    /// How long the broker takes for a message, s.
    fn probe(&mut self) -> anyhow::Result<f64> {
        let sent_s = now_s();
        self.client.publish(PROBE, QoS::AtLeastOnce, false, "x".repeat(PROBE_BYTES))?;
        loop {
            let heard = self.heard.recv_timeout(PROBE_PATIENCE).context("the broker has not passed on a message")?;
            if heard.topic == PROBE {
                return Ok(heard.at_s - sent_s);
            }
        }
    }

    /// Shifts a station until a change of an alert follows, of its own or of one with a cause in common: how long it took
    /// from the last sample, and from when the daemon had that, s.
    fn shift(&mut self, station: usize) -> anyhow::Result<Option<(f64, f64)>> {
        self.device_s += APART_S;
        for cycle in 0..TOLD_WITHIN {
            while self.heard.try_recv().is_ok() {}
            let published_s = self.cycle(station, 40.0 + 0.05 * noise(cycle))?;
            match self.heard.recv_timeout(PATIENCE) {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the connection has ended"),
                Ok(heard) => {
                    let event: EventV1 = serde_json::from_slice(&heard.payload)?;
                    let taken_s = event.at.0.as_nanos() as f64 / 1e9;
                    if taken_s >= published_s {
                        return Ok(Some((heard.at_s - published_s, heard.at_s - taken_s)));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The middle and the end of what was measured.
#[derive(Clone, Copy)]
struct Spread {
    p50_ms: f64,
    p99_ms: f64,
}

impl Spread {
    fn of(mut measured_s: Vec<f64>) -> Option<Self> {
        measured_s.sort_by(f64::total_cmp);
        let at = |share: f64| measured_s.get((measured_s.len() as f64 * share) as usize).map(|value| value * 1000.0);
        Some(Self { p50_ms: at(0.5)?, p99_ms: at(0.99)? })
    }
}
