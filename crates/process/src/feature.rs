use std::fmt;

use plant::{Cause, RecipeSettings, Role, StationKind};

use crate::joint::JointValue;
use crate::spot::SpotValue;
use crate::trace::CurveValue;
use crate::{coolant_loop, laser_weld, pack_assembly, robot, spot_weld};

/// A number that a cycle comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Mean of the values that the signal in that role took in the cycle, in the signal's unit.
    Mean(Role),
    /// The value that the signal in that role has at the end of the cycle, in the signal's unit.
    Held(Role),
    /// Highest minus lowest of the values that the signal in that role took in the cycle, in the signal's unit.
    Range(Role),
    /// Time at work on the part, without the station's own stops, s.
    WorkTime,
    /// Time stopped with a fault of its own since the end of the cycle before, s.
    StopTime,
    /// Time ready but without a part before the cycle, s.
    StarvedTime,
    /// Temperature of the air around, °C: of the one signal in the plant in the role `ambient.temperature`.
    Ambient,
    /// What follows from several of these by physics.
    Formula(&'static Formula),
    /// How often the value of the signal in that role changed in the cycle.
    Changes(Role),
    /// Mean over the joints, or the spots, of the cycle of what their curves come to.
    Curve(CurveValue),
}

impl Quantity {
    /// The roles that the station itself must have for it.
    pub fn roles(&self) -> Vec<Role> {
        match *self {
            Self::Mean(role) | Self::Held(role) | Self::Range(role) | Self::Changes(role) => vec![role],
            Self::WorkTime | Self::StarvedTime => vec![Role::CycleActive],
            Self::StopTime => vec![Role::CycleActive, Role::Fault],
            Self::Ambient => Vec::new(),
            Self::Formula(formula) => formula.arguments.iter().flat_map(Self::roles).collect(),
            Self::Curve(CurveValue::Joint(_)) => vec![Role::TightenTorqueTrace, Role::TightenAngleTrace],
            Self::Curve(CurveValue::Spot(_)) => vec![Role::WeldVoltageTrace, Role::WeldCurrentTrace],
        }
    }

    /// Whether the temperature of the air is needed for it.
    pub fn needs_ambient(&self) -> bool {
        match self {
            Self::Ambient => true,
            Self::Formula(formula) => formula.arguments.iter().any(Self::needs_ambient),
            _ => false,
        }
    }

    /// The unit, where it does not come from a signal.
    pub const fn own_unit(&self) -> Option<&'static str> {
        match self {
            Self::Mean(_) | Self::Held(_) | Self::Range(_) => None,
            Self::WorkTime | Self::StopTime | Self::StarvedTime => Some("s"),
            Self::Changes(_) => Some(""),
            Self::Ambient => Some("°C"),
            Self::Formula(formula) => Some(formula.unit),
            Self::Curve(value) => Some(value.unit()),
        }
    }

    /// The one role whose mean decides it alone, if there is one.
    pub fn only_mean(&self) -> Option<Role> {
        match *self {
            Self::Mean(role) => Some(role),
            Self::Formula(&Formula { arguments: &[Self::Mean(role)], .. }) => Some(role),
            _ => None,
        }
    }

    /// Whether it is measured, rather than a moment at which something happened.
    pub const fn is_measured(&self) -> bool {
        !matches!(self, Self::WorkTime | Self::StopTime | Self::StarvedTime)
    }
}

/// A physical quantity that follows from others.
pub struct Formula {
    /// What a person calls it; unique.
    pub name: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What it is made of, each in the unit of its role. Not formulas themselves.
    pub arguments: &'static [Quantity],
    /// Its value for those arguments, in their order, and what the station is set to. `None` if the recipe does not say
    /// enough or the arguments are outside what the formula is made for. With a single argument it rises with that.
    pub of: fn(&[f64], &RecipeSettings) -> Option<f64>,
    /// Whether a recipe says enough for it.
    pub knows: fn(&RecipeSettings) -> bool,
}

/// Most arguments of a formula.
pub(crate) const ARGUMENTS_MAX: usize = 6;

/// Without the functions: where they are in memory is another matter in every run.
impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Formula")
            .field("name", &self.name)
            .field("unit", &self.unit)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
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

/// A feature that is watched for drift, and what a drift of it can mean.
#[derive(Clone, Copy)]
pub struct FeatureSpec {
    /// What a person calls it; unique at a station.
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
    /// The name of the feature that this one makes unnecessary where it applies: it says the same, and less well.
    pub replaces: Option<&'static str>,
    /// The lowest and the highest good value, in the feature's unit, where the recipe and not a signal's limit says.
    pub limits: fn(&RecipeSettings) -> (Option<f64>, Option<f64>),
}

/// Without the function, as for [`Formula`].
impl fmt::Debug for FeatureSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureSpec")
            .field("name", &self.name)
            .field("quantity", &self.quantity)
            .field("covariates", &self.covariates)
            .field("floor", &self.floor)
            .field("rise", &self.rise)
            .field("fall", &self.fall)
            .field("is_supply", &self.is_supply)
            .finish_non_exhaustive()
    }
}

/// Weighted causes, as a feature lists them.
pub(crate) type Causes = &'static [(Cause, f64)];

/// No cause: a change that way is of no interest.
pub(crate) const NONE: Causes = &[];

