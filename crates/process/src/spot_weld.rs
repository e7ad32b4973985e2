//! Resistance spot welding: current, force and resistance, the curve of the dynamic resistance, the heat and what it
//! melts, the gun's cooling water.
//!
//! Wear lowers the contact resistance, because the face grows and the current spreads: H. Zhang and J. Senkara,
//! Resistance Welding: Fundamentals and Applications, 2nd ed. (2012), chapters 3 and 5; ISO 8166 on electrode life. That
//! the resistance falls from its peak as the nugget grows, and that a shunt lowers the curve from its begin on:
//! D. W. Dickinson, J. E. Franklin and A. Stanya, "Characterization of spot welding behavior by dynamic electrical
//! parameter monitoring", Welding Journal 59 (1980).

use plant::{Cause, RecipeSettings, Role, SheetMaterial};

use crate::feature::{Causes, FeatureSpec, Floor::Absolute, Floor::Share, Formula, NONE, Quantity};
use crate::spot::SpotValue;
use crate::trace::CurveValue;

/// What electrode and water do to every spot in normal operation.
const WEAR_AND_WATER: &[Quantity] = &[Quantity::Held(Role::ToolLife), Quantity::Mean(Role::GunWaterTemperature)];

const LESS_HEAT: Causes = &[
    (Cause::ElectrodeWear, 0.5),
    (Cause::WeldCurrent, 0.3),
    (Cause::WeldWaterRestriction, 0.1),
    (Cause::CoolingSupply, 0.1),
];

pub(crate) const FEATURES: &[FeatureSpec] = &[
    FeatureSpec::mean(
        "weld resistance",
        Role::WeldResistance,
        Share(0.015),
        &[(Cause::SheetMaterial, 0.5), (Cause::ElectrodeForce, 0.3), (Cause::WeldWaterRestriction, 0.1)],
        &[
            (Cause::ElectrodeWear, 0.7),
            (Cause::ElectrodeForce, 0.2),
            (Cause::WeldWaterRestriction, 0.1),
            (Cause::CoolingSupply, 0.1),
        ],
    )
    .given(WEAR_AND_WATER),
    FeatureSpec::mean(
        "weld energy",
        Role::WeldEnergy,
        Share(0.015),
        &[(Cause::SheetMaterial, 0.4), (Cause::WeldCurrent, 0.4), (Cause::WeldWaterRestriction, 0.1)],
        LESS_HEAT,
    )
    .given(WEAR_AND_WATER),
    FeatureSpec {
        limits: |recipe| (recipe.nugget_min_mm, None),
        ..FeatureSpec::formula(NUGGET, Share(0.015), NONE, LESS_HEAT).given(WEAR_AND_WATER)
    },
    FeatureSpec::mean(
        "weld current",
        Role::WeldCurrent,
        Share(0.005),
        &[(Cause::WeldCurrent, 1.0)],
        &[(Cause::WeldCurrent, 1.0)],
    ),
    FeatureSpec::mean(
        "electrode force",
        Role::WeldForce,
        Share(0.01),
        &[(Cause::ElectrodeForce, 1.0)],
        &[(Cause::ElectrodeForce, 1.0)],
    ),
    RESISTANCE_PEAK,
    PEAK_TIME,
    DROP,
    FeatureSpec::mean(
        "gun water flow",
        Role::GunWaterFlow,
        Share(0.02),
        NONE,
        &[(Cause::WeldWaterRestriction, 0.9), (Cause::CoolingSupply, 0.5)],
    ),
    FeatureSpec::mean(
        "gun water temperature",
        Role::GunWaterTemperature,
        Absolute(0.3),
        &[(Cause::WeldWaterRestriction, 0.5), (Cause::CoolingSupply, 0.6)],
        NONE,
    ),
    // What the whole curve tells, in place of what a controller makes of it.
    FeatureSpec::spot(
        "contact resistance",
        SpotValue::Contact,
        Share(0.05),
        &[(Cause::SheetMaterial, 0.3), (Cause::ElectrodeForce, 0.3)],
        &[(Cause::SheetMaterial, 0.3), (Cause::WeldShunting, 0.3), (Cause::ElectrodeWear, 0.1)],
    )
    .given(WEAR_AND_WATER),
    FeatureSpec::spot(
        "minimum resistance (alpha)",
        SpotValue::Alpha,
        Share(0.02),
        &[(Cause::SheetMaterial, 0.2), (Cause::ElectrodeForce, 0.3)],
        &[(Cause::WeldShunting, 0.3), (Cause::ElectrodeWear, 0.3), (Cause::ElectrodeForce, 0.1)],
    )
    .given(WEAR_AND_WATER),
    FeatureSpec {
        quantity: Quantity::Curve(CurveValue::Spot(SpotValue::Beta)),
        name: "peak resistance (beta)",
        ..RESISTANCE_PEAK
    }
    .instead_of(RESISTANCE_PEAK.name),
    FeatureSpec { quantity: Quantity::Curve(CurveValue::Spot(SpotValue::BetaTime)), name: "time to beta", ..PEAK_TIME }
        .instead_of(PEAK_TIME.name),
    FeatureSpec {
        quantity: Quantity::Curve(CurveValue::Spot(SpotValue::Drop)),
        name: "resistance drop after beta",
        ..DROP
    }
    .instead_of(DROP.name),
    FeatureSpec {
        quantity: Quantity::Curve(CurveValue::Spot(SpotValue::Expelled)),
        name: "share of spots expelled",
        floor: Absolute(0.03),
        ..EXPULSIONS
    },
    // A controller that counts them samples faster than it tells.
    EXPULSIONS.instead_of("share of spots expelled"),
];

