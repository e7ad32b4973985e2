//! The deterministic core: one input in, outputs out.
//!
//! [`Twin::apply`] takes an input of the log and appends what follows from it. Live, replay, backtest and every test are
//! this one code path.

mod circumstances;
mod clocks;
mod detect;
mod feature;
mod flow;
mod forecast;
mod incidents;
mod intervention;
mod links;
mod machine;
mod model;
mod output;
mod parts;
mod sensor;
mod silence;
mod snapshot;
mod station;
mod twin;
mod view;

pub use output::{Cycle, Output, Outputs};
pub use snapshot::SnapshotError;
pub use twin::Twin;
pub use view::{ClockOff, Counts, FeatureView, LineView, LinkView, StationView};
