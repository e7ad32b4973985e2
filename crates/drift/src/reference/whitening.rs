use serde::{Deserialize, Serialize};

/// Takes out of a stream of standardised residuals what follows from the one before: an autoregression of order one,
/// learnt as it goes.
///
/// A positive autocorrelation `phi` makes sums wander `(1 + phi) / (1 - phi)` times as far as those of independent
/// values and drowns a chart in false alarms; what is left after subtracting `phi` times the predecessor is independent
/// again. The estimate is corrected for its bias in short streams, `-(1 + 3 phi) / n` (M. G. Kendall, Biometrika 41
/// (1954) 403), and held to [`Whitener::PHI_MIN`] ..= [`Whitener::PHI_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Whitener {
    products: f64,
    squares: f64,
    count: u32,
}

impl Whitener {
    /// The least autocorrelation that is taken out; more negative ones make a chart only safer.
    pub const PHI_MIN: f64 = -0.5;
    /// The largest autocorrelation that is taken out.
    pub const PHI_MAX: f64 = 0.9;
    /// Pairs of independent values that the estimate begins from.
    const PRIOR_PAIRS: f64 = 10.0;

    /// Estimated autocorrelation of neighbours.
    pub fn phi(&self) -> f64 {
        let pairs = f64::from(self.count);
        let raw = self.products / (self.squares + Self::PRIOR_PAIRS);
        let bias = if pairs > 0.0 { (1.0 + 3.0 * raw) / pairs.max(Self::PRIOR_PAIRS) } else { 0.0 };
        // The correction must not make the first few values look correlated.
        let corrected = raw + bias * pairs / (pairs + Self::PRIOR_PAIRS);
        corrected.clamp(Self::PHI_MIN, Self::PHI_MAX)
    }

    /// What is new in a finite standardised residual beside the one before it, with unit variance as the residual itself.
    pub fn whiten(&self, last: f64, z: f64) -> f64 {
        let phi = self.phi();
        (z - phi * last) / libm::sqrt(1.0 - phi * phi)
    }

    /// Learns from a finite standardised residual and the one before it.
    pub fn learn(&mut self, last: f64, z: f64) {
        self.products += z * last;
        self.squares += last * last;
        self.count = self.count.saturating_add(1);
    }
}
