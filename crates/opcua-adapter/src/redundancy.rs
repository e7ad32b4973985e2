//! Which of several servers that serve the same to use (part 4, 6.6.2): the healthiest, and not back and forth between them.

use std::convert::Infallible;
use std::iter;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adapter::LinkError;
use futures_util::future::join_all;
use opcua::client::Session;
use opcua::types::{NodeId, ReadValueId, ServerState, TimestampsToReturn, VariableId, Variant};
use plant::{OpcuaAccess, OpcuaSettings};
use tokio::time::{Instant, sleep, timeout};

use crate::Scope;
use crate::connection::{Connection, failed};

/// From this service level on a server is healthy; below, it does its best.
const HEALTHY_FROM: u8 = 200;
/// The level of a server that states none.
const LEVEL_UNSAID: u8 = 255;
/// How often it is looked how the servers are.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long another server may take to say how it is.
const LOOK_TIME_MAX: Duration = Duration::from_secs(3);

/// The servers of a link.
#[derive(Debug)]
pub(crate) struct Servers {
    /// In the order of the configuration, which decides between those that are alike. Never empty.
    urls: Vec<String>,
    /// How long another server must have been better than a healthy one before it is taken.
    return_after: Duration,
    /// The one that was found to be better.
    next: Mutex<Option<String>>,
}

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Health {
    /// The standard's number of its state; 0 is running.
    state: i32,
    level: u8,
}

impl Health {
    async fn read(session: &Session) -> Result<Self, opcua::types::Error> {
        let nodes = [VariableId::Server_ServerStatus_State, VariableId::Server_ServiceLevel]
            .map(|node| ReadValueId::from(NodeId::from(node)));
        let mut values =
            session.read(&nodes, TimestampsToReturn::Neither, 0.0).await?.into_iter().map(|read| read.value);
        let state = match values.next().flatten() {
            Some(Variant::Int32(state)) => state,
            _ => ServerState::Running as i32,
        };
        let level = match values.next().flatten() {
            Some(Variant::Byte(level)) => level,
            _ => LEVEL_UNSAID,
        };
        Ok(Self { state, level })
    }

    fn is_running(self) -> bool {
        self.state == ServerState::Running as i32
    }

    fn is_healthy(self) -> bool {
        self.is_running() && self.level >= HEALTHY_FROM
    }

    /// The higher the better: one that is not running is no good at all.
    fn rank(self) -> u8 {
        if self.is_running() { self.level } else { 0 }
    }

    fn state_name(self) -> String {
        ServerState::try_from(self.state).map_or_else(|_| self.state.to_string(), |state| format!("{state:?}"))
    }
}

impl Servers {
    pub(crate) fn new(settings: &OpcuaSettings) -> Self {
        let urls = iter::once(&settings.url).chain(&settings.more_urls).cloned().collect();
        Self { urls, return_after: Duration::from_secs_f64(settings.return_after_s), next: Mutex::default() }
    }

    /// The only server, if there is one only.
    pub(crate) fn only(&self) -> Option<&str> {
        if let [only] = self.urls.as_slice() { Some(only) } else { None }
    }

    /// The one that was found to be better than the last, if there is one; it is told once.
    pub(crate) fn take_next(&self) -> Option<String> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The best of the servers but that one.
    ///
    /// # Errors
    /// Why none can be used.
    pub(crate) async fn best_but(&self, left_out: Option<&str>, access: &OpcuaAccess) -> Result<String, String> {
        let mut best: Option<(&str, Health)> = None;
        let mut reasons = Vec::new();
        for (url, found) in self.look(left_out, access).await {
            match found {
                Ok(health) if !health.is_running() => reasons.push(not_running(url, health)),
                Ok(health) if best.is_none_or(|(_, known)| health.rank() > known.rank()) => best = Some((url, health)),
                Ok(_) => {}
                Err(reason) => reasons.push(reason),
            }
        }
        best.map(|(url, _)| url.to_owned()).ok_or_else(|| reasons.join("; "))
    }

