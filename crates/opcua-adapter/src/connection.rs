//! A session with a server and the connection that it lives on.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use opcua::client::transport::TransportPollResult;
use opcua::client::{
    Session, SessionActivity, SessionBuilder, SessionConnectMode, SessionPollResult, SubscriptionActivity,
};
use opcua::types::{EndpointDescription, StatusCode};
use plant::OpcuaAccess;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use crate::certificates::Certificate;
use crate::client::{ANONYMOUS_APPLICATION, Bounded, CLOSE_TIME_MAX, CONNECT_TIME_MAX, config};
use crate::credentials::{Credentials, credentials, remedy};
use crate::decoding::set_bounds;
use crate::discovery::endpoints;
use crate::endpoint;

/// A server that has sent nothing for so long is lost: three keep-alives without an answer.
const SILENCE_MAX: Duration = Duration::from_secs(6);

/// How long a connection may take that we break off.
const BREAK_OFF_TIME_MAX: Duration = Duration::from_millis(500);

/// A session with a server. It lives only while [`Connection::step`] is called. Its connection may break and be made anew by
/// [`Connection::connect`], for the same session if the server still has it; it never does so by itself.
pub(crate) struct Connection {
    url: String,
    session: Arc<Session>,
    events: BoxStream<'static, Result<SessionPollResult, StatusCode>>,
    own_certificate: Option<Certificate>,
    silence: Duration,
    is_broken: bool,
    types: Arc<OnceCell<()>>,
}

/// Why there is no connection.
pub(crate) enum ConnectError {
    /// The server was not reached, or the connection broke: its session may still be there.
    Unreached(String),
    /// The server does not want us as we are.
    Refused(String),
}

impl ConnectError {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::Unreached(reason) | Self::Refused(reason) => reason,
        }
    }
}

impl Connection {
    /// Connects as the access says, for a new session.
    ///
    /// # Errors
    /// What failed, where, and what was expected.
    pub(crate) async fn open(url: &str, access: &OpcuaAccess) -> Result<Self, String> {
        let mut connection = Self::prepare(url, access).await?;
        connection.connect().await.map_err(ConnectError::into_reason)?;
        Ok(connection)
    }

    /// Finds the endpoint and checks that the server is to be trusted; there is no session yet.
    ///
    /// # Errors
    /// What failed, where, and what was expected.
    pub(crate) async fn prepare(url: &str, access: &OpcuaAccess) -> Result<Self, String> {
        let prepared = timeout(CONNECT_TIME_MAX, Self::prepare_unbounded(url, access)).await;
        prepared.unwrap_or_else(|_| Err(too_late(url)))
    }

    async fn prepare_unbounded(url: &str, access: &OpcuaAccess) -> Result<Self, String> {
        let found = endpoints(&config(ANONYMOUS_APPLICATION), url).await;
        let found = found.map_err(|error| failed(url, "no answer to GetEndpoints", error))?;
        let endpoint = endpoint::choose(&found, access).map_err(|problem| format!("{url}: {problem}"))?;
        let credentials = read_credentials(url, access, &endpoint).await?;
        let config = config(&credentials.application_uri);
        // Its URL is replaced by ours: a server behind a name or an address that only it knows must still be reached.
        let endpoint = EndpointDescription { endpoint_url: url.into(), ..endpoint };
        let (session, event_loop) = SessionBuilder::new(&config)
            .with_connector(Bounded)
            .user_identity_token(credentials.identity)
            .connect_to_endpoint_directly(endpoint)
            .and_then(|builder| builder.build(credentials.store))
            .map_err(|error| failed(url, "cannot prepare a session", error))?;
        set_bounds(&mut session.context().write());
        Ok(Self {
            url: url.to_owned(),
            session,
            events: event_loop.enter().boxed(),
            own_certificate: credentials.own_certificate,
            silence: Duration::ZERO,
            is_broken: true,
            types: Arc::default(),
        })
    }

