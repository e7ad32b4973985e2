use schemars::JsonSchema;
use serde::Deserialize;

use crate::entries::Entries;
use crate::keys::VariantKeys;
use crate::problem::Findings;
use crate::stations::StationEntries;
use crate::tree::Tree;
use crate::{StationId, StationKind};

/// How the history of parts is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Genealogy {
    /// The most parts on the line that are followed, 1 to 100,000.
    pub on_line_max: u32,
    /// How long a part may not be seen before its record is closed as incomplete, hours; 0.1 to 8760.
    pub lost_after_h: f64,
    /// Whether it is kept who worked on a part.
    pub operators: bool,
    /// Variants that leave before the line's end, by index into the plant's list, each with its last station.
    pub last_stations: Vec<(usize, StationId)>,
}

impl Default for Genealogy {
    fn default() -> Self {
        GenealogyKeys::default().resolve(Vec::new())
    }
}

/// How the history of parts is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GenealogyKeys {
    /// The most parts on the line that are followed; above it the record of the one not seen for longest is closed.
    #[schemars(range(min = 1, max = 100_000))]
    on_line_max: u32,
    /// How long a part may not be seen before its record is closed as incomplete, hours. Longer than any stop of the line.
    #[schemars(range(min = 0.1, max = 8760.0))]
    lost_after_h: f64,
    /// Whether it is kept who worked on a part: the role `operator.id`, and the names of those who report what was done.
    operators: bool,
}

impl Default for GenealogyKeys {
    fn default() -> Self {
        Self { on_line_max: 1000, lost_after_h: 96.0, operators: false }
    }
}

impl GenealogyKeys {
    pub(crate) fn resolve(&self, last_stations: Vec<(usize, StationId)>) -> Genealogy {
        let Self { on_line_max, lost_after_h, operators } = *self;
        Genealogy { on_line_max, lost_after_h, operators, last_stations }
    }
}

/// The stations after which variants leave the line that do not go to its end.
pub(crate) fn last_stations(
    variants: &Entries<VariantKeys>,
    stations: &StationEntries,
    tree: &Tree,
    findings: &mut Findings,
) -> Vec<(usize, StationId)> {
    let mut found = Vec::new();
    for (index, entry, keys) in variants.sound() {
        let Some(name) = &keys.last_station else { continue };
        let place = || tree.place(&format!("{}/last_station", entry.pointer));
        let Some(station) = stations.find(name, place(), findings) else { continue };
        let kind = stations.get(station).and_then(|entry| Some(entry.keys.as_ref()?.kind));
        if matches!(kind, Some(StationKind::Buffer | StationKind::CoolingLoop)) {
            let message = format!("{name:?} has no cycles, so it tells nothing of the part that leaves");
            findings.add(place(), message, "the last station with cycles that works on this variant");
        }
        found.push((index, StationId(station as u16)));
    }
    found
}
