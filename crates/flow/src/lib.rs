//! Machine states: what a station is doing, and since when.

mod state;

pub use state::{StateWatch, StationState};
