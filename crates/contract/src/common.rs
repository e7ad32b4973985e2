//! What the cycles that show an incident have in common, and what changed before it.

use alarms::Incident;
use genealogy::factors::{Factor, Table};
use genealogy::{Common, Recent, Relation};
use plant::{Cause, Plant, StationId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::Symbol;

use crate::TimeV1;
use crate::names::wire_names;
use crate::phrases::{Phrases, Shared};
use crate::rim::finite;

/// What kind of thing cycles can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactorName {
    /// A lot, coil or batch of material.
    Lot,
    /// A tool.
    Tool,
    /// A program.
    Program,
    /// A variant.
    Variant,
    /// Somebody who worked there; only where the plant allows that to be kept.
    Operator,
    /// One of several stations that parts can pass.
    Station,
}

wire_names! {
    /// How something belongs to the cycles that show an incident.
    RelationName from Relation {
        /// Values have alternated since the onset, and the cycles that show it are those with this one.
        GoesWith,
        /// It came about when the incident began. So did everything else that changed then.
        BegunWith,
    }
}

/// A lot, a tool, a program, a variant, a person or a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactorV1 {
    /// What it is.
    pub kind: FactorName,
    /// What it is called.
    pub name: String,
    /// The station that told it; absent for a variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// The path of the signal that told it, of a lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
}

/// A lot, a tool or a program that a station had come to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecentChangeV1 {
    /// What it is.
    #[serde(flatten)]
    pub factor: FactorV1,
    /// When the first cycle with it began.
    pub since: TimeV1,
}

/// Something that the cycles that show an incident have in common and the others have not.
///
/// With `goes-with` the counts are of the cycles since the onset, with `begun-with` of all that are remembered, at most 128.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommonV1 {
    /// What it is.
    #[serde(flatten)]
    pub factor: FactorV1,
    /// How it belongs to them.
    pub relation: RelationName,
    /// When the first cycle with it began, as far as it is remembered.
    pub since: TimeV1,
    /// Cycles that show it.
    pub bad: u64,
    /// Of these, cycles with this.
    pub bad_with: u64,
    /// Cycles that do not show it.
    pub good: u64,
    /// Of these, cycles with this.
    pub good_with: u64,
    /// Fisher's exact test: how probable at least as many are if it has nothing to do with it, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// The same for all that was asked for together: false-discovery rate after Benjamini and Hochberg, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub q: f64,
}

impl FactorV1 {
    fn new(factor: &Factor, plant: &Plant) -> Self {
        let name = |id: StationId| plant.station(id).name.clone();
        let at = |kind, text: Symbol, id| Self { kind, name: text.to_string(), station: Some(name(id)), signal: None };
        match *factor {
            Factor::Lot(label) => {
                let signal = plant.signal(label.signal);
                Self { signal: Some(signal.path.clone()), ..at(FactorName::Lot, label.text, signal.station) }
            }
            Factor::Tool(station, text) => at(FactorName::Tool, text, station),
            Factor::Program(station, text) => at(FactorName::Program, text, station),
            Factor::Operator(station, text) => at(FactorName::Operator, text, station),
            Factor::Variant(variant) => {
                let known = plant.variants.get(usize::from(variant));
                let name = known.map_or_else(|| variant.to_string(), |variant| variant.name.clone());
                Self { kind: FactorName::Variant, name, station: None, signal: None }
            }
            Factor::Station(id) => {
                Self { kind: FactorName::Station, name: name(id), station: Some(name(id)), signal: None }
            }
        }
    }
}

impl RecentChangeV1 {
    pub(crate) fn new(recent: &Recent, plant: &Plant) -> Self {
        Self { factor: FactorV1::new(&recent.factor, plant), since: recent.since.into() }
    }
}

impl CommonV1 {
    pub(crate) fn new(common: &Common, plant: &Plant) -> Self {
        let Common { factor, relation, since, table, p, q, chance: _ } = common;
        let Table { bad_with, bad_without, good_with, good_without } = *table;
        let share = |number: f64| finite(number).unwrap_or(1.0).clamp(0.0, 1.0);
        Self {
            factor: FactorV1::new(factor, plant),
            relation: (*relation).into(),
            since: (*since).into(),
            bad: bad_with + bad_without,
            bad_with,
            good: good_with + good_without,
            good_with,
            p: share(*p),
            q: share(*q),
        }
    }
}

