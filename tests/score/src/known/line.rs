//! Throughput of the line model beside the tables of serial lines.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use flow::line::{Blocking, Distribution, Horizon, LineModel, Start, Station, StopClock, Stops};

use super::table::{Row, Table};

/// How far a throughput may be off, as a share.
const TOLERANCE: f64 = 0.005;
/// Independent runs of each line; the standard error comes from how far they are apart.
const RUNS: u64 = 8;
/// Fixed before the first run, and for all tables.
const SEED: u64 = 20_261_124;
/// Part of a run before anything is counted, so that it does not matter that the line was empty.
const WARM_UP: f64 = 0.05;

/// Parts that the fastest lines make in a run.
const PARTS: f64 = 150_000.0;
/// The same for lines whose machines stop: their output varies more.
const PARTS_WITH_STOPS: f64 = 450_000.0;
/// The same for buffers without end, which take long to fill.
const PARTS_WITHOUT_END: f64 = 2_000_000.0;

/// What became of one table.
struct Rows {
    name: &'static str,
    rows: usize,
    reproduced: usize,
    worst: f64,
    worst_error: f64,
    misses: Vec<String>,
}

/// Prints the section; an error if any row of any table is not reproduced.
pub(crate) fn score(folder: &Path) -> anyhow::Result<()> {
    println!("## Throughput of serial lines\n");
    println!("{RUNS} runs of each line, seed {SEED}; within {} %.\n", 100.0 * TOLERANCE);
    println!("| table | reproduced | worst | largest standard error |\n|---|---|---|---|");
    let tables = [balanced, unbalanced, bowl, bowl_balanced, bernoulli, unreliable_operation, unreliable_time];
    let tables = tables.into_iter().chain([zero_buffer, infinite_buffer]);
    let tables = tables.map(|table| table(folder)).collect::<anyhow::Result<Vec<Rows>>>()?;
    let misses: Vec<&String> = tables.iter().flat_map(|table| &table.misses).collect();
    misses.iter().for_each(|miss| println!("not reproduced: {miss}"));
    println!();
    ensure!(misses.is_empty(), "{} known throughputs are not reproduced", misses.len());
    Ok(())
}

impl Rows {
    fn new(name: &'static str) -> Self {
        Self { name, rows: 0, reproduced: 0, worst: 0.0, worst_error: 0.0, misses: Vec::new() }
    }

    /// Simulates a line with about `parts` parts a run, and holds it against what is known, parts a second.
    fn check(&mut self, what: &str, expected: f64, line: &LineModel, parts: f64) -> anyhow::Result<()> {
        let counted_s = parts / expected;
        let horizon = Horizon { warm_up_s: WARM_UP * counted_s, length_s: counted_s, interval_s: counted_s };
        let rate = |run| {
            Ok::<f64, anyhow::Error>(f64::from(line.run(&Start::default(), horizon, SEED, run)?.total()) / counted_s)
        };
        let rates = (0..RUNS).map(rate).collect::<Result<Vec<f64>, _>>()?;
        let mean = rates.iter().sum::<f64>() / RUNS as f64;
        let squares: f64 = rates.iter().map(|rate| (rate - mean) * (rate - mean)).sum();
        let error = (squares / (RUNS * (RUNS - 1)) as f64).sqrt() / expected;
        let off = (mean / expected - 1.0).abs();
        self.rows += 1;
        self.worst = self.worst.max(off);
        self.worst_error = self.worst_error.max(error);
        if off <= TOLERANCE {
            self.reproduced += 1;
        } else {
            let error = 100.0 * error;
            self.misses.push(format!("{}, {what}: expected {expected}, simulated {mean:.6} ± {error:.3} %", self.name));
        }
        Ok(())
    }

    /// Prints the line of the table.
    fn done(self) -> Self {
        let Self { name, rows, reproduced, worst, worst_error, .. } = &self;
        println!("| {name} | {reproduced} of {rows} | {:.3} % | {:.3} % |", 100.0 * worst, 100.0 * worst_error);
        self
    }
}

