//! Whether the false alarms of a whole line keep to the budget they were solved for, and what that costs in delay.

use drift::{ColumnMonitor, Step, Thresholds};

use crate::stream::{Kind, Stream};

/// Features of the line.
const FEATURES: usize = 2_000;
/// Cycles of a shift: one a minute for eight hours.
const SHIFT_CYCLES: usize = 480;
const SHIFTS: usize = 200;
/// Cycles that a feature is only learnt from, by turns.
const WARM_UPS: [u32; 4] = [50, 100, 200, 500];
/// False alarms that the line may have in a shift.
const BUDGETS: [f64; 3] = [0.1, 1.0, 5.0];
/// What the features are, by turns.
const KINDS: [Kind; 10] = [
    Kind::Normal { phi: 0.0 },
    Kind::LogNormal,
    Kind::Gamma { phi: 0.0 },
    Kind::Exponential,
    Kind::Normal { phi: 0.3 },
    Kind::Normal { phi: 0.5 },
    Kind::Normal { phi: 0.7 },
    Kind::Gamma { phi: 0.3 },
    Kind::Gamma { phi: 0.5 },
    Kind::Gamma { phi: 0.7 },
];
/// Processor cores that are used.
const THREADS: usize = 2;

/// False alarms of one kind of feature, of the mean and of the spread, in the first shift and in all.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    mean: u32,
    spread: u32,
    first_shift: u32,
}

/// Prints the section.
pub(crate) fn score() -> anyhow::Result<()> {
    println!(
        "\nBUDGET: {FEATURES} features, {SHIFTS} shifts of {SHIFT_CYCLES} cycles, learnt from {WARM_UPS:?} cycles before"
    );
    for budget in BUDGETS {
        false_alarms(budget);
    }
    delays();
    Ok(())
}

/// Every feature for all shifts, its charts solved for its part of the budget; each alarm is taken back at once.
fn false_alarms(budget: f64) {
    let thresholds = Thresholds::solve((FEATURES * SHIFT_CYCLES) as f64 / budget);
    let count = |from: usize| {
        let mut counts = [Count::default(); KINDS.len()];
        for feature in (from..FEATURES).step_by(THREADS) {
            watch(feature, thresholds, &mut counts[feature % KINDS.len()]);
        }
        counts
    };
    let parts: Vec<[Count; KINDS.len()]> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|from| scope.spawn(move || count(from))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let sum = |kind: usize, what: fn(&Count) -> u32| parts.iter().map(|part| what(&part[kind])).sum::<u32>();
    let total = |what: fn(&Count) -> u32| (0..KINDS.len()).map(|kind| sum(kind, what)).sum::<u32>();
    let all = total(|count| count.mean + count.spread);
    let (allowed, error) = (budget * SHIFTS as f64, f64::from(all).sqrt());
    println!(
        "\nbudget {budget} a shift: {all} false alarms in {SHIFTS} shifts, {:.2} ± {:.2} of the budget ({} of the mean, {} \
         of the spread; {} in the first shift)",
        f64::from(all) / allowed,
        error / allowed,
        total(|count| count.mean),
        total(|count| count.spread),
        total(|count| count.first_shift),
    );
    for (place, kind) in KINDS.iter().enumerate() {
        let ratio = f64::from(sum(place, |count| count.mean + count.spread)) * KINDS.len() as f64 / allowed;
        println!("  {:32} {ratio:6.2} of its part", kind.to_string());
    }
}

fn watch(feature: usize, thresholds: Thresholds, count: &mut Count) {
    let warm_up = WARM_UPS[feature / KINDS.len() % WARM_UPS.len()];
    let mut stream = Stream::new(KINDS[feature % KINDS.len()], feature as u64);
    let mut column = ColumnMonitor::new(thresholds, warm_up);
    for cycle in 0..warm_up as usize + SHIFTS * SHIFT_CYCLES {
        let Some((_, verdict)) = column.observe(stream.next_value(), cycle as i64) else { continue };
        let mean = matches!(verdict.mean, Step::Raised(_));
        let spread = matches!(verdict.spread, Step::Raised(_));
        if mean || spread {
            count.mean += u32::from(mean);
            count.spread += u32::from(spread && !mean);
            count.first_shift += u32::from(cycle < warm_up as usize + SHIFT_CYCLES);
            column.reset();
        }
    }
}

/// Cycles until a shift of a normal feature is found, at a budget of 1 a shift, beside the CUSUM that was built for just
/// that shift and knows mean and spread.
fn delays() {
    const RUNS: u64 = 400;
    let run_length = (FEATURES * SHIFT_CYCLES) as f64 / BUDGETS[1];
    let thresholds = Thresholds::solve(run_length);
    println!(
        "\nmedian cycles until a shift is found, budget {} a shift; normal feature, learnt from so many cycles",
        BUDGETS[1]
    );
    println!("shift   100 cycles  500 cycles  5000 cycles   CUSUM for that shift, all known");
    for shift in [0.5, 1.0, 2.0] {
        let found = |learnt: u32| {
            median((0..RUNS).map(|seed| {
                let mut stream = Stream::new(Kind::Normal { phi: 0.0 }, 1_000_000 + seed);
                let mut column = ColumnMonitor::new(thresholds, learnt);
                (0..learnt).for_each(|cycle| {
                    column.observe(stream.next_value(), i64::from(cycle));
                });
                cycles_until(|| {
                    let verdict = column.observe(stream.next_value() + shift, 0)?.1;
                    (verdict.mean != Step::Quiet || verdict.spread != Step::Quiet).then_some(())
                })
            }))
        };
        let threshold = drift::calibration::cusum_threshold(0.5 * shift, run_length);
        let best = median((0..RUNS).map(|seed| {
            let mut stream = Stream::new(Kind::Normal { phi: 0.0 }, 2_000_000 + seed);
            let mut chart = drift::Cusum::new(0.5 * shift, threshold).unclipped();
            cycles_until(|| (chart.observe(stream.next_value() + shift, 0) != Step::Quiet).then_some(()))
        }));
        println!("{shift:4} σ {:11} {:11} {:12} {best:10}", found(100), found(500), found(5_000));
    }
}

fn cycles_until(mut found: impl FnMut() -> Option<()>) -> u32 {
    const CYCLES_MAX: u32 = 100_000;
    (1..=CYCLES_MAX).find(|_| found().is_some()).unwrap_or(CYCLES_MAX)
}

fn median(cycles: impl Iterator<Item = u32>) -> u32 {
    let mut cycles: Vec<u32> = cycles.collect();
    cycles.sort_unstable();
    cycles[cycles.len() / 2]
}
