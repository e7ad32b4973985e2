//! Backtests on the simulated plant, of which the truth is known.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use plant::Plant;
use plant_sim::{Fault, FaultPlan};

use crate::backtest::parallel::in_parallel;
use crate::backtest::table::{self, Table};
use crate::backtest::trial::{self, Trial};

/// What only a backtest on the simulated plant has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "On the simulated plant")]
pub(super) struct SimulatedOptions {
    /// Only this fault; none for only the shifts without one. May be given more than once.
    #[arg(long, value_name = "NAME", conflicts_with = "recordings")]
    fault: Vec<Choice>,
    /// How many plants, each with its own chance, every fault strikes.
    #[arg(long, default_value = "20", conflicts_with = "recordings")]
    seeds: u64,
    /// Seed of the first plant; the others follow it.
    #[arg(long, default_value_t = 1, conflicts_with = "recordings")]
    first_seed: u64,
    /// How long a plant has run before, for the twin to learn from.
    #[arg(long, default_value = "8h", value_name = "TIME", conflicts_with = "recordings")]
    history: String,
    /// How long a fault is there.
    #[arg(long, default_value = "3h", value_name = "TIME", conflicts_with = "recordings")]
    with_fault: String,
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

/// Runs the plants and prints their table, with `list_alerts` every alert too.
pub(super) fn run(options: &SimulatedOptions, plant: &Arc<Plant>, list_alerts: bool) -> anyhow::Result<()> {
    let spans = Spans {
        history_s: plant_sim::parse_span_s(&options.history)?,
        with_fault_s: plant_sim::parse_span_s(&options.with_fault)?,
        shift_s: plant.detection.shift_h * 3600.0,
    };
    let end = options.first_seed.checked_add(options.seeds.max(1)).context("--first-seed is too large")?;
    let seeds = options.first_seed..end;
    let all = || Fault::ALL.iter().copied().map(Choice::Fault).chain([Choice::None]).collect();
    let choices = if options.fault.is_empty() { all() } else { options.fault.clone() };
    println!(
        "Seeds {} to {}; {} before the fault and {} with it. Delay and time won are medians; time won is from the\n\
         alert to the moment a true quantity left its limit. A false alert is one elsewhere, or before the fault.",
        seeds.start,
        seeds.end - 1,
        options.history,
        options.with_fault
    );
    Table::print_head();
    let mut table = Table::default();
    for choice in choices {
        let trials = trials(plant, choice, seeds.clone(), spans)?;
        match choice {
            Choice::Fault(fault) => table.print_fault(fault, &trials, spans.history_s),
            Choice::None => table.print_shifts(&trials, spans.history_s),
        }
        if list_alerts {
            seeds.clone().zip(&trials).for_each(|(seed, trial)| table::print_alerts(seed, trial));
        }
    }
    table.print_sums();
    Ok(())
}

/// One trial for each seed, in their order.
fn trials(plant: &Arc<Plant>, choice: Choice, seeds: Range<u64>, spans: Spans) -> anyhow::Result<Vec<Trial>> {
    let seeds: Vec<u64> = seeds.collect();
    in_parallel(&seeds, |&seed| trial_of(plant, choice, seed, spans))?.into_iter().collect()
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
