use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::line::learned::CycleSeen;
use crate::line::random::Random;
use crate::line::{Distribution, Moments, Station, StopClock, Stops, Values};

/// What was learnt of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedPlace {
    /// Logarithm of the time at work in seconds, by variant and at last of parts not known to be of one.
    work: Vec<Moments>,
    /// How long its stops last, s.
    repairs: Moments,
    worked_s: f64,
    /// When work on the last parts began and ended.
    begins: Recent<Timestamp>,
    ends: Recent<Timestamp>,
    /// The last cycle, until it is known what it had to wait for.
    last: Option<Begin>,
    /// From having a place and a part to the begin of work, s.
    gaps: Recent<f64>,
    /// From one begin of work to the next, s, beside each gap.
    intervals: Recent<f64>,
}

/// A begin of work, and the moments before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begin {
    pub(crate) at: Timestamp,
    /// When the cycle before it ended.
    own_end: Option<Timestamp>,
    /// From the begin before it, s.
    interval_s: f64,
}

/// What all stations of the line had together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfLine {
    pub(crate) repairs: Moments,
    pub(crate) worked_s: f64,
}

/// The last so many values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Recent<T> {
    values: Vec<T>,
    next: usize,
    room: usize,
}

impl<T: Copy> Recent<T> {
    fn new(room: usize) -> Self {
        Self { values: Vec::new(), next: 0, room }
    }

    fn add(&mut self, value: T) {
        match self.values.get_mut(self.next) {
            Some(oldest) => *oldest = value,
            None => self.values.push(value),
        }
        self.next = (self.next + 1) % self.room;
    }
}

/// Begins and ends of cycles that are kept: neighbours may be so many cycles apart.
const RECENT: usize = 8;
/// Gaps that are kept.
const GAPS: usize = 64;
/// A gap that so small a share of them is below is one in which nothing was waited for.
const WITHOUT_WAIT: f64 = 0.1;
/// A gap that much longer than without a wait is a wait, s: more than what polls of a device put in.
const WAIT_MIN_S: f64 = 1.0;
/// Cycles of a variant before its work time is taken from them.
const CYCLES_MIN: f64 = 5.0;
/// The spread of stops is taken as if so many had been seen that spread as an exponential time does.
const STOPS_OF_PRIOR: f64 = 4.0;

impl LearnedPlace {
    pub(crate) fn new(variants: usize) -> Self {
        Self {
            work: vec![Moments::default(); variants + 1],
            repairs: Moments::default(),
            worked_s: 0.0,
            begins: Recent::new(RECENT),
            ends: Recent::new(RECENT),
            last: None,
            gaps: Recent::new(GAPS),
            intervals: Recent::new(GAPS),
        }
    }

    /// The last cycle learnt, while it is open what it had to wait for.
    pub(crate) fn last(&self) -> Option<Begin> {
        self.last
    }

    /// Learns what the last cycle had to wait for: until `others` its part was not there, or the place not free.
    pub(crate) fn learn_wait(&mut self, others: Option<Timestamp>) {
        let Some(Begin { at, own_end, interval_s }) = self.last.take() else { return };
        if let Some(ready) = own_end.max(others) {
            self.gaps.add(at.seconds_since(ready).max(0.0));
            self.intervals.add(interval_s);
        }
    }

    /// Learns from a cycle of this place.
    pub(crate) fn learn(&mut self, seen: &CycleSeen) {
        let began_before = self.begins.values.iter().copied().max();
        self.last = seen.is_planned.then(|| Begin {
            at: seen.began,
            own_end: self.last_end_by(seen.began),
            interval_s: began_before.map_or(0.0, |before| seen.began.seconds_since(before).max(0.0)),
        });
        self.begins.add(seen.began);
        self.ends.add(seen.ended);
        if !seen.is_planned {
            return;
        }
        if seen.work_s > 0.0 {
            self.worked_s += seen.work_s;
            let unknown = self.work.len() - 1;
            self.work[seen.variant.map_or(unknown, |variant| variant.min(unknown))].add(libm::log(seen.work_s));
        }
        if seen.stopped_s > 0.0 {
            self.repairs.add(seen.stopped_s);
        }
    }

    /// From now on what was learnt weighs only that share of what it did, but for the last gaps, which are few.
    pub(crate) fn fade(&mut self, share: f64) {
        self.work.iter_mut().for_each(|work| work.fade(share));
        self.repairs.fade(share);
        self.worked_s *= share;
    }

    /// When the last part was taken in that was taken in by then.
    pub(crate) fn last_taken_by(&self, moment: Timestamp) -> Option<Timestamp> {
        let transfer_s = self.transfer_s().unwrap_or(0.0);
        let taken = self.begins.values.iter().map(|begin| begin.plus_seconds(-transfer_s));
        taken.filter(|&taken| taken <= moment).max()
    }

    /// When the last cycle ended that had ended by then.
    pub(crate) fn last_end_by(&self, moment: Timestamp) -> Option<Timestamp> {
        self.ends.values.iter().copied().filter(|&end| end <= moment).max()
    }

    /// Logarithm of the time at work in seconds, by variant and at last of parts not known to be of one.
    pub fn work(&self) -> &[Moments] {
        &self.work
    }