/// What a controller makes of the curve of a spot.
const RESISTANCE_PEAK: FeatureSpec = FeatureSpec::mean(
    "resistance peak",
    Role::WeldResistancePeak,
    Share(0.02),
    &[(Cause::SheetMaterial, 0.6), (Cause::ElectrodeForce, 0.3)],
    &[(Cause::WeldShunting, 0.5), (Cause::ElectrodeWear, 0.3), (Cause::ElectrodeForce, 0.1)],
)
.given(WEAR_AND_WATER);
const PEAK_TIME: FeatureSpec = FeatureSpec::mean(
    "time to resistance peak",
    Role::WeldPeakTime,
    Share(0.05),
    &[(Cause::ElectrodeWear, 0.4), (Cause::WeldShunting, 0.4), (Cause::WeldCurrent, 0.3)],
    &[(Cause::SheetMaterial, 0.4), (Cause::WeldCurrent, 0.3)],
)
.given(WEAR_AND_WATER);
const DROP: FeatureSpec = FeatureSpec::formula(
    RESISTANCE_DROP,
    Share(0.05),
    NONE,
    &[(Cause::WeldShunting, 0.4), (Cause::ElectrodeWear, 0.4), (Cause::WeldCurrent, 0.2)],
)
.given(WEAR_AND_WATER);
const EXPULSIONS: FeatureSpec = FeatureSpec::new(
    "expulsions",
    Quantity::Held(Role::WeldExpulsions),
    Absolute(0.3),
    &[(Cause::ElectrodeForce, 0.5), (Cause::SheetMaterial, 0.4), (Cause::WeldCurrent, 0.3)],
    NONE,
);

/// How far the resistance falls from its peak to the end of the current, µΩ: more, the larger the nugget.
const RESISTANCE_DROP: &Formula = &Formula {
    name: "resistance drop",
    unit: "µΩ",
    arguments: &[Quantity::Mean(Role::WeldResistancePeak), Quantity::Mean(Role::WeldResistance)],
    of: |arguments, _| Some(arguments[0] - arguments[1]),
    knows: |_| true,
};

