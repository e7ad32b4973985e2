//! Measures how fast shifts of a line are simulated, beside SimPy with the same line in the same run:
//! `line-speed --python PROGRAM`, of a Python that has SimPy.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use flow::line::{Distribution, Horizon, LineModel, Start, Station, StopClock, Stops};
use serde::Deserialize;

#[derive(Debug, Parser)]
struct Arguments {
    /// A Python that has SimPy.
    #[arg(long, value_name = "PROGRAM")]
    python: PathBuf,
}

const STATIONS: usize = 30;
/// Parts between two stations.
const BUFFER: u32 = 2;
/// Mean of the log-normal work times, s, and their coefficient of variation.
const WORK_S: f64 = 40.0;
const WORK_VARIATION: f64 = 0.1;
/// Mean time at work between two stops of a station, and mean time of a repair, s; both exponential.
const EVERY_S: f64 = 3600.0;
const REPAIR_S: f64 = 240.0;
const SHIFT_H: f64 = 8.0;
/// Shifts that we simulate.
const SHIFTS: u64 = 1_000;
/// Shifts that SimPy simulates; its time is counted by the shift.
const SHIFTS_OF_SIMPY: u64 = 40;
const SEED: u64 = 1;
const REPETITIONS: usize = 3;
/// How many times as fast as SimPy we have to be.
const TIMES_MIN: f64 = 100.0;
/// How far the mean outputs may be apart, in standard errors of their difference.
const STANDARD_ERRORS: f64 = 4.0;
const PROGRAM: &str = include_str!("../line_speed.py");

/// What SimPy says.
#[derive(Deserialize)]
struct Simulated {
    seconds: f64,
    outputs: Vec<f64>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { python } = Arguments::parse();
    println!(
        "\nLINE: {STATIONS} stations with buffers of {BUFFER}, shifts of {SHIFT_H} h from an empty line on; one core"
    );
    let work = Distribution::log_normal(WORK_S, WORK_VARIATION);
    let (mut seconds, mut outputs) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let begun = Instant::now();
        outputs = ours(&work)?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let ours_s = seconds[REPETITIONS / 2] / SHIFTS as f64;
    let simpy = simpy(&python, &work)?;
    let theirs_s = simpy.seconds / SHIFTS_OF_SIMPY as f64;
    let (mean, error) = mean(&outputs);
    let (their_mean, their_error) = self::mean(&simpy.outputs);
    let row = |what: &str, shifts: u64, seconds: f64, mean: f64, error: f64| {
        println!(
            "  {what:10} {shifts:5} shifts {:9.3} ms a shift   {mean:7.2} ± {error:.2} parts a shift",
            seconds * 1e3
        );
    };
    row("linetwin", SHIFTS, ours_s, mean, error);
    row("SimPy", SHIFTS_OF_SIMPY, theirs_s, their_mean, their_error);
    let times = theirs_s / ours_s;
    println!("  {times:.0} times as fast as SimPy, by the shift: median of {REPETITIONS} runs of ours, one of SimPy's");
    let apart = (mean - their_mean).abs() / (error * error + their_error * their_error).sqrt();
    ensure!(apart <= STANDARD_ERRORS, "the mean outputs are {apart:.1} standard errors apart: not the same line");
    ensure!(times >= TIMES_MIN, "less than {TIMES_MIN} times as fast as SimPy");
    Ok(())
}

/// The outputs of our shifts.
fn ours(work: &Distribution) -> anyhow::Result<Vec<f64>> {
    let station = Station {
        work: vec![work.clone()],
        stops: vec![Stops {
            every: Distribution::Exponential(EVERY_S),
            clock: StopClock::Working,
            repair: Distribution::Exponential(REPAIR_S),
        }],
        ..Station::constant(WORK_S)
    };
    let line = LineModel::serial(vec![station; STATIONS]);
    let line = (1..STATIONS).fold(line, |line, after| line.with_buffer(after, Some(BUFFER)));
    let start = Start::default();
    let shift = |shift| Ok(f64::from(line.run(&start, Horizon::hours(SHIFT_H), SEED, shift)?.total()));
    (0..SHIFTS).map(shift).collect()
}

/// SimPy's shifts.
fn simpy(python: &std::path::Path, work: &Distribution) -> anyhow::Result<Simulated> {
    let Distribution::LogNormal { median_s, log_sigma } = work else { anyhow::bail!("the work is not log-normal") };
    let line = serde_json::json!({
        "stations": STATIONS, "buffer": BUFFER, "log_mean": median_s.ln(), "log_sigma": log_sigma,
        "every_s": EVERY_S, "repair_s": REPAIR_S, "shift_s": SHIFT_H * 3600.0,
    });
    let arguments = ["-c".to_owned(), PROGRAM.to_owned(), line.to_string(), SHIFTS_OF_SIMPY.to_string()];
    let run = Command::new(python).args(arguments).output();
    let output = run.with_context(|| format!("cannot start {}", python.display()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: SimPy did not run: {error}", python.display());
    serde_json::from_slice(&output.stdout).context("SimPy's shifts")
}

/// Mean, and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}
