use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::truth_file::TruthFile;
use super::{LinkServer, ModbusServer, MqttCounts, MqttPublisher, OpcuaServer, ServeError, ServeOptions, offered};
use crate::{STEP_S, SimLink, SimPlant, TruthEvent, Update};

/// The fastest a plant can be served, in times as fast as life.
const SPEED_MAX: f64 = 1000.0;

/// How a run went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Steps made.
    pub steps: u64,
    /// Of these, steps made after the next one was due already.
    pub late_steps: u64,
    /// How late the latest step was, in seconds of life.
    pub worst_lateness_s: f64,
    /// What became of the MQTT messages.
    pub mqtt: MqttCounts,
    /// What truly happened.
    pub truth: Vec<TruthEvent>,
}

/// A plant that is being served.
#[derive(Debug)]
pub struct Serving {
    plant: SimPlant,
    period: Duration,
    steps_max: Option<u64>,
    truth: Option<TruthFile>,
    modbus: Option<ModbusServer>,
    opcua: Option<OpcuaServer>,
    mqtt: Option<MqttPublisher>,
}

/// Serves `plant` in real time until `stop` is cancelled or the duration is over, then closes everything.
///
/// # Errors
/// If something cannot be served, or the truth file cannot be written.
pub async fn run(plant: SimPlant, options: ServeOptions, stop: CancellationToken) -> Result<Summary, ServeError> {
    Serving::start(plant, options).await?.run(stop).await
}

impl Serving {
    /// Brings the servers up, with the plant's values of this moment. Time stands still until [`Self::run`].
    ///
    /// # Errors
    /// If the speed is out of range, a point cannot be served as it is, an address cannot be listened on, or the truth file
    /// cannot be made.
    pub async fn start(plant: SimPlant, options: ServeOptions) -> Result<Self, ServeError> {
        if !(options.speed > 0.0 && options.speed <= SPEED_MAX) {
            return Err(ServeError::Speed(options.speed));
        }
        let points = plant.points();
        let mut serving = Self {
            modbus: options.modbus.map(|address| ModbusServer::new(address, points)).transpose()?,
            opcua: options.opcua.map(|address| OpcuaServer::new(address, points)).transpose()?,
            mqtt: options.mqtt.map(|broker| MqttPublisher::new(broker, points)).transpose()?,
            period: Duration::from_secs_f64(STEP_S / options.speed),
            steps_max: options.duration_s.map(|duration_s| (duration_s / STEP_S).ceil() as u64),
            truth: options.truth.map(TruthFile::create).transpose()?,
            plant,
        };
        serving.feed(&[]).await?;
        Ok(serving)
    }

    /// Where the Modbus server listens; `None` if there is none.
    pub fn modbus_address(&self) -> Option<SocketAddr> {
        self.modbus.as_ref().map(ModbusServer::address)
    }

    /// Where the OPC UA server listens; `None` if there is none.
    pub fn opcua_address(&self) -> Option<SocketAddr> {
        self.opcua.as_ref().map(OpcuaServer::address)
    }

    /// Runs the plant, one step per 0.25 s of its time, until `stop` is cancelled or the duration is over; then closes
    /// everything. A step that is late is caught up with.
    ///
    /// # Errors
    /// If a server ends by itself or cannot listen again after its link was lost, or the truth file cannot be written.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Summary, ServeError> {
        let ran = self.steps(stop).await;
        self.close().await;
        let mut summary = ran?;
        summary.mqtt = self.mqtt.as_ref().map(MqttPublisher::counts).unwrap_or_default();
        Ok(summary)
    }

    async fn steps(&mut self, stop: CancellationToken) -> Result<Summary, ServeError> {
        let mut ticks = tokio::time::interval_at(Instant::now() + self.period, self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut summary = Summary::default();
        let mut updates = Vec::new();
        while self.steps_max.is_none_or(|max| summary.steps < max) {
            let due = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                due = ticks.tick() => due,
            };
            let late = due.elapsed();
            summary.steps += 1;
            summary.late_steps += u64::from(late > self.period);
            summary.worst_lateness_s = summary.worst_lateness_s.max(late.as_secs_f64());
            updates.clear();
            self.plant.step(&mut updates);
            summary.truth.extend_from_slice(self.plant.truth());
            if let Some(truth) = &mut self.truth {
                truth.append(self.plant.truth())?;
            }
            self.feed(&updates).await?;
        }
        Ok(summary)
    }

    async fn feed(&mut self, updates: &[Update]) -> Result<(), ServeError> {
        if let Some(server) = &mut self.modbus {
            let news = News::of(&self.plant, SimLink::WeldPlc, server.is_up(), updates);
            follow(server, news).await?;
        }
        if let Some(server) = &mut self.opcua {
            let news = News::of(&self.plant, SimLink::PackOpcua, server.is_up(), updates);
            follow(server, news).await?;
        }
        if let Some(server) = &mut self.mqtt {
            let news = News::of(&self.plant, SimLink::UtilitiesMqtt, server.is_up(), updates);
            follow(server, news).await?;
        }
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(server) = &mut self.modbus {
            server.finish().await;
        }
        if let Some(server) = &mut self.opcua {
            server.finish().await;
        }
        if let Some(server) = &mut self.mqtt {
            server.finish().await;
        }
    }
}

