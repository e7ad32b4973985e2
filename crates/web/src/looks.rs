//! What of the line is looked at more closely than the live stream tells: a station, a feature's last cycles, signals.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use contract::{SeriesV1, SignalsQueryV1, SignalsV1, StateV1, StationV1, WordsV1};
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::routes::Face;

/// The station of that name; if there is none, a refusal of that status, which says which there are.
pub(crate) fn find_station<'a>(
    state: &'a StateV1,
    name: &str,
    otherwise: StatusCode,
) -> Result<&'a StationV1, Refusal> {
    state.stations.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<_> = state.stations.iter().map(|known| known.name.as_str()).collect();
        let error = format!("{} has no station {name:?}; it has {}", state.line, names.join(", "));
        Refusal::new(otherwise, error)
    })
}

pub(crate) async fn station(
    State(face): State<Arc<Face>>,
    Path(name): Path<String>,
) -> Result<Json<StationV1>, Refusal> {
    find_station(&face.state_now(), &name, StatusCode::NOT_FOUND).cloned().map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesQuery {
    feature: String,
}

pub(crate) async fn series(
    State(face): State<Arc<Face>>,
    Path(name): Path<String>,
    query: Result<Query<SeriesQuery>, QueryRejection>,
) -> Result<Json<SeriesV1>, Refusal> {
    let Query(SeriesQuery { feature }) = query.map_err(Refusal::of_query)?;
    find_station(&face.state_now(), &name, StatusCode::NOT_FOUND)?;
    (face.sources.series)(&name, &feature).map(Json).map_err(|error| Refusal::new(StatusCode::NOT_FOUND, error))
}

pub(crate) async fn signals(
    State(face): State<Arc<Face>>,
    query: Result<Query<SignalsQueryV1>, QueryRejection>,
) -> Result<Json<SignalsV1>, Refusal> {
    let Query(query) = query.map_err(Refusal::of_query)?;
    Ok(Json(SignalsV1::find(&face.state_now(), &query)))
}

pub(crate) async fn words(State(face): State<Arc<Face>>) -> Json<WordsV1> {
    Json(WordsV1::clone(&(face.sources.words)()))
}
