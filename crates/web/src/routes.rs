use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use contract::{AlertV1, CommandV1, FlowV1, HealthV1, Message, PartHistoryV1, ReplayV1, StateV1};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::access::Caller;
use crate::assets::Asset;
use crate::gate::{self, Gate};
use crate::part::{self, part_page};
use crate::refusal::{Refusal, Route};
use crate::stream::{Streams, TooManyStreams};
use crate::{Sources, command, login, looks, metrics};

/// What a person may ask for, and what they get.
const ROUTES: [Route; 19] = [
    Route { path: "/", gives: "the supervisor's page" },
    Route { path: "/api/v1/state", gives: "the line now, as JSON" },
    Route { path: "/api/v1/alerts", gives: "the open alerts, as JSON; of one station with ?station=NAME" },
    Route { path: "/api/v1/flow", gives: "the shift, its losses and the bottleneck, as JSON" },
    Route {
        path: "/api/v1/stream",
        gives: "the line without its signals and features, then what changes, as server-sent events",
    },
    Route { path: "/api/v1/station/NAME", gives: "a station with its signals and features, as JSON" },
    Route {
        path: "/api/v1/station/NAME/series?feature=FEATURE",
        gives: "a feature of its latest cycles, with what was expected, as JSON",
    },
    Route {
        path: "/api/v1/signals",
        gives: "signals with age and quality, as JSON; ?search=TEXT&quality=not-good&first=0&rows=50",
    },
    Route { path: "/api/v1/words", gives: "what the features are called in the languages of the line, as JSON" },
    Route { path: "/api/v1/part/SERIAL", gives: "the history of a part that left the line, as JSON" },
    Route { path: "/part/SERIAL", gives: "the same as a page to print" },
    Route {
        path: "/api/v1/replay",
        gives: "how the replay stands, as JSON; POST pauses it, changes its speed or jumps",
    },
    Route { path: "/api/v1/command", gives: "what the twin answers to a command, which is sent by POST as JSON" },
    Route { path: "/login", gives: "the page on which one logs in" },
    Route { path: "/api/v1/login", gives: "a session, for a name and a password sent by POST as JSON" },
    Route { path: "/api/v1/logout", gives: "the end of the session, by POST" },
    Route { path: "/api/v1/me", gives: "who is logged in, their role and the token for each POST, as JSON" },
    Route { path: "/metrics", gives: "what is counted, as OpenMetrics text" },
    Route { path: "/healthz", gives: "200 while the daemon does its work, else 503, with its problems" },
];

/// What the routes share.
pub(crate) struct Face {
    pub(crate) sources: Sources,
    pub(crate) gate: Gate,
    streams: Streams,
    /// Held by the one who looks a part up: that reads files, and should not be all that the machine does.
    looking_up: Semaphore,
}

impl Face {
    pub(crate) fn new(sources: Sources, streams: Streams, gate: Gate) -> Self {
        Self { sources, gate, streams, looking_up: Semaphore::new(1) }
    }

    /// The latest state, without keeping its owner from writing the next one.
    pub(crate) fn state_now(&self) -> Arc<StateV1> {
        Arc::clone(&self.sources.state.borrow())
    }

    /// The history of a part.
    async fn part(&self, serial: String) -> Result<PartHistoryV1, Refusal> {
        let failed = |error: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error);
        let Ok(_one_at_a_time) = self.looking_up.acquire().await else {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon stops"));
        };
        let parts = Arc::clone(&self.sources.parts);
        let wanted = serial.clone();
        let found = tokio::task::spawn_blocking(move || parts(&wanted)).await;
        let records = found.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        if records.is_empty() {
            let error = format!("there is no record of {serial:?}; a part is recorded when it leaves the line");
            return Err(Refusal::new(StatusCode::NOT_FOUND, error));
        }
        Ok(PartHistoryV1::new(&serial, records))
    }
}

