//! The latest cycles of each station, for the charts of the page. It decides nothing and is not kept over a restart.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract::{PointV1, SeriesLimitV1, SeriesSchema, SeriesV1, WordsV1};
use plant::{Plant, StationId};
use telemetry::{Symbol, Timestamp};
use twin::{Cycle, Output, Twin};
use web::{SeriesLookup, WordsLookup};

/// The most cycles kept of a station.
const CYCLES_MAX: usize = 500;
/// The most cycles kept of all stations together: with ten features each, about 40 MB.
const CYCLES_MAX_IN_ALL: usize = 200_000;

/// The latest cycles of each station. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<BTreeMap<StationId, StationHistory>>>);

/// The lowest and the highest good value.
type GoodRange = (Option<f64>, Option<f64>);

/// The latest cycles of a station.
#[derive(Debug)]
struct StationHistory {
    /// Names and units, in the order of the values.
    features: Vec<(&'static str, String)>,
    /// For each variant that was seen the lowest and the highest good value, in the order of the values.
    limits: BTreeMap<Option<usize>, Vec<GoodRange>>,
    cycles: VecDeque<SeenCycle>,
}

#[derive(Debug)]
struct SeenCycle {
    end: Timestamp,
    part: Option<Symbol>,
    variant: Option<usize>,
    values: Box<[Seen]>,
}

/// A value of a feature. Single precision is plenty for a picture; not a number stands for what is not known.
#[derive(Debug, Clone, Copy)]
struct Seen {
    value: f32,
    expected: f32,
    sigma: f32,
}

impl History {
    /// Takes in the cycles among the outputs of an input, after which the twin is this.
    pub(crate) fn take(&self, outputs: &[Output], twin: &Twin) {
        for (place, output) in outputs.iter().enumerate() {
            let Output::Cycle(cycle) = output else { continue };
            // The twin tells what it expected of the latest cycle only.
            let is_same = |later: &Output| matches!(later, Output::Cycle(later) if later.station == cycle.station);
            if cycle.features.is_empty() || outputs[place + 1..].iter().any(is_same) {
                continue;
            }
            let mut stations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = stations.entry(cycle.station).or_insert_with(|| StationHistory::new(cycle.station, twin));
            known.take(cycle, twin);
        }
    }

    /// Forgets all: what comes is of another time.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The latest cycles of a station, seen by one feature.
    ///
    /// # Errors
    /// If the station has no such feature, or there is no cycle of it yet; in words for a person.
    pub fn series(&self, plant: &Plant, station: &str, feature: &str) -> Result<SeriesV1, String> {
        let id = plant.stations.iter().find(|known| known.name == station).map(|known| known.id);
        let stations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = id.and_then(|id| stations.get(&id)).ok_or_else(|| format!("no cycle of {station} was seen yet"))?;
        let place = known.features.iter().position(|(name, _)| *name == feature).ok_or_else(|| {
            let names: Vec<_> = known.features.iter().map(|(name, _)| *name).collect();
            format!("{station} has no feature {feature:?}; it has {}", names.join(", "))
        })?;
        Ok(known.series(plant, station, place))
    }
}

/// The most cycles kept of each station of a plant.
fn cycles_max(plant: &Plant) -> usize {
    (CYCLES_MAX_IN_ALL / plant.stations.len().max(1)).clamp(1, CYCLES_MAX)
}

/// What the page draws charts from. Clones share it.
#[derive(Clone)]
pub(crate) struct Charts(Arc<RwLock<Drawn>>);

/// The cycles of a plant, and what its features are called.
struct Drawn {
    history: History,
    plant: Arc<Plant>,
    words: Arc<WordsV1>,
}

impl Charts {
    /// Charts of what is in `history`, as it grows.
    pub(crate) fn new(history: &History, twin: &Twin) -> Self {
        Self(Arc::new(RwLock::new(Drawn::new(history, twin))))
    }

    /// From now on they are of this history, of a twin of another plant.
    pub(crate) fn go_on(&self, history: &History, twin: &Twin) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Drawn::new(history, twin);
    }

    /// The charts as the page asks for them.
    pub(crate) fn series(&self) -> SeriesLookup {
        let charts = self.clone();
        Arc::new(move |station, feature| {
            let drawn = charts.0.read().unwrap_or_else(PoisonError::into_inner);
            drawn.history.series(&drawn.plant, station, feature)
        })
    }

    /// What they are called.
    pub(crate) fn words(&self) -> WordsLookup {
        let charts = self.clone();
        Arc::new(move || charts.0.read().unwrap_or_else(PoisonError::into_inner).words.clone())
    }
}

impl Drawn {
    fn new(history: &History, twin: &Twin) -> Self {
        let (history, plant) = (history.clone(), twin.plant().clone());
        let names = plant.stations.iter().flat_map(|station| twin.features(station.id)).map(|bound| bound.spec.name);
        let words = Arc::new(WordsV1::new(&plant, names));
        Self { history, plant, words }
    }
}

impl StationHistory {
    fn new(station: StationId, twin: &Twin) -> Self {
        let features = twin.features(station).iter().map(|bound| (bound.spec.name, bound.unit.clone())).collect();
        Self { features, limits: BTreeMap::new(), cycles: VecDeque::new() }
    }

    fn take(&mut self, cycle: &Cycle, twin: &Twin) {
        let Cycle { station, part, variant, start: _, end, ref features } = *cycle;
        self.limits.entry(variant).or_insert_with(|| twin.good_ranges(station, variant).collect());
        let values = features.iter().zip(twin.expected(station)).map(|(&value, expected)| {
            let (expected, sigma) = expected.filter(|_| value.is_some()).unwrap_or((f64::NAN, f64::NAN));
            Seen { value: value.unwrap_or(f64::NAN) as f32, expected: expected as f32, sigma: sigma as f32 }
        });
        while self.cycles.len() >= cycles_max(twin.plant()) {
            self.cycles.pop_front();
        }
        self.cycles.push_back(SeenCycle { end, part, variant, values: values.collect() });
    }

    fn series(&self, plant: &Plant, station: &str, place: usize) -> SeriesV1 {
        let variant_name = |variant: Option<usize>| variant.map(|variant| plant.variants[variant].name.clone());
        let known = |number: f32| number.is_finite().then_some(f64::from(number));
        let limits = self.limits.iter().filter_map(|(&variant, ranges)| {
            let (low, high) = *ranges.get(place)?;
            (low.is_some() || high.is_some()).then(|| SeriesLimitV1 { variant: variant_name(variant), low, high })
        });
        let points = self.cycles.iter().filter_map(|cycle| {
            let seen = cycle.values.get(place)?;
            Some(PointV1 {
                at: cycle.end.into(),
                part: cycle.part.map(|part| part.to_string()),
                variant: variant_name(cycle.variant),
                value: known(seen.value)?,
                expected: known(seen.expected),
                sigma: known(seen.sigma),
            })
        });
        let (name, unit) = &self.features[place];
        SeriesV1 {
            schema: SeriesSchema::V1,
            station: station.to_owned(),
            feature: (*name).to_owned(),
            unit: Some(unit.clone()).filter(|unit| !unit.is_empty()),
            limits: limits.collect(),
            points: points.collect(),
        }
    }
}