    /// Checks again that the server is to be trusted: what was so may have been taken back or run out.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check(&self, access: &OpcuaAccess) -> impl Future<Output = Result<(), String>> + use<> {
        let (url, access) = (self.url.clone(), access.clone());
        let endpoint = self.session.endpoint_info().endpoint.clone();
        async move { read_credentials(&url, &access, &endpoint).await.map(drop) }
    }

    /// Makes the connection, in one attempt. Safe to be dropped halfway and called again.
    ///
    /// # Errors
    /// What failed.
    pub(crate) async fn connect(&mut self) -> Result<SessionConnectMode, ConnectError> {
        let connected = timeout(CONNECT_TIME_MAX, self.connect_unbounded()).await;
        connected.unwrap_or_else(|_| Err(ConnectError::Unreached(too_late(&self.url))))
    }

    async fn connect_unbounded(&mut self) -> Result<SessionConnectMode, ConnectError> {
        loop {
            let status = match self.events.next().await {
                Some(Ok(SessionPollResult::Reconnected(mode))) => {
                    (self.silence, self.is_broken) = (Duration::ZERO, false);
                    return Ok(mode);
                }
                Some(Ok(SessionPollResult::ReconnectFailed(status)) | Err(status)) => status,
                Some(Ok(_)) => continue,
                None => StatusCode::BadConnectionClosed,
            };
            let why = described(status) + &remedy(status, self.own_certificate.as_ref());
            let reason = failed(&self.url, "the server opens no session", why);
            let kind = if is_refusal(status) { ConnectError::Refused } else { ConnectError::Unreached };
            return Err(kind(reason));
        }
    }

    /// The server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether the server may have a session of ours.
    pub(crate) fn has_session(&self) -> bool {
        !self.session.server_session_id().is_null()
    }

    /// Whether the types of the server's structures are loaded into this session.
    pub(crate) fn types(&self) -> Arc<OnceCell<()>> {
        Arc::clone(&self.types)
    }

    /// The session, for requests. They are answered while [`Connection::step`] is called.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// Waits for the next thing to happen and handles it. At most one publish response is taken per step.
    ///
    /// # Errors
    /// Why the connection is lost.
    pub(crate) async fn step(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let patience = SILENCE_MAX.saturating_sub(self.silence);
        let Ok(event) = timeout(patience, self.events.next()).await else {
            return Err(format!("{}: the server has sent nothing for {} s", self.url, SILENCE_MAX.as_secs()));
        };
        // Only the time that we listened counts as silence, so that a busy twin does not look like a dead server.
        self.silence += started.elapsed();
        match event {
            Some(Ok(SessionPollResult::Transport(TransportPollResult::IncomingMessage))) => {
                self.silence = Duration::ZERO;
                Ok(())
            }
            Some(Ok(SessionPollResult::ConnectionLost(_))) | None => {
                self.is_broken = true;
                Err(format!("{}: the server closed the connection, or the network broke it", self.url))
            }
            Some(Ok(event)) => match end_of(event) {
                Some((what, status)) => Err(failed(&self.url, what, described(status))),
                None => Ok(()),
            },
            Some(Err(status)) => Err(failed(&self.url, "the session ended", described(status))),
        }
    }

    /// Does `work` with the session while keeping the connection alive.
    ///
    /// # Errors
    /// Why the connection was lost, or what the work says.
    pub(crate) async fn with<T>(&mut self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let lost = async {
            loop {
                if let Err(reason) = self.step().await {
                    return reason;
                }
            }
        };
        tokio::select! {
            done = work => done,
            reason = lost => Err(reason),
        }
    }

    /// Closes the session at the server, or says that it could not. The connection is broken off in any case.
    pub(crate) async fn close(&mut self) -> bool {
        if self.is_broken {
            return false;
        }
        let session = self.session();
        let closed = async { session.disconnect_inner(true, false).await };
        match timeout(CLOSE_TIME_MAX, async { tokio::join!(closed, self.lose()) }).await {
            Ok((Ok(()), ())) => true,
            Ok((Err(error), ())) => {
                matches!(error.status(), StatusCode::BadSessionIdInvalid | StatusCode::BadSessionClosed)
            }
            Err(_) => {
                let broken_off = async { tokio::join!(session.channel().close_channel(), self.lose()) };
                if timeout(BREAK_OFF_TIME_MAX, broken_off).await.is_err() {
                    tracing::debug!(url = self.url, "the connection takes nothing, not even that it is to end");
                }
                false
            }
        }
    }

    /// Goes on until the connection is gone.
    async fn lose(&mut self) {
        while !self.is_broken {
            let event = self.events.next().await;
            self.is_broken = matches!(event, None | Some(Ok(SessionPollResult::ConnectionLost(_)) | Err(_)));
        }
    }
}

