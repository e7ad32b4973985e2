//! How incidents are told: when, to whom, how urgently, and when not.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use telemetry::SignalId;

use crate::entries::Entries;
use crate::keys::StationKeys;
use crate::named::{self, Named};
use crate::problem::Findings;
use crate::schema::name_schema;
use crate::signals::Signals;
use crate::tags::TagLists;
use crate::tree::Tree;
use crate::{Calendar, DataType, StationId, StationState};

/// How soon somebody should act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// In this shift.
    Low,
    /// Within the hour.
    Medium,
    /// Now: a limit is crossed or will be within minutes, or the twin is blind.
    High,
}

impl Priority {
    /// Every priority.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The priority's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How incidents are told: when, to whom, how urgently, and when not.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmPolicy {
    /// How long something must last before it is told, seconds.
    pub on_delay_s: f64,
    /// How long something must be gone before it is told to have returned, seconds.
    pub off_delay_s: f64,
    /// What returns within so long after its incident was closed is that incident again, hours.
    pub repeat_h: f64,
    /// How long after its acknowledgement an incident that still stands asks again, minutes; `None`: never.
    pub re_alarm_min: Option<f64>,
    /// The longest that an incident can be shelved, hours.
    pub shelve_max_h: f64,
    /// What makes a flood.
    pub flood: Flood,
    /// What incidents cost; `None`: not known.
    pub costs: Option<Costs>,
    /// Who is told when nobody acknowledges, by time.
    pub escalation: Vec<EscalationStep>,
    /// Who has which role in which shift.
    pub duties: Vec<Duty>,
    /// When not to tell, in configuration order.
    pub suppressions: Vec<Suppression>,
}

/// So many incidents in so short a time that nobody can deal with each of them (EEMUA 191).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flood {
    /// Incidents in the window, beyond which only those of high priority are told one by one.
    pub alarms_max: u32,
    /// The window, minutes.
    pub window_min: f64,
}

/// What incidents cost, in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// The currency, such as `EUR`.
    pub currency: String,
    /// What a part costs that has to be scrapped or reworked.
    pub scrap_per_part: f64,
    /// What an hour costs in which the line stands.
    pub downtime_per_h: f64,
    /// Share of the output that a slow station is taken to cost, 0 to 1.
    pub slow_share: f64,
    /// Cost an hour below which a consequence is minor.
    pub minor_below: f64,
    /// Cost an hour from which a consequence is severe.
    pub severe_from: f64,
}

/// Who is told when nobody has acknowledged an incident for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalationStep {
    /// How long after the incident was told, minutes.
    pub after_min: f64,
    /// Roles, such as `shift-lead`.
    pub to: Vec<String>,
    /// The lowest priority it holds for.
    pub min_priority: Priority,
}

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The role, as escalation names it.
    pub role: String,
    /// The person's name.
    pub name: String,
    /// In which shifts, by index into [`Calendar::shifts`]; in all if empty.
    pub shifts: Vec<u16>,
}

/// Incidents that are not told by design while something holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Suppression {
    /// Its name, as an incident gives it.
    pub name: String,
    /// The stations it holds for; all if empty.
    pub stations: Vec<StationId>,
    /// While what.
    pub condition: Condition,
}

/// While what incidents are not told.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// While the incident's station is in one of these states.
    States(Vec<StationState>),
    /// While that signal is true, or a number other than 0.
    Signal(SignalId),
}

impl Default for AlarmPolicy {
    fn default() -> Self {
        AlarmKeys::default().policy()
    }
}

impl AlarmPolicy {
    /// The names of those who have a role in a shift, by the shift's index; in no shift if `None`.
    pub fn on_duty<'a>(&'a self, role: &'a str, shift: Option<u16>) -> impl Iterator<Item = &'a str> {
        let is_on = move |duty: &&Duty| {
            duty.role == role && (duty.shifts.is_empty() || shift.is_some_and(|shift| duty.shifts.contains(&shift)))
        };
        self.duties.iter().filter(is_on).map(|duty| duty.name.as_str())
    }
}

