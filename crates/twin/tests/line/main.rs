//! The twin of a tiny line.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod clocks;
mod common;
mod forecast;
mod interventions;
mod machine_alarms;
mod parts;
mod properties;
mod sensors;
mod silence;
mod tiny;
