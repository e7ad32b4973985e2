//! Commands to the twin, and the steering of a replay.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contract::{AuditWhatV1, CommandV1, Message, ReplayCommandV1, ReplayV1};
use serde_json::{Map, Value};

use crate::access::{Action, Caller};
use crate::refusal::Refusal;
use crate::routes::{Face, understood};
use crate::{CommandFailure, ReplayControl};

const POST_COMMAND: &str = "POST /api/v1/command";
const POST_REPLAY: &str = "POST /api/v1/replay";
/// A command as it is sent here.
const EXAMPLE: &str = r#"{"command":"acknowledge","incident":"412-0"}"#;

/// Gives the twin a command in the caller's name, and answers what it says to it.
pub(crate) async fn command(
    State(face): State<Arc<Face>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let Some(name) = caller.who.name() else {
        return Err(face.gate.nameless(&caller));
    };
    let body = body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    let (command, content) =
        read(&headers, &body, name).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))?;
    face.gate.allow(&caller, Action::Command(&command), POST_COMMAND)?;
    let Some(control) = &face.sources.commands else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "nobody takes commands here: this is a replay, not life"));
    };
    let answer = control(command).await;
    let error = match &answer {
        Ok(reply) => reply.error.clone(),
        Err(failure) => Some(failure.to_string()),
    };
    let ok = answer.as_ref().is_ok_and(|reply| reply.ok);
    face.gate.keep(&caller, AuditWhatV1::Command { command: content, ok, error });
    let reply = answer.map_err(|failure| {
        let status = match failure {
            CommandFailure::Unreadable(_) => StatusCode::BAD_REQUEST,
            CommandFailure::Busy | CommandFailure::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            CommandFailure::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
        };
        Refusal::new(status, failure.to_string())
    })?;
    let status = if reply.ok { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, [(header::CONTENT_TYPE, "application/json")], reply.to_json()).into_response())
}

/// Reads a command and says in it who gives it; also gives it as the audit log keeps it.
fn read(headers: &HeaderMap, body: &[u8], by: &str) -> Result<(CommandV1, Value), String> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(format!("expected content-type: application/json and something like {EXAMPLE}"));
    }
    let mut content: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| format!("not a command: {error}; expected something like {EXAMPLE}"))?;
    if content.get("by").is_some_and(|other| other != by) {
        return Err(format!("by: a command from here is by who is logged in, {by:?}; leave it out"));
    }
    content.insert("by".to_owned(), by.into());
    let content = Value::from(content);
    let command = CommandV1::from_json(content.to_string().as_bytes()).map_err(|error| error.to_string())?;
    Ok((command, content))
}

/// Only JSON is taken, which a page of somebody else cannot send without being asked for leave.
pub(crate) async fn steer(
    State(face): State<Arc<Face>>,
    Extension(caller): Extension<Caller>,
    command: Result<Json<ReplayCommandV1>, JsonRejection>,
) -> Result<Json<ReplayV1>, Refusal> {
    face.gate.allow(&caller, Action::Steer, POST_REPLAY)?;
    let control = face.sources.replay.clone().ok_or_else(this_is_life)?;
    let command = understood(command, ReplayCommandV1::EXAMPLE)?;
    let content = serde_json::to_value(command).unwrap_or_default();
    let steered = steered(control, command).await;
    let error = steered.as_ref().err().map(|refusal| refusal.error().to_owned());
    face.gate.keep(&caller, AuditWhatV1::Replay { command: content, ok: steered.is_ok(), error });
    steered.map(Json)
}

async fn steered(control: ReplayControl, command: ReplayCommandV1) -> Result<ReplayV1, Refusal> {
    let steered = tokio::task::spawn_blocking(move || control(command)).await;
    let steered = steered.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    steered.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error))
}

/// Why there is nothing to steer.
pub(crate) fn this_is_life() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "this is life, not a replay; `linetwin replay RECORDING --http HOST:PORT` is one",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn json() -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))])
    }

    #[test]
    fn a_command_is_by_who_is_logged_in() {
        let (command, kept) = read(&json(), EXAMPLE.as_bytes(), "kim").unwrap();
        assert_eq!(command, CommandV1::from_json(CommandV1::EXAMPLE.replace("shift lead", "kim").as_bytes()).unwrap());
        assert_eq!(kept["by"], "kim");
        assert!(read(&json(), CommandV1::EXAMPLE.as_bytes(), "shift lead").is_ok(), "they may say it themselves");
        let refused = |headers: &HeaderMap, body: &str, expected: &str| {
            let error = read(headers, body.as_bytes(), "kim").unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        refused(&json(), CommandV1::EXAMPLE, r#"by who is logged in, "kim""#);
        refused(&json(), r#"{"command":"acknowledge","incident":"1-0","by":null}"#, "leave it out");
        refused(&json(), "[]", "expected something like");
        refused(&json(), r#"{"command":"dance"}"#, "unknown variant `dance`");
        refused(&HeaderMap::new(), EXAMPLE, "content-type: application/json");
    }

    proptest! {
        #[test]
        fn no_body_gives_a_command_by_somebody_else(body in r#"\{("(command|by|incident)":("acknowledge"|"1-0"|"lou"|7),?){0,4}\}|\PC*"#) {
            if let Ok((CommandV1 { by, .. }, _)) = read(&json(), body.as_bytes(), "kim") {
                prop_assert_eq!(by, "kim");
            }
        }
    }
}
