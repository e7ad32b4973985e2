use crate::random::Random;

/// One screw joint as the spindle turns it: run down, drawn together, clamped, and stretched beyond its yield if it must.
///
/// Torque and clamp force after VDI 2230: `M = F·(0.16·P + 0.58·d2·µ + DKm/2·µ)`. A bolt that yields still takes on force,
/// but far less for the angle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joint {
    /// Torque per clamp force, mm.
    pub(super) lever_mm: f64,
    /// Stiffness of bolt and plates in series, kN per mm.
    pub(super) stiffness_kn_mm: f64,
    /// Clamp force at which the bolt yields, kN.
    pub(super) yield_kn: f64,
    /// Torque to run the screw down, N·m.
    pub(super) rundown_nm: f64,
    /// What chips and burrs add to that towards the end, N·m.
    pub(super) burr_nm: f64,
    /// Angle from the begin until the head touches, °.
    pub(super) rundown_deg: f64,
    /// Angle at which a crossed thread jams, °.
    pub(super) jams_deg: Option<f64>,
    /// Torque at which the spindle stops, N·m.
    pub(super) stop_nm: f64,
}

pub(super) const PITCH_MM: f64 = 1.5;
/// Speeds of the spindle while it runs down and while it tightens, °/s.
const RUNDOWN_DEG_S: f64 = 1000.0;
const TIGHTENING_DEG_S: f64 = 45.0;
/// Angle over which the parts are drawn together, °.
const DRAWING_DEG: f64 = 6.0;
/// Of its elastic stiffness, what a yielding bolt has left.
const HARDENING: f64 = 0.25;
/// Torque that a jammed thread takes on for each degree, N·m.
const JAM_NM_DEG: f64 = 0.9;

/// What the spindle shows at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turned {
    pub(super) angle_deg: f64,
    pub(super) torque_nm: f64,
}

impl Joint {
    /// Torque per clamp force, mm, of an M10 bolt with the friction `friction` in thread and head.
    pub(super) fn lever_mm(friction: f64) -> f64 {
        const FLANK_DIAMETER_MM: f64 = 9.03;
        const HEAD_DIAMETER_MM: f64 = 13.5;
        0.16 * PITCH_MM + 0.58 * FLANK_DIAMETER_MM * friction + 0.5 * HEAD_DIAMETER_MM * friction
    }

    /// Clamp force in the end, kN. A screw that jams clamps nothing.
    pub(super) fn clamp_kn(&self) -> f64 {
        if self.jams_deg.is_some() { 0.0 } else { self.stop_nm / self.lever_mm }
    }

    /// What bolt and plates give under a force, mm.
    fn given_mm(&self, force_kn: f64) -> f64 {
        let beyond_kn = (force_kn - self.yield_kn).max(0.0);
        (force_kn - beyond_kn + beyond_kn / HARDENING) / self.stiffness_kn_mm
    }

    /// By how much the bolt is longer for good, mm.
    pub(super) fn stretched_mm(&self) -> f64 {
        let beyond_kn = (self.clamp_kn() - self.yield_kn).max(0.0);
        beyond_kn * (1.0 / HARDENING - 1.0) / self.stiffness_kn_mm
    }

    /// Angle from a torque, N·m, to the end, °.
    pub(super) fn angle_from_deg(&self, torque_nm: f64) -> f64 {
        let (from, to) = match self.jams_deg {
            Some(_) => (torque_nm / JAM_NM_DEG, self.stop_nm / JAM_NM_DEG),
            None => [torque_nm, self.stop_nm].map(|torque_nm| self.turned_deg(torque_nm / self.lever_mm)).into(),
        };
        to - from
    }

    /// Angle from the head's touch to that force, once the parts are drawn together, °.
    fn turned_deg(&self, force_kn: f64) -> f64 {
        DRAWING_DEG + 360.0 * self.given_mm(force_kn) / PITCH_MM
    }

    /// Where the spindle is that long after its start.
    pub(super) fn after(&self, seconds: f64) -> Turned {
        let slow_from_deg = self.fast_deg();
        let slow_from_s = slow_from_deg / RUNDOWN_DEG_S;
        let past_deg = (TIGHTENING_DEG_S * (seconds - slow_from_s)).clamp(0.0, self.slow_deg());
        let angle_deg = (RUNDOWN_DEG_S * seconds).min(slow_from_deg) + past_deg;
        Turned { angle_deg, torque_nm: self.torque_nm(angle_deg.min(slow_from_deg), past_deg) }
    }

    /// Angle that is run down, °.
    fn fast_deg(&self) -> f64 {
        self.jams_deg.unwrap_or(self.rundown_deg).min(self.rundown_deg)
    }

    /// Angle from the end of running down to the stop, °.
    fn slow_deg(&self) -> f64 {
        match self.jams_deg {
            Some(_) => self.stop_nm / JAM_NM_DEG,
            None => self.turned_deg(self.stop_nm / self.lever_mm),
        }
    }

    /// From the start to the stop, s.
    fn length_s(&self) -> f64 {
        self.fast_deg() / RUNDOWN_DEG_S + self.slow_deg() / TIGHTENING_DEG_S
    }

    fn torque_nm(&self, run_deg: f64, past_deg: f64) -> f64 {
        let run_share = run_deg / self.rundown_deg;
        let running_nm = self.rundown_nm + self.burr_nm * (0.4 + 0.6 * run_share);
        if self.jams_deg.is_some() {
            return running_nm.max(JAM_NM_DEG * past_deg);
        }
        let drawn_deg = past_deg - DRAWING_DEG * (1.0 - libm::exp(-past_deg / DRAWING_DEG));
        let elastic_kn = self.stiffness_kn_mm * PITCH_MM * drawn_deg / 360.0;
        let beyond_kn = (elastic_kn - self.yield_kn).max(0.0);
        let clamping_nm = self.lever_mm * (elastic_kn - beyond_kn + HARDENING * beyond_kn);
        // What the thread takes by itself is in the friction once it is loaded.
        clamping_nm + running_nm * (1.0 - clamping_nm / self.stop_nm).max(0.0)
    }
}

/// A spindle at work on a joint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spindle {
    pub(super) joint: Joint,
    seconds: f64,
}

impl Spindle {
    pub(super) fn new(joint: Joint) -> Self {
        Self { joint, seconds: 0.0 }
    }

    /// Lets time pass; gives what its sensors show then. `None` once it has stopped: they hold what they showed last.
    pub(super) fn turn(&mut self, seconds: f64, sensors: &mut Random) -> Option<Turned> {
        let (angle_noise, scatter, torque_noise) = (sensors.normal(), sensors.factor(0.002), sensors.normal());
        let has_stopped = self.seconds > self.joint.length_s() + seconds;
        let Turned { angle_deg, torque_nm } = self.joint.after(self.seconds);
        self.seconds += seconds;
        (!has_stopped).then_some(Turned {
            angle_deg: (angle_deg + 0.1 * angle_noise).max(0.0),
            torque_nm: (torque_nm * scatter + 0.03 * torque_noise).max(0.0),
        })
    }
}
