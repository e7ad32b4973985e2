use serde::{Deserialize, Serialize};

/// How much of a material the parts take, learnt from how its level falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterialUse {
    /// The level at the last part.
    level: Option<f64>,
    /// The highest level seen.
    highest: f64,
    /// What parts took and how many they were, by variant and at last of those not known to be of one; as they weigh.
    taken: Vec<Taken>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Taken {
    amount: f64,
    parts: f64,
}

/// A level that rises by so large a share of the highest one is a refill, and less is its sensor's noise.
const REFILL_SHARE: f64 = 0.05;
/// Parts of a variant before its use is taken from them, and not from all parts.
const PARTS_MIN: f64 = 5.0;

impl MaterialUse {
    /// Nothing yet, of a plant with so many variants.
    pub fn new(variants: usize) -> Self {
        Self { level: None, highest: 0.0, taken: vec![Taken::default(); variants + 1] }
    }

    /// A part of a variant has been made, and the level is now so high. A level that is no number says nothing.
    pub fn part(&mut self, variant: Option<usize>, level: f64) {
        if !level.is_finite() {
            return;
        }
        self.highest = self.highest.max(level);
        let Some(before) = self.level.replace(level) else { return };
        if level - before > REFILL_SHARE * self.highest {
            return;
        }
        let last = self.taken.len() - 1;
        let taken = &mut self.taken[variant.map_or(last, |variant| variant.min(last))];
        taken.amount += before - level;
        taken.parts += 1.0;
    }

    /// The material could not be seen for a while: the next part's level is only where to go on from.
    pub fn lose_sight(&mut self) {
        self.level = None;
    }

    /// From now on what was learnt weighs only that share of what it did, 0 to 1.
    pub fn fade(&mut self, share: f64) {
        for taken in &mut self.taken {
            taken.amount *= share;
            taken.parts *= share;
        }
    }

    /// What a part of each variant takes, in the level's unit; `None` before anything is known.
    pub fn per_part(&self) -> Option<Vec<f64>> {
        let sum =
            |all: Taken, taken: &Taken| Taken { amount: all.amount + taken.amount, parts: all.parts + taken.parts };
        let all = self.taken.iter().fold(Taken::default(), sum);
        let mean = |taken: &Taken| (taken.amount / taken.parts).max(0.0);
        let of_variant = |taken: &Taken| if taken.parts >= PARTS_MIN { mean(taken) } else { mean(&all) };
        (all.parts >= PARTS_MIN).then(|| self.taken[..self.taken.len() - 1].iter().map(of_variant).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn refills_and_noise_are_no_use() {
        let mut material = MaterialUse::new(2);
        let mut level = 100.0;
        for part in 0..60 {
            level -= if part % 2 == 0 { 1.0 } else { 3.0 };
            if level < 20.0 {
                level += 80.0;
            }
            let noise = if part % 3 == 0 { 0.4 } else { -0.2 };
            material.part(Some(part % 2), level + noise);
        }
        let per_part = material.per_part().unwrap();
        assert!((per_part[0] - 1.0).abs() < 0.05 && (per_part[1] - 3.0).abs() < 0.05, "{per_part:?}");
        material.fade(0.1);
        assert_eq!(material.per_part().unwrap().len(), 2);
        assert!(material.per_part().unwrap().iter().all(|&of_part| (of_part - 2.0).abs() < 0.05), "few of each");
    }

    #[test]
    fn what_is_not_seen_is_not_guessed() {
        let mut material = MaterialUse::new(1);
        for part in 0..4 {
            material.part(None, 100.0 - f64::from(part));
        }
        assert_eq!(material.per_part(), None);
        material.lose_sight();
        material.part(None, 10.0);
        material.part(None, f64::NAN);
        assert_eq!(material.per_part(), None, "only three parts have told what they take");
    }
}
