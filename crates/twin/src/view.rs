use alarms::{Incident, Intervention, Removed};
use flow::{FlowView, StationState};
use plant::StationId;
use telemetry::{LinkId, LinkState, Sample, Symbol, Timestamp};

/// All that a person may want to see of the line at one moment. Plain data; made on demand, never read by the core.
#[derive(Debug, Clone, PartialEq)]
pub struct LineView {
    /// The twin's time: when the last input was received.
    pub now: Timestamp,
    /// Sequence number of the last input.
    pub sequence: u64,
    /// The links, by id.
    pub links: Vec<LinkView>,
    /// The stations, by id.
    pub stations: Vec<StationView>,
    /// How parts flow: the shift, its losses, the bottleneck.
    pub flow: FlowView,
    /// The last sample of each signal, by id; `None` if it has never been heard of.
    pub signals: Vec<Option<Sample>>,
    /// The incidents that are not closed, in the order they were raised.
    pub incidents: Vec<Incident>,
    /// The places that are out of service, in the order they were removed.
    pub out_of_service: Vec<Removed>,
    /// Since when there are so many incidents that only urgent ones are told one by one.
    pub flood_since: Option<Timestamp>,
    /// What has been counted since the log began.
    pub counts: Counts,
}

/// A link as the twin knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkView {
    /// The link.
    pub link: LinkId,
    /// Its state; `None` if it has never been heard of.
    pub state: Option<LinkState>,
    /// Since when.
    pub since: Timestamp,
    /// The clocks behind it that are off, by station.
    pub clocks_off: Vec<ClockOff>,
}

/// The clock of a device that is off, and whose times are therefore corrected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockOff {
    /// The station that the device tells of.
    pub station: StationId,
    /// By how much it is behind that of the host, seconds; negative if it is ahead.
    pub behind_s: f64,
}

/// A station as the twin knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StationView {
    /// The station.
    pub station: StationId,
    /// What it is doing.
    pub state: StationState,
    /// Since when.
    pub since: Timestamp,
    /// The part in it, if known.
    pub part: Option<Symbol>,
    /// The variant of that part, by index into the plant's list, if known.
    pub variant: Option<usize>,
    /// Cycles seen.
    pub cycles: u64,
    /// Duration of the last one, seconds.
    pub last_cycle_s: Option<f64>,
    /// What was done there: the latest of each kind, in the order they were told.
    pub interventions: Vec<Intervention>,
    /// Its features, in the process model's order.
    pub features: Vec<FeatureView>,
}

/// A feature as the twin knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureView {
    /// Its name.
    pub name: &'static str,
    /// Its unit; empty where it has none.
    pub unit: String,
    /// Its latest value.
    pub value: Option<f64>,
    /// What was expected of that value in its context.
    pub baseline: Option<f64>,
    /// Spread of the residual in that context, one standard deviation.
    pub sigma: Option<f64>,
    /// Cycles that the baseline of the latest context was learnt from.
    pub baseline_cycles: u32,
    /// Cycles that it needs before it is used.
    pub warm_up_cycles: u32,
    /// The detector's statistic, standard deviations: the larger of both sides.
    pub statistic: f64,
    /// The threshold for the statistic.
    pub threshold: f64,
}

/// What the twin has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Inputs.
    pub inputs: u64,
    /// Samples, whatever their quality.
    pub samples: u64,
    /// Of these, samples that were not usable.
    pub bad_samples: u64,
    /// Of these, samples older than one already seen of the same signal.
    pub late_samples: u64,
    /// Of these, samples with a source time far after the time of receipt; they were taken at the time of receipt.
    pub future_samples: u64,
    /// Of these, samples of a device whose clock is off, with their time corrected.
    pub corrected_samples: u64,
    /// Of these, samples of signals that this plant does not have.
    pub unknown_samples: u64,
    /// Inputs whose time of receipt was before their predecessor's.
    pub clock_steps_back: u64,
    /// Cycles.
    pub cycles: u64,
    /// Incidents raised.
    pub incidents: u64,
    /// Baselines given up because a feature had too many contexts.
    pub baselines_evicted: u64,
    /// Cycles of stations that know of no part: they are in no part's record.
    pub cycles_without_part: u64,
    /// Records of parts that were closed.
    pub parts_closed: u64,
    /// Of these, records of parts that were not seen for long, or that there was no room for.
    pub parts_incomplete: u64,
    /// Of these, records of cycles that were told after their part's record had been closed.
    pub parts_late: u64,
    /// Samples of curves that became one point with their neighbour, because an operation had so many.
    pub trace_samples_merged: u64,
    /// Samples of curves that came too late to find their place in one.
    pub trace_samples_late: u64,
}
