use std::collections::BTreeSet;

use crate::entries::{Entries, Entry};
use crate::keys::StationKeys;
use crate::problem::Findings;
use crate::tree::Tree;
use crate::{Role, Station, StationId, StationKind};

/// The stations before their names are resolved.
pub(crate) type StationEntries = Entries<StationKeys>;

impl StationKind {
    /// The roles without which the twin can make nothing of a station.
    pub(crate) fn needed_roles(self) -> &'static [Role] {
        match self {
            Self::SpotWeld | Self::LaserWeld | Self::PackAssembly | Self::Robot => &[Role::CycleActive],
            Self::CoolingLoop => &[Role::LoopFlow],
            Self::Buffer => &[Role::BufferLevel],
        }
    }

    /// Whether it works in cycles.
    fn has_cycles(self) -> bool {
        !matches!(self, Self::CoolingLoop | Self::Buffer)
    }
}

/// Checks the stations against each other and resolves the names of their neighbours. The stations that are not broken
/// come back; their ids are right if none is.
pub(crate) fn resolve(entries: &StationEntries, tree: &Tree, findings: &mut Findings) -> Vec<Station> {
    entries.check_unique_names(tree, findings);
    let mut upstream = vec![Vec::new(); entries.len()];
    let mut stations = Vec::new();
    for (index, entry, keys) in entries.sound() {
        upstream[index] = neighbours(entries, entry, "upstream", &keys.upstream, tree, findings);
        let utilities = neighbours(entries, entry, "utilities", &keys.utilities, tree, findings);
        check_neighbours(entries, entry, keys, tree, findings);
        check_cycle_time(entry, keys, tree, findings);
        stations.push(Station {
            id: StationId(index as u16),
            name: keys.name.clone(),
            kind: keys.kind,
            upstream: ids(&upstream[index]),
            utilities: ids(&utilities),
            ideal_cycle_s: keys.ideal_cycle_s,
            origin: entry.place.origin.clone(),
        });
    }
    report_circles(entries, &upstream, tree, findings);
    stations
}

fn ids(indices: &[usize]) -> Vec<StationId> {
    indices.iter().map(|&index| StationId(index as u16)).collect()
}

fn neighbours(
    entries: &StationEntries,
    entry: &Entry<StationKeys>,
    key: &str,
    names: &[String],
    tree: &Tree,
    findings: &mut Findings,
) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let place = tree.place(&format!("{}/{key}/{index}", entry.pointer));
        if seen.insert(name) {
            found.extend(entries.find(name, place, findings));
        } else {
            findings.add(place, format!("{name:?} is in the list already"), "each station once");
        }
    }
    found
}

/// Parts come from stations, cooling water from loops.
fn check_neighbours(
    entries: &StationEntries,
    entry: &Entry<StationKeys>,
    keys: &StationKeys,
    tree: &Tree,
    findings: &mut Findings,
) {
    let is_loop = |name: &String| {
        let named = |(_, other, keys): (usize, &Entry<_>, &StationKeys)| (other.name == *name).then_some(keys.kind);
        entries.sound().find_map(named).map(|kind| kind == StationKind::CoolingLoop)
    };
    if keys.kind == StationKind::CoolingLoop && !keys.upstream.is_empty() {
        let place = tree.place(&format!("{}/upstream", entry.pointer));
        findings.add(place, "is set for a cooling loop, which no parts pass", "no upstream here");
    }
    for (index, name) in keys.upstream.iter().enumerate().filter(|(_, name)| is_loop(name) == Some(true)) {
        let place = tree.place(&format!("{}/upstream/{index}", entry.pointer));
        findings.add(place, format!("{name:?} is a cooling loop, which no parts come from"), "it in utilities");
    }
    if let Some(index) = keys.utilities.iter().position(|name| *name == entry.name) {
        let place = tree.place(&format!("{}/utilities/{index}", entry.pointer));
        findings.add(place, "is the station itself", "another station");
    }
    for (index, name) in keys.utilities.iter().enumerate().filter(|(_, name)| is_loop(name) == Some(false)) {
        let place = tree.place(&format!("{}/utilities/{index}", entry.pointer));
        findings.add(place, format!("{name:?} is not a cooling loop"), "a station of kind cooling-loop");
    }
}

fn check_cycle_time(entry: &Entry<StationKeys>, keys: &StationKeys, tree: &Tree, findings: &mut Findings) {
    let place = tree.place(&format!("{}/ideal_cycle_s", entry.pointer));
    let kind = keys.kind.name();
    match (keys.kind.has_cycles(), keys.ideal_cycle_s) {
        (true, None) => findings.add(place, "is missing", format!("the designed cycle time of this {kind}, seconds")),
        (false, Some(_)) => {
            findings.add(place, format!("is set for a {kind}, which has no cycles"), "no such key here")
        }
        (true, Some(_)) | (false, None) => {}
    }
}

fn report_circles(entries: &StationEntries, upstream: &[Vec<usize>], tree: &Tree, findings: &mut Findings) {
    for circle in circles(upstream) {
        let names: Vec<_> = circle.iter().filter_map(|&index| Some(entries.get(index)?.name.as_str())).collect();
        let Some(last) = circle.last().and_then(|&index| entries.get(index)) else { continue };
        let place = tree.place(&format!("{}/upstream", last.pointer));
        findings.add(place, format!("parts go round in a circle: {}", names.join(" -> ")), "a line with a beginning");
    }
}

/// Circles in the flow of parts, each in the direction of the flow with its first station again at the end; no two
/// share a station.
fn circles(upstream: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut open: BTreeSet<usize> = (0..upstream.len()).collect();
    let mut circles = Vec::new();
    loop {
        // A station with nothing open before it is in no circle.
        while let Some(&free) = open.iter().find(|&&station| !upstream[station].iter().any(|up| open.contains(up))) {
            open.remove(&free);
        }
        let Some(&start) = open.first() else { return circles };
        let mut path = vec![start];
        let mut circle = loop {
            let here = path[path.len() - 1];
            let Some(&next) = upstream[here].iter().find(|up| open.contains(up)) else { return circles };
            if let Some(at) = path.iter().position(|&station| station == next) {
                break path.split_off(at);
            }
            path.push(next);
        };
        circle.reverse();
        circle.insert(0, circle[circle.len() - 1]);
        circle.iter().for_each(|station| {
            open.remove(station);
        });
        circles.push(circle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_each() {
        let check = |upstream: &[&[usize]], expected: &[&[usize]]| {
            let upstream: Vec<_> = upstream.iter().map(|list| list.to_vec()).collect();
            assert_eq!(circles(&upstream), expected, "{upstream:?}");
        };
        check(&[], &[]);
        check(&[&[], &[0], &[0, 1]], &[]);
        check(&[&[0]], &[&[0, 0]]);
        check(&[&[2], &[0], &[1], &[2]], &[&[0, 1, 2, 0]]);
        check(&[&[1], &[0], &[3], &[2, 0]], &[&[0, 1, 0], &[2, 3, 2]]);
    }
}
