use crate::board::{StationPoints, symbol, tag};
use crate::process::{Cycle, Floor, Lots, Process};
use crate::random::Random;
use crate::truth::Bound;
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Tightening of the pack's M10 bolts to a torque.
///
/// Torque and clamp force after VDI 2230: `M = F·(0.16·P + 0.58·d2·µ + DKm/2·µ)`. Angle from the snug point to the end:
/// what the joint gives under the force, over the pitch. Friction of coated bolts is about 0.12 (VDI 2230, class B).
pub(crate) struct Tighten {
    torque: PointId,
    angle: PointId,
    rundown_torque: PointId,
    module: PointId,
    /// Modules mounted so far.
    modules: u32,
    random: Random,
    threads: Random,
    joints: u32,
    bolts: PointId,
    lots: Lots,
    /// Whether the bolts are of the bad bin.
    is_bad_bin: bool,
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
const PITCH_MM: f64 = 1.5;
/// Packs that a box of bolts lasts for.
const PACKS_PER_BOX: u32 = 60;
/// Bolts that hold one module.
const JOINTS_PER_MODULE: u32 = 2;

/// Torque per clamp force, mm, with the friction `friction` in thread and head.
fn lever_mm(friction: f64) -> f64 {
    const FLANK_DIAMETER_MM: f64 = 9.03;
    const HEAD_DIAMETER_MM: f64 = 13.5;
    0.16 * PITCH_MM + 0.58 * FLANK_DIAMETER_MM * friction + 0.5 * HEAD_DIAMETER_MM * friction
}

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
            modules: 0,
            random: Random::new(seed, "tighten joints"),
            threads: Random::new(seed, "tighten threads"),
            joints: 0,
            bolts: points.text(tag("bolts", "material.lot", "Lot of the bolts that the feeder gives")),
            lots: Lots::new("B", 2201, PACKS_PER_BOX),
            is_bad_bin: false,
        }
    }
}

impl Process for Tighten {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.is_bad_bin = floor.severity(Fault::BoltBins) > 0.0 && Lots::is_second_bin(part.number);
        let all_bad = [Fault::TorqueFriction, Fault::ThreadDamage].iter().any(|fault| floor.severity(*fault) > 0.0);
        floor.board.set_text(self.bolts, self.lots.take(all_bad || self.is_bad_bin));
        let (nominal_s, joints) = if part.variant == Variant::EvLong { (41.5, 10) } else { (40.0, 8) };
        self.joints = joints;
        Cycle { length_s: nominal_s * self.random.factor(0.012), operations: joints }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        if index.is_multiple_of(JOINTS_PER_MODULE) {
            self.modules += 1;
            floor.board.set_text(self.module, symbol(&format!("M{:08}", 70_000 + self.modules)));
        }
        let bad_bin = if self.is_bad_bin { 1.0 } else { 0.0 };
        let fault = 1.0 + FRICTION_FAULT * floor.severity(Fault::TorqueFriction).max(bad_bin);
        let lever_mm = lever_mm(FRICTION * fault * self.random.factor(FRICTION_DEVIATION));
        let torque_nm = TARGET_NM * self.random.factor(0.003);
        let clamp_kn = torque_nm / lever_mm;
        // Joints at the pack's ends bridge a slightly thicker seal.
        let stiffness = STIFFNESS_KN_MM * if index < 2 { 0.97 } else { 1.0 } * self.random.factor(0.02);
        let given_mm = (clamp_kn - SNUG_NM / lever_mm) / stiffness;
        let has_burr = self.threads.uniform() < BURR_SHARE * floor.severity(Fault::ThreadDamage);
        let burr_nm = BURR_NM * self.threads.factor(0.2);
        let rundown_nm = RUNDOWN_NM * self.threads.factor(0.08) + if has_burr { burr_nm } else { 0.0 };
        floor.within("rundown_torque_nm", rundown_nm, Bound::AtMost(RUNDOWN_MAX_NM));
        floor.require("clamp_force_kn", clamp_kn, Bound::AtLeast(CLAMP_MIN_KN));
        floor.board.set(self.rundown_torque, rundown_nm);
        floor.board.set(self.torque, torque_nm * self.random.factor(0.001));
        floor.board.set(self.angle, 360.0 * given_mm / PITCH_MM + 0.25 * self.random.normal());
    }
}
