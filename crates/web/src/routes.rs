use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use contract::{AlertV1, FlowV1, Message, PartHistoryV1, ReplayCommandV1, ReplayV1, StateV1};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::assets::Asset;
use crate::looks;
use crate::metrics;
use crate::part::{self, part_page};
use crate::stream::{Streams, TooManyStreams};
use crate::{Health, Sources};

/// What a person may ask for, and what they get.
const ROUTES: [Route; 14] = [
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
    Route { path: "/metrics", gives: "what is counted, as OpenMetrics text" },
    Route { path: "/healthz", gives: "200 while the daemon does its work, else 503, with its problems" },
];

#[derive(Debug, Clone, Copy, Serialize)]
struct Route {
    path: &'static str,
    gives: &'static str,
}

pub(crate) struct Face {
    sources: Sources,
    streams: Streams,
    /// Held by the one who looks a part up: that reads files, and should not be all that the machine does.
    looking_up: Semaphore,
}

impl Face {
    /// The latest state, without keeping its owner from writing the next one.
    pub(crate) fn state_now(&self) -> Arc<StateV1> {
        Arc::clone(&self.sources.state.borrow())
    }

    /// Where it gets what it shows.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
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

pub(crate) fn router(sources: Sources, streams: Streams) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/assets/{name}", get(asset))
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
        .route("/api/v1/replay", get(replay).post(steer))
        .route("/metrics", get(metrics_text))
        .route("/healthz", get(health))
        .fallback(not_found)
        .method_not_allowed_fallback(read_only)
        .layer(map_response(secure))
        .with_state(Arc::new(Face { sources, streams, looking_up: Semaphore::new(1) }))
}

/// Why a request is refused, as JSON.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
    routes: &'static [Route],
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), routes: &[] }
    }

    /// What is wrong with what stands behind the question mark.
    pub(crate) fn of_query(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: String,
            #[serde(skip_serializing_if = "<[Route]>::is_empty")]
            routes: &'static [Route],
        }
        (self.status, Json(Body { error: self.error, routes: self.routes })).into_response()
    }
}

async fn page(headers: HeaderMap) -> Response {
    match Asset::find("index.html") {
        Some(asset) => asset.answer(&headers),
        None => unreachable!("the page is part of the program"),
    }
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

async fn stream(State(face): State<Arc<Face>>) -> Result<Response, Refusal> {
    face.streams.open().map_err(|full: TooManyStreams| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string()))
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
    face.state_now().replay.map(Json).ok_or_else(this_is_life)
}

/// Only JSON is taken, which a page of somebody else cannot send without being asked for leave.
async fn steer(
    State(face): State<Arc<Face>>,
    command: Result<Json<ReplayCommandV1>, JsonRejection>,
) -> Result<Json<ReplayV1>, Refusal> {
    let control = face.sources.replay.clone().ok_or_else(this_is_life)?;
    let Json(command) = command.map_err(|rejection| {
        let error = format!("{}; expected something like {}", rejection.body_text(), ReplayCommandV1::EXAMPLE);
        Refusal::new(rejection.status(), error)
    })?;
    let steered = tokio::task::spawn_blocking(move || control(command)).await;
    let steered = steered.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    steered.map(Json).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))
}

fn this_is_life() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "this is life, not a replay; `linetwin replay RECORDING --http HOST:PORT` is one",
    )
}

async fn metrics_text(State(face): State<Arc<Face>>) -> Result<Response, Refusal> {
    let mut all = (face.sources.metrics)();
    all.extend(face.streams.metrics());
    match metrics::encode(all) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()),
        Err(_) => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written as text")),
    }
}

async fn health(State(face): State<Arc<Face>>) -> (StatusCode, Json<Health>) {
    let health = (face.sources.health)();
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health))
}

async fn not_found(uri: Uri) -> Refusal {
    let error = format!("there is nothing at {:?}", uri.path());
    Refusal { status: StatusCode::NOT_FOUND, error, routes: &ROUTES }
}

async fn read_only(method: Method, uri: Uri) -> Refusal {
    let error = format!("{method} does nothing at {:?}; everything here is read with GET", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error)
}

/// The page needs nothing from elsewhere and nobody may frame it; whatever is not a file of the page is never kept.
async fn secure(mut response: Response) -> Response {
    const ALWAYS: [(HeaderName, &str); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
