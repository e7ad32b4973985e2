//! What is normal: expectations that are learnt, and how far a value is from them.

mod baseline;
mod batch;

pub use baseline::{Baseline, COVARIATES_MAX, Floor, Residual};
pub use batch::BatchVariance;
