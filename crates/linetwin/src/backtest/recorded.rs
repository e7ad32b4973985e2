//! Backtests of recordings: what a configuration would have told, held against what truly happened.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use contract::{
    AlertV1, BacktestRecordingV1, BacktestRunV1, BacktestSchema, BacktestV1, FindV1, JudgedAlertV1, LabelledFaultV1,
    Message as _, WorthName,
};
use plant::Plant;

use crate::backtest::difference::difference;
use crate::backtest::judge::{Label, Told};
use crate::backtest::labels::{self, LabelFile, Labelled};
use crate::backtest::parallel::in_parallel;
use crate::backtest::run::{Run, replay};
use crate::backtest::threshold::{Missed, Thresholds};
use crate::backtest::words::counted;
use crate::backtest::{report, tally, told};
use crate::setup::Setup;

/// What only a backtest of recordings has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "On recordings")]
pub(super) struct RecordedOptions {
    /// What truly happened, as JSON lines; labels.jsonl or truth.jsonl in a recording's folder if left out.
    #[arg(long, value_name = "FILE", requires = "recordings")]
    labels: Option<PathBuf>,
    /// Configuration to hold the judged one against, alert by alert; recorded for the recordings' own.
    #[arg(long, value_name = "DIR|recorded", requires = "recordings")]
    against: Option<Against>,
    /// How long each recording runs for the twin to learn from before anything is judged.
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "recordings")]
    learning: String,
    /// File for the report, a page that needs no other file.
    #[arg(long, value_name = "FILE", requires = "recordings")]
    report: Option<PathBuf>,
    /// File for all of it as JSON.
    #[arg(long, value_name = "FILE", requires = "recordings")]
    json: Option<PathBuf>,
    #[command(flatten)]
    thresholds: Thresholds,
}

/// What a configuration is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Against {
    Recorded,
    Folder(PathBuf),
}

impl FromStr for Against {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == RECORDED { Self::Recorded } else { Self::Folder(PathBuf::from(text)) })
    }
}

/// Stands for the configuration that a recording was made under.
const RECORDED: &str = "recorded";

/// Where a configuration comes from.
struct Source<'a> {
    /// What each recording was made under if `None`.
    folder: Option<&'a Path>,
    set: &'a [String],
}

impl Source<'_> {
    fn name(&self) -> String {
        let name = self.folder.map_or_else(|| RECORDED.to_owned(), |folder| folder.display().to_string());
        if self.set.is_empty() { name } else { format!("{name} with {}", self.set.join(", ")) }
    }

    fn setup(&self, recording: &Path) -> anyhow::Result<Setup> {
        Setup::of_recording(recording, self.folder, self.set)
    }
}

/// Replays and judges the recordings, prints the tables and writes what is wanted.
///
/// # Errors
/// [`Missed`] if a threshold is missed; else that something cannot be read or written, or is not as it must be.
pub(super) fn run(arguments: &super::Arguments) -> anyhow::Result<()> {
    let options = &arguments.recorded;
    let learning_s = plant_sim::parse_span_s(&options.learning).context("--learning")?;
    let own = options.labels.as_deref().map(LabelFile::read).transpose()?;
    let mut sources = vec![Source { folder: arguments.config.as_deref(), set: &arguments.set }];
    match &options.against {
        Some(Against::Recorded) => sources.push(Source { folder: None, set: &[] }),
        Some(Against::Folder(folder)) => sources.push(Source { folder: Some(folder), set: &[] }),
        None => {}
    }
    // All that can be wrong is read before the first recording is replayed, which takes its time.
    let mut jobs: Vec<(&Path, Arc<Plant>)> = Vec::new();
    for recording in &arguments.recordings {
        for source in &sources {
            let setup = source.setup(recording).with_context(|| about(recording, source))?;
            jobs.push((recording, setup.plant));
        }
    }
    let labels = arguments
        .recordings
        .iter()
        .zip(jobs.iter().step_by(sources.len()))
        .map(|(recording, (_, plant))| Truth::of(recording, own.as_ref(), plant))
        .collect::<anyhow::Result<Vec<Truth>>>()?;
    options.thresholds.check(labels.iter().any(|truth| truth.labels.is_some()))?;
    let runs = in_parallel(&jobs, |(recording, plant)| {
        replay(recording, plant, learning_s).with_context(|| recording.display().to_string())
    })?;
    let runs = runs.into_iter().collect::<anyhow::Result<Vec<Run>>>()?;
    let recordings = judge(labels, &runs, own.as_ref());
    let places = places(&runs, |place| recordings.iter().any(|recording| recording.places.contains(place)));
    let configurations = sources
        .iter()
        .enumerate()
        .map(|(place, source)| tally::configuration(source.name(), place, &recordings, &places))
        .collect();
    let mut backtest = BacktestV1 {
        schema: BacktestSchema::V1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        line: runs.first().map(|run| run.alerts.plant.line.clone()).unwrap_or_default(),
        learning_s,
        configurations,
        recordings,
        thresholds: Vec::new(),
    };
    backtest.thresholds = options.thresholds.judge(&backtest.configurations)?;
    print!("{}", told::Tables { backtest: &backtest, list_alerts: arguments.alerts });
    if let Some(path) = &options.json {
        write(path, &(backtest.to_json() + "\n"))?;
    }
    if let Some(path) = &options.report {
        write(path, &report::page(&backtest)?)?;
    }
    Missed::of(&backtest.thresholds)
}

