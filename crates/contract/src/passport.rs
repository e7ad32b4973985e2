//! What a battery passport needs, and which of it comes from the line.
//!
//! The list is that of Regulation (EU) 2023/1542 on batteries: Annex XIII, which Article 77(2) refers to, with Annex VI
//! Part A. Clauses and attributes of DIN DKE SPEC 99100:2025-02 are named where an attribute of it is meant. What
//! the line does not know stays empty, and what is rated, declared or certified is not taken from a measurement of one pack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PartV1, PartValueV1, StationKindName};

/// One piece of information that a battery passport needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassportFieldV1 {
    /// What it is.
    pub name: String,
    /// Where the Regulation asks for it; absent for what only supports what it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regulation: Option<String>,
    /// Clause and attribute of DIN DKE SPEC 99100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub din_dke_spec_99100: Option<String>,
    /// Whether the line gives it. If not, it is to come from elsewhere.
    pub from_this_line: bool,
    /// What the line gives; empty if nothing. The last of several tests counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Unit of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A field as the lists below write it: name, where the Regulation asks for it, clause and attribute of the SPEC.
type Field = (&'static str, &'static str, &'static str);

const BATTERY_ID: Field =
    ("serial, for the unique identifier", "Article 77(3); Annex VI Part A point 2", "6.1.2.2 productIdentifier");
const MODEL: Field = ("variant, for the model identification", "Article 38(6); Annex VI Part A point 2", "");
const MANUFACTURER: Field = (
    "manufacturer, by the name in the plant's configuration",
    "Annex VI Part A point 1",
    "6.1.2.4 manufacturerInformation",
);
const PLACE: Field = ("place of manufacture", "Annex VI Part A point 3", "6.1.3.1 manufacturingPlace");
const DATE: Field = ("date of manufacture (month and year)", "Annex VI Part A point 4", "6.1.3.2 manufacturingDate");
const CHILDREN: Field = ("serials of modules, cells and covers mounted", "", "");

/// What is measured at the end of the line, by role.
const MEASURED: [(&str, Field); 4] = [
    (
        "eol.resistance",
        (
            "internal resistance of the pack, measured",
            "Annex XIII point 1(o); point 4(a) with Article 10(1)",
            "6.7.5.2 initialInternalResistance",
        ),
    ),
    ("eol.voltage", ("open-circuit voltage of the pack, measured", "", "")),
    ("eol.insulation", ("insulation resistance, measured", "", "")),
    ("leak.pressure_drop", ("leak test, pressure drop", "", "")),
];

/// What no line knows of by itself.
const FROM_ELSEWHERE: [Field; 37] = [
    ("battery category", "Annex VI Part A point 2", "6.1.3.5 batteryCategory"),
    (
        "postal address and contact of the manufacturer",
        "Article 38(7); Annex VI Part A point 1",
        "6.1.2.4 manufacturerInformation",
    ),
    ("weight", "Annex VI Part A point 5", "6.1.3.6 batteryMass"),
    ("capacity on the label", "Annex VI Part A point 6", ""),
    ("chemistry", "Annex VI Part A point 7; Annex XIII point 1(b)", ""),
    ("hazardous substances", "Annex VI Part A point 8; Annex XIII point 1(b)", ""),
    ("usable extinguishing agent", "Annex VI Part A point 9", ""),
    ("critical raw materials", "Annex VI Part A point 10; Annex XIII point 1(b)", ""),
    ("carbon footprint", "Annex XIII point 1(c); Article 7(1) and (2)", ""),
    ("responsible sourcing", "Annex XIII point 1(d); Article 52(3)", ""),
    ("recycled content", "Annex XIII point 1(e); Article 8(1)", ""),
    ("share of renewable content", "Annex XIII point 1(f)", ""),
    ("rated capacity", "Annex XIII point 1(g)", "6.7.2.2 ratedCapacity"),
    ("minimum voltage", "Annex XIII point 1(h)", "6.7.2.9 minimumVoltage"),
    ("maximum voltage", "Annex XIII point 1(h)", "6.7.2.10 maximumVoltage"),
    ("nominal voltage", "Annex XIII point 1(h)", "6.7.2.11 nominalVoltage"),
    ("original power capability and limits", "Annex XIII point 1(i)", "6.7.3.2 originalPowerCapability"),
    ("expected lifetime in cycles, and the reference test", "Annex XIII point 1(j)", "6.7.6.3 expectedNumberOfCycles"),
    ("capacity threshold for exhaustion", "Annex XIII point 1(k)", "6.7.6.9 capacityThresholdForExhaustion"),
    ("temperature range when not in use", "Annex XIII point 1(l)", ""),
    ("period of the commercial warranty", "Annex XIII point 1(m)", "6.1.3.4"),
    ("round-trip efficiency, initial", "Annex XIII point 1(n)", "6.7.4.2 roundtripEfficiency"),
    ("round-trip efficiency at half the cycle life", "Annex XIII point 1(n)", "6.7.4.3"),
    ("internal resistance of the cells", "Annex XIII point 1(o)", ""),
    ("C-rate of the cycle-life test", "Annex XIII point 1(p)", "6.7.6.6 cRateLifeCycleTest"),
    ("labels", "Annex XIII point 1(q); Article 13(3) and (4)", ""),
    ("EU declaration of conformity", "Annex XIII point 1(r); Article 18", ""),
    ("prevention and management of waste", "Annex XIII point 1(s); Article 74(1)", ""),
    ("detailed composition", "Annex XIII point 2(a)", ""),
    ("part numbers and sources of spares", "Annex XIII point 2(b)", ""),
    ("dismantling", "Annex XIII point 2(c)", ""),
    ("safety measures", "Annex XIII point 2(d)", ""),
    ("reports of tests that prove conformity", "Annex XIII point 3", ""),
    ("rated performance and durability, other than above", "Annex XIII point 4(a); Article 10(1)", ""),
    ("state of health", "Annex XIII point 4(b); Article 14", ""),
    ("status of the battery", "Annex XIII point 4(c)", "6.1.3.7 batteryStatus"),
    ("data from its use", "Annex XIII point 4(d)", ""),
];

/// What a battery passport needs of a part with these records, in the order of the Regulation as far as it has one. Empty
/// if no station that assembles batteries worked on it.
pub fn passport(records: &[PartV1]) -> Vec<PassportFieldV1> {
    let assembles = |record: &&PartV1| record.cycles.iter().any(|cycle| cycle.kind == StationKindName::PackAssembly);
    let Some(latest) = records.iter().rfind(assembles) else { return Vec::new() };
    let month = records.iter().filter_map(PartV1::last).max().map(|last| last.to_string());
    let month = month.and_then(|last| last.get(.."2026-11".len()).map(str::to_owned));
    let cycles = || records.iter().flat_map(|record| &record.cycles);
    let children = cycles().flat_map(|cycle| &cycle.children).map(|child| child.text.clone()).collect();
    let place = format!("{}, {}", latest.enterprise, latest.site);
    let mut fields = vec![
        field(BATTERY_ID, vec![latest.part.clone()], None),
        field(MODEL, latest.variant.iter().cloned().collect(), None),
        field(MANUFACTURER, vec![latest.enterprise.clone()], None),
        field(PLACE, vec![place], None),
        field(DATE, month.into_iter().collect(), None),
        field(CHILDREN, children, None),
    ];
    fields.extend(MEASURED.map(|(role, of_role)| {
        let mut values = cycles().flat_map(|cycle| &cycle.values);
        let measured: Option<&PartValueV1> = values.rfind(|value| value.role.as_deref() == Some(role));
        let unit = measured.and_then(|value| value.unit.clone());
        field(of_role, measured.map(|value| value.value.to_string()).into_iter().collect(), unit)
    }));
    fields.extend(FROM_ELSEWHERE.map(|elsewhere| field(elsewhere, Vec::new(), None)));
    fields
}

fn field((name, regulation, spec): Field, values: Vec<String>, unit: Option<String>) -> PassportFieldV1 {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PassportFieldV1 {
        name: name.to_owned(),
        regulation: some(regulation),
        din_dke_spec_99100: some(spec),
        from_this_line: !values.is_empty(),
        values,
        unit,
    }
}
