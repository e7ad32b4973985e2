//! An OPC UA link: its keys in `plant.toml`, and what they mean.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use crate::links;
use crate::password::Password;
use crate::problem::Findings;
use crate::sampling::{DEADBAND_WORDS, Deadband};
use crate::tree::Tree;

/// How to subscribe to an OPC UA server.
#[derive(Debug, Clone, PartialEq)]
pub struct OpcuaSettings {
    /// Endpoint, `opc.tcp://host:port/path`.
    pub url: String,
    /// Other servers that serve the same, in the order of preference.
    pub more_urls: Vec<String>,
    /// How long another of them must have been better than a healthy one before it is used, seconds.
    pub return_after_s: f64,
    /// How to be let in.
    pub access: OpcuaAccess,
    /// How often the server sends what changed, seconds.
    pub publishing_interval_s: f64,
    /// How often the server looks at each value, seconds.
    pub sampling_interval_s: f64,
    /// How many values the server keeps per item between two publishings.
    pub queue_size: u32,
    /// The smallest change of a number that the server is to tell.
    pub deadband: Deadband,
    /// How often a node that the server refused is tried again, seconds.
    pub retry_interval_s: f64,
    /// The node that notifies of the events that signals tell, by an address.
    pub notifier: String,
}

impl OpcuaSettings {
    /// The defaults for a server.
    pub fn at(url: impl Into<String>) -> Self {
        OpcuaKeys { url: UrlKeys::One(url.into()), ..OpcuaKeys::default() }.into()
    }
}

/// How to be let in by an OPC UA server, and which server to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpcuaAccess {
    /// How messages are protected.
    pub security: OpcuaSecurity,
    /// Who logs in.
    pub user: OpcuaUser,
    /// Folder with the own certificate, and with those of servers that are trusted and rejected.
    pub pki: PathBuf,
}

/// How messages between linetwin and an OPC UA server are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcuaSecurity {
    /// Not at all: everybody on the way can read and change them.
    None,
    /// As well as both sides can, never not at all.
    Auto,
    /// In this way and no other.
    Exactly(OpcuaPolicy, OpcuaMode),
}

/// A set of algorithms of OPC UA part 7, by the standard's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OpcuaPolicy {
    /// RSA with OAEP and SHA-2, AES of 256 bits, RSA-PSS signatures.
    #[serde(rename = "Aes256_Sha256_RsaPss")]
    Aes256Sha256RsaPss,
    /// AES of 256 bits, SHA-2 signatures.
    Basic256Sha256,
    /// AES of 128 bits, SHA-2 signatures.
    #[serde(rename = "Aes128_Sha256_RsaOaep")]
    Aes128Sha256RsaOaep,
    /// Deprecated since 2017: SHA-1.
    Basic256,
    /// Deprecated since 2017: SHA-1 and padding after PKCS #1 1.5.
    Basic128Rsa15,
}

impl OpcuaPolicy {
    /// Every policy, the strongest first.
    pub const ALL: [Self; 5] = [
        Self::Aes256Sha256RsaPss,
        Self::Basic256Sha256,
        Self::Aes128Sha256RsaOaep,
        Self::Basic256,
        Self::Basic128Rsa15,
    ];

    /// The standard's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Sha256RsaPss => "Aes256_Sha256_RsaPss",
            Self::Basic256Sha256 => "Basic256Sha256",
            Self::Aes128Sha256RsaOaep => "Aes128_Sha256_RsaOaep",
            Self::Basic256 => "Basic256",
            Self::Basic128Rsa15 => "Basic128Rsa15",
        }
    }

    /// Whether the standard has given it up. Such a one is used only if the configuration names it.
    pub const fn is_deprecated(self) -> bool {
        matches!(self, Self::Basic256 | Self::Basic128Rsa15)
    }
}

/// What is done with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpcuaMode {
    /// Nobody can read or change it.
    SignAndEncrypt,
    /// Nobody can change it.
    Sign,
}

impl OpcuaMode {
    /// Both, the stronger first.
    pub const ALL: [Self; 2] = [Self::SignAndEncrypt, Self::Sign];

