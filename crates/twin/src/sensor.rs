//! Whether sensors can be believed: what each cycle says of them, and which verdict of it is told.

use alarms::{Detector, Direction, Evidence, Source, Verdict};
use drift::{Finding, PeerShift, RareEvents, Spike, Stuck, Suspect};
use plant::{Cause, StationId};
use process::{CycleData, Presence, StationModel};
use serde::{Deserialize, Serialize};
use telemetry::{SignalId, Timestamp};

use crate::twin::{Step, Twin};

/// Cycles in which a station learns how often a value is normally missing.
const DROPOUT_LEARN_CYCLES: u32 = 100;
/// Cycles in which a feature learns how often a single wild value is normal.
const SPIKE_LEARN_CYCLES: u32 = 150;

/// What is known of the sensor behind an input of a station's model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SensorState {
    stuck: Stuck,
    /// Cycles without a usable value.
    missing: RareEvents,
    /// The failure that is told of; while it stands no other adds to it.
    failure: Option<Failure>,
}

/// A way in which a sensor fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// Its value no longer changes.
    Stuck,
    /// It gives no usable value in more cycles than it did.
    Dropout,
    /// It gives single wild values in more cycles than it did.
    Spikes,
    /// It has parted from those that measure the same.
    PeerDrift,
}

/// What a watch has found of a sensor.
#[derive(Debug, Clone)]
struct Found {
    finding: Finding,
    direction: Option<Direction>,
    note: String,
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self { finding, direction: None, note: String::new() }
    }
}

impl Failure {
    fn detector_and_cause(self) -> (Detector, Cause) {
        match self {
            Self::Stuck => (Detector::FlatLine, Cause::SensorFlatLine),
            Self::Dropout => (Detector::Dropout, Cause::SensorDropout),
            Self::Spikes => (Detector::Spikes, Cause::SensorSpikes),
            Self::PeerDrift => (Detector::PeerDrift, Cause::SensorDrift),
        }
    }
}

impl SensorState {
    /// A sensor of which nothing is known; each of its watches has one false alarm in `run_length` cycles on average.
    pub(crate) fn new(run_length: f64) -> Self {
        Self {
            stuck: Stuck::new(1.0 / run_length),
            missing: RareEvents::new(DROPOUT_LEARN_CYCLES, run_length),
            failure: None,
        }
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure
    }
}

/// A watch for single wild values of a feature, with one false alarm in `run_length` cycles on average.
pub(crate) fn new_spike(run_length: f64) -> Spike {
    Spike::new(SPIKE_LEARN_CYCLES, run_length)
}

impl Twin {
    /// Looks for inputs that no longer change, or are missing more often than they were.
    pub(crate) fn check_sensors(&mut self, station: StationId, cycle: &CycleData, step: &mut Step<'_>) {
        for place in 0..self.model.stations[station.index()].inputs.len() {
            let Some(is_missing) = self.is_missing(station, place, cycle) else { continue };
            let (role, _) = self.model.stations[station.index()].inputs[place];
            let mark = cycle.start.as_nanos();
            let sensor = &mut self.state.stations[station.index()].sensors[place];
            let missing = sensor.missing.observe(is_missing, mark);
            if !is_missing && role.is_measurement() {
                let stuck = sensor.stuck.observe(cycle.changes[place] > 0, mark);
                self.judge_sensor(station, place, Failure::Stuck, stuck.map(Found::from), cycle, step);
            }
            self.judge_sensor(station, place, Failure::Dropout, missing.map(Found::from), cycle, step);
        }
    }

    /// Whether a cycle had no usable value of an input that should have had one. `None` if that cannot be told: the input
    /// has never had one, or its link was not up all the time.
    fn is_missing(&self, station: StationId, place: usize, cycle: &CycleData) -> Option<bool> {
        let (_, signal) = self.model.stations[station.index()].inputs[place];
        let link = self.model.plant.signal(signal).link;
        if !self.state.links[link.index()].is_up_since(cycle.start) {
            return None;
        }
        match cycle.presences[place] {
            Presence::Unknown => None,
            Presence::Seen => Some(false),
            Presence::Silent => Some(!self.model.plant.link(link).tells_only_changes()),
            Presence::Bad => Some(true),
        }
    }

