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
mod decoding;
mod deep;
mod discovery;
mod endpoint;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limits;
mod monitoring;
mod points;
mod published;
mod redundancy;
mod refresh;
mod sessions;
mod subscription;
mod value;
mod wire;

pub use browse::browse;
pub use certificates::{Certificate, Pki, PkiError};
pub use discovery::fetch_certificate;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use adapter::{AddressError, Context, Counters, LinkError, keep_connected};
use opcua::client::Session;
use plant::{Link, OpcuaSettings, Signal};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::connection::Connection;
use crate::deep::wait_deep;
use crate::events::{EVENT_PREFIX, EventSignal};
use crate::points::{Point, points};
use crate::published::{Published, WAITING_PUBLISHES_MAX, hand_over};
use crate::redundancy::{Servers, check_running};
use crate::refresh::Refresh;
use crate::sessions::Sessions;
use crate::subscription::Subscriber;

/// How long it is tried to take a session up again before another server is used, where there is one.
const RESUME_TIME_MAX: Duration = Duration::from_secs(2);

/// The adapter of one OPC UA server, or of several that serve the same: what to subscribe to, checked with nothing connected.
#[derive(Debug)]
pub struct OpcuaAdapter {
    settings: OpcuaSettings,
    points: Vec<Point>,
    /// The signals that come from events; their node is the first of the points.
    events: Vec<EventSignal>,
    link: String,
    servers: Servers,
    /// Whether it has been told what the server makes of what it is asked for.
    told: AtomicBool,
}

impl OpcuaAdapter {
    /// The adapter of `link`, which delivers `signals`.
    ///
    /// # Errors
    /// Every signal whose address is neither a node id nor a browse path, nor one of events.
    pub fn new(link: &Link, settings: &OpcuaSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let (mut found, mut events, mut errors) = (Vec::with_capacity(signals.len()), Vec::new(), Vec::new());
        for &signal in signals {
            let read = if signal.address.starts_with(EVENT_PREFIX) {
                EventSignal::parse(signal).map(|event| events.push(event))
            } else {
                address::parse(&signal.address).map(|address| found.push((signal.clone(), address)))
            };
            errors.extend(read.err().map(|problem| AddressError::of(signal, problem)));
        }
        let mut points = points(found);
        if let Some(first) = events.first() {
            match address::parse(&settings.notifier) {
                Ok(Address { place, .. }) => points.insert(0, Point::of_events(place, &events)),
                Err(problem) => errors.push(AddressError::of(&first.signal, format!("its link's notifier: {problem}"))),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let (settings, link) = (settings.clone(), link.name.clone());
        let servers = Servers::new(&settings);
        Ok(Self { settings, points, events, link, servers, told: AtomicBool::new(false) })
    }

    /// Subscribes, delivers and reconnects until the context is stopped. The session is then closed at the server.
    pub async fn run(self, context: Context) {
        let subscribed = wait_deep({
            let context = context.clone();
            async move { self.keep_subscribed(&context).await }
        });
        if let Err(problem) = subscribed.await {
            keep_connected(&context, |_| async { LinkError::Lost(problem.clone()) }).await;
        }
    }

    async fn keep_subscribed(&self, context: &Context) {
        // One attempt at a time: the lock is never waited for.
        let sessions = Mutex::new(Sessions::default());
        let sessions = &sessions;
        keep_connected(context, |context| async move { self.session(context, &mut *sessions.lock().await).await })
            .await;
        sessions.lock().await.close(&context.counters).await;
    }

    /// One connection, from connecting to closing.
    async fn session(&self, context: &Context, sessions: &mut Sessions) -> LinkError {
        let opened = tokio::select! {
            biased;
            () = context.stop.cancelled() => return LinkError::Stopping,
            opened = self.open(sessions, &context.counters) => opened,
        };
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(reason) => return LinkError::Lost(reason),
        };
        tracing::debug!(link = self.link, url = connection.url(), "session open");
        let ended = tokio::select! {
            biased;
            () = context.stop.cancelled() => LinkError::Stopping,
            ended = self.serve(&mut connection, context) => ended,
        };
        sessions.end(connection).await;
        ended
    }

    /// Connects to the server, or to the best of several.
    async fn open(&self, sessions: &mut Sessions, counters: &Counters) -> Result<Connection, String> {
        let access = &self.settings.access;
        if let Some(known) = self.servers.only().map(str::to_owned).or_else(|| self.servers.take_next()) {
            return sessions.open(&known, access, counters).await;
        }
        let Some(last) = sessions.kept_url() else {
            let best = self.servers.best_but(None, access).await?;
            return sessions.open(&best, access, counters).await;
        };
        // A connection that broke is not yet a server that is gone: its session is taken up again, if it can be at once.
        let reason = match timeout(RESUME_TIME_MAX, sessions.open(&last, access, counters)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(reason)) => reason,
            Err(_) => format!("{last}: no answer within {} s", RESUME_TIME_MAX.as_secs()),
        };
        let best = self.servers.best_but(Some(&last), access).await;
        let best = best.map_err(|others| format!("{reason}; {others}"))?;
        tracing::warn!(link = self.link, reason, to = best, "going over to another server");
        sessions.open(&best, access, counters).await
    }

    /// Subscribes and delivers until the connection or the subscription ends.
    async fn serve(&self, connection: &mut Connection, context: &Context) -> LinkError {
        let (session, types) = (connection.session(), connection.types());
        let url = connection.url().to_owned();
        let scope = Scope { adapter: self, session: &session, url: &url, context };
        let refresh = Refresh::default();
        let (sender, mut receiver) = mpsc::channel(WAITING_PUBLISHES_MAX);
        let mut lost = std::pin::pin!(receive(connection, sender.clone()));
        let subscribed = tokio::select! {
            reason = &mut lost => return LinkError::Lost(reason),
            subscribed = async {
                check_running(scope).await?;
                Subscriber::subscribe(scope, &types, &refresh, sender).await
            } => subscribed,
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
        let handing_over = hand_over(scope, &mut receiver, &refresh, &connection_ended);
        // What is refused is tried again, and what stands asked for, only while there is a connection.
        let retrying = async { connection_ended.run_until_cancelled(subscriber.retry()).await.transpose() };
        let refreshing = refresh.run(&session, scope.url);
        let refreshing = async { connection_ended.run_until_cancelled(refreshing).await.transpose() };
        let watching = async { connection_ended.run_until_cancelled(self.servers.watch(scope)).await.transpose() };
        match tokio::try_join!(receiving, handing_over, retrying, refreshing, watching) {
            Ok((reason, ..)) => LinkError::Lost(reason),
            Err(ended) => ended,
        }
    }
}

/// What all that is done in one session needs.
#[derive(Clone, Copy)]
struct Scope<'a> {
    adapter: &'a OpcuaAdapter,
    session: &'a Session,
    url: &'a str,
    context: &'a Context,
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
