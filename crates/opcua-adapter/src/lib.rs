//! OPC UA: subscriptions and browsing.
//!
//! [`OpcuaAdapter`] subscribes to the signals of one server. Every session is built anew: endpoint, namespace table,
//! session; and after every connection subscription and monitored items; so a server that restarts, even with its namespaces in another order, is
//! found again. There is one owner of reconnecting, [`adapter::keep_connected`]: the client library makes an attempt when it
//! is told to. A session is closed at the server whenever that is still possible; where it is not, because the connection
//! broke, it is taken up again on the next connection, so that there is never more than one (`sessions.rs`).
//!
//! A node that the server does not have gives one bad sample and one warning, and is tried again later; the other signals
//! go on. Any message of the server counts as a sign of life; six seconds without one end the session. When the twin is
//! busy, no more publish responses are taken, so that the server's own queues fill; what runs over there the server says,
//! and it is counted. A message that is missing is asked for again; if the server has it no longer, that is counted and
//! the link is set up anew.
//!
//! Security: the strongest endpoint that both sides have, or exactly the one that is configured ([`plant::OpcuaSecurity`]);
//! the choice is in `endpoint.rs`. A server is talked to only if a person has said that its certificate is to be trusted;
//! `certificates.rs` keeps these, and the own certificate. Without security no certificate is read or written.

mod address;
mod browse;
mod certificates;
mod client;
mod connection;
mod credentials;
mod discovery;
mod endpoint;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limits;
mod monitoring;
mod points;
mod published;
mod sessions;
mod subscription;
mod value;

pub use browse::browse;
pub use certificates::{Certificate, Pki, PkiError};
pub use discovery::fetch_certificate;

use std::sync::atomic::AtomicBool;

use adapter::{AddressError, Context, LinkError, keep_connected};
use plant::{Link, OpcuaSettings, Signal};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::points::{Point, points};
use crate::published::{Published, WAITING_PUBLISHES_MAX, hand_over};
use crate::sessions::Sessions;
use crate::subscription::Subscriber;

/// The adapter of one OPC UA server: what to subscribe to, checked with nothing connected.
#[derive(Debug)]
pub struct OpcuaAdapter {
    settings: OpcuaSettings,
    points: Vec<Point>,
    link: String,
    /// Whether it has been told what the server makes of what it is asked for.
    told: AtomicBool,
}

impl OpcuaAdapter {
    /// The adapter of `link`, which delivers `signals`.
    ///
    /// # Errors
    /// Every signal whose address is neither a node id nor a browse path.
    pub fn new(link: &Link, settings: &OpcuaSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let (mut found, mut errors) = (Vec::with_capacity(signals.len()), Vec::new());
        for &signal in signals {
            match address::parse(&signal.address) {
                Ok(address) => found.push((signal.clone(), address)),
                Err(problem) => errors.push(AddressError {
                    origin: signal.origin.clone(),
                    signal: signal.path.clone(),
                    address: signal.address.clone(),
                    problem,
                }),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                settings: settings.clone(),
                points: points(found),
                link: link.name.clone(),
                told: AtomicBool::new(false),
            })
        } else {
            Err(errors)
        }
    }

    /// Subscribes, delivers and reconnects until the context is stopped. The session is then closed at the server.
    pub async fn run(self, context: Context) {
        // One attempt at a time: the lock is never waited for.
        let sessions = Mutex::new(Sessions::default());
        let (adapter, sessions) = (&self, &sessions);
        keep_connected(&context, |context| async move { adapter.session(context, &mut *sessions.lock().await).await })
            .await;
        sessions.lock().await.close(&context.counters).await;
    }

    /// One connection, from connecting to closing.
    async fn session(&self, context: &Context, sessions: &mut Sessions) -> LinkError {
        let opened = tokio::select! {
            biased;
            () = context.stop.cancelled() => return LinkError::Stopping,
            opened = sessions.open(&self.settings.url, &self.settings.access, &context.counters) => opened,
        };
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(reason) => return LinkError::Lost(reason),
        };
        tracing::debug!(link = self.link, url = self.settings.url, "session open");
        let ended = tokio::select! {
            biased;
            () = context.stop.cancelled() => LinkError::Stopping,
            ended = self.serve(&mut connection, context) => ended,
        };
        sessions.end(connection).await;
        ended
    }

    /// Subscribes and delivers until the connection or the subscription ends.
    async fn serve(&self, connection: &mut Connection, context: &Context) -> LinkError {
        let (session, types) = (connection.session(), connection.types());
        let (sender, mut receiver) = mpsc::channel(WAITING_PUBLISHES_MAX);
        let mut lost = std::pin::pin!(receive(connection, sender.clone()));
        let subscribed = tokio::select! {
            reason = &mut lost => return LinkError::Lost(reason),
            subscribed = Subscriber::subscribe(&session, &types, &self.told, &self.settings, &self.points, sender, context) => subscribed,
        };
        let subscriber = match subscribed {
            Ok(subscriber) => subscriber,
            Err(ended) => return ended,
        };
        let connection_ended = CancellationToken::new();
        let receiving = async {
            let reason = lost.await;
            connection_ended.cancel();
            Ok(reason)
        };
        let url = &self.settings.url;
        let handing_over = hand_over(&self.points, &mut receiver, &session, &connection_ended, context, url);
        // What is refused is tried again only while there is a connection.
        let retrying = async { connection_ended.run_until_cancelled(subscriber.retry()).await.transpose() };
        match tokio::try_join!(receiving, handing_over, retrying) {
            Ok((reason, ..)) => LinkError::Lost(reason),
            Err(ended) => ended,
        }
    }
}

/// Keeps the connection going until it is lost, taking nothing from it while there is no room for a publish response.
async fn receive(connection: &mut Connection, room: mpsc::Sender<Published>) -> String {
    loop {
        // The receiver outlives this; if it were gone there would be nothing to wait for either.
        drop(room.reserve().await);
        if let Err(reason) = connection.step().await {
            return reason;
        }
    }
}
