use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A file of the page, part of the program so that it works without any network but the plant's.
pub(crate) struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

macro_rules! assets {
    ($($name:literal = $content_type:literal;)*) => {
        const ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            content_type: $content_type,
            content: include_str!(concat!("../assets/", $name)),
        }),*];
    };
}

assets! {
    "index.html" = "text/html; charset=utf-8";
    "style.css" = "text/css; charset=utf-8";
    "views.css" = "text/css; charset=utf-8";
    "icon.svg" = "image/svg+xml";
    "app.js" = "text/javascript; charset=utf-8";
    "ask.js" = "text/javascript; charset=utf-8";
    "chart.js" = "text/javascript; charset=utf-8";
    "commands.js" = "text/javascript; charset=utf-8";
    "dom.js" = "text/javascript; charset=utf-8";
    "features.js" = "text/javascript; charset=utf-8";
    "format.js" = "text/javascript; charset=utf-8";
    "health.js" = "text/javascript; charset=utf-8";
    "history.js" = "text/javascript; charset=utf-8";
    "incident.js" = "text/javascript; charset=utf-8";
    "incidents.js" = "text/javascript; charset=utf-8";
    "language.js" = "text/javascript; charset=utf-8";
    "line.js" = "text/javascript; charset=utf-8";
    "login.css" = "text/css; charset=utf-8";
    "login.html" = "text/html; charset=utf-8";
    "login.js" = "text/javascript; charset=utf-8";
    "live.js" = "text/javascript; charset=utf-8";
    "mimic.js" = "text/javascript; charset=utf-8";
    "part.js" = "text/javascript; charset=utf-8";
    "replay.js" = "text/javascript; charset=utf-8";
    "route.js" = "text/javascript; charset=utf-8";
    "service.js" = "text/javascript; charset=utf-8";
    "session.js" = "text/javascript; charset=utf-8";
    "shift.js" = "text/javascript; charset=utf-8";
    "station.js" = "text/javascript; charset=utf-8";
    "words.js" = "text/javascript; charset=utf-8";
}

impl Asset {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    /// The answer with one of the files that the program itself names.
    pub(crate) fn named(name: &str, request: &HeaderMap) -> Response {
        match Self::find(name) {
            Some(asset) => asset.answer(request),
            None => unreachable!("{name} is part of the program"),
        }
    }

    fn etag(&self) -> String {
        format!("\"{:08x}-{:x}\"", crc32fast::hash(self.content.as_bytes()), self.content.len())
    }

    /// The file, or 304 if the browser has it already. Browsers ask each time, so that an update is never half old.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let etag = self.etag();
        let known = request.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        let caching = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, "no-cache")];
        if known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        (caching, [(header::CONTENT_TYPE, self.content_type)], self.content).into_response()
    }
}
