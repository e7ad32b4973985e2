//! How a twin comes to a moment of a recording.

use std::path::PathBuf;
use std::sync::Arc;

use plant::Plant;
use telemetry::{Input, Timestamp};
use twin::{Output, Outputs, Twin};

use crate::inputs::{Inputs, LinkChoice};
use crate::recorder::checkpoint;

/// What is replayed.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) recording: PathBuf,
    /// The plant under whose configuration it is.
    pub(crate) plant: Arc<Plant>,
    pub(crate) links: LinkChoice,
}

/// A twin between two inputs of a recording, perhaps on its way to a moment.
pub(crate) struct Position {
    twin: Twin,
    outputs: Outputs,
    inputs: Inputs,
    upcoming: Option<Input>,
    wanted: Option<Timestamp>,
}

/// A position on its way to `moment`, or to the begin: [`Position::pass`] leads there. It starts at the nearest checkpoint
/// before, or at the begin of the recording with a new twin. A checkpoint is of use only under the configuration that was
/// live, and only if no link is left out.
///
/// # Errors
/// If the recording cannot be read.
pub(crate) fn start_at(source: &Source, moment: Option<Timestamp>) -> anyhow::Result<Position> {
    let checkpoint = moment
        .filter(|_| source.links.is_all())
        .and_then(|moment| checkpoint(&source.recording, &source.plant, |checkpoint| checkpoint.received < moment));
    let twin = checkpoint.unwrap_or_else(|| Twin::new(source.plant.clone()));
    let mut inputs = Inputs::open(&source.recording, &source.plant, &source.links, twin.sequence() + 1)?;
    let upcoming = inputs.next().transpose()?;
    Ok(Position { twin, outputs: Vec::new(), inputs, upcoming, wanted: moment })
}

impl Position {
    pub(crate) fn twin(&self) -> &Twin {
        &self.twin
    }

    /// The next input.
    pub(crate) fn upcoming(&self) -> Option<&Input> {
        self.upcoming.as_ref()
    }

    /// The moment that it is on its way to.
    pub(crate) fn wanted(&self) -> Option<Timestamp> {
        self.wanted
    }

    /// Sets out for a moment. Returns whether it can be reached: not if an input received at that time or later has been
    /// applied.
    pub(crate) fn set_out_for(&mut self, moment: Timestamp) -> bool {
        let is_ahead = self.twin.sequence() == 0 || self.twin.now() < moment;
        if is_ahead {
            self.wanted = Some(moment);
        }
        is_ahead
    }

    /// What followed from the input applied last.
    pub(crate) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Applies the next input and returns it; `None` at the end.
    ///
    /// # Errors
    /// If the recording cannot be read.
    pub(crate) fn step(&mut self) -> anyhow::Result<Option<Input>> {
        let Some(input) = self.upcoming.take() else { return Ok(None) };
        self.outputs.clear();
        self.twin.apply(&input, &mut self.outputs);
        self.upcoming = self.inputs.next().transpose()?;
        Ok(Some(input))
    }

    /// Applies the inputs before the wanted moment without a word: those that came before the first that was received then
    /// or later. Applies no more than so many at once; `see` is given the outputs of each. Returns whether it is there, or at
    /// the end.
    ///
    /// # Errors
    /// If the recording cannot be read.
    pub(crate) fn pass(&mut self, inputs_max: usize, see: impl Fn(&[Output], &Twin)) -> anyhow::Result<bool> {
        for _ in 0..inputs_max {
            let is_before = |moment| self.upcoming.as_ref().is_some_and(|input| input.received < moment);
            if !self.wanted.is_some_and(is_before) {
                self.wanted = None;
                return Ok(true);
            }
            self.step()?;
            see(&self.outputs, &self.twin);
        }
        Ok(false)
    }

    /// Says in the log what was damaged or left out so far.
    pub(crate) fn tell_oddities(&self) {
        self.inputs.tell_oddities(self.twin.plant());
    }
}
