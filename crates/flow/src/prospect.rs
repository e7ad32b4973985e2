use serde::{Deserialize, Serialize};
use telemetry::{SignalId, Timestamp};

use crate::line::{ForecastOptions, LearnedLine, LineModel, ModelError, Range, ShiftSoFar, forecast};

/// All that a forecast of the shift under way needs. Taking it costs little; [`Prospect::forecast`] is the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Prospect {
    /// The moment.
    pub at: Timestamp,
    /// The shift, by index into the calendar's list, 0 without a calendar.
    pub shift: u16,
    /// When it began.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Good parts that it is to make, if that is planned.
    pub planned_output: Option<u32>,
    /// The line as it was designed.
    pub line: LineModel,
    /// What was learnt of it.
    pub learned: LearnedLine,
    /// Where it is.
    pub so_far: ShiftSoFar,
    /// What is left of the materials of which it is known how much parts take.
    pub materials: Vec<MaterialLevel>,
}

/// What is left of a material.
#[derive(Debug, Clone, PartialEq)]
pub struct MaterialLevel {
    /// The signal that tells it.
    pub signal: SignalId,
    /// How much there is, in the signal's unit.
    pub level: f64,
    /// How much a part of each variant takes, in the same unit.
    pub per_part: Vec<f64>,
}

/// What the shift under way may come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftForecast {
    /// When it was made, by the twin's time.
    pub at: Timestamp,
    /// The shift, by index into the calendar's list, 0 without a calendar.
    pub shift: u16,
    /// When it began.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Good parts of the whole shift, what has been made among them.
    pub output: Range,
    /// Their mean.
    pub mean: f64,
    /// Good parts planned.
    pub planned_output: Option<u32>,
    /// Probability of at least as many as planned.
    pub odds: Option<f64>,
    /// How long the materials will last.
    pub materials: Vec<MaterialLeft>,
}

/// How long a material will last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaterialLeft {
    /// The signal that tells how much there is.
    pub signal: SignalId,
    /// How much there is, in the signal's unit.
    pub level: f64,
    /// Hours of working time until it runs out; `None` if it may never.
    pub left_h: Option<Range>,
}

/// The working time in which it is looked how much of the materials is taken, s. The rest of a shift may be too short.
const MATERIALS_S: f64 = 4.0 * 3600.0;
/// How many times that is run: it changes little from one time to the next.
const MATERIALS_REPLICATIONS: u32 = 100;

impl Prospect {
    /// Runs the rest of the shift many times.
    ///
    /// # Errors
    /// If the line cannot be simulated as it was configured.
    pub fn forecast(&self, options: ForecastOptions) -> Result<ShiftForecast, ModelError> {
        let whole = forecast(&self.line, &self.learned, &self.so_far, options)?;
        Ok(ShiftForecast {
            at: self.at,
            shift: self.shift,
            start: self.start,
            end: self.end,
            output: whole.output(),
            mean: whole.mean(),
            planned_output: self.planned_output,
            odds: self.planned_output.map(|planned| whole.odds(planned)),
            materials: self.materials_left(options)?,
        })
    }

    fn materials_left(&self, options: ForecastOptions) -> Result<Vec<MaterialLeft>, ModelError> {
        if self.materials.is_empty() {
            return Ok(Vec::new());
        }
        let hours = ShiftSoFar { left_s: MATERIALS_S, ..self.so_far.clone() };
        let options = ForecastOptions { replications: MATERIALS_REPLICATIONS, ..options };
        let use_of_hours = forecast(&self.line, &self.learned, &hours, options)?;
        let left = |material: &MaterialLevel| {
            let left_h = use_of_hours.material_left_h(material.level, &material.per_part);
            MaterialLeft { signal: material.signal, level: material.level, left_h }
        };
        Ok(self.materials.iter().map(left).collect())
    }
}
