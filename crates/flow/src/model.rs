use plant::{Plant, Role, StationId, StationKind};

use crate::kpi::NANOS;
use crate::ledger::Ledger;
use crate::{Calendar, Kpis, LossTree, Made};

/// All that follows from the plant alone: how parts flow, what is planned.
#[derive(Debug, Clone)]
pub struct FlowModel {
    pub(crate) places: Vec<Place>,
    /// Places, each after those upstream of it.
    pub(crate) order: Vec<usize>,
    /// By place: where it is in the order.
    pub(crate) rank: Vec<usize>,
    pub(crate) calendar: Calendar,
    pub(crate) variants: usize,
    /// Good parts planned by shift of the calendar.
    planned_output: Vec<Option<u32>>,
    /// The slowest planned cycle of all stations that a variant passes, by variant and at last for any; what the whole line
    /// could do at best.
    line_cycle_ns: Vec<i64>,
}

/// What a station is to the flow of parts.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) kind: PlaceKind,
    pub(crate) upstream: Vec<usize>,
    pub(crate) downstream: Vec<usize>,
    /// Planned run time per item by variant and at last for any, nanoseconds; 0 where none is planned.
    pub(crate) cycle_ns: Vec<i64>,
    /// Whether parts leave the line from there, by variant and at last of those not known to be of one.
    is_last: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    /// Works on parts.
    Cycles,
    /// Holds parts between stations.
    Buffer,
    /// No parts pass it.
    Utility,
}

impl FlowModel {
    /// The model of a plant.
    pub fn new(plant: &Plant) -> Self {
        let mut places: Vec<Place> = plant.stations.iter().map(|station| place(plant, station.id)).collect();
        for station in &plant.stations {
            for upstream in &station.upstream {
                places[upstream.index()].downstream.push(station.id.index());
            }
        }
        let variants = plant.variants.len();
        let slowest = |variant: usize| {
            let passed = passed(plant, &places, variant);
            let passed = places.iter().zip(passed).filter(|(_, is_passed)| *is_passed);
            passed.map(|(place, _)| place.cycle_ns[variant]).max().unwrap_or(0)
        };
        let line_cycle_ns = (0..=variants).map(slowest).collect();
        let shifts = plant.plan.calendar.iter().flat_map(|calendar| &calendar.shifts);
        let planned_output = shifts.map(|shift| {
            (!shift.planned_output.is_empty())
                .then(|| shift.planned_output.values().fold(0_u32, |sum, &parts| sum.saturating_add(parts)))
        });
        let order = order(&places);
        let mut rank = vec![0; places.len()];
        order.iter().enumerate().for_each(|(at, &place)| rank[place] = at);
        Self {
            order,
            rank,
            calendar: Calendar::new(plant),
            variants,
            planned_output: planned_output.collect(),
            line_cycle_ns,
            places,
        }
    }

    /// So many stations in a row, of which one is a buffer; for tests.
    #[cfg(test)]
    pub(crate) fn of_line(stations: usize, buffer: usize) -> Self {
        let place = |place: usize| Place {
            kind: if place == buffer { PlaceKind::Buffer } else { PlaceKind::Cycles },
            upstream: place.checked_sub(1).into_iter().collect(),
            downstream: (place + 1..stations).take(1).collect(),
            cycle_ns: vec![0],
            is_last: vec![place + 1 == stations],
        };
        Self {
            places: (0..stations).map(place).collect(),
            order: (0..stations).collect(),
            rank: (0..stations).collect(),
            calendar: Calendar::rolling_h(1.0),
            variants: 0,
            planned_output: Vec::new(),
            line_cycle_ns: vec![0],
        }
    }

    /// When the line is to work.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Good parts that a shift is to make, if that is planned.
    pub(crate) fn planned_output(&self, shift: Option<u16>) -> Option<u32> {
        self.planned_output.get(usize::from(shift?)).copied().flatten()
    }

