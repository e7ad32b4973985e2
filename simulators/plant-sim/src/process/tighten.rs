use super::cells::Cells;
use super::joint::{Joint, Spindle};
use crate::board::{StationPoints, symbol, tag};
use crate::process::{Cycle, Floor, Lots, Process};
use crate::random::Random;
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Tightening of the pack's M10 bolts to a torque, with the curve of each.
///
/// Friction of coated bolts is about 0.12 (VDI 2230, class B); a bolt of class 8.8 yields at about 38 kN.
pub(crate) struct Tighten {
    torque: PointId,
    angle: PointId,
    rundown_torque: PointId,
    module: PointId,
    torque_trace: PointId,
    angle_trace: PointId,
    /// Modules mounted so far.
    modules: u32,
    random: Random,
    threads: Random,
    bolts: Random,
    sensors: Random,
    joints: u32,
    bolt_lot: PointId,
    lots: Lots,
    /// Whether the bolts are of the bad bin.
    is_bad_bin: bool,
    /// What the spindle works on, or has worked on last.
    spindle: Option<Spindle>,
    /// The cells of the modules, tested as these come in.
    cells: Cells,
}

const TARGET_NM: f64 = 50.0;
const SNUG_NM: f64 = 15.0;
const FRICTION: f64 = 0.12;
const FRICTION_DEVIATION: f64 = 0.045;
/// How much the friction of the wrong bolts is above the usual.
const FRICTION_FAULT: f64 = 0.18;
/// Stiffness of bolt and plates in series, kN per mm.
const STIFFNESS_KN_MM: f64 = 100.0;
/// What the joint needs to hold, kN.
const CLAMP_MIN_KN: f64 = 24.0;
/// Torque to run a screw down, N·m; what a burr adds, to how many of the screws, and what the process allows.
const RUNDOWN_NM: f64 = 1.8;
const BURR_NM: f64 = 4.5;
const BURR_SHARE: f64 = 0.5;
const RUNDOWN_MAX_NM: f64 = 8.0;
/// Packs that a box of bolts lasts for.
const PACKS_PER_BOX: u32 = 60;
/// Angle until the head touches, °: three turns.
const RUNDOWN_DEG: f64 = 1080.0;
/// Clamp force at which a bolt yields, kN, that of one of a weaker class, and what a bolt may be stretched for good, mm: 0.2 % of 60 mm
/// between its head and its thread.
const YIELD_KN: f64 = 38.0;
const WEAK_YIELD_KN: f64 = 24.0;
const STRETCH_MAX_MM: f64 = 0.12;
/// Of the screws, how many cross their threads where the feeder sets them on askew; they jam after half a turn to two turns.
const CROSSED_SHARE: f64 = 0.25;
const JAMS_DEG: (f64, f64) = (180.0, 720.0);
/// Bolts that hold one module.
const JOINTS_PER_MODULE: u32 = 2;

