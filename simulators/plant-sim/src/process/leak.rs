use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::Random;
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Leak test of the pack's housing by pressure decay.
///
/// The reading is the leak itself, what the air loses as the part cools (`Δp = p·ΔT/T`, the gas law), and the tester's
/// own error. A part whose reading is above the limit leaves the line, rightly or not.
pub(crate) struct LeakTest {
    pressure_drop: PointId,
    temperature: PointId,
    random: Random,
    long: bool,
    part_c: f64,
    passed: bool,
}

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
            random: Random::new(seed, "leak tests"),
            long: false,
            part_c: 22.0,
            passed: true,
        }
    }
}

impl Process for LeakTest {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.long = part.variant == Variant::EvLong;
        self.part_c = floor.surroundings.air_c + 1.5 + 0.4 * self.random.normal();
        self.passed = true;
        let nominal_s = if self.long { 42.0 } else { 41.0 };
        Cycle { length_s: nominal_s * self.random.factor(0.006), operations: 1 }
    }

    fn operate(&mut self, _index: u32, floor: &mut Floor<'_>) {
        // A larger volume loses less pressure for the same leak.
        let volume = if self.long { 0.88 } else { 1.0 };
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
    }

    fn passed(&self) -> bool {
        self.passed
    }
}