    /// How often single wild values of a feature come, which the sensor at that place measures.
    pub(crate) fn judge_spikes(
        &mut self,
        station: StationId,
        place: usize,
        told: drift::Step<Finding>,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) {
        self.judge_sensor(station, place, Failure::Spikes, told.map(Found::from), cycle, step);
    }

    /// Holds sensors that measure the same against each other.
    pub(crate) fn check_peers(&mut self, station: StationId, cycle: &CycleData, step: &mut Step<'_>) {
        for group in 0..self.model.stations[station.index()].redundant.len() {
            if let Some(told) = self.compare_peers(station, group, cycle) {
                self.judge_peers(station, group, told, cycle, step);
            }
        }
    }

    /// What a cycle says of a group of redundant sensors. `None` if one of them is missing or has failed in another way:
    /// then it says nothing.
    fn compare_peers(&mut self, station: StationId, group: usize, cycle: &CycleData) -> Option<drift::Step<PeerShift>> {
        let model = &self.model.stations[station.index()];
        let state = &mut self.state.stations[station.index()];
        let places = &model.redundant[group];
        let mut failures = places.iter().filter_map(|&place| state.sensors[place].failure);
        if failures.any(|failure| failure != Failure::PeerDrift) {
            return None;
        }
        let values: Vec<f64> = places.iter().map(|&place| cycle.mean(place)).collect::<Option<_>>()?;
        let floor = parting_floor(model, places, &values);
        Some(state.peers[group].observe(&values, floor, cycle.start.as_nanos()))
    }

    fn judge_peers(
        &mut self,
        station: StationId,
        group: usize,
        told: drift::Step<PeerShift>,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) {
        let places = self.model.stations[station.index()].redundant[group].clone();
        let shift = match told {
            drift::Step::Raised(shift) | drift::Step::Standing(shift) => Some(shift),
            drift::Step::Quiet | drift::Step::Cleared => None,
        };
        let is_suspect = |of_group: &usize| match shift.map(|shift| shift.suspect) {
            Some(Suspect::Sensor(suspect)) => suspect == *of_group,
            Some(Suspect::EitherOfTwo) => true,
            None => false,
        };
        // The suspect first, so that an incident does not end when the suspicion moves on.
        let (suspects, others): (Vec<usize>, Vec<usize>) = (0..places.len()).partition(is_suspect);
        for of_group in suspects.into_iter().chain(others) {
            let told = match shift.filter(|_| is_suspect(&of_group)) {
                Some(shift) => drift::Step::Standing(self.parted(station, &places, of_group, shift)),
                None => drift::Step::Quiet,
            };
            self.judge_sensor(station, places[of_group], Failure::PeerDrift, told, cycle, step);
        }
    }

    /// What features have shown that need a signal is denied by its peers.
    fn disown(&mut self, station: StationId, signal: SignalId, cycle: &CycleData, step: &mut Step<'_>) {
        for place in 0..self.model.stations[station.index()].features.len() {
            let needs_it = self.model.stations[station.index()].features[place].needs.contains(&signal);
            if needs_it && self.state.stations[station.index()].features[place].reset() {
                self.clear(Source::Feature { station, feature: place as u16 }, cycle.end, None, step);
            }
        }
    }

    /// A sensor of a group has parted from the others, or one of two from the other.
    fn parted(&self, station: StationId, places: &[usize], of_group: usize, shift: PeerShift) -> Found {
        let inputs = &self.model.stations[station.index()].inputs;
        let signal = |&place: &usize| self.model.plant.signal(inputs[place].1);
        let peers = places.iter().filter(|&&place| place != places[of_group]).map(|place| signal(place).path.as_str());
        let peers = peers.collect::<Vec<_>>().join(", ");
        let moved = format!("{:.3} {}", shift.moved.abs(), signal(&places[of_group]).unit);
        let (direction, note) = match shift.suspect {
            Suspect::EitherOfTwo => {
                (None, format!("parted by {moved} from {peers}; which of the two is off is not known"))
            }
            Suspect::Sensor(_) if shift.moved > 0.0 => (Some(Direction::Up), format!("{moved} above {peers}")),
            Suspect::Sensor(_) => (Some(Direction::Down), format!("{moved} below {peers}")),
        };
        Found { finding: shift.finding, direction, note }
    }

