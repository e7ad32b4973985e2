//! A coolant loop: heat balance, pump and loop curves, valve, chiller and its heat exchangers, leaks.
//!
//! A worn pump gives less pressure than its curve at the flow there is; a restricted loop takes more pressure for it. A
//! fouled condenser passes less heat for each kelvin, and the chiller works more for the same cooling: ASHRAE Handbook,
//! HVAC Systems and Equipment; J. F. Gülich, Centrifugal Pumps, 3rd ed. (2014), chapter 4.

use plant::{Cause, Role};

use crate::feature::{FeatureSpec, Floor::Absolute, Floor::Share, Formula, NONE, Quantity};

pub(crate) const FEATURES: &[FeatureSpec] = &[
    FeatureSpec::mean(
        "loop flow",
        Role::LoopFlow,
        Share(0.01),
        NONE,
        &[(Cause::PumpWear, 0.5), (Cause::LoopRestriction, 0.5)],
    )
    .supplied(),
    // What the pump's curve says for that flow.
    FeatureSpec::mean("pump pressure", Role::PumpPressure, Share(0.01), NONE, &[(Cause::PumpWear, 0.9)])
        .given(&[Quantity::Formula(FLOW_SQUARED)]),
    FeatureSpec::formula(
        LOOP_RESISTANCE,
        Share(0.02),
        &[(Cause::LoopRestriction, 0.7), (Cause::StuckValve, 0.2)],
        &[(Cause::CoolantLeak, 0.3)],
    ),
    FeatureSpec::formula(PUMP_EFFICIENCY, Share(0.01), NONE, &[(Cause::PumpWear, 0.8)])
        .given(&[Quantity::Mean(Role::LoopFlow)]),
    FeatureSpec::mean("chiller power", Role::ChillerPower, Share(0.02), &[(Cause::ChillerFouling, 0.9)], NONE)
        .given(&[Quantity::Formula(LOOP_HEAT), Quantity::Ambient]),
    FeatureSpec::formula(CHILLER_COP, Share(0.02), NONE, &[(Cause::ChillerFouling, 0.9)])
        .given(&[Quantity::Formula(LOOP_HEAT), Quantity::Ambient])
        .instead_of("chiller power"),
    FeatureSpec::formula(CONDENSER_UA, Share(0.02), NONE, &[(Cause::ChillerFouling, 0.9)])
        .given(&[Quantity::Formula(LOOP_HEAT)]),
    FeatureSpec::mean(
        "supply temperature",
        Role::LoopSupplyTemperature,
        Absolute(0.2),
        &[(Cause::ChillerFouling, 0.7), (Cause::PumpWear, 0.1)],
        NONE,
    )
    .given(&[Quantity::Formula(LOOP_HEAT), Quantity::Ambient])
    .supplied(),
    FeatureSpec::mean("coolant level", Role::LoopLevel, Absolute(1.0), NONE, &[(Cause::CoolantLeak, 1.0)]),
    FeatureSpec::formula(VALVE_DEVIATION, Absolute(1.0), &[(Cause::StuckValve, 1.0)], &[(Cause::StuckValve, 1.0)]),
    // Less than its opening should let through: it does not move, whatever it tells, or something is in its seat.
    FeatureSpec::formula(
        VALVE_COEFFICIENT,
        Share(0.02),
        &[(Cause::StuckValve, 0.8)],
        &[(Cause::StuckValve, 0.9), (Cause::LoopRestriction, 0.1)],
    )
    .given(&[Quantity::Mean(Role::ValveCommand)]),
];

/// Opening that the valve has above what it was told, %.
const VALVE_DEVIATION: &Formula = &Formula {
    name: "valve deviation",
    unit: "%",
    arguments: &[Quantity::Mean(Role::ValvePosition), Quantity::Mean(Role::ValveCommand)],
    of: |arguments, _| Some(arguments[0] - arguments[1]),
    knows: |_| true,
};

/// Flow coefficient Kv of the valve, m³/h at 1 bar: flow over the root of the pressure lost in it, for water (IEC 60534-2-1).
const VALVE_COEFFICIENT: &Formula = &Formula {
    name: "valve flow coefficient Kv",
    unit: "m³/h",
    arguments: &[Quantity::Mean(Role::LoopFlow), Quantity::Mean(Role::ValvePressureDrop)],
    of: |arguments, _| {
        const M3_H_PER_L_MIN: f64 = 60.0 / 1000.0;
        (arguments[1] > 0.0).then(|| M3_H_PER_L_MIN * arguments[0] / arguments[1].sqrt())
    },
    knows: |_| true,
};

/// Heat that a litre of water a minute carries per kelvin, kW: 4.18 kJ/(kg·K) × 1 kg/l ÷ 60 s, at 20 to 30 °C.
const WATER_KW_PER_LPM_K: f64 = 4.18 / 60.0;

