//! `linetwin run`: the daemon on real devices, and the wiring that the demo shares with it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use adapter::{Clock, queue};
use anyhow::Context as _;
use contract::StateV1;
use historian::Historian;
use modbus_adapter::Buses;
use notify::{Notifier, Publication, SparkplugNode};
use recording::{Retention, WriterOptions};
use telemetry::{Event, LinkState};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twin::Output;
use web::{CommandControl, CommandFailure, PartLookup, ReplayControl, Security, Sources};

use crate::access;
use crate::commands::Commands;
use crate::durability::LinkDurability;
use crate::engine::{Console, Engine, Sinks};
use crate::feeds::Feeds;
use crate::figures::Figures;
use crate::history::{Charts, History};
use crate::links::Links;
use crate::notifying;
use crate::parts::{PartStore, read};
use crate::recorder::{Recorder, RecorderOptions, resume_telling};
use crate::reload::{Reloader, Reloads};
use crate::setup::{ConfigArguments, Device, Setup};
use crate::shadow::Shadow;

/// How often the twin is told that time passes, seconds of the daemon's clock.
const TICK_S: f64 = 1.0;
/// Publications that wait for the notifier, which itself keeps many more.
pub(crate) const PUBLICATIONS: usize = 1024;
/// Commands that wait to get into the engine's queue.
const COMMANDS: usize = 64;
/// How long the parts may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// `linetwin run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Run a second twin under this configuration beside the live one. Its alerts go to shadow.jsonl in the recording's
    /// folder, and nowhere else.
    #[arg(long, value_name = "DIR")]
    shadow: Option<PathBuf>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// If the configuration cannot run, a port is in use, or the recording cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::read(&arguments.config.config, &arguments.config.set)?;
    let shadow = arguments.shadow.as_deref().map(shadow_setup).transpose()?;
    let mut buses = Buses::default();
    let devices = setup.devices(&mut buses)?;
    let security = access::open(&setup, setup.daemon.audit_file())?;
    let listener = listen(&setup)?;
    let recorder = open_recorder(&setup, &Clock::system())?;
    let mut parts = open_parts(&setup)?;
    let mut historian = start_historian(&setup)?;
    let history = History::default();
    let (twin, sequence) =
        resume_telling(&setup.daemon.recording.folder, setup.plant.clone(), |input, outputs, twin| {
            history.take(outputs, twin);
            parts.iter_mut().for_each(|parts| parts.keep(input, outputs, twin));
            historian.iter_mut().for_each(|historian| historian.replay(input, outputs, twin));
        })?;
    let mut engine = Engine::new(twin, sequence, Some(recorder), Sinks::default(), Arc::default());
    engine.go_on_with(history);
    parts.into_iter().for_each(|parts| engine.keep_parts(parts));
    historian.into_iter().for_each(|historian| engine.keep_history(historian));
    if let Some(shadow) = shadow {
        let live = setup.header(Clock::system().now());
        engine.follow(Shadow::start(&setup.daemon.recording.folder, shadow.plant, live, sequence)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // From the begin: without a listener the system would end the daemon.
        let mut hangups = signal(SignalKind::hangup())?;
        let clock = Clock::system();
        let reload = Some((arguments.config.clone(), buses));
        let parts = Parts { setup: &setup, clock, devices, listener, security, console: None, drive: None, reload };
        let daemon = Daemon::start(engine, parts)?;
        tracing::info!(
            "line {}: {} links, page and API at {}, recording in {}",
            setup.plant.line,
            setup.plant.links.len(),
            daemon.url,
            setup.daemon.recording.folder.display()
        );
        let mut told = std::pin::pin!(told_to_stop());
        loop {
            tokio::select! {
                stopped = &mut told => { stopped?; break }
                _ = hangups.recv() => daemon.reload(),
            }
        }
        tracing::info!("stopping");
        daemon.stop().await
    })
}

/// The configuration of the shadow. What is set on the command line is for the live twin only.
fn shadow_setup(folder: &Path) -> anyhow::Result<Setup> {
    Setup::read(folder, &[]).with_context(|| format!("the shadow's configuration {} cannot run", folder.display()))
}

