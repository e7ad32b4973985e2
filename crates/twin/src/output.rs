use alarms::{Change, Incident, Intervention};
use flow::{ShiftReport, StationState};
use genealogy::PartRecord;
use plant::StationId;
use telemetry::{Command, Symbol, Timestamp};

/// One entry of the output log.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// An incident changed.
    Incident {
        /// How.
        change: Change,
        /// The incident after the change.
        incident: Box<Incident>,
    },
    /// A station began to do something else.
    Station {
        /// The station.
        station: StationId,
        /// What it does now.
        state: StationState,
        /// Since when, by event time.
        at: Timestamp,
    },
    /// A cycle, or a window of a station without cycles, is complete.
    Cycle(Cycle),
    /// A shift has ended.
    Shift(Box<ShiftReport>),
    /// Something was done at a station, as an operator reported or the twin saw.
    Intervention(Intervention),
    /// What came of an operator's command; what it did stands before it.
    Command {
        /// The command.
        command: Command,
        /// Why it was not carried out; `None` if it was.
        refused: Option<String>,
    },
    /// A part has left the line, or was given up: all that was done to it.
    Part(Box<PartRecord>),
}

/// What one cycle came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// The station.
    pub station: StationId,
    /// The part, if known.
    pub part: Option<Symbol>,
    /// The variant, by index into the plant's list, if known.
    pub variant: Option<usize>,
    /// When it began, by event time.
    pub start: Timestamp,
    /// When it ended, by event time.
    pub end: Timestamp,
    /// Its features, in the process model's order; `None` where too little was seen.
    pub features: Vec<Option<f64>>,
}

/// The outputs of one input, in order.
pub type Outputs = Vec<Output>;
