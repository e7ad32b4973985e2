//! What charts say of a row, and what becomes of it.

use std::fmt;

use drift::{Direction, Rule, Shift, Step};
use telemetry::Timestamp;

/// Where an alarm can be. A source has one alarm at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// One of the charts of the column at that place among those that are watched.
    Column { place: usize, chart: usize },
    /// All columns together.
    Rows,
}

/// What a chart makes of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sign {
    pub(super) source: Source,
    /// The column that shows it; of all columns together, that which shows it most.
    pub(super) place: usize,
    pub(super) what: What,
    pub(super) step: Step,
}

/// What a shift is one of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    /// The mean, in standard deviations.
    Mean,
    /// The spread, which became so many times as wide.
    Spread,
    /// The mean, in standard deviations, by one of the rules for Shewhart charts.
    Rule(Rule),
    /// The rate of events, in standard deviations of one count.
    Rate,
    /// The mean, in the column's unit.
    Average,
    /// What never varied, in the column's unit.
    Constant,
    /// A row, by its distance from the training rows in standard deviations.
    Distance,
    /// A row, by its distance from the principal components, as a multiple of what is allowed.
    Residual,
}

/// An alarm begins or ends, or a change point is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) happening: Happening,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Happening {
    Begins(Source, Finding),
    Ends(Source),
    Changes(Finding),
}

/// What was found, in which column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finding {
    pub(super) place: usize,
    pub(super) what: What,
    pub(super) shift: Shift,
}

impl Finding {
    pub(super) fn onset(&self) -> Timestamp {
        Timestamp::from_nanos(self.shift.onset_mark)
    }
}

/// In words, such as `up by 2.1 standard deviations`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shift { direction, size, statistic, .. } = self.shift;
        let direction = match direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        match self.what {
            What::Mean => write!(f, "{direction} by {size:.1} standard deviations"),
            What::Spread => write!(f, "spread {size:.1} times as wide"),
            What::Rule(rule) => write!(f, "{direction} by {size:.1} standard deviations, {rule}"),
            What::Rate => write!(f, "rate {direction} by {size:.1} standard deviations"),
            What::Average => write!(f, "mean {direction} by at least {size:.4}"),
            What::Constant => write!(f, "{direction} by {size:.4}, had never varied,"),
            What::Distance => write!(f, "most of a distance of {size:.1} standard deviations"),
            What::Residual => {
                write!(f, "most of a departure from how columns go together, {statistic:.1} times the limit,")
            }
        }
    }
}
