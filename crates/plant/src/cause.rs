use std::fmt;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $name:literal, $locus:ident;)*) => {
        /// What an incident can come from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Cause { $($(#[$doc])* $cause,)* }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$cause),*];

            /// The cause's stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$cause => $name),* }
            }

            /// Where a thing with this cause is to be mended.
            pub const fn locus(self) -> Locus {
                match self { $(Self::$cause => Locus::$locus),* }
            }
        }
    };
}

impl Cause {
    /// What it brings about in turn at the same station, or looks like: a gun without water wears its electrodes, one that
    /// presses less leaves contacts as rough as another sheet does, and a damaged thread bends the curve of its joint as one
    /// that yields. The other way round none does: a sheet does not move the force gauge, and a screw that yields runs down
    /// as any other.
    pub const fn brings(self) -> &'static [Self] {
        match self {
            Self::WeldWaterRestriction => &[Self::ElectrodeWear],
            Self::ElectrodeForce => &[Self::SheetMaterial],
            Self::ThreadDamage => &[Self::JointYield],
            _ => &[],
        }
    }
}

/// A kind of change that can bring a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum ChangeKind {
    /// Another lot of material.
    Lot,
    /// Another tool.
    Tool,
    /// Another program.
    Program,
    /// Something was done at the station, and may have left something else wrong: a hose after a retool.
    Maintenance,
}

impl Cause {
    /// The kinds of change that can bring it, each with the share of its cases that begin with such a change and where that
    /// is told; together below 1. Engineering judgement, as the weights of the features: a quarter where material, tool or
    /// program is the very cause, since not every lot is told and much comes gradually; a twentieth where it is one of
    /// many.
    pub const fn comes_with(self) -> &'static [(ChangeKind, f64)] {
        const OFTEN: f64 = 0.25;
        const SELDOM: f64 = 0.05;
        match self {
            Self::SheetMaterial | Self::JointFriction | Self::ThreadDamage | Self::ColdPlate | Self::CellSorting => {
                &[(ChangeKind::Lot, OFTEN)]
            }
            Self::DosingPump => &[(ChangeKind::Lot, SELDOM)],
            Self::TighteningTool => {
                &[(ChangeKind::Tool, OFTEN), (ChangeKind::Program, SELDOM), (ChangeKind::Maintenance, SELDOM)]
            }
            Self::ElectrodeWear => &[(ChangeKind::Tool, SELDOM)],
            Self::ElectrodeForce => &[(ChangeKind::Tool, OFTEN), (ChangeKind::Maintenance, SELDOM)],
            Self::WeldCurrent => &[(ChangeKind::Program, OFTEN), (ChangeKind::Maintenance, SELDOM)],
            Self::WeldShunting => &[(ChangeKind::Program, SELDOM)],
            Self::LaserFocus => {
                &[(ChangeKind::Lot, SELDOM), (ChangeKind::Program, SELDOM), (ChangeKind::Maintenance, SELDOM)]
            }
            Self::LaserSpeed | Self::RobotSlowDown => &[(ChangeKind::Program, OFTEN)],
            Self::SlowCycle => &[(ChangeKind::Program, SELDOM)],
            Self::WeldWaterRestriction | Self::LoopRestriction | Self::CoolantLeak => {
                &[(ChangeKind::Maintenance, OFTEN)]
            }
            Self::LaserPower | Self::LeakTester | Self::ElectricalTest | Self::CoolantFill => {
                &[(ChangeKind::Maintenance, SELDOM)]
            }
            _ => &[],
        }
    }

    /// What comes of it if nobody does anything. Engineering judgement: a process that drifts makes parts to scrap, a loop
    /// that fails stops the stations that it cools.
    pub const fn consequence(self) -> Consequence {
        match self {
            Self::ElectrodeWear
            | Self::WeldWaterRestriction
            | Self::ElectrodeForce
            | Self::WeldCurrent
            | Self::SheetMaterial
            | Self::WeldShunting
            | Self::LaserPower
            | Self::LaserFocus
            | Self::LaserSpeed
            | Self::JointFriction
            | Self::JointYield
            | Self::ThreadDamage
            | Self::TighteningTool
            | Self::NozzleClog
            | Self::DosingPump
            | Self::LeakTester
            | Self::ColdPlate
            | Self::CoolantFill
            | Self::CellSorting
            | Self::ElectricalTest
            | Self::CommonCause => Consequence::Scrap,
            Self::ChillerFouling
            | Self::PumpWear
            | Self::LoopRestriction
            | Self::CoolantLeak
            | Self::CoolingSupply
            | Self::StuckValve
            | Self::GearboxWear
            | Self::MachineAlarm => Consequence::Stop,
            Self::RobotSlowDown | Self::MicroStops | Self::SlowCycle | Self::SupplyStarved => Consequence::Slow,
            Self::SensorFlatLine | Self::SensorDropout | Self::SensorSpikes | Self::SensorDrift | Self::LinkLoss => {
                Consequence::Blind
            }
        }
    }
}

