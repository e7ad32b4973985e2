//! Change detection: numbers in, verdicts out. Knows nothing of plants, and allocates nothing once constructed.
//!
//! A [`Baseline`] learns what a feature is in its context and turns each value into a standardised residual; a [`Monitor`]
//! turns these into scores, charts them, and says when they no longer look like chance; [`calibration`] solves the charts'
//! thresholds from the average run length between false alarms. The other charts are there to be used by themselves.

mod bisection;
pub mod calibration;
mod chart;
mod measurement;
mod monitor;
pub mod multivariate;
mod normal;
mod reference;
mod room;
mod sensor;
mod special;
#[cfg(test)]
mod testing;

pub use calibration::InControlRate;
pub use chart::{
    BernoulliCusum, Bounded, Constant, CountCusum, Cusum, Direction, EDetector, Ewma, Focus, GeometricCusum,
    PoissonCusum, Rule, Shewhart, Shift, Spread, Step,
};
pub use measurement::is_measurement;
pub use monitor::{ColumnMonitor, Monitor, Thresholds, Verdict};
pub use reference::{Baseline, COVARIATES_MAX, Residual, Season, Shape, Slope, TimeTo, Trend, Whitener};
pub use sensor::{Dropout, Finding, PeerDrift, PeerShift, RareEvents, Spike, SpikeStep, Stuck, Suspect};
