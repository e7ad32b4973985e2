//! `linetwin demo`: a simulated plant, a broker, the twin and its page, in one process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter::Clock;
use anyhow::Context as _;
use contract::{EventV1, RoleName};
use modbus_adapter::Buses;
use plant::{HostPort, LinkSettings, ModbusTransport, Overrides, Plant};
use plant_sim::serve::{BrokerAddress, ServeOptions, Serving};
use plant_sim::{Fault, FaultPlan, SimConfig, SimLink, SimPlant, Truth, TruthEvent};
use telemetry::{Event, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use twin::Twin;
use web::{Access, AccessOptions, Secret, Security, User, Users};

use crate::access;
use crate::daemon::{Daemon, Parts, listen, open_parts, open_recorder, told_to_stop};
use crate::engine::{Engine, Sinks};
use crate::replay::Speed;
use crate::setup::{self, Setup};
use crate::simulated::{START, SimulatedSource};
use crate::{broker, console, example};

/// The highest speed at which the protocols keep up on a small machine; above it the plant is read without them.
const PROTOCOL_SPEED_MAX: f64 = 20.0;
/// Who may answer alerts on the demo's page.
const DEMO_USER: &str = "demo";
/// Without `--fault`: something to see within the first minute, and more later.
const DEFAULT_FAULTS: [&str; 3] = ["water-restriction@1m", "torque-friction@20m", "electrode-wear@30m"];

/// `linetwin demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many times as fast as life, or max. Up to 20 the plant is read over Modbus, OPC UA and MQTT, above without.
    #[arg(long, default_value = "10", value_name = "N|max")]
    speed: Speed,
    /// How long to run, in the plant's time, such as 10m or 8h; until Ctrl-C if left out.
    #[arg(long = "for", value_name = "TIME")]
    duration: Option<String>,
    /// Seed of the plant's chance: the same seed gives the same plant.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What goes wrong and when, in the plant's time: name@2m, name:station@90s, name@1h+20m; none for nothing, list to
    /// see the names. May be given more than once.
    #[arg(long, value_name = "NAME@TIME")]
    fault: Vec<String>,
    /// How long the plant has run before, for the twin to learn from.
    #[arg(long, default_value = "4h", value_name = "TIME")]
    history: String,
    /// Port of the page and the API; 0 for any.
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// Port of the MQTT broker; 0 for any.
    #[arg(long, default_value_t = 1883)]
    mqtt_port: u16,
    /// Folder to keep the recording in; it is thrown away if left out.
    #[arg(long, value_name = "DIR")]
    recording: Option<PathBuf>,
    /// File for the ground truth, as JSON lines.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    language: console::Language,
}

/// Runs the demo.
///
/// # Errors
/// If a port is in use, a folder cannot be written, or an argument cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.fault.iter().any(|text| text == "list") {
        list_faults();
        return Ok(());
    }
    let history_s = plant_sim::parse_span_s(&arguments.history)?;
    let duration_s = arguments.duration.as_deref().map(plant_sim::parse_span_s).transpose()?;
    let faults = faults(&arguments.fault, history_s)?;
    let mqtt_port = broker::start(arguments.mqtt_port)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder for the recording")?;
    let folder = arguments.recording.clone().unwrap_or_else(|| scratch.path().join("recording"));
    let setup = setup(arguments, mqtt_port, &folder)?;
    arguments.language.check(&setup.plant)?;
    let listener = listen(&setup)?;
    let (security, password) = demo_login(&setup, scratch.path())?;

    let live = START.plus_seconds(history_s);
    let sim = SimPlant::new(SimConfig { seed: arguments.seed, start: START, faults })?;
    let recorder = open_recorder(&setup, &Clock::scaled(START, 1.0))?;
    let mut engine = Engine::new(Twin::new(setup.plant.clone()), 0, Some(recorder), Sinks::default(), Arc::default());
    open_parts(&setup)?.into_iter().for_each(|parts| engine.keep_parts(parts));
    println!("linetwin demo: line {} of {}, seed {}", setup.plant.line, setup.plant.site, arguments.seed);
    let (engine, source) = learn(engine, SimulatedSource::new(sim, &setup.plant), live);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let truth = runtime.block_on(async {
        let language = arguments.language.clone();
        let demo = Demo { setup: &setup, listener, security, password, mqtt_port, live, duration_s, language };
        match arguments.speed {
            Speed::Times(speed) if speed <= PROTOCOL_SPEED_MAX => {
                demo.over_protocols(engine, source.into_parts().0, speed).await
            }
            speed => demo.without_protocols(engine, source, speed).await,
        }
    })?;
    if let Some(path) = &arguments.truth {
        write_truth(path, &truth)?;
    }
    tell_truth(&truth, live);
    if arguments.recording.is_some() {
        println!("The recording is kept: linetwin replay {}", folder.display());
    }
    Ok(())
}