/// Opens the recording that the configuration names.
///
/// # Errors
/// If its folder cannot be written.
pub fn open_recorder(setup: &Setup, clock: &Clock) -> anyhow::Result<Recorder> {
    let settings = &setup.daemon.recording;
    let mib = |count: u32| u64::from(count) * 1024 * 1024;
    let options = RecorderOptions {
        writer: WriterOptions { segment_bytes: mib(settings.segment_size_mib) },
        sync_interval: Duration::from_secs_f64(settings.flush_interval_s),
        retention: Retention {
            age_max_s: f64::from(settings.keep_days) * 86_400.0,
            size_max_bytes: mib(settings.size_max_mib),
            free_min_bytes: mib(settings.free_min_mib),
        },
    };
    Recorder::open(&settings.folder, setup.header(clock.now()), options).with_context(|| {
        format!("cannot record in {}; choose another folder with recording.folder", settings.folder.display())
    })
}

/// Opens the records of parts that the configuration names; `None` if they are not to be kept.
///
/// # Errors
/// If their folder cannot be written.
pub fn open_parts(setup: &Setup) -> anyhow::Result<Option<PartStore>> {
    let settings = &setup.daemon.parts;
    settings.enabled.then(|| PartStore::open(&setup.daemon.parts_folder(), settings)).transpose()
}

/// Starts the historian that the configuration describes; `None` if there is to be none.
fn start_historian(setup: &Setup) -> anyhow::Result<Option<Historian>> {
    let settings = &setup.daemon.historian;
    let start = || Historian::start(settings, &setup.daemon.historian_folder(), &setup.plant);
    Ok(settings.enabled.then(start).transpose()?)
}

/// Listens for the page and the API where the configuration says.
///
/// # Errors
/// If the port is in use.
pub fn listen(setup: &Setup) -> anyhow::Result<TcpListener> {
    let settings = &setup.daemon.http;
    TcpListener::bind((settings.host.as_str(), settings.port)).with_context(|| {
        format!(
            "cannot listen on {}:{} for the page and the API; choose another port with http.port",
            settings.host, settings.port
        )
    })
}

/// Waits for Ctrl-C or the service manager's request.
///
/// # Errors
/// If signals cannot be received.
pub async fn told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// What a daemon is made of besides its engine.
pub struct Parts<'a> {
    /// The configuration.
    pub setup: &'a Setup,
    /// The time.
    pub clock: Clock,
    /// An adapter for each link.
    pub devices: Vec<Device>,
    /// Where the page and the API are served.
    pub listener: TcpListener,
    /// Who may use them, and whether over TLS.
    pub security: Security,
    /// Who else is told of every change of an incident.
    pub console: Option<Console>,
    /// What runs the engine, in a thread of its own; the engine itself if `None`.
    pub drive: Option<Drive>,
    /// Where the configuration comes from, and the buses of the devices, if it may be changed while the daemon runs.
    pub reload: Option<(ConfigArguments, Buses)>,
}

/// Runs an engine on a queue until the queue is closed.
pub type Drive = Box<dyn FnOnce(Engine, mpsc::Receiver<Event>) + Send>;

/// A running daemon.
pub struct Daemon {
    /// Where the page and the API are.
    pub url: String,
    /// The engine's queue, for events from elsewhere.
    pub events: mpsc::Sender<Event>,
    stop: CancellationToken,
    /// Asks for the configuration to be read again.
    reload: mpsc::Sender<()>,
    tasks: JoinSet<()>,
    notifier: Option<tokio::task::JoinHandle<()>>,
    engine: JoinHandle<()>,
}

