use std::fmt;

use alarms::Incident;
use flow::Changeover;
use plant::{Plant, Signal, Station, StationId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{Quality, Sample, Timestamp, Value};
use twin::{FeatureView, LineView, StationView};

use crate::names::wire_names;
use crate::rim::{deviation_sigma, finite, text};
use crate::shift::{source_name, variant_name};
use crate::{InterventionName, InterventionV1, Message, StationKindName, TimeV1};

/// A station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StationV1 {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: StationKindName,
    /// What it is doing.
    pub state: StationStateName,
    /// Since when; absent if it has never been heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<TimeV1>,
    /// The part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The variant of that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Cycles seen.
    pub cycles: u64,
    /// Duration of the last one, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_cycle_s: Option<f64>,
    /// The cycle time it was designed for, seconds; absent where it has no cycles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ideal_cycle_s: Option<f64>,
    /// Names of the stations that parts come from.
    pub upstream: Vec<String>,
    /// Names of the stations whose media it depends on.
    pub utilities: Vec<String>,
    /// What was done there: the latest of each kind, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<InterventionV1>,
    /// Its signals, in the order of their names.
    pub signals: Vec<SignalV1>,
    /// Its features.
    pub features: Vec<FeatureV1>,
    /// Ids of the alerts to be mended here or shown here.
    pub alerts: Vec<String>,
    /// The neighbour that it waits for, while it is starved or blocked; `supply` at the start of the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Who is to blame: the other end of the chain of stations that wait for each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What was reported or seen to be done there while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<InterventionName>,
    /// How long it takes from one variant to another, for each pair that was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changeovers: Vec<ChangeoverV1>,
}

/// From one variant to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeoverV1 {
    /// From that variant.
    pub from: String,
    /// To that one.
    pub to: String,
    /// How often.
    pub count: u64,
    /// Time of its own that the station lost between the last part of one and the first of the other, beyond a usual
    /// handover: mean, seconds.
    pub mean_s: f64,
    /// Of the latest 50, the 90th percentile, seconds.
    pub p90_s: f64,
}

wire_names! {
    /// What a station is doing.
    StationStateName from flow::StationState {
        /// Not known: its link is down, or it has not been heard of yet.
        Unknown,
        /// Working on a part.
        Running,
        /// Ready, but no part has come.
        Starved,
        /// Done, but its part has not been taken.
        Blocked,
        /// Stopped with a fault of its own.
        Down,
        /// Ready, and a part has come, but something of its own holds it back.
        Held,
        /// It is set up for another variant.
        Changeover,
        /// Seen, and not at work, and not known what it waits for.
        Idle,
        /// Not at work in a break or between shifts.
        NotScheduled,
    }
}

impl StationStateName {
    /// The name as the JSON has it.
    pub fn name(self) -> &'static str {
        let core = flow::StationState::ALL.into_iter().find(|&core| Self::from(core) == self);
        core.map_or("unknown", flow::StationState::name)
    }
}

/// A signal's last sample; without value, quality and time if it has never been heard of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignalV1 {
    /// Its name within the station.
    pub name: String,
    /// What it means, such as `weld.current`.
    pub role: String,
    /// The link that it comes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The value; absent also if it is not a finite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueV1>,
    /// Unit of the value; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How far to trust it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityName>,
    /// Why the quality is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the value was true, by the source's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<TimeV1>,
}

/// A signal's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ValueV1 {
    /// A condition.
    Boolean(bool),
    /// A count or a code.
    Integer(i64),
    /// A measurement.
    Number(f64),
    /// A short text.
    Text(String),
}

impl fmt::Display for ValueV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// How far a value can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QualityName {
    /// Trust it.
    Good,
    /// A value is there, with a doubt.
    Uncertain,
    /// Do not use the value.
    Bad,
}

/// A feature of a station's cycles. Numbers are in `unit` unless their name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureV1 {
    /// Its name.
    pub name: String,
    /// Its unit; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its latest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What was expected of that value in its context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Spread of the residual in that context, one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// How many standard deviations the value is from its baseline; negative below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation_sigma: Option<f64>,
    /// Cycles that the baseline of the latest context was learnt from.
    pub baseline_cycles: u32,
    /// Cycles that it needs before it is used.
    pub warm_up_cycles: u32,
    /// The detector's statistic, standard deviations: the larger of both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// The threshold for the statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

