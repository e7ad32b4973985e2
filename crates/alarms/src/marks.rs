use plant::{Cause, StationId};
use serde::{Deserialize, Serialize};

/// The most kinds of incident that marks are kept of; the oldest make room.
const MAX: usize = 256;

/// How often people have marked a kind of incident false: that of a cause at a station.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marks {
    marks: Vec<Mark>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mark {
    station: Option<StationId>,
    cause: Cause,
    marked_false: u32,
}

impl Marks {
    /// How often it was marked false since it was last marked true.
    pub(crate) fn marked_false(&self, station: Option<StationId>, cause: Cause) -> u32 {
        let mark = self.marks.iter().find(|mark| (mark.station, mark.cause) == (station, cause));
        mark.map_or(0, |mark| mark.marked_false)
    }

    /// It was marked false once more.
    pub(crate) fn mark_false(&mut self, station: Option<StationId>, cause: Cause) {
        let marked_false = self.marked_false(station, cause).saturating_add(1);
        self.mark_true(station, cause);
        if self.marks.len() == MAX {
            self.marks.remove(0);
        }
        self.marks.push(Mark { station, cause, marked_false });
    }

    /// It was marked true: what was said before no longer counts.
    pub(crate) fn mark_true(&mut self, station: Option<StationId>, cause: Cause) {
        self.marks.retain(|mark| (mark.station, mark.cause) != (station, cause));
    }
}
