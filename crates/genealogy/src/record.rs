use plant::{Cause, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{IncidentId, InterventionKind, SignalId, Symbol, Timestamp};

use crate::Labels;

/// All that the line knows of a part, from its first cycle to its last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its serial, as its stations read it.
    pub part: Symbol,
    /// Why the record was closed.
    pub ending: Ending,
    /// When it was closed, by the twin's time.
    pub closed: Timestamp,
    /// Its cycles, by begin, then by station; never empty.
    pub cycles: Vec<PartCycle>,
    /// Cycles that did not fit: those before the ones that are kept.
    pub cycles_dropped: u32,
}

/// Why a record was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ending {
    /// The part passed the last station for its variant.
    Left,
    /// It was not seen for so long that it must have left elsewhere: taken out, rejected, or never read again.
    NotSeen,
    /// There was no room for more parts on the line, and it was the one not seen for longest.
    NoRoom,
    /// A cycle that was told after the part's record had been closed; it adds to that.
    Late,
}

impl Ending {
    /// Whether the record may lack what was done to the part after its last cycle.
    pub const fn is_incomplete(self) -> bool {
        matches!(self, Self::NotSeen | Self::NoRoom)
    }
}

/// One cycle of a station on a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartCycle {
    /// The station.
    pub station: StationId,
    /// When it began, by event time.
    pub start: Timestamp,
    /// When it ended, by event time.
    pub end: Timestamp,
    /// The variant, by index into the plant's list, if the station tells.
    pub variant: Option<u16>,
    /// The program that ran, if the station tells.
    pub program: Option<Symbol>,
    /// What the station told besides.
    pub labels: Labels,
    /// What was measured, in the order of the station's features; those of which too little was seen are left out.
    pub values: Vec<PartValue>,
    /// Incidents that stood at the station then, or whose onset turned out to be before the cycle's end.
    pub incidents: Vec<IncidentMark>,
}

/// A value of a cycle, with all that it can be judged by. In the feature's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PartValue {
    /// Index of the feature among the station's.
    pub feature: u16,
    /// The value: of several in one cycle the mean.
    pub value: f64,
    /// The lowest of the cycle; `value` itself where there is only one.
    pub lowest: f64,
    /// The highest of the cycle; `value` itself where there is only one.
    pub highest: f64,
    /// What was expected of the value, if its baseline was known by then.
    pub expected: Option<Expectation>,
    /// Lowest allowed value, if there is one.
    pub low: Option<f64>,
    /// Highest allowed value, if there is one.
    pub high: Option<f64>,
}

/// What was expected of a value in its context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The value that was expected.
    pub value: f64,
    /// How far values usually are from that, one standard deviation.
    pub sigma: f64,
}

/// An incident, as far as a part's record names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentMark {
    /// The incident.
    pub incident: IncidentId,
    /// Its most likely cause, as far as was known when it was noted here.
    pub cause: Cause,
}

/// A text that a signal told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label {
    /// The signal.
    pub signal: SignalId,
    /// What it told.
    pub text: Symbol,
}

/// Something that was done at a station between two parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What was done.
    pub kind: InterventionKind,
    /// The signal, if it concerns only what is measured by that.
    pub signal: Option<SignalId>,
    /// When it was done.
    pub at: Timestamp,
    /// Who reported it, if that may be kept; `None` also if the twin saw it by itself.
    pub by: Option<String>,
    /// What they added, or what the twin saw; may be empty.
    pub comment: String,
}

impl PartRecord {
    /// The most cycles that a record keeps.
    pub const CYCLES_MAX: usize = 256;

    /// The variant, by index into the plant's list: what the last station that tells one told.
    pub fn variant(&self) -> Option<u16> {
        self.cycles.iter().rev().find_map(|cycle| cycle.variant)
    }

    /// Which of the part's cycles at that station the cycle at that place is: 1 for the first, more for rework.
    pub fn attempt(&self, place: usize) -> usize {
        let station = self.cycles.get(place).map(|cycle| cycle.station);
        self.cycles.iter().take(place + 1).filter(|cycle| Some(cycle.station) == station).count()
    }

    /// Whether every value is within its limits; `None` if none has any. Where a station worked on the part more than
    /// once, its last cycle counts.
    pub fn in_limits(&self) -> Option<bool> {
        let is_last = |place: usize, cycle: &PartCycle| {
            self.cycles.iter().skip(place + 1).all(|later| later.station != cycle.station)
        };
        let counting = self.cycles.iter().enumerate().filter(|&(place, cycle)| is_last(place, cycle));
        counting.filter_map(|(_, cycle)| cycle.in_limits()).reduce(|all, cycle| all && cycle)
    }
}

impl PartCycle {
    /// The most incidents that a cycle keeps.
    pub const INCIDENTS_MAX: usize = 16;

    /// Notes an incident, once.
    pub(crate) fn mark(&mut self, mark: IncidentMark) {
        let is_known = self.incidents.iter().any(|known| known.incident == mark.incident);
        if !is_known && self.incidents.len() < Self::INCIDENTS_MAX {
            self.incidents.push(mark);
        }
    }

    /// Whether every value is within its limits; `None` if none has any.
    pub fn in_limits(&self) -> Option<bool> {
        self.values.iter().filter_map(PartValue::in_limits).reduce(|all, value| all && value)
    }
}

impl PartValue {
    /// Whether all that was measured in the cycle is within the limits; `None` if there are none.
    pub fn in_limits(&self) -> Option<bool> {
        let is_limited = self.low.is_some() || self.high.is_some();
        let is_within =
            self.low.is_none_or(|low| self.lowest >= low) && self.high.is_none_or(|high| self.highest <= high);
        is_limited.then_some(is_within)
    }
}
