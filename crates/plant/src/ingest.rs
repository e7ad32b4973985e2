//! A link that is posted to over HTTP: its keys in `plant.toml`, and what they mean.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::problem::Findings;
use crate::tree::Tree;
use crate::{HttpSettings, TlsSettings};

/// Where a link is posted to, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestSettings {
    /// Address to listen on.
    pub host: String,
    /// TCP port to listen on.
    pub port: u16,
    /// The token that senders must have.
    pub token: Option<String>,
    /// The file with it, if it is in one.
    pub token_file: Option<PathBuf>,
    /// Certificate and key to speak TLS with, if it is spoken.
    pub tls: Option<TlsSettings>,
    /// The longest body of a request, KiB.
    pub body_max_kib: u32,
    /// The most requests in a second.
    pub requests_per_s: u32,
}

/// Rows that are posted over HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["port"]))]
pub(crate) struct IngestKeys {
    /// Address to listen on: `127.0.0.1` for this machine only, `0.0.0.0` for the network.
    #[schemars(length(min = 1))]
    host: String,
    /// TCP port to listen on, for this link alone.
    #[schemars(range(min = 1))]
    port: u16,
    /// The token that senders must have. Rather `token_file`: a recording carries the text of this file.
    token: Option<String>,
    /// The file with it; relative to the working directory.
    #[schemars(length(min = 1), with = "Option<String>")]
    token_file: Option<PathBuf>,
    /// Certificate and key to speak TLS with.
    tls: Option<TlsSettings>,
    /// The longest body of a request, KiB.
    #[schemars(range(min = 1, max = 16_384))]
    body_max_kib: u32,
    /// The most requests in a second.
    #[schemars(range(min = 1, max = 1000))]
    requests_per_s: u32,
}

impl Default for IngestKeys {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            token: None,
            token_file: None,
            tls: None,
            body_max_kib: 1024,
            requests_per_s: 50,
        }
    }
}

impl IngestKeys {
    /// Where it listens.
    pub(crate) fn place(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }

    pub(crate) fn check(&self, tree: &Tree, pointer: &str, findings: &mut Findings) {
        if self.token.is_some() == self.token_file.is_some() {
            let message = if self.token.is_some() { "is set, and token_file too" } else { "is not set" };
            let expected = "token_file, or the environment LINETWIN__LINK__N__TOKEN: what senders prove themselves by";
            findings.add(tree.place(&format!("{pointer}/token")), message, expected);
        }
        if self.tls.is_none() && !HttpSettings::is_this_machine(&self.host) {
            let message = format!("lets the token cross the network in the clear: host is {:?}", self.host);
            let expected = "tls = { certificate, key }, or host 127.0.0.1 behind a proxy that speaks TLS";
            findings.add(tree.place(&format!("{pointer}/host")), message, expected);
        }
    }
}

impl From<IngestKeys> for IngestSettings {
    fn from(keys: IngestKeys) -> Self {
        let IngestKeys { host, port, token, token_file, tls, body_max_kib, requests_per_s } = keys;
        Self { host, port, token, token_file, tls, body_max_kib, requests_per_s }
    }
}
