use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use opcua::client::transport::{SecureChannelEventLoop, TcpConnector, Transport, TransportPollResult};
use opcua::client::{
    AsyncSecureChannel, ClientBuilder, ClientConfig, IdentityToken, Session, SessionActivity, SessionBuilder,
    SessionPollResult, SubscriptionActivity,
};
use opcua::core::ResponseMessage;
use opcua::crypto::CertificateStore;
use opcua::sync::RwLock;
use opcua::types::{DateTime, EndpointDescription, Error, GetEndpointsRequest, NodeId, RequestHeader, StatusCode};
use plant::OpcuaAccess;
use tokio::time::{Instant, timeout};

use crate::certificates::{Certificate, Pki, PkiError};
use crate::endpoint;

/// How long it may take from the first packet to an open session.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the server is asked whether it is running.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// A server that has sent nothing for so long is lost: three keep-alives without an answer.
const SILENCE_MAX: Duration = Duration::from_secs(6);
/// How long a server may take to answer one request.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a server may keep a publish request without an answer; the subscription's keep-alive comes long before.
const PUBLISH_TIME_MAX: Duration = Duration::from_secs(60);
/// How long an orderly goodbye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// After so long without a sign of us the server forgets a session that we could not close, milliseconds.
const SESSION_TIMEOUT_MS: u32 = 30_000;
/// Life of a channel's token, milliseconds; the server may shorten it.
const CHANNEL_LIFETIME_MS: u32 = 3_600_000;
/// The most bytes of one message, and of one text or byte string in it.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The most elements of one array in a message.
const ARRAY_ELEMENTS_MAX: usize = 1_000_000;

/// What we call ourselves where no certificate says who we are.
const ANONYMOUS_APPLICATION: &str = "urn:linetwin";

/// An open session with a server. It lives only while [`Connection::step`] is called, and has no reconnect of its own.
pub(crate) struct Connection {
    url: String,
    session: Arc<Session>,
    events: BoxStream<'static, Result<SessionPollResult, StatusCode>>,
    silence: Duration,
}

