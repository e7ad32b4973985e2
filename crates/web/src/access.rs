//! Who may use the face: logins, sessions, roles, limits and the audit log.

mod audit;
mod caller;
mod counts;
mod limit;
mod may;
mod request;
mod secret;
mod sessions;
mod users;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use contract::{AuditV1, AuditWhatV1, LoginV1, TimeV1};
use listener::Stamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::{Metric, MetricKind};

pub use secret::{Secret, SecretError};
pub use users::{User, UserError, Users};

pub(crate) use caller::{Caller, Who};
pub(crate) use counts::{Counts, metric};
pub(crate) use may::{Action, may};
pub(crate) use request::{client, counted, is_cross_site};
pub(crate) use secret::{PASSWORD_MAX_CHARS, same};
pub(crate) use sessions::{Lease, Session, SessionKey};

use audit::Audit;
use limit::Limiter;
use sessions::{Ended, Lives, Opened, Sessions};
use users::Difference;

/// Logins that may fail at once from one address, and how long until one more may.
const FAILURES_OF_ADDRESS: (u32, Duration) = (10, Duration::from_secs(30));
/// The same for one user, from wherever.
const FAILURES_OF_USER: (u32, Duration) = (20, Duration::from_secs(15));
/// POSTs of one user or address at once, and how long until one more.
const POSTS: (u32, Duration) = (60, Duration::from_millis(200));
/// Passwords checked at once: each takes a core and 19 MiB for a tenth of a second, and the other cores are the twin's.
const CHECKS_MAX: usize = 1;
/// How long a login may wait for its turn.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);
/// Nobody has this password: it is hashed, and what is kept of it is thrown away with the program.
const NOBODYS_PASSWORD: &str = "nobody has this password";

/// How often somebody may POST, by name or address.
pub(crate) type PostLimiter = Limiter<String>;

impl PostLimiter {
    /// As many as a person with a slider sends.
    pub(crate) fn of_posts() -> Self {
        Self::new(POSTS.0, POSTS.1)
    }
}

/// A session that was just opened: its id, which only the user gets, its place and itself.
pub(crate) type Login = (String, SessionKey, Arc<Session>);

/// The daemon's own clock, for the audit log.
pub type Now = Arc<dyn Fn() -> TimeV1 + Send + Sync>;

/// How people log in.
#[derive(Clone)]
pub struct AccessOptions {
    /// The users file.
    pub users: PathBuf,
    /// Whether who is not logged in may read.
    pub is_open_to_read: bool,
    /// How long a session lives from the login on.
    pub session_max: Duration,
    /// How long it lives without being used.
    pub idle_max: Duration,
    /// The audit log.
    pub audit: PathBuf,
    /// What the time is.
    pub now: Now,
}

/// Why there can be no logins.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The users file cannot be used.
    #[error(transparent)]
    Users(#[from] UserError),
    /// The audit log cannot be written.
    #[error("cannot write the audit log {path}: {problem}; choose another place with http.audit")]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: std::io::Error,
    },
    /// There are no random bytes.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Who may use the face.
pub struct Access {
    is_open_to_read: bool,
    users_path: PathBuf,
    users: Mutex<Known>,
    sessions: Sessions,
    /// Ends the live streams of machines when one of them is changed.
    machines: Mutex<CancellationToken>,
    failures_of_address: Mutex<Limiter<IpAddr>>,
    failures_of_user: Mutex<Limiter<String>>,
    checks: Arc<Semaphore>,
    /// Checked when there is no such user, so that it takes as long.
    nobody: Secret,
    audit: Audit,
    now: Now,
    counts: Arc<Counts>,
}

/// The users file as it was last read.
struct Known {
    users: Arc<Users>,
    stamp: Option<Stamp>,
    problem: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Access {
    /// Reads the users and opens the audit log.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn open(options: AccessOptions) -> Result<Self, AccessError> {
        let AccessOptions { users: users_path, is_open_to_read, session_max, idle_max, audit, now } = options;
        let stamp = Stamp::of(&users_path);
        let users = Arc::new(Users::read(&users_path)?);
        let audit = Audit::open(&audit).map_err(|problem| AccessError::Audit { path: audit, problem })?;
        Ok(Self {
            is_open_to_read,
            users_path,
            users: Mutex::new(Known { users, stamp, problem: None }),
            sessions: Sessions::new(Lives { absolute: session_max, idle: idle_max }),
            machines: Mutex::default(),
            failures_of_address: Mutex::new(Limiter::new(FAILURES_OF_ADDRESS.0, FAILURES_OF_ADDRESS.1)),
            failures_of_user: Mutex::new(Limiter::new(FAILURES_OF_USER.0, FAILURES_OF_USER.1)),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            nobody: Secret::of_password(NOBODYS_PASSWORD)?,
            audit,
            now,
            counts: Arc::default(),
        })
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let sessions = self.sessions.count() as u64;
        vec![
            metric("linetwin_web_sessions", "Sessions that are open.", MetricKind::Gauge, sessions),
            metric(
                "linetwin_web_audit_lost",
                "Entries of the audit log that could not be written.",
                MetricKind::Counter,
                self.audit.lost(),
            ),
        ]
    }

    /// Who sends a request with this head.
    pub(crate) fn who(&self, headers: &HeaderMap, cookie: &str) -> Result<Who, Refusal> {
        if let Some(token) = request::bearer(headers) {
            return self.machine(token).ok_or_else(|| {
                Counts::add(&self.counts.unknown);
                Refusal::unknown("nobody has this token; `linetwin user add NAME --token` makes one")
            });
        }
        let session = request::cookie(headers, cookie).and_then(|id| self.sessions.find(id, Instant::now()));
        Ok(match session {
            Some((key, session)) => Who::Person(key, session),
            None if self.is_open_to_read => Who::Guest,
            None => Who::Nobody,
        })
    }

