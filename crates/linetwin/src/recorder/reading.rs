//! Runs through a recording.

use std::path::Path;

use telemetry::Input;
use twin::{Output, Twin};

use crate::inputs::{Inputs, LinkChoice};

/// Runs the rest of a recording through a twin, all of it if the twin is new, and gives each input with what followed from
/// it and the twin after it. Tells of what was damaged or dropped.
///
/// # Errors
/// If it cannot be read at all, or `take` fails.
pub fn for_each_step(
    recording: &Path,
    twin: &mut Twin,
    take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let inputs = run(recording, twin, u64::MAX, take)?;
    inputs.tell_oddities(twin.plant());
    Ok(())
}

/// As [`for_each_step`], but no further than to the input of that number: what comes after it is being written. Tells of
/// nothing.
///
/// # Errors
/// As [`for_each_step`].
pub fn for_each_step_until(
    recording: &Path,
    twin: &mut Twin,
    last: u64,
    take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if twin.sequence() < last {
        run(recording, twin, last, take)?;
    }
    Ok(())
}

/// Runs a recording through a twin up to an input. Returns what is left.
fn run(
    recording: &Path,
    twin: &mut Twin,
    last: u64,
    mut take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<Inputs> {
    let mut inputs = Inputs::open(recording, twin.plant(), &LinkChoice::default(), twin.sequence() + 1)?;
    let mut outputs = Vec::new();
    while twin.sequence() < last
        && let Some(input) = inputs.next()
    {
        let input = input?;
        outputs.clear();
        twin.apply(&input, &mut outputs);
        take(&input, &outputs, twin)?;
    }
    Ok(inputs)
}
