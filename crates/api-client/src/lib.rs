//! What is asked of a daemon over HTTP: one connection for questions and commands, one for the live stream.

mod address;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use std::path::Path;
use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use contract::{HealthV1, LineV1, LoginV1, MeV1, Message};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderValue, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

pub use address::NotAnAddress;
pub use tls_files::TlsError;

use address::Address;
use events::Events;

/// How long a daemon may take to be reached, and to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take: the daemon gives the twin five seconds.
const COMMAND_PATIENCE: Duration = Duration::from_secs(8);
/// How long nobody is logged in after a login was refused.
const LOGIN_PAUSE: Duration = Duration::from_secs(30);
/// A stream that has not even said that it is alive for so long is dead: it does so every 15 s.
const STREAM_DEAD: Duration = Duration::from_secs(40);
/// The longest answer that is read.
const ANSWER_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Who somebody is to the daemon.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody: what everybody may see.
    #[default]
    Nobody,
    /// A person with a password.
    Person {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A program with a token.
    Token(String),
}

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The daemon cannot be reached, or the connection has ended.
    #[error("{0}")]
    Away(String),
    /// The daemon does not want to.
    #[error("{error}")]
    Refused {
        /// The status of its answer.
        status: StatusCode,
        /// Why, in its words.
        error: String,
    },
    /// It says what this program does not understand.
    #[error("the daemon and this program are of different versions: {0}")]
    Unreadable(String),
}

impl ClientError {
    fn away(problem: impl std::fmt::Display) -> Self {
        Self::Away(problem.to_string())
    }

    fn unreadable(problem: serde_json::Error) -> Self {
        Self::Unreadable(problem.to_string())
    }

    /// Whether the daemon does not let in who asks: asking again soon makes that no better.
    pub fn is_shut_out(&self) -> bool {
        const SHUT_OUT: [StatusCode; 3] =
            [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        matches!(self, Self::Refused { status, .. } if SHUT_OUT.contains(status))
    }
}

/// The daemon, as it is reached from here.
pub struct Client {
    address: Address,
    tls: Option<TlsConnector>,
    credentials: Credentials,
    /// The session of a person: cookie and token.
    session: SyncMutex<Option<Session>>,
    /// The login that was refused last, and when.
    turned_away: SyncMutex<Option<(ClientError, Instant)>>,
    /// The connection for questions, kept from one to the next.
    kept: Mutex<Option<Connection>>,
}

type Connection = SendRequest<Full<Bytes>>;

#[derive(Clone)]
struct Session {
    cookie: HeaderValue,
    csrf: HeaderValue,
}

/// Why a daemon cannot be spoken to as wanted. Found with nothing connected.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It has no such address.
    #[error(transparent)]
    Address(#[from] NotAnAddress),
    /// Its certificate could not be checked.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Whoever listens would have the password.
    #[error(
        "{0} is not on this machine and without TLS, and the password would cross the network in the clear; use https://"
    )]
    InTheClear(String),
}

impl Client {
    /// Who speaks to the daemon at that address. The certificates of the file say which daemons are believed over TLS.
    ///
    /// # Errors
    /// If it is no address, the certificates cannot be used, or a password would be read by others on the way.
    pub fn new(url: &str, ca: Option<&Path>, credentials: Credentials) -> Result<Self, SetupError> {
        let address = Address::read(url)?;
        if !address.is_private() && !matches!(credentials, Credentials::Nobody) {
            return Err(SetupError::InTheClear(address.authority()));
        }
        let tls = if address.is_tls { Some(TlsConnector::from(tls_files::client(ca, None)?)) } else { None };
        Ok(Self {
            address,
            tls,
            credentials,
            session: SyncMutex::default(),
            turned_away: SyncMutex::default(),
            kept: Mutex::default(),
        })
    }

    /// Host and port.
    pub fn authority(&self) -> String {
        self.address.authority()
    }

