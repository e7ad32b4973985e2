//! What the twin learns of how the line works, and where it is: what a forecast of the shift starts from.

use ::flow::line::{CycleSeen, LearnedLine, LineModel, PartStart, PlaceStart, Progress, ShiftSoFar, Start};
use ::flow::{MaterialLevel, MaterialUse, Prospect, StationState};
use plant::{Plant, Role, StationId};
use process::CycleData;
use serde::{Deserialize, Serialize};
use telemetry::{LinkId, SignalId};

use crate::twin::Twin;

/// What counts of all that was learnt when a shift ends: after three shifts it is half of what it was.
const KEPT_SHARE: f64 = 0.8;

/// The line by its design, for forecasts.
#[derive(Debug, Clone)]
pub(crate) struct LineDesign {
    line: LineModel,
    /// By place of the line: its station.
    stations: Vec<StationId>,
    /// By station: its place in the line, if it works on parts.
    places: Vec<Option<usize>>,
    /// The signals that tell how much of a material is left, with their stations.
    materials: Vec<(SignalId, StationId)>,
}

/// What was learnt of the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    line: LearnedLine,
    /// By material of the design.
    materials: Vec<MaterialUse>,
}

impl LineDesign {
    pub(crate) fn new(plant: &Plant) -> Self {
        let line = LineModel::of_plant(plant);
        let working = |station: &plant::Station| {
            line.place_named(&station.name).filter(|&place| line.places[place].station().is_some())
        };
        let station_named = |name: &str| plant.stations.iter().find(|station| station.name == name);
        Self {
            places: plant.stations.iter().map(working).collect(),
            stations: line.places.iter().filter_map(|place| Some(station_named(&place.name)?.id)).collect(),
            materials: plant
                .signals
                .iter()
                .filter(|signal| signal.role == Role::MaterialLevel)
                .map(|signal| (signal.id, signal.station))
                .collect(),
            line,
        }
    }

    pub(crate) fn nothing_learnt(&self) -> Learned {
        Learned {
            line: LearnedLine::new(&self.line),
            materials: vec![MaterialUse::new(self.line.variants.len()); self.materials.len()],
        }
    }
}

impl Twin {
    /// The line as it was designed.
    pub fn line_design(&self) -> &LineModel {
        &self.model.line.line
    }

    /// What was learnt of how the line works.
    pub fn learned_line(&self) -> &LearnedLine {
        &self.state.learned.line
    }

    /// A cycle is complete: it tells how long work takes, what stops it, and what it takes of the materials.
    pub(crate) fn learn_cycle(&mut self, station: StationId, cycle: &CycleData) {
        let design = &self.model.line;
        let Some(place) = design.places[station.index()] else { return };
        let variant = self.state.stations[station.index()].worked_on.variant.map(usize::from);
        let learned = &mut self.state.learned;
        let since = learned.line.last_end(place).filter(|&end| end < cycle.start).unwrap_or(cycle.start);
        let seen = CycleSeen {
            place,
            variant,
            began: cycle.start,
            ended: cycle.end,
            work_s: cycle.work_s(),
            stopped_s: cycle.stop_s(),
            is_planned: self.state.flow.was_planned(&self.model.flow, since, cycle.end),
        };
        learned.line.learn(&design.line, &seen);
        for (material, &(signal, _)) in
            learned.materials.iter_mut().zip(&design.materials).filter(|(_, (_, at))| *at == station)
        {
            let level = self.state.signals[signal.index()].filter(|sample| sample.quality.is_usable());
            match level.and_then(|sample| sample.value.as_f64()) {
                Some(level) => material.part(variant, level),
                None => material.lose_sight(),
            }
        }
    }

    /// What the link tells cannot be seen for a while.
    pub(crate) fn lose_sight_of_materials(&mut self, link: LinkId) {
        for (material, &(signal, _)) in self.state.learned.materials.iter_mut().zip(&self.model.line.materials) {
            if self.model.plant.signal(signal).link == link {
                material.lose_sight();
            }
        }
    }

    /// A shift is over: what was learnt before counts for less from now on.
    pub(crate) fn fade_learned(&mut self) {
        self.state.learned.line.fade(KEPT_SHARE);
        self.state.learned.materials.iter_mut().for_each(|material| material.fade(KEPT_SHARE));
    }

    /// Where the shift is, for a forecast of what it comes to. `None` between shifts, and while no station of the line can
    /// be seen.
    pub fn prospect(&self) -> Option<Prospect> {
        let flow = self.state.flow.view(&self.model.flow);
        let report = flow.shift.filter(|report| report.shift.is_some())?;
        let working = || self.model.line.places.iter().zip(&flow.stations).filter(|(place, _)| place.is_some());
        if working().all(|(_, station)| station.state == StationState::Unknown) {
            return None;
        }
        let design = &self.model.line;
        let materials = self.state.learned.materials.iter().zip(&design.materials);
        let material = |(known, &(signal, _)): (&MaterialUse, &(SignalId, StationId))| {
            let sample = self.state.signals[signal.index()].filter(|sample| sample.quality.is_usable())?;
            Some(MaterialLevel { signal, level: sample.value.as_f64()?, per_part: known.per_part()? })
        };
        Some(Prospect {
            at: self.state.now,
            shift: report.shift?,
            start: report.start,
            end: report.end,
            planned_output: report.line.planned_output,
            line: design.line.clone(),
            learned: self.state.learned.line.clone(),
            so_far: ShiftSoFar {
                start: Start { places: (0..design.stations.len()).map(|place| self.in_place(place)).collect() },
                produced: report.line.not_scrap(),
                left_s: flow.planned_left_s,
            },
            materials: materials.filter_map(material).collect(),
        })
    }

    /// What is in a place of the line now.
    fn in_place(&self, place: usize) -> PlaceStart {
        let station = self.model.line.stations[place];
        let state = &self.state.stations[station.index()];
        let model = &self.model.line.line.places[place];
        if model.station().is_none() {
            let level = state.buffer_level.filter(|level| *level >= 1.0).map_or(0, |level| level as u32);
            let waiting = PartStart { variant: None, progress: Progress::Waiting };
            let parts = vec![waiting; level.min(model.capacity().unwrap_or(BUFFER_MAX)) as usize];
            return PlaceStart { parts, down_s: None };
        }
        let now = self.state.now;
        let worked_s = state.builder.worked_s(now).filter(|_| self.state.flow.is_working(station));
        let progress = match worked_s {
            Some(worked_s) => Some(Progress::Working { worked_s }),
            None if self.state.flow.is_done(station) => Some(Progress::Done),
            None => None,
        };
        let variant = state.present.variant.map(usize::from);
        PlaceStart {
            parts: progress.map(|progress| PartStart { variant, progress }).into_iter().collect(),
            down_s: self.state.flow.down_since(station).map(|since| now.seconds_since(since).max(0.0)),
        }
    }
}

/// The most parts that a buffer without a known capacity is taken to hold, whatever its signal says.
const BUFFER_MAX: u32 = 10_000;
