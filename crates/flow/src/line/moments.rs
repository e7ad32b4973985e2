use serde::{Deserialize, Serialize};

/// Weight, mean and spread of values, one at a time (Welford 1962). A value weighs 1 when it comes, and less after
/// [`Moments::fade`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes a value in; one that is no number is left out.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.count += 1.0;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.count;
        self.squares += from_mean * (value - self.mean);
    }

    /// From now on what was taken in weighs only that share of what it did, 0 to 1.
    pub fn fade(&mut self, share: f64) {
        self.count *= share;
        self.squares *= share;
    }

    /// How many values, as they weigh.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Their mean; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Sum of the squared distances from the mean.
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// Their variance, with the number less 1 as divisor; 0 of fewer than two.
    pub fn variance(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { self.squares / (self.count - 1.0) }
    }

    /// Those of both together (Chan, Golub and LeVeque 1983).
    pub fn with(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        if count <= 0.0 {
            return *self;
        }
        let share = other.count / count;
        let apart = other.mean - self.mean;
        let squares = self.squares + other.squares + apart * apart * self.count * share;
        Self { count, mean: self.mean + apart * share, squares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_faded_weighs_less_and_says_the_same() {
        let mut all = Moments::default();
        [1.0, 2.0, 3.0, 4.0, 5.0].into_iter().for_each(|value| all.add(value));
        let before = all;
        all.fade(0.8);
        assert_eq!((all.count(), all.mean(), all.squares()), (4.0, 3.0, 8.0));
        assert_eq!((before.count(), before.variance()), (5.0, 2.5));
        // Each value ten times less than a new one: the mean goes nine tenths of the way.
        all.fade(0.25);
        all.add(7.0);
        assert_eq!(all.mean(), 5.0);
    }
}
