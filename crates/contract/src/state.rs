use ::flow::ShiftForecast;
use plant::{LinkSettings, Plant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::LinkState;
use twin::{ClockOff, Counts, LineView, LinkView};

use crate::rim::{schema_tag, text};
use crate::{AlertV1, FlowV1, Message, OutOfServiceV1, ReplayV1, StationV1, TimeV1};

schema_tag!(StateSchema = "linetwin/state/v1");

/// All that a person may want to see of the line at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateV1 {
    /// Version of this message.
    pub schema: StateSchema,
    /// The twin's time: when the last input was received.
    pub now: TimeV1,
    /// Sequence number of the last input.
    pub sequence: u64,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// The links, in the order of the configuration.
    pub links: Vec<LinkV1>,
    /// The stations, in the order of the configuration.
    pub stations: Vec<StationV1>,
    /// The incidents that are not closed, in the order they were raised.
    pub alerts: Vec<AlertV1>,
    /// The places that are out of service, in the order they were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_service: Vec<OutOfServiceV1>,
    /// Since when there are so many alerts that only those of high priority are told one by one; absent if there are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood_since: Option<TimeV1>,
    /// What has been counted since the log began.
    pub counts: CountsV1,
    /// How parts flow: the shift, its losses, the bottleneck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowV1>,
    /// What is wrong with the recording and what to do; absent if nothing is. Alerts go on whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_problem: Option<String>,
    /// How the replay stands, if this is not life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayV1>,
}

/// A link to the outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkV1 {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub protocol: ProtocolName,
    /// Whether it delivers.
    pub state: LinkStateName,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when; absent if it has never been heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<TimeV1>,
    /// The clocks behind it that are off, and whose times are corrected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks_off: Vec<ClockOffV1>,
}

/// A device's clock that is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockOffV1 {
    /// The station that the device tells of.
    pub station: String,
    /// By how much it is behind that of the host, seconds; negative if it is ahead.
    pub behind_s: f64,
}

/// What a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolName {
    /// Modbus TCP.
    Modbus,
    /// OPC UA.
    Opcua,
    /// MQTT 3.1.1.
    Mqtt,
    /// CSV files, dropped into a folder.
    Csv,
    /// Rows that are posted over HTTP.
    Http,
    /// Open Protocol, as tightening controllers speak it.
    OpenProtocol,
    /// Simulated sources.
    Simulated,
}

/// Whether a link delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStateName {
    /// It delivers.
    Up,
    /// It does not.
    Down,
    /// It has never been heard of.
    Unknown,
}

/// What the twin has counted since the log began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountsV1 {
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
    #[serde(default)]
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
    #[serde(default)]
    pub cycles_without_part: u64,
    /// Records of parts that were closed.
    #[serde(default)]
    pub parts_closed: u64,
    /// Of these, records of parts that were not seen for long, or that there was no room for.
    #[serde(default)]
    pub parts_incomplete: u64,
    /// Of these, records of cycles that were told after their part's record had been closed.
    #[serde(default)]
    pub parts_late: u64,
    /// Samples of curves that became one point with their neighbour, because an operation had so many.
    #[serde(default)]
    pub trace_samples_merged: u64,
    /// Samples of curves that came too late to find their place in one.
    #[serde(default)]
    pub trace_samples_late: u64,
}

impl StateV1 {
    /// The state of that plant's line, with the latest forecast of its shift.
    pub fn new(plant: &Plant, view: &LineView, forecast: Option<&ShiftForecast>) -> Self {
        Self {
            schema: StateSchema::V1,
            now: view.now.into(),
            sequence: view.sequence,
            enterprise: plant.enterprise.clone(),
            site: plant.site.clone(),
            area: plant.area.clone(),
            line: plant.line.clone(),
            links: view.links.iter().map(|link| LinkV1::new(link, plant)).collect(),
            stations: view.stations.iter().map(|station| StationV1::new(station, view, plant)).collect(),
            alerts: view.incidents.iter().map(|incident| AlertV1::new(incident, plant)).collect(),
            out_of_service: view.out_of_service.iter().map(OutOfServiceV1::from).collect(),
            flood_since: view.flood_since.map(TimeV1),
            counts: view.counts.into(),
            flow: Some(FlowV1::new(&view.flow, of_shift(forecast, view), plant)),
            recording_problem: None,
            replay: None,
        }
    }
}

