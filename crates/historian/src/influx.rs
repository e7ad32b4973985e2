//! The server, and what its answers mean.

use std::error::Error;
use std::time::Duration;

use influxdb2::{Client, ClientBuilder, RequestError};
use plant::HistorianSettings;
use reqwest::{Certificate, Url, redirect};

use crate::HistorianError;

/// How long a request may take, from the connection to the last byte of the answer.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long the connection may take of that.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The most characters of an answer that a message shows.
const SHOWN_CHARS_MAX: usize = 300;

/// An InfluxDB, and where in it points go. Clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Influx {
    client: Client,
    org: String,
    bucket: String,
}

/// Why lines were not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// At least one of them never will be: it is not what the bucket holds, or they are too many at once.
    Rejected(String),
    /// All but so many are written, and those never will be: they are older than what the bucket keeps.
    TooOld(u64),
    /// None is, at the moment: nobody answers, or the answer has nothing to do with them.
    Unavailable(String),
}

impl Influx {
    /// The server of the settings. Connects to nothing.
    ///
    /// # Errors
    /// If the URL is none, or the token or the certificates cannot be read.
    pub(crate) fn new(settings: &HistorianSettings) -> Result<Self, HistorianError> {
        let wrong = |problem: String| HistorianError(format!("historian.{problem}"));
        Url::parse(&settings.url).map_err(|error| wrong(format!("url: {:?} is no URL: {error}", settings.url)))?;
        let mut http = reqwest::Client::builder()
            .timeout(REQUEST_MAX)
            .connect_timeout(CONNECT_MAX)
            .redirect(redirect::Policy::none())
            .use_rustls_tls();
        if let Some(ca) = &settings.ca {
            let unusable = |problem: String| wrong(format!("ca: {} {problem}", ca.display()));
            let pem = std::fs::read_to_string(ca).map_err(|error| unusable(format!("cannot be read: {error}")))?;
            let certificates = certificates(&pem).map_err(|error| unusable(format!("is not PEM: {error}")))?;
            if certificates.is_empty() {
                return Err(unusable("holds no certificate; expected PEM with -----BEGIN CERTIFICATE-----".to_owned()));
            }
            http = certificates
                .into_iter()
                .fold(http.tls_built_in_root_certs(false), |http, one| http.add_root_certificate(one));
        }
        let token = token(settings).map_err(wrong)?;
        let client = ClientBuilder::with_builder(http, &settings.url, &settings.org, token).build();
        let client =
            client.map_err(|error| wrong(format!("ca: no connection can be made with it: {}", causes(&error))))?;
        Ok(Self { client, org: settings.org.clone(), bucket: settings.bucket.clone() })
    }

    /// Writes lines.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub(crate) async fn write(&self, lines: String) -> Result<(), Failure> {
        match self.client.write_line_protocol(&self.org, &self.bucket, lines).await {
            Ok(()) => Ok(()),
            Err(RequestError::Http { status, text }) => Err(self.judge(status.as_u16(), &text)),
            Err(RequestError::ReqwestProcessing { source }) => {
                Err(Failure::Unavailable(format!("InfluxDB does not answer: {}", causes(&source))))
            }
            Err(other) => Err(Failure::Unavailable(other.to_string())),
        }
    }

    /// What an answer other than success means for the lines.
    fn judge(&self, status: u16, text: &str) -> Failure {
        let said: String = text.trim().chars().take(SHOWN_CHARS_MAX).collect();
        let Self { org, bucket, .. } = self;
        let is_of_lines = ["partial write", "unable to parse", "field type conflict", "unprocessable entity"]
            .iter()
            .any(|words| text.contains(words));
        match status {
            400 | 422 if text.contains("beyond retention policy") => Failure::TooOld(dropped(text).unwrap_or(1)),
            // A 400 of something in between says nothing of the lines.
            400 | 422 if is_of_lines => Failure::Rejected(said),
            413 => Failure::Rejected(format!("too much at once: {said}")),
            401 | 403 => Failure::Unavailable(format!(
                "InfluxDB refuses the token ({status}: {said}); give the historian one that may write to bucket {bucket:?} \
                 of {org:?}, by historian.token_file or LINETWIN__HISTORIAN__TOKEN"
            )),
            404 => Failure::Unavailable(format!(
                "there is no bucket {bucket:?} of organization {org:?} (404: {said}); create it, or correct \
                 historian.bucket, historian.org or historian.url, which is to be an InfluxDB 2"
            )),
            429 | 500.. => Failure::Unavailable(format!("InfluxDB is busy or unwell ({status}: {said})")),
            _ => Failure::Unavailable(format!("InfluxDB answers {status}: {said}; is historian.url an InfluxDB 2?")),
        }
    }
}

/// How many points a partial write says that it has left out.
pub(crate) fn dropped(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("dropped=")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn token(settings: &HistorianSettings) -> Result<String, String> {
    if let Some(token) = &settings.token {
        return Ok(token.clone());
    }
    let Some(path) = &settings.token_file else { return Ok(String::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("token_file: {} cannot be read: {error}", path.display()))?;
    match text.trim() {
        "" => Err(format!("token_file: {} is empty; expected an API token", path.display())),
        token if token.contains(char::is_whitespace) => {
            Err(format!("token_file: {} is no token: it has spaces or more than one line", path.display()))
        }
        token => Ok(token.to_owned()),
    }
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, reqwest::Error> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END).filter(|one| one.ends_with(END)).map(|one| Certificate::from_pem(one.as_bytes())).collect()
}

/// An error with all that it follows from: the last says what is wrong.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings() -> HistorianSettings {
        HistorianSettings { token: Some("t".into()), org: "acme".into(), bucket: "ev1".into(), ..Default::default() }
    }

    #[test]
    fn an_answer_means_what_becomes_of_the_lines() {
        let influx = Influx::new(&settings()).unwrap();
        let conflict =
            r#"{"error":"partial write: field type conflict: input field \"value\" is type string dropped=1"}"#;
        assert!(matches!(influx.judge(400, conflict), Failure::Rejected(_)));
        assert!(matches!(influx.judge(413, ""), Failure::Rejected(_)));
        let old =
            r#"{"code":"unprocessable entity","message":"partial write: points beyond retention policy dropped=17"}"#;
        assert_eq!(influx.judge(422, old), Failure::TooOld(17));
        let unavailable = |status, text: &str, words: &str| {
            let Failure::Unavailable(said) = influx.judge(status, text) else { panic!("{status} {text}") };
            assert!(said.contains(words), "{said}");
        };
        unavailable(401, "", "may write to bucket \"ev1\" of \"acme\"");
        unavailable(404, "", "create it, or correct historian.bucket");
        unavailable(503, "later", "busy or unwell (503: later)");
        unavailable(400, "<html>bad request</html>", "is historian.url an InfluxDB 2?");
        unavailable(302, "", "is historian.url an InfluxDB 2?");
    }

    #[test]
    fn a_token_file_is_checked_with_nothing_connected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let settings = HistorianSettings { token: None, token_file: Some(path.clone()), ..settings() };
        let refused = |words: &str| {
            let error = Influx::new(&settings).unwrap_err().to_string();
            assert!(error.contains("historian.token_file") && error.contains(words), "{error}");
        };
        refused("cannot be read");
        std::fs::write(&path, "\n").unwrap();
        refused("is empty");
        std::fs::write(&path, "two words").unwrap();
        refused("is no token");
        std::fs::write(&path, "secret\n").unwrap();
        assert_eq!(token(&settings).unwrap(), "secret");
    }
}
