use drift::{Baseline, Monitor, Residual, Shift, Step, Thresholds};
use process::BoundFeature;
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::view::FeatureView;

/// Contexts that a feature keeps baselines for; the one not seen for longest goes.
const CONTEXTS_MAX: usize = 16;
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

/// One feature of one station: a baseline for each context, one monitor over all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureState {
    /// Most recently used last.
    baselines: Vec<(Context, Baseline)>,
    /// Over all contexts: what drifts in the process does so whatever is built.
    monitor: Monitor,
    level: f64,
    value: Option<f64>,
    residual: Option<Seen>,
}

/// A residual in a form that a snapshot can hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    expected: f64,
    sigma: f64,
}

/// What a value did to the feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FeatureStep {
    pub(crate) change: Change,
    pub(crate) residual: Option<Residual>,
    pub(crate) evicted: bool,
}

/// What the charts of a feature say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// Nothing new.
    None,
    /// The mean has shifted, now or for some time.
    Mean(Shift),
    /// The spread has grown, now or for some time; its mean has not shifted.
    Spread(Shift),
    /// What was told of has gone.
    Gone,
}

impl Change {
    fn of(verdict: drift::Verdict) -> Self {
        match (verdict.mean, verdict.spread) {
            (Step::Raised(shift) | Step::Standing(shift), _) => Self::Mean(shift),
            (_, Step::Raised(shift) | Step::Standing(shift)) => Self::Spread(shift),
            (Step::Cleared, _) | (_, Step::Cleared) => Self::Gone,
            (Step::Quiet, Step::Quiet) => Self::None,
        }
    }
}

impl FeatureState {
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Self { baselines: Vec::new(), monitor: Monitor::new(thresholds), level: 0.0, value: None, residual: None }
    }

    /// Takes the value of a cycle in. While the context's baseline warms up there is nothing to detect.
    pub(crate) fn observe(
        &mut self,
        value: f64,
        covariates: &[f64],
        context: Context,
        warm_up_cycles: u32,
        floor: process::Floor,
        mark: Timestamp,
    ) -> FeatureStep {
        let evicted = self.select(context);
        let is_calm = self.monitor.learns();
        let Some((_, baseline)) = self.baselines.last_mut() else {
            return FeatureStep { change: Change::None, residual: None, evicted };
        };
        let is_warm = baseline.count() >= warm_up_cycles;
        let residual = baseline.observe(value, covariates, is_calm || !is_warm);
        self.value = Some(value);
        self.residual = residual.map(|Residual { expected, sigma, .. }| Seen { expected, sigma });
        let change = match residual {
            Some(residual) if is_warm => self.detect(value, residual, floor, mark),
            Some(residual) if is_calm => {
                self.monitor.learn(residual.z);
                Change::None
            }
            _ => Change::None,
        };
        FeatureStep { change, residual, evicted }
    }

    fn detect(&mut self, value: f64, residual: Residual, floor: process::Floor, mark: Timestamp) -> Change {
        let noteworthy = match floor {
            process::Floor::Absolute(sigma) => sigma,
            process::Floor::Share(share) => share * residual.expected.abs(),
        };
        let bound = if noteworthy > 0.0 { (value - residual.expected).abs() / noteworthy } else { f64::INFINITY };
        self.level += LEVEL_WEIGHT * (residual.z.clamp(-bound, bound) - self.level);
        Change::of(self.monitor.observe(residual.z, bound, mark.as_nanos()))
    }

    /// The tool was dressed or changed: what stood before says nothing of what comes. Returns whether a change had stood.
    pub(crate) fn reset(&mut self) -> bool {
        self.level = 0.0;
        self.monitor.reset()
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
        let (Seen { expected, sigma }, value) = (self.residual?, self.value?);
        let (sign, limit) = match shift.direction {
            drift::Direction::Up => (1.0, limits.1?),
            drift::Direction::Down => (-1.0, limits.0?),
        };
        let level = self.level * sign;
        let room = (limit - expected) * sign - level * sigma;
        if room <= 0.0 || (limit - value) * sign <= 0.0 {
            return Some(0.0);
        }
        // A step has the mean of its run as level; a ramp has come to twice that.
        let elapsed_s = now.seconds_since(Timestamp::from_nanos(shift.onset_mark));
        let is_ramp = level > 1.25 * shift.size.abs();
        (is_ramp && elapsed_s > 0.0).then(|| room / (level * sigma / elapsed_s))
    }

    pub(crate) fn view(&self, bound: &BoundFeature, warm_up_cycles: u32) -> FeatureView {
        let (statistic, threshold) = self.nearest();
        FeatureView {
            name: bound.spec.name,
            unit: bound.unit.clone(),
            value: self.value,
            baseline: self.residual.map(|seen| seen.expected),
            sigma: self.residual.map(|seen| seen.sigma),
            baseline_cycles: self.baseline_cycles(),
            warm_up_cycles,
            statistic,
            threshold,
        }
    }

    /// Statistic and threshold of the chart that is nearest to its threshold.
    fn nearest(&self) -> (f64, f64) {
        let (mean, spread) = (self.monitor.mean(), self.monitor.spread());
        let mean = (mean.statistic(), mean.threshold());
        let spread = (spread.statistic(), spread.threshold());
        if mean.0 / mean.1 >= spread.0 / spread.1 { mean } else { spread }
    }

    pub(crate) fn mean_threshold(&self) -> f64 {
        self.monitor.mean().threshold()
    }

    pub(crate) fn spread_threshold(&self) -> f64 {
        self.monitor.spread().threshold()
    }

    /// Makes the context's baseline the last one. Returns whether another had to go for it.
    fn select(&mut self, context: Context) -> bool {
        if let Some(place) = self.baselines.iter().position(|(known, _)| *known == context) {
            self.baselines[place..].rotate_left(1);
            return false;
        }
        let full = self.baselines.len() == CONTEXTS_MAX;
        if full {
            self.baselines.remove(0);
        }
        self.baselines.push((context, Baseline::default()));
        full
    }
}
