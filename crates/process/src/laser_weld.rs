//! Laser welding of tabs and busbars, seen by photodiodes.
//!
//! Weaker plasma and a narrower seam mean less power density; more back reflection means a worse coupling. Power at the
//! work piece and plasma rise when the protective glass was changed: nothing to warn of. I. Eriksson, P. Norman and
//! A. Kaplan, "Basic study of photodiode signals from laser welding emissions", NOLAMP 12 (2009).

use plant::{Cause, Role};

use crate::feature::{FeatureSpec, Floor::Absolute, Floor::Share, Formula, NONE, Quantity};

/// What coupling depends on in normal operation: the power that arrives, and how the parts fit.
const POWER_AND_GAP: &[Quantity] = &[Quantity::Mean(Role::LaserPower), Quantity::Mean(Role::LaserGap)];

pub(crate) const FEATURES: &[FeatureSpec] = &[
    FeatureSpec::mean("laser power", Role::LaserPower, Share(0.005), NONE, &[(Cause::LaserPower, 1.0)]),
    FeatureSpec::mean(
        "laser speed",
        Role::LaserSpeed,
        Share(0.005),
        &[(Cause::LaserSpeed, 1.0)],
        &[(Cause::LaserSpeed, 1.0)],
    ),
    FeatureSpec::mean(
        "focus height",
        Role::LaserFocus,
        Absolute(0.1),
        &[(Cause::LaserFocus, 1.0)],
        &[(Cause::LaserFocus, 1.0)],
    ),
    FeatureSpec::mean("gap", Role::LaserGap, Absolute(0.02), &[(Cause::LaserFocus, 0.4)], NONE),
    FeatureSpec::formula(LINE_ENERGY, Share(0.005), NONE, &[(Cause::LaserPower, 0.5), (Cause::LaserSpeed, 0.5)]),
    FeatureSpec::mean(
        "plasma signal",
        Role::LaserPlasma,
        Share(0.01),
        NONE,
        &[(Cause::LaserFocus, 0.6), (Cause::LaserPower, 0.4)],
    )
    .given(POWER_AND_GAP),
    FeatureSpec::mean(
        "back reflection",
        Role::LaserBackReflection,
        Share(0.02),
        &[(Cause::LaserFocus, 0.8), (Cause::CoolingSupply, 0.1)],
        NONE,
    )
    .given(POWER_AND_GAP),
    FeatureSpec::mean(
        "seam width",
        Role::LaserSeamWidth,
        Share(0.01),
        &[(Cause::LaserFocus, 0.6), (Cause::CoolingSupply, 0.1)],
        &[(Cause::LaserFocus, 0.6), (Cause::LaserPower, 0.4)],
    )
    .given(POWER_AND_GAP),
];

/// Energy for each millimetre of the seam, J/mm: power over speed.
const LINE_ENERGY: &Formula = &Formula {
    name: "line energy",
    unit: "J/mm",
    arguments: &[Quantity::Mean(Role::LaserPower), Quantity::Mean(Role::LaserSpeed)],
    of: |arguments, _| (arguments[1] > 0.0).then(|| arguments[0] / arguments[1]),
    knows: |_| true,
};
