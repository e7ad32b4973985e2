use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use flow::line::{CycleSeen, LearnedLine, LineModel};
use plant::Plant;
use twin::{Cycle, Output, Twin};

use crate::recorder::for_each_step;

/// Learns from a recording how the line works: its inputs go through the twin, whose cycles count.
///
/// # Errors
/// If it cannot be read, or has no cycles of this line.
pub(super) fn learn(recording: &Path, plant: &Arc<Plant>, design: &LineModel) -> anyhow::Result<LearnedLine> {
    let mut learned = LearnedLine::new(design);
    let mut twin = Twin::new(plant.clone());
    let stations: Vec<StationTimes> =
        twin.view().stations.iter().map(|station| StationTimes::new(station, plant, design)).collect();
    let mut cycles = 0_u64;
    for_each_step(recording, &mut twin, |_, outputs, _| {
        for output in outputs {
            if let Output::Cycle(cycle) = output
                && let Some(seen) = stations[cycle.station.index()].seen(cycle)
            {
                learned.learn(design, &seen);
                cycles += 1;
            }
        }
        Ok(())
    })?;
    ensure!(cycles > 0, "{}: no station of this line has a cycle in it", recording.display());
    Ok(learned)
}

/// Where a station is in the line, and where its cycles tell its times.
struct StationTimes {
    place: Option<usize>,
    work: Option<usize>,
    stops: Option<usize>,
}

impl StationTimes {
    fn new(station: &twin::StationView, plant: &Plant, design: &LineModel) -> Self {
        let feature = |name: &str| station.features.iter().position(|feature| feature.name == name);
        let place = design.place_named(&plant.station(station.station).name);
        let place = place.filter(|&place| design.places[place].station().is_some());
        Self { place, work: feature("work time"), stops: feature("stop time") }
    }

    fn seen(&self, cycle: &Cycle) -> Option<CycleSeen> {
        let feature = |place: Option<usize>| cycle.features.get(place?).copied().flatten();
        Some(CycleSeen {
            place: self.place?,
            variant: cycle.variant,
            began: cycle.start,
            ended: cycle.end,
            work_s: feature(self.work).unwrap_or_else(|| cycle.end.seconds_since(cycle.start)),
            stopped_s: feature(self.stops).unwrap_or(0.0),
        })
    }
}
