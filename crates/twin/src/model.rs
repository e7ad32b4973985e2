use std::sync::Arc;

use drift::{PeerDrift, Thresholds};
use flow::FlowModel;
use plant::{Plant, Role, StationId};
use process::{StationModel, WINDOW_S};
use telemetry::{LinkId, SignalId};

use crate::forecast::LineDesign;
use crate::machine::{MachineAlarm, machine_alarms};
use crate::silence::Watched;

/// All that follows from the plant alone and never changes.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) plant: Arc<Plant>,
    pub(crate) stations: Vec<StationModel>,
    pub(crate) flow: FlowModel,
    pub(crate) line: LineDesign,
    /// By station: those of its inputs, by place, that have a limit for some variant, with their signals.
    pub(crate) limited: Vec<Vec<(usize, SignalId)>>,
    /// By signal: where its samples go.
    pub(crate) routes: Vec<Route>,
    /// The devices, each with a clock of its own: what a link tells of a station.
    pub(crate) devices: Vec<(LinkId, StationId)>,
    /// The signals that must be heard of now and then.
    pub(crate) watched: Vec<Watched>,
    /// What the machines themselves say is wrong.
    pub(crate) alarms: Vec<MachineAlarm>,
    /// By station: those that take its parts.
    pub(crate) downstream: Vec<Vec<StationId>>,
    /// By link: the stations whose cycles it tells.
    pub(crate) stations_of_link: Vec<Vec<StationId>>,
    /// By station: the links that tell its cycles.
    pub(crate) links_of_station: Vec<Vec<LinkId>>,
    /// By station: the thresholds of its features' charts.
    pub(crate) thresholds: Vec<Thresholds>,
    /// By station: a watch of each of its groups of redundant signals, as it is at first.
    pub(crate) peers: Vec<Vec<PeerDrift>>,
    /// False alarms a shift that each feature may have.
    pub(crate) budget_per_feature: f64,
    /// False alarms a shift that each watch of a sensor may have.
    pub(crate) budget_per_watch: f64,
}

/// What part of the line's false alarms is left to the watches of its sensors, all alike; the rest is for the features.
const SENSORS_SHARE: f64 = 0.1;
/// Cycles, or windows, in which redundant sensors learn how they differ.
const PEERS_LEARN_CYCLES: u32 = 50;
/// The shortest run length between false alarms that a watch of a sensor is asked for.
const WATCH_RUN_LENGTH_MIN: f64 = 100.0;

/// What was solved, by what it was solved for: solving takes a tenth of a second and stations are many, but most have one
/// of a few cycle times.
struct Solved<K, V>(Vec<(K, V)>);

impl<K, V> Default for Solved<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V: Clone> Solved<K, V> {
    fn of(&mut self, key: K, solve: impl FnOnce() -> V) -> V {
        if let Some((_, solved)) = self.0.iter().find(|(known, _)| *known == key) {
            return solved.clone();
        }
        let solved = solve();
        self.0.push((key, solved.clone()));
        solved
    }
}

/// Where a signal's samples go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) station: StationId,
    pub(crate) target: Target,
    /// The device that measures it, by place, if its clock can be watched.
    pub(crate) device: Option<usize>,
    /// Its place among the watched, if it must be heard of now and then.
    pub(crate) watched: Option<usize>,
}

/// What a signal is to its station.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    CycleActive,
    Fault,
    Part,
    /// Whether the last part is good.
    Result,
    /// One of the machine's own alarms, by place, or what else it says of it.
    Alarm(usize),
    Variant,
    Program,
    BufferLevel,
    /// An input of the process model, by place.
    Input(usize),
    /// As [`Target::Input`]; a fall means that the tool was dressed or changed.
    ToolLife(usize),
    /// Temperature of the air around: a covariate everywhere.
    Ambient,
    /// Kept, and in no model.
    Shown,
    /// Told of the station besides its measurements.
    Label(SignalId),
}

