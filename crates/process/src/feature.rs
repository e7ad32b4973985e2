use plant::{Cause, Role, StationKind};

/// A number that a cycle comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Mean of the values that the signal in that role took in the cycle, in the signal's unit.
    Mean(Role),
    /// The value that the signal in that role has at the end of the cycle, in the signal's unit.
    Held(Role),
    /// Time at work on the part, without the station's own stops, s.
    WorkTime,
    /// Time stopped with a fault of its own since the end of the cycle before, s.
    StopTime,
    /// Time ready but without a part before the cycle, s.
    StarvedTime,
    /// Temperature of the air around, °C: of the one signal in the plant in the role `ambient.temperature`.
    Ambient,
    /// Heat that the coolant takes up, kW: flow × density × heat capacity × (return − supply), for water.
    LoopHeat,
}

impl Quantity {
    /// The roles that the station itself must have for it.
    pub const fn roles(&self) -> &[Role] {
        match self {
            Self::Mean(role) | Self::Held(role) => std::slice::from_ref(role),
            Self::WorkTime | Self::StarvedTime => &[Role::CycleActive],
            Self::StopTime => &[Role::CycleActive, Role::Fault],
            Self::Ambient => &[],
            Self::LoopHeat => &[Role::LoopFlow, Role::LoopSupplyTemperature, Role::LoopReturnTemperature],
        }
    }

    /// The unit, where it does not come from a signal.
    pub const fn own_unit(&self) -> Option<&'static str> {
        match self {
            Self::Mean(_) | Self::Held(_) => None,
            Self::WorkTime | Self::StopTime | Self::StarvedTime => Some("s"),
            Self::Ambient => Some("°C"),
            Self::LoopHeat => Some("kW"),
        }
    }
}

/// The departure of a feature from what is expected of it up to which nobody wants to be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// In the feature's unit.
    Absolute(f64),
    /// As a share of what is expected.
    Share(f64),
}

impl Floor {
    /// The same where that is expected, in the feature's unit.
    pub fn departure(self, expected: f64) -> f64 {
        match self {
            Self::Absolute(departure) => departure,
            Self::Share(share) => share * expected.abs(),
        }
    }
}

use Floor::{Absolute, Share};

/// A feature that is watched for drift, and what a drift of it can mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureSpec {
    /// What a person calls it.
    pub name: &'static str,
    /// What it is.
    pub quantity: Quantity,
    /// What it depends on in normal operation; at most three. The baseline learns how.
    pub covariates: &'static [Quantity],
    /// What a good process of this kind departs from its expectation anyway, so that as much is of no interest to anybody.
    pub floor: Floor,
    /// What a rise can come from, each with its weight; a rise is not watched if there is none.
    pub rise: &'static [(Cause, f64)],
    /// What a fall can come from, each with its weight; a fall is not watched if there is none.
    pub fall: &'static [(Cause, f64)],
    /// Whether it is what a utility supplies others with, so that they feel a drift of it.
    pub is_supply: bool,
}

const NONE: &[(Cause, f64)] = &[];

const fn mean(
    name: &'static str,
    role: Role,
    floor: Floor,
    rise: &'static [(Cause, f64)],
    fall: &'static [(Cause, f64)],
) -> FeatureSpec {
    FeatureSpec { name, quantity: Quantity::Mean(role), covariates: &[], floor, rise, fall, is_supply: false }
}

const fn supply(spec: FeatureSpec) -> FeatureSpec {
    FeatureSpec { is_supply: true, ..spec }
}

const fn depending(spec: FeatureSpec, covariates: &'static [Quantity]) -> FeatureSpec {
    FeatureSpec { covariates, ..spec }
}

/// Work and stop time, for every station with cycles; and the supply of the line's first stations.
const WORK_TIME: FeatureSpec = FeatureSpec {
    name: "work time",
    quantity: Quantity::WorkTime,
    covariates: &[],
    floor: Share(0.01),
    rise: &[(Cause::SlowCycle, 0.8), (Cause::MicroStops, 0.1)],
    fall: NONE,
    is_supply: false,
};
const STOP_TIME: FeatureSpec = FeatureSpec {
    name: "stop time",
    quantity: Quantity::StopTime,
    covariates: &[],
    floor: Absolute(1.0),
    rise: &[(Cause::MicroStops, 1.0)],
    fall: NONE,
    is_supply: false,
};
const STARVED_TIME: FeatureSpec = FeatureSpec {
    name: "wait for parts",
    quantity: Quantity::StarvedTime,
    covariates: &[],
    floor: Absolute(1.0),
    rise: &[(Cause::SupplyStarved, 1.0)],
    fall: NONE,
    is_supply: false,
};

