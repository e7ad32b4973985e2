//! Measures how telemetry is kept: the recording, open and closed, beside MCAP with zstd, CSV and SQLite, over the same
//! samples in the same run; then how a large line's recording is replayed.

mod day;
mod digest;
mod formats;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use linetwin::simulated::{START, SimulatedSource};
use plant::Plant;
use plant_sim::{SimConfig, SimPlant};
use telemetry::{Event, Input};
use twin::Twin;

use digest::Digest;
use formats::{Closed, Csv, Format, Mcap, Open, Sqlite};

/// How long the example plant is simulated, s.
const SPAN_S: f64 = 4.0 * 3600.0;
const SEED: u64 = 161;
/// Each figure is the best of so many runs: what disturbs a run only ever makes it slower.
const REPETITIONS: usize = 3;

fn main() -> anyhow::Result<()> {
    let plant = Arc::new(e2e::example_plant());
    let inputs = simulate(&plant)?;
    let expected = Digest::of_inputs(&inputs);
    println!(
        "{} samples in {} inputs: {} h of the example plant, seed {SEED}; best of {REPETITIONS}",
        expected.samples,
        inputs.len(),
        SPAN_S / 3600.0
    );
    println!(
        "{:28} {:>10} {:>8} {:>14} {:>8} {:>14} {:>8}",
        "", "B/sample", "x closed", "write, M/s", "x closed", "read, M/s", "x closed"
    );
    let closed = measure(&Closed, &plant, &inputs, expected)?;
    closed.print(&closed);
    for format in [&Open as &dyn Format, &Mcap, &Csv, &Sqlite] {
        measure(format, &plant, &inputs, expected)?.print(&closed);
    }
    replay(&plant, &inputs, expected)?;
    day::measure()
}

fn simulate(plant: &Plant) -> anyhow::Result<Vec<Input>> {
    let sim = SimPlant::new(SimConfig { seed: SEED, start: START, faults: Vec::new() })?;
    let mut source = SimulatedSource::new(sim, plant);
    let (mut inputs, mut events) = (Vec::new(), Vec::new());
    while source.sim().now() < START.plus_seconds(SPAN_S) {
        let received = source.step(&mut events);
        for event in events.drain(..) {
            inputs.push(Input { sequence: inputs.len() as u64 + 1, received, event });
        }
    }
    // SQLite and MCAP are given no events, so that nobody is asked for what it has no place for.
    Ok(inputs.into_iter().filter(|input| matches!(input.event, Event::Samples(_))).zip(1..).map(renumber).collect())
}

fn renumber((input, sequence): (Input, u64)) -> Input {
    Input { sequence, ..input }
}

/// What a format came to.
struct Figures {
    name: &'static str,
    bytes_per_sample: f64,
    written_per_s: f64,
    read_per_s: f64,
}

impl Figures {
    fn print(&self, closed: &Self) {
        println!(
            "{:28} {:10.2} {:8.2} {:14.2} {:8.2} {:14.2} {:8.2}",
            self.name,
            self.bytes_per_sample,
            self.bytes_per_sample / closed.bytes_per_sample,
            self.written_per_s / 1e6,
            self.written_per_s / closed.written_per_s,
            self.read_per_s / 1e6,
            self.read_per_s / closed.read_per_s
        );
    }
}

/// Writes and reads, and holds what was read against what was written.
fn measure(format: &dyn Format, plant: &Plant, inputs: &[Input], expected: Digest) -> anyhow::Result<Figures> {
    let (mut written_s, mut read_s, mut bytes) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..REPETITIONS {
        let folder = tempfile::tempdir()?;
        let begun = Instant::now();
        format.write(plant, inputs, folder.path())?;
        written_s = written_s.min(begun.elapsed().as_secs_f64());
        bytes = bytes_in(folder.path())?;
        let begun = Instant::now();
        let read = format.read(folder.path())?;
        read_s = read_s.min(begun.elapsed().as_secs_f64());
        anyhow::ensure!(read == expected, "{}: {read:?} was read, {expected:?} written", format.name());
    }
    let samples = expected.samples as f64;
    Ok(Figures {
        name: format.name(),
        bytes_per_sample: bytes as f64 / samples,
        written_per_s: samples / written_s,
        read_per_s: samples / read_s,
    })
}

fn bytes_in(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// The closed recording through the whole twin, beside the twin alone.
fn replay(plant: &Arc<Plant>, inputs: &[Input], expected: Digest) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    Closed.write(plant, inputs, folder.path())?;
    let (mut replayed_s, mut applied_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..REPETITIONS {
        let begun = Instant::now();
        let (mut twin, mut outputs) = (Twin::new(plant.clone()), Vec::new());
        for input in recording::Reader::open(folder.path())? {
            twin.apply(&input?, &mut outputs);
            outputs.clear();
        }
        replayed_s = replayed_s.min(begun.elapsed().as_secs_f64());
        anyhow::ensure!(twin.view().counts.samples == expected.samples, "the twin must take every sample");
        let begun = Instant::now();
        let mut twin = Twin::new(plant.clone());
        for input in inputs {
            twin.apply(input, &mut outputs);
            outputs.clear();
        }
        applied_s = applied_s.min(begun.elapsed().as_secs_f64());
    }
    println!(
        "replayed through the whole twin: {:.2} M samples/s, {:.2} x the twin alone",
        expected.samples as f64 / replayed_s / 1e6,
        applied_s / replayed_s
    );
    Ok(())
}
