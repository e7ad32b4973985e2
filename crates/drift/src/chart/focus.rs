use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};
use crate::room::Room;

/// Likelihood-ratio chart over every size and every begin of a shift at once.
///
/// For standard normal observations the statistic is `max over begin and size of sum(size z - size^2 / 2)`, the size
/// being at least `min_shift` up or down: what the best of all CUSUMs would show whose reference value was chosen with
/// hindsight. It is exact, not over a grid: a begin is kept as long as it could still be the best one for some size,
/// and those are the corners of the lower convex hull of the running sum, a few at any time (FOCuS: G. Romano,
/// I. Eckley, P. Fearnhead and G. Rigaill, Journal of Machine Learning Research 24 (2023) 81). The best begin is also
/// the estimate of when the shift began.
///
/// Sizes below `min_shift` are of no interest; that also bounds how far back a begin can lie. Should more than
/// [`Focus::BEGINS_MAX`] begins be in question, every second one is given up, which can only lower the statistic.
///
/// A shift that was raised stands until the observations speak against it as clearly as they spoke for it; then both
/// sides start afresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Focus {
    min_shift: f64,
    threshold: f64,
    up: Hull,
    down: Hull,
    standing: Option<Standing>,
}

/// The begins that are in question for one direction: corners of a lower convex hull, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hull {
    begins: Room<Vec<Begin>, { Focus::BEGINS_MAX }>,
    /// Running sum and number of observations, since the hull was last empty.
    sum: f64,
    count: u32,
}

/// The running sum before an observation with which the shift may have begun.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Begin {
    sum: f64,
    count: u32,
    mark: i64,
}

/// The best explanation that a hull has.
#[derive(Debug, Clone, Copy)]
struct Best {
    statistic: f64,
    total: f64,
    run: u32,
    mark: i64,
}

/// A shift that was raised and has not gone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Standing {
    direction: Direction,
    onset_mark: i64,
    total: f64,
    run: u32,
    /// The size that it was raised with.
    size: f64,
    /// Log-likelihood ratio for a shift of that size against none.
    evidence: f64,
}

impl Focus {
    /// Begins kept for each direction.
    pub const BEGINS_MAX: usize = 32;
    /// Memory that a chart holds beside itself, bytes.
    pub const MEMORY_BYTES: usize = 2 * Self::BEGINS_MAX * size_of::<Begin>();
    /// A standing shift is taken to be at most this large, standard deviations, so that a large one does not need long
    /// to be seen to have gone.
    const STANDING_SIZE_MAX: f64 = 1.5;

    /// A chart for shifts of at least `min_shift` standard deviations, which must be above 0, with that threshold of
    /// the log-likelihood ratio; see [`focus_threshold`](crate::calibration::focus_threshold).
    pub fn new(min_shift: f64, threshold: f64) -> Self {
        Self { min_shift, threshold, up: Hull::new(), down: Hull::new(), standing: None }
    }

    /// The log-likelihood ratio of the best explanation by a shift, at least 0.
    pub fn statistic(&self) -> f64 {
        match &self.standing {
            Some(standing) => standing.evidence,
            None => self.up.best(self.min_shift).statistic.max(self.down.best(self.min_shift).statistic),
        }
    }

    /// The threshold of the log-likelihood ratio.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether a shift stands.
    pub fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// Takes the next standardised observation in. `mark` is the caller's name for it; it comes back as onset. An
    /// observation that is not finite changes nothing.
    pub fn observe(&mut self, z: f64, mark: i64) -> Step {
        if !z.is_finite() {
            return Step::Quiet;
        }
        match self.standing {
            Some(standing) => self.go_on(standing, z),
            None => self.look(z, mark),
        }
    }

    fn look(&mut self, z: f64, mark: i64) -> Step {
        let up = self.up.observe(z, mark, self.min_shift);
        let down = self.down.observe(-z, mark, self.min_shift);
        let (best, direction) =
            if up.statistic >= down.statistic { (up, Direction::Up) } else { (down, Direction::Down) };
        if best.statistic < self.threshold {
            return Step::Quiet;
        }
        let Best { statistic: evidence, total, run, mark: onset_mark } = best;
        let size = (total / f64::from(run)).clamp(self.min_shift, Self::STANDING_SIZE_MAX.max(self.min_shift));
        let standing = Standing { direction, onset_mark, total, run, size, evidence };
        self.standing = Some(standing);
        Step::Raised(standing.shift())
    }

    fn go_on(&mut self, mut standing: Standing, z: f64) -> Step {
        let towards = match standing.direction {
            Direction::Up => z,
            Direction::Down => -z,
        };
        standing.evidence =
            (standing.evidence + standing.size * (towards - 0.5 * standing.size)).min(2.0 * self.threshold);
        standing.total += towards;
        standing.run = standing.run.saturating_add(1);
        if standing.evidence <= 0.0 {
            self.reset();
            return Step::Cleared;
        }
        self.standing = Some(standing);
        Step::Standing(standing.shift())
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        self.up.clear();
        self.down.clear();
        self.standing.take().is_some()
    }
}

impl Standing {
    fn shift(&self) -> Shift {
        Shift {
            direction: self.direction,
            statistic: self.evidence,
            onset_mark: self.onset_mark,
            run: self.run,
            size: self.total / f64::from(self.run.max(1)),
        }
    }
}

impl Hull {
    fn new() -> Self {
        Self { begins: Room::default(), sum: 0.0, count: 0 }
    }

    fn clear(&mut self) {
        self.begins.clear();
        self.sum = 0.0;
        self.count = 0;
    }

