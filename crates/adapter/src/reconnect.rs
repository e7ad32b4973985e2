use std::convert::Infallible;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

use crate::{Closed, Context, Counters};

/// Why a link ended or could not be established: what failed, where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link is to be tried again after a pause.
    #[error("{0}")]
    Lost(String),
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

impl From<Closed> for LinkError {
    fn from(_: Closed) -> Self {
        Self::Stopping
    }
}

/// The first pause before a new attempt.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause, before jitter, from the begin of an attempt to that of the next: a device that is back is seen within two
/// seconds, also if each attempt takes a second to fail.
const PAUSE_MAX: Duration = Duration::from_millis(900);

/// Runs sessions one after another until the context is stopped.
///
/// `session` connects, calls [`Context::link_up`] once it delivers, delivers, and returns when the link ends or the context
/// is stopped; one that has nobody to say goodbye to leaves the latter to [`without_farewell`]. Attempts that fail are further and
/// further apart, with jitter; after a session that had been up they are close again. The twin is told of each new reason once, not
/// of each attempt.
// Not `AsyncFnMut`: what calls one cannot be spawned, as the compiler does not see that its futures are `Send`.
pub async fn keep_connected<'a, Ended>(context: &'a Context, mut session: impl FnMut(&'a Context) -> Ended)
where
    Ended: Future<Output = LinkError>,
{
    let mut pauses = pauses();
    let mut reported: Option<String> = None;
    loop {
        let (connects, mut begun) = (context.counters.snapshot().connects, Instant::now());
        let LinkError::Lost(reason) = session(context).await else { return };
        let ended = Instant::now();
        Counters::add(&context.counters.failures, 1);
        if context.counters.snapshot().connects > connects {
            pauses = self::pauses();
            reported = None;
            begun = ended;
        }
        if reported.as_ref() != Some(&reason) {
            tracing::warn!(link = context.link.0, reason, "link down");
            if context.link_down(reason.clone()).await.is_err() {
                return;
            }
            reported = Some(reason);
        }
        let next = (begun + pauses.next().unwrap_or(PAUSE_MAX)).max(ended + PAUSE_MIN);
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Runs a session that is simply dropped when the context is stopped.
pub async fn without_farewell(
    context: &Context,
    session: impl Future<Output = Result<Infallible, LinkError>>,
) -> LinkError {
    match context.stop.run_until_cancelled(session).await {
        Some(Err(ended)) => ended,
        None => LinkError::Stopping,
    }
}

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use telemetry::{Event, LinkId, LinkState, Timestamp};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{Clock, queue};

    #[tokio::test(start_paused = true)]
    async fn each_reason_is_told_once_and_again_after_the_link_was_up() {
        let (sender, mut receiver) = queue(16);
        let stop = CancellationToken::new();
        let context = Context::new(LinkId(0), Clock::scaled(Timestamp::EPOCH, 1.0), stop.clone(), sender);
        let attempts = Cell::new(0);
        keep_connected(&context, async |context: &Context| {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                1 | 2 | 4 => LinkError::Lost("refused".into()),
                3 => context.link_up().await.map_or_else(Into::into, |()| LinkError::Lost("refused".into())),
                _ => {
                    stop.cancel();
                    LinkError::Lost("refused".into())
                }
            }
        })
        .await;
        let mut told = Vec::new();
        while let Ok(Event::Link { state, .. }) = receiver.try_recv() {
            told.push(state);
        }
        let down = LinkState::Down { reason: "refused".into() };
        assert_eq!(told, [down.clone(), LinkState::Up, down]);
        assert_eq!(context.counters.snapshot().failures, 5);
    }
}
