//! Change detection: numbers in, verdicts out. Knows nothing of plants, and allocates nothing once constructed.
//!
//! A [`Baseline`] learns what a feature is in its context and turns each value into a standardised residual; a [`Cusum`]
//! adds these up and says when they no longer look like chance; [`calibration`] solves its threshold from the average
//! run length between false alarms.

pub mod calibration;
mod chart;
mod monitor;
pub mod multivariate;
mod normal;
mod reference;
mod sensor;
mod special;
#[cfg(test)]
#[cfg(test)]
mod testing;

pub use calibration::InControlRate;
pub use chart::{
    BernoulliCusum, Bounded, CountCusum, Cusum, Direction, EDetector, Ewma, Focus, GeometricCusum, PoissonCusum, Rule,
    Shewhart, Shift, Spread, Step,
};
pub use monitor::{ColumnMonitor, Monitor, Thresholds, Verdict};
pub use reference::{Baseline, COVARIATES_MAX, Residual, Scorer, Shape, Whitener};
pub use reference::{Slope, TimeTo, Trend};
pub use sensor::{Dropout, Finding, PeerDrift, PeerShift, RareEvents, Spike, SpikeStep, Stuck, Suspect};
