use serde::{Deserialize, Serialize};

use super::Finding;
use crate::{Bounded, EDetector, Step, special};

/// Watches whether something that rarely happens has come to happen more often: a spike, a missing value.
///
/// From the first trials it takes the largest chance that is in keeping with them (Clopper and Pearson's limit); from
/// then on an [`EDetector`] looks for more than that. While the chance of an event, whatever came before, is not above
/// that limit, the mean number of trials between false alarms is at least `run_length`, proved. The limit is below the
/// true chance for one in a thousand watches. Events that come in bursts break that condition, and then it holds only
/// if a whole burst is counted as one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RareEvents {
    learn_trials: u32,
    run_length: f64,
    trials: u32,
    events: u32,
    chart: Option<EDetector>,
}

impl RareEvents {
    /// The chance that the learnt limit is below the true chance of an event.
    pub const DOUBT: f64 = 1e-3;

    /// A watch that learns from the first `learn_trials` and then has at most one false alarm in `run_length` trials,
    /// above 1 and up to 1e100, on average. Fewer than 20 trials to learn from leave no room for an alarm.
    pub fn new(learn_trials: u32, run_length: f64) -> Self {
        Self { learn_trials, run_length, trials: 0, events: 0, chart: None }
    }

    /// Whether more events than normal are held to happen.
    pub fn is_standing(&self) -> bool {
        self.chart.as_ref().is_some_and(EDetector::is_standing)
    }

    /// Takes a trial in: whether the event happened; `mark` is the caller's name for it. The statistic is the evidence of
    /// the e-detector, its threshold the run length.
    pub fn observe(&mut self, happened: bool, mark: i64) -> Step<Finding> {
        let Some(chart) = &mut self.chart else {
            self.learn(happened);
            return Step::Quiet;
        };
        let value = if happened { 1.0 } else { 0.0 };
        let threshold = chart.threshold();
        chart.observe(value, mark).map(|shift| Finding {
            statistic: shift.statistic,
            threshold,
            onset_mark: shift.onset_mark,
        })
    }

    fn learn(&mut self, happened: bool) {
        self.trials += 1;
        self.events += u32::from(happened);
        if self.trials < self.learn_trials {
            return;
        }
        let mean = special::proportion_upper(self.events, self.trials, Self::DOUBT);
        // Twice as many are of interest, where there is room for that.
        let shift = mean.min(0.5 * (1.0 - mean));
        self.chart = EDetector::rising(Bounded { low: 0.0, high: 1.0, mean }, shift, self.run_length);
        // Where nearly every trial was an event there is nothing to find yet: it learns anew.
        (self.trials, self.events) = (0, 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    fn first_alarm(
        watch: &mut RareEvents,
        trials: std::ops::Range<i64>,
        mut happens: impl FnMut() -> bool,
    ) -> Option<i64> {
        trials.into_iter().find(|&mark| matches!(watch.observe(happens(), mark), Step::Raised(_)))
    }

    /// 1,000 watches of 2,000 trials with a run length of 20,000: at most 100 false alarms, with three standard errors,
    /// and one for those whose limit is too low.
    #[test]
    fn false_alarms_are_no_more_often_than_it_says() {
        let mut noise = Noise::new(11);
        for chance in [0.0, 0.002, 0.05, 0.6] {
            let alarms = (0..1_000).filter(|_| {
                let mut watch = RareEvents::new(200, 20_000.0);
                first_alarm(&mut watch, 0..2_200, || noise.uniform() < chance).is_some()
            });
            assert!(alarms.count() < 131, "{chance}");
        }
    }

    #[test]
    fn more_events_are_found_the_sooner_the_more() {
        let mut noise = Noise::new(12);
        for (chance, within) in [(1.0, 8), (0.5, 25), (0.2, 200)] {
            let mut watch = RareEvents::new(300, 1e6);
            assert_eq!(first_alarm(&mut watch, 0..1_000, || noise.uniform() < 0.01), None);
            let found = first_alarm(&mut watch, 1_000..2_000, || noise.uniform() < chance).unwrap();
            assert!(found < 1_000 + within, "{chance}: {found}");
            assert!(watch.is_standing());
        }
    }

    #[test]
    fn what_always_happens_is_normal() {
        let mut watch = RareEvents::new(50, 100.0);
        assert_eq!(first_alarm(&mut watch, 0..5_000, || true), None);
    }

    proptest! {
        #[test]
        fn a_restored_watch_goes_on_alike(trials in prop::collection::vec(prop::bool::weighted(0.2), 2..200)) {
            let mut watch = RareEvents::new(40, 20.0);
            let (before, after) = trials.split_at(trials.len() / 2);
            before.iter().for_each(|&happened| { watch.observe(happened, 0); });
            let mut restored: RareEvents = postcard::from_bytes(&postcard::to_stdvec(&watch).unwrap()).unwrap();
            for (mark, &happened) in after.iter().enumerate() {
                prop_assert_eq!(watch.observe(happened, mark as i64), restored.observe(happened, mark as i64));
            }
        }
    }
}
