use alarms::Intervention;
use drift::{PeerDrift, Thresholds};
use genealogy::{CycleMemory, StationLabels};
use process::{BoundFeature, CycleBuilder, StationModel};
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::feature::FeatureState;
use crate::sensor::{SensorState, new_spike};

/// All that the twin remembers of a station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StationState {
    pub(crate) builder: CycleBuilder,
    pub(crate) features: Vec<FeatureState>,
    /// By place among the model's inputs.
    pub(crate) sensors: Vec<SensorState>,
    /// By group of the model's redundant inputs.
    pub(crate) peers: Vec<PeerDrift>,
    /// What the part signals say now.
    pub(crate) present: Present,
    /// What they said when the last cycle ended.
    pub(crate) worked_on: Present,
    pub(crate) tool_life: Option<f64>,
    /// The latest of each kind, in the order they were told.
    pub(crate) interventions: Vec<Intervention>,
    /// When the cycle began that was under way at the last intervention.
    pub(crate) interrupted: Option<Timestamp>,
    pub(crate) buffer_level: Option<f64>,
    pub(crate) cycles: u64,
    pub(crate) last_cycle_s: Option<f64>,
    /// What it tells besides: lots, mounted parts, tools.
    pub(crate) labels: StationLabels,
    /// What its last cycles had, with which those that show something are compared.
    pub(crate) memory: CycleMemory,
}

/// The part at a station.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Present {
    pub(crate) part: Option<Symbol>,
    /// By index into the plant's list.
    pub(crate) variant: Option<u16>,
    pub(crate) program: Option<Symbol>,
    /// Whether the last part is good.
    pub(crate) result: Option<bool>,
}

impl StationState {
    /// What is known of a station at first; `watch_run_length` is that of the watches of its sensors, in cycles.
    pub(crate) fn new(
        model: &StationModel,
        thresholds: Thresholds,
        watch_run_length: f64,
        peers: Vec<PeerDrift>,
    ) -> Self {
        let feature =
            |bound: &BoundFeature| FeatureState::new(thresholds, bound.sensor().map(|_| new_spike(watch_run_length)));
        Self {
            builder: CycleBuilder::new(model),
            features: model.features.iter().map(feature).collect(),
            sensors: vec![SensorState::new(watch_run_length); model.inputs.len()],
            peers,
            present: Present::default(),
            worked_on: Present::default(),
            tool_life: None,
            interventions: Vec::new(),
            interrupted: None,
            buffer_level: None,
            cycles: 0,
            last_cycle_s: None,
            labels: StationLabels::default(),
            memory: CycleMemory::default(),
        }
    }

    /// One of each kind, so that a tool that is dressed every hour hides nothing that was done before the shift.
    pub(crate) fn remember(&mut self, intervention: Intervention) {
        self.interventions.retain(|known| known.kind != intervention.kind);
        self.interventions.push(intervention);
    }
}
