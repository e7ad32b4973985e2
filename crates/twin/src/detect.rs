//! From a complete cycle to verdicts.

use alarms::{Detector, Direction, Evidence, Source, Verdict};
use drift::{Residual, Shift};
use plant::StationId;
use process::{Around, BoundFeature, CycleData};
use telemetry::{SignalId, Symbol};

use crate::feature::{Change, Context, Observation, Rule};
use crate::output::{Cycle, Output};
use crate::sensor::Failure;
use crate::twin::{Step, Twin};

/// What a feature's charts have found at a cycle.
#[derive(Clone, Copy)]
struct Found<'a> {
    station: StationId,
    /// Index of the feature among the station's.
    place: usize,
    value: f64,
    shift: Shift,
    residual: Residual,
    cycle: &'a CycleData,
}

impl Twin {
    /// Holds the cycle's features against their baselines.
    /// Returns their values; `None` where too little was seen.
    pub(crate) fn check_features(
        &mut self,
        station: StationId,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) -> Vec<Option<f64>> {
        let present = self.state.stations[station.index()].worked_on;
        let context = Context { variant: present.variant, program: present.program };
        if let Some(program) = context.program {
            self.new_program(station, program, cycle.start, step);
        }
        let count = self.model.stations[station.index()].features.len();
        let mut values = Vec::with_capacity(count);
        let around = Around {
            ambient_c: self.state.ambient_c,
            recipe: self.model.plant.recipe(station, context.variant.map(usize::from)),
        };
        for place in 0..count {
            values.push(self.check_feature(station, place, context, &around, cycle, step));
        }
        step.push(Output::Cycle(Cycle {
            station,
            part: present.part,
            variant: present.variant.map(usize::from),
            start: cycle.start,
            end: cycle.end,
            features: values.clone(),
        }));
        values
    }

    fn check_feature(
        &mut self,
        station: StationId,
        place: usize,
        context: Context,
        around: &Around,
        cycle: &CycleData,
        step: &mut Step<'_>,
    ) -> Option<f64> {
        let model = &self.model.stations[station.index()];
        let bound = &model.features[place];
        let state = &mut self.state.stations[station.index()];
        let failure = |signal: &SignalId| {
            let mut sensors = model.inputs.iter().zip(&state.sensors);
            sensors.find(|((_, input), _)| input == signal).and_then(|(_, sensor)| sensor.failure())
        };
        let is_blind = bound.needs.iter().any(|signal| failure(signal).is_some());
        let sensor = bound.sensor().and_then(|signal| model.inputs.iter().position(|&(_, input)| input == signal));
        // Whether it still spikes can only be seen by looking on.
        let looks_on = bound.sensor().is_some_and(|signal| failure(&signal) == Some(Failure::Spikes));
        if is_blind && !looks_on {
            return None;
        }
        let value = cycle.quantity(bound.spec.quantity, model, around)?;
        let mut covariates = [0.0; drift::COVARIATES_MAX];
        for (slot, &quantity) in covariates.iter_mut().zip(&bound.covariates) {
            *slot = cycle.quantity(quantity, model, around)?;
        }
        if state.interrupted == Some(cycle.start) {
            return Some(value);
        }
        let rule = Rule { warm_up_cycles: self.model.plant.detection.warm_up_cycles, floor: bound.spec.floor };
        let observation = Observation { value, covariates, context, mark: cycle.start };
        let feature = &mut state.features[place];
        if is_blind {
            let spikes = feature.look(&observation, rule).map(|step| step.share);
            if let Some((sensor, spikes)) = sensor.zip(spikes) {
                self.judge_spikes(station, sensor, spikes, cycle, step);
            }
            return None;
        }
        let seen = feature.observe(observation, rule);
        self.state.counts.baselines_evicted += u64::from(seen.evicted);
        let found = |shift, residual| Found { station, place, value, shift, residual, cycle };
        let verdict = match (seen.change, seen.residual) {
            (Change::Mean(shift), Some(residual)) => self.shifted(found(shift, residual)),
            (Change::Spread(shift), Some(residual)) => self.spread_out(found(shift, residual)),
            _ => None,
        };
        if let Some(verdict) = verdict {
            self.raise(verdict, step);
        }
        if seen.change == Change::Gone {
            self.clear(Source::Feature { station, feature: place as u16 }, cycle.end, None, step);
        }
        if let Some((sensor, spikes)) = sensor.zip(seen.spikes) {
            self.judge_spikes(station, sensor, spikes, cycle, step);
        }
        Some(value)
    }

    /// The mean of a feature has shifted.
    fn shifted(&self, found: Found<'_>) -> Option<Verdict> {
        let Found { station, place, shift, cycle, .. } = found;
        let bound = &self.model.stations[station.index()].features[place];
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
        let limits = self.model.good_range(station, place, variant);
        let evidence = Evidence { direction: Some(direction), ..self.evidence(found) };
        let time_to_limit = feature.time_to_limit(shift, limits, cycle.end);
        Some(Verdict {
            at: cycle.end,
            evidence,
            causes: causes.to_vec(),
            is_supply: bound.spec.is_supply,
            time_to_limit,
            circumstances: self.circumstances(station, place, shift.onset_mark, Some(direction)),
        })
    }

    /// The values of a feature scatter more than they did: what can push it either way may come and go.
    fn spread_out(&self, found: Found<'_>) -> Option<Verdict> {
        let Found { station, place, cycle, .. } = found;
        let spec = &self.model.stations[station.index()].features[place].spec;
        let mut causes = spec.rise.to_vec();
        for &(cause, weight) in spec.fall {
            match causes.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, known)) => *known = weight.max(*known),
                None => causes.push((cause, weight)),
            }
        }
        if causes.is_empty() {
            return None;
        }
        let feature = &self.state.stations[station.index()].features[place];
        let evidence = Evidence {
            detector: Detector::SpreadGrowth,
            threshold: feature.spread_threshold(),
            ..self.evidence(found)
        };
        Some(Verdict {
            at: cycle.end,
            evidence,
            causes,
            is_supply: spec.is_supply,
            time_to_limit: None,
            circumstances: self.circumstances(station, place, found.shift.onset_mark, None),
        })
    }

    /// The evidence of a shift of the mean, but for its direction; grown spread differs in detector and threshold.
    fn evidence(&self, found: Found<'_>) -> Evidence {
        let Found { station, place, value, shift, residual, .. } = found;
        let bound: &BoundFeature = &self.model.stations[station.index()].features[place];
        let state = &self.state.stations[station.index()];
        let feature = &state.features[place];
        let variant = state.worked_on.variant.map(usize::from);
        Evidence {
            source: Source::Feature { station, feature: place as u16 },
            name: bound.spec.name.to_owned(),
            unit: bound.unit.clone(),
            variant: variant.and_then(|variant| Symbol::new(&self.model.plant.variants[variant].name).ok()),
            part: state.worked_on.part,
            direction: None,
            value: Some(value),
            baseline: Some(residual.expected),
            sigma: Some(residual.sigma),
            baseline_cycles: feature.baseline_cycles(),
            detector: Detector::MeanShift,
            statistic: shift.statistic,
            threshold: feature.mean_threshold(),
            false_alarms_per_shift: self.model.budget_per_feature,
            onset: telemetry::Timestamp::from_nanos(shift.onset_mark),
            note: String::new(),
        }
    }
}
