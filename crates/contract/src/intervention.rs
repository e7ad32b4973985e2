use alarms::Intervention;
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::InterventionKind;

use crate::names::wire_names;
use crate::rim::text;
use crate::{TimeV1, phrases};

/// Something that was done at a station and changes, or may change, what is normal there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterventionV1 {
    /// What was done.
    pub kind: InterventionName,
    /// What was done, in a person's words in the language of the line.
    pub title: String,
    /// The station.
    pub station: String,
    /// The path of the signal, if it concerns only what that measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// When it was done.
    pub at: TimeV1,
    /// Who reported it; absent if the twin saw it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they added, or what the twin saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

wire_names! {
    /// What was done.
    InterventionName both InterventionKind {
        /// Another tool, gun, fixture or machine part. All of the station is learnt anew.
        Retool,
        /// The station was set up for another product. Learnt anew where the station does not tell its variant.
        Changeover,
        /// The tool was dressed. What a worn tool shows in is judged anew; what is expected stays.
        ToolDress,
        /// A worn tool was replaced by one of the same kind. As `tool-dress`.
        ToolChange,
        /// A filter or strainer was cleaned or replaced. What a clogged one shows in is judged anew.
        FilterChange,
        /// A program, or a parameter of one, was changed. All of the station is learnt anew.
        ProgramChange,
        /// A sensor was replaced or calibrated. What it measures is learnt anew.
        SensorChange,
        /// Dirt was taken away. What dirt shows in is judged anew; what is expected stays.
        Cleaning,
        /// Anything else. It is remembered, and nothing begins anew.
        Other,
    }
}

impl InterventionV1 {
    pub(crate) fn new(intervention: &Intervention, plant: &Plant) -> Self {
        let Intervention { kind, station, signal, at, by, comment } = intervention;
        Self {
            kind: (*kind).into(),
            title: phrases::of(plant.runbook.line.language()).intervention(*kind).to_owned(),
            station: plant.station(*station).name.clone(),
            signal: signal.map(|signal| plant.signal(signal).path.clone()),
            at: (*at).into(),
            by: by.clone(),
            comment: text(comment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plant, tool_dress};

    #[test]
    fn what_was_done_is_told_with_who_did_it_and_when() {
        let told = serde_json::to_string(&InterventionV1::new(&tool_dress(), &plant())).unwrap_or_default();
        let expected = concat!(
            r#"{"kind":"tool-dress","title":"tool dress","station":"weld-20","at":"2026-11-24T08:18:00Z","#,
            r#""by":"Kim","comment":"12 passes"}"#
        );
        assert_eq!(told, expected);
    }
}
