//! Thresholds solved from the run length between false alarms.
//!
//! All run lengths are in observations, all values in standard deviations.

mod bisection;
mod chain;
mod cusum;
mod markov;
mod quadrature;

pub use cusum::{
    cusum_arl, cusum_arl_from, cusum_arl_moving, cusum_arl_one_sided, cusum_arl_one_sided_from, cusum_arl_steady_state,
    cusum_threshold,
};
pub use markov::cusum_arl_any;
