//! One session at a server, whatever becomes of its connection.
//!
//! A session whose connection broke is still at the server, with a place among the few that it may have. It is kept here and
//! taken up again on the next connection. Only what the server has forgotten, or must have forgotten by now, is made anew.

use adapter::Counters;
use opcua::client::SessionConnectMode;
use plant::OpcuaAccess;
use tokio::time::{Instant, timeout};

use crate::client::{CLOSE_TIME_MAX, SESSION_TIMEOUT};
use crate::connection::{ConnectError, Connection};

/// The session of a link at its server.
#[derive(Default)]
pub(crate) struct Sessions {
    kept: Option<Kept>,
}

/// A session without a connection, and since when.
struct Kept {
    connection: Connection,
    since: Instant,
}

impl Sessions {
    /// Connects for the session that is kept, or else for a new one. Nothing is lost if it is dropped halfway.
    ///
    /// # Errors
    /// What failed, where, and what was expected.
    pub(crate) async fn open(
        &mut self,
        url: &str,
        access: &OpcuaAccess,
        counters: &Counters,
    ) -> Result<Connection, String> {
        let is_stale = |kept: &Kept| kept.since.elapsed() >= SESSION_TIMEOUT || kept.connection.url() != url;
        if self.kept.as_ref().is_some_and(is_stale) {
            self.leave(counters);
        }
        let checking = self.kept.as_ref().map(|kept| kept.connection.check(access));
        if let Some(checking) = checking
            && let Err(reason) = checking.await
        {
            self.leave(counters);
            return Err(reason);
        }
        loop {
            let kept = match &mut self.kept {
                Some(kept) => kept,
                None => self.kept.insert(Kept::now(Connection::prepare(url, access).await?)),
            };
            let had_session = kept.connection.has_session();
            let connected = kept.connection.connect().await;
            let mode = connected.map_err(|error| self.failed(error, counters))?;
            let Some(Kept { mut connection, .. }) = self.kept.take() else { continue };
            match mode {
                SessionConnectMode::ReactivatedSession(_) => {
                    counters.add_session_resumed();
                    return Ok(connection);
                }
                SessionConnectMode::NewSession(_) => counters.add_session_opened(),
            }
            if !had_session {
                return Ok(connection);
            }
            // The server has forgotten ours. It may be another one by now: endpoint, namespaces and types are to be asked for
            // anew, and the session that the library made in its place goes.
            if !connection.close().await {
                self.kept = Some(Kept::now(connection));
                return Err(format!("{url}: the connection broke while the server was asked who it is"));
            }
        }
    }

    /// The server of the session that is kept.
    pub(crate) fn kept_url(&self) -> Option<String> {
        self.kept.as_ref().map(|kept| kept.connection.url().to_owned())
    }

    /// Closes the session at the server, or keeps it if that cannot be.
    pub(crate) async fn end(&mut self, mut connection: Connection) {
        if !connection.close().await {
            self.kept = Some(Kept::now(connection));
        }
    }

    /// Closes what is kept, if the server can be reached in a moment.
    pub(crate) async fn close(&mut self, counters: &Counters) {
        let Some(Kept { mut connection, .. }) = self.kept.take() else { return };
        let connected = timeout(CLOSE_TIME_MAX, connection.connect()).await;
        if !(matches!(connected, Ok(Ok(_))) && connection.close().await) && connection.has_session() {
            counters.add_session_left();
        }
    }

    /// What becomes of the session that is kept when there is no connection for it, and why there is none.
    fn failed(&mut self, error: ConnectError, counters: &Counters) -> String {
        let has_session = self.kept.as_ref().is_some_and(|kept| kept.connection.has_session());
        if !has_session {
            self.kept = None;
        } else if matches!(error, ConnectError::Refused(_)) {
            self.leave(counters);
        }
        error.into_reason()
    }

    /// Leaves the session that is kept to the server, which forgets it.
    fn leave(&mut self, counters: &Counters) {
        if self.kept.take().is_some_and(|kept| kept.connection.has_session()) {
            counters.add_session_left();
        }
    }
}

impl Kept {
    fn now(connection: Connection) -> Self {
        Self { connection, since: Instant::now() }
    }
}
