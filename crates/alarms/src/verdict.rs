use plant::{Cause, StationId};
use serde::{Deserialize, Serialize};
use telemetry::{LinkId, SignalId, Symbol, Timestamp};

use crate::Circumstances;

/// What a verdict is about. One source is open at most once: a repeat adds to its incident, never makes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// A feature of a station's cycles, by the feature's place in the process model.
    Feature {
        /// The station.
        station: StationId,
        /// Index of the feature among that station's.
        feature: u16,
    },
    /// The sensor behind a signal.
    Sensor {
        /// The station it belongs to.
        station: StationId,
        /// The signal.
        signal: SignalId,
    },
    /// A link.
    Link {
        /// The link.
        link: LinkId,
    },
    /// The machine, which says itself that something is wrong.
    Machine {
        /// The station it is.
        station: StationId,
        /// The signal of its alarm.
        signal: SignalId,
    },
}

impl Source {
    /// The station it belongs to; a link belongs to none.
    pub fn station(self) -> Option<StationId> {
        match self {
            Self::Feature { station, .. } | Self::Sensor { station, .. } | Self::Machine { station, .. } => {
                Some(station)
            }
            Self::Link { .. } => None,
        }
    }

    /// Whether a machine says it. Each of its alarms is an incident of its own, as at the machine.
    pub(crate) fn is_machine(self) -> bool {
        matches!(self, Self::Machine { .. })
    }
}

/// Which way a feature went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// Above its baseline.
    Up,
    /// Below its baseline.
    Down,
}

/// What noticed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Detector {
    /// Likelihood ratio over every size and begin of a shift of the mean.
    MeanShift,
    /// Likelihood ratio for values that scatter more than before.
    SpreadGrowth,
    /// A value that no longer changes from cycle to cycle.
    FlatLine,
    /// Cycles without a usable value of a signal, more of them than before.
    Dropout,
    /// Single wild values that go back at once, more of them than before.
    Spikes,
    /// A signal against those that measure the same.
    PeerDrift,
    /// A signal that was not heard of for too long.
    Silence,
    /// A link that stayed down.
    LinkWatch,
    /// The machine says itself that something is wrong.
    MachineAlarm,
}

impl Detector {
    /// The detector's stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeanShift => "mean-shift",
            Self::SpreadGrowth => "spread-growth",
            Self::FlatLine => "flat-line",
            Self::Dropout => "dropout",
            Self::Spikes => "spikes",
            Self::PeerDrift => "peer-drift",
            Self::Silence => "silence",
            Self::LinkWatch => "link-watch",
            Self::MachineAlarm => "machine-alarm",
        }
    }
}

/// What a verdict rests on. Numbers are in `unit` unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What the verdict is about.
    pub source: Source,
    /// Name of the feature, the signal's path or the link's name.
    pub name: String,
    /// Unit of the values; empty where they have none.
    pub unit: String,
    /// The variant that was built, if known.
    pub variant: Option<Symbol>,
    /// The part that was built, if known.
    pub part: Option<Symbol>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// The latest value.
    pub value: Option<f64>,
    /// What was expected of it in its context.
    pub baseline: Option<f64>,
    /// Spread of the residual in that context, one standard deviation.
    pub sigma: Option<f64>,
    /// How many cycles the baseline was learnt from.
    pub baseline_cycles: u32,
    /// What noticed it.
    pub detector: Detector,
    /// The detector's statistic: a log-likelihood ratio for shifts, spread and peers, cycles for the flat line, evidence
    /// as odds for missing values and spikes, seconds for the link, the severity from 1 to 1000 for a machine's own alarm.
    pub statistic: f64,
    /// The threshold that the statistic crossed.
    pub threshold: f64,
    /// How often this detector alone cries wolf: false alarms a shift.
    pub false_alarms_per_shift: f64,
    /// When it began, as far as the detector can tell.
    pub onset: Timestamp,
    /// More, in words: a link's reason, a program name. May be empty.
    pub note: String,
}

impl Evidence {
    /// Evidence that no baseline and no budget of false alarms stand behind; whoever has a value, a unit or a word more adds it.
    pub fn without_baseline(
        source: Source,
        name: String,
        detector: Detector,
        [statistic, threshold]: [f64; 2],
        onset: Timestamp,
    ) -> Self {
        Self {
            source,
            name,
            unit: String::new(),
            variant: None,
            part: None,
            direction: None,
            value: None,
            baseline: None,
            sigma: None,
            baseline_cycles: 0,
            detector,
            statistic,
            threshold,
            false_alarms_per_shift: 0.0,
            onset,
            note: String::new(),
        }
    }
}

/// How long until a limit is crossed if it goes on like this, in seconds, each at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeToLimit {
    /// Where the trend leads; 0 if the limit is crossed.
    pub expected_s: f64,
    /// The early end of the interval that the trend leaves open, not after `expected_s`.
    pub earliest_s: f64,
    /// The late end, not before `expected_s`; `None` if the trend is so weak that it may as well never get there.
    pub latest_s: Option<f64>,
}

impl TimeToLimit {
    /// The limit is crossed.
    pub const CROSSED: Self = Self { expected_s: 0.0, earliest_s: 0.0, latest_s: Some(0.0) };

    /// What is left of it after some more seconds.
    pub fn after(self, seconds: f64) -> Self {
        let left = |time_s: f64| (time_s - seconds).max(0.0);
        Self { expected_s: left(self.expected_s), earliest_s: left(self.earliest_s), latest_s: self.latest_s.map(left) }
    }
}

/// Something is not as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// When it was noticed, by event time.
    pub at: Timestamp,
    /// What it rests on.
    pub evidence: Evidence,
    /// What it can come from, each with its weight; positive, most likely first, never empty.
    pub causes: Vec<(Cause, f64)>,
    /// Whether it says that a utility no longer gives what those that depend on it need: then they feel it.
    pub is_supply: bool,
    /// If a trend leads to a limit, or it is crossed: how long until then.
    pub time_to_limit: Option<TimeToLimit>,
    /// What belongs to it besides; `None` if nothing can be said of that, or no longer: then what was said before holds.
    pub circumstances: Option<Circumstances>,
}

impl Verdict {
    /// That something is not seen as it should be, which can come from one cause only.
    pub fn of_one_cause(at: Timestamp, cause: Cause, evidence: Evidence) -> Self {
        let causes = vec![(cause, 1.0)];
        Self { at, evidence, causes, is_supply: false, time_to_limit: None, circumstances: None }
    }
}
