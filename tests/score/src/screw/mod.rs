//! Real screw driving: thread wear and assembly conditions, judged by nothing but the OK or NOK of each run.
//!
//! Data: N. West and J. Deuse, "Industrial screw driving dataset collection", CC BY 4.0, doi:10.5281/zenodo.14729547,
//! github.com/nikolaiwest/pyscrew: one row a run. The torque curves are not part of it, but for a few that [`curve`]
//! looks at.
//!
//! One configuration for everything, the first one tried: a Bernoulli CUSUM that looks soonest for
//! [`MULTIPLE`] times the rate in control and gives a false alarm once in [`RUN_LENGTH`] runs or less often, built for the
//! upper 90 % confidence limit of the rate in the training runs. An alarm ends the watch; the chart then starts anew.

pub(crate) mod curve;
mod run;

use std::collections::BTreeMap;
use std::path::Path;

use drift::{BernoulliCusum, InControlRate, Step};
use run::{Run, read, slow_pairs};

const MULTIPLE: f64 = 4.0;
const RUN_LENGTH: f64 = 2_000.0;
/// Uses up to which a thread counts as fresh; wear is what comes after.
const FRESH_USES: u32 = 3;
/// The same for pairs of screws, watched both ways for how long they take. That there is something to see in them, and
/// that 6 s is the value to count from, was found by looking at all of s04.
const SLOWER: f64 = 1.5;
const QUICKER: f64 = 0.5;

/// What a chart said of a stretch of runs.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Watch {
    alarms: u32,
    /// Runs from the first to the first alarm.
    found_after: Option<usize>,
    /// Where that alarm puts the onset, runs after the first; negative if before.
    onset: Option<i64>,
}

/// Prints the section.
pub(crate) fn score(folder: &Path) -> anyhow::Result<()> {
    println!("\n## Screw driving: OK and NOK of real runs\n");
    println!(
        "Data: N. West and J. Deuse, CC BY 4.0, doi:10.5281/zenodo.14729547. Bernoulli CUSUM, {MULTIPLE} times the"
    );
    println!(
        "rate in control, at most one false alarm in {RUN_LENGTH} runs; rate from training runs, its upper limit.\n"
    );
    let scenario = |name: &str| read(&folder.join("data/csv").join(name));
    wear(&scenario("s01_variations-in-thread-degradation.csv")?)?;
    conditions_one(&scenario("s03_variations-in-assembly-conditions-1.csv")?)?;
    conditions_two(&scenario("s04_variations-in-assembly-conditions-2.csv")?)
}

/// A chart for the rate of `is_event` in training runs.
fn chart(training: &[bool], multiple: f64) -> anyhow::Result<BernoulliCusum> {
    let events = training.iter().filter(|&&is_event| is_event).count() as u64;
    let rate = InControlRate::Estimated { events, observations: training.len() as u64 };
    BernoulliCusum::new(rate, multiple, RUN_LENGTH)
        .ok_or_else(|| anyhow::anyhow!("no chart for {events} of {} and {multiple} times that", training.len()))
}

/// Runs the chart over `before`, whose alarms are nobody's to count here, and then over `runs`.
fn watch(chart: &BernoulliCusum, before: &[bool], runs: &[bool]) -> Watch {
    let mut chart = chart.clone();
    let mut watch = Watch::default();
    for (mark, &is_event) in (-(before.len() as i64)..).zip(before.iter().chain(runs)) {
        let Step::Raised(shift) = chart.observe(is_event, mark) else { continue };
        chart.reset();
        if mark < 0 {
            continue;
        }
        watch.alarms += 1;
        if watch.found_after.is_none() {
            watch.found_after = Some(mark as usize + 1);
            watch.onset = Some(shift.onset_mark);
        }
    }
    watch
}

fn noks<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<bool> {
    runs.into_iter().map(|run| run.is_nok).collect()
}

fn percent(runs: &[bool]) -> f64 {
    100.0 * runs.iter().filter(|&&is_event| is_event).count() as f64 / runs.len().max(1) as f64
}

/// "after 7" or "not seen".
fn found(watch: Watch) -> String {
    watch.found_after.map_or("not seen".to_owned(), |runs| format!("after {runs}"))
}

fn onset(watch: Watch) -> String {
    watch.onset.map_or("-".to_owned(), |runs| format!("{runs:+}"))
}

/// How a chart came about, in one line.
fn tell(training: &[bool], chart: &BernoulliCusum) {
    let bad = training.iter().filter(|&&is_nok| is_nok).count();
    println!(
        "- training: {bad} NOK in {} runs; built for {:.2} %, k = 1/{:.1}, threshold {:.2} NOK, run length {:.0} runs",
        training.len(),
        100.0 * chart.sum().rate(),
        1.0 / chart.sum().reference(),
        chart.sum().threshold(),
        chart.sum().run_length(),
    );
}

