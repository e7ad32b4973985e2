//! What a weld, a tightening, a dispense, a leak test, a coolant loop and a robot cycle is.
//!
//! [`StationModel`] binds the features of a station's kind to the signals that the plant has in the needed roles.
//! [`CycleBuilder`] turns samples into cycles and each cycle into one row of features; where a controller gives the curve
//! of a joint or of a spot, it makes [`Joint`] and [`Spot`] of it.

mod coolant_loop;
mod cycle;
mod feature;
mod joint;
mod laser_weld;
mod pack_assembly;
mod robot;
mod spot;
mod spot_weld;
mod station;
mod trace;

pub use cycle::{Around, CycleBuilder, CycleData, Presence, SETTLE_S, WINDOW_S};
pub use feature::{FeatureSpec, Floor, Formula, Quantity};
pub use joint::{Joint, JointValue};
pub use spot::{Hump, Spot, SpotValue};
pub use station::{BoundFeature, StationModel};
pub use trace::{CurvePoint, CurveValue, TraceLosses};
