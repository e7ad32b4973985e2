//! What is normal: expectations that are learnt, and how far a value is from them.

mod baseline;
mod batch;
mod scorer;
mod season;
mod shape;
mod trend;
mod wander;
mod whitening;

pub use baseline::{Baseline, COVARIATES_MAX, Residual};
pub(crate) use batch::BatchVariance;
pub(crate) use scorer::{Scorer, Suspicion};
pub use season::Season;
pub use shape::Shape;
pub use trend::{Slope, TimeTo, Trend};
pub(crate) use wander::Wander;
pub use whitening::Whitener;
