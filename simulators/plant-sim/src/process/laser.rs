use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::{Random, Wander};
use crate::truth::{Bound, Truth};
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Laser welding with photodiode monitoring of the process zone.
///
/// Typical values: multi-kW fibre laser with about 35 % plug efficiency; a protective glass loses a percent or two of
/// its transmission by spatter before it is changed; plasma and back-reflection signals scatter by a few percent
/// (Eriksson, Norman and Kaplan, "Basic study of photodiode signals from laser welding emissions", NOLAMP 2009).
pub(crate) struct LaserWeld {
    points: LaserPoints,
    random: Random,
    slow: Random,
    variant: Variant,
    /// Share of the light that the protective glass takes.
    glass_loss: f64,
    parts_since_glass: u32,
    /// Heat of source and optics that the water has not taken yet, J.
    stored_j: f64,
    gap: Wander,
    sensors: Random,
}

struct LaserPoints {
    power: PointId,
    plasma: PointId,
    back_reflection: PointId,
    seam_width: PointId,
    speed: PointId,
    focus: PointId,
    gap: PointId,
}

const PARTS_PER_GLASS: u32 = 600;
const GLASS_CHANGE_S: f64 = 45.0;
/// What the glass loses per seam: about 1.5 % over its life.
const LOSS_PER_SEAM: f64 = 0.015 / (PARTS_PER_GLASS as f64 * 8.0);
/// Heat to the water per seam: 2.2 s at 7.5 kW of losses.
const HEAT_PER_SEAM_J: f64 = 16_500.0;
const IDLE_HEAT_W: f64 = 1000.0;
const SPEED_MM_S: f64 = 60.0;
/// The usual gap, mm, and how much more of it there is where the parts fit worse.
const GAP_MM: f64 = 0.12;
const GAP_PER_FIT_MM: f64 = 1.2;
/// How far a warm lens moves the focus, mm, and over how much of its height a beam widens by the root of 2.
const FOCUS_SHIFT_MM: f64 = 0.95;
const RAYLEIGH_MM: f64 = 1.5;
const SOURCE_TIME_CONSTANT_S: f64 = 60.0;

impl LaserWeld {
    pub(crate) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        let mut random = Random::new(seed, "laser seams");
        let mut slow = Random::new(seed, "laser gap");
        let parts_since_glass = random.between(0.0, f64::from(PARTS_PER_GLASS)) as u32;
        Self {
            points: LaserPoints {
                power: points.measure(
                    tag("power", "laser.power", "Laser power at the work piece in the last seam"),
                    "W",
                    (0.0, 8000.0),
                ),
                plasma: points.measure(
                    tag("plasma", "laser.plasma", "Plasma signal of the last seam"),
                    "",
                    (0.0, 1000.0),
                ),
                back_reflection: points.measure(
                    tag("back_reflection", "laser.back_reflection", "Back-reflected light of the last seam"),
                    "",
                    (0.0, 1000.0),
                ),
                seam_width: points.measure(
                    tag("seam_width", "laser.seam_width", "Width of the last seam"),
                    "mm",
                    (0.0, 5.0),
                ),
                speed: points.measure(tag("speed", "laser.speed", "Speed along the last seam"), "mm/s", (0.0, 500.0)),
                focus: points.measure(
                    tag("focus", "laser.focus", "Height of the focus by the optics' drive in the last seam"),
                    "mm",
                    (-20.0, 20.0),
                ),
                gap: points.measure(tag("gap", "laser.gap", "Gap before the last seam"), "mm", (0.0, 2.0)),
            },
            variant: Variant::EvStd,
            glass_loss: 8.0 * LOSS_PER_SEAM * f64::from(parts_since_glass),
            parts_since_glass,
            stored_j: 0.0,
            gap: Wander::new(0.006, 1500.0, &mut slow),
            random,
            slow,
            sensors: Random::new(seed, "laser sensors"),
        }
    }

    fn is_long(&self) -> bool {
        self.variant == Variant::EvLong
    }
}

impl Process for LaserWeld {
    fn begin(&mut self, part: Part, _floor: &mut Floor<'_>) -> Cycle {
        self.variant = part.variant;
        let (nominal_s, operations) = match part.variant {
            Variant::EvLong => (44.0, 10),
            Variant::EvCity => (40.0, 6),
            Variant::EvStd | Variant::Ice => (42.0, 8),
        };
        Cycle { length_s: nominal_s * self.random.factor(0.010), operations }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        let (set_w, nominal_mm) = if self.is_long() { (4200.0, 1.75) } else { (3800.0, 1.60) };
        let power_w = set_w * (1.0 - self.glass_loss) * self.random.factor(0.003);
        let share = power_w / set_w;
        let place = 1.0 + 0.02 * libm::sin(1.9 * f64::from(index));
        let fit = place * (1.0 + self.gap.value());
        // A warmer source and a warmer lens move the focus: the seam widens and reflects a little more.
        let warm_k = floor.surroundings.water_c - 18.0;
        // The drive does not know of a lens that moves the focus by its warmth.
        let height = FOCUS_SHIFT_MM * floor.severity(Fault::FocusShift) / RAYLEIGH_MM;
        let wide = (1.0 + height * height).sqrt();
        let width_mm =
            nominal_mm * libm::pow(share, 0.7) * fit * wide * (1.0 + 0.004 * warm_k) * self.random.factor(0.012);
        let plasma = 100.0 * libm::pow(share, 1.5) / wide * fit * self.random.factor(0.025);
        let reflected = 12.0 * wide * (1.0 + 6.0 * self.glass_loss + 0.01 * warm_k) / fit * self.random.factor(0.04);
        floor.require("seam_width_mm", width_mm, Bound::AtLeast(0.85 * nominal_mm));
        floor.require("seam_width_mm", width_mm, Bound::AtMost(1.15 * nominal_mm));

        self.stored_j += HEAT_PER_SEAM_J;
        self.glass_loss += LOSS_PER_SEAM * self.random.between(0.5, 1.5);
        let points = &self.points;
        floor.board.set(points.power, power_w * self.random.factor(0.002));
        floor.board.set(points.plasma, plasma);
        floor.board.set(points.back_reflection, reflected);
        floor.board.set(points.seam_width, width_mm + 0.005 * self.random.normal());
        let gap_mm = GAP_MM + GAP_PER_FIT_MM * self.gap.value() + 0.002 * self.sensors.normal();
        floor.board.set(points.speed, SPEED_MM_S * self.sensors.factor(0.002));
        floor.board.set(points.focus, 0.02 * self.sensors.normal());
        floor.board.set(points.gap, gap_mm.max(0.0));
    }

    fn elapse(&mut self, seconds: f64, _floor: &mut Floor<'_>) {
        self.gap.elapse(seconds, &mut self.slow);
        self.stored_j -= self.stored_j * seconds / SOURCE_TIME_CONSTANT_S;
    }

    fn heat_w(&self) -> f64 {
        IDLE_HEAT_W + self.stored_j / SOURCE_TIME_CONSTANT_S
    }

    fn service_s(&mut self, floor: &mut Floor<'_>) -> f64 {
        self.parts_since_glass += 1;
        if self.parts_since_glass < PARTS_PER_GLASS {
            return 0.0;
        }
        floor.tell(Truth::GlassChanged { station: floor.station });
        self.parts_since_glass = 0;
        self.glass_loss = 0.0;
        GLASS_CHANGE_S
    }
}
