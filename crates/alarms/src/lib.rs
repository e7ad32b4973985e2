//! Incidents: many verdicts with one cause become one incident with a lifecycle.
//!
//! A detector gives a [`Verdict`]: something at a station is not as expected. The [`IncidentBook`] decides whether that
//! is a new incident or more evidence for an open one, ranks the causes, and follows the lifecycle of ISA-18.2: who is told
//! how urgently, and what is not shown because a person or the plant's rules say so.

mod book;
mod change;
mod circumstances;
mod entry;
mod flood;
mod handling;
mod incident;
mod intervention;
mod lifecycle;
mod marks;
mod place;
mod priority;
mod refusal;
mod repeats;
mod shown;
mod verdict;

pub use book::{Ids, IncidentBook, Situation};
pub use change::Change;
pub use circumstances::Circumstances;
pub use handling::{Escalation, Handling, Judged, Judgement, Recipient, Removed, Shelved, Stake, Step, Suppressor};
pub use incident::{Acknowledgement, Incident, IncidentState, RankedCause};
pub use intervention::Intervention;
pub use lifecycle::Changed;
pub use place::Place;
pub use plant::Priority;
pub use refusal::Refusal;
pub use verdict::{Detector, Direction, Evidence, Source, TimeToLimit, Verdict};
