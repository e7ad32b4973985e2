//! Judges the detectors on known answers, on the false-alarm budget, on public data and by speed, and the line model on
//! known throughputs:
//! `cargo xtask score --data FOLDER [SECTION ...]`.

mod budget;
mod known;
mod nab;
mod nab_score;
mod screw;
mod skab;
mod speed;
mod stream;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the public data: skab, nab and screw_curves lie in it.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the tables of known answers; `known` beside the data if left out.
    #[arg(long, value_name = "DIR")]
    known: Option<PathBuf>,
    /// A Python that has River, to measure its speed beside ours.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// What to score; all if left out.
    sections: Vec<Section>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    Known,
    Budget,
    Skab,
    Nab,
    Screw,
    Speed,
    Line,
    Forecast,
    ScrewCurves,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let known = arguments.known.unwrap_or_else(|| arguments.data.join("../known"));
    let all = Section::value_variants();
    for &section in if arguments.sections.is_empty() { all } else { &arguments.sections } {
        match section {
            Section::Known => known::score(&known)?,
            Section::Budget => budget::score()?,
            Section::Skab => skab::score(&arguments.data.join("skab"))?,
            Section::Nab => nab::score(&arguments.data.join("nab"))?,
            Section::Screw => screw::score(&arguments.data.join("screw_curves"))?,
            Section::Speed => speed::score(arguments.python.as_deref())?,
            Section::Line => known::line::score(&known)?,
            Section::Forecast => known::forecast::score()?,
            Section::ScrewCurves => screw::curve::score(&arguments.data.join("screw_curves"))?,
        }
    }
    Ok(())
}
