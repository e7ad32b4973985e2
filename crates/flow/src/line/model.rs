use serde::{Deserialize, Serialize};

use crate::line::Distribution;

/// How parts flow through a line: its places, in an order in which each comes after those that its parts come from.
///
/// A place is a station, which holds one part, or a buffer, first in, first out. A part that is finished goes on as soon
/// as the next place has room: blocking after service. Where a place has several places after it, a part goes to the first
/// that has room; where it has several before it, the part that has waited longest comes first. At an entry there is always
/// a part, unless `supply` says otherwise; what leaves the last places leaves the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineModel {
    /// What is built; not empty.
    pub variants: Vec<VariantMix>,
    /// Mean number of parts after which the variant is drawn anew, 1 and more.
    pub run_parts: f64,
    /// The places.
    pub places: Vec<Place>,
    /// When a station may begin.
    pub blocking: Blocking,
}

/// How much of what is built is of one variant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VariantMix {
    /// Its weight among all variants, not negative; of any size.
    pub weight: f64,
    /// The place behind which it leaves the line, by index; at the end if `None`.
    pub leaves_after: Option<usize>,
}

/// A place in the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: PlaceKind,
    /// The places that its parts come from, by index; all are below its own.
    pub upstream: Vec<usize>,
    /// From the moment that a part comes in until work on it begins, or until it can leave the buffer, s.
    pub transfer_s: f64,
}

/// What a place is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PlaceKind {
    /// Works on one part at a time.
    Station(Box<Station>),
    /// Holds that many parts, 1 and more; any number if `None`.
    Buffer(Option<u32>),
}

/// How a station works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// Time of work on a part by variant, without stops; one for all variants, or one for each.
    pub work: Vec<Distribution>,
    /// What stops it. The stations of a rigid transfer line, which all stop when one does, are one station with the stops
    /// of all.
    pub stops: Vec<Stops>,
    /// Share of its parts that it rejects, 0 to 1; they leave the line from here.
    pub scrap_share: f64,
    /// At an entry: from taking a part until the next is there; `None`: at once.
    pub supply: Option<Distribution>,
}

/// Stops by one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stops {
    /// From the end of a stop to the next one.
    pub every: Distribution,
    /// In which time that is.
    pub clock: StopClock,
    /// How long it lasts.
    pub repair: Distribution,
}

/// The time in which a station comes to its next stop (Buzacott and Shanthikumar 1993, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopClock {
    /// Time at work: operation-dependent. A station that waits does not stop.
    Working,
    /// Time as it passes: time-dependent. A station that waits may stop, too.
    Elapsed,
}

/// When a station may begin on a part (Dallery and Gershwin 1992, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Blocking {
    /// At once; the finished part waits in the station until the next place has room. What plants have.
    AfterService,
    /// When the next place has room, or will have it `early_s` later: 0, or one slot in models where all stations act at
    /// the begin of a slot and the one downstream first (Li and Meerkov 2009, section 4.1). Serial lines only.
    BeforeService {
        /// See above, s.
        early_s: f64,
    },
}

/// Why a line cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    /// The place that is wrong, by index; `None` if it is the line.
    pub place: Option<usize>,
    /// What is wrong.
    pub message: &'static str,
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Some(place) => write!(f, "place {place}: {}", self.message),
            None => f.write_str(self.message),
        }
    }
}

impl std::error::Error for ModelError {}

impl Stops {
    /// Share of the time at work and stopped that it is not stopped: MTBF / (MTBF + MTTR).
    pub fn availability(&self) -> f64 {
        let (every_s, repair_s) = (self.every.mean_s(), self.repair.mean_s());
        if every_s + repair_s > 0.0 { every_s / (every_s + repair_s) } else { 1.0 }
    }
}

impl Station {
    /// A station that only works, always as long.
    pub fn constant(work_s: f64) -> Self {
        Self { work: vec![Distribution::Constant(work_s)], stops: Vec::new(), scrap_share: 0.0, supply: None }
    }

    /// Time of work on a part of that variant, without stops.
    pub fn work_of(&self, variant: usize) -> &Distribution {
        &self.work[variant.min(self.work.len() - 1)]
    }

    /// Mean of the time that a part of that variant takes if nothing has to be waited for, stops included, s.
    pub fn mean_cycle_s(&self, variant: usize) -> f64 {
        let stopped: f64 = self.stops.iter().map(|stops| 1.0 / stops.availability() - 1.0).sum();
        self.work_of(variant).mean_s() * (1.0 + stopped)
    }
}

impl Place {
    /// The station that it is.
    pub fn station(&self) -> Option<&Station> {
        match &self.kind {
            PlaceKind::Station(station) => Some(station),
            PlaceKind::Buffer(_) => None,
        }
    }

    /// The station that it is, to be changed.
    pub fn station_mut(&mut self) -> Option<&mut Station> {
        match &mut self.kind {
            PlaceKind::Station(station) => Some(station),
            PlaceKind::Buffer(_) => None,
        }
    }

