use serde::{Deserialize, Serialize};

/// What is in the line when a run begins, by place. The default is an empty line that is up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Start {
    /// As many as the line has places; a place without one is empty.
    pub places: Vec<PlaceStart>,
}

/// What is in a place when a run begins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PlaceStart {
    /// Its parts, the one that leaves first first; a station has one at most.
    pub parts: Vec<PartStart>,
    /// For how long the station has been stopped, s; `None` if it is not.
    pub down_s: Option<f64>,
}

/// A part that is in the line when a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PartStart {
    /// Its variant; drawn by chance if not known.
    pub variant: Option<usize>,
    /// How far it is.
    pub progress: Progress,
}

/// How far a part is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Progress {
    /// Not begun: just taken in. In a buffer: waits.
    Waiting,
    /// Worked on for so long, stops not counted, s.
    Working {
        /// See above.
        worked_s: f64,
    },
    /// Done, and waits for the next place.
    Done,
}

impl Start {
    pub(crate) fn at(&self, place: usize) -> &PlaceStart {
        const EMPTY: &PlaceStart = &PlaceStart { parts: Vec::new(), down_s: None };
        self.places.get(place).unwrap_or(EMPTY)
    }
}
