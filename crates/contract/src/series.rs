use std::collections::BTreeMap;

use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::InterventionKind;

use crate::rim::schema_tag;
use crate::{Message, TimeV1, phrases};

schema_tag!(SeriesSchema = "linetwin/series/v1");

/// The latest cycles of a station, seen by one feature: what a control chart is drawn from. Numbers are in `unit` unless
/// their name says otherwise, and rounded to seven digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesV1 {
    /// Version of this message.
    pub schema: SeriesSchema,
    /// The station.
    pub station: String,
    /// Name of the feature.
    pub feature: String,
    /// Its unit; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What is good, for each variant of which there are cycles and a limit.
    pub limits: Vec<SeriesLimitV1>,
    /// The cycles in which the feature was seen, the earliest first.
    pub points: Vec<PointV1>,
}

/// The lowest and the highest good value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesLimitV1 {
    /// The variant that it is for; absent for parts that are not known to be of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The lowest good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The highest good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// A cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointV1 {
    /// When it ended.
    pub at: TimeV1,
    /// The part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Its variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The value.
    pub value: f64,
    /// What was expected of it in its context; absent while that was not learnt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// Spread of the residual in that context, one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
}

impl Message for SeriesV1 {}

schema_tag!(WordsSchema = "linetwin/words/v1");

/// What features and interventions are called in the languages of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WordsV1 {
    /// Version of this message.
    pub schema: WordsSchema,
    /// For each language, by its code after ISO 639-1: a feature's name and what it is called.
    pub features: BTreeMap<String, BTreeMap<String, String>>,
    /// For each language: the name of an intervention, such as `tool-dress`, and what it is called.
    #[serde(default)]
    pub interventions: BTreeMap<String, BTreeMap<String, String>>,
}

impl WordsV1 {
    /// The words of that plant for features of these names.
    pub fn new<'a>(plant: &Plant, names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let words = |texts: &plant::Texts| {
            names.clone().map(|name| (name.to_owned(), texts.feature(name).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let done = |texts: &plant::Texts| {
            let phrases = phrases::of(texts.language());
            let named = |kind: InterventionKind| (kind.name().to_owned(), phrases.intervention(kind).to_owned());
            InterventionKind::ALL.iter().copied().map(named).collect::<BTreeMap<_, _>>()
        };
        let texts = || plant.runbook.texts().map(|texts| (texts.language().to_owned(), texts));
        Self {
            schema: WordsSchema::V1,
            features: texts().map(|(language, texts)| (language, words(texts))).collect(),
            interventions: texts().map(|(language, texts)| (language, done(texts))).collect(),
        }
    }
}

impl Message for WordsV1 {}
