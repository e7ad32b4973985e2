//! Updates a second with 10,000 signals' states live, beside River and a plain loop.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use drift::calibration::{cusum_threshold, ewma_limit, focus_threshold};
use drift::{ColumnMonitor, Cusum, Ewma, Focus, Thresholds};

use crate::stream::{Kind, Stream};

/// Signals whose states are live at once; each gets a value in turn.
const SIGNALS: usize = 10_000;
/// Values of each signal.
const VALUES: usize = 200;
const REPETITIONS: usize = 5;
/// Run length that all charts are solved for.
const RUN_LENGTH: f64 = 1e6;
/// Smoothing of the EWMA.
const SMOOTHING: f64 = 0.1;
/// Page and Hinkley's test of River over the same number of values, printed as updates a second.
const RIVER: &str = include_str!("river_speed.py");

/// Prints the section. `python` is an interpreter that has River; without it River is left out.
pub(crate) fn score(python: Option<&Path>) -> anyhow::Result<()> {
    println!("\nSPEED: one core, {SIGNALS} signals' states live, {VALUES} values each, median of {REPETITIONS}");
    let mut stream = Stream::new(Kind::Normal { phi: 0.0 }, 1);
    let values: Vec<f64> = (0..SIGNALS * VALUES).map(|_| stream.next_value()).collect();
    let plain = rate(&values, || vec![Plain::default(); SIGNALS], |state, value, _| state.observe(value));
    let row = |what: &str, rate: f64, bytes: usize| {
        println!("  {what:44} {:7.2} million/s {:7.3} x plain loop {bytes:6} bytes a signal", rate / 1e6, rate / plain);
    };
    row("plain loop: mean, sigma, 3 sigma", plain, size_of::<Plain>());
    let limits = (
        cusum_threshold(0.5, RUN_LENGTH),
        ewma_limit(SMOOTHING, RUN_LENGTH),
        focus_threshold(0.5, RUN_LENGTH, drift::calibration::Observations::Normal),
    );
    let (cusum, ewma) = (Cusum::new(0.5, limits.0), Ewma::new(SMOOTHING, limits.1));
    let focus = Focus::new(0.5, limits.2);
    let live = |bytes: usize, vector: usize| bytes + vector;
    let focus_bytes = live(size_of::<Focus>(), Focus::MEMORY_BYTES);
    let charts =
        rate(&values, || vec![cusum.clone(); SIGNALS], |chart, z, mark| chart.observe(z, mark) != drift::Step::Quiet);
    row("CUSUM", charts, size_of::<Cusum>());
    let charts =
        rate(&values, || vec![ewma.clone(); SIGNALS], |chart, z, mark| chart.observe(z, mark) != drift::Step::Quiet);
    row("EWMA", charts, size_of::<Ewma>());
    let charts =
        rate(&values, || vec![focus.clone(); SIGNALS], |chart, z, mark| chart.observe(z, mark) != drift::Step::Quiet);
    row("FOCuS, both directions", charts, focus_bytes);
    let all = || vec![(cusum.clone(), ewma.clone(), focus.clone()); SIGNALS];
    let charts = rate(&values, all, |(cusum, ewma, focus), z, mark| {
        let steps = [cusum.observe(z, mark), ewma.observe(z, mark), focus.observe(z, mark)];
        steps.iter().any(|step| *step != drift::Step::Quiet)
    });
    row("CUSUM, EWMA and FOCuS together", charts, size_of::<(Cusum, Ewma)>() + focus_bytes);
    let thresholds = Thresholds::solve(RUN_LENGTH);
    let monitors = || (0..SIGNALS).map(|_| ColumnMonitor::new(thresholds, 50)).collect::<Vec<_>>();
    let monitored = rate(&values, monitors, |column, value, mark| column.observe(value, mark).is_some());
    row("whole monitor, still learning its shape", monitored, size_of::<ColumnMonitor>() + ColumnMonitor::MEMORY_BYTES);
    match python {
        None => println!("  River: not measured; give --python"),
        Some(python) => {
            let river = river(python)?;
            println!("  {:44} {:7.3} million/s {:7.4} x plain loop", "River, PageHinkley", river / 1e6, river / plain);
        }
    }
    Ok(())
}

/// What a page of a textbook does: a running mean and spread, and a limit at three of them.
#[derive(Debug, Clone, Default)]
struct Plain {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Plain {
    fn observe(&mut self, value: f64) -> bool {
        self.count += 1.0;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.count;
        self.squares += from_mean * (value - self.mean);
        from_mean * from_mean > 9.0 * self.squares / self.count
    }
}

/// Values a second: each value goes to the next signal's state.
fn rate<S>(values: &[f64], new: impl Fn() -> Vec<S>, observe: impl Fn(&mut S, f64, i64) -> bool) -> f64 {
    let mut rates: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let mut states = new();
            let begun = Instant::now();
            for (mark, row) in values.chunks(SIGNALS).enumerate() {
                for (state, &value) in states.iter_mut().zip(row) {
                    black_box(observe(state, value, mark as i64));
                }
            }
            values.len() as f64 / begun.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[REPETITIONS / 2]
}

fn river(python: &Path) -> anyhow::Result<f64> {
    let run = Command::new(python).args(["-c", RIVER]).output();
    let output = run.with_context(|| format!("cannot start {}", python.display()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: River did not run: {error}", python.display());
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| format!("River's updates a second: {text:?} is no number"))
}
