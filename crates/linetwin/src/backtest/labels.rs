//! What truly happened, as the simulator writes it or a person does: JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract::{CauseName, TimeV1};
use plant::{Cause, Plant};
use plant_sim::Fault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use telemetry::Timestamp;

use crate::backtest::judge::Label;
use crate::backtest::trial::cause_of;

/// Files in a recording's folder that are taken for its labels, the first that is there.
pub(super) const FILES: [&str; 2] = ["labels.jsonl", "truth.jsonl"];

/// A file of labels.
#[derive(Debug)]
pub(super) struct LabelFile {
    path: PathBuf,
    /// By time; of the same moment in the file's order.
    entries: Vec<Entry>,
}

/// One line of it.
#[derive(Debug)]
struct Entry {
    line: usize,
    /// The recording that it is about; every one that saw it if `None`.
    recording: Option<String>,
    at: Timestamp,
    place: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Began { fault: Option<String>, cause: Option<Cause> },
    Ended { fault: Option<String> },
    LimitCrossed,
}

/// A fault in one line, from its begin to its end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeLine {
    recording: Option<String>,
    station: String,
    fault: Option<String>,
    cause: Option<CauseName>,
    began: TimeV1,
    ended: Option<TimeV1>,
    limit: Option<TimeV1>,
}

/// `fault-began`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeganLine {
    recording: Option<String>,
    at: TimeV1,
    station: String,
    fault: Option<String>,
    cause: Option<CauseName>,
    /// The simulator's word for the kind of the fault.
    #[serde(rename = "family")]
    _family: Option<String>,
}

/// `fault-ended`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndedLine {
    recording: Option<String>,
    at: TimeV1,
    station: String,
    fault: Option<String>,
}

/// `limit-crossed`; which quantity, how far and which limit is not judged.
#[derive(Deserialize)]
struct LimitLine {
    recording: Option<String>,
    at: TimeV1,
    station: String,
}

/// What else the simulator tells; it is no fault.
const NO_FAULT: [&str; 6] = ["part-scrapped", "link-down", "link-up", "tip-dressed", "glass-changed", "production"];

/// A fault and the line that tells of its begin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labelled {
    pub(super) line: usize,
    pub(super) label: Label,
}

impl LabelFile {
    /// Reads a file of labels.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the labels in {}", path.display()))?;
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate().map(|(place, line)| (place + 1, line.trim())) {
            if !line.is_empty() && !line.starts_with('#') {
                read_line(number, line, &mut entries).with_context(|| format!("{}:{number}", path.display()))?;
            }
        }
        entries.sort_by_key(|entry| entry.at);
        Ok(Self { path: path.to_owned(), entries })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The lines that tell of the begin of a fault.
    pub(super) fn fault_lines(&self) -> impl Iterator<Item = usize> {
        let began = self.entries.iter().filter(|entry| matches!(entry.what, What::Began { .. }));
        began.map(|entry| entry.line)
    }

    /// The faults that may be in a recording of that name under that plant, by their begin.
    ///
    /// # Errors
    /// If one is at a place that is not there, or ends without having begun.
    pub(super) fn of_recording(&self, name: &str, plant: &Plant) -> anyhow::Result<Vec<Labelled>> {
        let is_of = |entry: &&Entry| entry.recording.as_ref().is_none_or(|recording| recording == name);
        let mut labels: Vec<Labelled> = Vec::new();
        for entry in self.entries.iter().filter(is_of) {
            known_place(entry, plant)
                .and_then(|()| entry.add_to(&mut labels))
                .with_context(|| format!("{}:{}", self.path.display(), entry.line))?;
        }
        Ok(labels)
    }
}

/// Those that a recording of that time saw. A fault that nobody saw end lasts to the end of the recording in which it
/// began, and is in no later one.
pub(super) fn seen(labels: Vec<Labelled>, (from, until): (Timestamp, Timestamp)) -> Vec<Labelled> {
    let is_seen = |label: &Label| label.began <= until && label.ended.unwrap_or(label.began) >= from;
    labels.into_iter().filter(|labelled| is_seen(&labelled.label)).collect()
}

