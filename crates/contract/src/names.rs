use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The wire's counterpart of an enum of the core: the same cases, spelt in kebab-case. A case that is added to the core
/// does not compile here until it is promised to the outside as well. `both` are names that also come in.
macro_rules! wire_names {
    ($(#[$doc:meta])* $wire:ident both $core:ty { $($(#[$case_doc:meta])* $case:ident,)* }) => {
        wire_names! { $(#[$doc])* $wire from $core { $($(#[$case_doc])* $case,)* } }

        impl From<$wire> for $core {
            fn from(wire: $wire) -> Self {
                match wire { $($wire::$case => Self::$case,)* }
            }
        }
    };
    ($(#[$doc:meta])* $wire:ident from $core:ty { $($(#[$case_doc:meta])* $case:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $wire { $($(#[$case_doc])* $case,)* }

        impl From<$core> for $wire {
            fn from(core: $core) -> Self {
                match core { $(<$core>::$case => Self::$case,)* }
            }
        }
    };
}
pub(crate) use wire_names;

wire_names! {
    /// The state of an incident, after ISA-18.2.
    StateName from alarms::IncidentState {
        /// There, and nobody has seen it.
        Unacknowledged,
        /// There, and somebody has taken it on.
        Acknowledged,
        /// No longer there, and nobody has seen it.
        ReturnedUnacknowledged,
        /// Kept from view for a while, because somebody wants that.
        Shelved,
        /// Kept from view by design, while the plant is in a state where it says nothing, or in a flood.
        Suppressed,
        /// Kept from view until somebody says so: the place is being maintained.
        OutOfService,
        /// No longer there, and seen or not to be shown: over.
        Closed,
    }
}

impl StateName {
    /// Whether it is there and kept from view.
    pub const fn is_hidden(self) -> bool {
        matches!(self, Self::Shelved | Self::Suppressed | Self::OutOfService)
    }
}

wire_names! {
    /// How soon somebody should act.
    PriorityName from alarms::Priority {
        /// In this shift.
        Low,
        /// Within the hour.
        Medium,
        /// Now.
        High,
    }
}

wire_names! {
    /// How an incident changed.
    ChangeName from alarms::Change {
        /// It asks for attention: it is new, or came again after it was closed.
        Raised,
        /// More speaks for it, its cause ranks differently, or it came again before it was closed.
        Updated,
        /// Somebody took it on.
        Acknowledged,
        /// It is no longer there.
        Returned,
        /// It is no longer there, and somebody has seen it or it was not to be shown.
        Closed,
        /// Somebody does not want to see it for a while.
        Shelved,
        /// It is shown again, and asks again.
        Unshelved,
        /// The plant is in a state where it is not shown, or there are too many.
        Suppressed,
        /// That is over.
        Unsuppressed,
        /// All that shows it is being maintained.
        RemovedFromService,
        /// What shows it is in service again, and it asks again.
        PlacedInService,
        /// Somebody added something.
        Commented,
        /// Somebody said whether it is true.
        Judged,
        /// Nobody has acknowledged it, and others are told.
        Escalated,
        /// It was acknowledged long ago and is still there, or has become more urgent since: it asks again.
        ReAlarmed,
    }
}

wire_names! {
    /// What comes of an incident if nobody does anything.
    ConsequenceName from plant::Consequence {
        /// Parts that must be scrapped or reworked.
        Scrap,
        /// The line stands.
        Stop,
        /// The line makes fewer parts.
        Slow,
        /// Nobody knows: the twin does not see what it should.
        Blind,
    }
}

wire_names! {
    /// What somebody said of an incident.
    JudgementName from alarms::Judgement {
        /// There is something wrong.
        True,
        /// Nothing is wrong.
        False,
        /// Something is different, and is meant to be so.
        Planned,
    }
}

wire_names! {
    /// Which way a feature went.
    DirectionName from alarms::Direction {
        /// Above its baseline.
        Up,
        /// Below its baseline.
        Down,
    }
}

wire_names! {
    /// What noticed it.
    DetectorName from alarms::Detector {
        /// A mean that shifted; its statistic is a log-likelihood ratio.
        MeanShift,
        /// Values that scatter more than before; its statistic is a log-likelihood ratio.
        SpreadGrowth,
        /// A value that no longer changes from cycle to cycle; its statistic is in cycles.
        FlatLine,
        /// Cycles without a usable value, more of them than before; its statistic is evidence as odds.
        Dropout,
        /// Single wild values that go back at once, more of them than before; its statistic is evidence as odds.
        Spikes,
        /// A signal that has parted from those that measure the same; its statistic is a log-likelihood ratio.
        PeerDrift,
        /// A signal that was not heard of for too long; its statistic is in seconds.
        Silence,
        /// A link that stayed down; its statistic is in seconds.
        LinkWatch,
        /// The machine says itself that something is wrong; its statistic is the severity, from 1 to 1000.
        MachineAlarm,
    }
}

wire_names! {
    /// What a station does.
    StationKindName from plant::StationKind {
        /// Resistance spot welding.
        SpotWeld,
        /// Laser welding of tabs and busbars.
        LaserWeld,
        /// Battery-pack assembly.
        PackAssembly,
        /// A coolant loop with pump and chiller.
        CoolingLoop,
        /// A handling robot.
        Robot,
        /// A store of parts between stations.
        Buffer,
    }
}

wire_names! {
    /// What an incident can come from. What a person reads of each is in the runbook.
    CauseName both plant::Cause {
        /// Electrode wear.
        ElectrodeWear,
        /// Restricted gun water.
        WeldWaterRestriction,
        /// Electrode force shift.
        ElectrodeForce,
        /// Weld current shift.
        WeldCurrent,
        /// Changed sheet or fit-up.
        SheetMaterial,
        /// Shunted welds.
        WeldShunting,
        /// Low laser power or dirty glass.
        LaserPower,
        /// Laser gap, focus or surface change.
        LaserFocus,
        /// Laser speed change.
        LaserSpeed,
        /// Joint friction change.
        JointFriction,
        /// Damaged or cross-threaded screws.
        ThreadDamage,
        /// Tightening tool drift.
        TighteningTool,
        /// Clogging nozzle.
        NozzleClog,
        /// Dosing pump or viscosity change.
        DosingPump,
        /// Leak tester drift.
        LeakTester,
        /// Blocked or deformed cold plates.
        ColdPlate,
        /// Coolant fill not as it should be.
        CoolantFill,
        /// Mixed cells or modules.
        CellSorting,
        /// Electrical test drift.
        ElectricalTest,
        /// Chiller fouling or refrigerant loss.
        ChillerFouling,
        /// Coolant pump wear.
        PumpWear,
        /// Restricted cooling loop.
        LoopRestriction,
        /// Coolant leak.
        CoolantLeak,
        /// Weak cooling supply.
        CoolingSupply,
        /// Robot slow-down.
        RobotSlowDown,
        /// Worn robot gearbox.
        GearboxWear,
        /// Micro-stops.
        MicroStops,
        /// Slow cycle.
        SlowCycle,
        /// Lack of parts at the start of the line.
        SupplyStarved,
        /// Stuck sensor.
        SensorFlatLine,
        /// Sensor that drops out.
        SensorDropout,
        /// Spiking sensor.
        SensorSpikes,
        /// Drifting sensor.
        SensorDrift,
        /// Link down.
        LinkLoss,
        /// Joints tightened into yield.
        JointYield,
        /// Stuck coolant valve.
        StuckValve,
        /// Something that many stations share.
        CommonCause,
        /// Alarm of the machine itself.
        MachineAlarm,
    }
}

impl CauseName {
    /// The name as the JSON has it.
    pub fn name(self) -> &'static str {
        plant::Cause::from(self).name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InterventionName;

    fn check(wire: impl Serialize, name: &str) {
        assert_eq!(serde_json::to_value(wire).ok(), Some(name.into()));
    }

    #[test]
    fn the_wire_spells_names_as_the_core_does() {
        for &cause in plant::Cause::ALL {
            check(CauseName::from(cause), cause.name());
            assert_eq!(CauseName::from(cause).name(), cause.name());
        }
        for kind in plant::StationKind::ALL {
            check(StationKindName::from(kind), kind.name());
        }
        for state in [alarms::IncidentState::ReturnedUnacknowledged, alarms::IncidentState::Closed] {
            check(StateName::from(state), state.name());
        }
        for detector in [
            alarms::Detector::MeanShift,
            alarms::Detector::SpreadGrowth,
            alarms::Detector::FlatLine,
            alarms::Detector::Dropout,
            alarms::Detector::Spikes,
            alarms::Detector::PeerDrift,
            alarms::Detector::Silence,
            alarms::Detector::LinkWatch,
            alarms::Detector::MachineAlarm,
        ] {
            check(DetectorName::from(detector), detector.name());
        }
        for &kind in telemetry::InterventionKind::ALL {
            check(InterventionName::from(kind), kind.name());
            assert_eq!(telemetry::InterventionKind::from(InterventionName::from(kind)), kind);
        }
        check(PriorityName::from(alarms::Priority::High), alarms::Priority::High.name());
        check(ChangeName::from(alarms::Change::Raised), alarms::Change::Raised.name());
    }
}
