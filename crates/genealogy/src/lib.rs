//! The history of each part, after the genealogy of ISA-95 / IEC 62264: what was done to it, where, when, with which
//! tool, lot and program, by whom, and what came of it.
//!
//! [`StationLabels`] follows what a station tells besides its measurements. [`PartBook`] gathers the cycles of the parts
//! on the line and closes a [`PartRecord`] when a part leaves it. [`factors`] says what a set of bad parts has in common,
//! and [`CycleMemory`] what the latest bad cycles of a station have.
//!
//! Everything here is bounded: parts on the line by the plant's configuration, the rest by the constants of
//! [`PartCycle`] and [`PartRecord`]. What did not fit is counted in the record.

mod book;
pub mod factors;
mod labels;
mod memory;
mod record;

pub use book::{Closed, PartBook, Rules};
pub use labels::{Labels, StationLabels};
pub use memory::{Common, CycleMemory, Recent, Relation};
pub use record::{Action, Ending, Expectation, IncidentMark, Label, PartCycle, PartRecord, PartValue};
