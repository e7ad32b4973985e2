use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Lots, Process};
use crate::random::{Random, Wander};
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Electrical end-of-line test of the pack: each module's voltage and resistance over its controller, then insulation,
/// open-circuit voltage and internal resistance of the whole.
///
/// 72, 96 or 108 cells in series at 3.7 V; insulation is log-normal around a few gigaohms, far above the 500 Ω/V of
/// ISO 6469-3; the cells' resistance falls by about 1 % per kelvin.
pub(crate) struct EndOfLine {
    insulation: PointId,
    voltage: PointId,
    resistance: PointId,
    module_voltage: PointId,
    module_resistance: PointId,
    modules: Random,
    random: Random,
    slow: Random,
    variant: Variant,
    charge: Wander,
    passed: bool,
    module_lot: PointId,
    lots: Lots,
}

/// Packs that a delivery of modules lasts for.
const PACKS_PER_DELIVERY: u32 = 110;
/// Cells in a module, resistance of one, mΩ, and what an older module has less of voltage, V, and more of resistance.
const CELLS_PER_MODULE: f64 = 12.0;
const MODULE_MOHM: f64 = 7.2;
const OLDER_V: f64 = 0.14;
const OLDER_RESISTANCE: f64 = 0.08;
/// The share of older modules where they are mixed in.
const OLDER_SHARE: f64 = 0.3;
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
            module_voltage: points.measure(
                tag("module_voltage", "module.voltage", "Open-circuit voltage of one module after another"),
                "V",
                (0.0, 100.0),
            ),
            module_resistance: points.measure(
                tag("module_resistance", "module.resistance", "Internal resistance of one module after another"),
                "mΩ",
                (0.0, 100.0),
            ),
            modules: Random::new(seed, "modules"),
            random: Random::new(seed, "end-of-line tests"),
            variant: Variant::EvStd,
            charge: Wander::new(0.4, 3600.0, &mut slow),
            passed: true,
            module_lot: points.text(tag("module_lot", "material.lot", "Lot of the pack's modules by their labels")),
            lots: Lots::new("ML", 501, PACKS_PER_DELIVERY),
            slow,
        }
    }
}

impl Process for EndOfLine {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.variant = part.variant;
        self.passed = true;
        floor.board.set_text(self.module_lot, self.lots.take(floor.severity(Fault::MixedModules) > 0.0));
        let nominal_s = match self.variant {
            Variant::EvLong => 39.5,
            Variant::EvCity => 36.5,
            Variant::EvStd | Variant::Ice => 38.0,
        };
        Cycle { length_s: nominal_s * self.random.factor(0.008), operations: self.module_count() + 1 }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        if index < self.module_count() {
            return self.measure_module(floor);
        }
        let nominal_v = CELLS_PER_MODULE * 3.7 * f64::from(self.module_count());
        let nominal_mohm = match self.variant {
            Variant::EvLong => 64.0,
            Variant::EvCity => 44.0,
            Variant::EvStd | Variant::Ice => 58.0,
        };
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

impl EndOfLine {
    fn module_count(&self) -> u32 {
        match self.variant {
            Variant::EvLong => 9,
            Variant::EvCity => 6,
            Variant::EvStd | Variant::Ice => 8,
        }
    }

    fn measure_module(&mut self, floor: &mut Floor<'_>) {
        let is_older = self.modules.uniform() < OLDER_SHARE * floor.severity(Fault::MixedModules);
        let (less_v, more) = if is_older { (OLDER_V, OLDER_RESISTANCE) } else { (0.0, 0.0) };
        let charge_v = self.charge.value() / f64::from(self.module_count());
        let warm_k = floor.surroundings.air_c - 22.0;
        let voltage_v = CELLS_PER_MODULE * 3.7 + charge_v - less_v + 0.02 * self.modules.normal();
        let resistance_mohm = MODULE_MOHM * (1.0 + more) * libm::exp(-0.01 * warm_k) * self.modules.factor(0.01);
        floor.board.set(self.module_voltage, voltage_v);
        floor.board.set(self.module_resistance, resistance_mohm);
    }
}
