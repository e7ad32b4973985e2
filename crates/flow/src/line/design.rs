use plant::{Plant, Station as Configured, StationFlow, StationKind};

use crate::line::{Blocking, Distribution, LineModel, Place, PlaceKind, Station, StopClock, Stops, VariantMix};

impl LineModel {
    /// The line as it was designed: each station and buffer of the plant is a place of the same name. Cooling loops, which
    /// no parts pass, are none.
    pub fn of_plant(plant: &Plant) -> Self {
        let order = in_order(plant);
        let place_of = |station: plant::StationId| order.iter().position(|&index| index == station.index());
        let place = |&index: &usize| {
            let station = &plant.stations[index];
            let flow = plant.flow.stations.get(index).copied().unwrap_or_default();
            Place {
                name: station.name.clone(),
                kind: kind(station, &flow, plant),
                upstream: station.upstream.iter().filter_map(|&before| place_of(before)).collect(),
                transfer_s: flow.transfer_s,
            }
        };
        let mix = |index: usize| {
            let flow = plant.flow.variants.get(index).copied().unwrap_or_default();
            VariantMix { weight: flow.share, leaves_after: flow.leaves_after.and_then(place_of) }
        };
        // A plant that names no variants builds one.
        let variants = (0..plant.variants.len().max(1)).map(mix).collect();
        let places = order.iter().map(place).collect();
        Self { variants, run_parts: 1.0, places, blocking: Blocking::AfterService }
    }

    /// The index of the place with that name.
    pub fn place_named(&self, name: &str) -> Option<usize> {
        self.places.iter().position(|place| place.name == name)
    }
}

/// The stations that parts pass, each after those that its parts come from; else in configuration order.
fn in_order(plant: &Plant) -> Vec<usize> {
    let mut left: Vec<&Configured> =
        plant.stations.iter().filter(|station| station.kind != StationKind::CoolingLoop).collect();
    let mut order: Vec<usize> = Vec::new();
    // A checked plant has no circles, so in each round there is one; else what is left stays out.
    while let Some(next) =
        left.iter().position(|station| station.upstream.iter().all(|before| order.contains(&before.index())))
    {
        order.push(left.remove(next).id.index());
    }
    order
}

fn kind(station: &Configured, flow: &StationFlow, plant: &Plant) -> PlaceKind {
    let Some(ideal_cycle_s) = station.ideal_cycle_s else { return PlaceKind::Buffer(flow.capacity) };
    let cycle_s = |variant| plant.planned_cycle_s(station.id, Some(variant)).unwrap_or(ideal_cycle_s);
    let work = |variant| Distribution::log_normal(cycle_s(variant), flow.cycle_scatter);
    let stops = flow.stops.map(|stops| Stops {
        every: Distribution::Exponential(60.0 * stops.mtbf_min),
        clock: StopClock::Working,
        repair: Distribution::Exponential(60.0 * stops.mttr_min),
    });
    PlaceKind::Station(Box::new(Station {
        work: (0..plant.variants.len().max(1)).map(work).collect(),
        stops: stops.into_iter().collect(),
        scrap_share: flow.scrap_share,
        supply: None,
    }))
}