/// Diameter of the nugget by the heat balance of the spot, mm; see [`nugget_mm`].
const NUGGET: &Formula = &Formula {
    name: "nugget diameter",
    unit: "mm",
    arguments: &[Quantity::Mean(Role::WeldEnergy), Quantity::Mean(Role::WeldResistance)],
    of: |arguments, recipe| {
        let spot = Spot { heat_j: arguments[0], resistance_uohm: arguments[1] };
        nugget_mm(&spot, recipe)
    },
    knows: |recipe| Sheets::of(recipe).is_some(),
};

/// What was measured of a spot.
struct Spot {
    heat_j: f64,
    resistance_uohm: f64,
}

/// What a recipe says of the sheets.
struct Sheets {
    thermal: Thermal,
    stack_mm: f64,
    face_mm: f64,
    weld_s: f64,
    fresh_resistance_uohm: f64,
}

impl Sheets {
    fn of(recipe: &RecipeSettings) -> Option<Self> {
        Some(Self {
            thermal: Thermal::of(recipe.material?),
            stack_mm: recipe.stack_mm?,
            face_mm: recipe.face_mm?,
            weld_s: recipe.weld_time_ms? / 1000.0,
            fresh_resistance_uohm: recipe.fresh_resistance_uohm?,
        })
    }
}

/// How a metal takes heat up, averaged from room temperature to melting.
struct Thermal {
    /// Of a mm³ by a kelvin, J.
    heat_j_mm3_k: f64,
    /// From room temperature to molten, with the latent heat counted as so many kelvin more, K.
    melting_k: f64,
    /// Diffusivity of heat, mm²/s.
    diffusivity_mm2_s: f64,
    /// Temperature of the sheet under the electrode above the electrode's, averaged over the weld time, K.
    surface_k: f64,
}

impl Thermal {
    /// Handbook values: low-carbon steel 7.8 g/cm³, 0.75 J/(g·K) on average, melting at 1,520 °C with 270 J/g, 6 mm²/s hot;
    /// aluminium 2.7 g/cm³, 1.05 J/(g·K), 640 °C with 390 J/g, 60 mm²/s. J. R. Davis (ed.), Metals Handbook Desk Edition,
    /// 2nd ed. (1998).
    fn of(material: SheetMaterial) -> Self {
        match material {
            SheetMaterial::Steel => {
                Self { heat_j_mm3_k: 0.00585, melting_k: 1860.0, diffusivity_mm2_s: 6.0, surface_k: 400.0 }
            }
            SheetMaterial::Aluminium => {
                Self { heat_j_mm3_k: 0.00284, melting_k: 990.0, diffusivity_mm2_s: 60.0, surface_k: 200.0 }
            }
        }
    }
}

/// How much heat a square millimetre of copper takes up in the square root of a second for each kelvin, J/(mm²·K·√s): the
/// effusivity of copper, 35 kJ/(m²·K·√s).
const COPPER_EFFUSIVITY: f64 = 0.035;