/// Wear lowers the contact resistance, because the face grows and the current spreads: H. Zhang and J. Senkara,
/// Resistance Welding: Fundamentals and Applications, 2nd ed. (2012), chapters 3 and 5; ISO 8166 on electrode life.
const SPOT_WELD: &[FeatureSpec] = &[
    depending(
        mean(
            "weld resistance",
            Role::WeldResistance,
            Share(0.02),
            &[(Cause::SheetMaterial, 0.5), (Cause::ElectrodeForce, 0.3), (Cause::WeldWaterRestriction, 0.1)],
            &[
                (Cause::ElectrodeWear, 0.7),
                (Cause::ElectrodeForce, 0.2),
                (Cause::WeldWaterRestriction, 0.1),
                (Cause::CoolingSupply, 0.1),
            ],
        ),
        &[Quantity::Held(Role::ToolLife), Quantity::Mean(Role::GunWaterTemperature)],
    ),
    depending(
        mean(
            "weld energy",
            Role::WeldEnergy,
            Share(0.02),
            &[(Cause::SheetMaterial, 0.4), (Cause::WeldCurrent, 0.4), (Cause::WeldWaterRestriction, 0.1)],
            &[
                (Cause::ElectrodeWear, 0.5),
                (Cause::WeldCurrent, 0.3),
                (Cause::WeldWaterRestriction, 0.1),
                (Cause::CoolingSupply, 0.1),
            ],
        ),
        &[Quantity::Held(Role::ToolLife), Quantity::Mean(Role::GunWaterTemperature)],
    ),
    mean("weld current", Role::WeldCurrent, Share(0.005), &[(Cause::WeldCurrent, 1.0)], &[(Cause::WeldCurrent, 1.0)]),
    mean(
        "electrode force",
        Role::WeldForce,
        Share(0.01),
        &[(Cause::ElectrodeForce, 1.0)],
        &[(Cause::ElectrodeForce, 1.0)],
    ),
    mean(
        "gun water flow",
        Role::GunWaterFlow,
        Share(0.02),
        NONE,
        &[(Cause::WeldWaterRestriction, 0.9), (Cause::CoolingSupply, 0.5)],
    ),
    mean(
        "gun water temperature",
        Role::GunWaterTemperature,
        Absolute(0.3),
        &[(Cause::WeldWaterRestriction, 0.5), (Cause::CoolingSupply, 0.6)],
        NONE,
    ),
];

/// Weaker plasma and a narrower seam mean less power density; more back reflection means a worse coupling. Power at
/// the work piece and plasma rise when the protective glass was changed: nothing to warn of.
const LASER_WELD: &[FeatureSpec] = &[
    mean("laser power", Role::LaserPower, Share(0.005), NONE, &[(Cause::LaserPower, 1.0)]),
    depending(
        mean(
            "plasma signal",
            Role::LaserPlasma,
            Share(0.01),
            NONE,
            &[(Cause::LaserFocus, 0.6), (Cause::LaserPower, 0.4)],
        ),
        &[Quantity::Mean(Role::LaserPower)],
    ),
    depending(
        mean(
            "back reflection",
            Role::LaserBackReflection,
            Share(0.02),
            &[(Cause::LaserFocus, 0.8), (Cause::CoolingSupply, 0.1)],
            NONE,
        ),
        &[Quantity::Mean(Role::LaserPower)],
    ),
    depending(
        mean(
            "seam width",
            Role::LaserSeamWidth,
            Share(0.01),
            &[(Cause::LaserFocus, 0.6), (Cause::CoolingSupply, 0.1)],
            &[(Cause::LaserFocus, 0.6), (Cause::LaserPower, 0.4)],
        ),
        &[Quantity::Mean(Role::LaserPower)],
    ),
];

