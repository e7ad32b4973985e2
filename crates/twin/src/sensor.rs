use serde::{Deserialize, Serialize};

/// Watches whether a measured value still changes from cycle to cycle.
///
/// It needs no setting: it learns how often the value does not change in a cycle, and calls it a flat line when so many
/// unchanged cycles in a row would have a chance of less than [`CHANCE`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct FlatLineWatch {
    cycles: u32,
    unchanged: u32,
    run: u32,
    flat: bool,
}

/// What a cycle did to the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlatLineStep {
    Quiet,
    Raised { run: u32, needed: u32 },
    Cleared,
}

/// The chance that a healthy sensor is called flat at one cycle.
pub(crate) const CHANCE: f64 = 1e-7;
/// Cycles to learn from before anything is called flat.
const LEARN_CYCLES: u32 = 25;
/// The learnt share of unchanged cycles above which a flat line cannot be told from normal.
const UNCHANGED_SHARE_MAX: f64 = 0.2;
/// Counts are halved at this many cycles, so that the watch follows slow change.
const MEMORY_CYCLES: u32 = 1_000;

impl FlatLineWatch {
    pub(crate) fn is_flat(&self) -> bool {
        self.flat
    }

    pub(crate) fn observe(&mut self, changed: bool) -> FlatLineStep {
        if changed {
            self.learn(self.run);
            self.run = 0;
            self.learn_changed();
            return if std::mem::take(&mut self.flat) { FlatLineStep::Cleared } else { FlatLineStep::Quiet };
        }
        self.run = self.run.saturating_add(1);
        match self.needed() {
            Some(needed) if self.run >= needed && !self.flat => {
                self.flat = true;
                FlatLineStep::Raised { run: self.run, needed }
            }
            _ => FlatLineStep::Quiet,
        }
    }

    /// Unchanged cycles are learnt only when they have ended without being called flat.
    fn learn(&mut self, unchanged: u32) {
        if !self.flat {
            self.cycles = self.cycles.saturating_add(unchanged);
            self.unchanged = self.unchanged.saturating_add(unchanged);
        }
    }

    fn learn_changed(&mut self) {
        self.cycles = self.cycles.saturating_add(1);
        if self.cycles > MEMORY_CYCLES {
            self.cycles /= 2;
            self.unchanged /= 2;
        }
    }

    /// Unchanged cycles in a row that are too many, if that can be told.
    fn needed(&self) -> Option<u32> {
        if self.cycles < LEARN_CYCLES {
            return None;
        }
        let share = f64::from(self.unchanged + 1) / f64::from(self.cycles + 2);
        (share <= UNCHANGED_SHARE_MAX).then(|| libm::ceil(libm::log(CHANCE) / libm::log(share)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(watch: &mut FlatLineWatch, changed: bool, count: u32) -> Vec<FlatLineStep> {
        (0..count).map(|_| watch.observe(changed)).filter(|&step| step != FlatLineStep::Quiet).collect()
    }

    #[test]
    fn a_value_that_always_changed_is_flat_after_a_few_cycles_and_clears_at_once() {
        let mut watch = FlatLineWatch::default();
        assert_eq!(steps(&mut watch, true, 100), []);
        assert_eq!(steps(&mut watch, false, 10), [FlatLineStep::Raised { run: 4, needed: 4 }]);
        assert_eq!(steps(&mut watch, true, 10), [FlatLineStep::Cleared]);
    }

    #[test]
    fn a_value_that_rarely_changes_is_never_called_flat() {
        let mut watch = FlatLineWatch::default();
        for _ in 0..50 {
            assert_eq!(steps(&mut watch, true, 1), []);
            assert_eq!(steps(&mut watch, false, 3), []);
        }
        assert_eq!(steps(&mut watch, false, 1_000), []);
    }
}