    fn observe(&mut self, z: f64, mark: i64, min_shift: f64) -> Best {
        self.add_begin(mark);
        self.sum += z;
        self.count += 1;
        self.forget_hopeless(min_shift);
        self.best(min_shift)
    }

    /// The shift may begin with the observation to come. Corners that are no longer convex with the new one go.
    fn add_begin(&mut self, mark: i64) {
        let new = Begin { sum: self.sum, count: self.count, mark };
        while let [.., before, last] = self.begins[..] {
            if slope(last, new) > slope(before, last) {
                break;
            }
            self.begins.pop();
        }
        if self.begins.len() == Focus::BEGINS_MAX {
            let mut place = 0;
            self.begins.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
        self.begins.push(new);
    }

    /// A begin after which the mean is below half of the smallest shift up to a later begin is worse than that one for
    /// all sizes, now and for ever; one that is below it up to now is worse than none.
    fn forget_hopeless(&mut self, min_shift: f64) {
        let now = Begin { sum: self.sum, count: self.count, mark: 0 };
        let hopeless = |pair: &[Begin]| slope(pair[0], pair[1]) <= 0.5 * min_shift;
        let worse = self.begins.windows(2).take_while(|pair| hopeless(pair)).count();
        self.begins.drain(..worse);
        if let [only] = self.begins[..]
            && hopeless(&[only, now])
        {
            self.clear();
        }
    }

    fn best(&self, min_shift: f64) -> Best {
        let mut best = Best { statistic: 0.0, total: 0.0, run: 0, mark: 0 };
        for begin in self.begins.iter() {
            let (total, run) = (self.sum - begin.sum, self.count - begin.count);
            let size = (total / f64::from(run)).max(min_shift);
            let statistic = size * (total - 0.5 * size * f64::from(run));
            if statistic > best.statistic {
                best = Best { statistic, total, run, mark: begin.mark };
            }
        }
        best
    }
}

/// Mean of the observations between two begins.
fn slope(from: Begin, to: Begin) -> f64 {
    (to.sum - from.sum) / f64::from(to.count - from.count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    /// The statistic by its definition: every begin, the best size of at least `min_shift`, both directions.
    fn by_definition(values: &[f64], min_shift: f64) -> f64 {
        let best_of = |sign: f64| {
            (0..values.len())
                .map(|from| {
                    let total: f64 = values[from..].iter().map(|z| sign * z).sum();
                    let run = (values.len() - from) as f64;
                    let size = (total / run).max(min_shift);
                    size * total - 0.5 * size * size * run
                })
                .fold(0.0, f64::max)
        };
        best_of(1.0).max(best_of(-1.0))
    }

    proptest! {
        #[test]
        fn the_statistic_is_the_best_over_all_begins_and_sizes(
            values in prop::collection::vec(-3.0..3.0f64, 1..200),
            drift in -0.6..0.6f64,
            min_shift in prop::sample::select(vec![0.01, 0.25, 0.5, 1.0]),
        ) {
            let values: Vec<f64> = values.into_iter().map(|z| z + drift).collect();
            let mut chart = Focus::new(min_shift, 1e9);
            for (place, &z) in values.iter().enumerate() {
                chart.observe(z, place as i64);
                let expected = by_definition(&values[..=place], min_shift);
                prop_assert!((chart.statistic() - expected).abs() < 1e-9 * (1.0 + expected));
            }
        }

        #[test]
        fn a_restored_chart_goes_on_alike(values in prop::collection::vec(-4.0..4.0f64, 2..80), at in 0usize..79) {
            assert_goes_on_alike(Focus::new(0.25, 4.0), &values, at, |chart, z, mark| chart.observe(z, mark));
        }

        #[test]
        fn what_is_no_number_changes_nothing(values in prop::collection::vec(any::<f64>(), 0..60)) {
            let mut chart = Focus::new(0.25, 4.0);
            for (mark, z) in values.into_iter().enumerate() {
                let before = chart.clone();
                chart.observe(z, mark as i64);
                prop_assert!(z.is_finite() || chart == before);
            }
        }
    }

    #[test]
    fn a_shift_is_raised_with_its_begin_and_size_and_clears_when_it_is_gone() {
        let mut chart = Focus::new(0.25, 8.0);
        let wave = |mark: i64| if mark % 2 == 0 { 0.5 } else { -0.5 };
        let mut raised = None;
        for mark in 0..60 {
            let shift = if mark >= 40 { -2.0 } else { 0.0 };
            if let Step::Raised(shift) = chart.observe(wave(mark) + shift, mark) {
                raised = Some((mark, shift));
            }
        }
        let (mark, shift) = raised.unwrap();
        assert_eq!((mark, shift.direction, shift.onset_mark), (43, Direction::Down, 40));
        assert!((1.5..2.5).contains(&shift.size), "{}", shift.size);
        let cleared = (60..200).find(|&mark| chart.observe(wave(mark), mark) == Step::Cleared);
        assert!(cleared.is_some_and(|mark| mark < 100), "{cleared:?}");
        assert!(!chart.is_standing());
    }

    /// Ever steeper sums are all corners: the worst case for what must be kept.
    #[test]
    fn begins_are_bounded_whatever_comes() {
        let mut chart = Focus::new(0.01, 1e12);
        for mark in 0..5_000 {
            chart.observe(0.02 + mark as f64, mark);
        }
        assert!(chart.up.begins.len() <= Focus::BEGINS_MAX);
        assert!(chart.statistic() > 1e9);
    }
}
