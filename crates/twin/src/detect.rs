//! From a complete cycle to verdicts.

use alarms::{Detector, Direction, Evidence, Source, Verdict};
use drift::{Residual, Shift};
use plant::{Cause, StationId};
use process::{BoundFeature, CycleData, Quantity};
use telemetry::Symbol;

use crate::feature::Context;
use crate::output::{Cycle, Output};
use crate::sensor::{CHANCE, FlatLineStep};
use crate::twin::{Step, Twin};

impl Twin {
    /// Looks for measured values that no longer change.
    pub(crate) fn check_sensors(&mut self, station: StationId, cycle: &CycleData, step: &mut Step<'_>) {
        for (place, &changes) in cycle.changes.iter().enumerate() {
            let (role, signal) = self.model.stations[station.index()].inputs[place];
            if role == plant::Role::ToolLife {
                continue; // a count, not a measurement
            }
            let source = Source::Sensor { station, signal };
            match self.state.stations[station.index()].sensors[place].observe(changes > 0) {
                FlatLineStep::Quiet => {}
                FlatLineStep::Cleared => self.clear(source, cycle.end, step),
                FlatLineStep::Raised { run, needed } => {
                    let verdict = self.flat_line(station, source, place, run, needed, cycle);
                    self.raise(verdict, step);
                }
            }
        }
    }

    fn flat_line(
        &self,
        station: StationId,
        source: Source,
        place: usize,
        run: u32,
        needed: u32,
        cycle: &CycleData,
    ) -> Verdict {
        let model = &self.model.stations[station.index()];
        let (role, signal) = model.inputs[place];
        let signal = self.model.plant.signal(signal);
        let value = cycle.quantity(Quantity::Held(role), model, None);
        let evidence = Evidence {
            source,
            name: signal.path.clone(),
            unit: signal.unit.clone(),
            variant: None,
            part: None,
            direction: None,
            value,
            baseline: None,
            sigma: None,
            baseline_cycles: 0,
            detector: Detector::FlatLine,
            statistic: f64::from(run),
            threshold: f64::from(needed),
            false_alarms_per_shift: CHANCE * self.model.cycles_per_shift(station),
            onset: cycle.start.plus_seconds(-f64::from(run - 1) * cycle.end.seconds_since(cycle.start)),
            note: String::new(),
        };
        Verdict { at: cycle.end, evidence, causes: vec![(Cause::SensorFlatLine, 1.0)], time_to_limit_s: None }
    }

    /// Holds the cycle's features against their baselines.
    pub(crate) fn check_features(&mut self, station: StationId, cycle: &CycleData, step: &mut Step<'_>) {
        let present = self.state.stations[station.index()].worked_on;
        let context = Context { variant: present.variant, program: present.program };
        if let Some(program) = context.program {
            self.new_program(station, program, cycle.start, step);
        }
        let count = self.model.stations[station.index()].features.len();
        let mut values = Vec::with_capacity(count);
        for place in 0..count {
            values.push(self.check_feature(station, place, context, cycle, step));
        }
        step.push(Output::Cycle(Cycle {
            station,
            part: present.part,
            variant: present.variant.map(usize::from),
            start: cycle.start,
            end: cycle.end,
            features: values,
        }));
    }

    fn check_feature(
        &mut self,
        station: StationId,
        place: usize,
        context: Context,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) -> Option<f64> {
        let model = &self.model.stations[station.index()];
        let bound = &model.features[place];
        let state = &mut self.state.stations[station.index()];
        let blind = bound.needs.iter().any(|signal| {
            model.inputs.iter().zip(&state.sensors).any(|((_, input), sensor)| input == signal && sensor.is_flat())
        });
        if blind {
            return None;
        }
        let ambient_c = self.state.ambient_c;
        let value = cycle.quantity(bound.spec.quantity, model, ambient_c)?;
        let mut covariates = [0.0; drift::COVARIATES_MAX];
        for (slot, &quantity) in covariates.iter_mut().zip(&bound.covariates) {
            *slot = cycle.quantity(quantity, model, ambient_c)?;
        }
        let covariates = &covariates[..bound.covariates.len()];
        if state.interrupted == Some(cycle.start) {
            return Some(value);
        }
        let learning = &self.model.plant.detection;
        let feature = &mut state.features[place];
        let seen = feature.observe(value, covariates, context, learning, bound.spec.floor, cycle.start);
        self.state.counts.baselines_evicted += u64::from(seen.evicted);
        match (seen.cusum, seen.residual) {
            (drift::Step::Raised(shift) | drift::Step::Standing(shift), Some(residual)) => {
                if let Some(verdict) = self.drifted(station, place, value, shift, residual, cycle) {
                    self.raise(verdict, step);
                }
            }
            (drift::Step::Cleared, _) => {
                self.clear(Source::Feature { station, feature: place as u16 }, cycle.end, step);
            }
            _ => {}
        }
        Some(value)
    }

    fn drifted(
        &self,
        station: StationId,
        place: usize,
        value: f64,
        shift: Shift,
        residual: Residual,
        cycle: &CycleData,
    ) -> Option<Verdict> {
        let bound: &BoundFeature = &self.model.stations[station.index()].features[place];
        let (direction, causes) = match shift.direction {
            drift::Direction::Up => (Direction::Up, bound.spec.rise),
            drift::Direction::Down => (Direction::Down, bound.spec.fall),
        };
        if causes.is_empty() {
            return None;
        }
        let state = &self.state.stations[station.index()];
        let feature = &state.features[place];
        let variant = state.worked_on.variant.map(usize::from);
        let limits = match (bound.spec.quantity, bound.signals.as_slice()) {
            (Quantity::Mean(_), &[signal]) => self.model.limits(signal, variant),
            _ => (None, None),
        };
        let evidence = Evidence {
            source: Source::Feature { station, feature: place as u16 },
            name: bound.spec.name.to_owned(),
            unit: bound.unit.clone(),
            variant: variant.and_then(|variant| Symbol::new(&self.model.plant.variants[variant].name).ok()),
            part: state.worked_on.part,
            direction: Some(direction),
            value: Some(value),
            baseline: Some(residual.expected),
            sigma: Some(residual.sigma),
            baseline_cycles: feature.baseline_cycles(),
            detector: Detector::Cusum,
            statistic: shift.statistic,
            threshold: feature.threshold(),
            false_alarms_per_shift: self.model.budget_per_feature,
            onset: telemetry::Timestamp::from_nanos(shift.onset_mark),
            note: String::new(),
        };
        let time_to_limit_s = feature.time_to_limit_s(shift, limits, cycle.end);
        Some(Verdict { at: cycle.end, evidence, causes: causes.to_vec(), time_to_limit_s })
    }
}