fn list_faults() {
    for fault in Fault::ALL {
        println!("{:20} at {}", fault.name(), fault.targets().join(", "));
    }
}

fn faults(texts: &[String], history_s: f64) -> anyhow::Result<Vec<FaultPlan>> {
    let default: Vec<String> = DEFAULT_FAULTS.map(str::to_owned).to_vec();
    let texts = if texts.is_empty() { &default } else { texts };
    let mut plans = Vec::new();
    for text in texts.iter().filter(|text| *text != "none") {
        let mut plan = FaultPlan::parse(text)?;
        plan.onset_s += history_s;
        plans.push(plan);
    }
    Ok(plans)
}

/// The example configuration, with the demo's own ports and folder over it.
fn setup(arguments: &Arguments, mqtt_port: u16, folder: &Path) -> anyhow::Result<Setup> {
    let set = vec![
        format!("http.port={}", arguments.http_port),
        "mqtt.enabled=true".to_owned(),
        "mqtt.host=127.0.0.1".to_owned(),
        format!("mqtt.port={mqtt_port}"),
        // All that the broker in this process speaks.
        "mqtt.version=3".to_owned(),
        format!("recording.folder={}", folder.display()),
    ];
    Setup::new(example::files(), Overrides { environment: Default::default(), set })
}

/// Lets everybody at this machine read, and one user command, with a password of chance.
fn demo_login(setup: &Setup, scratch: &Path) -> anyhow::Result<(Security, String)> {
    let users = scratch.join("users.toml");
    let (password, secret) = Secret::new_password()?;
    let user = User::new(DEMO_USER, RoleName::Supervisor, secret)?;
    Users::change_file(&users, |users| users.add(user))?;
    let options = access::options(&setup.daemon.http, users, setup.daemon.audit_file());
    let access = Access::open(AccessOptions { is_open_to_read: true, ..options })?;
    Ok((Security { access: Some(access), ..Security::default() }, password))
}

/// Lets the plant run up to `live` and the twin learn from it.
fn learn(mut engine: Engine, mut source: SimulatedSource, live: Timestamp) -> (Engine, SimulatedSource) {
    let begun = Instant::now();
    let mut events = Vec::new();
    while source.sim().now() < live {
        let received = source.step(&mut events);
        for event in events.drain(..) {
            engine.take(event, received);
        }
    }
    let counts = engine.twin().view().counts;
    println!(
        "  history    {} samples and {} cycles learnt from in {:.1} s; {} alerts",
        counts.samples,
        counts.cycles,
        begun.elapsed().as_secs_f64(),
        counts.incidents
    );
    (engine, source)
}

struct Demo<'a> {
    setup: &'a Setup,
    listener: std::net::TcpListener,
    security: Security,
    password: String,
    mqtt_port: u16,
    live: Timestamp,
    duration_s: Option<f64>,
    language: console::Language,
}