/// How incidents are told: when, to whom, how urgently, and when not.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlarmKeys {
    /// How long something must last before it is told, seconds.
    #[schemars(range(min = 0.0, max = 3600.0))]
    on_delay_s: f64,
    /// How long something must be gone before it is told to have returned, seconds: what comes and goes is told once.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    off_delay_s: f64,
    /// What returns within so long after its incident was closed is that incident again, with a count; hours.
    #[schemars(range(min = 0.0, max = 168.0))]
    repeat_h: f64,
    /// How long after its acknowledgement an incident that still stands asks again, minutes; never if absent.
    #[schemars(range(min = 1.0, max = 10_080.0))]
    re_alarm_min: Option<f64>,
    /// The longest that an incident can be shelved, hours.
    #[schemars(range(min = 0.1, max = 168.0))]
    shelve_max_h: f64,
    /// Incidents in `flood_window_min`, beyond which only those of high priority are told one by one.
    #[schemars(range(min = 1, max = 1000))]
    flood_alarms_max: u32,
    /// The time in which they are counted, minutes.
    #[schemars(range(min = 1.0, max = 120.0))]
    flood_window_min: f64,
    /// What incidents cost.
    costs: Option<CostKeys>,
    /// Who is told when nobody acknowledges.
    #[schemars(length(max = 20))]
    escalation: Vec<EscalationKeys>,
    /// Who has which role.
    #[schemars(length(max = 200))]
    duty: Vec<DutyKeys>,
    /// When not to tell.
    #[schemars(length(max = 100))]
    suppression: Vec<SuppressionKeys>,
}

impl Default for AlarmKeys {
    fn default() -> Self {
        Self {
            on_delay_s: 0.0,
            off_delay_s: 0.0,
            repeat_h: 8.0,
            re_alarm_min: None,
            shelve_max_h: 24.0,
            flood_alarms_max: 10,
            flood_window_min: 10.0,
            costs: None,
            escalation: Vec::new(),
            duty: Vec::new(),
            suppression: Vec::new(),
        }
    }
}

/// What incidents cost.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CostKeys {
    /// The currency.
    #[schemars(length(min = 1, max = 8))]
    currency: String,
    /// What a part costs that has to be scrapped or reworked.
    #[schemars(range(min = 0.0, max = 1e9))]
    scrap_per_part: f64,
    /// What an hour costs in which the line stands.
    #[schemars(range(min = 0.0, max = 1e12))]
    downtime_per_h: f64,
    /// Share of the output that a slow station is taken to cost.
    #[serde(default = "slow_share")]
    #[schemars(range(min = 0.0, max = 1.0))]
    slow_share: f64,
    /// Cost an hour below which a consequence is minor.
    #[schemars(range(min = 0.0, max = 1e12))]
    minor_below: f64,
    /// Cost an hour from which a consequence is severe.
    #[schemars(range(min = 0.0, max = 1e12))]
    severe_from: f64,
}

fn slow_share() -> f64 {
    0.1
}

/// Who is told when nobody has acknowledged an incident for a while.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EscalationKeys {
    /// How long after the incident was told, minutes.
    #[schemars(range(min = 0.0, max = 10_080.0))]
    after_min: f64,
    /// Roles.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 64)))]
    to: Vec<String>,
    /// The lowest priority it holds for.
    #[serde(default = "lowest", deserialize_with = "named::deserialize")]
    #[schemars(schema_with = "priority_schema")]
    min_priority: Priority,
}

fn lowest() -> Priority {
    Priority::Low
}

/// Who has a role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DutyKeys {
    /// The role, as escalation names it.
    #[schemars(schema_with = "name_schema")]
    role: String,
    /// The person's name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// In which shifts of the calendar; in all if absent.
    #[serde(default)]
    shifts: Vec<String>,
}

/// Incidents that are not told by design while something holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SuppressionKeys {
    /// Its name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// The stations it holds for; all if absent.
    #[serde(default)]
    stations: Vec<String>,
    /// While the incident's station is in one of these states.
    #[serde(default, deserialize_with = "states")]
    #[schemars(schema_with = "states_schema")]
    while_states: Vec<StationState>,
    /// While that signal, `station/name`, is true or a number other than 0.
    while_signal: Option<String>,
}

fn states<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<StationState>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let unknown = |name: &str| serde::de::Error::custom(format!("{name:?} is not a {}", StationState::WHAT));
    names.iter().map(|name| StationState::by_name(name).ok_or_else(|| unknown(name))).collect()
}

fn states_schema(_: &mut SchemaGenerator) -> Schema {
    let one = json_schema!({ "title": StationState::WHAT, "enum": StationState::names().collect::<Vec<_>>() });
    json_schema!({ "type": "array", "items": one })
}

fn priority_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": Priority::WHAT, "enum": Priority::names().collect::<Vec<_>>() })
}

impl AlarmKeys {
    /// What needs no other part of the configuration.
    fn policy(&self) -> AlarmPolicy {
        let step = |keys: &EscalationKeys| {
            let EscalationKeys { after_min, to, min_priority } = keys.clone();
            EscalationStep { after_min, to, min_priority }
        };
        let costs = |keys: &CostKeys| {
            let CostKeys { currency, scrap_per_part, downtime_per_h, slow_share, minor_below, severe_from } =
                keys.clone();
            Costs { currency, scrap_per_part, downtime_per_h, slow_share, minor_below, severe_from }
        };
        AlarmPolicy {
            on_delay_s: self.on_delay_s,
            off_delay_s: self.off_delay_s,
            repeat_h: self.repeat_h,
            re_alarm_min: self.re_alarm_min,
            shelve_max_h: self.shelve_max_h,
            flood: Flood { alarms_max: self.flood_alarms_max, window_min: self.flood_window_min },
            costs: self.costs.as_ref().map(costs),
            escalation: self.escalation.iter().map(step).collect(),
            duties: Vec::new(),
            suppressions: Vec::new(),
        }
    }
}

