//! Change detection: numbers in, verdicts out. Knows nothing of plants, and allocates nothing once constructed.
//!
//! A [`Baseline`] learns what a feature is in its context and turns each value into a standardised residual; a [`Cusum`]
//! adds these up and says when they no longer look like chance; [`calibration`] solves its threshold from the average
//! run length between false alarms.

pub mod calibration;
mod chart;
mod normal;
mod reference;

pub use chart::{Cusum, Direction, Ewma, Rule, Shewhart, Shift, Step};
pub use reference::{Baseline, BatchVariance, COVARIATES_MAX, Floor, Residual};
