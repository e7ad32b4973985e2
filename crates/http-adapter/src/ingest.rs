//! The one route: takes rows, and answers when they are durable.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use adapter::Context;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::LengthLimitError;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use crate::rate::Rate;
use crate::rows::{Signals, Wrong};

/// The most requests that are in hand at once: each may hold a body.
const REQUESTS_MAX: usize = 16;
/// How long a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a request waits for room in the queue to the twin.
const QUEUE_PATIENCE: Duration = Duration::from_secs(1);
/// How long a request waits for its rows to become durable.
const DURABLE_PATIENCE: Duration = Duration::from_secs(10);
/// When to try again what could not be taken.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What all requests of a link share.
pub(crate) struct Ingest {
    link: String,
    signals: Signals,
    token: String,
    body_max_bytes: usize,
    rate: SyncMutex<Rate>,
    places: Semaphore,
    context: Context,
    /// One hands over at a time, so that each knows which events are its own.
    handing_over: Mutex<()>,
}

/// Why a request is not answered with success.
enum Refusal {
    /// The sender may not, or has sent what cannot be taken: sending the same again is no use.
    Final(StatusCode, Wrong),
    /// The same is to be sent again later.
    Later(StatusCode, String, Duration),
}

impl Ingest {
    pub(crate) fn new(
        link: &str,
        signals: Signals,
        token: String,
        bounds: (usize, u32),
        context: Context,
    ) -> Arc<Self> {
        let (body_max_bytes, requests_per_s) = bounds;
        Arc::new(Self {
            link: link.to_owned(),
            signals,
            token,
            body_max_bytes,
            rate: SyncMutex::new(Rate::new(requests_per_s, Instant::now())),
            places: Semaphore::new(REQUESTS_MAX),
            context,
            handing_over: Mutex::new(()),
        })
    }

    /// The routes of the link.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        let nothing = || async { Refusal::new(StatusCode::NOT_FOUND, "there is only POST /ingest/v1/LINK") };
        Router::new().route("/ingest/v1/{link}", post(ingest)).fallback(nothing).with_state(self)
    }

    async fn take(&self, link: &str, request: Request) -> Result<usize, Refusal> {
        self.check_sender(request.headers())?;
        if link != self.link {
            let problem = format!("{link:?} is not the link that listens here, which is {:?}", self.link);
            return Err(Refusal::new(StatusCode::NOT_FOUND, problem));
        }
        self.check_rate()?;
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Refusal::busy("too many requests are in hand"));
        };
        let body = self.body(request).await?;
        let samples = self.signals.read(&body, self.context.clock.now());
        let samples = samples.map_err(|wrong| Refusal::Final(StatusCode::UNPROCESSABLE_ENTITY, wrong))?;
        let rows = samples.len();
        if rows > 0 {
            self.deliver(samples).await?;
        }
        Ok(rows)
    }

    /// Whether the sender has the token.
    fn check_sender(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let sent = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let sent = sent.strip_prefix(b"Bearer ").unwrap_or_default();
        match bool::from(sent.ct_eq(self.token.as_bytes())) {
            true => Ok(()),
            false => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "send the token of this link, as authorization: Bearer TOKEN",
            )),
        }
    }

    fn check_rate(&self) -> Result<(), Refusal> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(Instant::now()).map_err(|wait| {
            let problem = "too many requests; send more rows in each, or raise requests_per_s of the link";
            Refusal::Later(StatusCode::TOO_MANY_REQUESTS, problem.to_owned(), wait)
        })
    }

    async fn body(&self, request: Request) -> Result<axum::body::Bytes, Refusal> {
        if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING) {
            let problem = format!("content-encoding {encoding:?} is not taken; send the rows as they are");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
        }
        let read = timeout(BODY_PATIENCE, to_bytes(request.into_body(), self.body_max_bytes)).await;
        let read = read.map_err(|_| {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not come within {BODY_PATIENCE:?}"))
        })?;
        read.map_err(|error| match error.into_inner() {
            limit if limit.is::<LengthLimitError>() => {
                let problem = format!(
                    "the body is too long; expected at most {} bytes, see body_max_kib of the link",
                    self.body_max_bytes
                );
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, problem)
            }
            broken => Refusal::new(StatusCode::BAD_REQUEST, format!("the body ended early: {broken}")),
        })
    }

    /// Hands the samples to the twin and waits until they are durable.
    async fn deliver(&self, samples: Vec<telemetry::Sample>) -> Result<(), Refusal> {
        let handing_over = async {
            let _mine = self.handing_over.lock().await;
            self.context.deliver_durably(samples).await
        };
        let stopping = || Refusal::busy("the daemon is stopping");
        let handed_over = timeout(QUEUE_PATIENCE, handing_over).await;
        let events = handed_over.map_err(|_| Refusal::busy("the twin does not keep up"))?.map_err(|_| stopping())?;
        let mut durable = self.context.durable();
        let is_durable = durable.wait_for(|&durable| durable >= events);
        match timeout(DURABLE_PATIENCE, is_durable).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(stopping()),
            // The twin has them; sent again they are the same samples.
            Err(_) => Err(Refusal::busy("the rows could not be recorded in time; see the disk")),
        }
    }
}

