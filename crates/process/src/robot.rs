//! A handling robot: its time by segment of the way, its load, its play.

use plant::{Cause, Role};

use crate::feature::{FeatureSpec, Floor::Absolute, Floor::Share, NONE, Quantity};

pub(crate) const FEATURES: &[FeatureSpec] = &[
    FeatureSpec::mean("motion time", Role::RobotMotionTime, Share(0.005), &[(Cause::RobotSlowDown, 1.0)], NONE),
    // All segments slow down with the speed override; one alone does where something is in the way or does not answer.
    FeatureSpec::mean("approach time", Role::RobotApproachTime, Share(0.01), SEGMENT, NONE),
    FeatureSpec::mean("carry time", Role::RobotCarryTime, Share(0.01), SEGMENT, NONE),
    FeatureSpec::mean("return time", Role::RobotReturnTime, Share(0.01), SEGMENT, NONE),
    // A cold gearbox turns harder.
    FeatureSpec::mean(
        "axis torque",
        Role::RobotAxisTorque,
        Share(0.01),
        &[(Cause::RobotSlowDown, 0.5), (Cause::GearboxWear, 0.3)],
        NONE,
    )
    .given(&[Quantity::Mean(Role::RobotAxisTemperature)]),
    FeatureSpec::mean("backlash", Role::RobotBacklash, Absolute(0.1), &[(Cause::GearboxWear, 1.0)], NONE)
        .given(&[Quantity::Mean(Role::RobotAxisTemperature)]),
];

const SEGMENT: &[(Cause, f64)] = &[(Cause::RobotSlowDown, 0.6), (Cause::SlowCycle, 0.4)];