    /// How many parts it holds; any number if `None`.
    pub fn capacity(&self) -> Option<u32> {
        match self.kind {
            PlaceKind::Station(_) => Some(1),
            PlaceKind::Buffer(capacity) => capacity,
        }
    }
}

impl LineModel {
    /// A line of one variant without buffers: the stations in a row, parts in no time from one to the next.
    pub fn serial(stations: impl IntoIterator<Item = Station>) -> Self {
        let place = |(index, station): (usize, Station)| Place {
            name: format!("station-{}", index + 1),
            kind: PlaceKind::Station(Box::new(station)),
            upstream: index.checked_sub(1).into_iter().collect(),
            transfer_s: 0.0,
        };
        Self {
            variants: vec![VariantMix { weight: 1.0, leaves_after: None }],
            run_parts: 1.0,
            places: stations.into_iter().enumerate().map(place).collect(),
            blocking: Blocking::AfterService,
        }
    }

    /// The same with a buffer of `capacity` parts, any number if `None`, behind the station number `after`, from 1; of
    /// stations in a row as [`Self::serial`] makes them. No buffer where the capacity is 0.
    pub fn with_buffer(mut self, after: usize, capacity: Option<u32>) -> Self {
        if capacity == Some(0) {
            return self;
        }
        let is_station = |place: &&Place| place.station().is_some();
        let named = format!("station-{after}");
        let Some(at) = self.places.iter().position(|place| is_station(&place) && place.name == named) else {
            return self;
        };
        let name = format!("buffer-{after}");
        let kind = PlaceKind::Buffer(capacity);
        self.places.insert(at + 1, Place { name, kind, upstream: vec![at], transfer_s: 0.0 });
        for (index, place) in self.places.iter_mut().enumerate().skip(at + 2) {
            place.upstream = vec![index - 1];
        }
        self
    }

    /// Whether every place has one before it and one after it, except the first and the last.
    pub fn is_serial(&self) -> bool {
        self.places.iter().enumerate().all(|(index, place)| match index.checked_sub(1) {
            Some(before) => place.upstream == [before],
            None => place.upstream.is_empty(),
        })
    }

    /// By place, the places that its parts go on to.
    pub(crate) fn downstream(&self) -> Vec<Vec<usize>> {
        let mut downstream = vec![Vec::new(); self.places.len()];
        for (index, place) in self.places.iter().enumerate() {
            place.upstream.iter().for_each(|&before| downstream[before].push(index));
        }
        downstream
    }

    /// Checks that it can be simulated.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ModelError> {
        let line = |message| Err(ModelError { place: None, message });
        if self.places.is_empty() {
            return line("the line has no places");
        }
        let weights = || self.variants.iter().map(|variant| variant.weight);
        let is_time = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
        if !weights().all(is_time) || weights().sum::<f64>() <= 0.0 {
            return line("the weights of the variants are negative, or all 0");
        }
        if !(self.run_parts.is_finite() && self.run_parts >= 1.0) {
            return line("the mean number of parts of one variant in a row is below 1");
        }
        if matches!(self.blocking, Blocking::BeforeService { .. }) && !self.is_serial() {
            return line("blocking before service is for serial lines only");
        }
        let wrong = self.places.iter().enumerate().find_map(|(index, place)| {
            let message = self.wrong_with(index, place)?;
            Some(ModelError { place: Some(index), message })
        });
        wrong.map_or(Ok(()), Err)
    }

    fn wrong_with(&self, index: usize, place: &Place) -> Option<&'static str> {
        if place.upstream.iter().any(|&before| before >= index) {
            return Some("comes before a place that its parts come from");
        }
        if !(place.transfer_s.is_finite() && place.transfer_s >= 0.0) {
            return Some("has a transfer time that is negative or no number");
        }
        let station = match &place.kind {
            PlaceKind::Buffer(Some(0)) => return Some("is a buffer without room"),
            PlaceKind::Buffer(_) if place.upstream.is_empty() => return Some("is a buffer that no parts come to"),
            PlaceKind::Buffer(_) => return None,
            PlaceKind::Station(station) => station,
        };
        if ![1, self.variants.len()].contains(&station.work.len()) {
            return Some("has work times for some variants, but not for all");
        }
        if !(0.0..=1.0).contains(&station.scrap_share) {
            return Some("has a share of scrap that is not between 0 and 1");
        }
        let distributions = station.work.iter().chain(&station.supply);
        let distributions = distributions.chain(station.stops.iter().flat_map(|stops| [&stops.every, &stops.repair]));
        if !distributions.clone().all(Distribution::is_sound) {
            return Some("has a time that is negative or no number");
        }
        // Else a stop would follow the other without end.
        if station.stops.iter().any(|stops| stops.every.mean_s() <= 0.0) {
            return Some("stops without ever working");
        }
        if station.work.iter().any(|work| work.mean_s() <= 0.0) {
            return Some("works in no time at all");
        }
        None
    }
}
