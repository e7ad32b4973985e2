//! Run lengths and limits from the solvers, and run lengths from simulation of the charts themselves, beside tables of
//! known answers; worked examples step by step.

pub(crate) mod forecast;
mod judge;
pub(crate) mod line;
mod multivariate;
mod published;
mod simulate;
mod table;
mod trend;
mod univariate;
mod worked;

use std::path::Path;

use anyhow::ensure;

use judge::Judge;
use simulate::{Noise, RUNS, RUNS_OF_DOUBTFUL};

/// Prints the section; an error if any cell of any table is not reproduced.
pub(crate) fn score(folder: &Path) -> anyhow::Result<()> {
    let mut noise = Noise::new(0);
    println!("## Known answers\n");
    println!(
        "Solver: within 0.5 %, beyond the rounding of the table. Simulation: {RUNS} runs of the chart itself for each"
    );
    println!("cell, within 4 standard errors; a cell outside is simulated again, with {RUNS_OF_DOUBTFUL} runs.\n");
    println!("{}", Judge::HEADING);
    let judges = [
        univariate::cusum(folder, &mut noise)?,
        univariate::cusum_steady_state(folder, &mut noise)?,
        univariate::ewma(folder, &mut noise)?,
        univariate::shewhart(folder, &mut noise)?,
        univariate::western_electric(folder, &mut noise)?,
        multivariate::run_lengths(folder, &mut noise)?,
        multivariate::limits(folder)?,
        trend::run_lengths(folder, &mut noise)?,
        published::run_lengths(folder)?,
        worked::montgomery(folder)?,
        worked::nist_cusum(folder)?,
        worked::nist_ewma(folder)?,
    ];
    let misses: Vec<&String> = judges.iter().flat_map(|judge| &judge.misses).collect();
    misses.iter().for_each(|miss| println!("not reproduced: {miss}"));
    println!();
    ensure!(misses.is_empty(), "{} known answers are not reproduced", misses.len());
    Ok(())
}
