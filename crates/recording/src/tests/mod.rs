#![allow(clippy::unwrap_used)]

mod closed;
mod damage;
pub(crate) mod inputs;
mod power_cut;
mod round_trip;