/// Diameter of the nugget, mm; 0 if nothing melts. `None` if the recipe does not say enough.
///
/// The heat that the two electrodes do not take away spreads through the stack as from a round source of the face's size:
/// a bell-shaped temperature of variance (face radius)²/2 + 4·diffusivity·time, whose part above melting is the nugget.
/// Each electrode takes what a half-space does whose surface is suddenly warmed, 2·effusivity·ΔT·√(time/π) (H. S. Carslaw
/// and J. C. Jaeger, Conduction of Heat in Solids, 2nd ed. (1959), sections 2.5 and 10.3). The face's area follows from
/// the resistance, which goes with its inverse, against that of freshly dressed electrodes.
///
/// An estimate: right to some tenths of a millimetre for the sheets and times of car bodies, and meant for how it changes.
/// Whether a nugget is good is for a destructive or ultrasonic test to say.
fn nugget_mm(spot: &Spot, recipe: &RecipeSettings) -> Option<f64> {
    use std::f64::consts::{FRAC_PI_4, PI};
    let Sheets { thermal, stack_mm, face_mm, weld_s, fresh_resistance_uohm } = Sheets::of(recipe)?;
    if spot.resistance_uohm <= 0.0 {
        return None;
    }
    let face_mm2 = FRAC_PI_4 * face_mm * face_mm * fresh_resistance_uohm / spot.resistance_uohm;
    let to_electrodes_j_mm2 = 2.0 * 2.0 * COPPER_EFFUSIVITY * thermal.surface_k * (weld_s / PI).sqrt();
    let kept_j = spot.heat_j - to_electrodes_j_mm2 * face_mm2;
    let variance_mm2 = face_mm2 / (2.0 * PI) + 4.0 * thermal.diffusivity_mm2_s * weld_s;
    let highest_k = kept_j / (thermal.heat_j_mm3_k * PI * variance_mm2 * stack_mm);
    let molten = highest_k / thermal.melting_k;
    Some(if molten <= 1.0 { 0.0 } else { 2.0 * (variance_mm2 * libm::log(molten)).sqrt() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn steel(stack_mm: f64, weld_time_ms: f64) -> RecipeSettings {
        RecipeSettings {
            material: Some(SheetMaterial::Steel),
            stack_mm: Some(stack_mm),
            face_mm: Some(6.0),
            weld_time_ms: Some(weld_time_ms),
            fresh_resistance_uohm: Some(100.0),
            ..RecipeSettings::default()
        }
    }

    /// A usual schedule for 2 × 1.2 mm, about 9.6 kA for 14 cycles at 50 Hz, is to give about 5·√t to 5.5·√t (ISO 14373).
    #[test]
    fn a_usual_schedule_gives_a_usual_nugget() {
        let spot = Spot { heat_j: 9.6 * 9.6 * 100.0 * 0.28, resistance_uohm: 100.0 };
        let nugget = nugget_mm(&spot, &steel(2.4, 280.0)).unwrap();
        assert!((5.0..=6.6).contains(&nugget), "{nugget} mm");
    }

    /// 2 × 1.5 mm with 8 mm caps and 100 ms needs 28 kA or so (ISO 18595).
    #[test]
    fn aluminium_needs_its_high_current() {
        let recipe = RecipeSettings {
            material: Some(SheetMaterial::Aluminium),
            fresh_resistance_uohm: Some(18.0),
            face_mm: Some(8.0),
            ..steel(3.0, 100.0)
        };
        let nugget = |current_ka: f64| {
            let spot = Spot { heat_j: current_ka * current_ka * 18.0 * 0.1, resistance_uohm: 18.0 };
            nugget_mm(&spot, &recipe).unwrap()
        };
        assert_eq!(nugget(12.0), 0.0, "a steel schedule melts nothing");
        assert!((5.5..=7.5).contains(&nugget(28.0)), "{} mm", nugget(28.0));
    }

    #[test]
    fn it_grows_with_the_heat_and_shrinks_with_the_face() {
        let nugget = |heat_j: f64, resistance_uohm: f64| {
            nugget_mm(&Spot { heat_j, resistance_uohm }, &steel(2.4, 280.0)).unwrap()
        };
        assert!(nugget(2400.0, 100.0) < nugget(2600.0, 100.0));
        assert!(nugget(2500.0, 85.0) < nugget(2500.0, 100.0), "a larger face at the same heat");
        assert_eq!(nugget(500.0, 100.0), 0.0);
        assert_eq!(nugget_mm(&Spot { heat_j: 2500.0, resistance_uohm: 0.0 }, &steel(2.4, 280.0)), None);
        assert_eq!(nugget_mm(&Spot { heat_j: 2500.0, resistance_uohm: 99.0 }, &RecipeSettings::default()), None);
    }
}
