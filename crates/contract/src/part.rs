use genealogy::{Action, Ending, IncidentMark, Label, PartCycle, PartRecord, PartValue};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twin::{Output, Twin};

use crate::names::wire_names;
use crate::rim::{finite, schema_tag, text};
use crate::{CauseName, InterventionName, Message, PassportFieldV1, StationKindName, TimeV1};

schema_tag!(PartSchema = "linetwin/part/v1");
schema_tag!(PartHistorySchema = "linetwin/part-history/v1");

/// All that the line knows of one part, from its first cycle to its last. A line of the files of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartV1 {
    /// Version of this message.
    pub schema: PartSchema,
    /// Serial of the part, as its stations read it.
    pub part: String,
    /// Sequence number of the input that closed the record.
    pub sequence: u64,
    /// When that was.
    pub closed: TimeV1,
    /// Why it was closed.
    pub ending: EndingName,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// The variant, where a station tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whether all that has limits is within them, by the last cycle of each station; absent if nothing has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_limits: Option<bool>,
    /// The cycles, by begin.
    pub cycles: Vec<PartCycleV1>,
    /// Cycles before these that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cycles_dropped: u32,
}

wire_names! {
    /// Why a part's record was closed.
    EndingName from Ending {
        /// The part passed the last station for its variant.
        Left,
        /// It was not seen for so long that it must have left elsewhere: taken out, rejected, or never read again.
        NotSeen,
        /// There was no room for more parts on the line, and it was the one not seen for longest.
        NoRoom,
        /// A cycle that was told after the part's record had been closed; it adds to that.
        Late,
    }
}

/// One cycle of a station on the part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartCycleV1 {
    /// The station.
    pub station: String,
    /// What it does.
    pub kind: StationKindName,
    /// 1 for the part's first cycle at that station, more for rework.
    pub attempt: u32,
    /// When it began.
    pub start: TimeV1,
    /// When it ended.
    pub end: TimeV1,
    /// The variant, where the station tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The program that ran, where the station tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The tool that was used, where the station tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Cycles, welds or parts since the tool was dressed or changed, at the cycle's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_life: Option<f64>,
    /// Pseudonym of who worked there, where that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Lots of material that were used; two of one signal if the lot was changed in the cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LabelV1>,
    /// Serials of what was mounted, in the order they were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<LabelV1>,
    /// Serials of what was mounted that there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub children_dropped: u32,
    /// What was measured.
    pub values: Vec<PartValueV1>,
    /// What was done at the station since the part before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionV1>,
    /// What was done before that, and there was no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub actions_dropped: u32,
    /// Incidents that stood at the station then, or turned out to have begun before the cycle's end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<MarkV1>,
}

/// A value of a cycle, with all that it can be judged by. In `unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartValueV1 {
    /// What was measured.
    pub name: String,
    /// The role of the one signal it is measured by; absent if it follows from several or from times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Unit of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The value: of several in the cycle the mean.
    pub value: f64,
    /// The lowest of several in the cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowest: Option<f64>,
    /// The highest of several in the cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest: Option<f64>,
    /// What was expected of the value, where its baseline was known by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// How far values usually are from that, one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// Lowest allowed value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Highest allowed value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Whether all that was measured in the cycle is within the limits; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_limits: Option<bool>,
}

/// A text that a signal told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelV1 {
    /// Path of the signal.
    pub signal: String,
    /// What it told.
    pub text: String,
}

/// Something that was done at a station between two parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionV1 {
    /// What was done.
    pub kind: InterventionName,
    /// The path of the signal, if it concerns only what that measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// When it was done.
    pub at: TimeV1,
    /// Who reported it, where that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they added, or what the twin saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An incident, as far as a part's record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkV1 {
    /// Identity of the incident.
    pub id: String,
    /// Its most likely cause, as far as was known when it was noted.
    pub cause: CauseName,
}

/// All records of one serial, and what a battery passport needs of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartHistoryV1 {
    /// Version of this message.
    pub schema: PartHistorySchema,
    /// The serial.
    pub part: String,
    /// Its records, in the order they were closed: more than one if it came again, or if cycles were told late.
    pub records: Vec<PartV1>,
    /// What a battery passport needs, of parts that a battery is assembled on; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passport: Vec<PassportFieldV1>,
}

impl Message for PartV1 {}
impl Message for PartHistoryV1 {}

/// The line in the file of records for an output, with its line end; `None` if it closes no record.
pub fn part_line(output: &Output, twin: &Twin, sequence: u64) -> Option<String> {
    match output {
        Output::Part(record) => Some(PartV1::new(record, twin, sequence).to_json() + "\n"),
        _ => None,
    }
}

