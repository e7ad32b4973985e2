use ::flow::{BottleneckShare, BottleneckView, FlowView, ShiftForecast, ShiftReport};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::finite;
use crate::shift::shift_name;
use crate::{ForecastV1, ShiftV1, TimeV1};

/// How parts flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlowV1 {
    /// Whether the line is to work now: in a shift and not in its breaks.
    pub is_planned: bool,
    /// Time in which the line is to work until the end of the shift, seconds.
    pub planned_left_s: f64,
    /// Where the bottleneck is.
    pub bottleneck: BottleneckV1,
    /// The shift under way, or the time between two, so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftV1>,
    /// What that shift may come to, as forecast at most some minutes ago; absent between shifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastV1>,
    /// The shift before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_shift: Option<ShiftV1>,
    /// The shifts before, in short; at most 14, the latest last.
    pub shifts: Vec<ShiftSummaryV1>,
}

/// Where the bottleneck is, by the active period method (Roser, Nakano, Tanaka 2001, 2002).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BottleneckV1 {
    /// The station that has now been active the longest without a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The main bottleneck of the latest half hour, if it was another one in the half hour before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<String>,
    /// Which stations were it in the last hour, largest share first.
    pub last_hour: Vec<ShareV1>,
}

/// How much of a time a station was the bottleneck, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShareV1 {
    /// The station.
    pub station: String,
    /// As the only one.
    pub sole: f64,
    /// While the bottleneck shifted to it or away from it; both count then.
    pub shifting: f64,
}

/// A shift in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShiftSummaryV1 {
    /// Its name; absent without a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it began.
    pub start: TimeV1,
    /// When it ended.
    pub end: TimeV1,
    /// Parts that left the line.
    pub produced: u32,
    /// Good parts planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_output: Option<u32>,
    /// Overall equipment effectiveness of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oee: Option<f64>,
    /// The station that was the bottleneck most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<String>,
}

impl FlowV1 {
    pub(crate) fn new(view: &FlowView, forecast: Option<&ShiftForecast>, plant: &Plant) -> Self {
        Self {
            is_planned: view.is_planned,
            planned_left_s: view.planned_left_s,
            bottleneck: BottleneckV1::new(&view.bottleneck, plant),
            shift: view.shift.as_ref().map(|report| ShiftV1::new(report, plant)),
            forecast: forecast.map(|forecast| ForecastV1::new(forecast, plant)),
            last_shift: view.past.last().map(|report| ShiftV1::new(report, plant)),
            shifts: view.past.iter().map(|report| ShiftSummaryV1::new(report, plant)).collect(),
        }
    }
}

impl BottleneckV1 {
    fn new(view: &BottleneckView, plant: &Plant) -> Self {
        let name = |station| plant.station(station).name.clone();
        Self {
            now: view.now.map(name),
            moving_to: view.moving_to().map(name),
            last_hour: view.last_hour.iter().map(|share| ShareV1::new(share, plant)).collect(),
        }
    }
}

impl ShareV1 {
    pub(crate) fn new(share: &BottleneckShare, plant: &Plant) -> Self {
        let BottleneckShare { station, sole, shifting } = *share;
        Self { station: plant.station(station).name.clone(), sole, shifting }
    }
}

impl ShiftSummaryV1 {
    fn new(report: &ShiftReport, plant: &Plant) -> Self {
        Self {
            name: shift_name(report.shift, plant),
            start: report.start.into(),
            end: report.end.into(),
            produced: report.line.produced,
            planned_output: report.line.planned_output,
            oee: finite(report.line.oee),
            bottleneck: report.bottleneck().map(|station| plant.station(station).name.clone()),
        }
    }
}
