//! Where a recording was left off.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use contract::alert_lines;
use plant::Plant;
use recording::{CheckpointId, Checkpoints, Reader, Writer};
use telemetry::Input;
use twin::{Output, Twin};

use super::ALERTS_FILE;
use super::alerts::Kept;
use super::reading::for_each_step;

/// The twin as it was when the recording in `folder` ended, and the sequence number of its last input: from the newest
/// checkpoint and the inputs after it. A new twin if there is no recording.
///
/// # Errors
/// If there is a recording that cannot be read.
pub fn resume(folder: &Path, plant: Arc<Plant>) -> anyhow::Result<(Twin, u64)> {
    resume_telling(folder, plant, |_, _, _| {})
}

/// As [`resume`]; tells the outputs of the inputs that it replays, each with the twin after it.
///
/// # Errors
/// As [`resume`].
pub fn resume_telling(
    folder: &Path,
    plant: Arc<Plant>,
    mut tell: impl FnMut(&Input, &[Output], &Twin),
) -> anyhow::Result<(Twin, u64)> {
    let last = match folder.exists() {
        true => Writer::last_sequence(folder)?,
        false => None,
    };
    Checkpoints::of(folder).forget_after(last.unwrap_or(0));
    let Some(last) = last else { return Ok((Twin::new(plant), 0)) };
    let mut twin = checkpoint(folder, &plant, |_| true).unwrap_or_else(|| Twin::new(plant.clone()));
    let from = twin.sequence();
    let kept = Kept::read(&folder.join(ALERTS_FILE))?;
    let mut missing = String::new();
    for_each_step(folder, &mut twin, |input, outputs, twin| {
        tell(input, outputs, twin);
        missing.extend(alert_lines(outputs, &plant, input).skip(kept.of(input)));
        Ok(())
    })?;
    OpenOptions::new().create(true).append(true).open(folder.join(ALERTS_FILE))?.write_all(missing.as_bytes())?;
    tracing::info!("the twin goes on from input {last}, {} of them replayed", last.saturating_sub(from));
    Ok((twin, last))
}

/// The twin to replay a recording with from as early as can be: none if the recording has its begin, else that of the
/// oldest checkpoint that can be used.
pub fn first_checkpoint(recording: &Path, plant: &Arc<Plant>) -> Option<Twin> {
    let mut reader = Reader::open(recording).ok()?;
    let first = reader.find_map(Result::ok)?.sequence;
    if first <= 1 {
        return None;
    }
    let ids = Checkpoints::of(recording).list().unwrap_or_default();
    ids.into_iter().filter(|id| id.sequence + 1 >= first).find_map(|id| restore(recording, plant, id))
}

/// The twin of the newest checkpoint that `is_wanted` and that can be used.
pub fn checkpoint(folder: &Path, plant: &Arc<Plant>, is_wanted: impl Fn(&CheckpointId) -> bool) -> Option<Twin> {
    let ids = Checkpoints::of(folder).list();
    let ids = ids.inspect_err(|error| tracing::warn!("cannot list the checkpoints: {error}")).ok()?;
    ids.into_iter().rev().filter(is_wanted).find_map(|id| restore(folder, plant, id))
}

fn restore(folder: &Path, plant: &Arc<Plant>, id: CheckpointId) -> Option<Twin> {
    let state = Checkpoints::of(folder).read(id);
    let state = state.inspect_err(|error| tracing::warn!("cannot read a checkpoint: {error}")).ok()?;
    let twin = Twin::restore(plant.clone(), &state);
    twin.inspect_err(|error| tracing::debug!("the checkpoint of input {} is of no use: {error}", id.sequence)).ok()
}