    /// How long its stops last, s.
    pub fn repairs(&self) -> &Moments {
        &self.repairs
    }

    /// Time at work that was seen, s.
    pub fn worked_s(&self) -> f64 {
        self.worked_s
    }

    /// From having room and a part to the begin of work, s, if nothing has to be waited for.
    pub fn transfer_s(&self) -> Option<f64> {
        let mut gaps = self.gaps.values.clone();
        gaps.sort_by(f64::total_cmp);
        gaps.get((WITHOUT_WAIT * gaps.len() as f64) as usize).copied()
    }

    /// When parts come to an entry: as late as seen where it had to wait, and in time where not. `None` if it never had to.
    pub(crate) fn supply(&self, transfer_s: f64) -> Option<Distribution> {
        let waited = |gap_s: f64| gap_s > transfer_s + WAIT_MIN_S;
        if !self.gaps.values.iter().any(|&gap_s| waited(gap_s)) {
            return None;
        }
        let both = self.gaps.values.iter().zip(&self.intervals.values);
        let late =
            both.map(|(&gap_s, &interval_s)| if waited(gap_s) { (interval_s - transfer_s).max(0.0) } else { 0.0 });
        Values::new(late.collect()).map(Distribution::Empirical)
    }

    /// Puts what was learnt into a station, without doubt.
    pub(crate) fn fit(&self, station: &mut Station, of_line: &OfLine) {
        station.work = self.work_with(station, |work| (work.mean(), work.variance()));
        if self.repairs.count() > 0.0 {
            let every_s = self.worked_s / self.repairs.count();
            let (mean_s, variation) = self.repair(&of_line.repairs);
            station.stops = vec![stops(every_s, mean_s, variation)];
        } else if self.worked_s > 0.0 {
            station.stops.clear();
        }
    }

    /// Puts into a station what may be true after what was seen: work times by the posterior of a normal distribution with
    /// unknown mean and variance, without prior knowledge; stops by that of a Poisson process, as if one more had been seen
    /// that came as often and lasted as long as those of the whole line (Gelman et al. 2013, sections 3.2 and 2.6).
    pub(crate) fn draw(&self, station: &mut Station, of_line: &OfLine, random: &mut Random) {
        station.work = self.work_with(station, |work| {
            let freedom = work.count() - 1.0;
            let variance = work.squares() / (2.0 * random.gamma(0.5 * freedom));
            (work.mean() + random.normal() * (variance / work.count()).sqrt(), variance)
        });
        if self.worked_s <= 0.0 {
            return;
        }
        let count = self.repairs.count();
        // A line without any stop so far may have had half of one: Jeffreys' prior.
        let line_rate = of_line.repairs.count().max(0.5) / of_line.worked_s;
        let rate = random.gamma(count + 1.0) / (self.worked_s + 1.0 / line_rate);
        let (mean_s, variation) = self.repair(&of_line.repairs);
        // The mean of so many times, each with that variation, as an inverse gamma distribution.
        let shape = (count + 1.0) / (variation * variation).max(VARIANCE_MIN);
        let drawn_s = mean_s * shape / random.gamma(shape + 1.0);
        station.stops = if mean_s > 0.0 { vec![stops(1.0 / rate, drawn_s, variation)] } else { Vec::new() };
    }

    /// Work times by variant; those of a variant that was seldom seen as of all together, of a station that was seldom seen
    /// as designed. `parameters` gives mean and variance of the logarithm.
    fn work_with(&self, station: &Station, mut parameters: impl FnMut(&Moments) -> (f64, f64)) -> Vec<Distribution> {
        let all = self.work.iter().fold(Moments::default(), |all, work| all.with(work));
        let is_enough = |work: &&Moments| work.count() >= CYCLES_MIN;
        let of_variant = |(variant, work): (usize, &Moments)| match [work, &all].into_iter().find(is_enough) {
            Some(work) => {
                let (log_mean, log_variance) = parameters(work);
                Distribution::LogNormal { median_s: libm::exp(log_mean), log_sigma: log_variance.sqrt() }
            }
            None => station.work_of(variant).clone(),
        };
        self.work[..self.work.len() - 1].iter().enumerate().map(of_variant).collect()
    }

    /// Mean and coefficient of variation of a stop, s; where few were seen, nearer to those of the whole line and to those
    /// of an exponential time.
    fn repair(&self, of_line: &Moments) -> (f64, f64) {
        let (own, count) = (&self.repairs, self.repairs.count());
        let is_known = of_line.count() > 0.0;
        let mean_s = if is_known { (count * own.mean() + of_line.mean()) / (count + 1.0) } else { 0.0 };
        let squared = if mean_s > 0.0 { own.variance() / (mean_s * mean_s) } else { 0.0 };
        let variation = ((count * squared + STOPS_OF_PRIOR) / (count + STOPS_OF_PRIOR)).sqrt();
        (mean_s, variation)
    }
}

/// Repairs that are all as long leave a little doubt all the same.
const VARIANCE_MIN: f64 = 0.01;

/// Stops that come by chance in the time at work, and last that long.
fn stops(every_s: f64, repair_s: f64, variation: f64) -> Stops {
    let every = Distribution::Exponential(every_s);
    Stops { every, clock: StopClock::Working, repair: Distribution::log_normal(repair_s, variation) }
}
