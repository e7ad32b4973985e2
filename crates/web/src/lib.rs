//! The HTTP face of the daemon: the supervisor's page, the API, the live stream, metrics and health.
//!
//! It shows what [`Sources`] give it and decides nothing about the line. [`Security`] says who may read, who may command and
//! whether over TLS; without logins it is read-only, but for the steering of a replay. Connections, streams, sessions and
//! waiting times are bounded; a reader that is too slow for the live stream misses updates, which is counted, and holds
//! nobody up.

mod access;
mod assets;
mod command;
mod gate;
mod login;
mod looks;
mod metrics;
mod part;
mod refusal;
mod routes;
mod stream;

pub use access::{Access, AccessError, AccessOptions, Now, Secret, SecretError, User, UserError, Users};
pub use listener::{Tls, TlsError};
pub use metrics::{Metric, MetricKind};
pub use part::part_page;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::{CommandReplyV1, CommandV1, HealthV1, PartV1, ReplayCommandV1, ReplayV1, SeriesV1, StateV1, WordsV1};
use futures_util::future::BoxFuture;
use listener::BoundedListener;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use gate::{Gate, Peer};
use routes::Face;
use stream::Streams;

/// The records of a part by its serial, in the order they were closed; reads files, so it takes its time. The error is in
/// words for a person.
pub type PartLookup = Arc<dyn Fn(&str) -> Result<Vec<PartV1>, String> + Send + Sync>;

/// Steers a replay and says how it stands then; takes a moment. The error is in words for a person.
pub type ReplayControl = Arc<dyn Fn(ReplayCommandV1) -> Result<ReplayV1, String> + Send + Sync>;

/// The latest cycles of a station by its name, seen by the feature of that name. The error is in words for a person.
pub type SeriesLookup = Arc<dyn Fn(&str, &str) -> Result<SeriesV1, String> + Send + Sync>;

/// What the features of the line's stations are called.
pub type WordsLookup = Arc<dyn Fn() -> Arc<WordsV1> + Send + Sync>;

/// Gives the twin a command and says what it answers. The wait is bounded by who gives this.
pub type CommandControl =
    Arc<dyn Fn(CommandV1) -> BoxFuture<'static, Result<CommandReplyV1, CommandFailure>> + Send + Sync>;

/// Why a command has no answer of the twin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFailure {
    /// What it asks for cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// Too many wait.
    #[error("too many commands are waiting; send it again in a moment")]
    Busy,
    /// The daemon stops.
    #[error("the daemon is stopping; send it again when it is back")]
    Stopping,
    /// The twin has taken it, but not said in time what came of it.
    #[error("the twin has not answered in time; the page shows whether the command was carried out")]
    NoAnswer,
}

/// Where the daemon's HTTP face gets what it shows.
#[derive(Clone)]
pub struct Sources {
    /// The line as the twin sees it; its sender lives as long as the daemon.
    pub state: watch::Receiver<Arc<StateV1>>,
    /// Everything that is counted, at the moment of the call.
    pub metrics: Arc<dyn Fn() -> Vec<Metric> + Send + Sync>,
    /// How the daemon is, at the moment of the call.
    pub health: Arc<dyn Fn() -> HealthV1 + Send + Sync>,
    /// The records of a part.
    pub parts: PartLookup,
    /// The latest cycles of a station.
    pub series: SeriesLookup,
    /// What the features are called.
    pub words: WordsLookup,
    /// Who steers the replay, if this is one.
    pub replay: Option<ReplayControl>,
    /// Who carries out commands, if anybody does.
    pub commands: Option<CommandControl>,
}

/// Who may use the face, and over what. The default is that everybody may read, in the clear.
#[derive(Default)]
pub struct Security {
    /// How TLS is spoken, if it is.
    pub tls: Option<Tls>,
    /// Who may log in; without, nobody can and everybody may read.
    pub access: Option<Access>,
    /// Whether a proxy in front speaks TLS. It is then believed where a request comes from, so nobody else may reach this port.
    pub is_behind_proxy: bool,
}

impl Security {
    /// Where the face is for a browser, if it listens at that address.
    pub fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }
}

/// The most connections served at once.
const CONNECTIONS_MAX: usize = 256;
/// How long answers under way may take once the daemon is told to stop. Streams end at once.
const GRACE: Duration = Duration::from_secs(2);

/// How often users, sessions and certificate are looked after.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(2);

/// Serves until `stop` is cancelled; then ends streams at once and gives other answers two seconds to finish.
///
/// # Errors
/// If the listener cannot be served. A failing connection ends that connection only.
pub async fn serve(
    listener: TcpListener,
    sources: Sources,
    security: Security,
    stop: CancellationToken,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let (streams, pacing) = Streams::new(sources.state.clone());
    let face = Arc::new(Face::new(sources, streams, Gate::new(security, port)));
    let failed = face.gate.counts().handshakes_failed();
    let listener = BoundedListener::new(listener, CONNECTIONS_MAX, face.gate.tls(), failed);
    let service = routes::router(Arc::clone(&face)).into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let out_of_patience = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let serving = async {
        tokio::select! {
            served = serving => served,
            () = out_of_patience => {
                tracing::warn!("some HTTP answers were not taken within {} s of stopping and are cut off", GRACE.as_secs());
                Ok(())
            }
        }
    };
    // Pacing owns the only sender of the streams' updates: when it is stopped, every stream ends.
    let (_, _, served) =
        tokio::join!(stop.run_until_cancelled(pacing), stop.run_until_cancelled(keep_up(&face)), serving);
    served
}

async fn keep_up(face: &Arc<Face>) {
    if !face.gate.needs_upkeep() {
        return;
    }
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let face = Arc::clone(face);
        if let Err(error) = tokio::task::spawn_blocking(move || face.gate.keep_up()).await {
            tracing::error!("users and certificate could not be looked after: {error}");
        }
    }
}
