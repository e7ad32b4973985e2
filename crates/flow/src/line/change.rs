use crate::line::{Distribution, LineModel, PlaceKind, Station, StopClock, Stops};

/// A change to a line that somebody thinks of, such as `buffer-35.capacity=20`.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// The place, or the variant if the key is `share`.
    name: String,
    key: Key,
    value: f64,
}

/// What can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Capacity,
    CycleS,
    CycleScatter,
    TransferS,
    MtbfMin,
    MttrMin,
    ScrapShare,
    Share,
}

impl Key {
    const ALL: [Self; 8] = [
        Self::Capacity,
        Self::CycleS,
        Self::CycleScatter,
        Self::TransferS,
        Self::MtbfMin,
        Self::MttrMin,
        Self::ScrapShare,
        Self::Share,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::CycleS => "cycle_s",
            Self::CycleScatter => "cycle_scatter",
            Self::TransferS => "transfer_s",
            Self::MtbfMin => "mtbf_min",
            Self::MttrMin => "mttr_min",
            Self::ScrapShare => "scrap_share",
            Self::Share => "share",
        }
    }

    /// Lowest and highest value.
    const fn range(self) -> (f64, f64) {
        match self {
            Self::Capacity => (1.0, 100_000.0),
            Self::CycleS => (0.1, 86_400.0),
            Self::CycleScatter => (0.0, 2.0),
            Self::TransferS => (0.0, 3600.0),
            Self::MtbfMin => (0.1, 1_000_000.0),
            Self::MttrMin => (0.0, 100_000.0),
            Self::ScrapShare => (0.0, 1.0),
            Self::Share => (0.0, 1000.0),
        }
    }
}

impl std::str::FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(path, value)| Some((path.trim().rsplit_once('.')?, value.trim())));
        let Some(((name, key), value)) = parts else {
            return Err(format!("{text:?} changes nothing; expected NAME.KEY=VALUE, such as buffer-35.capacity=20"));
        };
        let Some(known) = Key::ALL.into_iter().find(|known| known.name() == key) else {
            let names = Key::ALL.map(Key::name).join(", ");
            return Err(format!("{text:?}: {key:?} cannot be changed; expected one of {names}"));
        };
        let (min, max) = known.range();
        let number = value.parse::<f64>().ok().filter(|number| (min..=max).contains(number));
        let number = number.filter(|number| known != Key::Capacity || number.fract() == 0.0);
        match number {
            Some(value) => Ok(Self { name: name.to_owned(), key: known, value }),
            None if known == Key::Capacity => {
                Err(format!("{text:?}: {value:?} is no capacity; expected a whole number from {min} to {max}"))
            }
            None => Err(format!("{text:?}: {value:?} is no {key}; expected a number from {min} to {max}")),
        }
    }
}

impl std::fmt::Display for WhatIf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}={}", self.name, self.key.name(), self.value)
    }
}

impl WhatIf {
    /// Changes the line. `variants` are the names of its variants, in order.
    ///
    /// # Errors
    /// What the line does not have, and what it has instead.
    pub fn apply(&self, model: &mut LineModel, variants: &[String]) -> Result<(), String> {
        let Self { name, key, value } = self;
        let fails = |message: String| Err(format!("{self}: {message}"));
        if *key == Key::Share {
            let Some(variant) = variants.iter().position(|known| known == name) else {
                return fails(format!("{name:?} is not a variant; expected one of {}", variants.join(", ")));
            };
            model.variants[variant].weight = *value;
            return Ok(());
        }
        let weights: Vec<f64> = model.variants.iter().map(|variant| variant.weight).collect();
        let Some(place) = model.places.iter_mut().find(|place| place.name == *name) else {
            let names: Vec<&str> = model.places.iter().map(|place| place.name.as_str()).collect();
            return fails(format!("{name:?} is not in this line; expected one of {}", names.join(", ")));
        };
        match (&mut place.kind, key) {
            (_, Key::TransferS) => place.transfer_s = *value,
            (PlaceKind::Buffer(capacity), Key::Capacity) => *capacity = Some(*value as u32),
            (PlaceKind::Station(_), Key::Capacity) => {
                return fails(format!("{name} is a station, which holds one part; expected a buffer"));
            }
            (PlaceKind::Buffer(_), _) => {
                return fails(format!("{name} is a buffer; expected capacity or transfer_s of it"));
            }
            (PlaceKind::Station(station), key) => station.change(*key, *value, &weights),
        }
        Ok(())
    }
}

