//! A stretch of a line of 10,000 signals at 10 Hz through the whole twin, on one core: how long a day would take, and whether
//! the memory grows.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use e2e::recording_header;
use e2e::wide_line::WideLine;
use linetwin::simulated::START;
use recording::{NO_WRITER, Reader, Retention, Upkeep, Writer, WriterOptions};
use twin::Twin;

const INTERVAL_S: f64 = 0.1;
/// Twenty minutes: 120 million samples, in which a station makes 30 cycles.
const POLLS: u32 = 12_000;
const PARTS: usize = 4;
const DAY_S: f64 = 86_400.0;

pub(crate) fn measure() -> anyhow::Result<()> {
    let plant = Arc::new(WideLine::LARGE.plant());
    let folder = tempfile::tempdir()?;
    record(&plant, folder.path())?;
    let span_s = f64::from(POLLS) * INTERVAL_S;
    println!(
        "{} signals at {} Hz, {} min, from closed segments:",
        plant.signals.len(),
        1.0 / INTERVAL_S,
        span_s / 60.0
    );
    let (mut twin, mut outputs) = (Twin::new(plant), Vec::new());
    let (begun, mut samples, mut part) = (Instant::now(), 0u64, 1);
    for input in Reader::open(folder.path())? {
        let input = input?;
        samples += input.event.samples().len() as u64;
        twin.apply(&input, &mut outputs);
        outputs.clear();
        if input.received.seconds_since(START) >= span_s * part as f64 / PARTS as f64 {
            println!(
                "    after {:4.0} min: {:6.0} MiB in memory",
                span_s / 60.0 * part as f64 / PARTS as f64,
                memory_mib()?
            );
            part += 1;
        }
    }
    let replayed_s = begun.elapsed().as_secs_f64();
    println!(
        "    {:.2} M samples/s, {:.0} x life: a day in {:.2} h; {:.0} MiB in memory at the end",
        samples as f64 / replayed_s / 1e6,
        span_s / replayed_s,
        DAY_S / (span_s / replayed_s) / 3600.0,
        memory_mib()?
    );
    Ok(())
}

fn record(plant: &plant::Plant, folder: &Path) -> anyhow::Result<()> {
    let mut writer = Writer::create(folder, recording_header(plant), WriterOptions::default())?;
    let mut upkeep = Upkeep::new(folder, Retention::KEEP_ALL);
    let mut at_segment = writer.at_segment();
    for input in WideLine::LARGE.inputs(POLLS, INTERVAL_S) {
        writer.append(&input)?;
        if writer.at_segment() != at_segment {
            at_segment = writer.at_segment();
            upkeep.pass(at_segment, START, || false)?;
        }
    }
    drop(writer);
    upkeep.pass(NO_WRITER, START, || false)?;
    Ok(())
}

/// What this process holds in memory, MiB.
fn memory_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    Ok(kib.ok_or_else(|| anyhow::anyhow!("/proc/self/status tells no VmRSS"))? / 1024.0)
}
