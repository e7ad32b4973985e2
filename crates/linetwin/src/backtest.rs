//! `linetwin backtest`: how well a configuration does where the truth is known: on recordings, or on the simulated plant.

mod difference;
pub mod judge;
mod labels;
mod parallel;
mod recorded;
mod report;
mod run;
mod simulated;
mod table;
mod tally;
mod threshold;
mod told;
pub mod trial;
mod words;

use std::path::PathBuf;

use plant::Overrides;

pub use self::threshold::Missed;
use crate::example;
use crate::setup::{Misconfigured, Setup};

/// `linetwin backtest`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folders of recordings to judge on, or single segments; on the simulated plant if left out.
    #[arg(value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// Configuration to judge. If left out: the one that each recording was made under; for the simulated plant, which a
    /// configuration must describe, the example.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Set a key of the configuration, such as detection.false_alarms_per_shift=1.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print every alert too, with what became of it.
    #[arg(long)]
    alerts: bool,
    #[command(flatten)]
    recorded: recorded::RecordedOptions,
    #[command(flatten)]
    simulated: simulated::SimulatedOptions,
}

/// Runs the backtest and prints its tables.
///
/// # Errors
/// [`Missed`] if the configuration does not do what was asked of it, else [`Misconfigured`]: whoever lets a change go live
/// by the exit code must not take one for the other.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let ended = match arguments.recordings.is_empty() {
        true => on_simulated_plant(arguments),
        false => recorded::run(arguments),
    };
    ended.map_err(|error| match error.downcast_ref::<Missed>() {
        Some(_) => error,
        None => Misconfigured::new(format!("{error:#}")).into(),
    })
}

fn on_simulated_plant(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = match &arguments.config {
        Some(folder) => Setup::read(folder, &arguments.set)?,
        None => Setup::new(example::files(), Overrides { set: arguments.set.clone(), ..Overrides::default() })?,
    };
    simulated::run(&arguments.simulated, &setup.plant, arguments.alerts)
}
