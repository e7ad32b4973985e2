//! Machine states: what a station is doing, and since when; and how parts flow through the line.

pub mod line;
mod state;

pub use state::{StateWatch, StationState};