async fn read_credentials(
    url: &str,
    access: &OpcuaAccess,
    endpoint: &EndpointDescription,
) -> Result<Credentials, String> {
    // Files are read, and the first time an RSA key is made.
    let (place, access, endpoint) = (url.to_owned(), access.clone(), endpoint.clone());
    let read = tokio::task::spawn_blocking(move || credentials(&access, &endpoint, &place));
    read.await.map_err(|error| error.to_string()).flatten().map_err(|problem| format!("{url}: {problem}"))
}

fn too_late(url: &str) -> String {
    let limit = CONNECT_TIME_MAX.as_secs();
    format!("{url}: no session after {limit} s; check the address, the network and the server")
}

/// Whether a server that answers so does not want us, and not only cannot be reached.
fn is_refusal(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(
        status,
        S::BadSecurityChecksFailed
            | S::BadSecurityPolicyRejected
            | S::BadSecurityModeRejected
            | S::BadSecurityModeInsufficient
            | S::BadCertificateInvalid
            | S::BadCertificateTimeInvalid
            | S::BadCertificateUntrusted
            | S::BadCertificateRevoked
            | S::BadCertificateUriInvalid
            | S::BadCertificateUseNotAllowed
            | S::BadCertificateHostNameInvalid
            | S::BadIdentityTokenInvalid
            | S::BadIdentityTokenRejected
            | S::BadUserAccessDenied
            | S::BadUserSignatureInvalid
            | S::BadApplicationSignatureInvalid
            | S::BadNonceInvalid
            | S::BadInvalidTimestamp
            | S::BadTooManySessions
    )
}

/// What the event means for the connection, if it ends it.
fn end_of(event: SessionPollResult) -> Option<(&'static str, StatusCode)> {
    match event {
        // A late answer is not the end while others arrive: `SILENCE_MAX` decides.
        SessionPollResult::SessionActivity(SessionActivity::KeepAliveFailed(StatusCode::BadTimeout)) => None,
        SessionPollResult::SessionActivity(SessionActivity::KeepAliveFailed(status)) => {
            Some(("the server does not say that it is running", status))
        }
        // The library then sends fewer requests.
        SessionPollResult::Subscription(SubscriptionActivity::PublishFailed(StatusCode::BadTooManyPublishRequests)) => {
            None
        }
        SessionPollResult::Subscription(SubscriptionActivity::PublishFailed(status)) => {
            Some(("the server publishes no more", status))
        }
        SessionPollResult::Subscription(SubscriptionActivity::FatalFailure(status)) => {
            Some(("the server closed the session", status))
        }
        _ => None,
    }
}

pub(crate) fn failed(url: &str, what: &str, why: impl Display) -> String {
    format!("{url}: {what}: {why}")
}

/// A status code with what the standard says of it.
pub(crate) fn described(status: StatusCode) -> String {
    format!("{status} ({})", status.sub_code().description().trim_end_matches('.'))
}
