use adapter::{Raw, sample};
use plant::Signal;
use plant_sim::{FaultError, STEP_S, SimConfig, SimPlant, Update};
use telemetry::{Quality, Sample, Timestamp, Value};

use crate::SimulatedAdapter;
use crate::source::Source;

/// The simulated plant behind a link.
pub(crate) struct PlantSource<'a> {
    plant: SimPlant,
    /// By point, who wants it.
    signals: Vec<Vec<&'a Signal>>,
    updates: Vec<Update>,
}

impl<'a> PlantSource<'a> {
    /// A plant that begins at that time, if any signal is of it.
    ///
    /// # Errors
    /// If it cannot have one of its faults.
    pub(crate) fn new(adapter: &'a SimulatedAdapter, start: Timestamp) -> Result<Option<Self>, FaultError> {
        let mut signals = vec![Vec::new(); plant_sim::points().len()];
        for (signal, source) in &adapter.signals {
            if let Source::Point(point) = source {
                signals[point.0 as usize].push(signal);
            }
        }
        if signals.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let config = SimConfig { seed: adapter.settings.seed, start, faults: adapter.faults.clone() };
        Ok(Some(Self { plant: SimPlant::new(config)?, signals, updates: Vec::new() }))
    }

    /// When its next step is.
    pub(crate) fn due(&self) -> Timestamp {
        self.plant.now().plus_seconds(STEP_S)
    }

    /// Appends what is due by then, a batch for each step.
    pub(crate) fn give(&mut self, now: Timestamp, batches: &mut Vec<Vec<Sample>>) {
        while self.due() <= now {
            self.updates.clear();
            self.plant.step(&mut self.updates);
            let of_update = |update: &Update| {
                let (at, value) = (update.at, update.value);
                self.signals[update.point.0 as usize]
                    .iter()
                    .map(move |signal| sample(signal, raw(&value), at, Quality::Good))
            };
            batches.push(self.updates.iter().flat_map(of_update).collect());
        }
    }
}

fn raw(value: &Value) -> Raw<'_> {
    match value {
        Value::Float(number) => Raw::Float(*number),
        Value::Integer(number) => Raw::Integer((*number).into()),
        Value::Boolean(condition) => Raw::Boolean(*condition),
        Value::Symbol(text) => Raw::Text(text.as_str()),
    }
}