impl Demo<'_> {
    /// The plant serves its protocols, and the adapters read them as they would a real plant.
    async fn over_protocols(self, engine: Engine, sim: SimPlant, speed: f64) -> anyhow::Result<Vec<TruthEvent>> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = ServeOptions {
            modbus: Some(any),
            opcua: Some(any),
            mqtt: Some(BrokerAddress { host: Ipv4Addr::LOCALHOST.to_string(), port: self.mqtt_port }),
            speed,
            duration_s: self.duration_s,
            truth: None,
        };
        let serving = Serving::start(sim, options).await?;
        let (modbus, opcua) = (serving.modbus_address(), serving.opcua_address());
        let plant = connected_to(&self.setup.plant, modbus, opcua, self.mqtt_port);
        let clock = Clock::scaled(self.live, speed);
        let parts = Parts {
            setup: self.setup,
            clock: clock.clone(),
            devices: setup::devices(&plant, &mut Buses::default())?,
            listener: self.listener,
            security: self.security,
            console: Some(Box::new(move |event| tell(event, &self.language))),
            drive: None,
            reload: None,
        };
        let daemon = Daemon::start(engine, parts)?;
        if let (Some(modbus), Some(opcua)) = (modbus, opcua) {
            println!("  weld cell  modbus://{modbus}");
            println!("  pack line  opc.tcp://{opcua}");
            println!("  utilities  mqtt://127.0.0.1:{}/ev1/#", self.mqtt_port);
        }
        announce(&daemon, self.mqtt_port, &self.password, &format!("{speed} times as fast as life"));
        let stop = CancellationToken::new();
        let mut serving = tokio::spawn(serving.run(stop.clone()));
        let ended = tokio::select! {
            ended = &mut serving => Some(ended?),
            stopped = told_to_stop() => { stopped?; None }
        };
        println!("stopping");
        // The daemon first, while its plant is still there to say goodbye to.
        daemon.stop().await?;
        stop.cancel();
        let summary = match ended {
            Some(summary) => summary?,
            None => serving.await??,
        };
        if summary.late_steps > 0 {
            println!(
                "  the machine was too slow for {} of {} steps, at worst by {:.1} s",
                summary.late_steps, summary.steps, summary.worst_lateness_s
            );
        }
        Ok(summary.truth)
    }

    /// The plant is read directly, at any speed.
    async fn without_protocols(
        self,
        engine: Engine,
        mut source: SimulatedSource,
        speed: Speed,
    ) -> anyhow::Result<Vec<TruthEvent>> {
        let end = self.duration_s.map(|duration_s| self.live.plus_seconds(duration_s));
        let (ended, at_end) = oneshot::channel();
        let live = self.live;
        let drive = move |mut engine: Engine, mut queue: mpsc::Receiver<Event>| {
            let (begun, mut events) = (Instant::now(), Vec::new());
            while !queue.is_closed() && end.is_none_or(|end| source.sim().now() < end) {
                let received = source.step(&mut events);
                while let Ok(event) = queue.try_recv() {
                    events.push(event);
                }
                for event in events.drain(..) {
                    engine.take(event, received);
                }
                if let Speed::Times(times) = speed {
                    let ahead_s = received.seconds_since(live) / times - begun.elapsed().as_secs_f64();
                    std::thread::sleep(Duration::from_secs_f64(ahead_s.max(0.0)));
                }
            }
            engine.finish();
            // Nobody waits any more if the demo was interrupted.
            let _ = ended.send(source.into_parts().1);
        };
        let parts = Parts {
            setup: self.setup,
            clock: Clock::scaled(self.live, 1.0),
            devices: Vec::new(),
            listener: self.listener,
            security: self.security,
            console: Some(Box::new(move |event| tell(event, &self.language))),
            drive: Some(Box::new(drive)),
            reload: None,
        };
        let daemon = Daemon::start(engine, parts)?;
        announce(&daemon, self.mqtt_port, &self.password, "read without protocols, at full speed");
        let mut at_end = at_end;
        let truth = tokio::select! {
            truth = &mut at_end => Some(truth?),
            stopped = told_to_stop() => { stopped?; None }
        };
        println!("stopping");
        daemon.stop().await?;
        match truth {
            Some(truth) => Ok(truth),
            None => Ok(at_end.await?),
        }
    }
}

fn announce(daemon: &Daemon, mqtt_port: u16, password: &str, pace: &str) {
    println!("  alerts     mosquitto_sub -p {mqtt_port} -v -t 'linetwin/#'");
    println!("  page       {}/", daemon.url);
    println!("  log in     as {DEMO_USER} with the password {password}, which is for this run only");
    println!("  {pace}; Ctrl-C stops.");
    println!();
}

/// The plant as configured, but reached where the simulator really serves it.
fn connected_to(plant: &Plant, modbus: Option<SocketAddr>, opcua: Option<SocketAddr>, mqtt_port: u16) -> Plant {
    let mut plant = plant.clone();
    for link in &mut plant.links {
        let is = |sim_link: SimLink| link.name == sim_link.name();
        let (is_modbus, is_opcua) = (is(SimLink::WeldPlc), is(SimLink::PackOpcua));
        match &mut link.settings {
            LinkSettings::Modbus(settings) if is_modbus => {
                if let Some(address) = modbus {
                    let to = HostPort { host: address.ip().to_string(), port: address.port() };
                    settings.transport = ModbusTransport::Tcp(to);
                }
            }
            LinkSettings::Opcua(settings) if is_opcua => {
                if let Some(address) = opcua {
                    settings.url = format!("opc.tcp://{address}");
                    // Every change, with its own time: the simulated plant may run faster than life.
                    settings.sampling_interval_s = 0.0;
                }
            }
            LinkSettings::Mqtt(settings) => {
                (settings.host, settings.port) = (Ipv4Addr::LOCALHOST.to_string(), mqtt_port);
            }
            _ => {}
        }
    }
    plant
}

fn tell(event: &EventV1, language: &console::Language) {
    if let Some(line) = console::line(event, language) {
        println!("{line}");
    }
}

fn write_truth(path: &Path, truth: &[TruthEvent]) -> anyhow::Result<()> {
    let mut text = String::new();
    for event in truth {
        text.push_str(&serde_json::to_string(event)?);
        text.push('\n');
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What was truly wrong, for a person to compare.
fn tell_truth(truth: &[TruthEvent], live: Timestamp) {
    println!();
    for event in truth.iter().filter(|event| event.at >= live) {
        let minutes = event.at.seconds_since(live) / 60.0;
        match &event.what {
            Truth::FaultBegan { fault, station, .. } => {
                println!("In truth: {fault} began at {station} after {minutes:.1} min.");
            }
            Truth::LimitCrossed { station, quantity, .. } => {
                println!("In truth: {quantity} at {station} left its limit after {minutes:.1} min.");
            }
            _ => {}
        }
    }
}