pub(crate) fn router(face: Arc<Face>) -> Router {
    let readers = Router::new()
        .route("/", get(page))
        .route("/api/v1/state", get(state))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/flow", get(flow))
        .route("/api/v1/stream", get(stream))
        .route("/api/v1/station/{name}", get(looks::station))
        .route("/api/v1/station/{name}/series", get(looks::series))
        .route("/api/v1/signals", get(looks::signals))
        .route("/api/v1/words", get(looks::words))
        .route("/api/v1/part/{serial}", get(part_json))
        .route("/part/{serial}", get(part_print))
        .route("/api/v1/replay", get(replay))
        .route("/metrics", get(metrics_text))
        .route_layer(from_fn_with_state(Arc::clone(&face), gate::readers));
    let posts = Router::new()
        .route("/api/v1/command", post(command::command))
        .route("/api/v1/replay", post(command::steer))
        .route("/api/v1/logout", post(login::logout))
        .route_layer(from_fn_with_state(Arc::clone(&face), gate::posts));
    let open = Router::new()
        .route("/assets/{name}", get(asset))
        .route("/login", get(login::page))
        .route("/api/v1/login", post(login::login))
        .route("/api/v1/me", get(login::me))
        .route("/healthz", get(health));
    open.merge(readers)
        .merge(posts)
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(CommandV1::MAX_BYTES))
        .layer(from_fn_with_state(Arc::clone(&face), gate::identify))
        .layer(map_response(secure))
        .with_state(face)
}

/// What a body says, or why it cannot be read and what was expected.
pub(crate) fn understood<T>(body: Result<Json<T>, JsonRejection>, example: &str) -> Result<T, Refusal> {
    let read = body.map(|Json(content)| content);
    read.map_err(|rejection| {
        let error = format!("{}; expected something like {example}", rejection.body_text());
        Refusal::new(rejection.status(), error)
    })
}

async fn page(headers: HeaderMap) -> Response {
    Asset::named("index.html", &headers)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    match Asset::find(&name) {
        Some(asset) => Ok(asset.answer(&headers)),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, format!("the page has no file {name:?}"))),
    }
}

async fn state(State(face): State<Arc<Face>>) -> Response {
    let state = face.state_now();
    ([(header::CONTENT_TYPE, "application/json")], state.to_json()).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsQuery {
    station: Option<String>,
}

/// The open alerts; with a station, those caused there or showing there.
async fn alerts(
    State(face): State<Arc<Face>>,
    query: Result<Query<AlertsQuery>, QueryRejection>,
) -> Result<Json<Vec<AlertV1>>, Refusal> {
    let Query(query) = query.map_err(Refusal::of_query)?;
    let state = face.state_now();
    let Some(station) = query.station else { return Ok(Json(state.alerts.clone())) };
    looks::find_station(&state, &station, StatusCode::BAD_REQUEST)?;
    let concerns = |alert: &&AlertV1| alert.station.as_ref() == Some(&station) || alert.affected.contains(&station);
    Ok(Json(state.alerts.iter().filter(concerns).cloned().collect()))
}

/// How parts flow, by itself: the same as `flow` of the state.
async fn flow(State(face): State<Arc<Face>>) -> Json<Option<FlowV1>> {
    Json(face.state_now().flow.clone())
}

async fn stream(State(face): State<Arc<Face>>, Extension(caller): Extension<Caller>) -> Result<Response, Refusal> {
    let opened = face.streams.open(caller.who.lease());
    opened.map_err(|full: TooManyStreams| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string()))
}

async fn part_json(State(face): State<Arc<Face>>, Path(serial): Path<String>) -> Result<Response, Refusal> {
    let history = face.part(serial).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], history.to_json()).into_response())
}

async fn part_print(State(face): State<Arc<Face>>, Path(serial): Path<String>) -> Result<Response, Refusal> {
    let history = face.part(serial).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, part::CONTENT_SECURITY_POLICY),
    ];
    Ok((headers, part_page(&history)).into_response())
}

async fn replay(State(face): State<Arc<Face>>) -> Result<Json<ReplayV1>, Refusal> {
    face.state_now().replay.map(Json).ok_or_else(command::this_is_life)
}

async fn metrics_text(State(face): State<Arc<Face>>) -> Result<Response, Refusal> {
    let mut all = (face.sources.metrics)();
    all.extend(face.streams.metrics());
    all.extend(face.gate.metrics());
    match metrics::encode(all) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()),
        Err(_) => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written as text")),
    }
}

async fn health(State(face): State<Arc<Face>>) -> (StatusCode, Json<HealthV1>) {
    let mut health = (face.sources.health)();
    face.gate.judge(&mut health);
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

async fn not_found(uri: Uri) -> Refusal {
    Refusal::nothing_at(uri.path(), &ROUTES)
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let expected = if method == Method::GET { "POST with JSON" } else { "GET" };
    let error = format!("{method} does nothing at {:?}; expected {expected}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error)
}

/// The page needs nothing from elsewhere and nobody may frame it; whatever is not a file of the page is never kept.
async fn secure(mut response: Response) -> Response {
    const ALWAYS: [(HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
