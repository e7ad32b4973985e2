//! Thresholds solved from the run length between false alarms.
//!
//! All run lengths are in observations, all values in standard deviations.

mod chain;
mod counts;
mod cusum;
mod estimated;
mod ewma;
mod focus;
mod markov;
mod mean_margin;
mod multivariate;
mod quadrature;
mod runs_rules;
mod shewhart;
mod spread;

pub(crate) use chain::Chain;
pub use counts::InControlRate;
pub(crate) use counts::{CountDesign, CountLaw};
pub use cusum::{
    cusum_arl, cusum_arl_from, cusum_arl_moving, cusum_arl_one_sided, cusum_arl_one_sided_from, cusum_arl_steady_state,
    cusum_threshold,
};
pub use estimated::{
    cusum_fir_threshold_estimated, cusum_threshold_estimated, ewma_limit_estimated, shewhart_limit_estimated,
};
pub use ewma::{ewma_arl, ewma_arl_moving, ewma_limit};
pub use focus::{Observations, focus_arl, focus_threshold};
pub use markov::cusum_arl_any;
pub use mean_margin::mean_margin;
pub use multivariate::{hotelling_arl, hotelling_limit_known, hotelling_limit_phase_one, hotelling_limit_phase_two};
pub(crate) use quadrature::gauss_legendre;
pub use runs_rules::{NELSON_ARL, runs_rules_arl};
pub use shewhart::{shewhart_arl, shewhart_arl_moving, shewhart_limit, shewhart_sdrl, shewhart_signal_probability};
pub use spread::{spread_arl, spread_threshold};
