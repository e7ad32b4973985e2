//! Thresholds solved from the run length between false alarms.
//!
//! All run lengths are in observations, all values in standard deviations.

mod cusum;
mod markov;
mod quadrature;

pub use cusum::{cusum_arl, cusum_arl_one_sided, cusum_threshold};
pub use markov::cusum_arl_any;