/// What the server of a link has to know after a step.
struct News<'a> {
    link_is_up: bool,
    updates: Cow<'a, [Update]>,
}

impl<'a> News<'a> {
    /// The news, of `given` values where they are enough.
    fn of(plant: &SimPlant, link: SimLink, server_is_up: bool, given: &'a [Update]) -> Self {
        let link_is_up = plant.link_is_up(link);
        let comes_up = link_is_up && !server_is_up;
        // A server that comes up shows what its devices hold; the memory of a PLC does at all times.
        let updates = if comes_up || link == SimLink::WeldPlc { held(plant, link).into() } else { given.into() };
        Self { link_is_up, updates }
    }
}

/// What the devices of a link hold now.
fn held(plant: &SimPlant, link: SimLink) -> Vec<Update> {
    let value = |(point, _)| Update { point, at: plant.now(), value: plant.value(point) };
    offered(plant.points(), link).map(value).collect()
}

/// Hands a server its values, and has it do what its link does.
async fn follow(server: &mut impl LinkServer, news: News<'_>) -> Result<(), ServeError> {
    server.apply(&news.updates)?;
    match (news.link_is_up, server.is_up()) {
        (true, true) => server.check().await,
        (true, false) => server.bring_up().await,
        (false, true) => {
            server.take_down().await;
            Ok(())
        }
        (false, false) => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::Timestamp;
    use tokio::net::TcpStream;
    use tokio::time::{interval, timeout};
    use tokio_modbus::client::{Context, Reader, tcp};
    use tokio_modbus::prelude::Slave;

    use super::*;
    use crate::{Point, SimConfig};

    const LIMIT: Duration = Duration::from_secs(20);

    fn plant(faults: &[&str]) -> SimPlant {
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        SimPlant::new(SimConfig { seed: 1, start: Timestamp::from_millis(1_800_000_000_000), faults }).unwrap()
    }

    fn options(speed: f64) -> ServeOptions {
        let any_port = "127.0.0.1:0".parse().ok();
        ServeOptions { modbus: any_port, opcua: any_port, speed, ..ServeOptions::default() }
    }

    /// A holding register that counts or measures something.
    fn register(plant: &SimPlant) -> u16 {
        let address = |point: &Point| point.address.strip_prefix("holding:")?.parse().ok();
        plant.points().iter().find_map(address).unwrap()
    }

    async fn connect(address: SocketAddr) -> Context {
        let mut tries = interval(Duration::from_millis(10));
        let connected = async {
            loop {
                tries.tick().await;
                if let Ok(client) = tcp::connect_slave(address, Slave(1)).await {
                    return client;
                }
            }
        };
        timeout(LIMIT, connected).await.unwrap()
    }

    #[tokio::test]
    async fn a_lost_link_is_lost_and_comes_back_while_the_others_stay() {
        let plant = plant(&["link-loss@5s"]);
        let register = register(&plant);
        let folder = tempfile::TempDir::new().unwrap();
        let truth = folder.path().join("truth.jsonl");
        let options = ServeOptions { truth: Some(truth.clone()), ..options(100.0) };
        let serving = Serving::start(plant, options).await.unwrap();
        let (modbus, opcua) = (serving.modbus_address().unwrap(), serving.opcua_address().unwrap());
        let mut client = connect(modbus).await;
        assert!(client.read_holding_registers(register, 1).await.unwrap().is_ok());

        let stop = CancellationToken::new();
        let running = tokio::spawn(serving.run(stop.clone()));
        let lost = async { while client.read_holding_registers(register, 1).await.is_ok() {} };
        timeout(LIMIT, lost).await.unwrap();
        assert!(TcpStream::connect(modbus).await.is_err());
        assert!(TcpStream::connect(opcua).await.is_ok());
        let mut client = connect(modbus).await;
        assert!(client.read_holding_registers(register, 1).await.unwrap().is_ok());

        stop.cancel();
        let summary = timeout(LIMIT, running).await.unwrap().unwrap().unwrap();
        assert!(summary.steps >= 380, "{summary:?}");
        assert!(TcpStream::connect(modbus).await.is_err());
        assert!(TcpStream::connect(opcua).await.is_err());
        let truth = std::fs::read_to_string(truth).unwrap();
        for event in ["fault-began", "link-down", "link-up"] {
            assert!(truth.lines().any(|line| line.contains(event)), "{event} in {truth}");
        }
    }

    #[tokio::test]
    async fn a_run_ends_after_its_duration() {
        let plant = plant(&[]);
        let start = Instant::now();
        let options = ServeOptions { duration_s: Some(100.0), ..options(100.0) };
        let summary = timeout(LIMIT, run(plant, options, CancellationToken::new())).await.unwrap().unwrap();
        assert_eq!(summary.steps, 400);
        assert!(start.elapsed() >= Duration::from_secs(1), "the plant ran ahead of its time");
        assert_eq!(summary.mqtt, MqttCounts::default());
    }

    #[tokio::test]
    async fn a_plant_needs_a_speed() {
        for speed in [0.0, -1.0, f64::NAN, 1001.0] {
            let error = Serving::start(plant(&[]), options(speed)).await.unwrap_err();
            assert!(matches!(error, ServeError::Speed(_)), "{error}");
        }
    }
}
