use serde::{Deserialize, Serialize};

use crate::calibration::CountDesign;
use crate::{Shift, Step};

/// The sum of a count chart, with its limits. As in [`crate::Cusum`], a sum is held to twice the threshold, so that a
/// shift that has gone is seen to have gone in reasonable time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountCusum {
    design: CountDesign,
    sum: u64,
    onset_mark: i64,
    run: u64,
    events: u64,
    standing: bool,
}

impl CountCusum {
    pub(super) fn new(design: CountDesign) -> Self {
        Self { design, sum: 0, onset_mark: 0, run: 0, events: 0, standing: false }
    }

    /// The sum, events.
    pub fn statistic(&self) -> f64 {
        self.sum as f64 / f64::from(self.design.lattice.per_event)
    }

    /// The threshold, events.
    pub fn threshold(&self) -> f64 {
        f64::from(self.design.solved.threshold) / f64::from(self.design.lattice.per_event)
    }

    /// The reference value, events per observation: the sum falls on average while the rate is on its good side.
    pub fn reference(&self) -> f64 {
        f64::from(self.design.lattice.per_observation) / f64::from(self.design.lattice.per_event)
    }

    /// The rate in control that the chart is built for, events per observation: the known one, or the confidence limit of
    /// an estimated one.
    pub fn rate(&self) -> f64 {
        self.design.rate
    }

    /// The run length in control at that rate, observations: the one asked for, or the next longer one there is.
    pub fn run_length(&self) -> f64 {
        self.design.solved.run_length
    }

    /// Whether a shift stands.
    pub fn is_standing(&self) -> bool {
        self.standing
    }

    pub(super) fn observe(&mut self, count: u64, mark: i64) -> Step {
        let stood = self.standing;
        self.add(count, mark);
        self.step(stood)
    }

    /// Takes in `empty` observations without an event and then one with one; for upward charts.
    pub(super) fn observe_after(&mut self, empty: u64, mark: i64) -> Step {
        let stood = self.standing;
        self.pass_over(empty);
        self.add(1, mark);
        self.step(stood)
    }

    fn add(&mut self, count: u64, mark: i64) {
        if self.sum == 0 {
            (self.onset_mark, self.run, self.events) = (mark, 0, 0);
        }
        self.run = self.run.saturating_add(1);
        self.events = self.events.saturating_add(count);
        let threshold = u64::from(self.design.solved.threshold);
        self.sum = self.design.lattice.next(self.sum, count).min(2 * threshold);
        self.standing = self.sum >= threshold || (self.standing && self.sum > 0);
    }

    fn pass_over(&mut self, observations: u64) {
        let fall = u64::from(self.design.lattice.per_observation).saturating_mul(observations);
        self.sum = self.sum.saturating_sub(fall);
        self.run = self.run.saturating_add(observations);
        self.standing &= self.sum > 0;
    }

    fn step(&self, stood: bool) -> Step {
        match (stood, self.standing) {
            (false, true) => Step::Raised(self.shift()),
            (true, true) => Step::Standing(self.shift()),
            (true, false) => Step::Cleared,
            (false, false) => Step::Quiet,
        }
    }

    fn shift(&self) -> Shift {
        let CountDesign { law, rate, lattice, .. } = self.design;
        Shift {
            direction: lattice.direction,
            statistic: self.statistic(),
            onset_mark: self.onset_mark,
            run: u32::try_from(self.run).unwrap_or(u32::MAX),
            size: (self.events as f64 / self.run.max(1) as f64 - rate).abs() / law.sigma(rate),
        }
    }

    pub(super) fn reset(&mut self) -> bool {
        let stood = self.standing;
        *self = Self::new(self.design);
        stood
    }
}
