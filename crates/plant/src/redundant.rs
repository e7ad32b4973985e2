use std::collections::BTreeMap;

use crate::entries::Entries;
use crate::keys::RedundantKeys;
use crate::problem::{Findings, Place};
use crate::signals::Signals;
use crate::tags::TagLists;
use crate::tree::Tree;
use crate::{DataType, Redundant, Signal};

/// Checks the groups of signals that measure the same, and resolves the names in them.
pub(crate) fn resolve(
    entries: &Entries<RedundantKeys>,
    signals: &Signals,
    tags: &TagLists,
    tree: &Tree,
    findings: &mut Findings,
) -> Vec<Redundant> {
    let mut first_use: BTreeMap<&str, Place> = BTreeMap::new();
    let mut groups = Vec::new();
    for (_, entry, keys) in entries.sound() {
        let mut group: Vec<&Signal> = Vec::new();
        for (index, path) in keys.signals.iter().enumerate() {
            let place = tree.place(&format!("{}/signals/{index}", entry.pointer));
            if let Some(other) = first_use.get(path.as_str()) {
                let message = format!("{path:?} is already in {}, {}", other.key, other.origin);
                findings.add(place, message, "each signal once");
                continue;
            }
            first_use.insert(path, place.clone());
            let Some(signal) = signals.find(path, tags, place.clone(), findings) else { continue };
            check(signal, group.first().copied(), place, findings);
            group.push(signal);
        }
        if let [first, _, ..] = group[..] {
            let signals = group.iter().map(|signal| signal.id).collect();
            groups.push(Redundant { station: first.station, signals });
        }
    }
    groups
}

/// Whether a signal can be compared with the first of its group.
fn check(signal: &Signal, first: Option<&Signal>, place: Place, findings: &mut Findings) {
    let path = &signal.path;
    if matches!(signal.data_type, DataType::Bool | DataType::Text) || !signal.role.is_measurement() {
        let message = format!("{path:?} is no measurement");
        return findings.add(place, message, "a signal with a number that a sensor of the station measures");
    }
    let Some(first) = first else { return };
    if signal.station != first.station {
        let message = format!("{path:?} is at another station than {:?}", first.path);
        findings.add(place, message, "signals of one station: they are compared cycle by cycle");
    } else if signal.unit != first.unit {
        let message = format!("{path:?} is in {:?}, but {:?} is in {:?}", signal.unit, first.path, first.unit);
        findings.add(place, message, "signals in one unit; use scale and offset");
    }
}
