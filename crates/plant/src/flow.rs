use crate::entries::{Entries, Entry};
use crate::keys::{StationKeys, VariantKeys};
use crate::problem::Findings;
use crate::stations::StationEntries;
use crate::tree::Tree;
use crate::{StationId, StationKind};

/// How parts flow through the line by its design, beyond the order of its stations. What the twin learns takes its place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlowDesign {
    /// By station; the default where there is none.
    pub stations: Vec<StationFlow>,
    /// By variant; the default where there is none.
    pub variants: Vec<VariantFlow>,
}

/// How parts flow through a station by its design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationFlow {
    /// Parts that a buffer holds; any number if `None`.
    pub capacity: Option<u32>,
    /// From a part's leaving the place before to the begin of work on it, or to where it can leave the buffer, s.
    pub transfer_s: f64,
    /// Standard deviation of the time at work as a share of its mean.
    pub cycle_scatter: f64,
    /// Stops; `None` if there are none.
    pub stops: Option<StopsDesign>,
    /// Share of the parts that the station rejects.
    pub scrap_share: f64,
}

/// How often a station stops and for how long, as means (ISO 22400-2: MTBF, MTTR).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopsDesign {
    /// Mean time at work from one stop to the next, min.
    pub mtbf_min: f64,
    /// Mean time that a stop lasts, min.
    pub mttr_min: f64,
}

/// How much of a variant is built by design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VariantFlow {
    /// Its weight among all variants.
    pub share: f64,
    /// The station behind which it leaves the line; at the end if `None`.
    pub leaves_after: Option<StationId>,
}

/// Scatter of the time at work if nothing is said: that of machines whose times come from their programs.
const CYCLE_SCATTER: f64 = 0.02;

impl Default for StationFlow {
    fn default() -> Self {
        Self { capacity: None, transfer_s: 0.0, cycle_scatter: CYCLE_SCATTER, stops: None, scrap_share: 0.0 }
    }
}

impl Default for VariantFlow {
    fn default() -> Self {
        Self { share: 1.0, leaves_after: None }
    }
}

/// Checks the keys of the flow of parts, and resolves the names in them.
pub(crate) fn resolve(
    stations: &StationEntries,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> FlowDesign {
    let station = |(_, entry, keys): (usize, &Entry<StationKeys>, &StationKeys)| {
        check_kind(entry, keys, tree, findings);
        StationFlow {
            capacity: keys.capacity,
            transfer_s: keys.transfer_s.unwrap_or(0.0),
            cycle_scatter: keys.cycle_scatter.unwrap_or(CYCLE_SCATTER),
            stops: stops(entry, keys, tree, findings),
            scrap_share: keys.scrap_share.unwrap_or(0.0),
        }
    };
    let design = stations.sound().map(station).collect();
    let variant = |(_, entry, keys): (usize, &Entry<VariantKeys>, &VariantKeys)| VariantFlow {
        share: keys.share,
        leaves_after: keys.leaves_after.as_ref().and_then(|name| leaves_after(name, entry, stations, tree, findings)),
    };
    FlowDesign { stations: design, variants: variants.sound().map(variant).collect() }
}

/// Only places that parts pass have such keys, and each kind only its own.
fn check_kind(entry: &Entry<StationKeys>, keys: &StationKeys, tree: &Tree, findings: &mut Findings) {
    let (is_buffer, is_loop) = (keys.kind == StationKind::Buffer, keys.kind == StationKind::CoolingLoop);
    let works = !is_buffer && !is_loop;
    let set = [
        ("capacity", keys.capacity.is_some(), is_buffer, "is no buffer"),
        ("transfer_s", keys.transfer_s.is_some(), !is_loop, "no parts pass"),
        ("cycle_scatter", keys.cycle_scatter.is_some(), works, "has no cycles"),
        ("mtbf_min", keys.mtbf_min.is_some(), works, "has no cycles"),
        ("mttr_min", keys.mttr_min.is_some(), works, "has no cycles"),
        ("scrap_share", keys.scrap_share.is_some(), works, "has no cycles"),
    ];
    for (key, _, _, why) in set.into_iter().filter(|(_, is_set, may_be, _)| *is_set && !may_be) {
        let place = tree.place(&format!("{}/{key}", entry.pointer));
        findings.add(place, format!("is set for a {}, which {why}", keys.kind.name()), "no such key here");
    }
}

fn stops(entry: &Entry<StationKeys>, keys: &StationKeys, tree: &Tree, findings: &mut Findings) -> Option<StopsDesign> {
    let missing = match (keys.mtbf_min, keys.mttr_min) {
        (Some(mtbf_min), Some(mttr_min)) => return Some(StopsDesign { mtbf_min, mttr_min }),
        (None, None) => return None,
        (None, Some(_)) => "mtbf_min",
        (Some(_), None) => "mttr_min",
    };
    let place = tree.place(&format!("{}/{missing}", entry.pointer));
    findings.add(place, "is missing", "mtbf_min and mttr_min, both or none, minutes");
    None
}

fn leaves_after(
    name: &str,
    entry: &Entry<VariantKeys>,
    stations: &StationEntries,
    tree: &Tree,
    findings: &mut Findings,
) -> Option<StationId> {
    let place = tree.place(&format!("{}/leaves_after", entry.pointer));
    let index = stations.find(name, place.clone(), findings)?;
    let is_loop = stations.sound().any(|(at, _, keys)| at == index && keys.kind == StationKind::CoolingLoop);
    if is_loop {
        findings.add(place, format!("{name:?} is a cooling loop, which no parts pass"), "a station that parts pass");
        return None;
    }
    Some(StationId(index as u16))
}
