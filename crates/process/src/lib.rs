//! What a weld, a tightening, a dispense, a leak test, a coolant loop and a robot cycle is.
//!
//! [`StationModel`] binds the features of a station's kind to the signals that the plant has in the needed roles.
//! [`CycleBuilder`] turns samples into cycles and each cycle into one row of features.

mod coolant_loop;
mod cycle;
mod feature;
mod laser_weld;
mod pack_assembly;
mod robot;
mod spot_weld;
mod station;

pub use cycle::{Around, CycleBuilder, CycleData, Presence, SETTLE_S, WINDOW_S};
pub use feature::{FeatureSpec, Floor, Formula, Quantity};
pub use station::{BoundFeature, StationModel};
