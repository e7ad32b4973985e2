//! Sensor health: whether a signal can be believed at all. One watch for each way in which sensors fail; each states the
//! chance of its false alarms.

mod dropout;
mod peer_drift;
mod rare_events;
mod spike;
mod stuck;

pub use dropout::Dropout;
pub use peer_drift::{PeerDrift, PeerShift, Suspect};
pub use rare_events::RareEvents;
pub use spike::{Spike, SpikeStep};
pub use stuck::Stuck;

/// A way in which a sensor fails, as a watch has found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The statistic of the watch, in the unit of its threshold.
    pub statistic: f64,
    /// The threshold that it crossed.
    pub threshold: f64,
    /// The mark of the observation that it is estimated to begin with.
    pub onset_mark: i64,
}
