//! A server with users, and those who ask it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use contract::{AuditV1, AuditWhatV1, CommandReplyV1, CommandV1, HealthV1, RoleName, StateV1, WordsSchema, WordsV1};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_util::sync::{CancellationToken, DropGuard};
use web::{Access, AccessOptions, Secret, Security, Sources, Tls, User, UserError, Users};

/// Nothing here takes a tenth of it; a test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What is served, and to whom.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) is_open_to_read: bool,
    pub(crate) is_behind_proxy: bool,
    pub(crate) is_over_tls: bool,
    /// Whether the disk of the audit log takes nothing.
    pub(crate) is_disk_full: bool,
}

pub(crate) struct Server {
    pub(crate) address: String,
    folder: TempDir,
    pub(crate) token: String,
    _stop: DropGuard,
    _state: watch::Sender<Arc<StateV1>>,
}

/// Who asks: the headers that they send with each request.
#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

pub(crate) fn change(path: PathBuf, change: impl FnOnce(&mut Users) -> Result<(), UserError>) {
    Users::change_file(&path, change).unwrap();
}

/// Carries everything out, but for incident 9-0, and says who asked.
async fn carry_out(command: CommandV1) -> CommandReplyV1 {
    let wire = serde_json::to_value(&command).unwrap();
    let is_closed = wire["incident"] == "9-0";
    let mut reply =
        json!({"schema": "linetwin/command-reply/v1", "ok": !is_closed, "command": wire["command"], "by": wire["by"]});
    if is_closed {
        reply["error"] = "it is closed".into();
    }
    serde_json::from_value(reply).unwrap()
}

fn line() -> StateV1 {
    let now = "2027-01-15T08:00:00Z";
    serde_json::from_value(json!({
        "schema": "linetwin/state/v1", "now": now, "sequence": 1, "enterprise": "E", "site": "S", "area": "A",
        "line": "pack", "links": [], "stations": [], "alerts": [],
        "counts": {"inputs": 0, "samples": 0, "bad_samples": 0, "late_samples": 0, "future_samples": 0,
            "unknown_samples": 0, "clock_steps_back": 0, "cycles": 0, "incidents": 0, "baselines_evicted": 0},
    }))
    .unwrap()
}

impl Server {
    pub(crate) async fn start(wanted: Wanted) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (token, secret) = Secret::new_token().unwrap();
        change(at("users.toml"), |users| {
            for (name, role) in [("vera", RoleName::Viewer), ("kim", RoleName::Supervisor)] {
                users.add(User::new(name, role, Secret::of_password(PASSWORD)?)?)?;
            }
            users.add(User::new("prometheus", RoleName::Viewer, secret)?)
        });
        let access = Access::open(AccessOptions {
            users: at("users.toml"),
            is_open_to_read: wanted.is_open_to_read,
            session_max: Duration::from_secs(3600),
            idle_max: Duration::from_secs(600),
            audit: if wanted.is_disk_full { PathBuf::from("/dev/full") } else { at("audit.jsonl") },
            now: Arc::new(|| serde_json::from_value("2027-01-15T08:00:00Z".into()).unwrap()),
        });
        sign(&at("cert.pem"), &at("key.pem"));
        let tls = wanted.is_over_tls.then(|| Tls::open(&at("cert.pem"), &at("key.pem")).unwrap());
        let security = Security { tls, access: Some(access.unwrap()), is_behind_proxy: wanted.is_behind_proxy };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, states) = watch::channel(Arc::new(line()));
        let sources = Sources {
            state: states,
            metrics: Arc::new(Vec::new),
            health: Arc::new(|| HealthV1::of(Vec::new())),
            parts: Arc::new(|_| Ok(Vec::new())),
            series: Arc::new(|station, _| Err(format!("no cycle of {station} was seen yet"))),
            words: Arc::new(|| {
                Arc::new(WordsV1 { schema: WordsSchema::V1, features: BTreeMap::new(), interventions: BTreeMap::new() })
            }),
            replay: Some(Arc::new(|_| Err("at its end".to_owned()))),
            commands: Some(Arc::new(|command| Box::pin(async move { Ok(carry_out(command).await) }))),
        };
        let stop = CancellationToken::new();
        tokio::spawn(web::serve(listener, sources, security, stop.clone()));
        Self { address, folder, token, _stop: stop.drop_guard(), _state: state }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A connection as the server's address is now spoken to: over TLS if `root` is trusted.
    pub(crate) async fn connect(&self, root: Option<CertificateDer<'static>>) -> std::io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(&self.address).await?;
        let Some(root) = root else { return Ok(Box::new(stream)) };
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    pub(crate) async fn ask_over(&self, mut wire: Box<dyn Wire>, line: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}",
            self.address
        );
        wire.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        in_time(wire.read_to_string(&mut text)).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        self.ask_over(self.connect(None).await.unwrap(), line, headers, body).await
    }

    pub(crate) async fn get(&self, client: &Client, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &format!("cookie: {}\r\n", client.cookie), "").await
    }

    pub(crate) async fn post(&self, client: &Client, path: &str, body: &str) -> Answer {
        let Client { cookie, csrf } = client;
        let headers = format!("content-type: application/json\r\ncookie: {cookie}\r\nx-csrf-token: {csrf}\r\n");
        self.ask(&format!("POST {path}"), &headers, body).await
    }

    pub(crate) async fn try_login(&self, user: &str, password: &str) -> Answer {
        let body = json!({"user": user, "password": password}).to_string();
        self.ask("POST /api/v1/login", "content-type: application/json\r\n", &body).await
    }

    pub(crate) async fn login(&self, user: &str) -> Client {
        let answer = self.try_login(user, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Client { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() }
    }

    /// What the audit log says, once it says so much.
    pub(crate) async fn audit_when(&self, count: usize) -> Vec<(Option<String>, AuditWhatV1)> {
        let read = || fs::read_to_string(self.path("audit.jsonl")).unwrap();
        in_time(until(|| read().lines().count() >= count)).await;
        let text = read();
        let entries = text.lines().map(|line| serde_json::from_str::<AuditV1>(line).unwrap());
        entries.map(|entry| (entry.user, entry.what)).collect()
    }
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn sign(certificate: &Path, key: &Path) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(certificate, signed.cert.pem()).unwrap();
    fs::write(key, signed.signing_key.serialize_pem()).unwrap();
}

pub(crate) fn certificate(server: &Server) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(server.path("cert.pem")).unwrap()
}