fn balanced(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("balanced");
    for row in Table::read(folder, "line_balanced_throughput")?.rows() {
        let (service, stations, buffer) = (row.text("service")?, row.number("stations")?, row.number("buffer_each")?);
        let work = match service.strip_prefix("erlang") {
            Some(stages) => Distribution::Erlang { mean_s: 1.0, stages: stages.parse()? },
            None => Distribution::Exponential(1.0),
        };
        let (stations, buffer) = (stations as usize, buffer as u32);
        let line = line(vec![work; stations], &vec![buffer; stations - 1]);
        let what = format!("{service}, {stations} stations, buffers of {buffer}");
        rows.check(&what, row.number("throughput")?, &line, PARTS)?;
    }
    Ok(rows.done())
}

fn unbalanced(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("unbalanced");
    for row in Table::read(folder, "line_unbalanced_throughput")?.rows() {
        let (rates, buffers) = (numbers(&row, "rates")?, numbers(&row, "buffers")?);
        let buffers: Vec<u32> = buffers.into_iter().map(|buffer| buffer as u32).collect();
        let work = rates.iter().map(|rate| Distribution::Exponential(1.0 / rate)).collect();
        let what = format!("rates {rates:?}, buffers {buffers:?}");
        rows.check(&what, row.number("throughput_ctmc")?, &line(work, &buffers), PARTS)?;
    }
    Ok(rows.done())
}

fn bowl(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("bowl, optimum");
    for row in Table::read(folder, "line_bowl_3station")?.rows() {
        let buffer = row.number("buffer")? as u32;
        let means = [row.number("w1=w3")?, row.number("w2")?, row.number("w1=w3")?];
        let work = means.map(Distribution::Exponential).to_vec();
        rows.check(&format!("buffers of {buffer}"), row.number("opt_throughput")?, &line(work, &[buffer; 2]), PARTS)?;
    }
    Ok(rows.done())
}

fn bowl_balanced(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("bowl, balanced");
    for row in Table::read(folder, "line_bowl_3station")?.rows() {
        let buffer = row.number("buffer")? as u32;
        let line = line(vec![Distribution::Exponential(1.0); 3], &[buffer; 2]);
        rows.check(&format!("buffers of {buffer}"), row.number("balanced_throughput")?, &line, PARTS)?;
    }
    Ok(rows.done())
}

/// Slots of 1 s, in each of which a machine makes a part with probability p. A machine whose buffer is full may work if the
/// next takes a part in the same slot. N counts the part in the next machine, too.
fn bernoulli(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("bernoulli");
    for row in Table::read(folder, "line_bernoulli")?.rows() {
        let (probabilities, sizes) = (numbers(&row, "p")?, numbers(&row, "N")?);
        let work =
            probabilities.iter().map(|&probability| Distribution::Geometric { probability, slot_s: 1.0 }).collect();
        let buffers: Vec<u32> = sizes.iter().map(|&size| size as u32 - 1).collect();
        let line = LineModel { blocking: Blocking::BeforeService { early_s: 1.0 }, ..line(work, &buffers) };
        let what = format!("p {probabilities:?}, N {sizes:?}");
        rows.check(&what, row.number("production_rate_exact_chain")?, &line, PARTS)?;
    }
    Ok(rows.done())
}

fn unreliable_operation(folder: &Path) -> anyhow::Result<Rows> {
    unreliable(folder, "unreliable, operation-dependent", "throughput_operation_dependent", StopClock::Working)
}

fn unreliable_time(folder: &Path) -> anyhow::Result<Rows> {
    unreliable(folder, "unreliable, time-dependent", "throughput_time_dependent", StopClock::Elapsed)
}

