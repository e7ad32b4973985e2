//! Logging in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use contract::{CommandV1, LoginV1, MeV1, Message};

use crate::access::{Caller, PASSWORD_MAX_CHARS, Who};
use crate::assets::Asset;
use crate::refusal::Refusal;
use crate::routes::{Face, understood};

/// The page on which one logs in.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    Asset::named("login.html", &headers)
}

/// Who I am.
pub(crate) async fn me(State(face): State<Arc<Face>>, Extension(caller): Extension<Caller>) -> Json<MeV1> {
    Json(face.gate.me(&caller.who))
}

/// Logs in: the session is in a cookie that no script can read.
pub(crate) async fn login(
    State(face): State<Arc<Face>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    login: Result<Json<LoginV1>, JsonRejection>,
) -> Result<Response, Refusal> {
    face.gate.check_site(&headers)?;
    let Some(access) = face.gate.access() else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "there are no logins here; http.users says who may log in"));
    };
    let login = understood(login, LoginV1::EXAMPLE)?;
    if login.user.chars().count() > CommandV1::BY_MAX_CHARS || login.password.chars().count() > PASSWORD_MAX_CHARS {
        let error =
            format!("a name has at most {} characters, a password {PASSWORD_MAX_CHARS}", CommandV1::BY_MAX_CHARS);
        return Err(Refusal::new(StatusCode::BAD_REQUEST, error));
    }
    let (id, key, session) = access.login(login, caller.address).await?;
    let me = face.gate.me(&Who::Person(key, session));
    let headers = [(header::SET_COOKIE, face.gate.cookie(&id))];
    Ok((headers, [(header::CONTENT_TYPE, "application/json")], me.to_json()).into_response())
}

/// Logs out: the session is over, whoever still has its cookie.
pub(crate) async fn logout(State(face): State<Arc<Face>>, Extension(caller): Extension<Caller>) -> Response {
    face.gate.access().iter().for_each(|access| access.logout(&caller));
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, face.gate.cookie(""))]).into_response()
}
