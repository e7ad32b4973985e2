use alarms::{Escalation, Judged, Recipient, Removed, Shelved, Stake, Step, Suppressor};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::{finite, text};
use crate::{ChangeName, ConsequenceName, JudgementName, PriorityName, TimeV1};

/// What comes of an incident if nobody does anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StakeV1 {
    /// What.
    pub consequence: ConsequenceName,
    /// What that costs an hour from when the limit is crossed; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_per_h: Option<f64>,
    /// The currency of the cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Somebody wants an incident not to be shown for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShelvedV1 {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: TimeV1,
    /// Until when; until it is no longer there if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<TimeV1>,
}

/// A place that is being maintained: nothing that only it shows is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutOfServiceV1 {
    /// A station, a link, or `station/name` of a signal or a feature.
    pub place: String,
    /// Who removed it from service.
    pub by: String,
    /// When.
    pub at: TimeV1,
    /// What they added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What somebody said of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedV1 {
    /// What.
    #[serde(rename = "as")]
    pub judgement: JudgementName,
    /// Who.
    pub by: String,
    /// When.
    pub at: TimeV1,
}

/// Who is told because nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalationV1 {
    /// How many steps of the plant's escalation have been taken, from 1.
    pub step: u16,
    /// When the last of them was.
    pub since: TimeV1,
    /// Who was told with it.
    pub to: Vec<RecipientV1>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecipientV1 {
    /// In which role.
    pub role: String,
    /// Who had that role then; absent if nobody is entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Something that happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryStepV1 {
    /// When.
    pub at: TimeV1,
    /// What.
    pub change: ChangeName,
    /// The incident's priority after it.
    pub priority: PriorityName,
    /// Who did it; absent if it came of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl StakeV1 {
    pub(crate) fn new(stake: Stake, plant: &Plant) -> Self {
        let cost_per_h = finite(stake.cost_per_h);
        let currency = cost_per_h.and(plant.alarms.costs.as_ref()).map(|costs| costs.currency.clone());
        Self { consequence: stake.consequence.into(), cost_per_h, currency }
    }
}

impl From<&Shelved> for ShelvedV1 {
    fn from(shelved: &Shelved) -> Self {
        let Shelved { by, at, until } = shelved;
        Self { by: by.clone(), at: (*at).into(), until: until.map(TimeV1) }
    }
}

impl From<&Removed> for OutOfServiceV1 {
    fn from(removed: &Removed) -> Self {
        let Removed { place: _, name, by, at, comment } = removed;
        Self { place: name.clone(), by: by.clone(), at: (*at).into(), comment: text(comment) }
    }
}

impl From<&Judged> for JudgedV1 {
    fn from(judged: &Judged) -> Self {
        let Judged { judgement, by, at } = judged;
        Self { judgement: (*judgement).into(), by: by.clone(), at: (*at).into() }
    }
}

impl From<&Escalation> for EscalationV1 {
    fn from(escalation: &Escalation) -> Self {
        let Escalation { step, since, to } = escalation;
        let recipient =
            |recipient: &Recipient| RecipientV1 { role: recipient.role.clone(), name: recipient.name.clone() };
        Self { step: step + 1, since: (*since).into(), to: to.iter().map(recipient).collect() }
    }
}

impl From<&Step> for HistoryStepV1 {
    fn from(step: &Step) -> Self {
        let Step { at, change, priority, by, comment } = step;
        Self {
            at: (*at).into(),
            change: (*change).into(),
            priority: (*priority).into(),
            by: by.clone(),
            comment: text(comment),
        }
    }
}

/// What an incident is suppressed by: the name of the plant's rule, or `flood`.
pub(crate) fn suppressed_by(suppressor: Suppressor, plant: &Plant) -> String {
    match suppressor {
        Suppressor::Flood => "flood".to_owned(),
        Suppressor::Rule(place) => {
            let rule = plant.alarms.suppressions.get(usize::from(place));
            rule.map_or_else(String::new, |rule| rule.name.clone())
        }
    }
}
