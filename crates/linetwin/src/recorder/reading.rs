//! Runs through a recording.

use std::path::Path;

use plant::Plant;
use telemetry::Input;
use twin::{Output, Twin};

use crate::inputs::{Inputs, LinkChoice};

/// Runs the rest of a recording through a twin, all of it if the twin is new, and gives each input with what followed from
/// it and the twin after it.
///
/// # Errors
/// As [`for_each_input`].
pub fn for_each_step(
    recording: &Path,
    twin: &mut Twin,
    mut take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let plant = twin.plant().clone();
    let mut outputs = Vec::new();
    for_each_input(recording, &plant, twin.sequence() + 1, |input| {
        outputs.clear();
        twin.apply(input, &mut outputs);
        take(input, &outputs, twin)
    })
}

/// As [`for_each_step`], but no further than to the input of that number: what comes after it is being written.
///
/// # Errors
/// As [`for_each_input`].
pub fn for_each_step_until(
    recording: &Path,
    twin: &mut Twin,
    last: u64,
    mut take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if twin.sequence() >= last {
        return Ok(());
    }
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
    Ok(())
}

/// Reads a recording from an input to its end under a plant's configuration, and tells of what was damaged or dropped.
///
/// # Errors
/// If it cannot be read at all, or `take` fails.
pub fn for_each_input(
    recording: &Path,
    plant: &Plant,
    from: u64,
    mut take: impl FnMut(&Input) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut inputs = Inputs::open(recording, plant, &LinkChoice::default(), from)?;
    for input in inputs.by_ref() {
        take(&input?)?;
    }
    inputs.tell_oddities(plant);
    Ok(())
}