/// What stops of which only one mean is told have for the other.
const MTBF_S: f64 = 8.0 * 3600.0;
const MTTR_S: f64 = 300.0;

impl Station {
    fn change(&mut self, key: Key, value: f64, weights: &[f64]) {
        match key {
            Key::CycleS => {
                let mean_s = self.mean_work_s(weights);
                self.work.iter_mut().for_each(|work| *work = work.scaled(value / mean_s));
            }
            Key::CycleScatter => {
                self.work.iter_mut().for_each(|work| *work = Distribution::log_normal(work.mean_s(), value));
            }
            Key::MtbfMin | Key::MttrMin => self.change_stops(key, 60.0 * value),
            Key::ScrapShare => self.scrap_share = value,
            Key::Capacity | Key::TransferS | Key::Share => {}
        }
    }

    /// Mean of the time at work over all variants, s.
    fn mean_work_s(&self, weights: &[f64]) -> f64 {
        let sum: f64 = weights.iter().sum();
        weights.iter().enumerate().map(|(variant, weight)| weight * self.work_of(variant).mean_s()).sum::<f64>() / sum
    }

    fn change_stops(&mut self, key: Key, seconds: f64) {
        if self.stops.is_empty() {
            let [every, repair] = [MTBF_S, MTTR_S].map(Distribution::Exponential);
            self.stops.push(Stops { every, clock: StopClock::Working, repair });
        }
        for stops in &mut self.stops {
            let changed = if key == Key::MtbfMin { &mut stops.every } else { &mut stops.repair };
            let mean_s = changed.mean_s();
            *changed = if mean_s > 0.0 { changed.scaled(seconds / mean_s) } else { Distribution::Constant(seconds) };
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line() -> LineModel {
        LineModel::serial([10.0, 20.0].map(Station::constant)).with_buffer(1, Some(2))
    }

    #[test]
    fn every_key_changes_what_it_says() {
        let changed = |text: &str| {
            let mut line = line();
            text.parse::<WhatIf>().unwrap().apply(&mut line, &["a".to_owned()]).unwrap();
            line
        };
        assert_eq!(changed("buffer-1.capacity=20").places[1].capacity(), Some(20));
        assert_eq!(changed("station-2.transfer_s=2.5").places[2].transfer_s, 2.5);
        assert_eq!(changed("a.share=3").variants[0].weight, 3.0);
        let station = |text: &str| changed(text).places[2].station().unwrap().clone();
        assert_eq!(station("station-2.cycle_s=36").work, [Distribution::Constant(36.0)]);
        assert_eq!(station("station-2.cycle_scatter=0.1").work, [Distribution::log_normal(20.0, 0.1)]);
        assert_eq!(station("station-2.mtbf_min=60").stops[0].every, Distribution::Exponential(3600.0));
        assert_eq!(station("station-2.mttr_min=2").stops[0].repair, Distribution::Exponential(120.0));
        assert_eq!(station("station-2.scrap_share=0.01").scrap_share, 0.01);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let check = |text: &str, expected: &str| {
            let applied = text.parse::<WhatIf>().and_then(|what_if| what_if.apply(&mut line(), &["a".to_owned()]));
            assert_eq!(applied.unwrap_err(), expected);
        };
        let nothing = "\"faster\" changes nothing; expected NAME.KEY=VALUE, such as buffer-35.capacity=20";
        check("faster", nothing);
        check(
            "station-1.speed=3",
            "\"station-1.speed=3\": \"speed\" cannot be changed; expected one of capacity, cycle_s, cycle_scatter, \
             transfer_s, mtbf_min, mttr_min, scrap_share, share",
        );
        check(
            "buffer-1.capacity=0",
            "\"buffer-1.capacity=0\": \"0\" is no capacity; expected a whole number from 1 to 100000",
        );
        check(
            "station-1.scrap_share=NaN",
            "\"station-1.scrap_share=NaN\": \"NaN\" is no scrap_share; expected a number from 0 to 1",
        );
        check(
            "station-9.cycle_s=3",
            "station-9.cycle_s=3: \"station-9\" is not in this line; expected one of station-1, buffer-1, station-2",
        );
        check(
            "station-1.capacity=3",
            "station-1.capacity=3: station-1 is a station, which holds one part; expected a buffer",
        );
        check("buffer-1.cycle_s=3", "buffer-1.cycle_s=3: buffer-1 is a buffer; expected capacity or transfer_s of it");
        check("b.share=3", "b.share=3: \"b\" is not a variant; expected one of a");
    }
}