    /// What is at a path of the API.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(Method::GET, path, None, PATIENCE, None).await
    }

    /// How the daemon says it is, whether or not it does its work.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<HealthV1, ClientError> {
        self.answer(Method::GET, "/healthz", None, PATIENCE, Some(StatusCode::SERVICE_UNAVAILABLE)).await
    }

    /// Sends a command or the like; says what the daemon answers, whether or not it has done it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: String) -> Result<T, ClientError> {
        self.answer(Method::POST, path, Some(body), COMMAND_PATIENCE, Some(StatusCode::CONFLICT)).await
    }

    /// Asks, and reads the answer if it is one of success or of the status that says no less.
    async fn answer<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        patience: Duration,
        no_less: Option<StatusCode>,
    ) -> Result<T, ClientError> {
        let asked = async { read(self.ask(method, path, body).await?).await };
        let (status, body) = within(patience, asked).await?;
        understood(if no_less == Some(status) { StatusCode::OK } else { status }, &body)
    }

    /// Opens the live stream.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stream(&self) -> Result<Stream, ClientError> {
        let opened = async {
            let mut connection = self.connect().await?;
            let path = "/api/v1/stream";
            let mut answer = self.send(&mut connection, Method::GET, path, None).await?;
            if answer.status() == StatusCode::UNAUTHORIZED && self.log_in().await? {
                connection = self.connect().await?;
                answer = self.send(&mut connection, Method::GET, path, None).await?;
            }
            if answer.status() != StatusCode::OK {
                let (status, body) = read(answer).await?;
                return Err(refused(status, &body));
            }
            Ok(Stream {
                body: answer.into_body(),
                events: Events::default(),
                told: Vec::new().into_iter(),
                _connection: connection,
            })
        };
        within(PATIENCE, opened).await
    }

    /// Asks over the connection that is kept, logging in again if the session has ended.
    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Response<Incoming>, ClientError> {
        let mut kept = self.kept.lock().await;
        // Taken out: what is given up half way through must not be asked again over the same connection.
        let mut connection = match kept.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let mut answer = self.send(&mut connection, method.clone(), path, body.clone()).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.log_in().await? {
            connection = self.connect().await?;
            answer = self.send(&mut connection, method, path, body).await?;
        }
        *kept = Some(connection);
        Ok(answer)
    }

    /// Begins a session, if there is somebody to begin one for.
    async fn log_in(&self) -> Result<bool, ClientError> {
        let Credentials::Person { user, password } = &self.credentials else { return Ok(false) };
        if let Some((error, _)) = self
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .filter(|(_, at)| at.elapsed() < LOGIN_PAUSE)
        {
            return Err(error.clone());
        }
        let login = LoginV1 { user: user.clone(), password: password.clone() };
        self.set_session(None);
        let mut connection = self.connect().await?;
        let answer = self.send(&mut connection, Method::POST, "/api/v1/login", Some(login.to_json())).await?;
        let cookie = answer.headers().get(SET_COOKIE).cloned();
        let (status, body) = read(answer).await?;
        let me: MeV1 = understood(status, &body).inspect_err(|error| self.turn_away(error))?;
        let cookie = cookie.as_ref().and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        let session = cookie.zip(me.csrf.as_deref()).and_then(|(cookie, csrf)| {
            Some(Session { cookie: HeaderValue::from_str(cookie).ok()?, csrf: HeaderValue::from_str(csrf).ok()? })
        });
        let is_session = session.is_some();
        self.set_session(session);
        if is_session {
            Ok(true)
        } else {
            Err(ClientError::Away("the daemon has logged in, but given no session".to_owned()))
        }
    }

    /// Remembers that a login was refused: the daemon counts those that fail, and takes no more after some.
    fn turn_away(&self, error: &ClientError) {
        if error.is_shut_out() {
            let turned_away = Some((error.clone(), Instant::now()));
            *self.turned_away.lock().unwrap_or_else(PoisonError::into_inner) = turned_away;
        }
    }

    /// Says who asks, having logged in if there is a password.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn who_am_i(&self) -> Result<MeV1, ClientError> {
        if self.session().is_none() {
            within(PATIENCE, self.log_in()).await?;
        }
        self.get("/api/v1/me").await
    }

    /// Whether the daemon shows anything to who asks.
    ///
    /// # Errors
    /// [`ClientError`]; one that [is shut out](ClientError::is_shut_out) if it does not.
    pub async fn may_read(&self) -> Result<(), ClientError> {
        self.who_am_i().await?;
        let _any: IgnoredAny = self.get("/api/v1/words").await?;
        Ok(())
    }

    fn session(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_session(&self, session: Option<Session>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    async fn send(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.authority());
        if let Credentials::Token(token) = &self.credentials {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(Session { cookie, csrf }) = self.session() {
            request = request.header(COOKIE, cookie).header("x-csrf-token", csrf);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default())).map_err(ClientError::away)?;
        connection.send_request(request).await.map_err(ClientError::away)
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        let Address { host, port, .. } = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(ClientError::away)?;
        match &self.tls {
            None => speak(TokioIo::new(stream)).await,
            Some(tls) => {
                let name = ServerName::try_from(host.clone()).map_err(ClientError::away)?;
                speak(TokioIo::new(tls.connect(name, stream).await.map_err(ClientError::away)?)).await
            }
        }
    }
}

async fn speak<S>(stream: S) -> Result<Connection, ClientError>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (connection, driver) = handshake(stream).await.map_err(ClientError::away)?;
    // It ends with the connection, and why that ended is told to who asks next.
    tokio::spawn(driver);
    Ok(connection)
}

async fn within<T>(patience: Duration, asked: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    let late = |_| ClientError::Away(format!("no answer within {} s", patience.as_secs()));
    timeout(patience, asked).await.map_err(late)?
}

async fn read(answer: Response<Incoming>) -> Result<(StatusCode, Bytes), ClientError> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES).collect().await.map_err(ClientError::away)?;
    Ok((status, body.to_bytes()))
}

fn understood<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, ClientError> {
    if status != StatusCode::OK {
        return Err(refused(status, body));
    }
    serde_json::from_slice(body).map_err(ClientError::unreadable)
}

/// Why the daemon does not want to, in its own words.
fn refused(status: StatusCode, body: &[u8]) -> ClientError {
    let content: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let error = content.get("error").and_then(|error| error.as_str()).map_or_else(|| status.to_string(), str::to_owned);
    ClientError::Refused { status, error }
}

/// The live stream.
pub struct Stream {
    body: Incoming,
    events: Events,
    told: std::vec::IntoIter<(String, String)>,
    _connection: Connection,
}

impl Stream {
    /// The line as it is told next. It is told as what has changed, but for the first time.
    ///
    /// # Errors
    /// If the stream has ended, is silent for too long, or says what this program does not understand.
    pub async fn next(&mut self) -> Result<LineV1, ClientError> {
        loop {
            if let Some((_, data)) = self.told.by_ref().find(|(name, _)| name == "line") {
                return serde_json::from_str(&data).map_err(ClientError::unreadable);
            }
            let silent = |_| ClientError::Away(format!("silent for {} s", STREAM_DEAD.as_secs()));
            let frame = timeout(STREAM_DEAD, self.body.frame()).await.map_err(silent)?;
            let frame = frame.ok_or_else(|| ClientError::Away("the daemon has ended the stream".to_owned()))?;
            if let Ok(bytes) = frame.map_err(ClientError::away)?.into_data() {
                self.told = self.events.take(&bytes).map_err(ClientError::away)?.into_iter();
            }
        }
    }
}
