use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{Message, TimeV1};

schema_tag!(RecordingSchema = "linetwin/recording/v1");

/// Whether the daemon can record, and what it had to remove. Retained; told again whenever the problem changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingV1 {
    /// Version of this message.
    pub schema: RecordingSchema,
    /// Since when this is so.
    pub since: TimeV1,
    /// What is wrong and what to do; absent if nothing is. Alerts go on whatever it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Inputs that could not be recorded since the daemon started; a replay lacks them.
    pub lost_inputs: u64,
    /// Segments removed since the daemon started because the disk was too full.
    pub segments_removed_for_space: u64,
}

impl RecordingV1 {
    /// What is so since then.
    pub fn new(since: TimeV1, problem: Option<String>, lost_inputs: u64, segments_removed_for_space: u64) -> Self {
        Self { schema: RecordingSchema::V1, since, problem, lost_inputs, segments_removed_for_space }
    }
}

impl Message for RecordingV1 {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, at};

    #[test]
    fn the_state_of_the_recording_is_byte_stable() {
        let recording = |problem: Option<&str>| {
            let since = at("2026-11-24T08:20:00Z").into();
            RecordingV1::new(since, problem.map(str::to_owned), 3, 2).to_json()
        };
        let expected = |problem: &str| {
            format!(
                r#"{{"schema":"linetwin/recording/v1","since":"2026-11-24T08:20:00Z",{problem}"lost_inputs":3,"segments_removed_for_space":2}}"#
            )
        };
        assert_valid("recording-v1", &recording(None));
        assert_eq!(recording(None), expected(""));
        assert_eq!(recording(Some("the disk is full")), expected(r#""problem":"the disk is full","#));
    }
}