/// What the names in it are looked up in.
pub(crate) struct Known<'a> {
    pub(crate) stations: &'a Entries<StationKeys>,
    pub(crate) signals: &'a Signals,
    pub(crate) tags: &'a TagLists,
    pub(crate) calendar: Option<&'a Calendar>,
}

/// Checks the policy and resolves the names in it.
pub(crate) fn resolve(keys: &AlarmKeys, known: &Known<'_>, tree: &Tree, findings: &mut Findings) -> AlarmPolicy {
    check_costs(keys.costs.as_ref(), tree, findings);
    check_escalation(keys, tree, findings);
    let duties = keys.duty.iter().enumerate();
    let duties = duties.map(|(index, duty)| resolve_duty(index, duty, known, tree, findings)).collect();
    let suppressions = keys.suppression.iter().enumerate();
    let suppressions =
        suppressions.filter_map(|(index, keys)| resolve_suppression(index, keys, known, tree, findings)).collect();
    AlarmPolicy { duties, suppressions, ..keys.policy() }
}

fn check_costs(costs: Option<&CostKeys>, tree: &Tree, findings: &mut Findings) {
    if let Some(costs) = costs.filter(|costs| costs.severe_from < costs.minor_below) {
        let message = format!("{} is below minor_below, {}", costs.severe_from, costs.minor_below);
        findings.add(tree.place("/alarms/costs/severe_from"), message, "a cost an hour of at least minor_below");
    }
}

fn check_escalation(keys: &AlarmKeys, tree: &Tree, findings: &mut Findings) {
    for (index, steps) in keys.escalation.windows(2).enumerate() {
        if steps[1].after_min <= steps[0].after_min {
            let place = tree.place(&format!("/alarms/escalation/{}/after_min", index + 1));
            let message = format!("{} is not after the step before it, {}", steps[1].after_min, steps[0].after_min);
            findings.add(place, message, "steps in order, each later than the one before");
        }
    }
    for (index, duty) in keys.duty.iter().enumerate() {
        let roles = || keys.escalation.iter().flat_map(|step| &step.to).map(String::as_str);
        if roles().all(|role| role != duty.role) {
            let place = tree.place(&format!("/alarms/duty/{index}/role"));
            findings.add_unknown(place, &duty.role, "role that alarms.escalation names", roles());
        }
    }
}

fn resolve_duty(index: usize, duty: &DutyKeys, known: &Known<'_>, tree: &Tree, findings: &mut Findings) -> Duty {
    let names = || known.calendar.into_iter().flat_map(|calendar| &calendar.shifts).map(|shift| shift.name.as_str());
    let mut shifts = Vec::new();
    for (number, name) in duty.shifts.iter().enumerate() {
        match names().position(|shift| shift == name) {
            Some(shift) => shifts.push(shift as u16),
            None => {
                let place = tree.place(&format!("/alarms/duty/{index}/shifts/{number}"));
                findings.add_unknown(place, name, "shift of the calendar", names());
            }
        }
    }
    Duty { role: duty.role.clone(), name: duty.name.clone(), shifts }
}

fn resolve_suppression(
    index: usize,
    keys: &SuppressionKeys,
    known: &Known<'_>,
    tree: &Tree,
    findings: &mut Findings,
) -> Option<Suppression> {
    let pointer = format!("/alarms/suppression/{index}");
    let mut stations = Vec::new();
    for (number, name) in keys.stations.iter().enumerate() {
        let place = tree.place(&format!("{pointer}/stations/{number}"));
        stations.extend(known.stations.find(name, place, findings).map(|index| StationId(index as u16)));
    }
    let condition = match (&keys.while_states[..], &keys.while_signal) {
        ([], Some(path)) => {
            let place = tree.place(&format!("{pointer}/while_signal"));
            let signal = known.signals.find(path, known.tags, place.clone(), findings)?;
            if signal.data_type == DataType::Text {
                findings.add(place, format!("{path:?} is a text"), "a signal that is true or false, or a number");
            }
            Condition::Signal(signal.id)
        }
        ([_, ..], None) => Condition::States(keys.while_states.clone()),
        _ => {
            let expected = "one of while_states and while_signal";
            findings.add(tree.place(&pointer), format!("{:?} does not say while what it holds", keys.name), expected);
            return None;
        }
    };
    Some(Suppression { name: keys.name.clone(), stations, condition })
}
