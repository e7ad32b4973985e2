use serde::{Deserialize, Serialize};

/// Number, mean and spread of values, one at a time (Welford 1962).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes a value in; one that is no number is left out.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() || self.count == u32::MAX {
            return;
        }
        self.count += 1;
        let from_mean = value - self.mean;
        self.mean += from_mean / f64::from(self.count);
        self.squares += from_mean * (value - self.mean);
    }

    /// How many values.
    pub fn count(&self) -> u32 {
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
        if self.count < 2 { 0.0 } else { self.squares / f64::from(self.count - 1) }
    }

    /// Those of both together (Chan, Golub and LeVeque 1983).
    pub fn with(&self, other: &Self) -> Self {
        let count = self.count.saturating_add(other.count);
        if count == 0 {
            return *self;
        }
        let share = f64::from(other.count) / f64::from(count);
        let apart = other.mean - self.mean;
        let squares = self.squares + other.squares + apart * apart * f64::from(self.count) * share;
        Self { count, mean: self.mean + apart * share, squares }
    }
}
