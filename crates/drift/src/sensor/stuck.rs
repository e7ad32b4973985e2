use serde::{Deserialize, Serialize};

use super::Finding;
use crate::Step;

/// Watches whether a measured value still changes: from one look to the next, which may be a sample or a cycle.
///
/// It needs no setting: it learns how often the value does not change, and calls it stuck when so many unchanged looks in
/// a row would have a chance of less than `chance`, if each were a trial of its own. The learnt share of unchanged looks
/// is Laplace's, one more unchanged and one more changed than were seen. A value that often stays the same, such as a
/// count or a setpoint, is never called stuck.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stuck {
    chance: f64,
    looks: u32,
    unchanged: u32,
    run: u32,
    run_mark: i64,
    standing: bool,
}

impl Stuck {
    /// Looks to learn from before anything is called stuck.
    const LEARN_LOOKS: u32 = 25;
    /// The learnt share of unchanged looks above which a stuck value cannot be told from normal.
    const UNCHANGED_SHARE_MAX: f64 = 0.2;
    /// Counts are halved at this many looks, so that the watch follows slow change.
    const MEMORY_LOOKS: u32 = 1_000;

    /// A watch that calls a healthy sensor stuck with that chance, above 0 and below 1, at a look.
    pub fn new(chance: f64) -> Self {
        Self { chance, looks: 0, unchanged: 0, run: 0, run_mark: 0, standing: false }
    }

    /// Whether the value is held to be stuck.
    pub fn is_standing(&self) -> bool {
        self.standing
    }

    /// Takes a look in: whether the value had changed. `mark` is the caller's name for it; that of the first unchanged
    /// one comes back as onset. The statistic is the number of unchanged looks in a row.
    pub fn observe(&mut self, changed: bool, mark: i64) -> Step<Finding> {
        if changed {
            return self.end_run();
        }
        if self.run == 0 {
            self.run_mark = mark;
        }
        self.run = self.run.saturating_add(1);
        let Some(needed) = self.needed().filter(|&needed| self.standing || self.run >= needed) else {
            return Step::Quiet;
        };
        let finding =
            Finding { statistic: f64::from(self.run), threshold: f64::from(needed), onset_mark: self.run_mark };
        match std::mem::replace(&mut self.standing, true) {
            true => Step::Standing(finding),
            false => Step::Raised(finding),
        }
    }

    /// Unchanged looks are learnt only when they have ended without being called stuck.
    fn end_run(&mut self) -> Step<Finding> {
        let run = std::mem::take(&mut self.run);
        let stood = std::mem::take(&mut self.standing);
        let learnt = if stood { 0 } else { run };
        self.unchanged = self.unchanged.saturating_add(learnt);
        self.looks = self.looks.saturating_add(learnt).saturating_add(1);
        if self.looks > Self::MEMORY_LOOKS {
            self.looks /= 2;
            self.unchanged /= 2;
        }
        if stood { Step::Cleared } else { Step::Quiet }
    }

    /// Unchanged looks in a row that are too many, if that can be told.
    fn needed(&self) -> Option<u32> {
        if self.looks < Self::LEARN_LOOKS {
            return None;
        }
        let share = f64::from(self.unchanged.saturating_add(1)) / f64::from(self.looks.saturating_add(2));
        (share <= Self::UNCHANGED_SHARE_MAX).then(|| libm::ceil(libm::log(self.chance) / libm::log(share)) as u32)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    const CHANCE: f64 = 1e-7;

    /// Whether it was called stuck at any of so many looks.
    fn is_called_stuck(watch: &mut Stuck, changed: bool, count: i64) -> bool {
        (0..count).any(|mark| matches!(watch.observe(changed, mark), Step::Raised(_)))
    }

    #[test]
    fn a_value_that_always_changed_is_stuck_after_a_few_looks_and_clears_at_once() {
        let mut watch = Stuck::new(CHANCE);
        assert!(!is_called_stuck(&mut watch, true, 100));
        let steps: Vec<_> = (100..106).map(|mark| watch.observe(false, mark)).collect();
        let finding = |run| Finding { statistic: run, threshold: 4.0, onset_mark: 100 };
        assert_eq!(steps[..3], [Step::Quiet; 3]);
        assert_eq!(
            steps[3..],
            [Step::Raised(finding(4.0)), Step::Standing(finding(5.0)), Step::Standing(finding(6.0))]
        );
        assert_eq!(watch.observe(true, 106), Step::Cleared);
        assert_eq!(watch.observe(true, 107), Step::Quiet);
    }

    #[test]
    fn a_value_that_rarely_changes_is_never_called_stuck() {
        let mut watch = Stuck::new(CHANCE);
        for _ in 0..50 {
            assert!(!is_called_stuck(&mut watch, true, 1));
            assert!(!is_called_stuck(&mut watch, false, 3));
        }
        assert!(!is_called_stuck(&mut watch, false, 1_000));
    }

    /// At a chance that can be counted: runs of unchanged looks that begin by chance and come to the needed length.
    #[test]
    fn false_alarms_are_no_more_often_than_it_says() {
        let (chance, looks) = (1e-3, 400_000);
        let mut noise = Noise::new(1);
        let mut watch = Stuck::new(chance);
        let raised =
            (0..looks).filter(|&mark| matches!(watch.observe(noise.uniform() > 0.1, mark), Step::Raised(_))).count();
        let expected = chance * looks as f64;
        assert!((raised as f64) < expected + 3.0 * expected.sqrt(), "{raised}, at most {expected} expected");
        assert!(raised as f64 > 0.3 * expected, "{raised}: far from its limit of {expected}");
    }

    proptest! {
        #[test]
        fn a_restored_watch_goes_on_alike(looks in prop::collection::vec(prop::bool::weighted(0.9), 2..200)) {
            let mut watch = Stuck::new(0.05);
            let (before, after) = looks.split_at(looks.len() / 2);
            before.iter().for_each(|&changed| { watch.observe(changed, 0); });
            let mut restored: Stuck = postcard::from_bytes(&postcard::to_stdvec(&watch).unwrap()).unwrap();
            for (mark, &changed) in after.iter().enumerate() {
                prop_assert_eq!(watch.observe(changed, mark as i64), restored.observe(changed, mark as i64));
            }
        }
    }
}
