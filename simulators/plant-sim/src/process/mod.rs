//! The processes of the cycling stations: what happens to a part, and what the devices show of it.

mod cells;
mod dispense;
mod eol;
mod joint;
mod laser;
mod leak;
mod lot;
mod robot;
mod tighten;
mod weld;

pub(crate) use dispense::Dispense;
pub(crate) use eol::EndOfLine;
pub(crate) use laser::LaserWeld;
pub(crate) use leak::LeakTest;
pub(crate) use lot::Lots;
pub(crate) use robot::{Job, Robot};
pub(crate) use tighten::Tighten;
pub(crate) use weld::SpotWeld;

use crate::Fault;
use crate::board::Board;
use crate::fault::Faults;
use crate::truth::{Bound, Truth, TruthLog};
use crate::variant::Part;

/// What one station does to the parts.
///
/// A cycle is a number of operations spread evenly over it (spots, seams, joints …); each updates what the devices show.
pub(crate) trait Process: Send {
    /// Takes on a part.
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle;

    /// Carries out operation `index` of the cycle, from 0.
    fn operate(&mut self, index: u32, floor: &mut Floor<'_>);

    /// Lets time pass, with or without a part.
    fn elapse(&mut self, _seconds: f64, _floor: &mut Floor<'_>) {}

    /// Heat given to the cooling loop, W.
    fn heat_w(&self) -> f64 {
        0.0
    }

    /// Whether the station found the part good; a part that it found bad leaves the line here.
    fn passed(&self) -> bool {
        true
    }

    /// A new version of its programs is loaded; nothing changes where there are none.
    fn load_programs(&mut self) {}

    /// Seconds of service that the tool needs before the next part.
    fn service_s(&mut self, _floor: &mut Floor<'_>) -> f64 {
        0.0
    }
}

/// How a cycle will go if nothing stops it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cycle {
    pub(crate) length_s: f64,
    pub(crate) operations: u32,
}

impl Cycle {
    /// The end of the last operation, as a share of the cycle. What remains is for clamps and hand-shakes.
    const LAST_OPERATION: f64 = 0.95;

    /// How many operations are over after `progress_s` of work.
    pub(crate) fn operations_over(self, progress_s: f64) -> u32 {
        let share = progress_s / (self.length_s * Self::LAST_OPERATION);
        ((share * f64::from(self.operations)) as u32).min(self.operations)
    }
}

/// What a station finds around itself in a step.
pub(crate) struct Floor<'a> {
    pub(crate) board: &'a mut Board,
    pub(crate) truth: &'a mut TruthLog,
    pub(crate) faults: Faults<'a>,
    pub(crate) surroundings: Surroundings,
    pub(crate) station: &'static str,
    /// Whether people have a break: no station begins work on a part.
    pub(crate) is_break: bool,
    /// The first quantity of the part that was found out of limits, in this step.
    pub(crate) spoilt: Option<&'static str>,
}

/// Air and cooling water.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// Air, °C.
    pub(crate) air_c: f64,
    /// Cooling water that the loop delivers, °C.
    pub(crate) water_c: f64,
    /// Flow of the cooling loop, as a share of its nominal.
    pub(crate) water_flow: f64,
}

impl Floor<'_> {
    /// The size of a fault here, 0 (not there) to 1 (full).
    pub(crate) fn severity(&self, fault: Fault) -> f64 {
        self.faults.severity(fault, self.station)
    }

    pub(crate) fn tell(&mut self, what: Truth) {
        self.truth.tell(self.faults.now, what);
    }

    /// Whether a true quantity is within its bound; the ground truth is told if not.
    pub(crate) fn within(&mut self, quantity: &'static str, value: f64, bound: Bound) -> bool {
        self.truth.within(self.faults.now, self.station, quantity, value, bound)
    }

    /// Spoils the part if a true quantity of it is out of bounds.
    pub(crate) fn require(&mut self, quantity: &'static str, value: f64, bound: Bound) {
        if !self.within(quantity, value, bound) {
            self.spoilt.get_or_insert(quantity);
        }
    }
}