impl Model {
    pub(crate) fn new(plant: Arc<Plant>) -> Self {
        let stations: Vec<StationModel> =
            plant.stations.iter().map(|station| StationModel::new(&plant, station.id)).collect();
        let watched: Vec<Watched> = plant.signals.iter().filter_map(watched).collect();
        let of_device = |signal: &plant::Signal| (signal.link, signal.station);
        let shows_clocks = |signal: &&plant::Signal| plant.link(signal.link).shows_clocks();
        let mut devices: Vec<_> = plant.signals.iter().filter(shows_clocks).map(of_device).collect();
        devices.sort_unstable();
        devices.dedup();
        let alarms = machine_alarms(&plant);
        let routes = plant.signals.iter().map(|signal| route(&stations, &devices, &watched, &alarms, signal)).collect();
        let mut downstream = vec![Vec::new(); plant.stations.len()];
        for station in &plant.stations {
            for upstream in &station.upstream {
                downstream[upstream.index()].push(station.id);
            }
        }
        let stations_of_link: Vec<_> = plant.links.iter().map(|link| stations_of_link(&plant, link.id)).collect();
        let mut links_of_station = vec![Vec::new(); plant.stations.len()];
        for (link, stations) in plant.links.iter().zip(&stations_of_link) {
            stations.iter().for_each(|station| links_of_station[station.index()].push(link.id));
        }
        let features: usize = stations.iter().map(|station| station.features.len()).sum();
        let watches: usize = stations.iter().map(watches_of).sum();
        let budget = plant.detection.false_alarms_per_shift;
        let budget_per_feature = (1.0 - SENSORS_SHARE) * budget / features.max(1) as f64;
        let budget_per_watch = SENSORS_SHARE * budget / watches.max(1) as f64;
        let limited = stations.iter().map(|station| limited(&plant, station)).collect();
        let mut model = Self {
            flow: FlowModel::new(&plant),
            line: LineDesign::new(&plant),
            limited,
            plant,
            stations,
            routes,
            devices,
            watched,
            alarms,
            downstream,
            stations_of_link,
            links_of_station,
            thresholds: Vec::new(),
            peers: Vec::new(),
            budget_per_feature,
            budget_per_watch,
        };
        model.thresholds = model.solve_thresholds();
        model.peers = model.fresh_peers();
        model
    }

    fn solve_thresholds(&self) -> Vec<Thresholds> {
        let mut solved = Solved::default();
        let thresholds = |place| {
            let run_length = self.cycles_per_shift(StationId(place as u16)) / self.budget_per_feature;
            solved.of(run_length, || Thresholds::solve(run_length))
        };
        (0..self.stations.len()).map(thresholds).collect()
    }

    /// A watch for each group of redundant signals; those of as many sensors, at stations that cycle alike, are alike.
    fn fresh_peers(&self) -> Vec<Vec<PeerDrift>> {
        let mut solved = Solved::default();
        let of_station = |(place, station): (usize, &StationModel)| {
            let run_length = self.watch_run_length(StationId(place as u16));
            let watch = |group: &Vec<usize>| {
                solved.of((group.len(), run_length), || PeerDrift::new(group.len(), PEERS_LEARN_CYCLES, run_length))
            };
            station.redundant.iter().filter_map(watch).collect()
        };
        self.stations.iter().enumerate().map(of_station).collect()
    }

    /// Cycles of a station, or windows, from one false alarm of a watch of its sensors to the next, on average.
    pub(crate) fn watch_run_length(&self, station: StationId) -> f64 {
        (self.cycles_per_shift(station) / self.budget_per_watch).max(WATCH_RUN_LENGTH_MIN)
    }

    /// Cycles, or windows, that a station has in a shift by its design.
    pub(crate) fn cycles_per_shift(&self, station: StationId) -> f64 {
        let cycle_s = match self.stations[station.index()].has_cycles {
            true => self.plant.station(station).ideal_cycle_s.unwrap_or(WINDOW_S),
            false => WINDOW_S,
        };
        self.plant.detection.shift_h * 3600.0 / cycle_s
    }