/// At a given torque the angle tells the friction: VDI 2230 part 1, the torque balance of a screw joint.
const PACK_ASSEMBLY: &[FeatureSpec] = &[
    mean(
        "final torque",
        Role::TightenTorque,
        Share(0.005),
        &[(Cause::TighteningTool, 1.0)],
        &[(Cause::TighteningTool, 1.0)],
    ),
    depending(
        mean(
            "tightening angle",
            Role::TightenAngle,
            Share(0.01),
            &[(Cause::JointFriction, 0.9), (Cause::TighteningTool, 0.1)],
            &[(Cause::JointFriction, 0.9), (Cause::TighteningTool, 0.1)],
        ),
        &[Quantity::Mean(Role::TightenTorque)],
    ),
    depending(
        mean(
            "dispensed mass",
            Role::DispenseMass,
            Share(0.01),
            &[(Cause::DosingPump, 1.0)],
            &[(Cause::NozzleClog, 0.5), (Cause::DosingPump, 0.4)],
        ),
        &[Quantity::Ambient],
    ),
    depending(
        mean(
            "dispensing pressure",
            Role::DispensePressure,
            Share(0.02),
            &[(Cause::NozzleClog, 0.7), (Cause::DosingPump, 0.3)],
            &[(Cause::DosingPump, 0.8)],
        ),
        &[Quantity::Ambient],
    ),
    depending(
        mean(
            "pressure drop",
            Role::LeakPressureDrop,
            Share(0.05),
            &[(Cause::LeakTester, 1.0)],
            &[(Cause::LeakTester, 1.0)],
        ),
        &[Quantity::Mean(Role::LeakTemperature)],
    ),
    depending(
        mean("insulation resistance", Role::EolInsulation, Share(0.05), NONE, &[(Cause::ElectricalTest, 1.0)]),
        &[Quantity::Ambient],
    ),
    mean(
        "pack voltage",
        Role::EolVoltage,
        Share(0.003),
        &[(Cause::ElectricalTest, 1.0)],
        &[(Cause::ElectricalTest, 1.0)],
    ),
    depending(
        mean(
            "pack resistance",
            Role::EolResistance,
            Share(0.01),
            &[(Cause::ElectricalTest, 1.0)],
            &[(Cause::ElectricalTest, 0.5)],
        ),
        &[Quantity::Ambient],
    ),
];

/// A worn pump gives less flow and less pressure; a restricted loop gives less flow at more pressure. A fouled
/// exchanger makes the chiller work more for the same heat: ASHRAE Handbook, HVAC Systems and Equipment.
const COOLING_LOOP: &[FeatureSpec] = &[
    supply(mean(
        "loop flow",
        Role::LoopFlow,
        Share(0.01),
        NONE,
        &[(Cause::PumpWear, 0.5), (Cause::LoopRestriction, 0.5)],
    )),
    mean(
        "pump pressure",
        Role::PumpPressure,
        Share(0.01),
        &[(Cause::LoopRestriction, 0.8)],
        &[(Cause::PumpWear, 0.8), (Cause::LoopRestriction, 0.1)],
    ),
    depending(
        mean("pump power", Role::PumpPower, Share(0.01), &[(Cause::PumpWear, 0.6)], NONE),
        &[Quantity::Mean(Role::LoopFlow)],
    ),
    depending(
        mean("chiller power", Role::ChillerPower, Share(0.02), &[(Cause::ChillerFouling, 0.9)], NONE),
        &[Quantity::LoopHeat, Quantity::Ambient],
    ),
    supply(depending(
        mean(
            "supply temperature",
            Role::LoopSupplyTemperature,
            Absolute(0.2),
            &[(Cause::ChillerFouling, 0.7), (Cause::PumpWear, 0.1)],
            NONE,
        ),
        &[Quantity::LoopHeat, Quantity::Ambient],
    )),
];

const ROBOT: &[FeatureSpec] = &[
    mean("motion time", Role::RobotMotionTime, Share(0.005), &[(Cause::RobotSlowDown, 1.0)], NONE),
    // A cold gearbox turns harder.
    depending(
        mean("axis torque", Role::RobotAxisTorque, Share(0.01), &[(Cause::RobotSlowDown, 0.5)], NONE),
        &[Quantity::Mean(Role::RobotAxisTemperature)],
    ),
];

/// The features of a kind of station; those whose roles a station lacks do not apply to it.
pub(crate) fn features_of(kind: StationKind, is_entry: bool) -> Vec<FeatureSpec> {
    let own = match kind {
        StationKind::SpotWeld => SPOT_WELD,
        StationKind::LaserWeld => LASER_WELD,
        StationKind::PackAssembly => PACK_ASSEMBLY,
        StationKind::CoolingLoop => COOLING_LOOP,
        StationKind::Robot => ROBOT,
        StationKind::Buffer => &[],
    };
    let work_time = match kind {
        StationKind::Robot => {
            FeatureSpec { rise: &[(Cause::RobotSlowDown, 0.6), (Cause::SlowCycle, 0.3)], ..WORK_TIME }
        }
        _ => WORK_TIME,
    };
    let mut features = own.to_vec();
    if kind != StationKind::Buffer {
        features.extend([work_time, STOP_TIME]);
        features.extend(is_entry.then_some(STARVED_TIME));
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_means_something_and_fits_the_baseline() {
        for kind in StationKind::ALL {
            for feature in features_of(kind, true) {
                assert!(!(feature.rise.is_empty() && feature.fall.is_empty()), "{}", feature.name);
                assert!(feature.covariates.len() <= 3, "{}", feature.name);
                let (Absolute(floor) | Share(floor)) = feature.floor;
                assert!(floor > 0.0, "{}", feature.name);
                for &(_, weight) in feature.rise.iter().chain(feature.fall) {
                    assert!(weight > 0.0 && weight <= 1.0, "{}", feature.name);
                }
            }
        }
    }
}
