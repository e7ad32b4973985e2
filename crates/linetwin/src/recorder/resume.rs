//! Where a recording was left off.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use contract::{EventV1, alert_lines};
use plant::Plant;
use recording::{CheckpointId, Checkpoints, Reader, Writer};
use telemetry::Input;
use twin::{Output, Twin};

use super::ALERTS_FILE;
use super::reading::for_each_input;

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
    let kept = kept_alerts(&folder.join(ALERTS_FILE))?;
    let (mut outputs, mut missing) = (Vec::new(), String::new());
    for_each_input(folder, &plant, from + 1, |input| {
        outputs.clear();
        twin.apply(input, &mut outputs);
        tell(input, &outputs, &twin);
        if input.sequence > kept {
            missing.extend(alert_lines(&outputs, &plant, input));
        }
        Ok(())
    })?;
    OpenOptions::new().create(true).append(true).open(folder.join(ALERTS_FILE))?.write_all(missing.as_bytes())?;
    tracing::info!("the twin goes on from input {last}, {} of them replayed", last.saturating_sub(from));
    Ok((twin, last))
}

/// The sequence number of the last alert that was kept; one that was kept only in part is cut off.
///
/// A crash can come between an input that is durable and its alert: then the alert is added when the twin resumes.
fn kept_alerts(path: &Path) -> anyhow::Result<u64> {
    if !path.exists() {
        return Ok(0);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
    }
    let last: Option<EventV1> = text[..whole].lines().last().map(serde_json::from_str).transpose()?;
    Ok(last.and_then(|event| event.sequence).unwrap_or(0))
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