/// What a problem with a configuration is about.
fn about(recording: &Path, source: &Source<'_>) -> String {
    match source.folder {
        Some(folder) => folder.display().to_string(),
        None => format!("the configuration of {}", recording.display()),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What is known of a recording.
struct Truth {
    /// The recording's name.
    name: String,
    /// What may be in it; `None` if nobody labelled it.
    labels: Option<Vec<Labelled>>,
    /// The file in its folder that they are from.
    beside: Option<LabelFile>,
}

impl Truth {
    fn of(recording: &Path, own: Option<&LabelFile>, plant: &Plant) -> anyhow::Result<Self> {
        let name = name_of(recording);
        let beside = if own.is_none() { labels_beside(recording)? } else { None };
        let labels = own.or(beside.as_ref()).map(|file| file.of_recording(&name, plant)).transpose()?;
        Ok(Self { name, labels, beside })
    }
}

/// Every recording with its labels and its runs, judged.
fn judge(truths: Vec<Truth>, runs: &[Run], own: Option<&LabelFile>) -> Vec<BacktestRecordingV1> {
    let of_each = runs.len() / truths.len();
    let mut used = BTreeSet::new();
    let mut judged = Vec::new();
    for (Truth { name, labels, beside }, runs) in truths.into_iter().zip(runs.chunks(of_each)) {
        let labels = labels.map(|labels| labels::seen(labels, (runs[0].from, runs[0].until)));
        let lines: BTreeSet<usize> = labels.iter().flatten().map(|labelled| labelled.line).collect();
        if let Some(file) = &beside {
            warn_of_unused(file, &lines);
        }
        used.extend(lines);
        judged.push(judge_recording(name, labels.as_deref(), runs));
    }
    own.iter().for_each(|file| warn_of_unused(file, &used));
    judged
}

/// The name of a recording's folder; of one of its segments, that of the segment.
fn name_of(recording: &Path) -> String {
    let whole = recording.canonicalize().unwrap_or_else(|_| recording.to_owned());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

fn labels_beside(recording: &Path) -> anyhow::Result<Option<LabelFile>> {
    let mut files = labels::FILES.iter().map(|file| recording.join(file));
    files.find(|file| file.exists()).map(|file| LabelFile::read(&file)).transpose()
}

/// A label of a wrong day or a misspelt recording must not go by unseen.
fn warn_of_unused(file: &LabelFile, used: &BTreeSet<usize>) {
    let unused: Vec<usize> = file.fault_lines().filter(|line| !used.contains(line)).collect();
    if let Some(first) = unused.first() {
        tracing::warn!(
            "{}:{first}: this fault is in none of the recordings, by its time or the name of its recording; {} in the \
             file but not judged for that",
            file.path().display(),
            counted(unused.len(), "fault is", "faults are")
        );
    }
}

fn judge_recording(name: String, labels: Option<&[Labelled]>, runs: &[Run]) -> BacktestRecordingV1 {
    let first = &runs[0];
    let labelled = labels.into_iter().flatten();
    let faults: Vec<LabelledFaultV1> =
        labelled.map(|Labelled { label, .. }| labelled_fault(label, first.judges(label))).collect();
    let judged_runs: Vec<BacktestRunV1> = runs.iter().map(|run| judge_run(run, labels)).collect();
    let difference = match &judged_runs[..] {
        [judged, against] => Some(difference(&judged.alerts, &against.alerts, first.until.into())),
        _ => None,
    };
    let has_something = |place: &String| {
        faults.iter().any(|fault| fault.place == *place)
            || judged_runs.iter().flat_map(|run| &run.alerts).any(|alert| alert.place == *place)
    };
    BacktestRecordingV1 {
        name,
        from: first.from.into(),
        until: first.until.into(),
        labelled: labels.is_some(),
        places: places(runs, has_something),
        faults,
        runs: judged_runs,
        difference,
    }
}

/// The stations and links that `wanted` is true of, in the order of the configurations, the judged one first.
fn places(runs: &[Run], wanted: impl Fn(&String) -> bool) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for run in runs {
        let Plant { stations, links, .. } = &*run.alerts.plant;
        let names = stations.iter().map(|station| &station.name).chain(links.iter().map(|link| &link.name));
        for name in names.filter(|name| wanted(name)) {
            if !places.contains(name) {
                places.push(name.clone());
            }
        }
    }
    places
}

fn labelled_fault(label: &Label, judged: bool) -> LabelledFaultV1 {
    LabelledFaultV1 {
        place: label.place.clone(),
        fault: label.fault.clone(),
        cause: label.cause.map(Into::into),
        began: label.began.into(),
        ended: label.ended.map(Into::into),
        limit: label.limit.map(Into::into),
        judged,
    }
}

fn judge_run(run: &Run, labels: Option<&[Labelled]>) -> BacktestRunV1 {
    let (mut judged, mut not_judged, mut finds) = (Vec::new(), Vec::new(), Vec::new());
    for (fault, Labelled { label, .. }) in labels.into_iter().flatten().enumerate() {
        if !run.judges(label) {
            not_judged.push(label.clone());
            continue;
        }
        let score = run.alerts.score(label);
        finds.push(FindV1 {
            fault: fault as u32,
            alert: score.found.map(|id| id.to_string()),
            delay_s: score.delay_s,
            time_won_s: score.time_won_s,
            cause_is_right: score.cause_is_right,
        });
        judged.push(label.clone());
    }
    let worth = |raised: &Told| match labels {
        _ if raised.at < run.judged_from => WorthName::NotJudged,
        None => WorthName::Unlabelled,
        Some(_) if run.alerts.is_true(&raised.incident, &judged) => WorthName::True,
        Some(_) if run.alerts.is_true(&raised.incident, &not_judged) => WorthName::NotJudged,
        Some(_) => WorthName::False,
    };
    let alerts = run.alerts.raised().map(|raised| judged_alert(run, raised, worth(raised))).collect();
    let shift_s = run.alerts.plant.detection.shift_h * 3600.0;
    BacktestRunV1 { shifts: run.judged_s / shift_s, finds, alerts }
}

fn judged_alert(run: &Run, raised: &Told, worth: WorthName) -> JudgedAlertV1 {
    let last = run.alerts.last_of(&raised.incident).unwrap_or(raised);
    let incident = &last.incident;
    let told = AlertV1::new(incident, &run.alerts.plant);
    JudgedAlertV1 {
        id: told.id,
        place: run.alerts.place_of(incident).to_owned(),
        cause: told.cause.name,
        evidence: incident.evidence.iter().map(|evidence| evidence.name.clone()).collect(),
        headline: told.headline,
        onset: told.onset,
        raised: raised.at.into(),
        gone: incident.returned.map(Into::into),
        worth,
    }
}
