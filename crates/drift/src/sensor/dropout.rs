use serde::{Deserialize, Serialize};

use super::{Finding, RareEvents};
use crate::Step;
use crate::room::Room;

/// Watches a signal that should come at a steady interval for values that are missing or bad.
///
/// Time is cut into slots of the expected interval; a slot without a usable value is an event of [`RareEvents`], which
/// tells the false alarms: at most one in `run_length` slots, if missing values come independently. Where a healthy link
/// loses many at once, that is more often: then the link is what should be watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    interval: Interval,
    latest: Option<Latest>,
    missing: RareEvents,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Interval {
    Learning(Room<Vec<f64>, { Dropout::LEARN_INTERVALS }>),
    Known(f64),
}

/// The latest value that came, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Latest {
    time_s: f64,
    mark: i64,
    /// Slots after it that have been counted as missing.
    counted: u32,
}

impl Dropout {
    /// Intervals that the expected one is learnt from: their median.
    const LEARN_INTERVALS: usize = 33;
    /// Missing values counted at once; more say nothing new.
    const MISSING_MAX: u32 = 1_000;

    /// A watch that learns the expected interval, then from `learn_slots` slots how many are normally missing, and from
    /// then on has at most one false alarm in `run_length` slots on average.
    pub fn new(learn_slots: u32, run_length: f64) -> Self {
        Self {
            interval: Interval::Learning(Room::default()),
            latest: None,
            missing: RareEvents::new(learn_slots, run_length),
        }
    }

    /// As [`Dropout::new`], with the expected interval given, seconds; learnt if it is not above 0.
    pub fn with_interval(interval_s: f64, learn_slots: u32, run_length: f64) -> Self {
        let mut watch = Self::new(learn_slots, run_length);
        if interval_s > 0.0 && interval_s.is_finite() {
            watch.interval = Interval::Known(interval_s);
        }
        watch
    }

    /// The expected interval, seconds, once it is known.
    pub fn interval_s(&self) -> Option<f64> {
        match self.interval {
            Interval::Known(interval_s) => Some(interval_s),
            Interval::Learning(_) => None,
        }
    }

    /// Whether too many values are held to be missing.
    pub fn is_standing(&self) -> bool {
        self.missing.is_standing()
    }

    /// A value came; `usable` tells whether it is good. `mark` is the caller's name for it; that of the latest value
    /// before them is the onset of missing ones. A time that is not a number changes nothing; one that is not after the
    /// latest is only counted as the value that it is.
    pub fn observe(&mut self, time_s: f64, usable: bool, mark: i64) -> Step<Finding> {
        if !time_s.is_finite() {
            return Step::Quiet;
        }
        let gap = self.look(time_s);
        if let Some(latest) = self.latest {
            self.learn_interval(time_s - latest.time_s);
        }
        if self.latest.is_none_or(|latest| time_s > latest.time_s) {
            self.latest = Some(Latest { time_s, mark, counted: 0 });
        }
        match self.interval {
            Interval::Known(_) => both(gap, self.missing.observe(!usable, mark)),
            Interval::Learning(_) => gap,
        }
    }

    /// It is `now_s`, and nothing more has come: counts what is overdue by more than half an interval.
    pub fn look(&mut self, now_s: f64) -> Step<Finding> {
        let (Interval::Known(interval_s), Some(latest)) = (&self.interval, &mut self.latest) else {
            return Step::Quiet;
        };
        let overdue = libm::floor((now_s - latest.time_s) / interval_s - 0.5).clamp(0.0, f64::from(Self::MISSING_MAX));
        // What is not a number becomes 0.
        let missing = (overdue as u32).saturating_sub(latest.counted);
        latest.counted += missing;
        let mark = latest.mark;
        (0..missing).fold(Step::Quiet, |told, _| both(told, self.missing.observe(true, mark)))
    }

    fn learn_interval(&mut self, interval_s: f64) {
        let Interval::Learning(intervals) = &mut self.interval else { return };
        if interval_s > 0.0 && interval_s.is_finite() {
            intervals.push(interval_s);
        }
        if intervals.len() == Self::LEARN_INTERVALS {
            intervals.sort_unstable_by(f64::total_cmp);
            self.interval = Interval::Known(intervals[Self::LEARN_INTERVALS / 2]);
        }
    }
}

