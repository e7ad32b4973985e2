//! Thresholds solved from the run length between false alarms.
//!
//! All run lengths are in observations, all values in standard deviations.

mod chain;
mod cusum;
mod focus;
mod markov;
pub(crate) mod quadrature;
mod spread;

pub use cusum::{cusum_arl, cusum_arl_one_sided, cusum_threshold};
pub use focus::{Observations, focus_arl, focus_threshold};
pub use markov::cusum_arl_any;
pub use spread::{spread_arl, spread_threshold};