    /// The lowest and the highest good value of a station's feature for a variant.
    pub(crate) fn good_range(
        &self,
        station: StationId,
        feature: usize,
        variant: Option<usize>,
    ) -> (Option<f64>, Option<f64>) {
        let bound = &self.stations[station.index()].features[feature];
        let of_sensor = bound.sensor().map_or((None, None), |signal| self.limits(signal, variant));
        bound.limits(of_sensor, &self.plant.recipe(station, variant))
    }

    /// The lowest and the highest allowed value of a signal for a variant.
    pub(crate) fn limits(&self, signal: SignalId, variant: Option<usize>) -> (Option<f64>, Option<f64>) {
        let applying = || {
            self.plant
                .limits
                .iter()
                .filter(move |limit| limit.signal == signal && (limit.variant.is_none() || limit.variant == variant))
        };
        (
            applying().filter_map(|limit| limit.low).reduce(f64::max),
            applying().filter_map(|limit| limit.high).reduce(f64::min),
        )
    }
}

/// Watches of a station's sensors: of each input for a value that is stuck, if it is measured, and for missing values;
/// of each feature that one sensor measures for spikes, and of each group of redundant ones.
fn watches_of(model: &StationModel) -> usize {
    let stuck = model.inputs.iter().filter(|(role, _)| role.is_measurement()).count();
    let spikes = model.features.iter().filter(|feature| feature.sensor().is_some()).count();
    stuck + model.inputs.len() + spikes + model.redundant.len()
}

/// The inputs that have a limit, each once.
fn limited(plant: &Plant, model: &StationModel) -> Vec<(usize, SignalId)> {
    let has_limit = |signal: SignalId| plant.limits.iter().any(|limit| limit.signal == signal);
    let inputs = model.inputs.iter().enumerate().filter(|(_, (_, signal))| has_limit(*signal));
    inputs.map(|(place, &(_, signal))| (place, signal)).collect()
}

fn watched(signal: &plant::Signal) -> Option<Watched> {
    signal.stale_after_s.map(|stale_after_s| Watched { signal: signal.id, stale_after_s })
}

fn route(
    stations: &[StationModel],
    devices: &[(LinkId, StationId)],
    watched: &[Watched],
    alarms: &[MachineAlarm],
    signal: &plant::Signal,
) -> Route {
    let model = &stations[signal.station.index()];
    let input = || model.inputs.iter().position(|&(_, known)| known == signal.id);
    let target = match signal.role {
        Role::CycleActive => Target::CycleActive,
        Role::Fault => Target::Fault,
        Role::MachineAlarm | Role::AlarmMessage | Role::AlarmSeverity => {
            let place = alarms.iter().position(|alarm| alarm.is_said_by(signal.id));
            place.map_or(Target::Shown, Target::Alarm)
        }
        Role::PartId => Target::Part,
        Role::Result => Target::Result,
        Role::Variant => Target::Variant,
        Role::RobotProgram => Target::Program,
        Role::BufferLevel => Target::BufferLevel,
        Role::AmbientTemperature => Target::Ambient,
        Role::ToolLife => input().map_or(Target::Label(signal.id), Target::ToolLife),
        Role::MaterialLot | Role::PartChild | Role::ToolId | Role::OperatorId => Target::Label(signal.id),
        _ => input().map_or(Target::Shown, Target::Input),
    };
    let device = devices.binary_search(&(signal.link, signal.station)).ok();
    // They are in the order of the signals.
    let watched = watched.binary_search_by_key(&signal.id, |watched| watched.signal).ok();
    Route { station: signal.station, target, device, watched }
}

fn stations_of_link(plant: &Plant, link: LinkId) -> Vec<StationId> {
    let mut stations: Vec<StationId> =
        plant.signals.iter().filter(|signal| signal.link == link).map(|signal| signal.station).collect();
    stations.sort_unstable();
    stations.dedup();
    stations
}
