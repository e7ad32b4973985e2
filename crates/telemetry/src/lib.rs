//! Signals, values, quality, time and inputs: the alphabet of the log.
//!
//! Everything that can change the twin is an [`Input`]. A shell stamps each input with a sequence number and the time
//! it was received; from there on nothing reads a clock. The same inputs give the same outputs on every machine.
//!
//! The types are serialisable for the twin's snapshot only, which is a cache of the log and is discarded when the
//! program changes. Recordings, the API and MQTT have versioned types of their own.

mod input;
mod intervention;
mod quality;
mod time;
mod value;

pub use input::{
    Command, CommandAction, Event, IncidentAction, IncidentId, Input, LinkState, NotAnIncidentId, Sample, SampleBatch,
    Shelf,
};
pub use intervention::InterventionKind;
pub use quality::{Quality, Reason};
pub use time::{NANOS_PER_SECOND, Timestamp};
pub use value::{Symbol, SymbolTooLong, Value};

use serde::{Deserialize, Serialize};

/// A signal of the configured plant: dense from 0, in the stable order that the plant model assigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignalId(pub u32);

/// A link to the outside (one PLC, one OPC UA server, one broker): dense from 0, in the plant model's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkId(pub u16);

impl SignalId {
    /// The id as an index into the plant's list of signals.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl LinkId {
    /// The id as an index into the plant's list of links.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