impl FeatureSpec {
    /// A feature without covariates.
    pub(crate) const fn new(name: &'static str, quantity: Quantity, floor: Floor, rise: Causes, fall: Causes) -> Self {
        Self {
            name,
            quantity,
            covariates: &[],
            floor,
            rise,
            fall,
            is_supply: false,
            replaces: None,
            limits: |_| (None, None),
        }
    }

    /// The mean of what the signal in a role gives.
    pub(crate) const fn mean(name: &'static str, role: Role, floor: Floor, rise: Causes, fall: Causes) -> Self {
        Self::new(name, Quantity::Mean(role), floor, rise, fall)
    }

    /// What follows from others, by its formula's name.
    pub(crate) const fn formula(formula: &'static Formula, floor: Floor, rise: Causes, fall: Causes) -> Self {
        Self::new(formula.name, Quantity::Formula(formula), floor, rise, fall)
    }

    /// A mean over the joints of the cycle.
    pub(crate) const fn joint(name: &'static str, value: JointValue, floor: Floor, rise: Causes, fall: Causes) -> Self {
        Self::new(name, Quantity::Curve(CurveValue::Joint(value)), floor, rise, fall)
    }

    /// A mean over the spots of the cycle.
    pub(crate) const fn spot(name: &'static str, value: SpotValue, floor: Floor, rise: Causes, fall: Causes) -> Self {
        Self::new(name, Quantity::Curve(CurveValue::Spot(value)), floor, rise, fall)
    }

    pub(crate) const fn given(self, covariates: &'static [Quantity]) -> Self {
        Self { covariates, ..self }
    }

    pub(crate) const fn instead_of(self, name: &'static str) -> Self {
        Self { replaces: Some(name), ..self }
    }

    pub(crate) const fn supplied(self) -> Self {
        Self { is_supply: true, ..self }
    }
}

/// Work and stop time, for every station with cycles; and the supply of the line's first stations.
const WORK_TIME: FeatureSpec = FeatureSpec::new(
    "work time",
    Quantity::WorkTime,
    Floor::Share(0.01),
    &[(Cause::SlowCycle, 0.8), (Cause::MicroStops, 0.1)],
    NONE,
);
const STOP_TIME: FeatureSpec =
    FeatureSpec::new("stop time", Quantity::StopTime, Floor::Absolute(1.0), &[(Cause::MicroStops, 1.0)], NONE);
const STARVED_TIME: FeatureSpec = FeatureSpec::new(
    "wait for parts",
    Quantity::StarvedTime,
    Floor::Absolute(1.0),
    &[(Cause::SupplyStarved, 1.0)],
    NONE,
);

/// The features of a kind of station; those whose roles a station lacks do not apply to it.
pub(crate) fn features_of(kind: StationKind, is_entry: bool) -> Vec<FeatureSpec> {
    let own = match kind {
        StationKind::SpotWeld => spot_weld::FEATURES,
        StationKind::LaserWeld => laser_weld::FEATURES,
        StationKind::PackAssembly => pack_assembly::FEATURES,
        StationKind::CoolingLoop => coolant_loop::FEATURES,
        StationKind::Robot => robot::FEATURES,
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
    use std::collections::BTreeSet;

    use plant::Runbook;

    use super::*;

    #[test]
    fn every_feature_means_something_and_fits_the_baseline() {
        for kind in StationKind::ALL {
            let features = features_of(kind, true);
            for (place, feature) in features.iter().enumerate() {
                assert!(!(feature.rise.is_empty() && feature.fall.is_empty()), "{}", feature.name);
                assert!(feature.covariates.len() <= 3, "{}", feature.name);
                assert!(features[..place].iter().all(|other| other.name != feature.name), "{}", feature.name);
                let replaced = |name| features[..place].iter().any(|other| other.name == name);
                assert!(feature.replaces.is_none_or(replaced), "{}", feature.name);
                let (Floor::Absolute(floor) | Floor::Share(floor)) = feature.floor;
                assert!(floor > 0.0, "{}", feature.name);
                for &(_, weight) in feature.rise.iter().chain(feature.fall) {
                    assert!(weight > 0.0 && weight <= 1.0, "{}", feature.name);
                }
                for quantity in std::iter::once(&feature.quantity).chain(feature.covariates) {
                    check_formula(quantity);
                }
            }
        }
    }

    /// A formula takes what the signals give and no formula, and never more than the builder has room for.
    fn check_formula(quantity: &Quantity) {
        let Quantity::Formula(formula) = quantity else { return };
        assert!(formula.arguments.len() <= ARGUMENTS_MAX, "{}", formula.name);
        assert!(!formula.arguments.iter().any(|argument| matches!(argument, Quantity::Formula(_))), "{}", formula.name);
        let zeros = vec![0.0; formula.arguments.len()];
        let of_zeros = (formula.of)(&zeros, &RecipeSettings::default());
        assert!(of_zeros.is_none_or(f64::is_finite), "{} of zeros: {of_zeros:?}", formula.name);
    }

    /// Where this fails for a new feature, its name goes under `[features]` in `config/runbook/de.toml`: a singular noun.
    #[test]
    fn every_feature_has_a_german_name_and_no_other_has() {
        let all = StationKind::ALL.into_iter().flat_map(|kind| features_of(kind, true));
        let ours: BTreeSet<&str> = all.map(|feature| feature.name).collect();
        let runbook = Runbook::built_in("de", &[]);
        let german: BTreeSet<&str> = runbook.line.features().collect();
        assert_eq!(german.symmetric_difference(&ours).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