    /// How all servers but one are, in their order.
    async fn look(&self, left_out: Option<&str>, access: &OpcuaAccess) -> Vec<(&str, Result<Health, String>)> {
        let others = self.urls.iter().map(String::as_str).filter(|url| left_out != Some(url));
        join_all(others.map(|url| async move { (url, look_at(url, access).await) })).await
    }

    /// Watches the server that is used, and whether another is better. Ends with the link.
    ///
    /// # Errors
    /// If the server is not running any more, or another is to be used.
    pub(crate) async fn watch(&self, scope: Scope<'_>) -> Result<Infallible, LinkError> {
        let Scope { adapter, session, url, .. } = scope;
        let mut better: Option<(&str, Instant)> = None;
        let mut told = LEVEL_UNSAID;
        loop {
            sleep(LOOK_EVERY).await;
            // That the connection is lost is seen by others.
            let Ok(own) = Health::read(session).await else { continue };
            if !own.is_running() {
                return Err(LinkError::Lost(not_running(url, own)));
            }
            if own.level != told && (own.is_healthy() != (told >= HEALTHY_FROM)) {
                tracing::warn!(
                    url,
                    level = own.level,
                    healthy_from = HEALTHY_FROM,
                    "the server's service level has changed"
                );
            }
            told = own.level;
            let found = self.better_than(own, url, &adapter.settings.access).await;
            let Some((other, health)) = found else {
                better = None;
                continue;
            };
            let since = match better {
                Some((known, since)) if known == other => since,
                _ => Instant::now(),
            };
            better = Some((other, since));
            let must_leave = !own.is_healthy() && health.is_healthy();
            if must_leave || since.elapsed() >= self.return_after {
                *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(other.to_owned());
                let (level, other_level) = (own.level, health.level);
                let words =
                    format!("{url} has service level {level}, {other} has {other_level}; going over to {other}");
                return Err(LinkError::Lost(words));
            }
        }
    }

    /// The best of the servers that are better than the one in use: of a higher level, or of the same and named before it.
    async fn better_than(&self, own: Health, url: &str, access: &OpcuaAccess) -> Option<(&str, Health)> {
        let place = self.urls.iter().position(|known| known == url)?;
        // None can be better than the first at its best.
        if self.only().is_some() || (place == 0 && own.level == u8::MAX) {
            return None;
        }
        let mut best = None;
        for (other, found) in self.look(Some(url), access).await {
            let Ok(health) = found else { continue };
            let is_before = self.urls.iter().position(|known| known == other) < Some(place);
            let is_better =
                health.is_running() && (health.rank() > own.rank() || (is_before && health.rank() == own.rank()));
            if is_better && best.is_none_or(|(_, known): (&str, Health)| health.rank() > known.rank()) {
                best = Some((other, health));
            }
        }
        best
    }
}

/// Checks that the server that was connected to is running.
///
/// # Errors
/// If it is not, or does not answer.
pub(crate) async fn check_running(scope: Scope<'_>) -> Result<(), LinkError> {
    let Scope { session, url, .. } = scope;
    match Health::read(session).await {
        Ok(health) if health.is_running() => Ok(()),
        Ok(health) => Err(LinkError::Lost(not_running(url, health))),
        Err(error) => Err(LinkError::Lost(failed(url, "the server does not say how it is", error))),
    }
}

/// How a server is, asked in a session of its own.
async fn look_at(url: &str, access: &OpcuaAccess) -> Result<Health, String> {
    let looking = async {
        let mut connection = Connection::open(url, access).await?;
        let session = connection.session();
        let read = async {
            Health::read(&session).await.map_err(|error| failed(url, "the server does not say how it is", error))
        };
        let health = connection.with(read).await;
        if !connection.close().await {
            tracing::debug!(url, "the session could not be closed in order");
        }
        health
    };
    let looked = timeout(LOOK_TIME_MAX, looking).await;
    looked.unwrap_or_else(|_| Err(format!("{url}: no answer within {} s", LOOK_TIME_MAX.as_secs())))
}

fn not_running(url: &str, health: Health) -> String {
    format!("{url}: the server's state is {}, not Running", health.state_name())
}
