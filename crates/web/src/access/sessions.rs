//! Who is logged in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::secret::{self, SecretError};
use super::users::{User, Users};

/// The most sessions at once; of more, the one that was used least lately ends.
const SESSIONS_MAX: usize = 256;
/// The most sessions of one user at once.
const SESSIONS_MAX_PER_USER: usize = 8;

/// A session's place in the table: what is kept of its id, so that no id can be read there or found by timing.
pub(crate) type SessionKey = [u8; 32];

/// Somebody who is logged in.
#[derive(Debug)]
pub(crate) struct Session {
    /// Who, as the users file had them when they logged in.
    pub(crate) user: User,
    /// What each of their POSTs has to carry.
    pub(crate) csrf: String,
    opened: Instant,
    used: Mutex<Instant>,
    over: CancellationToken,
    presence: Arc<()>,
}

impl Session {
    /// Makes a live stream belong to the session: it ends with it, and while it is open the session is in use.
    pub(crate) fn lease(&self) -> Lease {
        Lease { over: self.over.clone(), _presence: Arc::clone(&self.presence) }
    }

    fn used(&self) -> MutexGuard<'_, Instant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it is over, if it is.
    fn why_over(&self, lives: Lives, now: Instant) -> Option<&'static str> {
        if now.saturating_duration_since(self.opened) >= lives.absolute {
            return Some("its time was over");
        }
        let is_present = Arc::strong_count(&self.presence) > 1;
        let is_idle = !is_present && now.saturating_duration_since(*self.used()) >= lives.idle;
        is_idle.then_some("it was not used")
    }
}

/// What a live stream holds of who opened it.
#[derive(Debug)]
pub(crate) struct Lease {
    over: CancellationToken,
    _presence: Arc<()>,
}

impl Lease {
    /// One that ends when `over` is cancelled.
    pub(crate) fn until(over: CancellationToken) -> Self {
        Self { over, _presence: Arc::default() }
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    /// Since the login.
    pub(crate) absolute: Duration,
    /// Since the last request, with no live stream open.
    pub(crate) idle: Duration,
}

/// A session that has ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) user: String,
    pub(crate) why: &'static str,
}

/// A session that was just opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Only the user gets it.
    pub(crate) id: String,
    pub(crate) key: SessionKey,
    pub(crate) session: Arc<Session>,
    /// What had to end for it.
    pub(crate) ended: Vec<Ended>,
}

/// The sessions that are open.
#[derive(Debug)]
pub(crate) struct Sessions {
    lives: Lives,
    open: Mutex<HashMap<SessionKey, Arc<Session>>>,
}

impl Sessions {
    pub(crate) fn new(lives: Lives) -> Self {
        Self { lives, open: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.table().len()
    }

    /// Opens a session.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub(crate) fn open(&self, user: User, now: Instant) -> Result<Opened, SecretError> {
        let id = secret::random_text()?;
        let session = Arc::new(Session {
            user,
            csrf: secret::random_text()?,
            opened: now,
            used: Mutex::new(now),
            over: CancellationToken::new(),
            presence: Arc::default(),
        });
        let mut table = self.table();
        let mut ended = Vec::new();
        let of_user = |other: &Session| other.user.name == session.user.name;
        if table.values().filter(|other| of_user(other)).count() >= SESSIONS_MAX_PER_USER {
            ended.extend(end_least_used(&mut table, of_user, "the user has too many"));
        }
        if table.len() >= SESSIONS_MAX {
            ended.extend(end_least_used(&mut table, |_| true, "there are too many"));
        }
        let key = secret::digest(&id);
        table.insert(key, Arc::clone(&session));
        Ok(Opened { id, key, session, ended })
    }

    /// The session with this id, which is in use now.
    pub(crate) fn find(&self, id: &str, now: Instant) -> Option<(SessionKey, Arc<Session>)> {
        let key = secret::digest(id);
        let session = self.table().get(&key).cloned()?;
        if session.why_over(self.lives, now).is_some() {
            return None;
        }
        *session.used() = now;
        Some((key, session))
    }

    /// Ends a session.
    pub(crate) fn end(&self, key: &SessionKey) {
        if let Some(session) = self.table().remove(key) {
            session.over.cancel();
        }
    }

