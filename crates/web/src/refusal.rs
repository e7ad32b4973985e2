use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What a person may ask for, and what they get.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) gives: &'static str,
}

/// Why a request is refused, as JSON.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
    routes: &'static [Route],
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), routes: &[], retry_after: None }
    }

    /// What is wrong with what stands behind the question mark.
    pub(crate) fn of_query(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }

    /// There is nothing there; these are the routes that there are.
    pub(crate) fn nothing_at(path: &str, routes: &'static [Route]) -> Self {
        Self { routes, ..Self::new(StatusCode::NOT_FOUND, format!("there is nothing at {path:?}")) }
    }

    /// One has to wait so long before one asks again.
    pub(crate) fn too_often(wait: Duration, what: &str) -> Self {
        // A client that waits the whole seconds that it is told must not come too early.
        let wait = Duration::from_secs(wait.as_secs() + 1);
        let error = format!("too many {what}; try again in {} s", wait.as_secs());
        Self { retry_after: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, error) }
    }

    /// Nobody is logged in.
    pub(crate) fn unknown(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error)
    }

    /// Why, in words.
    pub(crate) fn error(&self) -> &str {
        &self.error
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
        let mut response = (self.status, Json(Body { error: self.error, routes: self.routes })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}