/// Thread wear (s01): 100 workpieces, both of whose threads are used 25 times. The workpieces of the first half of the
/// time train, with their first uses; those of the second half are watched, each by itself (a station that knows its
/// workpiece) and all together, ageing in step (a line whose carriers all came new on one day).
fn wear(runs: &[Run]) -> anyhow::Result<()> {
    let mut workpieces: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        workpieces.entry(&run.workpiece).or_default().push(run);
    }
    let mut workpieces: Vec<Vec<&Run>> = workpieces.into_values().collect();
    workpieces.sort_by_key(|runs| runs[0].at);
    let (trained, held) = workpieces.split_at(workpieces.len() / 2);
    let is_fresh = |run: &&&Run| run.uses <= FRESH_USES;
    let training = noks(trained.iter().flatten().filter(is_fresh).copied());
    let chart = chart(&training, MULTIPLE)?;

    println!("### s01, thread wear\n");
    tell(&training, &chart);
    println!("- held out: the other {} workpieces\n", held.len());
    println!("| use | NOK, % of {} runs |\n|---|---|", 2 * held.len());
    for uses in [0, 1, 2, 3, 4, 8, 12, 16, 20, 24] {
        println!("| {uses} | {:.1} |", percent(&noks(held.iter().flatten().filter(|run| run.uses == uses).copied())));
    }

    let mut in_step: Vec<&Run> = held.iter().flatten().copied().collect();
    in_step.sort_by_key(|run| (run.uses, run.at));
    let fresh = noks(in_step.iter().filter(is_fresh).copied());
    let all = noks(in_step.iter().copied());
    let (in_fresh, in_all) = (watch(&chart, &[], &fresh), watch(&chart, &[], &all));
    println!(
        "\nAll held-out workpieces ageing in step: {} false alarms in {} fresh runs;",
        in_fresh.alarms,
        fresh.len()
    );
    match in_all.found_after.and_then(|run| in_step.get(run - 1)) {
        Some(run) => println!(
            "first alarm {} runs, in use {}; onset put at run {}, in use {}; wear held to begin with run {}.",
            found(in_all),
            run.uses,
            in_all.onset.unwrap_or(0),
            in_step[in_all.onset.unwrap_or(0).max(0) as usize].uses,
            fresh.len(),
        ),
        None => println!("wear not seen."),
    }
    each_by_itself(held, &chart);
    Ok(())
}

fn each_by_itself(workpieces: &[Vec<&Run>], chart: &BernoulliCusum) {
    let (mut false_alarms, mut worn, mut missed) = (0, Vec::new(), 0);
    for runs in workpieces {
        let outcomes = noks(runs.iter().copied());
        match watch(chart, &[], &outcomes).found_after {
            Some(run) if runs[run - 1].uses <= FRESH_USES => false_alarms += 1,
            Some(run) => worn.push((runs[run - 1].uses, outcomes[..run].iter().filter(|&&is_nok| is_nok).count())),
            None => missed += usize::from(outcomes.iter().any(|&is_nok| is_nok)),
        }
    }
    worn.sort_unstable();
    let middle = worn.get(worn.len() / 2).copied().unwrap_or_default();
    println!(
        "\nEach workpiece by itself: {false_alarms} of {} alarm in their first {} uses, {} later (median: use {}, with its \
         NOK number {}); {missed} with a NOK never alarm, the others have none.\n",
        workpieces.len(),
        FRESH_USES + 1,
        worn.len(),
        middle.0,
        middle.1,
    );
}

/// Runs by class, in the order of the classes' numbers.
fn by_class(runs: &[Run]) -> BTreeMap<&str, Vec<&Run>> {
    let mut classes: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        classes.entry(&run.class).or_default().push(run);
    }
    classes
}

fn is_control(class: &str) -> bool {
    class.contains("control-group")
}

/// Assembly conditions (s03): four control groups and 22 classes. Each control group is watched with the rate of the other
/// three; each class comes after the control group that was recorded last before it, with the rate of all four.
fn conditions_one(runs: &[Run]) -> anyhow::Result<()> {
    let (mut controls, classes): (Vec<_>, Vec<_>) =
        by_class(runs).into_iter().partition(|(class, _)| is_control(class));
    controls.sort_by_key(|(_, runs)| runs[0].at);
    println!("### s03, assembly conditions\n\nControl groups, each with the rate of the other three:\n");
    println!("| group | runs | NOK, % | false alarms |\n|---|---|---|---|");
    for (class, runs) in &controls {
        let others = noks(controls.iter().filter(|(other, _)| other != class).flat_map(|(_, runs)| runs.clone()));
        let outcomes = noks(runs.clone());
        let alarms = watch(&chart(&others, MULTIPLE)?, &[], &outcomes).alarms;
        println!("| {class} | {} | {:.1} | {alarms} |", outcomes.len(), percent(&outcomes));
    }
    let training = noks(controls.iter().flat_map(|(_, runs)| runs.clone()));
    let chart = chart(&training, MULTIPLE)?;
    println!("\nClasses:\n");
    tell(&training, &chart);
    println!("\n| class | after | runs | NOK, % | found, runs | onset off, runs |\n|---|---|---|---|---|---|");
    for (class, runs) in classes {
        let outcomes = noks(runs.clone());
        let (group, before) = controls.iter().rfind(|(_, control)| control[0].at < runs[0].at).unwrap_or(&controls[0]);
        let watch = watch(&chart, &noks(before.clone()), &outcomes);
        let (seen, from) = (found(watch), onset(watch));
        println!("| {class} | {} | {} | {:.1} | {seen} | {from} |", &group[..3], runs.len(), percent(&outcomes));
    }
    println!();
    Ok(())
}

