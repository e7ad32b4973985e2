//! A recording as the daemon lived through it: each input under the configuration that it was taken in under.

use std::path::Path;
use std::sync::Arc;

use plant::Plant;
use recording::{Reader, RecordingHeader, Remap};
use telemetry::Input;
use twin::{Output, Twin};

use super::{first_checkpoint, for_each_step_until};
use crate::inputs::LinkChoice;
use crate::setup::Setup;

/// Runs a recording through the twins that it was lived with, from as early as can be: gives each input with what followed
/// from it. Where the configuration changes, the next twin goes on with what the last remembers if that means the same, else
/// it has gone through what was recorded before, as it does when a daemon starts and when it takes a configuration over.
/// Returns how often it has changed.
///
/// # Errors
/// If the recording or a configuration in it cannot be read, or `take` fails.
pub fn for_each_step_as_lived(
    recording: &Path,
    mut take: impl FnMut(&Input, &[Output], &Twin) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut life = Life::begin(recording)?;
    let mut reader = Reader::open_at(recording, life.twin.sequence() + 1)?;
    let mut outputs = Vec::new();
    while let Some(input) = reader.next() {
        let input = input?;
        life.come_under(reader.header())?;
        let input = life.remap.apply(reader.header(), input);
        outputs.clear();
        life.twin.apply(&input, &mut outputs);
        take(&input, &outputs, &life.twin)?;
    }
    for damage in reader.damage() {
        tracing::warn!("{damage}");
    }
    Ok(life.changes)
}

struct Life<'a> {
    recording: &'a Path,
    header: Arc<RecordingHeader>,
    twin: Twin,
    remap: Remap,
    changes: u64,
}

impl<'a> Life<'a> {
    fn begin(recording: &'a Path) -> anyhow::Result<Self> {
        let header = Reader::open(recording)?.header().clone();
        let plant = plant_of(&header)?;
        let twin = first_checkpoint(recording, &plant).unwrap_or_else(|| Twin::new(plant));
        let remap = LinkChoice::default().remap_to(twin.plant());
        Ok(Self { recording, header, twin, remap, changes: 0 })
    }

    /// Goes on under the configuration of the next segment.
    fn come_under(&mut self, header: &Arc<RecordingHeader>) -> anyhow::Result<()> {
        let is_same = self.header.is_of_same_configuration(header);
        self.header = header.clone();
        if is_same {
            return Ok(());
        }
        let plant = plant_of(header)?;
        if plant == *self.twin.plant() {
            return Ok(());
        }
        self.changes += 1;
        self.twin = self.next_twin(plant)?;
        self.remap = LinkChoice::default().remap_to(self.twin.plant());
        Ok(())
    }

    fn next_twin(&self, plant: Arc<Plant>) -> anyhow::Result<Twin> {
        let next = Twin::new(plant.clone());
        if next.is_like(&self.twin) {
            return Ok(Twin::restore(plant, &self.twin.snapshot()?)?);
        }
        let earlier = first_checkpoint(self.recording, &plant);
        let mut next = earlier.filter(|twin| twin.sequence() <= self.twin.sequence()).unwrap_or(next);
        for_each_step_until(self.recording, &mut next, self.twin.sequence(), |_, _, _| Ok(()))?;
        Ok(next)
    }
}

fn plant_of(header: &RecordingHeader) -> anyhow::Result<Arc<Plant>> {
    Ok(Setup::from_header(header, &[])?.plant)
}
