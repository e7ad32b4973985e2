//! The gate in front of the routes: says who asks, and lets nobody through who may not.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use contract::{AuditWhatV1, HealthV1, MeSchema, MeV1};
use listener::{BoundedListener, Tls};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use crate::access::{
    Access, Action, Caller, Counts, PostLimiter, Session, Who, client, counted, is_cross_site, may, same,
};
use crate::refusal::Refusal;
use crate::routes::Face;
use crate::{Metric, Security};

/// What each POST of a session carries its token in.
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
/// The cookie with the id of a session, less the port: browsers send a host's cookies to each of its ports, and each may be
/// the daemon of another line. With this prefix browsers take it over TLS only, and from this host only.
const COOKIE_OVER_TLS: &str = "__Host-linetwin-";
/// The same without TLS, which is for this machine only.
const COOKIE: &str = "linetwin-";

/// Who may use the face, and over what.
pub(crate) struct Gate {
    access: Option<Arc<Access>>,
    tls: Option<Arc<Tls>>,
    is_behind_proxy: bool,
    cookie_name: String,
    posts: Mutex<PostLimiter>,
    counts: Arc<Counts>,
}

impl Gate {
    /// The gate of the face at this port.
    pub(crate) fn new(security: Security, port: u16) -> Self {
        let Security { tls, access, is_behind_proxy } = security;
        let prefix = if tls.is_some() || is_behind_proxy { COOKIE_OVER_TLS } else { COOKIE };
        let cookie_name = format!("{prefix}{port}");
        let counts = access.as_ref().map(Access::counts).unwrap_or_default();
        let (tls, access) = (tls.map(Arc::new), access.map(Arc::new));
        Self { access, tls, is_behind_proxy, cookie_name, posts: Mutex::new(PostLimiter::of_posts()), counts }
    }