    /// The mode's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignAndEncrypt => "sign-and-encrypt",
            Self::Sign => "sign",
        }
    }
}

/// Who logs in at an OPC UA server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpcuaUser {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password.
    Named {
        /// The user's name.
        name: String,
        /// The user's password.
        password: Password,
    },
    /// Whoever owns a certificate.
    Certificate {
        /// The certificate, DER or PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

/// OPC UA, subscribed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["url"]))]
pub(crate) struct OpcuaKeys {
    /// Endpoint, or a list of those of servers that serve the same, the preferred first.
    #[schemars(schema_with = "url_schema")]
    url: UrlKeys,
    /// How long another server of the list must have been better than a healthy one before it is used, seconds.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    return_after_s: f64,
    /// How messages are protected.
    #[schemars(schema_with = "security_schema")]
    security: SecurityKeys,
    /// User name, if the server wants one.
    username: Option<String>,
    /// Password, if the server wants one.
    password: Option<String>,
    /// File whose first line is the password.
    #[schemars(length(min = 1), with = "Option<String>")]
    password_file: Option<PathBuf>,
    /// Certificate of a user, DER or PEM, if the server knows its users by certificate.
    #[schemars(length(min = 1), with = "Option<String>")]
    user_certificate: Option<PathBuf>,
    /// Private key of that certificate, PEM.
    #[schemars(length(min = 1), with = "Option<String>")]
    user_key: Option<PathBuf>,
    /// Folder with the own certificate, and with those of servers that are trusted and rejected.
    #[schemars(length(min = 1), with = "String")]
    pki: PathBuf,
    /// How often the server sends what changed, seconds.
    #[schemars(range(min = 0.01, max = 3600.0))]
    publishing_interval_s: f64,
    /// How often the server looks at each value, seconds; 0 asks for its fastest.
    #[schemars(range(min = 0.0, max = 3600.0))]
    sampling_interval_s: f64,
    /// How many values the server keeps per item between two publishings.
    #[schemars(range(min = 1, max = 10_000))]
    queue_size: u32,
    /// The smallest change of a number that the server is to tell: in the signal's unit, or percent of its range.
    #[schemars(
        title = "deadband such as 0.5 or 2%",
        regex(pattern = r"^([0-9]*\.?[0-9]+|[0-9]*\.?[0-9]+ *%)$"),
        with = "String"
    )]
    deadband: String,
    /// How often a node that the server refused is tried again, seconds.
    #[schemars(range(min = 1.0, max = 86_400.0))]
    retry_interval_s: f64,
    /// The node that notifies of the events that signals tell; the server itself, i=2253, has all of them.
    #[schemars(length(min = 1))]
    notifier: String,
}

/// The key `url`: a text or a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum UrlKeys {
    One(String),
    Several(Vec<String>),
}

/// The most servers of one link that serve the same.
const URLS_MAX: usize = 8;

/// An `if` and not a choice, so that an error names what is wrong.
fn url_schema(_: &mut SchemaGenerator) -> Schema {
    let url = json!({ "title": "URL such as opc.tcp://plc-7:4840", "type": "string", "pattern": r"^opc\.tcp://[^/]" });
    json_schema!({
        "title": "URL, or a list of URLs",
        "type": ["string", "array"],
        "if": { "type": "string" },
        "then": url,
        "else": { "minItems": 1, "maxItems": URLS_MAX, "items": url },
    })
}

/// The key `security`: a word or a table.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum SecurityKeys {
    Word(SecurityWord),
    Exactly { policy: OpcuaPolicy, mode: OpcuaMode },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SecurityWord {
    None,
    Auto,
}

