#![allow(clippy::unwrap_used)]

mod closed;
mod damage;
pub(crate) mod inputs;
mod kill;
mod power_cut;
mod round_trip;
