use std::fmt;
use std::str::FromStr;

use telemetry::Timestamp;

use crate::SimLink;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal, $family:literal, ramp $ramp_s:literal, at $targets:expr;)*) => {
        /// Something that goes wrong in the plant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $fault,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$fault),*];

            /// The fault's name on the command line and in the ground truth.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$fault => $name),* }
            }

            /// What a person who finds it would call the cause.
            pub const fn family(self) -> &'static str {
                match self { $(Self::$fault => $family),* }
            }

            /// Seconds from onset to its full size; 0 for a fault that is there at once.
            pub const fn ramp_s(self) -> f64 {
                match self { $(Self::$fault => $ramp_s),* }
            }

            /// The stations (for [`Fault::LinkLoss`]: links) it can strike; the first is the usual one.
            pub const fn targets(self) -> &'static [&'static str] {
                match self { $(Self::$fault => $targets),* }
            }
        }
    };
}

faults! {
    /// The electrode alloys with the zinc and mushrooms: its face grows several times faster, and dressing restores
    /// only a part of it.
    ElectrodeWear = "electrode-wear", "electrode", ramp 600.0, at &["weld-20", "weld-30"];
    /// A restriction in the gun's hose takes half of its cooling water.
    WaterRestriction = "water-restriction", "gun-cooling", ramp 1200.0, at &["weld-30", "weld-20"];
    /// Bolts with more friction come into use: the same torque gives less clamp force and a smaller angle.
    TorqueFriction = "torque-friction", "joint-friction", ramp 2400.0, at &["tighten-60"];
    /// Filler cures in the nozzle and narrows it.
    NozzleClog = "nozzle-clog", "nozzle", ramp 3600.0, at &["dispense-70"];
    /// A valve in the leak tester itself begins to leak.
    LeakTesterDrift = "leak-tester-drift", "leak-tester", ramp 4500.0, at &["leak-80"];
    /// Dust on the chiller's condenser.
    ChillerFouling = "chiller-fouling", "chiller", ramp 5400.0, at &["cooling-1"];
    /// The pump's impeller and wear ring wear.
    PumpWear = "pump-wear", "pump", ramp 5400.0, at &["cooling-1"];
    /// The air pressure of the gun sinks: 15 % less force on the electrodes.
    ForceLoss = "force-loss", "electrode-force", ramp 3600.0, at &["weld-30", "weld-20"];
    /// A warm lens moves the laser's focus off the surface.
    FocusShift = "focus-shift", "laser-focus", ramp 3600.0, at &["laser-40"];
    /// Threads with burrs come into use: half of the screws are hard to turn before they clamp.
    ThreadDamage = "thread-damage", "thread", ramp 3600.0, at &["tighten-60"];
    /// Cold plates with brazing flux in their channels come into use.
    BlockedColdPlates = "blocked-cold-plates", "cold-plate", ramp 2400.0, at &["leak-80"];
    /// Packs come to hold modules of an older class: less voltage, more resistance.
    MixedModules = "mixed-modules", "cells", ramp 2400.0, at &["eol-90"];
    /// The loop's balancing valve does not follow its command any more and creeps shut.
    StuckValve = "stuck-valve", "stuck-valve", ramp 2400.0, at &["cooling-1"];
    /// A seal of the loop drips: a tenth of its tank an hour.
    CoolantLeak = "coolant-leak", "coolant-leak", ramp 600.0, at &["cooling-1"];
    /// A gearbox of the robot gets play.
    GearboxWear = "gearbox-wear", "gearbox", ramp 7200.0, at &["robot-50", "robot-10"];
    /// The robot moves 6 to 10 % slower and works harder.
    RobotSlowDown = "robot-slow-down", "robot", ramp 300.0, at &["robot-50", "robot-10"];
    /// The station stops for 8 to 25 s every few cycles.
    MicroStops = "micro-stops", "micro-stops", ramp 0.0, at &[
        "laser-40", "robot-10", "weld-20", "weld-30", "robot-50", "tighten-60", "dispense-70", "leak-80", "eol-90"
    ];
    /// The line's entry gets its parts late.
    StarvedSupply = "starved-supply", "supply", ramp 600.0, at &["robot-10"];
    /// A temperature sensor stays at its last value.
    SensorFlatLine = "sensor-flat-line", "sensor", ramp 0.0, at &[
        "weld-30", "weld-20", "cooling-1", "robot-10", "robot-50"
    ];
    /// The cable of a temperature sensor is open for three minutes of every five.
    SensorDropout = "sensor-dropout", "sensor", ramp 0.0, at &["weld-30", "weld-20", "robot-10", "robot-50"];
    /// Every fourth value of a tester's sensor is near the end of its range.
    SensorSpikes = "sensor-spikes", "sensor", ramp 0.0, at &["leak-80", "dispense-70"];
    /// The first thermometer of the cooling loop's supply comes to show 1.5 K too much.
    SensorDrift = "sensor-drift", "sensor", ramp 3600.0, at &["cooling-1"];
    /// As [`Fault::TorqueFriction`], but the bolts are in one of the feeder's two bins, which take turns.
    BoltBins = "bolt-bins", "joint-friction", ramp 0.0, at &["tighten-60"];
    /// A coil with a rougher coating comes into use, at both welding stations.
    SheetLot = "sheet-lot", "sheet", ramp 0.0, at &["weld-20"];
    /// A link is lost for 90 s, and once more ten minutes after it is back.
    LinkLoss = "link-loss", "link", ramp 0.0, at &["weld-plc", "pack-opcua", "utilities-mqtt"];
    /// The feeder sets screws on askew: one in four crosses its thread and jams before it clamps.
    CrossThread = "cross-thread", "thread", ramp 3600.0, at &["tighten-60"];
    /// Bolts of a weaker strength class come into use: they yield before their torque is reached.
    WeakBolts = "weak-bolts", "joint-yield", ramp 3600.0, at &["tighten-60"];
    /// Cells of a lot that was sorted badly come in: more and more of them are of another class.
    CellLot = "cell-lot", "cells", ramp 3600.0, at &["tighten-60"];
    /// A strainer in the loop fills up.
    FullStrainer = "full-strainer", "loop-restriction", ramp 2400.0, at &["cooling-1"];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault, where and when. Written `fault[:station]@onset[+duration]`, such as `electrode-wear@2m`,
/// `electrode-wear:weld-30@90s` or `micro-stops@1h30m+20m`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// What goes wrong.
    pub fault: Fault,
    /// Where: one of [`Fault::targets`]; the first of these if `None`.
    pub station: Option<String>,
    /// When, seconds after the plant's start; 0 or more.
    pub onset_s: f64,
    /// For how long, seconds, above 0; to the end if `None`.
    pub duration_s: Option<f64>,
}

