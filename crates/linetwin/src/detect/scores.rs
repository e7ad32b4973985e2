//! The file of scores.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use telemetry::Timestamp;

use super::judge::{RowScore, THRESHOLD};

/// The file of scores.
pub(super) struct Scores {
    writer: csv::Writer<std::fs::File>,
    path: PathBuf,
}

impl Scores {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut scores = Self { writer: csv::Writer::from_writer(file), path: path.to_owned() };
        scores.write(["time", "score", "threshold", "alarm", "columns", "onset", "change"])?;
        Ok(scores)
    }

    /// A row that was learnt from, or could not be judged, has no score.
    pub(super) fn row(&mut self, time: Timestamp, score: Option<&RowScore>, columns: &str) -> anyhow::Result<()> {
        let Some(score) = score else { return self.write([&time.to_string(), "", "", "", "", "", ""]) };
        let alarm = u8::from(score.onset.is_some()).to_string();
        let shown = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let (number, threshold) = (format!("{:.4}", score.score), format!("{THRESHOLD:.4}"));
        let (onset, change) = (shown(score.onset), shown(score.change));
        self.write([&time.to_string(), &number, &threshold, &alarm, columns, &onset, &change])
    }

    fn write(&mut self, fields: [&str; 7]) -> anyhow::Result<()> {
        self.writer.write_record(fields).with_context(|| format!("cannot write {}", self.path.display()))
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.writer.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}
