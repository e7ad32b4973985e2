use crate::board::{StationPoints, symbol, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::Random;
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// A handling robot with one program per variant.
///
/// The motor of the most loaded axis warms with the square of its torque and cools to the hall with a time constant of
/// about 40 min; cold grease costs torque, roughly half a percent per kelvin.
pub(crate) struct Robot {
    points: RobotPoints,
    job: Job,
    /// Version of its programs, from 1.
    version: u32,
    random: Random,
    sensors: Random,
    ways: Random,
    /// How much slower the sick robot becomes.
    fault_slow_down: f64,
    variant: Variant,
    /// Times of the way to the part, with it and back, s.
    segments_s: [f64; 3],
    backlash_arcmin: f64,
    motion_s: f64,
    axis_c: f64,
    moving_left_s: f64,
    torque_percent: f64,
}

struct RobotPoints {
    motion_time: PointId,
    axis_torque: PointId,
    axis_temperature: PointId,
    program: PointId,
    segments: [PointId; 3],
    backlash: PointId,
}

/// What the robot does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Loads bodies into the line.
    LoadBody,
    /// Lays the pack's cover on.
    PlaceCover,
}

impl Job {
    /// Program, time of the motion in seconds, and torque of the most loaded axis in % of nominal.
    fn program(self, variant: Variant) -> (&'static str, f64, f64) {
        match (self, variant) {
            (Self::LoadBody, Variant::EvStd) => ("load-ev-std", 23.0, 52.0),
            (Self::LoadBody, Variant::EvLong) => ("load-ev-long", 24.2, 57.0),
            (Self::LoadBody, Variant::EvCity) => ("load-ev-city", 22.6, 49.5),
            (Self::LoadBody, Variant::Ice) => ("load-ice", 22.0, 47.0),
            (Self::PlaceCover, Variant::EvLong) => ("cover-ev-long", 26.4, 49.0),
            (Self::PlaceCover, Variant::EvCity) => ("cover-ev-city", 24.3, 42.5),
            (Self::PlaceCover, Variant::EvStd | Variant::Ice) => ("cover-ev-std", 25.0, 45.0),
        }
    }
}

/// Grippers, clamps and hand-shakes around the motion, seconds.
const HANDLING_S: f64 = 11.0;
/// Of the motion: to the part, with it, back.
const SEGMENTS: [f64; 3] = [0.3, 0.4, 0.3];
/// Play of a good gearbox, arc minutes, what the wear of one adds, and what may be.
const BACKLASH_ARCMIN: f64 = 1.6;
const WORN_ARCMIN: f64 = 1.6;
const BACKLASH_MAX_ARCMIN: f64 = 2.6;
const AXIS_TIME_CONSTANT_S: f64 = 2400.0;
/// Warming of the axis, K per (% of nominal torque)².
const WARMING_K: f64 = 0.0095;
const WARM_AXIS_C: f64 = 36.0;
/// What later versions of a program need of the first one's time and torque.
const SMOOTHER_S: f64 = 0.97;
const SMOOTHER_PERCENT: f64 = 0.96;
/// Torque that a robot needs more whose joint drags enough to slow it down.
const FAULT_TORQUE: f64 = 0.05;

