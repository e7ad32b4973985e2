use crate::board::{StationPoints, symbol, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::{Random, Wander};
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Dispensing of thermal gap filler with a metering pump.
///
/// The pressure before the nozzle follows Hagen and Poiseuille, with the fourth power of the nozzle's diameter; the
/// filler thins by about 2 % per kelvin, and lags the hall's temperature; the pump slips in proportion to pressure.
pub(crate) struct Dispense {
    mass: PointId,
    pressure: PointId,
    temperature: PointId,
    time: PointId,
    drum: PointId,
    /// Parts filled so far.
    parts: u32,
    random: Random,
    slow: Random,
    sensors: Random,
    variant: Variant,
    filler_c: Option<f64>,
    batch: Wander,
    pressure_bar: f64,
}

const NOMINAL_BAR: f64 = 40.0;
const THINNING_PER_K: f64 = 0.02;
/// What a full clog takes of the nozzle's diameter.
const CLOG: f64 = 0.14;
/// What the pump loses of its flow at the nominal pressure.
const SLIP: f64 = 0.05;
const GRAMS_PER_S: f64 = 20.0;
const FILLER_TIME_CONSTANT_S: f64 = 7200.0;
/// Bead segments, each with its own pressure; the mass is weighed after the last.
const SEGMENTS: u32 = 5;
/// Parts that a drum of filler lasts for.
const PARTS_PER_DRUM: u32 = 75;

impl Dispense {
    pub(crate) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        let mut slow = Random::new(seed, "filler");
        Self {
            mass: points.measure(tag("mass", "dispense.mass", "Gap filler put on the last part"), "g", (0.0, 1000.0)),
            pressure: points.measure(
                tag("pressure", "dispense.pressure", "Pressure before the nozzle in the last bead segment"),
                "bar",
                (0.0, 160.0),
            ),
            temperature: points.measure(
                tag("temperature", "dispense.temperature", "Temperature of the filler before the nozzle"),
                "°C",
                (-20.0, 80.0),
            ),
            time: points.measure(tag("time", "dispense.time", "Time of the flow on the last part"), "s", (0.0, 300.0)),
            drum: points.text(tag("batch", "material.lot", "Batch of the gap filler in the pump")),
            parts: 0,
            random: Random::new(seed, "dispense beads"),
            sensors: Random::new(seed, "dispense sensors"),
            variant: Variant::EvStd,
            filler_c: None,
            batch: Wander::new(0.012, 5400.0, &mut slow),
            pressure_bar: NOMINAL_BAR,
            slow,
        }
    }
}

impl Process for Dispense {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.variant = part.variant;
        let batch = format!("GF-{:04}", 301 + self.parts / PARTS_PER_DRUM);
        floor.board.set_text(self.drum, symbol(&batch));
        self.parts += 1;
        let nominal_s = match part.variant {
            Variant::EvLong => 41.0,
            Variant::EvCity => 36.0,
            Variant::EvStd | Variant::Ice => 38.0,
        };
        Cycle { length_s: nominal_s * self.random.factor(0.010), operations: SEGMENTS }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        let filler_c = self.filler_c.unwrap_or(floor.surroundings.air_c);
        let viscosity = libm::exp(-THINNING_PER_K * (filler_c - 22.0)) * (1.0 + self.batch.value());
        let nozzle = libm::pow(1.0 - CLOG * floor.severity(Fault::NozzleClog), -4.0);
        self.pressure_bar = NOMINAL_BAR * viscosity * nozzle * self.random.factor(0.012);
        floor.board.set(self.pressure, self.pressure_bar + 0.1 * self.random.normal());
        floor.board.set(self.temperature, filler_c + 0.1 * self.sensors.normal());
        let scatter = self.random.factor(0.004);
        if index + 1 == SEGMENTS {
            let nominal_g = match self.variant {
                Variant::EvLong => 400.0,
                Variant::EvCity => 240.0,
                Variant::EvStd | Variant::Ice => 320.0,
            };
            let slip = SLIP * (self.pressure_bar / NOMINAL_BAR - 1.0);
            let mass_g = nominal_g * (1.0 - slip) * scatter;
            floor.require("filler_mass_share", mass_g / nominal_g, Bound::AtLeast(0.97));
            floor.board.set(self.time, nominal_g / GRAMS_PER_S * self.sensors.factor(0.002));
            floor.board.set(self.mass, mass_g + 0.2 * self.random.normal());
        }
    }

    fn elapse(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        self.batch.elapse(seconds, &mut self.slow);
        let air_c = floor.surroundings.air_c;
        let filler_c = self.filler_c.get_or_insert(air_c);
        *filler_c += (air_c - *filler_c) * seconds / FILLER_TIME_CONSTANT_S;
    }
}
