//! Assembly of the battery pack: tightening by its results or by the curve of each joint, dispensing, leak test, cold plate
//! and coolant, sorting of cells, modules, electrical end-of-line test. Which of them a station does, its roles say.

use plant::{Cause, Role};

use crate::feature::{Causes, FeatureSpec, Floor::Absolute, Floor::Share, Formula, NONE, Quantity};
use crate::joint::JointValue;
use crate::trace::CurveValue;

pub(crate) const FEATURES: &[FeatureSpec] = &[
    // At a given torque the angle tells the friction: VDI 2230 part 1, the torque balance of a screw joint.
    FeatureSpec::mean(
        "tightening angle",
        Role::TightenAngle,
        Share(0.01),
        &[(Cause::JointFriction, 0.9), (Cause::TighteningTool, 0.1)],
        &[(Cause::JointFriction, 0.9), (Cause::TighteningTool, 0.1)],
    )
    .given(&[Quantity::Mean(Role::TightenTorque)]),
    FeatureSpec::formula(
        TORQUE_GRADIENT,
        Share(0.01),
        &[(Cause::JointFriction, 0.9), (Cause::ThreadDamage, 0.1)],
        &[(Cause::JointFriction, 0.9)],
    )
    .instead_of("tightening angle"),
    FeatureSpec::mean(
        "rundown torque",
        Role::TightenRundownTorque,
        Share(0.05),
        &[(Cause::ThreadDamage, 0.9), (Cause::JointFriction, 0.1)],
        NONE,
    ),
    FeatureSpec::mean(
        "dispensed mass",
        Role::DispenseMass,
        Share(0.01),
        &[(Cause::DosingPump, 1.0)],
        &[(Cause::NozzleClog, 0.5), (Cause::DosingPump, 0.4)],
    )
    .given(MATERIAL),
    FeatureSpec::mean(
        "dispensing pressure",
        Role::DispensePressure,
        Share(0.02),
        &[(Cause::NozzleClog, 0.7), (Cause::DosingPump, 0.3)],
        &[(Cause::DosingPump, 0.8)],
    )
    .given(MATERIAL),
    FeatureSpec::formula(
        NOZZLE_RESISTANCE,
        Share(0.02),
        &[(Cause::NozzleClog, 0.7), (Cause::DosingPump, 0.3)],
        &[(Cause::DosingPump, 0.8)],
    )
    .given(MATERIAL)
    .instead_of("dispensing pressure"),
    FeatureSpec::mean(
        "pressure drop",
        Role::LeakPressureDrop,
        Share(0.05),
        &[(Cause::LeakTester, 1.0)],
        &[(Cause::LeakTester, 1.0)],
    )
    .given(&[Quantity::Formula(PART_ABOVE_AIR)]),
    FeatureSpec::formula(LEAK_RATE, Share(0.05), &[(Cause::LeakTester, 1.0)], &[(Cause::LeakTester, 1.0)])
        .given(&[Quantity::Formula(PART_ABOVE_AIR)])
        .instead_of("pressure drop"),
    FeatureSpec::formula(PLATE_RESISTANCE, Share(0.02), &[(Cause::ColdPlate, 1.0)], &[(Cause::ColdPlate, 1.0)]),
    FeatureSpec::mean(
        "coolant filled",
        Role::FillMass,
        Share(0.005),
        &[(Cause::CoolantFill, 1.0)],
        &[(Cause::CoolantFill, 0.8), (Cause::ColdPlate, 0.2)],
    ),
    FeatureSpec::mean("filling vacuum", Role::FillVacuum, Share(0.05), &[(Cause::CoolantFill, 1.0)], NONE),
    FeatureSpec::mean(
        "module voltage",
        Role::ModuleVoltage,
        Share(0.003),
        &[(Cause::CellSorting, 0.8), (Cause::ElectricalTest, 0.2)],
        &[(Cause::CellSorting, 0.8), (Cause::ElectricalTest, 0.2)],
    ),
    FeatureSpec::new(
        "module voltage range",
        Quantity::Range(Role::ModuleVoltage),
        Share(0.1),
        &[(Cause::CellSorting, 1.0)],
        NONE,
    ),
    FeatureSpec::mean(
        "module resistance",
        Role::ModuleResistance,
        Share(0.01),
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
    )
    .given(&[Quantity::Ambient]),
    FeatureSpec::new(
        "module resistance range",
        Quantity::Range(Role::ModuleResistance),
        Share(0.1),
        &[(Cause::CellSorting, 1.0)],
        NONE,
    ),
    FeatureSpec::mean("insulation resistance", Role::EolInsulation, Share(0.05), NONE, &[(Cause::ElectricalTest, 1.0)])
        .given(&[Quantity::Ambient]),
    FeatureSpec::mean(
        "pack voltage",
        Role::EolVoltage,
        Share(0.003),
        &[(Cause::ElectricalTest, 0.6), (Cause::CellSorting, 0.4)],
        &[(Cause::ElectricalTest, 0.6), (Cause::CellSorting, 0.4)],
    ),
    FeatureSpec::mean(
        "pack resistance",
        Role::EolResistance,
        Share(0.01),
        &[(Cause::ElectricalTest, 0.6), (Cause::CellSorting, 0.4)],
        &[(Cause::ElectricalTest, 0.5), (Cause::CellSorting, 0.4)],
    )
    .given(&[Quantity::Ambient]),
    // What the controller holds the joint to, and the plant its limits, where both are told.
    FeatureSpec::joint(
        "peak torque",
        JointValue::Peak,
        Share(0.005),
        &[(Cause::TighteningTool, 1.0)],
        &[(Cause::TighteningTool, 1.0)],
    ),
    FeatureSpec::mean(
        "final torque",
        Role::TightenTorque,
        Share(0.005),
        &[(Cause::TighteningTool, 1.0)],
        &[(Cause::TighteningTool, 1.0)],
    )
    .instead_of("peak torque"),
    FeatureSpec::joint(
        "clamping gradient",
        JointValue::Gradient,
        Share(0.01),
        &[(Cause::JointFriction, 0.7), (Cause::ThreadDamage, 0.3)],
        &[(Cause::JointFriction, 0.5), (Cause::ThreadDamage, 0.3), (Cause::JointYield, 0.2)],
    )
    .instead_of("torque gradient"),
    // Angle and energy follow from gradient and torque while the joint is elastic, so they say little more of friction; they
    // do of a joint that yields.
    FeatureSpec::joint(
        "clamping angle",
        JointValue::Clamping,
        Share(0.01),
        &[(Cause::JointYield, 0.6), (Cause::JointFriction, 0.2), (Cause::ThreadDamage, 0.2)],
        &[(Cause::JointFriction, 0.3), (Cause::ThreadDamage, 0.2)],
    )
    .given(&[Quantity::Curve(CurveValue::Joint(JointValue::Peak))])
    .instead_of("tightening angle"),
    FeatureSpec::joint(
        "final gradient",
        JointValue::FinalGradient,
        Share(0.05),
        &[(Cause::ThreadDamage, 0.5), (Cause::JointFriction, 0.3)],
        &[(Cause::JointYield, 0.9), (Cause::ThreadDamage, 0.1)],
    ),
    FeatureSpec::joint(
        "tightening energy",
        JointValue::Energy,
        Share(0.02),
        &[(Cause::JointYield, 0.5), (Cause::TighteningTool, 0.2), (Cause::ThreadDamage, 0.1)],
        &[(Cause::JointFriction, 0.3), (Cause::TighteningTool, 0.2), (Cause::ThreadDamage, 0.2)],
    ),
    FeatureSpec::joint(
        "rundown angle",
        JointValue::Rundown,
        Share(0.01),
        &[(Cause::ThreadDamage, 0.5), (Cause::JointFriction, 0.1)],
        // Where yielding flattens the line of the clamping zone, that meets no torque at a smaller angle.
        &[(Cause::ThreadDamage, 1.0), (Cause::JointYield, 0.3)],
    ),
    FeatureSpec::joint(
        "peak rundown torque",
        JointValue::RundownPeak,
        Share(0.05),
        &[(Cause::ThreadDamage, 1.0)],
        NONE,
    )
    .instead_of("rundown torque"),
    FeatureSpec::mean(
        "cell voltage",
        Role::CellVoltage,
        // Lots rest at some millivolts more or less, as they are charged and old; what is mixed shows in the range.
        Share(0.002),
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
    ),
    FeatureSpec::new("cell voltage range", Quantity::Range(Role::CellVoltage), Share(0.15), SORTING, NONE),
    FeatureSpec::mean(
        "cell resistance",
        Role::CellResistance,
        Share(0.01),
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
        &[(Cause::CellSorting, 0.7), (Cause::ElectricalTest, 0.3)],
    )
    .given(&[Quantity::Ambient]),
    FeatureSpec::new("cell resistance range", Quantity::Range(Role::CellResistance), Share(0.15), SORTING, NONE),
    // Packs are built of one class; where it changes from cell to cell the sorting is gone.
    FeatureSpec::new("changes of cell class", Quantity::Changes(Role::CellClass), Absolute(0.5), SORTING, NONE),
    FeatureSpec::formula(CELLS_REJECTED, Absolute(0.02), SORTING, NONE),
];