    /// Who logs people in, if anybody.
    pub(crate) fn access(&self) -> Option<&Arc<Access>> {
        self.access.as_ref()
    }

    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let access = self.access.iter().flat_map(|access| access.metrics());
        self.counts.metrics().into_iter().chain(access).collect()
    }

    /// How the daemon is, seen from here. Where users or certificate from before stay in use it does its work; what it does not
    /// write into the audit log is lost.
    pub(crate) fn judge(&self, health: &mut HealthV1) {
        let audit = self.access.as_ref().and_then(|access| access.audit_problem());
        health.ok &= audit.is_none();
        let users = self.access.as_ref().and_then(|access| access.users_problem());
        let tls = self.tls.as_ref().and_then(|tls| tls.problem());
        health.problems.extend([audit, users, tls].into_iter().flatten());
    }

    /// Whether there are files to be looked after.
    pub(crate) fn needs_upkeep(&self) -> bool {
        self.access.is_some() || self.tls.is_some()
    }

    /// Looks after users, sessions and certificate. Reads files.
    pub(crate) fn keep_up(&self) {
        self.access.iter().for_each(|access| access.keep_up());
        self.tls.iter().for_each(|tls| tls.keep_up());
    }

    fn is_secure(&self) -> bool {
        self.tls.is_some() || self.is_behind_proxy
    }

    /// What a browser is told to keep; an empty id has it forget.
    pub(crate) fn cookie(&self, id: &str) -> HeaderValue {
        let name = &self.cookie_name;
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let forget = if id.is_empty() { "; Max-Age=0" } else { "" };
        let cookie = format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict{secure}{forget}");
        HeaderValue::from_str(&cookie).unwrap_or_else(|_| unreachable!("an id is letters, digits, - and _"))
    }

    fn caller(&self, peer: IpAddr, request: &Request) -> Result<Caller, Refusal> {
        let address = client(peer, request.headers(), self.is_behind_proxy);
        let who = match &self.access {
            None => Who::Anyone,
            Some(access) => access.who(request.headers(), &self.cookie_name)?,
        };
        Ok(Caller { address, who })
    }

    /// Whether somebody may do that.
    pub(crate) fn allow(&self, caller: &Caller, action: Action<'_>, request: &str) -> Result<(), Refusal> {
        // Without logins a replay is steered by who can reach it, who is at the same machine unless told otherwise.
        if may(caller.who.role(), action) || matches!((&caller.who, action), (Who::Anyone, Action::Steer)) {
            return Ok(());
        }
        let Some((name, role)) = caller.who.name().zip(caller.who.role()) else {
            return Err(self.nameless(caller));
        };
        let why = format!("this needs the role {}; {name} is {role}", action.role());
        Err(self.forbid(caller, request, &why))
    }

    /// Keeps an entry in the audit log, if there is one.
    pub(crate) fn keep(&self, caller: &Caller, what: AuditWhatV1) {
        self.access.iter().for_each(|access| access.keep(Some(caller.address), caller.who.name(), what.clone()));
    }

    /// Why somebody without a name may not command.
    pub(crate) fn nameless(&self, caller: &Caller) -> Refusal {
        match caller.who {
            Who::Anyone => Refusal::new(
                StatusCode::FORBIDDEN,
                "there are no logins, so nobody may command; set http.users and add one with `linetwin user add`",
            ),
            Who::Nobody | Who::Guest | Who::Person(..) | Who::Machine(..) => self.unknown(),
        }
    }

    fn unknown(&self) -> Refusal {
        Counts::add(&self.counts.unknown);
        Refusal::unknown(
            "log in first: at /login, by POST to /api/v1/login, or with a token in the header authorization",
        )
    }

    fn forbid(&self, caller: &Caller, request: &str, why: &str) -> Refusal {
        Counts::add(&self.counts.forbidden);
        self.keep(caller, AuditWhatV1::Refused { request: request.to_owned(), why: why.to_owned() });
        Refusal::new(StatusCode::FORBIDDEN, why)
    }

    /// Whether a POST comes from where it should: from a page of ours or from no page at all.
    pub(crate) fn check_site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if is_cross_site(headers, self.is_behind_proxy) {
            Counts::add(&self.counts.cross_site);
            return Err(Refusal::new(StatusCode::FORBIDDEN, "another site has sent this, which is not taken"));
        }
        Ok(())
    }

    fn check_post(&self, caller: &Caller, request: &Request) -> Result<(), Refusal> {
        self.check_site(request.headers())?;
        // Before anything is kept in the audit log: nobody can fill that.
        self.check_rate(caller)?;
        // A token is sent on purpose; a cookie is sent by the browser whoever asks it to.
        if let Who::Person(_, session) = &caller.who {
            let sent = request.headers().get(X_CSRF_TOKEN).and_then(|token| token.to_str().ok()).unwrap_or_default();
            if !same(sent, &session.csrf) {
                let why = format!("the header {X_CSRF_TOKEN} is not that of this session; GET /api/v1/me says it");
                return Err(self.forbid(caller, &line_of(request), &why));
            }
        }
        Ok(())
    }

    fn check_rate(&self, caller: &Caller) -> Result<(), Refusal> {
        let key = caller.who.name().map_or_else(|| counted(caller.address).to_string(), str::to_owned);
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.take(&key, Instant::now()).map_err(|wait| {
            Counts::add(&self.counts.posts_limited);
            Refusal::too_often(wait, "requests")
        })
    }

    /// Who somebody is, as they are told.
    pub(crate) fn me(&self, who: &Who) -> MeV1 {
        let csrf = |session: &Arc<Session>| session.csrf.clone();
        MeV1 {
            schema: MeSchema::V1,
            logins: self.access.is_some(),
            user: who.name().map(str::to_owned),
            role: who.role(),
            csrf: if let Who::Person(_, session) = who { Some(csrf(session)) } else { None },
        }
    }
}

/// A request as the audit log has it.
pub(crate) fn line_of(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

/// The address that a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, BoundedListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, BoundedListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Says who asks, for all that follows.
pub(crate) async fn identify(
    State(face): State<Arc<Face>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let caller = face.gate.caller(peer.ip(), &request)?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Lets those through who may read. A person who is not logged in is sent to where that is done.
pub(crate) async fn readers(
    State(face): State<Arc<Face>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match face.gate.allow(&caller, Action::Read, &line_of(&request)) {
        Ok(()) => next.run(request).await,
        Err(_) if is_a_persons(&request) => {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            let location = format!("/login?next={}", utf8_percent_encode(path, NON_ALPHANUMERIC));
            (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Whether a browser asks for a page to show.
fn is_a_persons(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    request.method() == Method::GET && !request.uri().path().starts_with("/api/") && accepts.contains("text/html")
}

/// Lets POSTs through that are meant: from no other site, with the token of their session, and not too many.
pub(crate) async fn posts(
    State(face): State<Arc<Face>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    face.gate.check_post(&caller, &request)?;
    Ok(next.run(request).await)
}
