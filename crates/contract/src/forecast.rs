use ::flow::line::Range;
use ::flow::{MaterialLeft, ShiftForecast};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::{schema_tag, text};
use crate::shift::shift_name;
use crate::{Message, TimeV1};

schema_tag!(ForecastSchema = "linetwin/forecast/v1");

/// What the shift under way may come to, from where the line is and how it was seen to work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastV1 {
    /// Version of this message.
    pub schema: ForecastSchema,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// When it was made, by the twin's time.
    pub at: TimeV1,
    /// Name of the shift; absent without a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the shift began.
    pub start: TimeV1,
    /// When it ends.
    pub end: TimeV1,
    /// Good parts of the whole shift, those already made among them.
    pub output: RangeV1,
    /// Their mean.
    pub mean: f64,
    /// Good parts planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_output: Option<u32>,
    /// Probability of at least as many as planned, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub odds: Option<f64>,
    /// How long materials will last, as far as their level is told and it is known what parts take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materials: Vec<MaterialV1>,
}

/// Where a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RangeV1 {
    /// Below it with probability 10 %.
    pub p10: f64,
    /// As likely below as above.
    pub p50: f64,
    /// Below it with probability 90 %.
    pub p90: f64,
}

/// How long a material will last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MaterialV1 {
    /// The station that uses it.
    pub station: String,
    /// Path of the signal that tells how much there is.
    pub signal: String,
    /// How much there is.
    pub level: f64,
    /// Unit of the level; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Hours of working time until it runs out; absent if it may never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_h: Option<RangeV1>,
}

impl ForecastV1 {
    /// The forecast of that plant's line.
    pub fn new(forecast: &ShiftForecast, plant: &Plant) -> Self {
        Self {
            schema: ForecastSchema::V1,
            enterprise: plant.enterprise.clone(),
            site: plant.site.clone(),
            area: plant.area.clone(),
            line: plant.line.clone(),
            at: forecast.at.into(),
            name: shift_name(Some(forecast.shift), plant),
            start: forecast.start.into(),
            end: forecast.end.into(),
            output: forecast.output.into(),
            mean: forecast.mean,
            planned_output: forecast.planned_output,
            odds: forecast.odds,
            materials: forecast.materials.iter().map(|material| MaterialV1::new(material, plant)).collect(),
        }
    }
}

impl Message for ForecastV1 {}

impl From<Range> for RangeV1 {
    fn from(Range { p10, p50, p90 }: Range) -> Self {
        Self { p10, p50, p90 }
    }
}

impl MaterialV1 {
    fn new(material: &MaterialLeft, plant: &Plant) -> Self {
        let signal = plant.signal(material.signal);
        Self {
            station: plant.station(signal.station).name.clone(),
            signal: signal.path.clone(),
            level: material.level,
            unit: text(&signal.unit),
            left_h: material.left_h.map(RangeV1::from),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use telemetry::{SignalId, Timestamp};

    use super::*;
    use crate::testing::{assert_valid, plant};

    fn range() -> impl Strategy<Value = Range> {
        proptest::array::uniform3(0.0..1e6_f64).prop_map(|[p10, p50, p90]| Range { p10, p50, p90 })
    }

    proptest! {
        #[test]
        fn every_forecast_is_valid_and_reads_as_it_was_written(
            (at, start, end) in (any::<i64>(), any::<i64>(), any::<i64>()),
            (output, left_h) in (range(), proptest::option::of(range())),
            planned_output in proptest::option::of(any::<u32>()),
            (mean, level, odds) in (0.0..1e6_f64, -1e9..1e9_f64, proptest::option::of(0.0..=1.0_f64)),
        ) {
            let [at, start, end] = [at, start, end].map(Timestamp::from_nanos);
            let materials = vec![MaterialLeft { signal: SignalId(0), level, left_h }];
            let forecast = ShiftForecast { at, shift: 0, start, end, output, mean, planned_output, odds, materials };
            let json = ForecastV1::new(&forecast, &plant()).to_json();
            assert_valid("forecast-v1", &json);
            let read: ForecastV1 = serde_json::from_str(&json)?;
            prop_assert_eq!(read.to_json(), json);
        }
    }
}