/// A forecast, while the shift that it is of is under way.
fn of_shift<'a>(forecast: Option<&'a ShiftForecast>, view: &LineView) -> Option<&'a ShiftForecast> {
    let start = view.flow.shift.as_ref().map(|shift| shift.start);
    forecast.filter(|forecast| Some(forecast.start) == start)
}

impl Message for StateV1 {}

impl LinkV1 {
    fn new(view: &LinkView, plant: &Plant) -> Self {
        let link = plant.link(view.link);
        let (state, reason) = match &view.state {
            Some(LinkState::Up) => (LinkStateName::Up, None),
            Some(LinkState::Down { reason }) => (LinkStateName::Down, text(reason)),
            None => (LinkStateName::Unknown, None),
        };
        Self {
            name: link.name.clone(),
            protocol: match link.settings {
                LinkSettings::Modbus(_) => ProtocolName::Modbus,
                LinkSettings::Opcua(_) => ProtocolName::Opcua,
                LinkSettings::Mqtt(_) => ProtocolName::Mqtt,
                LinkSettings::Csv(_) => ProtocolName::Csv,
                LinkSettings::Http(_) => ProtocolName::Http,
                LinkSettings::OpenProtocol(_) => ProtocolName::OpenProtocol,
                LinkSettings::Simulated(_) => ProtocolName::Simulated,
            },
            state,
            reason,
            since: view.state.is_some().then_some(TimeV1(view.since)),
            clocks_off: view.clocks_off.iter().map(|off| ClockOffV1::new(off, plant)).collect(),
        }
    }
}

impl ClockOffV1 {
    fn new(off: &ClockOff, plant: &Plant) -> Self {
        Self { station: plant.station(off.station).name.clone(), behind_s: off.behind_s }
    }
}

impl From<Counts> for CountsV1 {
    fn from(counts: Counts) -> Self {
        let Counts {
            inputs,
            samples,
            bad_samples,
            late_samples,
            future_samples,
            corrected_samples,
            unknown_samples,
            clock_steps_back,
            cycles,
            incidents,
            baselines_evicted,
            cycles_without_part,
            parts_closed,
            parts_incomplete,
            parts_late,
            trace_samples_merged,
            trace_samples_late,
        } = counts;
        Self {
            inputs,
            samples,
            bad_samples,
            late_samples,
            future_samples,
            corrected_samples,
            unknown_samples,
            clock_steps_back,
            cycles,
            incidents,
            baselines_evicted,
            cycles_without_part,
            parts_closed,
            parts_incomplete,
            parts_late,
            trace_samples_merged,
            trace_samples_late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, state};

    fn check(pointer: &str, expected: &str) {
        let json = state().to_json();
        assert_valid("state-v1", &json);
        let state: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(state.pointer(pointer).map(ToString::to_string).as_deref(), Some(expected), "{pointer} of {json}");
    }

    #[test]
    fn a_state_names_everything_and_leaves_out_what_is_not_known() {
        check(
            "/links/0",
            concat!(
                r#"{"clocks_off":[{"behind_s":3600.25,"station":"weld-20"}],"name":"plc-weld","protocol":"modbus","reason":"connection refused","#,
                r#""since":"2026-11-24T08:00:00Z","state":"down"}"#
            ),
        );
        check("/stations/0/alerts", "[]");
        check("/stations/1/alerts", r#"["412-0"]"#);
        check("/stations/1/utilities", r#"["cool-10"]"#);
        check("/stations/1/variant", r#""EV1""#);
        check(
            "/stations/1/signals/0",
            concat!(
                r#"{"at":"2026-11-24T08:19:59Z","link":"plc-weld","name":"current","quality":"bad","#,
                r#""reason":"out of range","#,
                r#""role":"weld.current","unit":"kA"}"#
            ),
        );
        check(
            "/stations/1/features/0",
            concat!(
                r#"{"baseline_cycles":12,"name":"weld resistance","sigma":0.0,"statistic":0.0,"unit":"µΩ","#,
                r#""warm_up_cycles":30}"#
            ),
        );
        check("/alerts/0/id", r#""412-0""#);
        check("/stations/1/state", r#""unknown""#);
        check("/flow/shift/start", r#""2026-11-24T08:00:00Z""#);
    }
}
