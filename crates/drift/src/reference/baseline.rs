use serde::{Deserialize, Serialize};

use crate::{is_measurement, normal};

/// The most covariates a baseline can have.
pub const COVARIATES_MAX: usize = 3;
const TERMS: usize = COVARIATES_MAX + 1;

/// A value beside what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// What was expected, in the value's unit.
    pub expected: f64,
    /// Spread of a single value around its expectation, one standard deviation, in the value's unit; 0 if nothing has
    /// varied yet.
    pub sigma: f64,
    /// The difference in standard deviations, with the uncertainty of the expectation itself taken into account: for
    /// normal values standard normal as long as nothing has changed, however short the baseline is.
    pub z: f64,
}

/// What a feature is in one context: a linear function of up to three covariates, learnt value by value.
///
/// Residuals are recursive: each value is predicted from those before it, and its error is divided by the standard
/// error of that prediction, so they are independent and follow Student's distribution (R. L. Brown, J. Durbin and
/// J. M. Evans, JRSS B 37 (1975) 149), and become standard normal by its quantiles (the self-starting chart of
/// D. M. Hawkins, The Statistician 36 (1987) 299). All values count alike for ever, so that a drift that goes on is
/// learnt by half at most; whoever suspects a change tells the baseline not to learn from it.
///
/// The least-squares fit is updated by square-root-free Givens rotations (W. M. Gentleman, Applied Statistics 23 (1974)
/// 448, AS 75), about the first value, so that a large offset costs no digits. A covariate that has not varied yet takes
/// no part; one that leaves the range it was learnt in widens the prediction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Baseline {
    count: u32,
    origin: [f64; TERMS],
    weights: [f64; TERMS],
    rows: [[f64; TERMS]; TERMS],
    thetas: [f64; TERMS],
    squares: f64,
}

/// A value rotated against the fit.
struct Rotated {
    error: f64,
    weight: f64,
}

impl Baseline {
    /// Values beyond this many standard deviations teach the baseline only this much.
    const LEARN_CLIP: f64 = 3.0;
    /// Degrees of freedom below which there is no residual yet.
    const DEGREES_MIN: u32 = 5;

    /// Values learnt from so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes the next value in and returns its residual once there are enough values to judge by; learns from it if told
    /// so. `covariates` beyond the third are ignored; a value or covariate that is not a number, or beyond 1e100,
    /// changes nothing and has no residual.
    pub fn observe(&mut self, value: f64, covariates: &[f64], learns: bool) -> Option<Residual> {
        if !is_measurement(value) || !covariates.iter().copied().all(is_measurement) {
            return None;
        }
        let mut terms = [0.0; TERMS];
        for (term, &covariate) in terms[1..].iter_mut().zip(covariates) {
            *term = covariate;
        }
        if self.count == 0 {
            self.origin = terms;
            self.origin[0] = value;
        }
        for (term, origin) in terms[1..].iter_mut().zip(&self.origin[1..]) {
            *term -= origin;
        }
        terms[0] = 1.0;
        let residual = self.residual(value, terms);
        if learns {
            self.learn(value, terms, residual);
        }
        residual
    }

    /// What is expected, with its spread, for those covariates; `None` while there is too little to judge by.
    fn residual(&self, value: f64, terms: [f64; TERMS]) -> Option<Residual> {
        let rank = self.weights.iter().filter(|&&weight| weight > 0.0).count() as u32;
        let degrees = self.count.checked_sub(rank).filter(|&degrees| degrees >= Self::DEGREES_MIN)?;
        let rotated = self.clone().rotate(value - self.origin[0], terms);
        if rotated.weight <= 0.0 {
            return None;
        }
        let degrees = f64::from(degrees);
        let expected = value - rotated.error;
        let sigma = libm::sqrt(self.squares / degrees);
        if sigma <= 0.0 {
            // Nothing has ever varied: a value that does is beyond all doubt, one that does not is as expected.
            let z = if rotated.error == 0.0 { 0.0 } else { libm::copysign(f64::MAX, rotated.error) };
            return Some(Residual { expected, sigma, z });
        }
        let z = normal::from_student(rotated.error * libm::sqrt(rotated.weight) / sigma, degrees);
        (expected.is_finite() && !z.is_nan()).then_some(Residual { expected, sigma, z })
    }

    fn learn(&mut self, value: f64, terms: [f64; TERMS], residual: Option<Residual>) {
        let value = match residual {
            Some(Residual { expected, sigma, z }) if z.abs() > Self::LEARN_CLIP => {
                expected + libm::copysign(Self::LEARN_CLIP * sigma, z)
            }
            _ => value,
        };
        let rotated = self.rotate(value - self.origin[0], terms);
        self.squares += rotated.weight * rotated.error * rotated.error;
        self.count += 1;
    }

