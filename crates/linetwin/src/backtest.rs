//! `linetwin backtest`: how well a configuration does on the simulated plant, of which the truth is known.

mod table;
pub mod trial;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use plant::{Overrides, Plant};
use plant_sim::{Fault, FaultPlan};

use crate::backtest::table::Table;
use crate::backtest::trial::Trial;
use crate::example;
use crate::setup::Setup;

/// `linetwin backtest`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Configuration to judge; it must describe the simulated plant. The example if left out.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Set a key of the configuration, such as detection.false_alarms_per_shift=1.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Only this fault; none for only the shifts without one. May be given more than once.
    #[arg(long, value_name = "NAME")]
    fault: Vec<Choice>,
    /// How many plants, each with its own chance, every fault strikes.
    #[arg(long, default_value = "20")]
    seeds: u64,
    /// Seed of the first plant; the others follow it.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// How long a plant has run before, for the twin to learn from.
    #[arg(long, default_value = "8h", value_name = "TIME")]
    history: String,
    /// How long a fault is there.
    #[arg(long, default_value = "3h", value_name = "TIME")]
    with_fault: String,
    /// Print every alert of every plant too, with what became of it.
    #[arg(long)]
    alerts: bool,
}

/// What the plants of a backtest suffer from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Fault(Fault),
    None,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Fault::ALL.iter().find(|fault| fault.name() == text);
        match known {
            _ if text == "none" => Ok(Self::None),
            Some(&fault) => Ok(Self::Fault(fault)),
            None => {
                let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
                Err(format!("there is no fault {text:?}; expected none or one of {}", names.join(", ")))
            }
        }
    }
}

/// How long each plant runs.
#[derive(Debug, Clone, Copy)]
struct Spans {
    history_s: f64,
    with_fault_s: f64,
    shift_s: f64,
}

/// What comes after the end of a shift until it is accounted for, s.
const END_S: f64 = 10.0;

/// Runs the backtest and prints its table.
///
/// # Errors
/// If the configuration cannot be read, or an argument cannot.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = match &arguments.config {
        Some(folder) => Setup::read(folder, &arguments.set)?,
        None => Setup::new(example::files(), Overrides { set: arguments.set.clone(), ..Overrides::default() })?,
    };
    let spans = Spans {
        history_s: plant_sim::parse_span_s(&arguments.history)?,
        with_fault_s: plant_sim::parse_span_s(&arguments.with_fault)?,
        shift_s: setup.plant.detection.shift_h * 3600.0,
    };
    let end = arguments.first_seed.checked_add(arguments.seeds.max(1)).context("--first-seed is too large")?;
    let seeds = arguments.first_seed..end;
    let all = || Fault::ALL.iter().copied().map(Choice::Fault).chain([Choice::None]).collect();
    let choices = if arguments.fault.is_empty() { all() } else { arguments.fault.clone() };
    println!(
        "Seeds {} to {}; {} before the fault and {} with it. Delay and time won are medians; time won is from the\n\
         alert to the moment a true quantity left its limit. A false alert is one elsewhere, or before the fault.",
        seeds.start,
        seeds.end - 1,
        arguments.history,
        arguments.with_fault
    );
    Table::print_head();
    let mut table = Table::default();
    for choice in choices {
        let trials = trials(&setup.plant, choice, seeds.clone(), spans)?;
        match choice {
            Choice::Fault(fault) => table.print_fault(fault, &trials),
            Choice::None => table.print_shifts(&trials, spans.history_s),
        }
        if arguments.alerts {
            seeds.clone().zip(&trials).for_each(|(seed, trial)| table::print_alerts(seed, trial));
        }
    }
    table.print_sums();
    Ok(())
}

/// One trial for each seed, in their order, on all processors.
fn trials(plant: &Arc<Plant>, choice: Choice, seeds: Range<u64>, spans: Spans) -> anyhow::Result<Vec<Trial>> {
    let seeds: Vec<u64> = seeds.collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(&seed) = seeds.get(place) else { return done };
            done.push((place, trial_of(plant, choice, seed, spans)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(seeds.len());
    let done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    let mut trials = Vec::with_capacity(seeds.len());
    for of_worker in done {
        trials.extend(of_worker.map_err(|_| anyhow::anyhow!("a trial ended in a panic"))?);
    }
    trials.sort_by_key(|(place, _)| *place);
    trials.into_iter().map(|(_, trial)| trial).collect()
}

fn trial_of(plant: &Arc<Plant>, choice: Choice, seed: u64, spans: Spans) -> anyhow::Result<Trial> {
    let (faults, then_s) = match choice {
        Choice::Fault(fault) => {
            let plan = FaultPlan { fault, station: None, onset_s: spans.history_s, duration_s: None };
            (vec![plan], spans.with_fault_s)
        }
        // A little more, so that the shift is told to be over.
        Choice::None => (Vec::new(), spans.shift_s + END_S),
    };
    Ok(trial::run(plant, seed, faults, (spans.history_s + then_s) / 3600.0)?)
}
