use plant::{Plant, RecipeSettings, Role, StationId};
use telemetry::SignalId;

use crate::feature::{FeatureSpec, Quantity, features_of};

/// A station's process model, bound to the signals that the plant has.
#[derive(Debug, Clone)]
pub struct StationModel {
    /// The signals that features are made of, at most one a role, and those that measure the same, in signal order.
    pub inputs: Vec<(Role, SignalId)>,
    /// Groups of inputs that measure the same, by place among them.
    pub redundant: Vec<Vec<usize>>,
    /// The features that apply, with their units.
    pub features: Vec<BoundFeature>,
    /// Whether the station has cycles of its own; if not, it is looked at in windows of fixed length.
    pub has_cycles: bool,
}

/// A feature with what it has at this station.
#[derive(Debug, Clone)]
pub struct BoundFeature {
    /// The feature.
    pub spec: FeatureSpec,
    /// Those of its covariates that the plant can tell.
    pub covariates: Vec<Quantity>,
    /// Its unit; empty where it has none.
    pub unit: String,
    /// The signals its quantity is made of.
    pub signals: Vec<SignalId>,
    /// The signals its covariates are made of, too: if one of them cannot be trusted, neither can the feature.
    pub needs: Vec<SignalId>,
}

impl BoundFeature {
    /// The signal of the one sensor that measures it in the cycle; `None` if it is not measured, or follows from several.
    pub fn sensor(&self) -> Option<SignalId> {
        self.spec.quantity.only_mean().and(self.signals.first().copied())
    }

    /// The lowest and the highest good value, from the recipe and from the limits of its sensor.
    pub fn limits(&self, of_sensor: (Option<f64>, Option<f64>), recipe: &RecipeSettings) -> (Option<f64>, Option<f64>) {
        let carried = |limit| self.from_sensor(limit, recipe);
        let (low, high) = (self.spec.limits)(recipe);
        (low.or(of_sensor.0.and_then(carried)), high.or(of_sensor.1.and_then(carried)))
    }

    /// What the feature is where its one sensor gives `value`.
    pub fn from_sensor(&self, value: f64, recipe: &RecipeSettings) -> Option<f64> {
        match self.spec.quantity {
            Quantity::Formula(formula) => (formula.of)(&[value], recipe),
            _ => Some(value),
        }
    }
}

impl StationModel {
    /// The model of a station of that plant.
    pub fn new(plant: &Plant, id: StationId) -> Self {
        let station = plant.station(id);
        let signal = |role: Role| plant.signal_in_role(id, role);
        let ambient = plant.signals.iter().find(|signal| signal.role == Role::AmbientTemperature);
        let variants = || (0..plant.variants.len()).map(Some).chain([None]);
        let recipes = || variants().map(|variant| plant.recipe(id, variant));
        let is_known = |quantity: &Quantity| match quantity {
            Quantity::Formula(formula) if !recipes().any(|recipe| (formula.knows)(&recipe)) => false,
            quantity => {
                (ambient.is_some() || !quantity.needs_ambient())
                    && quantity.roles().into_iter().all(|role| signal(role).is_some())
            }
        };
        let mut specs = features_of(station.kind, station.upstream.is_empty());
        specs.retain(|spec| is_known(&spec.quantity));
        let replaced: Vec<&str> = specs.iter().filter_map(|spec| spec.replaces).collect();
        specs.retain(|spec| !replaced.contains(&spec.name));
        let features: Vec<BoundFeature> = specs
            .into_iter()
            .map(|spec| {
                let covariates: Vec<Quantity> = spec.covariates.iter().copied().filter(is_known).collect();
                let signals: Vec<_> = spec.quantity.roles().into_iter().filter_map(signal).collect();
                let needs = std::iter::once(&spec.quantity)
                    .chain(&covariates)
                    .flat_map(|quantity| {
                        let own = quantity.roles().into_iter().filter_map(signal);
                        own.chain(ambient.filter(|_| quantity.needs_ambient())).map(|signal| signal.id)
                    })
                    .collect();
                let own_unit = spec.quantity.own_unit().map(str::to_owned);
                let unit = own_unit.or_else(|| signals.first().map(|signal| signal.unit.clone())).unwrap_or_default();
                BoundFeature {
                    spec,
                    covariates,
                    unit,
                    signals: signals.into_iter().map(|signal| signal.id).collect(),
                    needs,
                }
            })
            .collect();
        let mut inputs: Vec<(Role, SignalId)> = features
            .iter()
            .flat_map(|feature| std::iter::once(&feature.spec.quantity).chain(&feature.covariates))
            .flat_map(Quantity::roles)
            .filter(|role| !matches!(role, Role::CycleActive | Role::Fault))
            .filter_map(|role| signal(role).map(|signal| (role, signal.id)))
            .collect();
        let groups = || plant.redundant.iter().filter(|group| group.station == id);
        inputs.extend(groups().flat_map(|group| &group.signals).map(|&signal| (plant.signal(signal).role, signal)));
        inputs.sort_unstable_by_key(|&(_, signal)| signal);
        inputs.dedup();
        let place = |signal: &SignalId| inputs.iter().position(|(_, known)| known == signal);
        let redundant = groups().map(|group| group.signals.iter().filter_map(place).collect()).collect();
        Self { inputs, redundant, features, has_cycles: signal(Role::CycleActive).is_some() }
    }

    /// The place of a role among [`Self::inputs`].
    pub fn input(&self, role: Role) -> Option<usize> {
        self.inputs.iter().position(|&(known, _)| known == role)
    }
}
