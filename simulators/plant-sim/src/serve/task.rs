use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ServeError;

/// How long a server may take to close its connections before it is aborted.
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// The task of a server that can be up or down, and while it is up what others change it by.
///
/// The task is told to stop when this is dropped; [`Task::close`] also waits until everything is closed.
#[derive(Debug)]
pub(super) struct Task<H> {
    server: &'static str,
    running: Option<Running<H>>,
}

#[derive(Debug)]
struct Running<H> {
    handle: H,
    stop: DropGuard,
    join: JoinHandle<Result<(), String>>,
}

impl<H> Task<H> {
    /// The task, not running, of the server with this name.
    pub(super) fn down(server: &'static str) -> Self {
        Self { server, running: None }
    }

    /// Spawns what `run` makes of the token that will tell it to stop.
    pub(super) fn spawn<F>(&mut self, handle: H, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let join = tokio::spawn(run(stop.clone()));
        self.running = Some(Running { handle, stop: stop.drop_guard(), join });
    }

    /// What changes the server; `None` while it is down.
    pub(super) fn handle(&self) -> Option<&H> {
        self.running.as_ref().map(|running| &running.handle)
    }

    /// Whether the server is up.
    pub(super) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Fails if the server is up and its task has ended though nobody told it to.
    pub(super) async fn check(&mut self) -> Result<(), ServeError> {
        if self.running.as_ref().is_some_and(|running| running.join.is_finished()) {
            let reason = self.stop().await.err().unwrap_or_else(|| "it stopped by itself".into());
            return Err(self.ended(reason));
        }
        Ok(())
    }

    /// Closes the server's listener and connections, within a bounded time. Nothing to do while it is down.
    pub(super) async fn close(&mut self) {
        if let Err(reason) = self.stop().await {
            tracing::warn!(server = self.server, reason, "did not close cleanly");
        }
    }

    /// Waits, for a bounded time, until the task ends by what it was told through its handle.
    pub(super) async fn finish(&mut self) {
        let Some(Running { handle: _, stop: _stop, join }) = self.running.take() else { return };
        if let Err(reason) = wait_for_end(join).await {
            tracing::warn!(server = self.server, reason, "did not finish cleanly");
        }
    }

    /// An error that says why the server is no more.
    pub(super) fn ended(&self, reason: impl Into<String>) -> ServeError {
        ServeError::Ended { server: self.server, reason: reason.into() }
    }

    async fn stop(&mut self) -> Result<(), String> {
        let Some(Running { handle: _, stop, join }) = self.running.take() else { return Ok(()) };
        drop(stop);
        wait_for_end(join).await
    }
}

async fn wait_for_end(mut join: JoinHandle<Result<(), String>>) -> Result<(), String> {
    match tokio::time::timeout(CLOSING_MAX, &mut join).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(panicked)) => Err(panicked.to_string()),
        Err(_) => {
            join.abort();
            Err(format!("not over after {} s; aborted", CLOSING_MAX.as_secs()))
        }
    }
}