/// An `if` and not a choice, so that an error names the key that is wrong.
fn security_schema(_: &mut SchemaGenerator) -> Schema {
    let (policies, modes) = (OpcuaPolicy::ALL.map(OpcuaPolicy::name), OpcuaMode::ALL.map(OpcuaMode::name));
    json_schema!({
        "title": "word, auto or none, or a table { policy, mode }",
        "type": ["string", "object"],
        "default": "auto",
        "if": { "type": "string" },
        "then": { "title": "security", "enum": ["auto", "none"] },
        "else": {
            "properties": {
                "policy": { "description": "Algorithms, by the standard's name.", "title": "security policy", "enum": policies },
                "mode": { "description": "What is done with each message.", "title": "security mode", "enum": modes },
            },
            "required": ["policy", "mode"],
            "additionalProperties": false,
        },
    })
}

impl Default for OpcuaKeys {
    fn default() -> Self {
        Self {
            url: UrlKeys::One(String::new()),
            return_after_s: 60.0,
            security: SecurityKeys::Word(SecurityWord::Auto),
            username: None,
            password: None,
            password_file: None,
            user_certificate: None,
            user_key: None,
            pki: PathBuf::from("pki"),
            publishing_interval_s: 0.5,
            sampling_interval_s: 0.25,
            queue_size: 16,
            deadband: "0".into(),
            retry_interval_s: 60.0,
            notifier: "i=2253".into(),
        }
    }
}

impl OpcuaKeys {
    /// Checks the keys against each other.
    pub(crate) fn check(&self, tree: &Tree, pointer: &str, findings: &mut Findings) {
        let place = |key: &str| tree.place(&format!("{pointer}/{key}"));
        links::check_login(tree, pointer, self.username.as_deref(), self.password.as_deref(), findings);
        if self.password_file.is_some() && (self.username.is_none() || self.password.is_some()) {
            let message = "needs a username, and no password beside it";
            findings.add(place("password_file"), message, "username with one of password and password_file");
        }
        if let UrlKeys::Several(urls) = &self.url
            && let Some(again) = (1..urls.len()).find(|&at| urls[..at].contains(&urls[at]))
        {
            findings.add(place(&format!("url/{again}")), "is in the list already", "each server once");
        }
        if self.deadband.parse::<Deadband>().is_err() {
            findings.add(place("deadband"), format!("{:?} is no deadband", self.deadband), DEADBAND_WORDS);
        }
        if self.user_certificate.is_some() != self.user_key.is_some() {
            findings.add(place("user_certificate"), "goes with user_key", "both, or neither");
        }
        if self.user_certificate.is_some() && self.username.is_some() {
            findings.add(place("user_certificate"), "is set, and username too", "one way to log in");
        }
    }
}

impl From<OpcuaKeys> for OpcuaSettings {
    fn from(keys: OpcuaKeys) -> Self {
        let OpcuaKeys { username, password, password_file, user_certificate, user_key, .. } = keys;
        let user = match (username, user_certificate.zip(user_key)) {
            (_, Some((certificate, key))) => OpcuaUser::Certificate { certificate, key },
            (Some(name), None) => OpcuaUser::Named { name, password: Password::of(password, password_file) },
            (None, None) => OpcuaUser::Anonymous,
        };
        let (url, more_urls) = match keys.url {
            UrlKeys::One(url) => (url, Vec::new()),
            UrlKeys::Several(urls) => {
                let mut urls = urls.into_iter();
                (urls.next().unwrap_or_default(), urls.collect())
            }
        };
        let security = match keys.security {
            SecurityKeys::Word(SecurityWord::None) => OpcuaSecurity::None,
            SecurityKeys::Word(SecurityWord::Auto) => OpcuaSecurity::Auto,
            SecurityKeys::Exactly { policy, mode } => OpcuaSecurity::Exactly(policy, mode),
        };
        Self {
            url,
            more_urls,
            return_after_s: keys.return_after_s,
            access: OpcuaAccess { security, user, pki: keys.pki },
            publishing_interval_s: keys.publishing_interval_s,
            sampling_interval_s: keys.sampling_interval_s,
            queue_size: keys.queue_size,
            // What could not be read has been found, and so nothing is built of it.
            deadband: keys.deadband.parse().unwrap_or(Deadband::None),
            retry_interval_s: keys.retry_interval_s,
            notifier: keys.notifier,
        }
    }
}
