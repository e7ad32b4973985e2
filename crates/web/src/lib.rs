//! The HTTP face of the daemon: the supervisor's page, the API, the live stream, metrics and health.
//!
//! Read-only, but for the steering of a replay. It shows what [`Sources`] give it and decides nothing. Connections, streams and waiting times are
//! bounded; a reader that is too slow for the live stream misses updates, which is counted, and holds nobody up.

mod assets;
mod connection;
mod looks;
mod metrics;
mod part;
mod routes;
mod stream;

pub use metrics::{Metric, MetricKind};
pub use part::part_page;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use contract::{PartV1, ReplayCommandV1, ReplayV1, SeriesV1, StateV1, WordsV1};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use connection::BoundedListener;
use stream::Streams;

/// The records of a part by its serial, in the order they were closed; reads files, so it takes its time. The error is in
/// words for a person.
pub type PartLookup = Arc<dyn Fn(&str) -> Result<Vec<PartV1>, String> + Send + Sync>;

/// Steers a replay and says how it stands then; takes a moment. The error is in words for a person.
pub type ReplayControl = Arc<dyn Fn(ReplayCommandV1) -> Result<ReplayV1, String> + Send + Sync>;

/// The latest cycles of a station by its name, seen by the feature of that name. The error is in words for a person.
pub type SeriesLookup = Arc<dyn Fn(&str, &str) -> Result<SeriesV1, String> + Send + Sync>;

/// Where the daemon's HTTP face gets what it shows.
#[derive(Clone)]
pub struct Sources {
    /// The line as the twin sees it; its sender lives as long as the daemon.
    pub state: watch::Receiver<Arc<StateV1>>,
    /// Everything that is counted, at the moment of the call.
    pub metrics: Arc<dyn Fn() -> Vec<Metric> + Send + Sync>,
    /// How the daemon is, at the moment of the call.
    pub health: Arc<dyn Fn() -> Health + Send + Sync>,
    /// The records of a part.
    pub parts: PartLookup,
    /// The latest cycles of a station.
    pub series: SeriesLookup,
    /// What the features are called.
    pub words: Arc<WordsV1>,
    /// Who steers the replay, if this is one.
    pub replay: Option<ReplayControl>,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Health {
    /// Whether it does its work.
    pub ok: bool,
    /// What is wrong, in words for a person; may be given although the daemon works.
    pub problems: Vec<String>,
}

/// How long answers under way may take once the daemon is told to stop. Streams end at once.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop` is cancelled; then ends streams at once and gives other answers two seconds to finish.
///
/// # Errors
/// If the listener cannot be served. A failing connection ends that connection only.
pub async fn serve(listener: TcpListener, sources: Sources, stop: CancellationToken) -> io::Result<()> {
    let (streams, pacing) = Streams::new(sources.state.clone());
    let serving = axum::serve(BoundedListener::new(listener), routes::router(sources, streams))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
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
    let (_, served) = tokio::join!(stop.run_until_cancelled(pacing), serving);
    served
}