/// What comes of a cause if nobody does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Consequence {
    /// Parts that must be scrapped or reworked.
    Scrap,
    /// The line stands.
    Stop,
    /// The line makes fewer parts.
    Slow,
    /// Nobody knows: the twin does not see what it should.
    Blind,
}

/// Where a cause is to be mended, seen from the station that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locus {
    /// At the station itself.
    Station,
    /// At a utility that the station depends on.
    Utility,
    /// At a link: the telemetry, not the process.
    Link,
    /// At no place of the line that is known: something that many stations share.
    Line,
}

causes! {
    /// The electrode face has grown or alloyed: less current density, a smaller nugget.
    ElectrodeWear = "electrode-wear", Station;
    /// Too little cooling water reaches the welding gun: its own hose or valve is restricted.
    WeldWaterRestriction = "weld-water-restriction", Station;
    /// The electrode force has shifted.
    ElectrodeForce = "electrode-force", Station;
    /// The weld controller or its transformer gives another current.
    WeldCurrent = "weld-current", Station;
    /// Sheet, coating or fit-up has changed.
    SheetMaterial = "sheet-material", Station;
    /// Part of the current takes another way than the spot: a weld too near, an edge that touches.
    WeldShunting = "weld-shunting", Station;
    /// The laser gives less power, or its protective glass is dirty.
    LaserPower = "laser-power", Station;
    /// Gap, focus or surface at the laser weld has changed.
    LaserFocus = "laser-focus", Station;
    /// The laser moves along the seam at another speed.
    LaserSpeed = "laser-speed", Station;
    /// The friction of the screw joint has changed: coating, lubricant, thread.
    JointFriction = "joint-friction", Station;
    /// Screws are cross-threaded, or threads damaged or dirty: they are hard to turn before anything is clamped.
    ThreadDamage = "thread-damage", Station;
    /// The tightening tool gives another torque.
    TighteningTool = "tightening-tool", Station;
    /// The dispensing nozzle is clogging.
    NozzleClog = "nozzle-clog", Station;
    /// The dosing pump or the material's viscosity has changed.
    DosingPump = "dosing-pump", Station;
    /// The leak tester itself has drifted, or its fixture leaks.
    LeakTester = "leak-tester", Station;
    /// Cold plates let less or more coolant through: blocked or deformed channels, a leak inside.
    ColdPlate = "cold-plate", Station;
    /// The pack's coolant is not filled as it should be: air left in it, or the dosing is off.
    CoolantFill = "coolant-fill", Station;
    /// Cells or modules of another class, charge or age have come in.
    CellSorting = "cell-sorting", Station;
    /// The electrical test shows a drift of its parts or of the tester.
    ElectricalTest = "electrical-test", Station;
    /// The chiller's heat exchanger is fouling, or it has lost refrigerant.
    ChillerFouling = "chiller-fouling", Station;
    /// The coolant pump is worn.
    PumpWear = "pump-wear", Station;
    /// The coolant loop is restricted: a strainer is full, a valve is shut.
    LoopRestriction = "loop-restriction", Station;
    /// The loop loses coolant.
    CoolantLeak = "coolant-leak", Station;
    /// The shared cooling loop does not deliver what it should.
    CoolingSupply = "cooling-supply", Utility;
    /// The robot moves slower or harder than it should.
    RobotSlowDown = "robot-slow-down", Station;
    /// A gearbox of the robot is worn: it has play.
    GearboxWear = "gearbox-wear", Station;
    /// The station stops often and shortly.
    MicroStops = "micro-stops", Station;
    /// The station works slower than it should.
    SlowCycle = "slow-cycle", Station;
    /// Too few parts arrive at the start of the line.
    SupplyStarved = "supply-starved", Station;
    /// A sensor gives the same value all the time.
    SensorFlatLine = "sensor-flat-line", Station;
    /// A sensor often gives no usable value.
    SensorDropout = "sensor-dropout", Station;
    /// A sensor often gives single wild values.
    SensorSpikes = "sensor-spikes", Station;
    /// A sensor has drifted away from those that measure the same.
    SensorDrift = "sensor-drift", Station;
    /// A link to the devices is down.
    LinkLoss = "link-loss", Link;
    /// Screws are tightened into their yield: over-tightened, or too weak for the torque.
    JointYield = "joint-yield", Station;
    /// A valve of the coolant loop does not follow its command, or its passage is not what its position says.
    StuckValve = "stuck-valve", Station;
    /// What many stations share has changed: supply, surroundings, the data themselves.
    CommonCause = "common-cause", Line;
    /// The machine itself says so; what it comes from is for the machine's own manual.
    MachineAlarm = "machine-alarm", Station;
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