impl Robot {
    pub(crate) fn new(points: &mut StationPoints<'_>, job: Job, seed: u64) -> Self {
        let mut random = Random::new(seed, &format!("{} motions", points.station));
        Self {
            points: RobotPoints {
                motion_time: points.measure(
                    tag("motion_time", "robot.motion_time", "Time of the robot's motion in the last cycle"),
                    "s",
                    (0.0, 300.0),
                ),
                axis_torque: points.measure(
                    tag("axis_torque", "robot.axis_torque", "Torque of the most loaded axis in the last cycle"),
                    "%",
                    (0.0, 200.0),
                ),
                axis_temperature: points.measure(
                    tag("axis_temperature", "robot.axis_temperature", "Motor temperature of the most loaded axis"),
                    "°C",
                    (-20.0, 150.0),
                ),
                program: points.text(tag("program", "robot.program", "Program of the cycle")),
                segments: [
                    ("approach_time", "robot.approach_time", "Time of the last way to the part"),
                    ("carry_time", "robot.carry_time", "Time of the last way with the part"),
                    ("return_time", "robot.return_time", "Time of the last way back"),
                ]
                .map(|(name, role, about)| points.measure(tag(name, role, about), "s", (0.0, 300.0))),
                backlash: points.measure(
                    tag("backlash", "robot.backlash", "Play of the most loaded axis at its last reversal"),
                    "arcmin",
                    (0.0, 60.0),
                ),
            },
            job,
            version: 1,
            fault_slow_down: random.between(0.06, 0.10),
            sensors: Random::new(seed, &format!("{} sensors", points.station)),
            random,
            ways: Random::new(seed, &format!("{} ways", points.station)),
            segments_s: [0.0; 3],
            backlash_arcmin: BACKLASH_ARCMIN,
            variant: Variant::EvStd,
            motion_s: 0.0,
            axis_c: WARM_AXIS_C,
            moving_left_s: 0.0,
            torque_percent: 0.0,
        }
    }
}

impl Process for Robot {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.variant = part.variant;
        let (program, nominal_s, nominal_percent) = self.job.program(part.variant);
        let (nominal_s, nominal_percent) = match self.version {
            1 => (nominal_s, nominal_percent),
            _ => (nominal_s * SMOOTHER_S, nominal_percent * SMOOTHER_PERCENT),
        };
        let fault = floor.severity(Fault::RobotSlowDown);
        let slow = (1.0 + self.fault_slow_down * fault) * self.random.factor(0.004);
        let grease = 1.0 + 0.005 * (WARM_AXIS_C - self.axis_c);
        self.motion_s = nominal_s * slow;
        self.torque_percent = nominal_percent * grease * (1.0 + FAULT_TORQUE * fault) * self.random.factor(0.012);
        self.moving_left_s = self.motion_s;
        self.segments_s = SEGMENTS.map(|share| self.motion_s * share * self.ways.factor(0.004));
        let worn_arcmin = WORN_ARCMIN * floor.severity(Fault::GearboxWear);
        self.backlash_arcmin = BACKLASH_ARCMIN + worn_arcmin + 0.004 * (self.axis_c - WARM_AXIS_C);
        floor.within("backlash_arcmin", self.backlash_arcmin, Bound::AtMost(BACKLASH_MAX_ARCMIN));
        let program = match self.version {
            1 => symbol(program),
            version => symbol(&format!("{program}-v{version}")),
        };
        floor.board.set_text(self.points.program, program);
        Cycle { length_s: self.motion_s + HANDLING_S * self.random.factor(0.02), operations: 1 }
    }

    fn load_programs(&mut self) {
        self.version += 1;
    }

    fn operate(&mut self, _index: u32, floor: &mut Floor<'_>) {
        floor.board.set(self.points.motion_time, self.motion_s);
        floor.board.set(self.points.axis_torque, self.torque_percent);
        for (&point, &time_s) in self.points.segments.iter().zip(&self.segments_s) {
            floor.board.set(point, time_s);
        }
        floor.board.set(self.points.backlash, self.backlash_arcmin + 0.08 * self.ways.normal());
    }

    fn elapse(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        let is_moving = self.moving_left_s > 0.0;
        self.moving_left_s -= seconds;
        let load = if is_moving { self.torque_percent * self.torque_percent } else { 0.0 };
        let settled_c = floor.surroundings.air_c + WARMING_K * load;
        self.axis_c += (settled_c - self.axis_c) * seconds / AXIS_TIME_CONSTANT_S;
        floor.board.set(self.points.axis_temperature, self.axis_c + 0.1 * self.sensors.normal());
    }
}
