use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::rim::schema_tag;
use crate::{Message, TimeV1};

schema_tag!(StatusSchema = "linetwin/status/v1");

/// Whether a daemon is there. Retained; the broker itself says `offline` when the daemon is gone without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusV1 {
    /// Version of this message.
    pub schema: StatusSchema,
    /// Name of the daemon's node.
    pub node: String,
    /// Whether it is there.
    pub state: NodeState,
    /// Version of the daemon.
    pub version: String,
    /// Online: when it came online. Offline: when it stopped; but if it was lost, when it had come online, because the
    /// broker's last word is written beforehand.
    pub since: TimeV1,
}

/// Whether a daemon is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// It is connected.
    Online,
    /// It has stopped or is lost.
    Offline,
}

impl StatusV1 {
    /// The status of this version of the daemon.
    pub fn new(node: &str, state: NodeState, since: Timestamp) -> Self {
        Self {
            schema: StatusSchema::V1,
            node: node.to_owned(),
            state,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: since.into(),
        }
    }
}

impl Message for StatusV1 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_byte_stable() {
        let status = StatusV1::new("edge-7", NodeState::Offline, Timestamp::from_millis(1_800_000_000_250));
        let expected = format!(
            r#"{{"schema":"linetwin/status/v1","node":"edge-7","state":"offline","version":"{}","since":"2027-01-15T08:00:00.25Z"}}"#,
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(status.to_json(), expected);
    }
}