/// Why a fault plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The text is not of the form of a plan.
    #[error("fault `{0}`: expected `fault[:station]@onset[+duration]`, such as `electrode-wear:weld-30@90s`")]
    Form(String),
    /// There is no fault of that name.
    #[error("there is no fault `{name}`; did you mean `{nearest}`? The faults are {}", names())]
    Unknown {
        /// The name as written.
        name: String,
        /// The fault with the most similar name.
        nearest: Fault,
    },
    /// The fault cannot strike there.
    #[error("fault `{fault}` cannot strike `{target}`, only {}", fault.targets().join(", "))]
    Target {
        /// The fault.
        fault: Fault,
        /// The place as written.
        target: String,
    },
    /// A time cannot be read, or cannot be used.
    #[error("`{0}` is no time span; write one such as 90s, 2m or 1h30m, with the units h, m and s in that order")]
    Span(String),
    /// The onset is before the start, or the duration is not above 0.
    #[error("fault `{0}`: the onset must be 0 s or later and the duration above 0 s")]
    When(Fault),
}

fn names() -> String {
    Fault::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ")
}

impl FaultPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// If it is not of the form, names an unknown fault or a place that the fault cannot strike, or a time is none.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (what, when) = text.split_once('@').ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let (name, station) = match what.split_once(':') {
            Some((name, station)) => (name, Some(station.to_owned())),
            None => (what, None),
        };
        let (onset_s, duration_s) = match when.split_once('+') {
            Some((onset, duration)) => (parse_span_s(onset)?, Some(parse_span_s(duration)?)),
            None => (parse_span_s(when)?, None),
        };
        let plan = Self { fault: fault_named(name)?, station, onset_s, duration_s };
        plan.target()?;
        Ok(plan)
    }

    /// The place it strikes, after checking the whole plan.
    fn target(&self) -> Result<&'static str, FaultError> {
        let usable = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
        if !usable(self.onset_s) || self.duration_s.is_some_and(|duration| !usable(duration) || duration == 0.0) {
            return Err(FaultError::When(self.fault));
        }
        let targets = self.fault.targets();
        let Some(station) = &self.station else { return Ok(targets[0]) };
        let known = targets.iter().find(|target| *target == station);
        known.copied().ok_or_else(|| FaultError::Target { fault: self.fault, target: station.clone() })
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn fault_named(name: &str) -> Result<Fault, FaultError> {
    if let Some(&fault) = Fault::ALL.iter().find(|fault| fault.name() == name) {
        return Ok(fault);
    }
    let similarity = |fault: &Fault| strsim::jaro_winkler(name, fault.name());
    let nearest = Fault::ALL.iter().copied().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    Err(FaultError::Unknown { name: name.to_owned(), nearest: nearest.unwrap_or(Fault::ALL[0]) })
}

