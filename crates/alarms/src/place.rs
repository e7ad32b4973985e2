use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{LinkId, SignalId};

use crate::Source;

/// A place that can be taken out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// A station with all that it shows.
    Station(StationId),
    /// One feature of a station.
    Feature {
        /// The station.
        station: StationId,
        /// Index of the feature among that station's.
        feature: u16,
    },
    /// The sensor behind a signal.
    Sensor(SignalId),
    /// A link.
    Link(LinkId),
}

impl Place {
    /// Whether what a source shows is from there.
    pub fn covers(self, source: Source) -> bool {
        match (self, source) {
            (Self::Station(place), source) => source.station() == Some(place),
            (Self::Feature { station, feature }, source) => source == Source::Feature { station, feature },
            (Self::Sensor(place), Source::Sensor { signal, .. } | Source::Machine { signal, .. }) => place == signal,
            (Self::Link(place), Source::Link { link }) => place == link,
            (Self::Sensor(_) | Self::Link(_), _) => false,
        }
    }
}
