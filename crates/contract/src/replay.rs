use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{Message, TimeV1};

schema_tag!(ReplaySchema = "linetwin/replay/v1");

/// How a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayV1 {
    /// Version of this message.
    pub schema: ReplaySchema,
    /// Where in the recording it begins.
    pub from: TimeV1,
    /// Where it ends.
    pub to: TimeV1,
    /// Where it is: when the last input was received.
    pub now: TimeV1,
    /// How many times as fast as life.
    pub speed: SpeedV1,
    /// Whether it waits for a person; so it does at its end.
    pub paused: bool,
    /// The moment that it is on its way to, applying inputs without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeking: Option<TimeV1>,
}

impl Message for ReplayV1 {}

/// What a person wants of a replay; what is left out stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayCommandV1 {
    /// Whether to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// How many times as fast as life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<SpeedV1>,
    /// The moment to jump to, back or forth: the line as it was just before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TimeV1>,
}

impl ReplayCommandV1 {
    /// A command that would be understood.
    pub const EXAMPLE: &'static str = r#"{"paused":false,"speed":60,"to":"2026-11-24T08:14:00Z"}"#;
}

impl Message for ReplayCommandV1 {}

/// A speed: a number above 0, or `max`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SpeedV1 {
    /// So many times as fast as life.
    Times(#[schemars(extend("exclusiveMinimum" = 0))] f64),
    /// Without a limit.
    Unlimited(UnlimitedName),
}

/// The speed without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnlimitedName {
    /// As fast as the machine can.
    Max,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, at};

    #[test]
    fn a_replay_is_byte_stable() {
        let replay = ReplayV1 {
            schema: ReplaySchema::V1,
            from: at("2026-11-24T06:00:00Z").into(),
            to: at("2026-11-24T14:00:00Z").into(),
            now: at("2026-11-24T08:14:02.5Z").into(),
            speed: SpeedV1::Unlimited(UnlimitedName::Max),
            paused: true,
            seeking: None,
        };
        let expected = concat!(
            r#"{"schema":"linetwin/replay/v1","from":"2026-11-24T06:00:00Z","to":"2026-11-24T14:00:00Z","#,
            r#""now":"2026-11-24T08:14:02.5Z","speed":"max","paused":true}"#
        );
        assert_eq!(replay.to_json(), expected);
        assert_valid("replay-v1", expected);
        let seeking = ReplayV1 { seeking: Some(replay.from), speed: SpeedV1::Times(0.5), ..replay };
        assert_valid("replay-v1", &seeking.to_json());
        assert_eq!(serde_json::from_str::<ReplayV1>(&seeking.to_json()).unwrap(), seeking);
    }

    #[test]
    fn a_command_says_what_it_wants_and_nothing_else() {
        let read = serde_json::from_str::<ReplayCommandV1>;
        let moment = Some(at("2026-11-24T08:14:00Z").into());
        let expected = ReplayCommandV1 { paused: Some(false), speed: Some(SpeedV1::Times(60.0)), to: moment };
        assert_eq!(read(ReplayCommandV1::EXAMPLE).unwrap(), expected);
        assert_valid("replay-command-v1", ReplayCommandV1::EXAMPLE);
        let max = read(r#"{"speed":"max"}"#).unwrap();
        assert_eq!(max.speed, Some(SpeedV1::Unlimited(UnlimitedName::Max)));
        assert!(read(r#"{"speed":"fast"}"#).is_err() && read(r#"{"pause":true}"#).is_err());
    }
}