async fn ingest(State(ingest): State<Arc<Ingest>>, Path(link): Path<String>, request: Request<Body>) -> Response {
    match ingest.take(&link, request).await {
        Ok(rows) => Json(json!({ "rows": rows })).into_response(),
        Err(refusal) => {
            ingest.context.counters.add_unusable(1);
            refusal.into_response()
        }
    }
}

impl Refusal {
    fn new(status: StatusCode, problem: impl Into<String>) -> Self {
        Self::Final(status, Wrong::whole(problem.into()))
    }

    fn busy(problem: &str) -> Self {
        Self::Later(StatusCode::SERVICE_UNAVAILABLE, format!("{problem}; send the same again"), RETRY_AFTER)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Final(StatusCode::UNAUTHORIZED, wrong) => {
                (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(wrong)).into_response()
            }
            Self::Final(status, wrong) => (status, Json(wrong)).into_response(),
            Self::Later(status, problem, wait) => {
                let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
                (status, [(header::RETRY_AFTER, seconds.to_string())], Json(Wrong::whole(problem))).into_response()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use adapter::{Clock, DurabilityTeller, durability, queue};
    use plant::DataType;
    use telemetry::{Event, LinkId, Timestamp};
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A link whose queue to the twin holds one request, with both its other ends.
    fn link() -> (Arc<Ingest>, mpsc::Receiver<Event>, DurabilityTeller) {
        let (sender, events) = queue(1);
        let (teller, durable) = durability();
        let clock = Clock::scaled(Timestamp::EPOCH, 1.0);
        let context = Context::new(LinkId(0), clock, CancellationToken::new(), sender).recorded(durable);
        let signals = Signals::new(&[&signal(0, "torque", DataType::F64)]);
        (Ingest::new("mes", signals, "secret".to_owned(), (1024, 50), context), events, teller)
    }

    async fn post(link: &Arc<Ingest>) -> (u16, Option<u64>) {
        let body = Body::from(r#"{"tag": "torque", "value": 12.5}"#);
        let request =
            Request::post("/ingest/v1/mes").header(header::AUTHORIZATION, "Bearer secret").body(body).unwrap();
        let answer = ingest(State(Arc::clone(link)), Path("mes".to_owned()), request).await;
        let wait = answer.headers().get(header::RETRY_AFTER).map(|wait| wait.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), wait)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_durable_is_not_answered_with_success() {
        let (link, mut events, teller) = link();
        assert_eq!(post(&link).await, (503, Some(2)), "nobody records");
        assert_eq!(teller.wanted(), 1, "whoever records knows that it is waited for");
        assert_eq!(post(&link).await, (503, Some(2)), "the queue is full");
        assert!(matches!(events.recv().await, Some(Event::Samples(_))));
        let recorder = async {
            assert!(events.recv().await.is_some());
            teller.tell(2);
        };
        assert_eq!(tokio::join!(post(&link), recorder).0, (200, None));
        drop((events, teller));
        assert_eq!(post(&link).await, (503, Some(2)), "the daemon stops");
        assert_eq!(link.context.counters.snapshot().unusable, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_requests_are_in_hand_than_there_are_places() {
        let (link, _events, _teller) = link();
        let all = link.places.try_acquire_many(REQUESTS_MAX as u32).unwrap();
        assert_eq!(post(&link).await, (503, Some(2)));
        drop(all);
        assert_eq!(link.places.available_permits(), REQUESTS_MAX);
    }
}