/// Only faults have to be at a place that is there: what else is told is of no use here.
fn known_place(entry: &Entry, plant: &Plant) -> anyhow::Result<()> {
    let stations = plant.stations.iter().map(|station| station.name.as_str());
    let known: Vec<&str> = stations.chain(plant.links.iter().map(|link| link.name.as_str())).collect();
    if matches!(entry.what, What::LimitCrossed) || known.contains(&entry.place.as_str()) {
        return Ok(());
    }
    anyhow::bail!("line {} has no station or link {:?}; expected one of {}", plant.line, entry.place, known.join(", "))
}

impl Entry {
    fn add_to(&self, labels: &mut Vec<Labelled>) -> anyhow::Result<()> {
        let own = labels.iter().position(|labelled| labelled.line == self.line);
        match &self.what {
            What::Began { fault, cause } => labels.push(Labelled {
                line: self.line,
                label: Label {
                    place: self.place.clone(),
                    fault: fault.clone(),
                    cause: *cause,
                    began: self.at,
                    ended: None,
                    limit: None,
                },
            }),
            What::Ended { fault } => {
                let is_open = |label: &Label| {
                    label.place == self.place && label.ended.is_none() && (fault.is_none() || label.fault == *fault)
                };
                let latest = || labels.iter().rposition(|labelled| is_open(&labelled.label));
                let ends = own.or_else(latest).with_context(|| {
                    format!(
                        "a fault ends at {} that has not begun; expected a fault-began there before {}",
                        self.place, self.at
                    )
                })?;
                labels[ends].label.ended = Some(self.at);
            }
            What::LimitCrossed => {
                let there =
                    |label: &Label| label.place == self.place && label.ended.is_none_or(|ended| self.at <= ended);
                for (place, Labelled { label, .. }) in labels.iter_mut().enumerate() {
                    if own.map_or_else(|| there(label), |own| own == place) {
                        label.limit.get_or_insert(self.at);
                    }
                }
            }
        }
        Ok(())
    }
}

fn read_line(line: usize, text: &str, entries: &mut Vec<Entry>) -> anyhow::Result<()> {
    let mut object: Map<String, Value> = serde_json::from_str(text).context(
        "expected a JSON object, such as \
         {\"station\":\"weld-20\",\"began\":\"2026-11-24T08:00:00+01:00\",\"cause\":\"electrode-wear\"}",
    )?;
    let mut add = |recording: &Option<String>, at: TimeV1, place: &str, what| {
        entries.push(Entry { line, recording: recording.clone(), at: at.0, place: place.to_owned(), what });
    };
    let Some(event) = object.remove("event") else {
        let WholeLine { recording, station, fault, cause, began, ended, limit } = parse(object)?;
        if let Some((name, _)) =
            [("ended", ended), ("limit", limit)].into_iter().find(|(_, at)| at.is_some_and(|at| at < began))
        {
            anyhow::bail!("{name} is before began; expected a later time");
        }
        let cause = cause_of_label(cause, fault.as_deref());
        add(&recording, began, &station, What::Began { fault: fault.clone(), cause });
        limit.into_iter().for_each(|limit| add(&recording, limit, &station, What::LimitCrossed));
        ended.into_iter().for_each(|ended| add(&recording, ended, &station, What::Ended { fault: fault.clone() }));
        return Ok(());
    };
    match event.as_str() {
        Some("fault-began") => {
            let BeganLine { recording, at, station, fault, cause, _family } = parse(object)?;
            let cause = cause_of_label(cause, fault.as_deref());
            add(&recording, at, &station, What::Began { fault, cause });
        }
        Some("fault-ended") => {
            let EndedLine { recording, at, station, fault } = parse(object)?;
            add(&recording, at, &station, What::Ended { fault });
        }
        Some("limit-crossed") => {
            let LimitLine { recording, at, station } = parse(object)?;
            add(&recording, at, &station, What::LimitCrossed);
        }
        Some(event) if NO_FAULT.contains(&event) => {}
        _ => anyhow::bail!(
            "there is no event {event}; expected fault-began, fault-ended or limit-crossed, or a line with began \
             instead of event"
        ),
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(object: Map<String, Value>) -> anyhow::Result<T> {
    Ok(serde_json::from_value(Value::Object(object))?)
}

/// The cause that is written, or else the one of the simulator's fault of that name.
fn cause_of_label(cause: Option<CauseName>, fault: Option<&str>) -> Option<Cause> {
    let simulated = || Fault::ALL.iter().find(|known| Some(known.name()) == fault).copied().map(cause_of);
    cause.map(Cause::from).or_else(simulated)
}

#[cfg(test)]
mod tests;
