//! Change detection: numbers in, verdicts out. Knows nothing of plants, and allocates nothing once constructed.
//!
//! A [`Baseline`] learns what a feature is in its context and turns each value into a standardised residual; a [`Cusum`]
//! adds these up and says when they no longer look like chance; [`calibration`] solves its threshold from the average
//! run length between false alarms.

mod baseline;
mod batch;
pub mod calibration;
mod cusum;
mod normal;

pub use baseline::{Baseline, COVARIATES_MAX, Floor, Residual};
pub use batch::BatchVariance;
pub use cusum::{Cusum, CusumStep, Direction, Shift};