impl PartV1 {
    /// The record that an input of that sequence number closed.
    pub fn new(record: &PartRecord, twin: &Twin, sequence: u64) -> Self {
        let plant = twin.plant();
        let cycle = |(place, cycle)| PartCycleV1::new(cycle, record.attempt(place), twin);
        Self {
            schema: PartSchema::V1,
            part: record.part.to_string(),
            sequence,
            closed: record.closed.into(),
            ending: record.ending.into(),
            enterprise: plant.enterprise.clone(),
            site: plant.site.clone(),
            area: plant.area.clone(),
            line: plant.line.clone(),
            variant: variant(record.variant(), plant),
            in_limits: record.in_limits(),
            cycles: record.cycles.iter().enumerate().map(cycle).collect(),
            cycles_dropped: record.cycles_dropped,
        }
    }

    /// When the first of its cycles began.
    pub fn first(&self) -> Option<TimeV1> {
        self.cycles.iter().map(|cycle| cycle.start).min()
    }

    /// When the last of its cycles ended.
    pub fn last(&self) -> Option<TimeV1> {
        self.cycles.iter().map(|cycle| cycle.end).max()
    }
}

impl PartCycleV1 {
    fn new(cycle: &PartCycle, attempt: usize, twin: &Twin) -> Self {
        let plant = twin.plant();
        let PartCycle { station, start, end, variant: built, program, labels, values, incidents } = cycle;
        Self {
            station: plant.station(*station).name.clone(),
            kind: plant.station(*station).kind.into(),
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            start: (*start).into(),
            end: (*end).into(),
            variant: variant(*built, plant),
            program: program.map(|program| program.to_string()),
            tool: labels.tool.map(|tool| tool.to_string()),
            tool_life: finite(labels.tool_life),
            operator: labels.operator.map(|operator| operator.to_string()),
            lots: labels.lots.iter().map(|lot| LabelV1::new(lot, plant)).collect(),
            children: labels.children.iter().map(|child| LabelV1::new(child, plant)).collect(),
            children_dropped: labels.children_dropped,
            values: values.iter().filter_map(|value| PartValueV1::new(value, cycle, twin)).collect(),
            actions: labels.actions.iter().map(|action| ActionV1::new(action, plant)).collect(),
            actions_dropped: labels.actions_dropped,
            incidents: incidents.iter().map(MarkV1::new).collect(),
        }
    }

    /// Whether all that has limits is within them; `None` if nothing has.
    pub fn in_limits(&self) -> Option<bool> {
        self.values.iter().filter_map(|value| value.in_limits).reduce(|all, value| all && value)
    }
}

impl PartValueV1 {
    fn new(value: &PartValue, cycle: &PartCycle, twin: &Twin) -> Option<Self> {
        let feature = twin.features(cycle.station).get(usize::from(value.feature))?;
        let role = feature.sensor().map(|signal| twin.plant().signal(signal).role.name().to_owned());
        let is_one = value.lowest == value.highest;
        Some(Self {
            name: feature.spec.name.to_owned(),
            role,
            unit: text(&feature.unit),
            value: finite(value.value)?,
            lowest: finite(value.lowest).filter(|_| !is_one),
            highest: finite(value.highest).filter(|_| !is_one),
            expected: finite(value.expected.map(|expected| expected.value)),
            sigma: finite(value.expected.map(|expected| expected.sigma)),
            low: finite(value.low),
            high: finite(value.high),
            in_limits: value.in_limits(),
        })
    }
}

impl LabelV1 {
    fn new(label: &Label, plant: &Plant) -> Self {
        Self { signal: plant.signal(label.signal).path.clone(), text: label.text.to_string() }
    }
}

impl ActionV1 {
    fn new(action: &Action, plant: &Plant) -> Self {
        let Action { kind, signal, at, by, comment } = action;
        Self {
            kind: (*kind).into(),
            signal: signal.map(|signal| plant.signal(signal).path.clone()),
            at: (*at).into(),
            by: by.clone(),
            comment: text(comment),
        }
    }
}

impl MarkV1 {
    fn new(mark: &IncidentMark) -> Self {
        Self { id: mark.incident.to_string(), cause: mark.cause.into() }
    }
}

impl PartHistoryV1 {
    /// The history of a serial, from its records in the order they were closed.
    pub fn new(part: &str, records: Vec<PartV1>) -> Self {
        let passport = crate::passport(&records);
        Self { schema: PartHistorySchema::V1, part: part.to_owned(), records, passport }
    }
}

fn variant(index: Option<u16>, plant: &Plant) -> Option<String> {
    plant.variants.get(usize::from(index?)).map(|variant| variant.name.clone())
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
