use schemars::{Schema, schema_for};

use crate::{
    AlertV1, AuditV1, BacktestV1, CommandReplyV1, CommandV1, EventV1, ForecastV1, HealthV1, LineV1, LoginV1, MeV1,
    PartHistoryV1, PartV1, RecordingV1, ReplayCommandV1, ReplayV1, SeriesV1, ShiftV1, SignalsV1, StateV1, StationV1,
    StatusV1, WordsV1,
};

/// The JSON Schema of every message, by its name, in the order of the names.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("alert-v1", schema_for!(AlertV1)),
        ("audit-v1", schema_for!(AuditV1)),
        ("backtest-v1", schema_for!(BacktestV1)),
        ("command-reply-v1", schema_for!(CommandReplyV1)),
        ("command-v1", schema_for!(CommandV1)),
        ("event-v1", schema_for!(EventV1)),
        ("forecast-v1", schema_for!(ForecastV1)),
        ("line-v1", schema_for!(LineV1)),
        ("login-v1", schema_for!(LoginV1)),
        ("health-v1", schema_for!(HealthV1)),
        ("me-v1", schema_for!(MeV1)),
        ("part-history-v1", schema_for!(PartHistoryV1)),
        ("part-v1", schema_for!(PartV1)),
        ("recording-v1", schema_for!(RecordingV1)),
        ("replay-command-v1", schema_for!(ReplayCommandV1)),
        ("replay-v1", schema_for!(ReplayV1)),
        ("series-v1", schema_for!(SeriesV1)),
        ("shift-v1", schema_for!(ShiftV1)),
        ("signals-v1", schema_for!(SignalsV1)),
        ("state-v1", schema_for!(StateV1)),
        ("station-v1", schema_for!(StationV1)),
        ("status-v1", schema_for!(StatusV1)),
        ("words-v1", schema_for!(WordsV1)),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    /// `UPDATE=1` rewrites the files. A change of one of them is a change of the contract.
    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for (name, schema) in schemas() {
            let file = folder.join(format!("{name}.json"));
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if env::var_os("UPDATE").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, &text).unwrap();
            }
            let published = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(published, text, "{name}.json is not the schema of its type; UPDATE=1 rewrites it");
        }
    }
}