    fn machine(&self, token: &str) -> Option<Who> {
        let digest = secret::digest(token);
        let users = Arc::clone(&locked(&self.users).users);
        let machine = users.iter().find(|user| user.secret.is_token(&digest))?.clone();
        Some(Who::Machine(machine, locked(&self.machines).clone()))
    }

    /// Logs somebody in; gives the id of the session, which only they get.
    pub(crate) async fn login(self: &Arc<Self>, login: LoginV1, address: IpAddr) -> Result<Login, Refusal> {
        let LoginV1 { user: name, password } = login;
        self.admit(&name, address)?;
        let too_busy = || {
            Counts::add(&self.counts.logins_limited);
            Refusal::too_often(CHECK_PATIENCE, "people log in at once")
        };
        let turn = timeout(CHECK_PATIENCE, Arc::clone(&self.checks).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(too_busy()) };
        let access = Arc::clone(self);
        let wanted = name.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            access.keep_up();
            access.check(&wanted, &password)
        });
        let Ok(Some(user)) = checked.await else {
            Counts::add(&self.counts.logins_failed);
            let known = locked(&self.users).users.get(&name).map(|user| user.name.clone());
            self.keep(Some(address), known.as_deref(), AuditWhatV1::LoginFailed);
            return Err(Refusal::unknown("the name or the password is wrong"));
        };
        locked(&self.failures_of_address).give_back(&request::counted(address));
        locked(&self.failures_of_user).give_back(&name);
        let opened = self.sessions.open(user, Instant::now());
        let Opened { id, key, session, ended } =
            opened.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        self.tell_ended(ended);
        Counts::add(&self.counts.logins);
        self.keep(Some(address), Some(&session.user.name), AuditWhatV1::Login);
        Ok((id, key, session))
    }

    /// Whether another login may be tried. It counts as a failure until it has succeeded.
    fn admit(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        let now = Instant::now();
        let of_address = locked(&self.failures_of_address).take(&request::counted(address), now);
        let admitted = of_address.and_then(|()| locked(&self.failures_of_user).take(&name.to_owned(), now));
        admitted.map_err(|wait| {
            Counts::add(&self.counts.logins_limited);
            Refusal::too_often(wait, "failed logins")
        })
    }

    /// The user, if this is their password. Takes as long whether there is such a user or not.
    fn check(&self, name: &str, password: &str) -> Option<User> {
        let user = locked(&self.users).users.get(name).cloned();
        let user = user.filter(|user| matches!(user.secret, Secret::Password(_)));
        let secret = user.as_ref().map_or(&self.nobody, |user| &user.secret);
        let is_right = secret.is_password(password);
        user.filter(|_| is_right)
    }

    /// Logs somebody out.
    pub(crate) fn logout(&self, caller: &Caller) {
        if let Who::Person(key, session) = &caller.who {
            self.sessions.end(key);
            self.keep(Some(caller.address), Some(&session.user.name), AuditWhatV1::Logout);
        }
    }

    /// Reads the users again if their file has changed, and ends the sessions that are over. Reads files.
    pub(crate) fn keep_up(&self) {
        if let Some(difference) = self.reload() {
            // Any machine's: each comes back at once with its token, if that is still good.
            std::mem::take(&mut *locked(&self.machines)).cancel();
            let Difference { added, removed, changed } = difference;
            self.keep(None, None, AuditWhatV1::UsersChanged { added, removed, changed });
        }
        let users = Arc::clone(&locked(&self.users).users);
        self.tell_ended(self.sessions.keep_up(&users, Instant::now()));
    }

    /// What has changed in the users file, if it has. One that cannot be used is told, and the users from before stay.
    fn reload(&self) -> Option<Difference> {
        let stamp = Stamp::of(&self.users_path);
        let mut known = locked(&self.users);
        if known.stamp == stamp {
            known.problem = None;
            return None;
        }
        match Users::read(&self.users_path) {
            Ok(users) => {
                let difference = Difference::between(&known.users, &users);
                *known = Known { users: Arc::new(users), stamp, problem: None };
                Some(difference).filter(|difference| !difference.is_none())
            }
            Err(error) => {
                // It is read again the next time, and told once.
                let problem = Some(format!("{error}; the users from before stay"));
                if known.problem != problem {
                    tracing::error!("{error}; the users from before stay");
                }
                known.problem = problem;
                None
            }
        }
    }

    fn tell_ended(&self, ended: Vec<Ended>) {
        for Ended { user, why } in ended {
            self.keep(None, Some(&user), AuditWhatV1::SessionEnded { why: why.to_owned() });
        }
    }

    /// Keeps an entry in the audit log.
    pub(crate) fn keep(&self, address: Option<IpAddr>, user: Option<&str>, what: AuditWhatV1) {
        let address = address.map(|address| address.to_string());
        self.audit.keep(&AuditV1 { at: (self.now)(), user: user.map(str::to_owned), address, what });
    }

    /// What is wrong with the audit log at the moment, in words for a person.
    pub(crate) fn audit_problem(&self) -> Option<String> {
        self.audit.problem()
    }

    /// What is wrong with the users file at the moment, in words for a person.
    pub(crate) fn users_problem(&self) -> Option<String> {
        locked(&self.users).problem.clone()
    }
}