const SORTING: Causes = &[(Cause::CellSorting, 0.9), (Cause::ElectricalTest, 0.1)];

/// Cells rejected of those tested for the part.
const CELLS_REJECTED: &Formula = &Formula {
    name: "share of cells rejected",
    unit: "",
    arguments: &[Quantity::Held(Role::CellRejected), Quantity::Held(Role::CellTested)],
    of: |arguments, _| (arguments[1] > 0.0).then(|| arguments[0] / arguments[1]),
    knows: |_| true,
};

/// What a dispensed material thins with: its own temperature, and the hall's where that is not measured.
const MATERIAL: &[Quantity] = &[Quantity::Mean(Role::DispenseTemperature), Quantity::Ambient];

/// Torque gained for each degree from the snug point on, N·m/°. It does not depend on the torque at which the tool stops,
/// so it tells friction from a tool that is off (VDI/VDE 2645 on tools, VDI 2230 on joints).
const TORQUE_GRADIENT: &Formula = &Formula {
    name: "torque gradient",
    unit: "N·m/°",
    arguments: &[Quantity::Mean(Role::TightenTorque), Quantity::Mean(Role::TightenAngle)],
    of: |arguments, recipe| {
        let gained_nm = arguments[0] - recipe.snug_torque_nm?;
        (arguments[1] > 0.0).then(|| gained_nm / arguments[1])
    },
    knows: |recipe| recipe.snug_torque_nm.is_some(),
};

