//! `linetwin simulate`: shifts of the line as it was designed or seen, and as it could be.

mod curve;
mod told;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::ensure;
use flow::line::{Horizon, LearnedLine, LineModel, Start, WhatIf, replicate};
use plant::Plant;
use twin::Twin;

use crate::recorder::for_each_step;
use crate::setup::{Misconfigured, Setup};

use curve::CurveArguments;
use told::{Told, Versions};

/// `linetwin simulate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: crate::setup::ConfigArguments,
    /// A recording to learn from: work times by variant, stops and waits as they were take the place of the design.
    #[arg(long, value_name = "DIR")]
    recording: Option<PathBuf>,
    /// Compare with the line after a change, such as buffer-35.capacity=20 or weld-20.cycle_s=36; several count together.
    /// Keys: capacity, cycle_s, cycle_scatter, transfer_s, mtbf_min, mttr_min, scrap_share; of a variant share.
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    what_if: Vec<WhatIf>,
    /// How many times to run it [default: 1000; of a launch 100].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    replications: Option<u32>,
    /// The same seed gives the same figures.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Working hours before the shift in which an empty line fills; 0 for a shift that begins with an empty line.
    #[arg(long, value_name = "HOURS", default_value_t = 1.0, value_parser = hours)]
    warm_up_h: f64,
    #[command(flatten)]
    curve: CurveArguments,
}

/// Runs of a shift, if nothing else is said.
const REPLICATIONS: u32 = 1_000;
/// The most hours.
const HOURS_MAX: f64 = 1_000.0;

fn hours(text: &str) -> Result<f64, String> {
    let hours = text.parse().ok().filter(|hours| (0.0..=HOURS_MAX).contains(hours));
    hours.ok_or_else(|| format!("expected a number from 0 to {HOURS_MAX}"))
}

/// Simulates the line.
///
/// # Errors
/// If the configuration or the recording cannot be read, a change is of something that is not there, or the line cannot be
/// simulated.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::read(&arguments.config.config, &arguments.config.set)?;
    let plant = &setup.plant;
    let design = LineModel::of_plant(plant);
    let learned = arguments.recording.as_deref().map(|folder| learn(folder, plant)).transpose()?;
    let base = learned.as_ref().map_or(design.clone(), |learned| learned.fit(&design));
    let mut changed = base.clone();
    let variants: Vec<String> = plant.variants.iter().map(|variant| variant.name.clone()).collect();
    for what_if in &arguments.what_if {
        what_if.apply(&mut changed, &variants).map_err(Misconfigured::new)?;
    }
    if let Some(curve) = arguments.curve.asked() {
        return curve.tell(&changed, plant, arguments.seed, arguments.replications);
    }
    let horizon = Horizon { warm_up_s: 3600.0 * arguments.warm_up_h, ..Horizon::hours(plant.detection.shift_h) };
    let replications = arguments.replications.unwrap_or(REPLICATIONS);
    let summary = |line: &LineModel| {
        let summary = replicate(line, &Start::default(), horizon, arguments.seed, replications);
        summary.map_err(|error| named(error, line, plant))
    };
    let versions = match arguments.what_if.as_slice() {
        [] => Versions::One(summary(&base)?),
        what_if => Versions::Two { base: summary(&base)?, changed: summary(&changed)?, what_if },
    };
    print!("{}", Told { plant, line: &base, learned: learned.as_ref(), versions, replications });
    Ok(())
}

/// Learns from a recording how the line works: its inputs go through the twin, which learns for its forecasts.
///
/// # Errors
/// If it cannot be read, or has no cycles of this line.
fn learn(recording: &Path, plant: &Arc<Plant>) -> anyhow::Result<LearnedLine> {
    let mut twin = Twin::new(plant.clone());
    for_each_step(recording, &mut twin, |_, _, _| Ok(()))?;
    let learned = twin.learned_line();
    let has_cycles = (0..twin.line_design().places.len()).any(|place| learned.last_end(place).is_some());
    ensure!(has_cycles, "{}: no station of this line has a cycle in it", recording.display());
    Ok(learned.clone())
}

/// Why a line cannot be simulated, with the name of the place and where it was configured.
fn named(error: flow::line::ModelError, line: &LineModel, plant: &Plant) -> anyhow::Error {
    let name = error.place.map(|place| line.places[place].name.as_str());
    let station = name.and_then(|name| plant.stations.iter().find(|station| station.name == name));
    let message = match station {
        Some(station) => format!("{}: {} {}", station.origin, station.name, error.message),
        None => error.message.to_owned(),
    };
    Misconfigured::new(message).into()
}
