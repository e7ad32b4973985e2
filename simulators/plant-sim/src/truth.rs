use serde::{Serialize, Serializer};
use telemetry::Timestamp;

/// Something that truly happened in the plant, for those who judge the twin. No point shows it.
///
/// Serialises to one flat JSON object: `{"at":"2026-…Z","event":"fault-began","fault":"electrode-wear",…}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthEvent {
    /// When.
    #[serde(serialize_with = "rfc_3339")]
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Truth,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Truth {
    /// A planned fault began.
    FaultBegan {
        /// [`crate::Fault::name`].
        fault: &'static str,
        /// The station, or for `link-loss` the link.
        station: &'static str,
        /// [`crate::Fault::family`].
        family: &'static str,
    },
    /// A planned fault ended.
    FaultEnded {
        /// [`crate::Fault::name`].
        fault: &'static str,
        /// The station, or for `link-loss` the link.
        station: &'static str,
    },
    /// A true process quantity left its limits for the first time since the plant's start.
    LimitCrossed {
        /// The station.
        station: &'static str,
        /// The quantity, with its unit in the name.
        quantity: &'static str,
        /// Its true value, in the quantity's unit.
        value: f64,
        /// The limit it broke, in the quantity's unit.
        limit: f64,
    },
    /// A part was spoilt, or found to be bad by a tester. At most once a part.
    PartScrapped {
        /// The station.
        station: &'static str,
        /// Its serial.
        part: String,
        /// The quantity that was out of limits, with its unit in the name.
        quantity: &'static str,
    },
    /// A link stopped delivering.
    LinkDown {
        /// The link.
        link: &'static str,
    },
    /// A link delivers again.
    LinkUp {
        /// The link.
        link: &'static str,
    },
    /// A welding gun's electrodes were dressed.
    TipDressed {
        /// The station.
        station: &'static str,
        /// Parts welded since the dressing before.
        parts: u32,
    },
    /// The laser optics' protective glass was changed.
    GlassChanged {
        /// The station.
        station: &'static str,
    },
    /// What a station has made since the plant's start; told every hour.
    Production(Production),
}

/// What a station has made since the plant's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Production {
    /// The station.
    pub station: &'static str,
    /// Cycles completed, good or bad.
    pub made: u64,
    /// Parts scrapped here.
    pub scrapped: u64,
}

fn rfc_3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// What may not be left by a true quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    /// The limit that `value` breaks.
    fn broken_by(self, value: f64) -> Option<f64> {
        match self {
            Self::AtLeast(limit) => (value < limit).then_some(limit),
            Self::AtMost(limit) => (value > limit).then_some(limit),
        }
    }
}

/// The ground truth of the step under way.
#[derive(Default)]
pub(crate) struct TruthLog {
    pub(crate) events: Vec<TruthEvent>,
    /// Station and quantity of every limit that was crossed; at most one entry per quantity of the plant.
    crossed: Vec<(&'static str, &'static str)>,
}

impl TruthLog {
    pub(crate) fn tell(&mut self, at: Timestamp, what: Truth) {
        self.events.push(TruthEvent { at, what });
    }

    /// Whether a true quantity is within its bound; the first time that it is not is told.
    pub(crate) fn within(
        &mut self,
        at: Timestamp,
        station: &'static str,
        quantity: &'static str,
        value: f64,
        bound: Bound,
    ) -> bool {
        let Some(limit) = bound.broken_by(value) else { return true };
        if !self.crossed.contains(&(station, quantity)) {
            self.crossed.push((station, quantity));
            self.tell(at, Truth::LimitCrossed { station, quantity, value, limit });
        }
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let check = |what, expected: &str| {
            let event = TruthEvent { at: Timestamp::EPOCH, what };
            assert_eq!(serde_json::to_string(&event).unwrap(), expected);
        };
        check(
            Truth::FaultBegan { fault: "pump-wear", station: "cooling-1", family: "pump" },
            r#"{"at":"1970-01-01T00:00:00Z","event":"fault-began","fault":"pump-wear","station":"cooling-1","family":"pump"}"#,
        );
        check(
            Truth::Production(Production { station: "eol-90", made: 70, scrapped: 1 }),
            r#"{"at":"1970-01-01T00:00:00Z","event":"production","station":"eol-90","made":70,"scrapped":1}"#,
        );
    }

    #[test]
    fn a_limit_is_told_once() {
        let mut log = TruthLog::default();
        let mut check = |value, within, told| {
            let bound = Bound::AtLeast(4.0);
            assert_eq!(log.within(Timestamp::EPOCH, "weld-20", "nugget_diameter_mm", value, bound), within);
            assert_eq!(log.events.len(), told);
        };
        check(4.0, true, 0);
        check(3.9, false, 1);
        check(3.8, false, 1);
    }
}