/// What the headline says of it, such as ["; all 12 from lot 4711, 1 of 40 others", "; alle 12 aus Los 4711, 1 von 40 anderen"]; empty if nothing strong is known. What
/// has only begun with it is said if the first cause can come with such a change. Who worked there is for the details.
pub(crate) fn clause(incident: &Incident, plant: &Plant, phrases: &dyn Phrases) -> String {
    if incident.returned.is_some() {
        return String::new();
    }
    let name = |factor: &Factor| FactorV1::new(factor, plant).name;
    let said = incident.in_common.iter().find_map(|common| match common.relation {
        Relation::GoesWith => Some(phrases.goes_with(shared(&common.factor)?, &name(&common.factor), common.table)),
        Relation::BegunWith => {
            let shared = shared(&common.factor).filter(|_| can_bring(&common.factor, incident.cause()))?;
            Some(phrases.begun_with(shared, &name(&common.factor)))
        }
    });
    said.map_or_else(String::new, |said| format!("; {said}"))
}

fn shared(factor: &Factor) -> Option<Shared> {
    match factor {
        Factor::Lot(_) => Some(Shared::Lot),
        Factor::Tool(..) => Some(Shared::Tool),
        Factor::Program(..) => Some(Shared::Program),
        Factor::Variant(_) => Some(Shared::Variant),
        Factor::Station(_) => Some(Shared::Station),
        Factor::Operator(..) => None,
    }
}

/// Whether a change to it can bring a cause.
fn can_bring(factor: &Factor, cause: Cause) -> bool {
    factor.change_kind().is_some_and(|kind| cause.comes_with().iter().any(|(known, _)| *known == kind))
}

#[cfg(test)]
pub(crate) mod tests {
    use genealogy::Label;
    use proptest::prelude::*;

    use super::*;
    use crate::phrases;
    use crate::testing::{CURRENT, WELD, at, incident, plant};

    fn symbol(text: &str) -> Symbol {
        Symbol::new(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    fn of(factor: Factor, relation: Relation) -> Common {
        let table = Table { bad_with: 12, bad_without: 0, good_with: 1, good_without: 39 };
        Common { factor, relation, since: at("2026-11-24T08:12:00Z"), table, p: 1e-9, q: 1e-8, chance: 1e-8 }
    }

    fn lot() -> Factor {
        Factor::Lot(Label { signal: CURRENT, text: symbol("4711") })
    }

    prop_compose! {
        pub(crate) fn common()(
            place in 0_usize..6,
            relation in prop::sample::select(vec![Relation::GoesWith, Relation::BegunWith]),
            counts in prop::array::uniform4(0_u64..200),
            (p, q) in (proptest::num::f64::ANY, 0.0..1.0),
            since in any::<i64>(),
        ) -> Common {
            let name = symbol("G7");
            let factor = [
                lot(), Factor::Tool(WELD, name), Factor::Program(WELD, name), Factor::Variant(7),
                Factor::Operator(WELD, name), Factor::Station(WELD),
            ][place];
            let [bad_with, bad_without, good_with, good_without] = counts;
            let table = Table { bad_with, bad_without, good_with, good_without };
            let since = telemetry::Timestamp::from_nanos(since);
            Common { factor, relation, since, table, p, q, chance: q }
        }
    }

    fn check(in_common: Vec<Common>, cause: Cause, expected: [&str; 2]) {
        let mut incident = incident();
        incident.causes[0].cause = cause;
        incident.in_common = in_common;
        let told = ["en", "de"].map(|language| clause(&incident, &plant(), phrases::of(language)));
        assert_eq!(told, expected);
    }

    #[test]
    fn the_headline_says_what_bad_cycles_have_in_common() {
        let goes = |factor| vec![of(factor, Relation::GoesWith)];
        check(
            goes(lot()),
            Cause::ElectrodeWear,
            ["; all 12 from lot 4711, 1 of 40 others", "; alle 12 aus Los 4711, 1 von 40 anderen"],
        );
        let operator = of(Factor::Operator(WELD, symbol("badge 12")), Relation::GoesWith);
        check(vec![operator], Cause::SheetMaterial, [""; 2]);
        check(
            vec![operator, of(lot(), Relation::GoesWith)],
            Cause::SheetMaterial,
            ["; all 12 from lot 4711, 1 of 40 others", "; alle 12 aus Los 4711, 1 von 40 anderen"],
        );
        let begun = || vec![of(lot(), Relation::BegunWith)];
        check(begun(), Cause::SheetMaterial, ["; begun with lot 4711", "; begonnen mit Los 4711"]);
        check(begun(), Cause::ElectrodeWear, [""; 2]);
        check(Vec::new(), Cause::SheetMaterial, [""; 2]);
    }

    #[test]
    fn it_is_told_with_the_counts_and_where_it_was_told() {
        let told = serde_json::to_string(&CommonV1::new(&of(lot(), Relation::GoesWith), &plant())).unwrap_or_default();
        let expected = concat!(
            r#"{"kind":"lot","name":"4711","station":"weld-20","signal":"weld-20/current","relation":"goes-with","#,
            r#""since":"2026-11-24T08:12:00Z","bad":12,"bad_with":12,"good":40,"good_with":1,"p":1e-9,"q":1e-8}"#
        );
        assert_eq!(told, expected);
    }
}
