use serde::{Deserialize, Serialize};

use crate::normal;
use crate::room::Room;

/// Turns values of any continuous distribution into standard normal ones by their rank among those before.
///
/// The rank of a value among its predecessors is uniform and independent of all ranks before it, whatever the
/// distribution, as long as nothing changes (a chart of sequential ranks: D. R. McDonald, Naval Research Logistics 37
/// (1990) 627). Its normal quantile has the same distribution for each value; ties share the middle of their ranks.
///
/// Up to [`Shape::VALUES_MAX`] values are kept in order; after that each newer one takes the place of a kept one with such
/// odds that those kept are a fair sample of all that were learnt (reservoir sampling: J. S. Vitter, ACM Transactions on
/// Mathematical Software 11 (1985) 37). The dice are the count of values, scrambled: the same stream, the same sample.
/// After [`Shape::LEARNT_MAX`] values the sample stays as it is, so that what its own chance does to the mean of the
/// scores stays the same and can be taken out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Shape {
    /// Ascending.
    values: Room<Vec<f32>, { Shape::VALUES_MAX }>,
    learnt: u64,
}

impl Shape {
    /// Values kept.
    pub const VALUES_MAX: usize = 1_024;
    /// The largest score that there can be, to seven digits: the normal quantile of the last of all ranks.
    pub const SCORE_MAX: f64 = 3.297_467;
    /// Values that the kept ones are a sample of at most.
    pub const LEARNT_MAX: u64 = 16_384;

    /// The normal quantile of the rank that a finite value has among those kept and itself.
    pub fn score(&self, value: f64) -> f64 {
        let value = value as f32;
        let below = self.values.partition_point(|&known| known < value);
        let upto = below + self.values[below..].partition_point(|&known| known <= value);
        let rank = 0.5 * (below + upto) as f64 + 0.5;
        normal::quantile(rank / (self.values.len() + 1) as f64)
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.values.clear();
        self.learnt = 0;
    }

    /// Takes a finite value in.
    pub fn learn(&mut self, value: f64) {
        if self.learnt == Self::LEARNT_MAX {
            return;
        }
        let value = value as f32;
        let place = self.values.partition_point(|&known| known <= value);
        self.learnt += 1;
        if self.values.len() < Self::VALUES_MAX {
            self.values.insert(place, value);
            return;
        }
        let leaving = (scrambled(self.learnt) % self.learnt) as usize;
        if leaving < place {
            self.values.copy_within(leaving + 1..place, leaving);
            self.values[place - 1] = value;
        } else if leaving < Self::VALUES_MAX {
            self.values.copy_within(place..leaving, place + 1);
            self.values[place] = value;
        }
    }
}

/// Bits that look like chance: the finaliser of G. L. Steele, D. Lea and C. H. Flood, OOPSLA (2014) 453.
fn scrambled(count: u64) -> u64 {
    let bits = count.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_score_is_that_of_the_rank_and_the_kept_stay_in_order(
            values in prop::collection::vec(-20i32..20, 1..1_500),
        ) {
            let mut shape = Shape::default();
            for (place, &value) in values.iter().enumerate() {
                let score = shape.score(f64::from(value));
                shape.learn(f64::from(value));
                if place < Shape::VALUES_MAX {
                    let below = values[..place].iter().filter(|&&known| known < value).count();
                    let equal = values[..place].iter().filter(|&&known| known == value).count();
                    let rank = below as f64 + 0.5 * equal as f64 + 0.5;
                    prop_assert_eq!(score, normal::quantile(rank / (place + 1) as f64));
                }
                prop_assert!(shape.values.is_sorted());
                prop_assert_eq!(shape.values.len(), (place + 1).min(Shape::VALUES_MAX));
                prop_assert!(shape.values.iter().all(|&kept| values[..=place].contains(&(kept as i32))));
            }
        }
    }

    #[test]
    fn early_and_late_values_are_kept_alike() {
        let mut shape = Shape::default();
        for place in 0..16_000u32 {
            shape.learn(f64::from(place * 7_919 % 20_011 + if place < 8_000 { 0 } else { 100_000 }));
        }
        let early = shape.values.iter().filter(|&&kept| kept < 50_000.0).count();
        assert!((440..=584).contains(&early), "{early} of 1,024 are from the first half");
    }

    #[test]
    fn what_never_varies_is_always_the_middle() {
        let mut shape = Shape::default();
        for _ in 0..1_200 {
            assert!(shape.score(7.0).abs() < 1e-9);
            shape.learn(7.0);
        }
        assert!((shape.score(7.1) - Shape::SCORE_MAX).abs() < 1e-6);
    }
}
