//! A link that is posted to: systems that know HTTP and no protocol of plants send their values here.
//!
//! `POST /ingest/v1/LINK` takes rows with a bearer token. It answers with success when all of them are durable, and takes none
//! if one is wrong; so a sender that repeats what it got no success for loses nothing, and what it repeats are the same samples.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod ingest;
mod rate;
mod rows;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter::{AddressError, Context, LinkError, keep_connected};
use listener::{BoundedListener, Tls};
use plant::{IngestSettings, Link, Signal};
use tokio::net::TcpListener;

use ingest::Ingest;
use rows::Signals;

/// The shortest token that cannot be found by trying.
const TOKEN_BYTES_MIN: usize = 16;
/// The most connections at once; more wait in the operating system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How often it is looked whether the certificate was renewed.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);
/// How long answers under way may take when the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// A link as configured, with every signal's name known.
#[derive(Debug)]
pub struct HttpAdapter {
    link: String,
    settings: IngestSettings,
    signals: Vec<Signal>,
}

impl HttpAdapter {
    /// The adapter of a link and its signals. Listens at nothing.
    ///
    /// # Errors
    /// Every signal whose address another one has already.
    pub fn new(link: &Link, settings: &IngestSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let has = |earlier: &[&Signal], signal: &Signal| earlier.iter().any(|other| other.address == signal.address);
        let twice = signals.iter().enumerate().filter(|(place, signal)| has(&signals[..*place], signal));
        let problem = "is the address of another signal of this link; expected a name of its own";
        let errors: Vec<_> = twice.map(|(_, signal)| AddressError::of(signal, problem.to_owned())).collect();
        match errors.is_empty() {
            true => {
                let signals = signals.iter().map(|&signal| signal.clone()).collect();
                Ok(Self { link: link.name.clone(), settings: settings.clone(), signals })
            }
            false => Err(errors),
        }
    }

    /// Listens and delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| self.session(context)).await;
    }

    async fn session(&self, context: &Context) -> LinkError {
        match self.serve(context).await {
            Ok(()) => LinkError::Stopping,
            Err(error) => error,
        }
    }

    async fn serve(&self, context: &Context) -> Result<(), LinkError> {
        let IngestSettings { host, port, tls, body_max_kib, requests_per_s, .. } = &self.settings;
        let token = self.token()?;
        let tls = tls.as_ref().map(|files| Tls::open(&files.certificate, &files.key)).transpose();
        let tls = tls.map_err(|error| LinkError::Lost(error.to_string()))?.map(Arc::new);
        let place = format!("{host}:{port}");
        let bound = TcpListener::bind(&place).await;
        let bound = bound.map_err(|error| {
            LinkError::Lost(format!("cannot listen on {place}: {error}; choose another port of the link"))
        })?;
        let signals = Signals::new(&self.signals.iter().collect::<Vec<_>>());
        let bounds = (usize::try_from(*body_max_kib).unwrap_or(usize::MAX).saturating_mul(1024), *requests_per_s);
        let ingest = Ingest::new(&self.link, signals, token, bounds, context.clone());
        let address = bound.local_addr().map_err(|error| LinkError::Lost(error.to_string()))?;
        tracing::info!(link = self.link, "{address}: up, waiting for rows");
        context.link_up().await?;
        let listener = BoundedListener::new(bound, CONNECTIONS_MAX, tls.clone(), Arc::default());
        let stopped = context.stop.clone().cancelled_owned();
        let serving = axum::serve(listener, ingest.router()).with_graceful_shutdown(stopped);
        tokio::select! {
            served = serving => served.map_err(|error| LinkError::Lost(format!("cannot serve {address}: {error}"))),
            () = out_of_patience(context) => Ok(()),
            never = keep_up(tls) => match never {},
        }
    }

    /// The token that senders must have.
    fn token(&self) -> Result<String, LinkError> {
        let wrong = |problem: String| LinkError::Lost(format!("its token {problem}"));
        let token = match (&self.settings.token, &self.settings.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => read_token(Path::new(file)).map_err(wrong)?,
            (None, None) => String::new(),
        };
        if token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let expected = "expected one that nobody can guess, such as `openssl rand -hex 32` makes";
            return Err(wrong(format!(
                "has fewer than {TOKEN_BYTES_MIN} characters or others than those of ASCII; {expected}"
            )));
        }
        Ok(token)
    }
}

fn read_token(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    text.map(|text| text.trim().to_owned()).map_err(|error| format!("cannot be read from {}: {error}", path.display()))
}

async fn out_of_patience(context: &Context) {
    context.stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// Looks after the certificate.
async fn keep_up(tls: Option<Arc<Tls>>) -> Infallible {
    let Some(tls) = tls else { return std::future::pending().await };
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let tls = Arc::clone(&tls);
        if let Err(error) = tokio::task::spawn_blocking(move || tls.keep_up()).await {
            tracing::error!("the certificate could not be looked after: {error}");
        }
    }
}