/// Pressure before the nozzle for each gram a second, bar·s/g: viscosity over the nozzle's diameter to the fourth power
/// (Hagen and Poiseuille), whatever amount is dispensed how fast.
const NOZZLE_RESISTANCE: &Formula = &Formula {
    name: "nozzle resistance",
    unit: "bar·s/g",
    arguments: &[
        Quantity::Mean(Role::DispensePressure),
        Quantity::Mean(Role::DispenseMass),
        Quantity::Mean(Role::DispenseTime),
    ],
    of: |arguments, _| (arguments[1] > 0.0).then(|| arguments[0] * arguments[2] / arguments[1]),
    knows: |_| true,
};

/// How much warmer the part is than the air around, K: as it cools in the test, the pressure in it falls in proportion
/// (ideal gas), by a share that the baseline learns.
const PART_ABOVE_AIR: &Formula = &Formula {
    name: "part above air",
    unit: "K",
    arguments: &[Quantity::Mean(Role::LeakTemperature), Quantity::Ambient],
    of: |arguments, _| Some(arguments[0] - arguments[1]),
    knows: |_| true,
};

/// Pressure lost through the cold plate over the square of the flow, mbar/(l/min)²: constant while its channels are, for
/// turbulent flow (Darcy and Weisbach).
const PLATE_RESISTANCE: &Formula = &Formula {
    name: "cold-plate resistance",
    unit: "mbar/(l/min)²",
    arguments: &[Quantity::Mean(Role::ColdPlatePressureDrop), Quantity::Mean(Role::ColdPlateFlow)],
    of: |arguments, _| (arguments[1] > 0.0).then(|| arguments[0] / (arguments[1] * arguments[1])),
    knows: |_| true,
};

/// The leak that the loss of pressure stands for, mbar·l/s: volume × Δp / time (EN 13184, the pressure change method).
const LEAK_RATE: &Formula = &Formula {
    name: "leak rate",
    unit: "mbar·l/s",
    arguments: &[Quantity::Mean(Role::LeakPressureDrop)],
    of: |arguments, recipe| {
        const MBAR_PER_PA: f64 = 0.01;
        Some(arguments[0] * MBAR_PER_PA * recipe.test_volume_l? / recipe.test_time_s?)
    },
    knows: |recipe| recipe.test_volume_l.is_some() && recipe.test_time_s.is_some(),
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use plant::RecipeSettings;

    use super::*;

    fn of(formula: &Formula, arguments: &[f64], recipe: RecipeSettings) -> Option<f64> {
        (formula.of)(arguments, &recipe)
    }

    #[test]
    fn formulas_by_hand() {
        let recipe = RecipeSettings {
            snug_torque_nm: Some(15.0),
            test_volume_l: Some(60.0),
            test_time_s: Some(12.0),
            ..RecipeSettings::default()
        };
        assert_eq!(of(TORQUE_GRADIENT, &[50.0, 70.0], recipe), Some(0.5));
        assert_eq!(of(TORQUE_GRADIENT, &[50.0, 0.0], recipe), None);
        assert_eq!(of(CELLS_REJECTED, &[3.0, 12.0], recipe), Some(0.25));
        assert_eq!(of(CELLS_REJECTED, &[0.0, 0.0], recipe), None);
        assert_eq!(of(NOZZLE_RESISTANCE, &[40.0, 320.0, 16.0], recipe), Some(2.0));
        assert_eq!(of(PART_ABOVE_AIR, &[24.0, 22.5], recipe), Some(1.5));
        assert_eq!(of(PLATE_RESISTANCE, &[200.0, 10.0], recipe), Some(2.0));
        let leak_rate = of(LEAK_RATE, &[20.0], recipe).unwrap();
        assert!((leak_rate - 1.0).abs() < 1e-12, "{leak_rate}");
        assert_eq!(of(LEAK_RATE, &[20.0], RecipeSettings::default()), None);
    }
}
