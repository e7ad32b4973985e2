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
        /// No longer there, and seen: over.
        Closed,
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
        /// It is new.
        Raised,
        /// More speaks for it, or its cause ranks differently.
        Updated,
        /// Somebody took it on.
        Acknowledged,
        /// It is no longer there.
        Returned,
        /// It is no longer there, and somebody has seen it.
        Closed,
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
        /// A link that stayed down; its statistic is in seconds.
        LinkWatch,
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

/// Each cause's title, as it stands in a sentence ("… likely"), and what to do about it.
macro_rules! causes {
    ($($cause:ident: $title:literal, $advice:literal;)*) => {
        wire_names! {
            /// What an incident can come from.
            CauseName from plant::Cause { $(#[doc = $title] $cause,)* }
        }

        impl CauseName {
            /// The cause in a person's words, without a capital: "electrode wear".
            pub const fn title(self) -> &'static str {
                match self { $(Self::$cause => $title),* }
            }

            /// What to do about it, in one or two sentences.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$cause => $advice),* }
            }
        }
    };
}

causes! {
    ElectrodeWear: "electrode wear",
        "Dress the caps in the next gap, or change them if they have been dressed to the end. Check the nugget of the \
         next part (peel or ultrasonic test) and the parts since the onset.";
    WeldWaterRestriction: "restricted gun water",
        "Check the gun's hoses, strainer and shut-off valve for a kink, scale or a leak, and compare the flow with the \
         neighbouring guns. Do not weld on with hot caps: they wear within a few hundred spots.";
    ElectrodeForce: "electrode force shift",
        "Measure the force at the caps with a gauge and compare it with the weld schedule. Then check air pressure or \
         servo calibration, and the gun arm for friction.";
    WeldCurrent: "weld current shift",
        "Compare the controller's set and actual current and measure it with a second instrument. Then check secondary \
         cables, shunts and the transformer's connections for heat and looseness.";
    SheetMaterial: "changed sheet or fit-up",
        "Find out whether the coil, coating or supplier lot changed at the onset, and look for gaps between the sheets. \
         If the change is meant to stay, approve the weld schedule for it.";
    WeldShunting: "shunted welds",
        "Look at the spots' positions and the fit-up: a spot too near the last one, or sheets or tooling that touch, \
         let current past the weld. Check the parts since the onset with a peel or ultrasonic test.";
    LaserPower: "low laser power or dirty glass",
        "Inspect the protective glass and change it if it is stained. If the signal stays low, measure the power at the \
         work piece and compare it with the source's set value.";
    LaserFocus: "laser gap, focus or surface change",
        "Check clamping and gap of the parts first, then the focus position with a focus run. Look at the surface of the \
         parts since the onset: oil, oxide and scratches change the coupling.";
    LaserSpeed: "laser speed change",
        "Compare the set speed of the scanner or robot with the measured one, and look whether an override is on. \
         Check the penetration of the seams since the onset.";
    JointFriction: "joint friction change",
        "Find out whether screws, coating, thread lock or the part's lot changed at the onset. Right torque at a wrong \
         angle is a wrong clamp force: re-check the joints since the onset.";
    ThreadDamage: "damaged or cross-threaded screws",
        "Look at threads and screws of the parts since the onset for burrs, chips and paint, and at how the tool sets \
         the screw on. Quarantine the lot if the threads come like that.";
    TighteningTool: "tightening tool drift",
        "Check the tool against a reference transducer and look at its last calibration. Until then tighten with the \
         spare tool and re-check the joints since the onset.";
    NozzleClog: "clogging nozzle",
        "Purge and clean the nozzle, or change it, and weigh a test bead before going on. Cured rests at the tip point to \
         too long a pause or too old a material.";
    DosingPump: "dosing pump or viscosity change",
        "Check the temperature and the batch of the material first, then weigh test shots. If the mass stays off with the \
         right material, check the pump for wear or air.";
    LeakTester: "leak tester drift",
        "Run the calibrated leak and a known tight part. If both are off, the tester or its fixture is at fault: check \
         seals, hoses and the part's temperature before doubting the parts.";
    ColdPlate: "blocked or deformed cold plates",
        "Flush or cut open one of the plates and look for flux, chips or crushed channels. Quarantine the lot of \
         plates that came into use at the onset, and check the test's own hoses with a reference plate.";
    CoolantFill: "coolant fill not as it should be",
        "Check the vacuum pump, the seal of the filling head and the level of the supply. Packs that were filled \
         since the onset may have air in them: vent and weigh them.";
    CellSorting: "mixed cells or modules",
        "Compare the lots, dates and charge of the modules in the last packs, and stop mixing them. Packs whose \
         modules differ age by the weakest: sort those since the onset out for a decision.";
    ElectricalTest: "electrical test drift",
        "Measure the reference part first: if it is off, check the contacts and the calibration of the tester. If it is \
         right, look for a change in the cells, joints or insulation since the onset.";
    ChillerFouling: "chiller fouling or refrigerant loss",
        "Clean the condenser and the filter, and compare the refrigerant's pressures with the type plate. Have it \
         serviced before the warm hours: the reserve is going.";
    PumpWear: "coolant pump wear",
        "Compare flow and head with the pump's curve and listen for bearing noise or cavitation. Plan the change for the \
         next stop and have the spare ready.";
    LoopRestriction: "restricted cooling loop",
        "Check and clean the strainer, and see that every valve of the loop is fully open. Compare the pressure before \
         and after each user to find the narrow place.";
    CoolantLeak: "coolant leak",
        "Look for drips and wet floor along the loop, at the pump's seal and at the guns, and top the tank up before \
         the pump draws air. Keep water away from the electrical cabinets.";
    CoolingSupply: "weak cooling supply",
        "Look at the shared cooling loop, not at the stations: supply temperature, flow, pump and chiller. Stations that \
         share it show the same, and mending them one by one will not help.";
    RobotSlowDown: "robot slow-down",
        "Check whether somebody changed the program, the speed override or the load data. If not, look for friction: \
         axis temperature, brakes, gearbox, dress pack.";
    GearboxWear: "worn robot gearbox",
        "Have the play of the axis measured and the grease looked at for metal. Plan the gearbox's change, and check \
         the position of what the robot has placed since the onset.";
    MicroStops: "micro-stops",
        "Watch the station for ten cycles and note what stops it: part presence sensor, gripper, feeder or light curtain. \
         Mend the most frequent one first.";
    SlowCycle: "slow cycle",
        "Compare the steps of a cycle with the reference to find the one that takes longer. Valve speeds, speed \
         overrides, retries and waiting for a hand-shake are the usual ones.";
    SupplyStarved: "lack of parts at the start of the line",
        "Ask logistics when the next parts come and tell the next shift. The stations are in order: use the time for \
         dressing, cleaning or checks that are due.";
    SensorFlatLine: "stuck sensor",
        "Check the sensor, its cable and its input card, and compare the value with a second instrument. Until it moves \
         again the twin does not judge what this sensor measures.";
    SensorDropout: "sensor that drops out",
        "Check the plug, the cable where it bends and the input card for a loose contact, while somebody watches the value. \
         Until it is there again the twin does not judge what this sensor measures.";
    SensorSpikes: "spiking sensor",
        "Check shield, earth and plug of the sensor, and what switches near its cable at these moments. If a second \
         instrument shows the same wild values they are real: look at the parts of those cycles.";
    SensorDrift: "drifting sensor",
        "Compare the sensors that should agree with a calibrated instrument, and mend or calibrate the one that is off; \
         report it as a sensor change. Until then the twin does not judge what it measures, and nor should a control loop.";
    LinkLoss: "link down",
        "Check power, network and the device; the evidence says what the connection reported. Until it is back the twin \
         is blind for the signals of this link, and silence from there means nothing.";
    JointYield: "joints tightened into yield",
        "Check the target torque or angle, and the strength class and length of the screws that came into use. A screw that \
         has yielded must be changed: sort out the parts since the onset.";
    StuckValve: "stuck coolant valve",
        "Let the valve travel by hand and compare its opening with command and feedback. Then check actuator, coupling and \
         signal; if it moves freely, look for what blocks its seat.";
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
            alarms::Detector::LinkWatch,
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

    #[test]
    fn every_advice_is_one_or_two_sentences() {
        for &cause in plant::Cause::ALL {
            let advice = CauseName::from(cause).advice();
            let sentences = advice.matches(". ").count() + 1;
            assert!(advice.ends_with('.') && sentences <= 2 && !advice.contains("  "), "{cause}: {advice}");
        }
    }
}