impl Daemon {
    /// Starts every part.
    ///
    /// # Errors
    /// If a thread cannot be started, the broker's certificates cannot be used, or what is untold cannot be read.
    pub fn start(mut engine: Engine, parts: Parts<'_>) -> anyhow::Result<Self> {
        let Parts { setup, clock, devices, listener, security, console, drive, reload } = parts;
        let stop = CancellationToken::new();
        let (events, receiver) = queue(setup.daemon.queue.capacity);
        let mut tasks = JoinSet::new();

        let mut open: Vec<Publication> =
            engine.twin().open_incidents().map(|incident| Publication::from_open(incident, &setup.plant)).collect();
        if let Some(report) = engine.twin().view().flow.past.pop() {
            open.extend(Publication::from_shift(&Output::Shift(Box::new(report)), &setup.plant));
        }
        let notify =
            setup.daemon.mqtt.enabled.then(|| notifying::notifier(setup, open, engine.recording())).transpose()?;
        let counters = notify.as_ref().map(Notifier::counters);
        let (publications, to_publish) = mpsc::channel(PUBLICATIONS);
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let notifier = notify.map(|notifier| {
            let (now, stop) = (clock.clone(), CancellationToken::new());
            tokio::spawn(async move { notifier.run(to_publish, commands, move || now.now(), stop).await })
        });
        let door = Commands::new(&events, engine.askers().clone());
        tasks.spawn(forward_commands(commanded, door.clone(), stop.clone()));

        let first = StateV1::new(&setup.plant, &engine.twin().view(), None);
        let (state, state_receiver) = watch::channel(Arc::new(first));
        let sparkplug = notifying::sparkplug(setup)?;
        let sparkplug_counters = sparkplug.as_ref().map(SparkplugNode::counters);
        if let Some(node) = sparkplug {
            let (now, state) = (clock.clone(), state_receiver.clone());
            let stop = stop.clone();
            tasks.spawn(async move { node.run(state, move || now.now(), stop).await });
        }
        let mut links = Links::new(clock.clone(), stop.clone());
        let (durability, ends) = LinkDurability::new(setup.plant.links.len());
        for ((link, device), durable) in setup.plant.links.iter().zip(devices).zip(ends) {
            links.start(link, device, &events, engine.is_recorded().then_some(durable));
        }
        tasks.spawn(tick(clock.clone(), events.clone(), stop.clone()));

        let parts = engine.parts().map(|parts| parts.gauges().clone());
        let shadow = engine.shadow().map(|shadow| shadow.gauges().clone());
        let historian = engine.historian().map(|historian| historian.counters().clone());
        let gauges = engine.gauges().clone();
        let reloads = Arc::<Reloads>::default();
        let figures = Figures {
            state: state_receiver.clone(),
            links: links.counters().clone(),
            reloads: reload.is_some().then(|| reloads.clone()),
            notify: counters,
            sparkplug: sparkplug_counters,
            gauges,
            parts,
            shadow,
            historian,
        };
        let url = security.url(listener.local_addr()?);
        listener.set_nonblocking(true)?;
        let charts = Charts::new(engine.history(), engine.twin());
        let commands = Some(door.control());
        let (asks, asked) = mpsc::channel(1);
        let (reload_sender, reload_asked) = mpsc::channel(1);
        match reload {
            Some((source, buses)) => {
                let reloader = Reloader {
                    source,
                    setup: setup.clone(),
                    links,
                    buses,
                    engine: asks,
                    charts: charts.clone(),
                    clock: clock.clone(),
                    reloads,
                };
                tasks.spawn(reloader.run(reload_asked, stop.clone()));
            }
            None => drop(tasks.spawn(links.ended())),
        }
        let shown = Shown { figures, parts: lookup(setup), charts, replay: None, commands, security };
        tasks.spawn(serve(tokio::net::TcpListener::from_std(listener)?, shown, stop.clone()));

        let publications = notifier.is_some().then_some(publications);
        engine.set_sinks(Sinks { publications, state: Some(state), console });
        let thread = std::thread::Builder::new().name("engine".to_owned());
        let engine = match drive {
            Some(drive) => thread.spawn(move || drive(engine, receiver)),
            None => {
                let runtime = Handle::current();
                let feeds = Feeds::new(receiver, setup.header(clock.now()));
                thread.spawn(move || {
                    begin_unconnected(&mut engine, &clock);
                    engine.tell_durability(durability);
                    engine.run(feeds, asked, &clock, &runtime);
                })
            }
        }?;
        Ok(Self { url, events, stop, reload: reload_sender, tasks, notifier, engine })
    }

