use crate::board::{StationPoints, tag};
use crate::process::Floor;
use crate::random::{Random, Wander};
use crate::truth::Bound;
use crate::{Fault, PointId};

/// The test and sorting of cells as their modules come in, one cell for each joint.
///
/// A lithium-ion cell rests at 3.7 V half charged, has about 1.2 mΩ at 1 kHz, and less by 1 % for each kelvin. A lot has one
/// class of capacity; a cell that is too far from its lot is rejected, and another takes its place.
pub(super) struct Cells {
    voltage: PointId,
    resistance: PointId,
    class: PointId,
    tested: PointId,
    rejected: PointId,
    random: Random,
    slow: Random,
    charge: Wander,
    counts: (u32, u32),
    lot: Lot,
}

/// The lot that cells are taken from.
struct Lot {
    class: u32,
    left: u32,
}

const CELL_V: f64 = 3.7;
const CELL_MOHM: f64 = 1.2;
/// Scatter of good cells of one lot: voltage, V, and resistance, as a share.
const SCATTER_V: f64 = 0.0025;
const SCATTER: f64 = 0.012;
/// What a cell out of class has less of voltage, V, and more of resistance; the share of them in a bad lot.
const LESS_V: f64 = 0.008;
const MORE: f64 = 0.045;
const OUT_SHARE: f64 = 0.4;
/// From how much below the lot's voltage, V, and above its resistance a cell is rejected.
const REJECT_V: f64 = 0.009;
const REJECT: f64 = 0.045;
/// Of the cells that go into packs, the share that may be of another class.
const OUT_MAX: f64 = 0.25;
const CELLS_PER_LOT: u32 = 1500;
const CLASSES: f64 = 3.0;

impl Cells {
    pub(super) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        let mut slow = Random::new(seed, "lot charge");
        Self {
            voltage: points.measure(
                tag("cell_voltage", "cell.voltage", "Open-circuit voltage of one cell after another"),
                "V",
                (0.0, 5.0),
            ),
            resistance: points.measure(
                tag("cell_resistance", "cell.resistance", "Internal resistance of one cell after another (AC 1 kHz)"),
                "mΩ",
                (0.0, 100.0),
            ),
            class: points.count(tag("cell_class", "cell.class", "Class that the last cell was sorted to")),
            tested: points.count(tag("cells_tested", "cell.tested", "Cells tested for the part so far")),
            rejected: points.count(tag("cells_rejected", "cell.rejected", "Of these rejected")),
            random: Random::new(seed, "cells"),
            charge: Wander::new(0.0015, 5400.0, &mut slow),
            slow,
            counts: (0, 0),
            lot: Lot { class: 2, left: CELLS_PER_LOT },
        }
    }

    pub(super) fn begin(&mut self, floor: &mut Floor<'_>) {
        self.counts = (0, 0);
        floor.board.set_count(self.tested, 0);
        floor.board.set_count(self.rejected, 0);
    }

    pub(super) fn test(&mut self, floor: &mut Floor<'_>) {
        if self.lot.left == 0 {
            self.lot = Lot { class: 1 + self.slow.between(0.0, CLASSES) as u32, left: CELLS_PER_LOT };
        }
        self.lot.left -= 1;
        let bad_share = OUT_SHARE * floor.severity(Fault::CellLot);
        let is_out = self.random.uniform() < bad_share;
        let (less_v, more) = if is_out { (LESS_V, MORE) } else { (0.0, 0.0) };
        let off_v = -less_v + SCATTER_V * self.random.normal();
        let resistance = (1.0 + more) * self.random.factor(SCATTER);
        let warm_k = floor.surroundings.air_c - 22.0;
        floor.within("cells_out_of_class", bad_share, Bound::AtMost(OUT_MAX));

        let is_rejected = off_v < -REJECT_V || resistance > 1.0 + REJECT;
        self.counts = (self.counts.0 + 1, self.counts.1 + u32::from(is_rejected));
        floor.board.set(self.voltage, CELL_V + self.charge.value() + off_v);
        floor.board.set(self.resistance, CELL_MOHM * resistance * libm::exp(-0.01 * warm_k));
        // Cells of less capacity have more resistance.
        floor.board.set_count(self.class, self.lot.class + u32::from(is_out));
        floor.board.set_count(self.tested, self.counts.0);
        floor.board.set_count(self.rejected, self.counts.1);
    }

    pub(super) fn elapse(&mut self, seconds: f64) {
        self.charge.elapse(seconds, &mut self.slow);
    }
}
