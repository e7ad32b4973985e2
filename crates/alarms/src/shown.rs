//! What a station shows, and whether what two stations show can have one cause.

use plant::{Cause, Locus, Plant, StationId};
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::{Circumstances, TimeToLimit};

/// What a piece of evidence speaks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grounds {
    /// By what is known besides, most likely first.
    pub(crate) causes: Vec<(Cause, f64)>,
    pub(crate) circumstances: Circumstances,
    /// As [`Verdict::is_supply`].
    pub(crate) is_supply: bool,
    /// How long from `at` until a limit is crossed if it goes on like this.
    pub(crate) time_to_limit: Option<TimeToLimit>,
    pub(crate) at: Timestamp,
}

impl Grounds {
    pub(crate) fn shown_at(&self, station: StationId) -> Shown<'_> {
        Shown { station, causes: &self.causes, is_supply: self.is_supply, circumstances: &self.circumstances }
    }
}

/// What a station shows.
pub(crate) struct Shown<'a> {
    pub(crate) station: StationId,
    pub(crate) causes: &'a [(Cause, f64)],
    pub(crate) is_supply: bool,
    pub(crate) circumstances: &'a Circumstances,
}

impl Shown<'_> {
    /// Whether what two stations show can come from one cause: one that either can have, if it is one station, or if it can
    /// come with a lot or a tool that what both show goes with; else a utility.
    ///
    /// A utility that no longer supplies what it should is felt by all that depend on it, so whatever of theirs can come
    /// from it at all does. Without that, they must speak for it themselves: a worn electrode may also come from warm
    /// water, but while nothing says that the water is warm it is none of the water's business.
    pub(crate) fn can_be_one_with(&self, other: &Self, plant: &Plant) -> bool {
        let mut shared = self.causes.iter().map(|(cause, _)| *cause).filter(|&cause| other.can_be(cause));
        if self.station == other.station {
            return shared.next().is_some();
        }
        if shared.any(|cause| self.circumstances.share(other.circumstances, cause)) {
            return true;
        }
        let utilities = |shown: &Self| &plant.station(shown.station).utilities;
        let is_felt_by = |utility: &Self, station: &Self| {
            let felt = if utility.is_supply { station.utility_share() > 0.0 } else { station.speaks_for_utility() };
            felt && utilities(station).contains(&utility.station)
        };
        let share_one = || utilities(self).iter().any(|shared| utilities(other).contains(shared));
        is_felt_by(self, other)
            || is_felt_by(other, self)
            || (self.speaks_for_utility() && other.speaks_for_utility() && share_one())
    }

    fn can_be(&self, cause: Cause) -> bool {
        self.causes.iter().any(|(known, _)| *known == cause)
    }

    /// The largest weight of a cause that lies at a utility, as a share of the largest weight; 0 if there is none.
    fn utility_share(&self) -> f64 {
        let largest = |weights: &mut dyn Iterator<Item = f64>| weights.fold(0.0, f64::max);
        let at_utility = self.causes.iter().filter(|(cause, _)| cause.locus() == Locus::Utility);
        largest(&mut at_utility.map(|&(_, weight)| weight))
            / largest(&mut self.causes.iter().map(|&(_, weight)| weight))
    }

    fn speaks_for_utility(&self) -> bool {
        const HALF: f64 = 0.5;
        self.utility_share() >= HALF
    }
}