    /// Rotates one row into the fit. What is left of it is the prediction error and its weight 1 / (1 + leverage); the
    /// weight is 0 if the row opened a new dimension.
    fn rotate(&mut self, mut error: f64, mut terms: [f64; TERMS]) -> Rotated {
        let mut weight = 1.0;
        #[allow(clippy::needless_range_loop, reason = "the triangle of a matrix is walked by index")]
        for i in 0..TERMS {
            let term = terms[i];
            if term == 0.0 || weight == 0.0 {
                continue;
            }
            let grown = self.weights[i] + weight * term * term;
            if grown == 0.0 {
                continue; // the term is so small that its square is none
            }
            let (kept, new) = (self.weights[i] / grown, weight * term / grown);
            self.weights[i] = grown;
            weight *= kept;
            for k in i + 1..TERMS {
                let old = self.rows[i][k];
                self.rows[i][k] = kept * old + new * terms[k];
                terms[k] -= term * old;
            }
            let old = self.thetas[i];
            self.thetas[i] = kept * old + new * error;
            error -= term * old;
        }
        Rotated { error, weight }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The residual of the last value by its definition: least squares over all values before it.
    fn last_by_definition(values: &[(f64, f64)]) -> (f64, f64) {
        let (&(last_x, last_y), before) = values.split_last().unwrap();
        let n = before.len() as f64;
        let (mean_x, mean_y) =
            (before.iter().map(|p| p.0).sum::<f64>() / n, before.iter().map(|p| p.1).sum::<f64>() / n);
        let sxx: f64 = before.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        let slope = before.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum::<f64>() / sxx;
        let fit = |x: f64| mean_y + slope * (x - mean_x);
        let squares: f64 = before.iter().map(|p| (p.1 - fit(p.0)).powi(2)).sum();
        let sigma = (squares / (n - 2.0)).sqrt();
        let leverage = 1.0 / n + (last_x - mean_x).powi(2) / sxx;
        (fit(last_x), (last_y - fit(last_x)) / (sigma * (1.0 + leverage).sqrt()))
    }

    proptest! {
        #[test]
        fn residuals_are_those_of_least_squares(
            values in prop::collection::vec((-5.0..5.0f64, -1.0..1.0f64), 12..40),
            offset in prop::sample::select(vec![0.0, 1e6, -1e9]),
        ) {
            let values: Vec<(f64, f64)> = values.into_iter().map(|(x, noise)| (x, 2.0 * x + noise)).collect();
            let mut baseline = Baseline::default();
            let residuals: Vec<_> = values.iter().map(|&(x, y)| baseline.observe(y + offset, &[x], true)).collect();
            let (last, before) = residuals.split_last().unwrap();
            prop_assume!(before.iter().flatten().all(|residual| residual.z.abs() <= Baseline::LEARN_CLIP));
            let (expected, student) = last_by_definition(&values);
            let z = normal::from_student(student, (values.len() - 3) as f64);
            let residual = last.unwrap();
            let lost_digits = offset.abs() * f64::EPSILON * 100.0;
            prop_assert!((residual.expected - offset - expected).abs() < 1e-8 + lost_digits);
            prop_assert!((residual.z - z).abs() < 1e-7 * (1.0 + z.abs()) + 10.0 * lost_digits * (1.0 + z.abs()));
        }

        #[test]
        fn nothing_breaks_it(values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..60)) {
            let mut baseline = Baseline::default();
            for (value, covariate) in values {
                if let Some(residual) = baseline.observe(value, &[covariate], true) {
                    prop_assert!(!residual.z.is_nan());
                }
            }
        }
    }

    /// A ramp in a covariate that is not told is drift; told, it is expected.
    #[test]
    fn a_covariate_explains_what_it_explains() {
        let mut told = Baseline::default();
        let mut untold = Baseline::default();
        let mut last = (None, None);
        for cycle in 0..100 {
            let life = f64::from(cycle % 60);
            let value = 100.0 - 0.5 * life + 0.3 * f64::from((cycle * 7919) % 11 - 5);
            last = (told.observe(value, &[life], true), untold.observe(value, &[], true));
        }
        assert!(last.0.unwrap().z.abs() < 2.5);
        assert!(last.0.unwrap().sigma < last.1.unwrap().sigma / 5.0);
    }

    #[test]
    fn a_value_that_never_varied_and_then_does_stands_out() {
        let mut baseline = Baseline::default();
        for _ in 0..30 {
            assert!(baseline.observe(5.0, &[1.0], true).is_none_or(|residual| residual.z == 0.0));
        }
        assert!(baseline.observe(5.2, &[1.0], true).unwrap().z > 6.0);
    }

    #[test]
    fn small_noise_on_a_huge_offset_keeps_its_spread() {
        let mut baseline = Baseline::default();
        let mut last = None;
        for cycle in 0..500 {
            last = baseline.observe(1e9 + 1e-3 * f64::from((cycle * 7919) % 101 - 50) / 29.2, &[], true);
        }
        assert!((last.unwrap().sigma / 1e-3 - 1.0).abs() < 0.05);
    }
}