/// Assembly conditions (s04): one control group, and 24 classes with 100 normal and 100 faulty runs each, in turns. Two
/// folds: the classes of one train, with their normal runs and the control group; those of the other are watched, first
/// their normal runs (false alarms), then after these the faulty ones.
fn conditions_two(runs: &[Run]) -> anyhow::Result<()> {
    let classes = by_class(runs);
    let control: Vec<&Run> =
        classes.iter().filter(|(class, _)| is_control(class)).flat_map(|(_, r)| r.clone()).collect();
    let judged: Vec<(&str, &Vec<&Run>)> =
        classes.iter().filter(|(class, _)| !is_control(class)).map(|(&class, runs)| (class, runs)).collect();
    let normal = |runs: &[&'_ Run]| noks(runs.iter().filter(|run| !run.is_faulty).copied());
    let folds =
        [0, 1].map(|fold| judged.iter().enumerate().filter(move |(i, _)| i % 2 == fold).map(|(_, class)| *class));
    let fold_runs: Vec<Vec<&Run>> =
        folds.into_iter().map(|fold| fold.flat_map(|(_, runs)| runs.clone()).collect()).collect();

    println!("### s04, assembly conditions, in two folds\n");
    let control_chart = chart(&noks(control.iter().copied()), MULTIPLE)?;
    let mut charts = Vec::new();
    for other in [&fold_runs[1], &fold_runs[0]] {
        let training: Vec<bool> = noks(control.iter().copied()).into_iter().chain(normal(other)).collect();
        let chart = chart(&training, MULTIPLE)?;
        tell(&training, &chart);
        let pairs = slow_pairs(control.iter().copied().chain(other.iter().copied().filter(|run| !run.is_faulty)));
        println!("  pairs of OK screws: {:.0} % of {} take 6 s or more", percent(&pairs), pairs.len());
        charts.push((chart, [self::chart(&pairs, SLOWER)?, self::chart(&pairs, QUICKER)?]));
    }
    println!(
        "\n| class | normal: NOK, % | false alarms | faulty: NOK, % | found, runs | onset off, runs | duration, found after pairs |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (mut false_alarms, mut by_control, mut pair_false_alarms, mut normal_runs, mut normal_pairs) = (0, 0, 0, 0, 0);
    for (i, (class, runs)) in judged.iter().enumerate() {
        let (chart, pair_charts) = &charts[i % 2];
        let good = normal(runs);
        let faulty = noks(runs.iter().filter(|run| run.is_faulty).copied());
        let in_good = watch(chart, &[], &good).alarms;
        let in_faulty = watch(chart, &good, &faulty);
        let good_pairs = slow_pairs(runs.iter().copied().filter(|run| !run.is_faulty));
        let faulty_pairs = slow_pairs(runs.iter().copied().filter(|run| run.is_faulty));
        let [slower, quicker] = pair_charts.each_ref().map(|chart| watch(chart, &[], &faulty_pairs).found_after);
        let duration = match (slower, quicker) {
            (Some(pairs), _) => format!("slower, {pairs}"),
            (_, Some(pairs)) => format!("quicker, {pairs}"),
            (None, None) => "not seen".to_owned(),
        };
        println!(
            "| {class} | {:.0} | {in_good} | {:.0} | {} | {} | {duration} of {} |",
            percent(&good),
            percent(&faulty),
            found(in_faulty),
            onset(in_faulty),
            faulty_pairs.len(),
        );
        false_alarms += in_good;
        by_control += watch(&control_chart, &[], &good).alarms;
        pair_false_alarms += pair_charts.iter().map(|chart| watch(chart, &[], &good_pairs).alarms).sum::<u32>();
        normal_runs += good.len();
        normal_pairs += good_pairs.len();
    }
    println!(
        "\nFalse alarms in {normal_runs} normal runs: {false_alarms}, where {:.1} are allowed; {by_control} with the rate of \
         the control group alone. In {normal_pairs} normal pairs: {pair_false_alarms}, where {:.1} are allowed.",
        normal_runs as f64 / RUN_LENGTH,
        2.0 * normal_pairs as f64 / RUN_LENGTH,
    );
    Ok(())
}