/// Heat that the coolant takes up, kW: flow × density × heat capacity × (return − supply), for water.
const LOOP_HEAT: &Formula = &Formula {
    name: "heat taken up",
    unit: "kW",
    arguments: HEAT,
    of: |arguments, _| Some(heat_kw(arguments)),
    knows: |_| true,
};

const HEAT: &[Quantity] = &[
    Quantity::Mean(Role::LoopFlow),
    Quantity::Mean(Role::LoopSupplyTemperature),
    Quantity::Mean(Role::LoopReturnTemperature),
];

/// Of [`HEAT`].
fn heat_kw(arguments: &[f64]) -> f64 {
    arguments[0] * (arguments[2] - arguments[1]) * WATER_KW_PER_LPM_K
}

/// The flow's square, (l/min)²: the pressure of a centrifugal pump falls with it, H = H₀ − k·Q².
const FLOW_SQUARED: &Formula = &Formula {
    name: "flow squared",
    unit: "(l/min)²",
    arguments: &[Quantity::Mean(Role::LoopFlow)],
    of: |arguments, _| Some(arguments[0] * arguments[0]),
    knows: |_| true,
};

/// Pressure over the flow's square, mbar/(l/min)²: what pipes, valves and strainers take.
const LOOP_RESISTANCE: &Formula = &Formula {
    name: "loop resistance",
    unit: "mbar/(l/min)²",
    arguments: &[Quantity::Mean(Role::PumpPressure), Quantity::Mean(Role::LoopFlow)],
    of: |arguments, _| (arguments[1] > 0.0).then(|| 1000.0 * arguments[0] / (arguments[1] * arguments[1])),
    knows: |_| true,
};

/// Hydraulic power over electrical power of the pump.
const PUMP_EFFICIENCY: &Formula = &Formula {
    name: "pump efficiency",
    unit: "",
    arguments: &[Quantity::Mean(Role::PumpPressure), Quantity::Mean(Role::LoopFlow), Quantity::Mean(Role::PumpPower)],
    of: |arguments, _| {
        // 1 bar · l/min = 100 kPa × 1/60,000 m³/s.
        const KW_PER_BAR_LPM: f64 = 100.0 / 60_000.0;
        (arguments[2] > 0.0).then(|| KW_PER_BAR_LPM * arguments[0] * arguments[1] / arguments[2])
    },
    knows: |_| true,
};

/// Heat taken from the coolant over the chiller's electrical power: its coefficient of performance.
const CHILLER_COP: &Formula = &Formula {
    name: "chiller COP",
    unit: "",
    arguments: &[HEAT[0], HEAT[1], HEAT[2], Quantity::Mean(Role::ChillerPower)],
    of: |arguments, _| (arguments[3] > 0.0).then(|| heat_kw(arguments) / arguments[3]),
    knows: |_| true,
};

/// Heat that the condenser gives off for each kelvin to the air, kW/K: what the coolant gave up and the compressor put in,
/// over the difference of condensing and air temperature.
const CONDENSER_UA: &Formula = &Formula {
    name: "condenser UA",
    unit: "kW/K",
    arguments: &[
        HEAT[0],
        HEAT[1],
        HEAT[2],
        Quantity::Mean(Role::ChillerPower),
        Quantity::Mean(Role::ChillerCondensingTemperature),
        Quantity::Ambient,
    ],
    of: |arguments, _| {
        let difference_k = arguments[4] - arguments[5];
        (difference_k > 0.5).then(|| (heat_kw(arguments) + arguments[3]) / difference_k)
    },
    knows: |_| true,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use plant::RecipeSettings;

    use super::*;

    #[test]
    fn formulas_by_hand() {
        let check = |formula: &Formula, arguments: &[f64], expected: f64| {
            let value = (formula.of)(arguments, &RecipeSettings::default()).unwrap();
            assert!((value - expected).abs() < 1e-9 * expected.abs(), "{}: {value}", formula.name);
        };
        check(LOOP_HEAT, &[60.0, 18.0, 21.0], 12.54);
        check(LOOP_RESISTANCE, &[3.6, 60.0], 1.0);
        check(PUMP_EFFICIENCY, &[3.0, 60.0, 0.6], 0.5);
        check(VALVE_DEVIATION, &[44.0, 70.0], -26.0);
        check(VALVE_COEFFICIENT, &[50.0, 0.25], 6.0);
        check(CHILLER_COP, &[60.0, 18.0, 21.0, 3.135], 4.0);
        check(CONDENSER_UA, &[60.0, 18.0, 21.0, 2.46, 37.0, 22.0], 1.0);
        assert_eq!((CONDENSER_UA.of)(&[60.0, 18.0, 21.0, 2.5, 22.0, 22.0], &RecipeSettings::default()), None);
    }
}
