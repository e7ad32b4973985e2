use crate::entries::{Entries, Entry};
use crate::keys::{RecipeKeys, StationKeys, VariantKeys};
use crate::problem::Findings;
use crate::tree::Tree;
use crate::{Recipe, StationId, StationKind};

/// Checks the recipes and resolves the names in them.
pub(crate) fn resolve(
    entries: &Entries<RecipeKeys>,
    stations: &Entries<StationKeys>,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = Vec::new();
    for (_, entry, keys) in entries.sound() {
        let place = |key: &str| tree.place(&format!("{}/{key}", entry.pointer));
        let Some(station) = stations.find(&keys.station, place("station"), findings) else { continue };
        let variant = match &keys.variant {
            None => None,
            Some(name) => match variants.find(name, place("variant"), findings) {
                Some(variant) => Some(variant),
                None => continue,
            },
        };
        if let Some(kind) = stations.get(station).and_then(|station| station.keys.as_ref()).map(|keys| keys.kind) {
            check_keys(entry, keys, kind, tree, findings);
        }
        let recipe = Recipe { station: StationId(station as u16), variant, settings: keys.settings() };
        if recipes.iter().any(|known| (known.station, known.variant) == (recipe.station, variant)) {
            let message = format!("there is already a recipe of {:?} for this variant", keys.station);
            findings.add(place("station"), message, "one recipe for each station and variant");
            continue;
        }
        recipes.push(recipe);
    }
    recipes
}

/// A key that no process model of that kind of station reads would be a mistake that nobody sees.
fn check_keys(entry: &Entry<RecipeKeys>, keys: &RecipeKeys, kind: StationKind, tree: &Tree, findings: &mut Findings) {
    let set = keys.settings();
    let given = [
        ("material", set.material.is_some(), StationKind::SpotWeld),
        ("stack_mm", set.stack_mm.is_some(), StationKind::SpotWeld),
        ("face_mm", set.face_mm.is_some(), StationKind::SpotWeld),
        ("weld_time_ms", set.weld_time_ms.is_some(), StationKind::SpotWeld),
        ("fresh_resistance_uohm", set.fresh_resistance_uohm.is_some(), StationKind::SpotWeld),
        ("nugget_min_mm", set.nugget_min_mm.is_some(), StationKind::SpotWeld),
        ("snug_torque_nm", set.snug_torque_nm.is_some(), StationKind::PackAssembly),
        ("test_volume_l", set.test_volume_l.is_some(), StationKind::PackAssembly),
        ("test_time_s", set.test_time_s.is_some(), StationKind::PackAssembly),
    ];
    for (key, _, of) in given.into_iter().filter(|&(_, is_given, of)| is_given && of != kind) {
        let place = tree.place(&format!("{}/{key}", entry.pointer));
        let message = format!("is set for a {}, whose process does not know it", kind.name());
        findings.add(place, message, format!("it at a station of kind {}", of.name()));
    }
}