/// Two machines with exponential work, times to failure and repairs. The first does not begin while K parts are in the
/// buffer and in the second together.
fn unreliable(folder: &Path, name: &'static str, column: &str, clock: StopClock) -> anyhow::Result<Rows> {
    let mut rows = Rows::new(name);
    for row in Table::read(folder, "line_unreliable_2machine_exp")?.rows() {
        let [rates, failures, repairs] = ["mu", "fail_rate", "repair_rate"].map(|heading| numbers(&row, heading));
        let (rates, failures, repairs) = (rates?, failures?, repairs?);
        let machine = |((rate, failure), repair): ((&f64, &f64), &f64)| {
            let [work, every, repair] = [rate, failure, repair].map(|rate| Distribution::Exponential(1.0 / rate));
            Station { work: vec![work], stops: vec![Stops { every, clock, repair }], ..Station::constant(1.0) }
        };
        let machines: Vec<Station> = rates.iter().zip(&failures).zip(&repairs).map(machine).collect();
        let size = row.number("capacity_K")? as u32;
        let line = LineModel::serial(machines).with_buffer(1, Some(size - 1));
        let line = LineModel { blocking: Blocking::BeforeService { early_s: 0.0 }, ..line };
        let what = format!("rates {rates:?}, failures {failures:?}, repairs {repairs:?}, K {size}");
        rows.check(&what, row.number(column)?, &line, PARTS_WITH_STOPS)?;
    }
    Ok(rows.done())
}

/// Without buffers every machine stops while one is down, also one that could still finish its part: the line is one
/// station with the stops of all.
fn zero_buffer(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("Buzacott, no buffers");
    for row in Table::read(folder, "line_deterministic_buzacott_limits")?.rows() {
        let (stops, what) = buzacott_stops(&row)?;
        let line = LineModel::serial([Station { stops, ..Station::constant(1.0) }]);
        rows.check(&what, row.number("E_zero_buffer")?, &line, PARTS_WITH_STOPS)?;
    }
    Ok(rows.done())
}

fn infinite_buffer(folder: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new("Buzacott, buffers without end");
    for row in Table::read(folder, "line_deterministic_buzacott_limits")?.rows() {
        let (stops, what) = buzacott_stops(&row)?;
        let count = stops.len();
        let machines = stops.into_iter().map(|stops| Station { stops: vec![stops], ..Station::constant(1.0) });
        let line = (1..count).fold(LineModel::serial(machines), |line, after| line.with_buffer(after, None));
        rows.check(&what, row.number("E_infinite_buffer")?, &line, PARTS_WITHOUT_END)?;
    }
    Ok(rows.done())
}

/// In each cycle of 1 s a working machine fails with probability p, a failed one is repaired with probability r.
fn buzacott_stops(row: &Row<'_>) -> anyhow::Result<(Vec<Stops>, String)> {
    let numbers = numbers(row, "(p,r)")?;
    let slots = |probability| Distribution::Geometric { probability, slot_s: 1.0 };
    let stops = |pair: &[f64]| match *pair {
        [fails, repaired] => Ok(Stops { every: slots(fails), clock: StopClock::Working, repair: slots(repaired) }),
        _ => bail!("{pair:?} is no pair"),
    };
    let what = format!("(p, r) {numbers:?}");
    Ok((numbers.chunks(2).map(stops).collect::<anyhow::Result<_>>()?, what))
}

/// Stations in a row that work so long, with such buffers between them.
fn line(work: Vec<Distribution>, buffers: &[u32]) -> LineModel {
    let stations = work.into_iter().map(|work| Station { work: vec![work], ..Station::constant(1.0) });
    let line = LineModel::serial(stations);
    buffers.iter().enumerate().fold(line, |line, (index, &buffer)| line.with_buffer(index + 1, Some(buffer)))
}

/// The numbers in a cell, whatever stands between them.
fn numbers(row: &Row<'_>, heading: &str) -> anyhow::Result<Vec<f64>> {
    let text = row.text(heading)?;
    let words = text.split(|sign: char| !sign.is_ascii_digit() && sign != '.').filter(|word| !word.is_empty());
    words.map(|word| word.parse().with_context(|| format!("column {heading}: {text}"))).collect()
}