    /// Ends the sessions whose time is over, or whose user is not what they were; with them their live streams.
    pub(crate) fn keep_up(&self, users: &Users, now: Instant) -> Vec<Ended> {
        let mut ended = Vec::new();
        self.table().retain(|_, session| {
            let is_known = users.get(&session.user.name) == Some(&session.user);
            let why =
                if is_known { session.why_over(self.lives, now) } else { Some("the user was changed or removed") };
            if let Some(why) = why {
                session.over.cancel();
                ended.push(Ended { user: session.user.name.clone(), why });
            } else if Arc::strong_count(&session.presence) > 1 {
                *session.used() = now;
            }
            why.is_none()
        });
        ended
    }
}

fn end_least_used(
    table: &mut HashMap<SessionKey, Arc<Session>>,
    among: impl Fn(&Session) -> bool,
    why: &'static str,
) -> Option<Ended> {
    let candidates = table.iter().filter(|(_, session)| among(session));
    let key = candidates.min_by_key(|(_, session)| *session.used()).map(|(key, _)| *key)?;
    let session = table.remove(&key)?;
    session.over.cancel();
    Some(Ended { user: session.user.name.clone(), why })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use contract::RoleName;

    use super::super::secret::Secret;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const LIVES: Lives = Lives { absolute: Duration::from_secs(3600), idle: Duration::from_secs(600) };

    fn user(name: &str) -> User {
        User::new(name, RoleName::Supervisor, Secret::Token([1; 32])).unwrap()
    }

    fn users(names: &[&str]) -> Users {
        let mut users = Users::default();
        names.iter().for_each(|name| users.add(user(name)).unwrap());
        users
    }

    #[test]
    fn a_session_is_found_by_its_id_until_it_ends() {
        let (sessions, now) = (Sessions::new(LIVES), Instant::now());
        let Opened { id, session, .. } = sessions.open(user("kim"), now).unwrap();
        let (key, found) = sessions.find(&id, now).unwrap();
        assert_eq!(found.user.name, "kim");
        assert_eq!((id.len(), session.csrf.len()), (43, 43), "256 bits each");
        assert!(sessions.find(&id[..42], now).is_none() && sessions.find("", now).is_none());
        sessions.end(&key);
        assert!(sessions.find(&id, now).is_none());
    }

    #[test]
    fn a_session_ends_unused_or_after_its_time() {
        let (sessions, now) = (Sessions::new(LIVES), Instant::now());
        let Opened { id, .. } = sessions.open(user("kim"), now).unwrap();
        assert!(sessions.find(&id, now + 9 * MINUTE).is_some(), "used");
        assert!(sessions.find(&id, now + 18 * MINUTE).is_some(), "and again");
        assert!(sessions.find(&id, now + 28 * MINUTE).is_none(), "unused for ten minutes");
        let Opened { id, session, .. } = sessions.open(user("kim"), now).unwrap();
        let stream = session.lease();
        assert!(sessions.find(&id, now + 59 * MINUTE).is_some(), "a page that is open is used");
        assert!(sessions.find(&id, now + 60 * MINUTE).is_none(), "but not for ever");
        drop(stream);
    }

    #[test]
    fn what_is_over_ends_with_its_streams() {
        let (sessions, now) = (Sessions::new(LIVES), Instant::now());
        let streams: Vec<_> =
            ["kim", "lou", "max"].map(|name| sessions.open(user(name), now).unwrap().session.lease()).into();
        let mut changed = users(&["kim", "max"]);
        changed.change("max").unwrap().role = RoleName::Viewer;
        let mut ended: Vec<_> = sessions.keep_up(&changed, now).into_iter().map(|ended| ended.user).collect();
        ended.sort();
        assert_eq!(ended, ["lou", "max"]);
        assert_eq!(streams.iter().map(|stream| stream.over.is_cancelled()).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(sessions.keep_up(&changed, now + 30 * MINUTE), [], "its page is open");
        drop(streams);
        assert_eq!(sessions.keep_up(&changed, now + 39 * MINUTE), []);
        let why = "it was not used";
        assert_eq!(sessions.keep_up(&changed, now + 40 * MINUTE), [Ended { user: "kim".into(), why }]);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn there_are_never_too_many() {
        let (sessions, mut now) = (Sessions::new(LIVES), Instant::now());
        let Opened { id: first, .. } = sessions.open(user("kim"), now).unwrap();
        for _ in 0..SESSIONS_MAX_PER_USER {
            now += Duration::from_millis(1);
            sessions.open(user("kim"), now).unwrap();
        }
        assert_eq!(sessions.count(), SESSIONS_MAX_PER_USER);
        assert!(sessions.find(&first, now).is_none(), "the one used least lately made room");
        for number in 0..SESSIONS_MAX {
            sessions.open(user(&number.to_string()), now).unwrap();
        }
        assert_eq!(sessions.count(), SESSIONS_MAX);
    }
}