    /// Has the configuration read again and what differs taken over, beside all else. The log and the metrics say what came
    /// of it.
    pub fn reload(&self) {
        // Full: the one that waits will read what is there then.
        let _ = self.reload.try_send(());
    }

    /// Stops in order: links first, then the engine when it has taken all that they gave, then the notifier when it has
    /// told all that followed.
    ///
    /// # Errors
    /// If a part does not stop in time.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { events, stop, mut tasks, notifier, engine, url: _, reload: _ } = self;
        stop.cancel();
        drop(events);
        let ended = async { while tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(STOP_PATIENCE, ended).await;
        if in_time.is_err() {
            tasks.abort_all();
            while tasks.join_next().await.is_some() {}
        }
        let engine = tokio::task::spawn_blocking(move || engine.join());
        engine.await?.map_err(|_| anyhow::anyhow!("the engine has panicked; please report this"))?;
        if let Some(mut notifier) = notifier
            && tokio::time::timeout(STOP_PATIENCE, &mut notifier).await.is_err()
        {
            notifier.abort();
            anyhow::bail!("alerts may be untold: the broker did not take them within {STOP_PATIENCE:?}");
        }
        in_time.context("a link did not stop in time and was cut off")
    }
}

/// Nothing is connected when the daemon starts, whatever was when it last stopped.
fn begin_unconnected(engine: &mut Engine, clock: &Clock) {
    let links: Vec<_> = engine.twin().plant().links.iter().map(|link| link.id).collect();
    for link in links {
        let reason = "the daemon has just started".to_owned();
        engine.take(Event::Link { link, state: LinkState::Down { reason } }, clock.now());
    }
}

async fn forward_commands(mut commanded: mpsc::Receiver<telemetry::Command>, door: Commands, stop: CancellationToken) {
    while let Some(Some(command)) = stop.run_until_cancelled(commanded.recv()).await {
        match stop.run_until_cancelled(door.give(command, None)).await {
            Some(Ok(())) => {}
            Some(Err(CommandFailure::Stopping)) | None => return,
            Some(Err(failure)) => tracing::error!("a command that came over MQTT is lost: {failure}"),
        }
    }
}

async fn tick(clock: Clock, events: mpsc::Sender<Event>, stop: CancellationToken) {
    let mut interval = tokio::time::interval(clock.duration(TICK_S));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if events.send(Event::Tick).await.is_err() {
            return;
        }
    }
}

/// Finds the records of a part.
fn lookup(setup: &Setup) -> PartLookup {
    if !setup.daemon.parts.enabled {
        return Arc::new(|_| Err("records of parts are not kept; set parts.enabled".to_owned()));
    }
    let folder = setup.daemon.parts_folder();
    Arc::new(move |serial| read::records_of(&folder, serial).map_err(|error| format!("{error:#}")))
}

/// What the page and the API show, and to whom.
pub(crate) struct Shown {
    pub(crate) figures: Figures,
    pub(crate) parts: PartLookup,
    pub(crate) charts: Charts,
    /// Who steers the replay, if this is one.
    pub(crate) replay: Option<ReplayControl>,
    /// Who takes commands, if anybody does.
    pub(crate) commands: Option<CommandControl>,
    pub(crate) security: Security,
}

/// Serves the page and the API until it is told to stop.
pub(crate) async fn serve(listener: tokio::net::TcpListener, shown: Shown, stop: CancellationToken) {
    let Shown { figures, parts, charts, replay, commands, security } = shown;
    let (for_metrics, for_health) = (figures.clone(), figures.clone());
    let sources = Sources {
        state: figures.state,
        metrics: Arc::new(move || for_metrics.metrics()),
        health: Arc::new(move || for_health.health()),
        parts,
        series: charts.series(),
        words: charts.words(),
        replay,
        commands,
    };
    if let Err(error) = web::serve(listener, sources, security, stop).await {
        tracing::error!("the page and the API are not served any more: {error}");
    }
}
