use serde::{Deserialize, Serialize};

/// How much farther sums of standardised residuals wander than they would if these were independent.
///
/// Residuals that have something in common with their neighbours go the same way for a while; a cumulative sum would take
/// that for drift. The variance of the sums of [`BatchVariance::BATCH`] residuals, divided by what independent ones would
/// have, tells how much (batch means: C. Alexopoulos and A. F. Seila in Handbook of Simulation, ed. J. Banks
/// (1998), chapter 7). Residuals divided by [`BatchVariance::spread`] accumulate like independent ones over the length of
/// a batch, which is about the horizon of the chart.
///
/// A few batches tell little, so the estimate begins from [`BatchVariance::PRIOR_BATCHES`] batches of independent ones.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct BatchVariance {
    sum: f64,
    count: u32,
    batches: f64,
    total: f64,
}

impl BatchVariance {
    /// Residuals in a batch.
    pub(crate) const BATCH: u32 = 16;
    /// Batches of independent residuals that are believed to have been seen.
    pub(crate) const PRIOR_BATCHES: f64 = 6.0;
    /// Batches remembered; older ones fade.
    const MEMORY_BATCHES: f64 = 60.0;

    /// Takes a standardised residual in; one that is not finite is passed over.
    pub(crate) fn observe(&mut self, z: f64) {
        if !z.is_finite() {
            return;
        }
        self.sum += z;
        self.count += 1;
        if self.count < Self::BATCH {
            return;
        }
        if self.batches >= Self::MEMORY_BATCHES {
            let fade = 1.0 - 1.0 / Self::MEMORY_BATCHES;
            self.batches *= fade;
            self.total *= fade;
        }
        self.batches += 1.0;
        self.total += self.sum * self.sum / f64::from(Self::BATCH);
        self.forget_batch();
    }

    /// Gives up the batch under way: something other than chance may be in it.
    pub(crate) fn forget_batch(&mut self) {
        self.sum = 0.0;
        self.count = 0;
    }

    /// How many times as far as independent residuals these wander; at least 1.
    pub(crate) fn spread(&self) -> f64 {
        let total = self.total + Self::PRIOR_BATCHES;
        libm::sqrt((total / (self.batches + Self::PRIOR_BATCHES)).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    #[test]
    fn independent_residuals_are_left_nearly_as_they_are() {
        let mut batches = BatchVariance::default();
        let mut noise = Noise::new(1);
        (0..4_000).for_each(|_| batches.observe(noise.normal()));
        assert!(batches.spread() < 1.25, "{}", batches.spread());
    }

    #[test]
    fn wandering_residuals_are_held_back() {
        let mut batches = BatchVariance::default();
        let (mut noise, mut wander) = (Noise::new(2), 0.0);
        for _ in 0..4_000 {
            wander = 0.9 * wander + (1.0 - 0.81_f64).sqrt() * noise.normal();
            batches.observe(wander);
        }
        assert!(batches.spread() > 2.5, "{}", batches.spread());
    }
}