impl Tighten {
    pub(crate) fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        Self {
            torque: points.measure(
                tag("torque", "tighten.torque", "Final torque of the last joint"),
                "N·m",
                (0.0, 150.0),
            ),
            angle: points.measure(
                tag("angle", "tighten.angle", "Angle of the last joint from snug to the end"),
                "°",
                (0.0, 720.0),
            ),
            rundown_torque: points.measure(
                tag(
                    "rundown_torque",
                    "tighten.rundown_torque",
                    "Highest torque of the last joint before its snug point",
                ),
                "N·m",
                (0.0, 50.0),
            ),
            module: points.text(tag("module", "part.child", "Serial of the last module that was bolted down")),
            torque_trace: points.measure(
                tag("torque_trace", "tighten.torque_trace", "Torque of the spindle while it tightens"),
                "N·m",
                (0.0, 150.0),
            ),
            angle_trace: points.measure(
                tag("angle_trace", "tighten.angle_trace", "Angle of the spindle from the begin of the joint"),
                "°",
                (0.0, 7200.0),
            ),
            modules: 0,
            random: Random::new(seed, "tighten joints"),
            threads: Random::new(seed, "tighten threads"),
            bolts: Random::new(seed, "tighten bolts"),
            sensors: Random::new(seed, "spindle sensors"),
            joints: 0,
            bolt_lot: points.text(tag("bolts", "material.lot", "Lot of the bolts that the feeder gives")),
            lots: Lots::new("B", 2201, PACKS_PER_BOX),
            is_bad_bin: false,
            spindle: None,
            cells: Cells::new(points, seed),
        }
    }

    /// The joint at that place of the part, as it will turn out.
    fn joint(&mut self, index: u32, floor: &Floor<'_>) -> Joint {
        let bad_bin = if self.is_bad_bin { 1.0 } else { 0.0 };
        let friction = FRICTION * (1.0 + FRICTION_FAULT * floor.severity(Fault::TorqueFriction).max(bad_bin));
        // Joints at the pack's ends bridge a slightly thicker seal.
        let place = if index < 2 { 0.97 } else { 1.0 };
        let has_burr = self.threads.uniform() < BURR_SHARE * floor.severity(Fault::ThreadDamage);
        let burr_nm = BURR_NM * self.threads.factor(0.2);
        let weak = floor.severity(Fault::WeakBolts);
        let is_crossed = self.bolts.uniform() < CROSSED_SHARE * floor.severity(Fault::CrossThread);
        let jams_deg = self.bolts.between(JAMS_DEG.0, JAMS_DEG.1);
        Joint {
            lever_mm: Joint::lever_mm(friction * self.random.factor(FRICTION_DEVIATION)),
            stop_nm: TARGET_NM * self.random.factor(0.003),
            stiffness_kn_mm: STIFFNESS_KN_MM * place * self.random.factor(0.02),
            rundown_nm: RUNDOWN_NM * self.threads.factor(0.08),
            burr_nm: if has_burr { burr_nm } else { 0.0 },
            yield_kn: (YIELD_KN + (WEAK_YIELD_KN - YIELD_KN) * weak) * self.bolts.factor(0.01),
            rundown_deg: RUNDOWN_DEG + 20.0 * self.bolts.normal(),
            jams_deg: is_crossed.then_some(jams_deg),
        }
    }
}

impl Process for Tighten {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.is_bad_bin = floor.severity(Fault::BoltBins) > 0.0 && Lots::is_second_bin(part.number);
        let of_lot = [Fault::TorqueFriction, Fault::ThreadDamage, Fault::WeakBolts];
        let all_bad = of_lot.iter().any(|fault| floor.severity(*fault) > 0.0);
        floor.board.set_text(self.bolt_lot, self.lots.take(all_bad || self.is_bad_bin));
        let (nominal_s, joints) = match part.variant {
            Variant::EvLong => (41.5, 10),
            Variant::EvCity => (38.0, 6),
            Variant::EvStd | Variant::Ice => (40.0, 8),
        };
        self.joints = joints;
        self.cells.begin(floor);
        self.spindle = Some(Spindle::new(self.joint(0, floor)));
        Cycle { length_s: nominal_s * self.random.factor(0.012), operations: joints }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        if index.is_multiple_of(JOINTS_PER_MODULE) {
            self.modules += 1;
            floor.board.set_text(self.module, symbol(&format!("M{:08}", 70_000 + self.modules)));
        }
        self.cells.test(floor);
        let Some(Spindle { joint, .. }) = self.spindle else { return };
        let rundown_nm = joint.rundown_nm + joint.burr_nm;
        floor.within("rundown_torque_nm", rundown_nm, Bound::AtMost(RUNDOWN_MAX_NM));
        floor.require("clamp_force_kn", joint.clamp_kn(), Bound::AtLeast(CLAMP_MIN_KN));
        floor.require("bolt_stretch_mm", joint.stretched_mm(), Bound::AtMost(STRETCH_MAX_MM));
        floor.board.set(self.rundown_torque, rundown_nm);
        floor.board.set(self.torque, joint.stop_nm * self.random.factor(0.001));
        floor.board.set(self.angle, joint.angle_from_deg(SNUG_NM) + 0.25 * self.random.normal());
        self.spindle = (index + 1 < self.joints).then(|| Spindle::new(self.joint(index + 1, floor)));
    }

    fn elapse(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        self.cells.elapse(seconds);
        let Some(spindle) = &mut self.spindle else { return };
        let Some(turned) = spindle.turn(seconds, &mut self.sensors) else { return };
        floor.board.set(self.angle_trace, turned.angle_deg);
        floor.board.set(self.torque_trace, turned.torque_nm);
    }
}
