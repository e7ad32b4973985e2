//! A replay as others see it: on the page, and at a broker.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, mpsc as standard};
use std::time::Duration;

use adapter::{Clock, host_and_port};
use anyhow::Context as _;
use contract::{CommandReplyV1, PartV1, ReplayCommandV1, ReplayV1, StateV1};
use mqtt_client::Broker;
use notify::{Notifier, NotifySettings, Publication, Topics};
use telemetry::Command;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use twin::Output;
use web::{ReplayControl, Security};

use super::player::{Alerts, Player, Request};
use crate::access;
use crate::daemon::{PUBLICATIONS, Shown, serve, told_to_stop};
use crate::figures::Figures;
use crate::history::Charts;
use crate::links::LinkCounters;
use crate::notifying;
use crate::setup::Setup;
use crate::teller::Sinks;

/// Requests that wait for the player.
const REQUESTS: usize = 16;
/// How long the broker may take to be there before the replay begins: what is told earlier would be told late.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long what is left may take at the end. Nobody waits for a replay as for a daemon.
const FAREWELL: Duration = Duration::from_secs(60);
/// The audit log of replays, beside that of the live daemon, which only that one writes.
const AUDIT_FILE: &str = "audit-replay.jsonl";
/// Why a command is refused.
const REFUSED: &str = "this is a replay: what was done then cannot be changed; send it to the live daemon";

/// Where a replay is shown and told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Outlets {
    /// Serve the page and the API there as if live, and stay at the end; the page can pause, jump and change the speed.
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Tell alerts to this broker, at the topics of the live daemon below --topic-prefix, nothing retained.
    #[arg(long, value_name = "HOST:PORT")]
    mqtt: Option<String>,
    /// What the topics begin with, so that nobody takes them for live ones.
    #[arg(long, value_name = "PREFIX", default_value = "replay/", requires = "mqtt", value_parser = topic_prefix)]
    topic_prefix: String,
}

fn topic_prefix(text: &str) -> Result<String, String> {
    let prefix = text.trim_end_matches('/');
    let is_topic = !prefix.is_empty()
        && !prefix.starts_with('$')
        && !prefix.contains(|c: char| "+#".contains(c) || c.is_control());
    match is_topic {
        true => Ok(prefix.to_owned()),
        false => Err("expected the begin of a topic such as replay/, without + and #".to_owned()),
    }
}

impl Outlets {
    /// Whether somebody else hears of the replay than who started it.
    pub(crate) fn is_any(&self) -> bool {
        self.is_shown() || self.mqtt.is_some()
    }

    /// Whether the replay is on a page.
    pub(crate) fn is_shown(&self) -> bool {
        self.http.is_some()
    }

    /// Plays to whom it is wanted, besides `sinks` and `alerts`; `is_configured` if the configuration is not that of the
    /// recording.
    ///
    /// # Errors
    /// If the port is in use, the broker is not there, or the replay fails.
    pub(crate) fn play(
        &self,
        mut player: Player,
        setup: &Setup,
        is_configured: bool,
        mut sinks: Sinks,
        alerts: Option<Alerts>,
    ) -> anyhow::Result<Player> {
        let listener = self.http.as_deref().map(listen).transpose()?;
        let security = match &listener {
            Some(listener) => security(setup, is_configured, listener.local_addr()?)?,
            None => Security::default(),
        };
        let broker = self.mqtt.as_deref().map(|address| host_and_port(address, 1883)).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let (requests, asked) = sync_channel(REQUESTS);
            let stop = CancellationToken::new();
            let told = match broker {
                Some(broker) => Some(Told::start(self.settings(broker, setup)?, self.topics(setup)).await?),
                None => None,
            };
            let mut tasks = JoinSet::new();
            sinks.publications = told.as_ref().map(|told| told.publications.clone());
            if let Some(listener) = listener {
                let (sender, receiver) = watch::channel(Arc::new(first_state(&player, setup)));
                sinks.state = Some(sender);
                let notify = told.as_ref().map(|told| told.counters.clone());
                let figures = Figures {
                    state: receiver,
                    links: LinkCounters::default(),
                    reloads: None,
                    notify,
                    sparkplug: None,
                    gauges: Arc::default(),
                    parts: None,
                    shadow: None,
                    historian: None,
                };
                tracing::info!(
                    "replay of line {}: page and API at {}, until Ctrl-C",
                    setup.plant.line,
                    security.url(listener.local_addr()?)
                );
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let charts = Charts::new(player.history(), player.twin());
                let replay = Some(control(requests.clone()));
                let shown = Shown { figures, parts: Arc::new(no_parts), charts, replay, commands: None, security };
                tasks.spawn(serve(listener, shown, stop.clone()));
            }
            player.tell(sinks, alerts);
            let played = play_until_told(player, requests, asked).await;
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            if let Some(told) = told {
                told.finish().await?;
            }
            played
        })
    }

    /// What is replayed is long past; it is told as it was told then.
    fn settings(&self, (host, port): (String, u16), setup: &Setup) -> anyhow::Result<NotifySettings> {
        let client_id = format!("linetwin-replay-{}-{}", setup.plant.line, std::process::id());
        let live = notifying::settings(setup, client_id)?;
        let broker = Broker { host, port, ..live.broker };
        Ok(NotifySettings { broker, retain: false, history_after: None, farewell: FAREWELL, ..live })
    }

    fn topics(&self, setup: &Setup) -> Topics {
        Topics::new(&setup.plant, &setup.daemon.node).below(&self.topic_prefix)
    }
}

fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!("--http {address}: cannot listen there; expected a free HOST:PORT such as 127.0.0.1:8090")
    })
}

/// Who may see and steer the replay. The users of a recording's own configuration are those of another time, and maybe of
/// another machine: under it a replay is for this machine only, whose people can read the recording anyway.
fn security(setup: &Setup, is_configured: bool, address: SocketAddr) -> anyhow::Result<Security> {
    let http = &setup.daemon.http;
    if is_configured {
        anyhow::ensure!(
            !http.is_in_the_clear(&address.ip().to_string()),
            "--http {address}: people would log in over the network in the clear; set http.tls, or listen on 127.0.0.1"
        );
        return access::open(setup, setup.daemon.audit_file().with_file_name(AUDIT_FILE));
    }
    anyhow::ensure!(
        http.users.is_none() || address.ip().is_loopback(),
        "--http {address}: the line of this recording has logins; name a configuration with users by --config, or listen on \
         127.0.0.1"
    );
    Ok(Security::default())
}

fn no_parts(_: &str) -> Result<Vec<PartV1>, String> {
    Err("a replay keeps no records of parts; `linetwin part --recording` reads them".to_owned())
}

fn first_state(player: &Player, setup: &Setup) -> StateV1 {
    StateV1 { replay: Some(player.standing()), ..StateV1::new(&setup.plant, &player.twin().view(), None) }
}

/// Plays in a thread of its own until the end, or until Ctrl-C or the service manager's request.
async fn play_until_told(
    mut player: Player,
    requests: SyncSender<Request>,
    asked: Receiver<Request>,
) -> anyhow::Result<Player> {
    let mut playing = tokio::task::spawn_blocking(move || {
        let played = player.run(&asked);
        // Else the notifier would wait for more.
        player.tell(Sinks::default(), None);
        played.map(|()| player)
    });
    tokio::select! {
        played = &mut playing => return played?,
        stopped = told_to_stop() => stopped?,
    }
    tokio::task::spawn_blocking(move || requests.send(Request::Stop)).await?.context("the replay has ended already")?;
    playing.await?
}

/// Passes a person's wish to the player and waits for its answer.
fn control(requests: SyncSender<Request>) -> ReplayControl {
    Arc::new(move |command: ReplayCommandV1| {
        let (answer, answered) = standard::sync_channel::<Result<ReplayV1, String>>(1);
        requests.try_send(Request::Steer(command, answer)).map_err(|problem| match problem {
            TrySendError::Full(_) => "too many requests are waiting; send it again in a moment".to_owned(),
            TrySendError::Disconnected(_) => "the replay has ended".to_owned(),
        })?;
        answered.recv().map_err(|_| "the replay has ended".to_owned())?
    })
}

/// A broker that is told of the replay.
struct Told {
    publications: mpsc::Sender<Publication>,
    counters: Arc<notify::Counters>,
    notifier: JoinHandle<()>,
    refusing: JoinHandle<()>,
}

impl Told {
    /// Connects to it.
    async fn start(settings: NotifySettings, topics: Topics) -> anyhow::Result<Self> {
        let address = settings.broker.to_string();
        let notifier = Notifier::new(settings, topics, []);
        let counters = notifier.counters();
        let (publications, to_publish) = mpsc::channel(PUBLICATIONS);
        let (commands, commanded) = mpsc::channel(REQUESTS);
        let now = || Clock::system().now();
        let notifier =
            tokio::spawn(async move { notifier.run(to_publish, commands, now, CancellationToken::new()).await });
        let refusing = tokio::spawn(refuse(commanded, publications.clone()));
        let connected = async {
            while !counters.is_connected() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(CONNECT_PATIENCE, connected).await.with_context(|| {
            format!("--mqtt {address}: no broker takes the connection within {CONNECT_PATIENCE:?}; the log says why")
        })?;
        Ok(Self { publications, counters, notifier, refusing })
    }

    /// Waits until the broker has been told everything.
    async fn finish(self) -> anyhow::Result<()> {
        self.refusing.abort();
        // It was cut off, and with it went its end of the queue.
        let _ = self.refusing.await;
        drop(self.publications);
        self.notifier.await?;
        let dropped = self.counters.snapshot().dropped;
        anyhow::ensure!(dropped == 0, "{dropped} messages could not be told to the broker; try a lower --speed");
        Ok(())
    }
}

/// Answers every command that it is not followed.
async fn refuse(mut commands: mpsc::Receiver<Command>, publications: mpsc::Sender<Publication>) {
    while let Some(command) = commands.recv().await {
        let refused = Output::Command { command, refused: Some(REFUSED.to_owned()) };
        if let Some(reply) = CommandReplyV1::from_output(&refused).map(Publication::Reply)
            && publications.send(reply).await.is_err()
        {
            return;
        }
    }
}
