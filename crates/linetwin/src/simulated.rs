//! The simulated plant as a source of events, without a protocol in between: as fast as the core can take them.

use std::sync::Arc;

use plant::Plant;
use plant_sim::{SimLink, SimPlant, TruthEvent, Update};
use telemetry::{Event, Input, LinkId, LinkState, Quality, Sample, SampleBatch, SignalId, Timestamp};
use twin::{Outputs, Twin};

/// When the simulated plant's clock begins, whenever it is run, so that the same seed gives the same shift:
/// 2026-11-23T06:00:00Z, a Monday's early shift.
pub const START: Timestamp = Timestamp::from_millis(1_795_413_600_000);

/// A simulated plant and its twin.
pub struct SimulatedTwin {
    /// The plant.
    pub source: SimulatedSource,
    /// What its links tell goes here.
    pub twin: Twin,
    sequence: u64,
    events: Vec<Event>,
}

impl SimulatedTwin {
    /// The plant, and a twin that knows nothing of it yet but its configuration.
    pub fn new(sim: SimPlant, plant: &Arc<Plant>) -> Self {
        let source = SimulatedSource::new(sim, plant);
        Self { source, twin: Twin::new(plant.clone()), sequence: 0, events: Vec::new() }
    }

    /// Advances both by one step and appends what the twin gave. Returns when its inputs were received.
    pub fn step(&mut self, outputs: &mut Outputs) -> Timestamp {
        let received = self.source.step(&mut self.events);
        for event in self.events.drain(..) {
            self.sequence += 1;
            self.twin.apply(&Input { sequence: self.sequence, received, event }, outputs);
        }
        received
    }
}

/// Steps of the simulated plant from one tick of the clock to the next: one second.
const TICK_STEPS: u64 = (1.0 / plant_sim::STEP_S) as u64;

/// A simulated plant whose points are mapped to the signals of a configuration by name.
pub struct SimulatedSource {
    sim: SimPlant,
    /// By point.
    signals: Vec<Option<SignalId>>,
    /// By place in [`SimLink::ALL`].
    links: [Option<LinkId>; 3],
    up: [Option<bool>; 3],
    updates: Vec<Update>,
    truth: Vec<TruthEvent>,
    steps: u64,
}

impl SimulatedSource {
    /// Points and links that the configuration does not name are left out.
    pub fn new(sim: SimPlant, plant: &Plant) -> Self {
        let signal = |path: &str| plant.signals.iter().find(|signal| signal.path == path).map(|signal| signal.id);
        let link = |name: &str| plant.links.iter().find(|link| link.name == name).map(|link| link.id);
        let signals = sim.points().iter().map(|point| signal(&point.path)).collect();
        let links = SimLink::ALL.map(|sim_link| link(sim_link.name()));
        Self { sim, signals, links, up: [None; 3], updates: Vec::new(), truth: Vec::new(), steps: 0 }
    }

    /// The plant.
    pub fn sim(&self) -> &SimPlant {
        &self.sim
    }

    /// The plant, for what people do to it.
    pub fn sim_mut(&mut self) -> &mut SimPlant {
        &mut self.sim
    }

    /// What truly happened so far.
    pub fn truth(&self) -> &[TruthEvent] {
        &self.truth
    }

    /// The plant, to go on with it in another way, and what truly happened so far.
    pub fn into_parts(self) -> (SimPlant, Vec<TruthEvent>) {
        (self.sim, self.truth)
    }

    /// Advances the plant by one step and appends what the daemon would have received by then. Returns when that was.
    pub fn step(&mut self, events: &mut Vec<Event>) -> Timestamp {
        self.updates.clear();
        self.sim.step(&mut self.updates);
        self.truth.extend_from_slice(self.sim.truth());
        self.steps += 1;
        for (place, sim_link) in SimLink::ALL.into_iter().enumerate() {
            let Some(link) = self.links[place] else { continue };
            let is_up = self.sim.link_is_up(sim_link);
            if self.up[place].replace(is_up) != Some(is_up) {
                let state = match is_up {
                    true => LinkState::Up,
                    false => LinkState::Down { reason: format!("{}: the simulated cable is cut", sim_link.name()) },
                };
                events.push(Event::Link { link, state });
            }
            let samples = self.samples(sim_link);
            if !samples.is_empty() {
                events.push(Event::Samples(SampleBatch { link, samples }));
            }
        }
        if self.steps.is_multiple_of(TICK_STEPS) {
            events.push(Event::Tick);
        }
        self.sim.now()
    }

    fn samples(&self, link: SimLink) -> Vec<Sample> {
        let of_link = |update: &&Update| self.sim.points()[update.point.0 as usize].link == link;
        let sample = |update: &Update| {
            let signal = self.signals[update.point.0 as usize]?;
            Some(Sample { signal, source_time: update.at, value: update.value, quality: Quality::Good })
        };
        self.updates.iter().filter(of_link).filter_map(sample).collect()
    }
}
