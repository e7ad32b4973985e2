//! Whether sensors can be believed: what each cycle says of them, and which verdict of it is told.

use alarms::{Detector, Evidence, Source, Verdict};
use drift::{Finding, RareEvents, Spike, Stuck};
use plant::{Cause, StationId};
use process::{CycleData, Presence};
use serde::{Deserialize, Serialize};
use telemetry::{SignalId, Timestamp};

use crate::model::is_measured;
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
}

impl Failure {
    fn detector_and_cause(self) -> (Detector, Cause) {
        match self {
            Self::Stuck => (Detector::FlatLine, Cause::SensorFlatLine),
            Self::Dropout => (Detector::Dropout, Cause::SensorDropout),
            Self::Spikes => (Detector::Spikes, Cause::SensorSpikes),
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
            if !is_missing && is_measured(role) {
                let stuck = sensor.stuck.observe(cycle.changes[place] > 0, mark);
                self.judge_sensor(station, place, Failure::Stuck, stuck, cycle, step);
            }
            self.judge_sensor(station, place, Failure::Dropout, missing, cycle, step);
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
        let sensors = model.inputs.iter().zip(&mut state.sensors).filter(|((_, signal), _)| is_meant(*signal));
        let failed = sensors.filter_map(|(&(_, signal), sensor)| {
            let before = std::mem::replace(sensor, SensorState::new(run_length));
            before.failure.map(|_| Source::Sensor { station, signal })
        });
        failed.collect()
    }

    /// What a watch says of a sensor after a cycle. The first failure that is found is told; what another watch finds
    /// meanwhile neither adds to it nor clears it, and is told if it is still there when the first is gone.
    pub(crate) fn judge_sensor(
        &mut self,
        station: StationId,
        place: usize,
        kind: Failure,
        told: drift::Step<Finding>,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) {
        let (_, signal) = self.model.stations[station.index()].inputs[place];
        let source = Source::Sensor { station, signal };
        let failure = &mut self.state.stations[station.index()].sensors[place].failure;
        match told {
            drift::Step::Raised(finding) | drift::Step::Standing(finding) if failure.is_none() => {
                *failure = Some(kind);
                let verdict = self.failed(station, place, kind, finding, cycle);
                self.raise(verdict, step);
            }
            drift::Step::Quiet | drift::Step::Cleared if *failure == Some(kind) => {
                *failure = None;
                self.clear(source, cycle.end, step);
            }
            _ => {}
        }
    }

    fn failed(&self, station: StationId, place: usize, kind: Failure, finding: Finding, cycle: &CycleData) -> Verdict {
        let (_, signal) = self.model.stations[station.index()].inputs[place];
        let source = Source::Sensor { station, signal };
        let signal = self.model.plant.signal(signal);
        let (detector, cause) = kind.detector_and_cause();
        let evidence = Evidence {
            source,
            name: signal.path.clone(),
            unit: signal.unit.clone(),
            variant: None,
            part: None,
            direction: None,
            value: cycle.held(place),
            baseline: None,
            sigma: None,
            baseline_cycles: 0,
            detector,
            statistic: finding.statistic,
            threshold: finding.threshold,
            false_alarms_per_shift: self.model.budget_per_watch,
            onset: Timestamp::from_nanos(finding.onset_mark),
            note: String::new(),
        };
        Verdict { at: cycle.end, evidence, causes: vec![(cause, 1.0)], time_to_limit_s: None }
    }
}
