use std::path::Path;

use anyhow::Context;
use jiff::civil::DateTime;
use serde::Deserialize;

/// A tightening as the station judged it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// The experiment it belongs to, for example `401_surface-lubricant`.
    pub(crate) class: String,
    pub(crate) workpiece: String,
    /// Earlier tightenings in the same thread.
    pub(crate) uses: u32,
    pub(crate) is_left: bool,
    pub(crate) is_nok: bool,
    /// Done under the condition that the class is named after; the others of the class are its own comparison.
    pub(crate) is_faulty: bool,
    pub(crate) at: DateTime,
}

#[derive(Debug, Deserialize)]
struct Row {
    class_value: String,
    workpiece_id: String,
    workpiece_date: String,
    workpiece_usage: u32,
    workpiece_result: String,
    workpiece_location: String,
    scenario_condition: String,
}

/// All runs of a scenario in the order of time.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Run>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    let mut runs = reader.deserialize().map(|row| run(row?)).collect::<anyhow::Result<Vec<Run>>>()?;
    runs.sort_by_key(|run| run.at);
    Ok(runs)
}

fn run(row: Row) -> anyhow::Result<Run> {
    Ok(Run {
        class: row.class_value,
        workpiece: row.workpiece_id,
        uses: row.workpiece_usage,
        is_left: row.workpiece_location == "left",
        is_nok: row.workpiece_result != "OK",
        is_faulty: row.scenario_condition != "normal",
        at: row.workpiece_date.parse()?,
    })
}

/// Whether the run of the right screw came more than five seconds after that of the left one, for each workpiece of which
/// both were OK: the only trace of the run's duration in the table, and its resolution is one second.
pub(crate) fn slow_pairs<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<bool> {
    let runs: Vec<&Run> = runs.collect();
    let both_ok = |pair: &&[&Run]| {
        let (left, right) = (pair[0], pair[1]);
        left.workpiece == right.workpiece && left.is_left && !right.is_left && !left.is_nok && !right.is_nok
    };
    runs.windows(2).filter(both_ok).map(|pair| (pair[1].at - pair[0].at).get_seconds() > 5).collect()
}