/// Seconds of a span such as `90s`, `2m` or `1h30m`.
///
/// # Errors
/// [`FaultError::Span`], if the text is none.
pub fn parse_span_s(text: &str) -> Result<f64, FaultError> {
    let refused = || FaultError::Span(text.to_owned());
    let mut rest = text;
    let mut seconds = 0.0;
    for (unit, unit_s) in [('h', 3600.0), ('m', 60.0), ('s', 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let number = number.parse::<f64>().ok().filter(|_| digits).ok_or_else(refused)?;
            seconds += number * unit_s;
            rest = after;
        }
    }
    if text.is_empty() || !rest.is_empty() { Err(refused()) } else { Ok(seconds) }
}

/// A plan bound to its place and to the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundFault {
    pub(crate) fault: Fault,
    pub(crate) target: &'static str,
    pub(crate) onset: Timestamp,
    pub(crate) end: Option<Timestamp>,
}

/// How long a loose contact is open, and from one opening to the next, seconds.
const OPEN_S: f64 = 180.0;
const OPEN_PERIOD_S: f64 = 300.0;
/// How long a lost link stays lost, and from one loss to the next, seconds.
const LINK_LOSS_S: f64 = 90.0;
const LINK_LOSS_PERIOD_S: f64 = 690.0;

impl BoundFault {
    /// Binds a plan.
    ///
    /// # Errors
    /// If the plan's place or times cannot be used.
    pub(crate) fn new(plan: &FaultPlan, start: Timestamp) -> Result<Self, FaultError> {
        let target = plan.target()?;
        let onset = start.plus_seconds(plan.onset_s);
        let end = plan.duration_s.map(|duration_s| onset.plus_seconds(duration_s));
        Ok(Self { fault: plan.fault, target, onset, end })
    }

    /// Whether it is there.
    pub(crate) fn is_present(&self, now: Timestamp) -> bool {
        now >= self.onset && self.end.is_none_or(|end| now < end)
    }

    /// Its size, 0 (not there) to 1 (full).
    pub(crate) fn severity(&self, now: Timestamp) -> f64 {
        match self.fault.ramp_s() {
            _ if !self.is_present(now) => 0.0,
            0.0 => 1.0,
            ramp_s => (now.seconds_since(self.onset) / ramp_s).min(1.0),
        }
    }

    /// Whether it keeps the cable of its sensor open.
    pub(crate) fn opens_cable(&self, now: Timestamp) -> bool {
        self.is_present(now) && now.seconds_since(self.onset) % OPEN_PERIOD_S < OPEN_S
    }

