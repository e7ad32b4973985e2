//! Measures the core: samples a second through the twin for 10,000 signals, beside the plain cost of reading the same
//! samples from a recording. Ratios are to what was measured in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use e2e::recording_header;
use e2e::wide_line::WideLine;
use recording::{Reader, Writer, WriterOptions};
use telemetry::Input;
use twin::Twin;

/// Polls of every signal, and what lies between two, s.
const POLLS: u32 = 400;
const POLL_INTERVAL_S: f64 = 0.5;
const REPETITIONS: usize = 5;

fn main() -> anyhow::Result<()> {
    let plant = Arc::new(WideLine::LARGE.plant());
    let inputs: Vec<Input> = WideLine::LARGE.inputs(POLLS, POLL_INTERVAL_S).collect();
    let samples: usize = inputs.iter().map(|input| input.event.samples().len()).sum();
    println!("{} signals, {samples} samples in {} inputs; median of {REPETITIONS}", plant.signals.len(), inputs.len());

    let folder = tempfile::tempdir()?;
    let header = recording_header(&plant);
    let mut writer = Writer::create(folder.path(), header, WriterOptions { segment_bytes: 64 * 1024 * 1024 })?;
    let begun = Instant::now();
    for input in &inputs {
        writer.append(input)?;
    }
    writer.flush()?;
    let written_s = begun.elapsed().as_secs_f64();
    drop(writer);
    let bytes: u64 = std::fs::read_dir(folder.path())?
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();

    let decoded_s = median(|| {
        let begun = Instant::now();
        let mut reader = Reader::open(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        let read: usize = reader.by_ref().flatten().map(|input| black_box(input.event.samples().len())).sum();
        assert_eq!(read, samples, "the recording must hold every sample");
        begun.elapsed().as_secs_f64()
    });
    let copied_s = median(|| {
        let begun = Instant::now();
        for input in &inputs {
            black_box(input.event.samples().to_vec());
        }
        begun.elapsed().as_secs_f64()
    });
    let mut cycles = 0;
    let applied_s = median(|| {
        let mut twin = Twin::new(plant.clone());
        let mut outputs = Vec::new();
        let begun = Instant::now();
        for input in &inputs {
            twin.apply(input, &mut outputs);
            outputs.clear();
        }
        let taken_s = begun.elapsed().as_secs_f64();
        let counts = twin.view().counts;
        assert_eq!(counts.samples as usize, samples, "the twin must take every sample");
        cycles = counts.cycles;
        taken_s
    });

    let row = |what: &str, seconds: f64| {
        let rate = samples as f64 / seconds / 1e6;
        println!("{what:32} {rate:8.2} million samples/s   {:6.2} x decoding", decoded_s / seconds);
    };
    row("decoding the recording", decoded_s);
    row("copying the samples", copied_s);
    row("through the twin", applied_s);
    row("writing the recording (once)", written_s);
    println!("{cycles} cycles; {:.1} bytes a sample in the recording", bytes as f64 / samples as f64);
    Ok(())
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..REPETITIONS).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[REPETITIONS / 2]
}
