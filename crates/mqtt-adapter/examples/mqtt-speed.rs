//! Measures how fast messages are read that a Mosquitto has kept: by the adapter, with JSON, time, hand-over and acknowledgement
//! after that, beside bare loops of rumqttc that throw them away: one that acknowledges as messages come, which the library does
//! for many at a time, and one that acknowledges each itself, as whoever wants nothing lost has to. All in one run, at the same
//! broker, on this machine.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adapter::testing::{median, signal};
use adapter::{Clock, Context, queue};
use mqtt_adapter::MqttAdapter;
use plant::{DataType, Link, LinkSettings, MqttPayload, MqttSettings, Origin};
use rumqttc::{AsyncClient, Event as ClientEvent, MqttOptions, Packet, QoS};
use telemetry::{Event, LinkId};
use tokio_util::sync::CancellationToken;

/// Messages of a measurement, and how often each is made.
const MESSAGES: usize = 50_000;
const REPETITIONS: usize = 9;
/// Messages that are on their way at once.
const IN_FLIGHT: u16 = 1000;
const TOPIC: &str = "cell/weld-20";

/// A broker of its own, which ends with this.
struct Broker {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Broker {
    fn start() -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("linetwin-mqtt-speed-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("mosquitto.conf");
        let lines = "allow_anonymous true\npersistence false\nmax_queued_messages 0\nlog_type none\n";
        std::fs::write(&config, format!("listener {port} 127.0.0.1\nmax_inflight_messages {IN_FLIGHT}\n{lines}"))?;
        let binary = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|path| PathBuf::from(path).exists());
        let mut command = Command::new(binary.unwrap_or("mosquitto"));
        let process = command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let broker = Self { process, folder, port };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("mosquitto does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(broker)
    }

    fn options(&self, client_id: &str) -> MqttOptions {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", self.port);
        options.set_inflight(IN_FLIGHT);
        options
    }

    /// Publishes all messages, each with its time, and waits until the broker has them.
    async fn fill(&self) -> Result<(), Box<dyn Error>> {
        let (client, mut connection) = AsyncClient::new(self.options("device"), 100);
        let publisher = tokio::spawn(async move {
            for number in 0..MESSAGES {
                let payload = format!(r#"{{"ts": {number}, "current": 8.25, "active": true}}"#);
                if client.publish(TOPIC, QoS::AtLeastOnce, false, payload).await.is_err() {
                    break;
                }
            }
            client
        });
        let mut confirmed = 0;
        while confirmed < MESSAGES {
            if let ClientEvent::Incoming(Packet::PubAck(_)) = connection.poll().await? {
                confirmed += 1;
            }
        }
        drop(publisher.await?);
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It is gone, or it goes now.
        let _ = (self.process.kill(), self.process.wait(), std::fs::remove_dir_all(&self.folder));
    }
}

/// Has the broker keep what comes for a client of rumqttc, and reads it as fast as that can, by itself acknowledging each message
/// or not; messages a second.
async fn bare(broker: &Broker, acknowledges: bool) -> Result<f64, Box<dyn Error>> {
    let mut options = broker.options(if acknowledges { "bare-acknowledging" } else { "bare" });
    options.set_clean_session(false).set_manual_acks(acknowledges);
    let (client, mut connection) = AsyncClient::new(options.clone(), 10);
    client.subscribe(TOPIC, QoS::AtLeastOnce).await?;
    while !matches!(connection.poll().await?, ClientEvent::Incoming(Packet::SubAck(_))) {}
    client.disconnect().await?;
    while connection.poll().await.is_ok() {}
    broker.fill().await?;
    let (client, mut connection) = AsyncClient::new(options, MESSAGES);
    let (begun, mut messages) = (Instant::now(), 0);
    while messages < MESSAGES {
        if let ClientEvent::Incoming(Packet::Publish(message)) = connection.poll().await? {
            messages += 1;
            if acknowledges {
                client.try_ack(&message)?;
            }
        }
    }
    Ok(MESSAGES as f64 / begun.elapsed().as_secs_f64())
}

/// The same with the adapter in a version of MQTT.
async fn adapter(broker: &Broker, version: u8) -> Result<f64, Box<dyn Error>> {
    let signals = [
        signal(0, &format!("{TOPIC}#/current"), DataType::F64),
        signal(1, &format!("{TOPIC}#/active"), DataType::Bool),
    ];
    let settings = MqttSettings {
        payload: MqttPayload::Json { time_pointer: Some("/ts".to_owned()) },
        version: Some(version),
        ..MqttSettings::at("127.0.0.1", broker.port, format!("adapter-{version}"))
    };
    let origin = Origin { file: "plant.toml".into(), line: 1 };
    let link = Link { id: LinkId(0), name: "cell".into(), settings: LinkSettings::Mqtt(settings.clone()), origin };
    let start = || {
        let adapter =
            MqttAdapter::new(&link, &settings, &signals.each_ref()).unwrap_or_else(|errors| panic!("{errors:?}"));
        let (sender, events) = queue(256);
        let stop = CancellationToken::new();
        let task = tokio::spawn(adapter.run(Context::new(LinkId(0), Clock::system(), stop.clone(), sender)));
        (events, stop, task)
    };
    let (mut events, stop, task) = start();
    while !matches!(events.recv().await, Some(Event::Link { .. })) {}
    stop.cancel();
    task.await?;
    broker.fill().await?;
    let begun = Instant::now();
    let (mut events, stop, task) = start();
    let mut messages = 0;
    while messages < MESSAGES {
        if let Some(Event::Samples(_)) = events.recv().await {
            messages += 1;
        }
    }
    let took = begun.elapsed();
    stop.cancel();
    task.await?;
    Ok(MESSAGES as f64 / took.as_secs_f64())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::start()?;
    let mut speeds = Vec::new();
    for _ in 0..REPETITIONS {
        let (bare, acknowledging) = (bare(&broker, false).await?, bare(&broker, true).await?);
        speeds.push([bare, acknowledging, adapter(&broker, 3).await?, adapter(&broker, 5).await?]);
    }
    println!(
        "{MESSAGES} messages of QoS 1 with two values each, kept by Mosquitto, {IN_FLIGHT} on their way; thousand messages/s, \
         median of {REPETITIONS}"
    );
    let [bare, acknowledging, v3, v5] = [0, 1, 2, 3].map(|way| median(speeds.iter().map(|run| run[way])));
    println!("rumqttc alone               {:8.1}", bare / 1e3);
    println!("rumqttc, acknowledging each {:8.1}", acknowledging / 1e3);
    for (name, speed) in [("MQTT 3.1.1", v3), ("MQTT 5", v5)] {
        let (of_bare, of_acknowledging) = (speed / bare, speed / acknowledging);
        let of_both = format!("{of_bare:.2} x the first, {of_acknowledging:.2} x the second");
        println!("adapter, {name:<10}         {:8.1}: {of_both}", speed / 1e3);
    }
    Ok(())
}