impl Connection {
    /// Connects as the access says.
    ///
    /// # Errors
    /// What failed, where, and what was expected.
    pub(crate) async fn open(url: &str, access: &OpcuaAccess) -> Result<Self, String> {
        let limit = CONNECT_TIME_MAX.as_secs();
        match timeout(CONNECT_TIME_MAX, Self::open_unbounded(url, access)).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("{url}: no session after {limit} s; check the address, the network and the server")),
        }
    }

    async fn open_unbounded(url: &str, access: &OpcuaAccess) -> Result<Self, String> {
        let place = |problem: String| format!("{url}: {problem}");
        let found = endpoints(&config(ANONYMOUS_APPLICATION), url).await;
        let found = found.map_err(|error| failed(url, "no answer to GetEndpoints", error))?;
        let endpoint = endpoint::choose(&found, access).map_err(place)?;
        // Files are read, and the first time an RSA key is made.
        let read = {
            let (url, access, endpoint) = (url.to_owned(), access.clone(), endpoint.clone());
            tokio::task::spawn_blocking(move || credentials(&access, &endpoint, &url))
        };
        let credentials = read.await.map_err(|error| place(error.to_string()))?.map_err(place)?;
        let config = config(&credentials.application_uri);
        // Its URL is replaced by ours: a server behind a name or an address that only it knows must still be reached.
        let endpoint = EndpointDescription { endpoint_url: url.into(), ..endpoint };
        let (session, event_loop) = SessionBuilder::new(&config)
            .user_identity_token(credentials.identity)
            .connect_to_endpoint_directly(endpoint)
            .and_then(|builder| builder.build(credentials.store))
            .map_err(|error| failed(url, "cannot prepare a session", error))?;
        // The adapter alone decides when to connect again; a lost connection ends the event loop.
        session.disable_reconnects();
        let mut events = event_loop.enter().boxed();
        loop {
            match events.next().await {
                Some(Ok(SessionPollResult::Reconnected(_))) => break,
                Some(Ok(_)) => {}
                Some(Err(status)) => {
                    let why = described(status) + &remedy(status, credentials.own_certificate.as_ref());
                    return Err(failed(url, "the server opens no session", why));
                }
                None => return Err(format!("{url}: the server closed the connection before a session was open")),
            }
        }
        Ok(Self { url: url.to_owned(), session, events, silence: Duration::ZERO })
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
            Some(Ok(event)) => match end_of(event) {
                Some((what, status)) => Err(failed(&self.url, what, described(status))),
                None => Ok(()),
            },
            Some(Err(status)) => Err(failed(&self.url, "the session ended", described(status))),
            None => Err(format!("{}: the server closed the connection, or the network broke it", self.url)),
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

    /// Closes the session at the server, so that none is left there.
    pub(crate) async fn close(mut self) {
        let session = self.session();
        let goodbye =
            async { tokio::join!(session.disconnect(), async { while self.events.next().await.is_some() {} }) };
        match timeout(CLOSE_TIME_MAX, goodbye).await {
            Ok((Ok(()), ())) => {}
            Ok((Err(error), ())) => tracing::debug!(url = self.url, %error, "the session could not be closed in order"),
            Err(_) => tracing::debug!(url = self.url, "the server did not answer the closing of the session"),
        }
    }
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

async fn endpoints(config: &ClientConfig, url: &str) -> Result<Vec<EndpointDescription>, Error> {
    let channel = SessionBuilder::new(config).connect_to_endpoint_directly(url)?.build_channel(no_certificates())?;
    let mut event_loop = channel.connect_no_retry(&TcpConnector::new(url)?).await?;
    let request = GetEndpointsRequest {
        request_header: RequestHeader::new(&NodeId::null(), &DateTime::now(), channel.request_handle()),
        endpoint_url: url.into(),
        locale_ids: None,
        profile_uris: None,
    };
    let answer = tokio::select! {
        answer = channel.send(request, REQUEST_TIME_MAX) => answer?,
        status = closed(&mut event_loop) => return Err(Error::new(status, "the server closed the connection")),
    };
    close_channel(&channel, &mut event_loop).await;
    match answer {
        ResponseMessage::GetEndpoints(response) if !response.response_header.service_result.is_bad() => {
            Ok(response.endpoints.unwrap_or_default())
        }
        ResponseMessage::GetEndpoints(response) => Err(Error::new(response.response_header.service_result, "refused")),
        ResponseMessage::ServiceFault(fault) => Err(Error::new(fault.response_header.service_result, "refused")),
        other => Err(Error::new(StatusCode::BadUnknownResponse, format!("got {}", other.type_name()))),
    }
}

async fn close_channel<T: Transport>(channel: &AsyncSecureChannel, event_loop: &mut SecureChannelEventLoop<T>) {
    channel.close_channel().await;
    if timeout(CLOSE_TIME_MAX, closed(event_loop)).await.is_err() {
        tracing::debug!("the server did not close the discovery channel");
    }
}

async fn closed<T: Transport>(event_loop: &mut SecureChannelEventLoop<T>) -> StatusCode {
    loop {
        if let TransportPollResult::Closed(status) = event_loop.poll().await {
            return status;
        }
    }
}

/// What a session needs besides the endpoint.
struct Credentials {
    identity: IdentityToken,
    application_uri: String,
    store: Arc<RwLock<CertificateStore>>,
    own_certificate: Option<Certificate>,
}

/// Reads what the access needs at this endpoint, and checks that the server is the one to trust.
fn credentials(access: &OpcuaAccess, endpoint: &EndpointDescription, url: &str) -> Result<Credentials, String> {
    let pki = Pki::new(&access.pki);
    let identity = endpoint::identity(&access.user)?;
    if !endpoint::needs_certificate(endpoint, &access.user) {
        let application_uri = ANONYMOUS_APPLICATION.to_owned();
        return Ok(Credentials { identity, application_uri, store: no_certificates(), own_certificate: None });
    }
    pki.check(&endpoint::certificate(endpoint)?, endpoint.server.application_uri.as_ref(), url)?;
    let own = pki.own().map_err(|error| error.to_string())?;
    let remedy = "remove it and its key to have new ones made, and let each server trust the new one";
    own.certificate.check_time("linetwin's own certificate", remedy)?;
    Ok(Credentials {
        identity,
        application_uri: own.application_uri,
        store: own.store,
        own_certificate: Some(own.certificate),
    })
}

/// What to do about a refusal, where the standard's words for it do not say.
fn remedy(status: StatusCode, own: Option<&Certificate>) -> String {
    use StatusCode as S;
    let Some(own) = own else { return String::new() };
    match status {
        S::BadIdentityTokenRejected | S::BadUserAccessDenied | S::BadIdentityTokenInvalid => {
            "; check the user of this link and its password or certificate".to_owned()
        }
        S::BadInvalidTimestamp | S::BadCertificateTimeInvalid => {
            "; compare the clocks of the server and of this machine, and the times of validity of both certificates"
                .to_owned()
        }
        S::BadSecurityChecksFailed
        | S::BadCertificateUntrusted
        | S::BadCertificateInvalid
        | S::BadConnectionClosed
        | S::BadCertificateUriInvalid
        | S::BadCertificateUseNotAllowed => format!(
            "; the server may not trust linetwin's own certificate yet: {}, thumbprint {}; trust it at the server",
            own.file.display(),
            own.thumbprint
        ),
        _ => String::new(),
    }
}

/// The certificate that the server shows at its best endpoint. It is put to the rejected ones, unless it is known.
///
/// # Errors
/// If the server cannot be reached or has no certificate.
pub async fn fetch_certificate(url: &str, pki: &Pki) -> Result<Certificate, PkiError> {
    let found = timeout(CONNECT_TIME_MAX, endpoints(&config(ANONYMOUS_APPLICATION), url)).await;
    let found = found.map_err(|_| PkiError(format!("{url}: no answer within {} s", CONNECT_TIME_MAX.as_secs())))?;
    let found = found.map_err(|error| PkiError(failed(url, "no answer to GetEndpoints", error)))?;
    let shown =
        found.iter().max_by_key(|endpoint| (!endpoint.server_certificate.is_null_or_empty(), endpoint.security_level));
    let Some(endpoint) = shown else { return Err(PkiError(format!("{url}: the server has no endpoint"))) };
    let certificate = endpoint::certificate(endpoint).map_err(|problem| PkiError(format!("{url}: {problem}")))?;
    pki.remember(&certificate)
}

fn config(application_uri: &str) -> ClientConfig {
    ClientBuilder::new()
        .application_name("linetwin")
        .application_uri(application_uri)
        .product_uri("urn:linetwin")
        .session_name("linetwin")
        .session_retry_limit(0)
        .recreate_subscriptions(false)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .request_timeout(REQUEST_TIME_MAX)
        .publish_timeout(PUBLISH_TIME_MAX)
        .min_publish_interval(Duration::from_millis(10))
        .session_timeout(SESSION_TIMEOUT_MS)
        .channel_lifetime(CHANNEL_LIFETIME_MS)
        // A controller whose clock is wrong must still be reached; `Skew` undoes what this does to times.
        .ignore_clock_skew(true)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_chunk_count(MESSAGE_BYTES_MAX / 8192)
        .max_string_length(MESSAGE_BYTES_MAX)
        .max_byte_string_length(MESSAGE_BYTES_MAX)
        .max_array_length(ARRAY_ELEMENTS_MAX)
        .into_config()
}

/// A certificate store that never reads or writes a file: no path may hold a NUL. Nothing needs it without security.
fn no_certificates() -> Arc<RwLock<CertificateStore>> {
    Arc::new(RwLock::new(CertificateStore::new(Path::new("\0"))))
}

pub(crate) fn failed(url: &str, what: &str, why: impl Display) -> String {
    format!("{url}: {what}: {why}")
}

/// A status code with what the standard says of it.
pub(crate) fn described(status: StatusCode) -> String {
    format!("{status} ({})", status.sub_code().description().trim_end_matches('.'))
}
