//! Who may use the page and the API, and whether over TLS, as the configuration says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapter::Clock;
use plant::{Anonymous, HttpSettings};
use web::{Access, AccessOptions, Security, Tls, Users};

use crate::setup::{Misconfigured, Setup};

/// Whether the files that the configuration names can be used; opens nothing for writing.
///
/// # Errors
/// [`Misconfigured`], with all that is wrong.
pub(crate) fn check(setup: &Setup) -> anyhow::Result<()> {
    let http = &setup.daemon.http;
    let tls = http.tls.as_ref().and_then(|tls| Tls::open(&tls.certificate, &tls.key).err());
    let users = http.users.as_ref().and_then(|users| Users::read(users).err());
    let tls = tls.map(|error| format!("http.tls: {error}"));
    let problems: Vec<String> = tls.into_iter().chain(users.map(|error| format!("http.users: {error}"))).collect();
    if problems.is_empty() { Ok(()) } else { Err(Misconfigured::new(problems.join("\n")).into()) }
}

/// Opens what the configuration names, with this audit log.
///
/// # Errors
/// [`Misconfigured`], or that the audit log cannot be written.
pub(crate) fn open(setup: &Setup, audit: PathBuf) -> anyhow::Result<Security> {
    check(setup)?;
    let http = &setup.daemon.http;
    let tls = http.tls.as_ref().map(|tls| Tls::open(&tls.certificate, &tls.key)).transpose()?;
    let access = http.users.clone().map(|users| Access::open(options(http, users, audit))).transpose()?;
    Ok(Security { tls, access, is_behind_proxy: http.tls_proxy })
}

/// How people of this users file log in.
pub(crate) fn options(http: &HttpSettings, users: PathBuf, audit: PathBuf) -> AccessOptions {
    // The audit log tells of people, so that it follows the real time even where the plant's does not.
    let clock = Clock::system();
    AccessOptions {
        users,
        is_open_to_read: http.anonymous == Some(Anonymous::Viewer),
        session_max: Duration::from_secs(u64::from(http.session_h) * 3600),
        idle_max: Duration::from_secs(u64::from(http.idle_min) * 60),
        audit,
        now: Arc::new(move || clock.now().into()),
    }
}
