//! Incidents: many verdicts with one cause become one incident with a lifecycle.
//!
//! A detector gives a [`Verdict`]: something at a station is not as expected. The [`IncidentBook`] decides whether that
//! is a new incident or more evidence for an open one, ranks the causes, and follows the lifecycle of ISA-18.2.

mod book;
mod circumstances;
mod incident;
mod intervention;
mod verdict;

pub use book::{Change, IncidentBook, NoSuchIncident};
pub use circumstances::Circumstances;
pub use incident::{Acknowledgement, Incident, IncidentState, Priority, RankedCause};
pub use intervention::Intervention;
pub use verdict::{Detector, Direction, Evidence, Source, TimeToLimit, Verdict};
