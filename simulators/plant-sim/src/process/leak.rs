use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Lots, Process};
use crate::random::Random;
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Leak test of the pack's housing by pressure decay, flow test of its cold plate, and filling of its coolant.
///
/// The reading is the leak itself, what the air loses as the part cools (`Δp = p·ΔT/T`, the gas law), and the tester's
/// own error. A part whose reading is above the limit leaves the line, rightly or not.
pub(crate) struct LeakTest {
    pressure_drop: PointId,
    temperature: PointId,
    plate: PlatePoints,
    random: Random,
    coolant: Random,
    variant: Variant,
    part_c: f64,
    passed: bool,
    lots: Lots,
}

struct PlatePoints {
    lot: PointId,
    flow: PointId,
    pressure_drop: PointId,
    fill_mass: PointId,
    fill_vacuum: PointId,
}

/// Packs that a bundle of cold plates lasts for.
const PACKS_PER_BUNDLE: u32 = 80;
/// Flow of the cold plate's test, l/min; what the plate takes there, mbar, what it may, and what flux in it adds.
const PLATE_L_MIN: f64 = 10.0;
const PLATE_MBAR: f64 = 200.0;
const PLATE_MAX_MBAR: f64 = 250.0;
const BLOCKED: f64 = 0.3;
const VACUUM_MBAR: f64 = 12.0;
const TEST_PA_ABSOLUTE: f64 = 130_000.0;
const TEST_S: f64 = 12.0;
/// How fast a part takes the hall's temperature, seconds.
const COOLING_TIME_CONSTANT_S: f64 = 1800.0;
const USUAL_LEAK_PA: f64 = 14.0;
const LIMIT_PA: f64 = 60.0;
/// One part in so many has a real leak: a pinched seal.
const GROSS_LEAK_SHARE: f64 = 0.0015;
/// The error of a tester that drifts fully, and what a gauge study would still accept (a quarter of the limit).
const DRIFT_PA: f64 = 38.0;
const ERROR_MAX_PA: f64 = 15.0;

impl LeakTest {
    pub(crate) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        Self {
            pressure_drop: points.measure(
                tag("pressure_drop", "leak.pressure_drop", "Pressure lost in the last test"),
                "Pa",
                (-50.0, 1000.0),
            ),
            temperature: points.measure(
                tag("temperature", "leak.temperature", "Temperature of the part in the last test"),
                "°C",
                (-20.0, 80.0),
            ),
            plate: PlatePoints {
                flow: points.measure(
                    tag("plate_flow", "coldplate.flow", "Flow in the last test of a cold plate"),
                    "l/min",
                    (0.0, 40.0),
                ),
                pressure_drop: points.measure(
                    tag("plate_pressure_drop", "coldplate.pressure_drop", "Pressure lost in the last cold plate"),
                    "mbar",
                    (0.0, 1000.0),
                ),
                fill_mass: points.measure(
                    tag("fill_mass", "fill.mass", "Coolant filled into the last pack"),
                    "g",
                    (0.0, 20_000.0),
                ),
                fill_vacuum: points.measure(
                    tag("fill_vacuum", "fill.vacuum", "Absolute pressure before the last filling"),
                    "mbar",
                    (0.0, 1100.0),
                ),
                lot: points.text(tag("plate_lot", "material.lot", "Lot of the cold plate by its label")),
            },
            lots: Lots::new("CP", 101, PACKS_PER_BUNDLE),
            random: Random::new(seed, "leak tests"),
            coolant: Random::new(seed, "coolant fills"),
            variant: Variant::EvStd,
            part_c: 22.0,
            passed: true,
        }
    }
}

impl Process for LeakTest {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.variant = part.variant;
        self.part_c = floor.surroundings.air_c + 1.5 + 0.4 * self.random.normal();
        self.passed = true;
        floor.board.set_text(self.plate.lot, self.lots.take(floor.severity(Fault::BlockedColdPlates) > 0.0));
        let nominal_s = match self.variant {
            Variant::EvLong => 42.0,
            Variant::EvCity => 40.0,
            Variant::EvStd | Variant::Ice => 41.0,
        };
        Cycle { length_s: nominal_s * self.random.factor(0.006), operations: 1 }
    }

    fn operate(&mut self, _index: u32, floor: &mut Floor<'_>) {
        // A larger volume loses less pressure for the same leak.
        let volume = match self.variant {
            Variant::EvLong => 0.88,
            Variant::EvCity => 1.14,
            Variant::EvStd | Variant::Ice => 1.0,
        };
        let usual_pa = USUAL_LEAK_PA * volume * self.random.factor(0.25);
        let (is_gross, gross_pa) = (self.random.uniform() < GROSS_LEAK_SHARE, self.random.between(70.0, 400.0));
        let leak_pa = if is_gross { gross_pa } else { usual_pa };
        let cooled_k = (self.part_c - floor.surroundings.air_c) * TEST_S / COOLING_TIME_CONSTANT_S;
        let thermal_pa = TEST_PA_ABSOLUTE * cooled_k / (self.part_c + 273.15);
        let error_pa = DRIFT_PA * floor.severity(Fault::LeakTesterDrift);
        let reading_pa = leak_pa + thermal_pa + error_pa + 1.5 * self.random.normal();

        floor.require("leak_pa", leak_pa, Bound::AtMost(LIMIT_PA));
        floor.within("leak_tester_error_pa", error_pa, Bound::AtMost(ERROR_MAX_PA));
        self.passed = reading_pa <= LIMIT_PA;
        if !self.passed {
            floor.spoilt.get_or_insert("leak_reading_pa");
        }
        floor.board.set(self.temperature, self.part_c + 0.05 * self.random.normal());
        floor.board.set(self.pressure_drop, reading_pa);
        self.fill(floor);
    }

    fn passed(&self) -> bool {
        self.passed
    }
}

impl LeakTest {
    fn fill(&mut self, floor: &mut Floor<'_>) {
        let flow_l_min = PLATE_L_MIN * self.coolant.factor(0.01);
        let blocked = 1.0 + BLOCKED * floor.severity(Fault::BlockedColdPlates);
        let nominal_mbar = PLATE_MBAR * blocked * self.coolant.factor(0.012);
        floor.within("cold_plate_mbar", nominal_mbar, Bound::AtMost(PLATE_MAX_MBAR));
        let nominal_g = match self.variant {
            Variant::EvLong => 6100.0,
            Variant::EvCity => 4300.0,
            Variant::EvStd | Variant::Ice => 5200.0,
        };
        let mass_g = nominal_g * self.coolant.factor(0.002);
        floor.board.set(self.plate.flow, flow_l_min);
        floor.board.set(self.plate.pressure_drop, nominal_mbar * libm::pow(flow_l_min / PLATE_L_MIN, 1.8));
        floor.board.set(self.plate.fill_mass, mass_g);
        floor.board.set(self.plate.fill_vacuum, VACUUM_MBAR * self.coolant.factor(0.06));
    }
}