    /// Whether it keeps that link down.
    pub(crate) fn cuts(&self, link: SimLink, now: Timestamp) -> bool {
        if self.fault != Fault::LinkLoss || self.target != link.name() || !self.is_present(now) {
            return false;
        }
        let elapsed_s = now.seconds_since(self.onset);
        elapsed_s < LINK_LOSS_S || (LINK_LOSS_PERIOD_S..LINK_LOSS_PERIOD_S + LINK_LOSS_S).contains(&elapsed_s)
    }
}

/// All faults of the plant at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Faults<'a> {
    pub(crate) all: &'a [BoundFault],
    pub(crate) now: Timestamp,
}

impl Faults<'_> {
    /// The size of a fault at a place, 0 (not there) to 1 (full).
    pub(crate) fn severity(&self, fault: Fault, target: &str) -> f64 {
        let here = self.all.iter().filter(|bound| bound.fault == fault && bound.target == target);
        here.map(|bound| bound.severity(self.now)).fold(0.0, f64::max)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plan(fault: Fault, station: Option<&str>, onset_s: f64, duration_s: Option<f64>) -> FaultPlan {
        FaultPlan { fault, station: station.map(str::to_owned), onset_s, duration_s }
    }

    #[test]
    fn plans_are_read() {
        let check = |text: &str, expected| assert_eq!(FaultPlan::parse(text), Ok(expected), "{text}");
        check("electrode-wear@2m", plan(Fault::ElectrodeWear, None, 120.0, None));
        check("electrode-wear:weld-30@90s", plan(Fault::ElectrodeWear, Some("weld-30"), 90.0, None));
        check("micro-stops@1h30m+20m", plan(Fault::MicroStops, None, 5400.0, Some(1200.0)));
        check("link-loss:pack-opcua@0s", plan(Fault::LinkLoss, Some("pack-opcua"), 0.0, None));
        check("pump-wear@1.5h", plan(Fault::PumpWear, None, 5400.0, None));
    }

    #[test]
    fn other_texts_are_refused_with_what_to_do() {
        let check = |text: &str, expected: &str| {
            let message = FaultPlan::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        };
        check("electrode-wear", "fault[:station]@onset[+duration]");
        check("elektrode-ware@2m", "did you mean `electrode-wear`? The faults are electrode-wear, water-restriction,");
        check("electrode-wear:weld-40@2m", "cannot strike `weld-40`, only weld-20, weld-30");
        check("electrode-wear:@2m", "cannot strike ``");
        check("pump-wear@2m+0s", "the duration above 0 s");
        for span in ["", "2", "m", "-2m", "2m1h", "1e3s", "infs", "2m ", "1m1m", "1..2s"] {
            check(&format!("pump-wear@{span}"), "is no time span");
        }
    }

    #[test]
    fn a_fault_grows_from_its_onset_and_ends() {
        let plan = plan(Fault::ElectrodeWear, None, 100.0, Some(1000.0));
        let bound = BoundFault::new(&plan, Timestamp::EPOCH).unwrap();
        let check =
            |at_s: f64, expected: f64| assert_eq!(bound.severity(Timestamp::EPOCH.plus_seconds(at_s)), expected);
        check(99.0, 0.0);
        check(400.0, 0.5);
        check(900.0, 1.0);
        check(1100.0, 0.0);
    }

    #[test]
    fn a_lost_link_is_lost_twice() {
        let bound = BoundFault::new(&plan(Fault::LinkLoss, None, 10.0, None), Timestamp::EPOCH).unwrap();
        let check = |at_s: f64, expected: bool| {
            assert_eq!(bound.cuts(SimLink::WeldPlc, Timestamp::EPOCH.plus_seconds(at_s)), expected, "{at_s}");
            assert!(!bound.cuts(SimLink::PackOpcua, Timestamp::EPOCH.plus_seconds(at_s)));
        };
        for (at_s, expected) in
            [(9.75, false), (10.0, true), (99.75, true), (100.0, false), (700.0, true), (790.0, false)]
        {
            check(at_s, expected);
        }
    }
}
