use drift::{Baseline, BatchVariance, Cusum, Residual, Shift};
use process::BoundFeature;
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::view::FeatureView;

/// Half the shift that the detector finds soonest, standard deviations.
pub(crate) const REFERENCE: f64 = 0.5;
/// Contexts that a feature keeps baselines for; the one not seen for longest goes.
const CONTEXTS_MAX: usize = 16;
/// Standard errors of its expectation that a baseline is held to be off by: 95 % of all baselines are off by less.
const DOUBT_ERRORS: f64 = 2.0;
/// Weight of the newest residual in the level that trends are told from.
const LEVEL_WEIGHT: f64 = 0.2;

/// What a feature's baseline holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    /// The variant, by index into the plant's list, if known.
    pub(crate) variant: Option<u16>,
    /// The program that ran, if the station tells.
    pub(crate) program: Option<Symbol>,
}

/// One feature of one station: a baseline for each context, one detector over all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureState {
    /// Most recently used last.
    baselines: Vec<(Context, Baseline)>,
    /// Over all contexts: what wanders in the process does so whatever is built.
    wander: BatchVariance,
    cusum: Cusum,
    level: f64,
    value: Option<f64>,
    residual: Option<Seen>,
}

/// A residual in a form that a snapshot can hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    expected: f64,
    sigma: f64,
    doubt: f64,
}

/// What a value did to the feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FeatureStep {
    pub(crate) cusum: drift::Step,
    pub(crate) residual: Option<Residual>,
    pub(crate) evicted: bool,
}

impl FeatureState {
    pub(crate) fn new(threshold: f64) -> Self {
        Self {
            baselines: Vec::new(),
            wander: BatchVariance::default(),
            cusum: Cusum::new(REFERENCE, threshold),
            level: 0.0,
            value: None,
            residual: None,
        }
    }

    /// Takes the value of a cycle in. While the context's baseline warms up there is nothing to detect.
    pub(crate) fn observe(
        &mut self,
        value: f64,
        covariates: &[f64],
        context: Context,
        learning: &plant::Detection,
        floor: process::Floor,
        mark: Timestamp,
    ) -> FeatureStep {
        let evicted = self.select(context, learning.baseline_cycles);
        let Some((_, baseline)) = self.baselines.last_mut() else {
            return FeatureStep { cusum: drift::Step::Quiet, residual: None, evicted };
        };
        let residual = baseline.observe(value, covariates, drift_floor(floor));
        let warm = baseline.count() >= learning.warm_up_cycles;
        self.value = Some(value);
        self.residual = residual.map(|Residual { expected, sigma, doubt, .. }| Seen { expected, sigma, doubt });
        let cusum = residual.map_or(drift::Step::Quiet, |residual| self.detect(residual, warm, mark));
        FeatureStep { cusum, residual, evicted }
    }

    /// The chart sees less of a residual than there is: what the baseline may be off by is taken away, and what is left
    /// is divided by how far the process wanders anyway. That lengthens the run between false alarms, never shortens it.
    fn detect(&mut self, residual: Residual, warm: bool, mark: Timestamp) -> drift::Step {
        let clipped = residual.z.clamp(-Cusum::CLIP, Cusum::CLIP);
        let beyond_doubt = (clipped.abs() - DOUBT_ERRORS * residual.doubt).max(0.0).copysign(clipped);
        let step = if warm {
            self.level += LEVEL_WEIGHT * (clipped - self.level);
            self.cusum.observe(beyond_doubt / self.wander.spread(), mark.as_nanos())
        } else {
            drift::Step::Quiet
        };
        // What may be a shift must not teach what is normal.
        if self.cusum.statistic() > self.cusum.threshold() / 2.0 {
            self.wander.forget_batch();
        } else {
            self.wander.observe(clipped);
        }
        step
    }

    /// The tool was dressed or changed: what stood before says nothing of what comes. Returns whether a shift had stood.
    pub(crate) fn reset(&mut self) -> bool {
        self.level = 0.0;
        self.cusum.reset()
    }

    /// What is normal is another from now on: all that was learnt is forgotten. Returns whether a shift had stood.
    pub(crate) fn relearn(&mut self) -> bool {
        self.baselines.clear();
        self.wander = BatchVariance::default();
        self.residual = None;
        self.reset()
    }

    /// Whether anything was learnt, in any context.
    pub(crate) fn has_learnt(&self) -> bool {
        !self.baselines.is_empty()
    }

    /// Whether something was learnt under that program.
    pub(crate) fn knows_program(&self, program: Symbol) -> bool {
        self.baselines.iter().any(|(context, _)| context.program == Some(program))
    }

    /// Cycles that the baseline of the latest context was learnt from.
    pub(crate) fn baseline_cycles(&self) -> u32 {
        self.baselines.last().map_or(0, |(_, baseline)| baseline.count())
    }

    /// If the shift goes on as it came: seconds from `now` until the feature passes a limit, 0 if it has. `None` if it
    /// has no limit in its direction, or stands still within it.
    pub(crate) fn time_to_limit_s(
        &self,
        shift: Shift,
        limits: (Option<f64>, Option<f64>),
        now: Timestamp,
    ) -> Option<f64> {
        let (Seen { expected, sigma, doubt }, value) = (self.residual?, self.value?);
        let (sign, limit) = match shift.direction {
            drift::Direction::Up => (1.0, limits.1?),
            drift::Direction::Down => (-1.0, limits.0?),
        };
        let level = self.level * sign;
        let room = (limit - expected) * sign - level * sigma;
        if room <= 0.0 || (limit - value) * sign <= 0.0 {
            return Some(0.0);
        }
        // A step has the mean of its run as level; a ramp has come to twice that. The chart saw less than there was.
        let elapsed_s = now.seconds_since(Timestamp::from_nanos(shift.onset_mark));
        let mean = shift.size.abs() * self.wander.spread() + DOUBT_ERRORS * doubt;
        let is_ramp = level > 1.25 * mean;
        (is_ramp && elapsed_s > 0.0).then(|| room / (level * sigma / elapsed_s))
    }

    pub(crate) fn view(&self, bound: &BoundFeature, warm_up_cycles: u32) -> FeatureView {
        FeatureView {
            name: bound.spec.name,
            unit: bound.unit.clone(),
            value: self.value,
            baseline: self.residual.map(|seen| seen.expected),
            sigma: self.residual.map(|seen| seen.sigma),
            baseline_cycles: self.baseline_cycles(),
            warm_up_cycles,
            statistic: self.cusum.statistic(),
            threshold: self.cusum.threshold(),
        }
    }

    pub(crate) fn threshold(&self) -> f64 {
        self.cusum.threshold()
    }

    /// Makes the context's baseline the last one. Returns whether another had to go for it.
    fn select(&mut self, context: Context, cycles: u32) -> bool {
        if let Some(place) = self.baselines.iter().position(|(known, _)| *known == context) {
            self.baselines[place..].rotate_left(1);
            return false;
        }
        let full = self.baselines.len() == CONTEXTS_MAX;
        if full {
            self.baselines.remove(0);
        }
        self.baselines.push((context, Baseline::new(cycles)));
        full
    }
}

fn drift_floor(floor: process::Floor) -> drift::Floor {
    match floor {
        process::Floor::Absolute(sigma) => drift::Floor::Absolute(sigma),
        process::Floor::Share(share) => drift::Floor::Share(share),
    }
}
