use std::collections::VecDeque;

use alarms::TimeToLimit;
use drift::{Baseline, Monitor, Residual, Shift, Step, Thresholds, Trend};
use process::BoundFeature;
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::view::FeatureView;

/// Contexts that a feature keeps baselines for; the one not seen for longest goes.
const CONTEXTS_MAX: usize = 16;
/// Departures kept to tell a trend from.
const RECENT_MAX: usize = 128;
/// How many standard deviations a departure of twice the process's floor counts for at most, one within the floor
/// counting for none: what is not worth telling must not add up to an alert.
const WORTH_PER_FLOOR: f64 = 2.0;
/// How sure a trend must be before it is told when it leads to a limit.
const TREND_CONFIDENCE: f64 = 0.9;
/// What a trend of [`RECENT_MAX`] cycles may reach after a week only, it may as well never reach.
const HORIZON_S: f64 = 7.0 * 86_400.0;

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
    /// The latest departures from what was expected, oldest first: what a trend is told from.
    recent: VecDeque<Departure>,
    value: Option<f64>,
    residual: Option<Seen>,
}

/// By how much a value departed from what was expected, in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Departure {
    mark: Timestamp,
    by: f64,
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
        Self {
            baselines: Vec::new(),
            monitor: Monitor::careful(thresholds),
            recent: VecDeque::new(),
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
        let floor = match floor {
            process::Floor::Absolute(departure) => departure,
            process::Floor::Share(share) => share * residual.expected.abs(),
        };
        let departure = (value - residual.expected).abs();
        let bound = if floor > 0.0 { WORTH_PER_FLOOR * (departure / floor - 1.0).max(0.0) } else { f64::INFINITY };
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Departure { mark, by: value - residual.expected });
        Change::of(self.monitor.observe(residual.z, bound, mark.as_nanos()))
    }

    /// The tool was dressed or changed: what stood before says nothing of what comes. Returns whether a change had stood.
    pub(crate) fn reset(&mut self) -> bool {
        self.recent.clear();
        self.monitor.reset()
    }

    /// What is normal is another from now on: all that was learnt is forgotten. Returns whether a shift had stood.
    pub(crate) fn relearn(&mut self) -> bool {
        self.baselines.clear();
        self.residual = None;
        self.recent.clear();
        self.monitor.relearn()
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

    /// If the trend since the onset goes on: how long from `now`, not before the latest cycle, until the feature passes a
    /// limit. `None` if it has no limit in that direction, or it is not sure that it moves.
    pub(crate) fn time_to_limit(
        &self,
        shift: Shift,
        limits: (Option<f64>, Option<f64>),
        now: Timestamp,
    ) -> Option<TimeToLimit> {
        let (Seen { expected, .. }, value) = (self.residual?, self.value?);
        let (sign, limit) = match shift.direction {
            drift::Direction::Up => (1.0, limits.1?),
            drift::Direction::Down => (-1.0, limits.0?),
        };
        if (limit - value) * sign <= 0.0 {
            return Some(TimeToLimit::CROSSED);
        }
        let mut trend = Trend::default();
        for departure in self.recent.iter().filter(|departure| departure.mark.as_nanos() >= shift.onset_mark) {
            trend.observe(departure.mark.seconds_since(Timestamp::EPOCH), departure.by);
        }
        let time = trend.time_to(limit - expected, shift.direction, TREND_CONFIDENCE)?;
        let time = TimeToLimit {
            expected_s: time.expected_s,
            earliest_s: time.earliest_s,
            latest_s: Some(time.latest_s).filter(|&latest_s| latest_s <= HORIZON_S),
        };
        Some(time.after(now.seconds_since(self.recent.back()?.mark)))
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
