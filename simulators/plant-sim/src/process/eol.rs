use crate::PointId;
use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::{Random, Wander};
use crate::truth::Bound;
use crate::variant::{Part, Variant};

/// Electrical end-of-line test of the pack: insulation, open-circuit voltage, internal resistance.
///
/// 96 or 108 cells in series at 3.7 V; insulation is log-normal around a few gigaohms, far above the 500 Ω/V of
/// ISO 6469-3; the cells' resistance falls by about 1 % per kelvin.
pub(crate) struct EndOfLine {
    insulation: PointId,
    voltage: PointId,
    resistance: PointId,
    random: Random,
    slow: Random,
    long: bool,
    charge: Wander,
    passed: bool,
}

const INSULATION_MOHM: f64 = 3000.0;
const INSULATION_MIN_MOHM: f64 = 500.0;

impl EndOfLine {
    pub(crate) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        let mut slow = Random::new(seed, "cell charge");
        Self {
            insulation: points.measure(
                tag("insulation", "eol.insulation", "Insulation resistance of the last pack"),
                "MΩ",
                (0.0, 20_000.0),
            ),
            voltage: points.measure(
                tag("voltage", "eol.voltage", "Open-circuit voltage of the last pack"),
                "V",
                (0.0, 1000.0),
            ),
            resistance: points.measure(
                tag("resistance", "eol.resistance", "Internal resistance of the last pack"),
                "mΩ",
                (0.0, 500.0),
            ),
            random: Random::new(seed, "end-of-line tests"),
            long: false,
            charge: Wander::new(0.4, 3600.0, &mut slow),
            passed: true,
            slow,
        }
    }
}

impl Process for EndOfLine {
    fn begin(&mut self, part: Part, _floor: &mut Floor<'_>) -> Cycle {
        self.long = part.variant == Variant::EvLong;
        self.passed = true;
        let nominal_s = if self.long { 39.5 } else { 38.0 };
        Cycle { length_s: nominal_s * self.random.factor(0.008), operations: 1 }
    }

    fn operate(&mut self, _index: u32, floor: &mut Floor<'_>) {
        let (nominal_v, nominal_mohm) = if self.long { (108.0 * 3.7, 64.0) } else { (96.0 * 3.7, 58.0) };
        let insulation_mohm = INSULATION_MOHM * self.random.factor(0.35);
        let voltage_v = nominal_v + self.charge.value() + 0.5 * self.random.normal();
        let warm_k = floor.surroundings.air_c - 22.0;
        let resistance_mohm = nominal_mohm * libm::exp(-0.01 * warm_k) * self.random.factor(0.01);
        floor.require("insulation_mohm", insulation_mohm, Bound::AtLeast(INSULATION_MIN_MOHM));
        self.passed = insulation_mohm >= INSULATION_MIN_MOHM;
        floor.board.set(self.insulation, insulation_mohm);
        floor.board.set(self.voltage, voltage_v);
        floor.board.set(self.resistance, resistance_mohm);
    }

    fn elapse(&mut self, seconds: f64, _floor: &mut Floor<'_>) {
        self.charge.elapse(seconds, &mut self.slow);
    }

    fn passed(&self) -> bool {
        self.passed
    }
}
