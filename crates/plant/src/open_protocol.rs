//! A link to a tightening controller: its keys in `plant.toml`, and what they mean.

use schemars::JsonSchema;
use serde::Deserialize;

/// A controller that speaks Open Protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenProtocolSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Time zone of the controller's clock; UTC without one.
    pub time_zone: Option<String>,
    /// The most results that are fetched after a break.
    pub catch_up_results: u32,
}

/// Open Protocol, as tightening controllers speak it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["host"]))]
pub(crate) struct OpenProtocolKeys {
    /// Host name or address of the controller.
    #[schemars(length(min = 1))]
    host: String,
    /// TCP port.
    #[schemars(range(min = 1))]
    port: u16,
    /// Time zone of the controller's clock, such as Europe/Berlin; UTC if absent.
    time_zone: Option<String>,
    /// The most results that are fetched after a break, and after a start; 0 fetches none.
    #[schemars(range(min = 0, max = 100_000))]
    catch_up_results: u32,
}

impl Default for OpenProtocolKeys {
    fn default() -> Self {
        Self { host: String::new(), port: 4545, time_zone: None, catch_up_results: 100 }
    }
}

impl From<OpenProtocolKeys> for OpenProtocolSettings {
    fn from(keys: OpenProtocolKeys) -> Self {
        let OpenProtocolKeys { host, port, time_zone, catch_up_results } = keys;
        Self { host, port, time_zone, catch_up_results }
    }
}
