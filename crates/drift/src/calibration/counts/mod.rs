//! Charts of counts and proportions, built from the rate in control and the multiple of it that is to be found soonest.

mod lattice;
mod law;

pub(crate) use lattice::{Lattice, Solved};
pub(crate) use law::CountLaw;
pub use law::InControlRate;
use serde::{Deserialize, Serialize};

use crate::Direction;

/// A count CUSUM whose threshold is solved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct CountDesign {
    pub(crate) law: CountLaw,
    /// The rate in control that it is built for, events per observation.
    pub(crate) rate: f64,
    pub(crate) lattice: Lattice,
    pub(crate) solved: Solved,
}

impl CountDesign {
    /// A chart that finds `multiple` times the rate soonest (upward if that is more than 1, else downward) and gives a
    /// false alarm once in `run_length` observations or less often. `None` if there is no such chart: a rate or multiple
    /// that cannot be, or a run length beyond what can be solved.
    pub(crate) fn new(law: CountLaw, in_control: InControlRate, multiple: f64, run_length: f64) -> Option<Self> {
        let direction = if multiple > 1.0 { Direction::Up } else { Direction::Down };
        let rate = in_control.guarded(law, direction)?;
        let shifted = rate * multiple;
        if !law.admits(shifted) || shifted == rate || !run_length.is_finite() {
            return None;
        }
        let reference = law.reference(rate, shifted);
        // Rounded so little that the sum still falls in control and rises after the shift; the run length is that of the
        // rounded reference value, so nothing but a little speed is lost.
        let tolerance = 0.1 * (reference - rate).abs().min((shifted - reference).abs());
        let lattice = Lattice::new(direction, reference, tolerance)?;
        let solved = lattice.threshold(|count| law.probability(rate, count), run_length)?;
        Some(Self { law, rate, lattice, solved })
    }
}