    /// A station's indicators of a period.
    pub(crate) fn kpis(&self, place: usize, ledger: &Ledger) -> Kpis {
        let cycle_ns = &self.places[place].cycle_ns;
        let is_planned = cycle_ns.iter().all(|&nanos| nanos > 0);
        let runs = ledger.made().iter().zip(cycle_ns);
        let run_ns = runs.map(|(made, cycle_ns)| i64::from(made.produced()) * cycle_ns).sum();
        Kpis::new(ledger, is_planned.then_some(run_ns))
    }

    /// Where a station's time of a period went.
    pub(crate) fn loss_tree(&self, place: usize, ledger: &Ledger) -> LossTree {
        LossTree::new(ledger, &self.places[place].cycle_ns)
    }

    /// Planned run time of parts that have left the line, at the pace of its slowest station by plan, seconds.
    pub(crate) fn line_run_s(&self, made: &[Made], count: fn(&Made) -> u32) -> f64 {
        let runs = made.iter().zip(&self.line_cycle_ns);
        runs.map(|(made, &cycle_ns)| f64::from(count(made)) * cycle_ns as f64).sum::<f64>() / NANOS
    }

    /// Whether parts of that variant leave the line from there.
    pub(crate) fn is_last(&self, station: usize, variant: Option<u16>) -> bool {
        let Place { kind, is_last, .. } = &self.places[station];
        let unknown = self.variants;
        *kind == PlaceKind::Cycles && is_last[variant.map_or(unknown, usize::from).min(unknown)]
    }

    /// Whether it is at the end of the line.
    pub(crate) fn is_exit(&self, station: usize) -> bool {
        self.places[station].kind == PlaceKind::Cycles && self.places[station].downstream.is_empty()
    }
}

fn place(plant: &Plant, id: StationId) -> Place {
    let station = plant.station(id);
    let kind = match station.kind {
        _ if plant.signal_in_role(id, Role::CycleActive).is_some() => PlaceKind::Cycles,
        StationKind::Buffer => PlaceKind::Buffer,
        _ => PlaceKind::Utility,
    };
    let variants = || (0..plant.variants.len()).map(Some).chain([None]);
    let cycle_ns = |variant| plant.planned_cycle_s(id, variant).map_or(0, |seconds| (seconds * NANOS) as i64);
    let upstream = station.upstream.iter().map(|upstream| upstream.index()).collect();
    Place {
        kind,
        upstream,
        downstream: Vec::new(),
        cycle_ns: variants().map(cycle_ns).collect(),
        is_last: variants().map(|variant| plant.is_last(id, variant)).collect(),
    }
}

/// Whether parts of a variant pass each place: those before the one behind which they leave the line, and that.
fn passed(plant: &Plant, places: &[Place], variant: usize) -> Vec<bool> {
    let Some(last) = plant.flow.variants.get(variant).and_then(|flow| flow.leaves_after) else {
        return vec![true; places.len()];
    };
    let mut passed = vec![false; places.len()];
    let mut to_come = vec![last.index()];
    while let Some(place) = to_come.pop() {
        if !std::mem::replace(&mut passed[place], true) {
            to_come.extend(&places[place].upstream);
        }
    }
    passed
}

/// Each after those upstream of it. The configuration allows no circle; what is in one comes last.
fn order(places: &[Place]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(places.len());
    let mut waits_for: Vec<usize> = places.iter().map(|place| place.upstream.len()).collect();
    let mut ready: Vec<usize> = (0..places.len()).rev().filter(|&place| waits_for[place] == 0).collect();
    while let Some(place) = ready.pop() {
        order.push(place);
        for &next in &places[place].downstream {
            waits_for[next] -= 1;
            if waits_for[next] == 0 {
                ready.push(next);
            }
        }
    }
    order.extend((0..places.len()).filter(|&place| waits_for[place] > 0));
    order
}