/// What two steps in a row come to, told as one.
fn both(first: Step<Finding>, second: Step<Finding>) -> Step<Finding> {
    match (first, second) {
        (Step::Raised(_), Step::Standing(finding)) => Step::Raised(finding),
        (Step::Raised(_), Step::Cleared) => Step::Quiet,
        (Step::Cleared, Step::Quiet) => Step::Cleared,
        (_, second) => second,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    /// A watch that has seen a value about every 0.5 s, for 600 values, with every fiftieth missing.
    fn warm(noise: &mut Noise) -> Dropout {
        let mut watch = Dropout::new(300, 1e6);
        for i in (0..600).filter(|i| i % 50 != 49) {
            assert_eq!(watch.observe(time_s(i, noise), true, i), Step::Quiet);
        }
        watch
    }

    fn time_s(i: i64, noise: &mut Noise) -> f64 {
        1.7e9 + 0.5 * i as f64 + 0.1 * (noise.uniform() - 0.5)
    }

    #[test]
    fn the_interval_is_learnt_and_what_is_normally_missing_is_normal() {
        let mut noise = Noise::new(1);
        let mut watch = warm(&mut noise);
        assert!((watch.interval_s().unwrap() - 0.5).abs() < 0.05);
        for i in (600..5_000).filter(|i| i % 50 != 49) {
            assert_eq!(watch.observe(time_s(i, &mut noise), true, i), Step::Quiet);
        }
    }

    #[test]
    fn silence_missing_and_bad_values_are_found() {
        let mut noise = Noise::new(2);
        let mut silent = warm(&mut noise);
        let found = (600..700).find(|&i| matches!(silent.look(time_s(i, &mut noise)), Step::Raised(_))).unwrap();
        assert!(found < 620, "{found}");

        let mut every_second = warm(&mut noise);
        let raised = |step| match step {
            Step::Raised(finding) => Some(finding),
            _ => None,
        };
        let missing = (600..800).filter(|i| i % 2 == 0);
        let finding = missing.into_iter().find_map(|i| raised(every_second.observe(time_s(i, &mut noise), true, i)));
        assert!((590..606).contains(&finding.unwrap().onset_mark), "{finding:?}");

        let mut bad = warm(&mut noise);
        let finding = (600..700).find_map(|i| raised(bad.observe(time_s(i, &mut noise), false, i))).unwrap();
        assert!((598..602).contains(&finding.onset_mark), "{finding:?}");
        let cleared = (700..900).any(|i| bad.observe(time_s(i, &mut noise), true, i) == Step::Cleared);
        assert!(cleared && !bad.is_standing());
    }

    /// It does not matter whether a gap was looked at on the way.
    #[test]
    fn a_gap_counts_once() {
        let mut looked_at = Dropout::with_interval(1.0, 20, 100.0);
        let mut whole = looked_at.clone();
        for i in 0..10 {
            looked_at.observe(f64::from(i), true, 0);
            whole.observe(f64::from(i), true, 0);
        }
        for tenth in 90..150 {
            looked_at.look(f64::from(tenth) / 10.0);
        }
        looked_at.observe(15.0, true, 1);
        whole.observe(15.0, true, 1);
        assert_eq!(looked_at, whole);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it_and_a_restored_one_goes_on_alike(
            values in prop::collection::vec((prop_oneof![any::<f64>(), 0.0..1e3f64], any::<bool>()), 2..120),
            interval_s in prop_oneof![any::<f64>(), Just(1.0)],
        ) {
            let mut watch = Dropout::with_interval(interval_s, 20, 100.0);
            let mut other = watch.clone();
            for (place, (time_s, usable)) in values.iter().copied().enumerate() {
                if place == values.len() / 2 {
                    other = postcard::from_bytes(&postcard::to_stdvec(&watch).unwrap()).unwrap();
                }
                let mark = place as i64;
                prop_assert_eq!(watch.observe(time_s, usable, mark), other.observe(time_s, usable, mark));
                prop_assert_eq!(watch.look(time_s + 0.5), other.look(time_s + 0.5));
            }
        }
    }
}
