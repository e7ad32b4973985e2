use std::collections::VecDeque;

use alarms::TimeToLimit;
use drift::{Baseline, COVARIATES_MAX, Finding, Monitor, Residual, Shift, Spike, SpikeStep, Step, Thresholds, Trend};
use process::{BoundFeature, Floor};
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::view::FeatureView;

/// Contexts that a feature keeps baselines for; the one not seen for longest goes.
const CONTEXTS_MAX: usize = 16;
/// Departures kept to tell a trend from.
const RECENT_MAX: usize = 128;
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
    spike: Option<Spike>,
    /// The latest cycle, while it may turn out to be a single wild value.
    held: Option<Observation>,
    value: Option<f64>,
    residual: Option<Seen>,
}

/// What a cycle shows of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observation {
    pub(crate) value: f64,
    /// Those that the feature does not have are 0.
    pub(crate) covariates: [f64; COVARIATES_MAX],
    pub(crate) context: Context,
    pub(crate) mark: Timestamp,
}

/// By what a feature is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) warm_up_cycles: u32,
    pub(crate) floor: Floor,
}

impl Rule {
    fn is_warm(&self, baseline: &Baseline) -> bool {
        baseline.count() >= self.warm_up_cycles
    }
}

/// By how much a value departed from what was expected, in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Departure {
    mark: Timestamp,
    by: f64,
    /// The same in standard errors of what was expected, which makes variants alike.
    z: f64,
}

/// A residual in a form that a snapshot can hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    expected: f64,
    sigma: f64,
}

impl Seen {
    fn of(residual: &Residual) -> Self {
        Self { expected: residual.expected, sigma: residual.sigma }
    }
}

/// What a value did to the feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FeatureStep {
    pub(crate) change: Change,
    pub(crate) residual: Option<Residual>,
    pub(crate) evicted: bool,
    /// Whether single wild values have become more frequent; `None` if that could not be judged.
    pub(crate) spikes: Option<Step<Finding>>,
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
    /// A feature of which nothing is known, with a watch for spikes if one sensor measures it.
    pub(crate) fn new(thresholds: Thresholds, spike: Option<Spike>) -> Self {
        Self {
            baselines: Vec::new(),
            monitor: Monitor::careful(thresholds),
            spike,
            held: None,
            recent: VecDeque::new(),
            value: None,
            residual: None,
        }
    }

    /// Takes a cycle in. While the context's baseline warms up there is nothing to detect. What may be a single wild value
    /// is held back until the next cycle; if it then turns out to be one, it teaches nothing and no chart sees it.
    pub(crate) fn observe(&mut self, seen: Observation, rule: Rule) -> FeatureStep {
        self.value = Some(seen.value);
        let spike = self.look(&seen, rule);
        let looked = self.residual;
        let spiked = spike.and_then(|step| step.spike);
        let held = self.held.take().filter(|held| spiked != Some(held.mark.as_nanos()));
        let spikes = spike.map(|step| step.share);
        let mut step = FeatureStep { change: Change::None, residual: None, evicted: false, spikes };
        if let Some(held) = held {
            self.judge(&held, rule, &mut step);
        }
        match spike {
            Some(SpikeStep { is_suspect: true, .. }) => (self.held, self.residual) = (Some(seen), looked),
            _ => self.judge(&seen, rule, &mut step),
        }
        step
    }

    /// Looks whether a cycle, or the one before it, is a single wild value, and takes neither in. `None` if there is
    /// nothing to judge that by.
    pub(crate) fn look(&mut self, seen: &Observation, rule: Rule) -> Option<SpikeStep> {
        let watch = self.spike.as_mut()?;
        let (_, baseline) = self.baselines.iter_mut().find(|(context, _)| *context == seen.context)?;
        let is_warm = rule.is_warm(baseline);
        let residual = baseline.observe(seen.value, &seen.covariates, false).filter(|_| is_warm)?;
        self.residual = Some(Seen::of(&residual));
        // Where nothing has ever varied there is no measure of how wild a value is.
        let least = match residual.sigma > 0.0 {
            true => Spike::FAR * rule.floor.departure(residual.expected) / residual.sigma,
            false => f64::INFINITY,
        };
        Some(watch.observe(residual.z, least, seen.mark.as_nanos()))
    }

    fn judge(&mut self, seen: &Observation, rule: Rule, step: &mut FeatureStep) {
        step.evicted |= self.select(seen.context);
        let is_calm = self.monitor.learns();
        let Some((_, baseline)) = self.baselines.last_mut() else { return };
        let is_warm = rule.is_warm(baseline);
        let residual = baseline.observe(seen.value, &seen.covariates, is_calm || !is_warm);
        self.residual = residual.as_ref().map(Seen::of);
        step.residual = residual;
        match residual {
            Some(residual) if is_warm => match self.detect(seen, residual, rule.floor) {
                Change::None => {}
                change => step.change = change,
            },
            Some(residual) if is_calm => self.monitor.learn(residual.z),
            _ => {}
        }
    }

    fn detect(&mut self, seen: &Observation, residual: Residual, floor: Floor) -> Change {
        let by = seen.value - residual.expected;
        let bound = Monitor::bound(by, floor.departure(residual.expected));
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Departure { mark: seen.mark, by, z: residual.z });
        Change::of(self.monitor.observe(residual.z, bound, seen.mark.as_nanos()))
    }

    /// The tool was dressed or changed: what stood before says nothing of what comes. Returns whether a change had stood.
    ///
    /// What departed before stays to compare with; a trend is told from what comes after an onset only.
    pub(crate) fn reset(&mut self) -> bool {
        self.held = None;
        self.monitor.reset()
    }

    /// What is normal is another from now on: all that was learnt is forgotten. Returns whether a shift had stood.
    pub(crate) fn relearn(&mut self) -> bool {
        self.baselines.clear();
        self.held = None;
        self.residual = None;
        self.recent.clear();
        self.monitor.relearn()
    }

    /// The sensor is another: how often it spikes is to be learnt.
    pub(crate) fn watch_anew(&mut self, spike: Spike) {
        self.held = None;
        self.spike = Some(spike);
    }

    /// What was expected of the latest value, and how far values usually are from that, one standard deviation.
    pub(crate) fn expected(&self) -> Option<(f64, f64)> {
        self.residual.map(|seen| (seen.expected, seen.sigma))
    }

    /// By how much the latest cycles departed from what was expected, in standard errors, each by its begin; the earliest
    /// first. At most [`RECENT_MAX`], since it was learnt.
    pub(crate) fn departures(&self) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + Clone {
        self.recent.iter().map(|departure| (departure.mark, departure.z))
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