    /// Sensors were replaced or calibrated: all that is known of them is forgotten. Returns those that were held to have
    /// failed.
    pub(crate) fn forget_sensors(&mut self, station: StationId, only: Option<SignalId>) -> Vec<Source> {
        let run_length = self.model.watch_run_length(station);
        let model = &self.model.stations[station.index()];
        let state = &mut self.state.stations[station.index()];
        let is_meant = |signal: SignalId| only.is_none_or(|only| only == signal);
        for (bound, feature) in model.features.iter().zip(&mut state.features) {
            if bound.sensor().is_some_and(is_meant) {
                feature.watch_anew(new_spike(run_length));
            }
        }
        let groups = model.redundant.iter().zip(&mut state.peers).zip(&self.model.peers[station.index()]);
        for ((places, watch), fresh) in groups {
            if places.iter().any(|&place| is_meant(model.inputs[place].1)) {
                watch.clone_from(fresh);
            }
        }
        let sensors = model.inputs.iter().zip(&mut state.sensors).filter(|((_, signal), _)| is_meant(*signal));
        let failed = sensors.filter_map(|(&(_, signal), sensor)| {
            let before = std::mem::replace(sensor, SensorState::new(run_length));
            before.failure.map(|_| Source::Sensor { station, signal })
        });
        failed.collect()
    }

    /// What a watch says of a sensor after a cycle. The first failure that is found is told; what another watch finds
    /// meanwhile neither adds to it nor clears it, and is told if it is still there when the first is gone.
    fn judge_sensor(
        &mut self,
        station: StationId,
        place: usize,
        kind: Failure,
        told: drift::Step<Found>,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) {
        let (_, signal) = self.model.stations[station.index()].inputs[place];
        let source = Source::Sensor { station, signal };
        let failure = &mut self.state.stations[station.index()].sensors[place].failure;
        match told {
            drift::Step::Raised(found) | drift::Step::Standing(found) if failure.is_none() => {
                *failure = Some(kind);
                let verdict = self.failed(station, place, kind, found, cycle);
                self.raise(verdict, step);
                if kind == Failure::PeerDrift {
                    self.disown(station, signal, cycle, step);
                }
            }
            drift::Step::Quiet | drift::Step::Cleared if *failure == Some(kind) => {
                *failure = None;
                self.clear(source, cycle.end, None, step);
            }
            _ => {}
        }
    }

    fn failed(&self, station: StationId, place: usize, kind: Failure, found: Found, cycle: &CycleData) -> Verdict {
        let Found { finding, direction, note } = found;
        let (_, signal) = self.model.stations[station.index()].inputs[place];
        let source = Source::Sensor { station, signal };
        let signal = self.model.plant.signal(signal);
        let (detector, cause) = kind.detector_and_cause();
        let (found, onset) = ([finding.statistic, finding.threshold], Timestamp::from_nanos(finding.onset_mark));
        let evidence = Evidence {
            unit: signal.unit.clone(),
            direction,
            value: cycle.held(place),
            false_alarms_per_shift: self.model.budget_per_watch,
            note,
            ..Evidence::without_baseline(source, signal.path.clone(), detector, found, onset)
        };
        Verdict::of_one_cause(cycle.end, cause, evidence)
    }
}

/// By how much redundant sensors may part before anybody wants to be told: by less than the process may depart, so that a
/// sensor is found out before what it shows is believed. Where no feature is measured by one of them, by nothing.
fn parting_floor(model: &StationModel, places: &[usize], values: &[f64]) -> f64 {
    const SHARE: f64 = 0.5;
    let measures = |&place: &usize| {
        let signal = model.inputs[place].1;
        model.features.iter().find(|feature| feature.sensor() == Some(signal))
    };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    places.iter().find_map(measures).map_or(0.0, |feature| SHARE * feature.spec.floor.departure(mean))
}