impl StationV1 {
    pub(crate) fn new(view: &StationView, line: &LineView, plant: &Plant) -> Self {
        let Station { id, name, kind, upstream, utilities, ideal_cycle_s, origin: _ } = plant.station(view.station);
        let names = |ids: &[StationId]| ids.iter().map(|&id| plant.station(id).name.clone()).collect();
        let flow = line.flow.stations.get(id.index());
        let concerned = |incident: &&Incident| incident.station == Some(*id) || incident.affected.contains(id);
        Self {
            name: name.clone(),
            kind: (*kind).into(),
            state: view.state.into(),
            since: (view.since != Timestamp::EPOCH).then_some(TimeV1(view.since)),
            part: view.part.map(|part| part.to_string()),
            variant: view.variant.map(|variant| plant.variants[variant].name.clone()),
            cycles: view.cycles,
            last_cycle_s: finite(view.last_cycle_s),
            ideal_cycle_s: finite(*ideal_cycle_s),
            upstream: names(upstream),
            utilities: names(utilities),
            interventions: view.interventions.iter().map(|done| InterventionV1::new(done, plant)).collect(),
            signals: plant
                .signals_of(*id)
                .map(|signal| SignalV1::new(signal, line.signals.get(signal.id.index()).copied().flatten(), plant))
                .collect(),
            features: view.features.iter().map(FeatureV1::from).collect(),
            alerts: line.incidents.iter().filter(concerned).map(|incident| incident.id.to_string()).collect(),
            waits_for: flow.and_then(|flow| flow.waits_for).map(|source| source_name(source, plant)),
            root: flow.and_then(|flow| flow.root).map(|source| source_name(source, plant)),
            reason: flow.and_then(|flow| flow.reason).map(InterventionName::from),
            changeovers: flow.iter().flat_map(|flow| &flow.changeovers).map(|cell| changeover(cell, plant)).collect(),
        }
    }
}

impl Message for StationV1 {}

fn changeover(cell: &Changeover, plant: &Plant) -> ChangeoverV1 {
    let Changeover { from, to, count, mean_s, p90_s } = *cell;
    let name = |variant| variant_name(variant, plant).unwrap_or_default();
    ChangeoverV1 { from: name(from), to: name(to), count, mean_s, p90_s }
}

impl SignalV1 {
    fn new(signal: &Signal, sample: Option<Sample>, plant: &Plant) -> Self {
        Self {
            name: signal.path.split_once('/').map_or(&*signal.path, |(_, name)| name).to_owned(),
            role: signal.role.name().to_owned(),
            link: Some(plant.link(signal.link).name.clone()),
            value: sample.and_then(|sample| ValueV1::new(sample.value)),
            unit: text(&signal.unit),
            quality: sample.map(|sample| sample.quality.into()),
            reason: sample.and_then(|sample| sample.quality.reason()).map(|reason| reason.to_string()),
            at: sample.map(|sample| sample.source_time.into()),
        }
    }
}

impl ValueV1 {
    fn new(value: Value) -> Option<Self> {
        match value {
            Value::Float(number) => finite(number).map(Self::Number),
            Value::Integer(number) => Some(Self::Integer(number)),
            Value::Boolean(condition) => Some(Self::Boolean(condition)),
            Value::Symbol(symbol) => Some(Self::Text(symbol.to_string())),
        }
    }
}

impl From<Quality> for QualityName {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Good => Self::Good,
            Quality::Uncertain(_) => Self::Uncertain,
            Quality::Bad(_) => Self::Bad,
        }
    }
}

impl From<&FeatureView> for FeatureV1 {
    fn from(view: &FeatureView) -> Self {
        Self {
            name: view.name.to_owned(),
            unit: text(&view.unit),
            value: finite(view.value),
            baseline: finite(view.baseline),
            sigma: finite(view.sigma),
            deviation_sigma: deviation_sigma(view.value, view.baseline, view.sigma),
            baseline_cycles: view.baseline_cycles,
            warm_up_cycles: view.warm_up_cycles,
            statistic: finite(view.statistic),
            threshold: finite(view.threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_as_what_it_was() {
        for value in [ValueV1::Boolean(true), ValueV1::Integer(-7), ValueV1::Number(7.0), ValueV1::Text("EV1".into())] {
            let json = serde_json::to_string(&value).unwrap_or_default();
            assert_eq!(serde_json::from_str::<ValueV1>(&json).ok(), Some(value), "{json}");
        }
    }
}
