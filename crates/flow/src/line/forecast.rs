use serde::{Deserialize, Serialize};

use crate::line::{Horizon, LearnedLine, LineModel, ModelError, Start};

/// Where a line is in its shift.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ShiftSoFar {
    /// What is in the line.
    pub start: Start,
    /// Good parts that have left the line in the shift.
    pub produced: u32,
    /// Working time that is left, without breaks, s.
    pub left_s: f64,
}

/// How a forecast is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForecastOptions {
    /// How many times the rest of the shift is run, 1 and more.
    pub replications: u32,
    /// The same seed gives the same forecast.
    pub seed: u64,
}

impl Default for ForecastOptions {
    /// As many as it takes for odds that are right to within 3 percentage points.
    fn default() -> Self {
        Self { replications: 1_000, seed: 1 }
    }
}

/// What a shift may come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Good parts of the whole shift in each replication, in ascending order.
    outputs: Vec<u32>,
    /// Good parts of each variant in the rest of the shift, by replication.
    rests: Vec<Vec<u32>>,
    left_s: f64,
}

/// What is as likely below as given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Below it with probability 10 %.
    pub p10: f64,
    /// As likely below as above.
    pub p50: f64,
    /// Below it with probability 90 %.
    pub p90: f64,
}

impl Range {
    /// The range of values in ascending order: the smallest of which at least that share is not above. `None` of no values.
    pub fn of_sorted(values: &[f64]) -> Option<Self> {
        let at = |share: f64| {
            let rank = (share * values.len() as f64).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied()
        };
        Some(Self { p10: at(0.1)?, p50: at(0.5)?, p90: at(0.9)? })
    }
}

/// Forecasts the output of a shift from where the line is: runs its rest many times, each time with parameters that may be
/// true after what was learnt, so that the range covers what the line is not known well enough for, too.
///
/// # Errors
/// If the line cannot be simulated.
pub fn forecast(
    model: &LineModel,
    learned: &LearnedLine,
    now: &ShiftSoFar,
    options: ForecastOptions,
) -> Result<Forecast, ModelError> {
    model.check()?;
    // A shift that is over has no interval to count in, but a number all the same.
    let left_s = now.left_s.max(0.0);
    let horizon = Horizon { warm_up_s: 0.0, length_s: left_s.max(1e-3), interval_s: left_s.max(1e-3) };
    let rest = |replication: u32| {
        let drawn = learned.draw(model, options.seed, u64::from(replication));
        Ok(drawn.run(&now.start, horizon, options.seed, u64::from(replication))?.output_of_variant)
    };
    let rests = (0..options.replications.max(1)).map(rest).collect::<Result<Vec<Vec<u32>>, ModelError>>()?;
    let mut outputs: Vec<u32> = rests.iter().map(|rest| now.produced + rest.iter().sum::<u32>()).collect();
    outputs.sort_unstable();
    Ok(Forecast { outputs, rests, left_s })
}

impl Forecast {
    /// The range of the shift's output, parts.
    pub fn output(&self) -> Range {
        let outputs: Vec<f64> = self.outputs.iter().copied().map(f64::from).collect();
        Range::of_sorted(&outputs).unwrap_or(Range { p10: 0.0, p50: 0.0, p90: 0.0 })
    }

    /// The shift's mean output, parts.
    pub fn mean(&self) -> f64 {
        self.outputs.iter().copied().map(f64::from).sum::<f64>() / self.outputs.len() as f64
    }

    /// Probability that the shift makes that many parts or more.
    pub fn odds(&self, target: u32) -> f64 {
        let below = self.outputs.partition_point(|&output| output < target);
        1.0 - below as f64 / self.outputs.len() as f64
    }

    /// Hours of working time until a material runs out of which there is that much, and of which a part of each variant
    /// takes that much, if the line goes on as in the rest of the shift. `None` if it may never run out.
    pub fn material_left_h(&self, level: f64, use_per_part: &[f64]) -> Option<Range> {
        let hours = self.left_s / 3600.0;
        let left_h = |rest: &Vec<u32>| {
            let used: f64 = rest.iter().zip(use_per_part).map(|(&parts, per_part)| f64::from(parts) * per_part).sum();
            if used > 0.0 { level.max(0.0) * hours / used } else { f64::INFINITY }
        };
        let mut left_h: Vec<f64> = self.rests.iter().map(left_h).collect();
        left_h.sort_by(f64::total_cmp);
        Range::of_sorted(&left_h).filter(|range| range.p90.is_finite())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::line::{PartStart, PlaceStart, Progress, Station};

    fn line() -> LineModel {
        LineModel::serial([10.0, 20.0].map(Station::constant))
    }

    fn forecast_of(now: &ShiftSoFar) -> Forecast {
        let line = line();
        forecast(&line, &LearnedLine::new(&line), now, ForecastOptions { replications: 10, seed: 1 }).unwrap()
    }

    /// Nothing is by chance here: the second station has a part that it has worked on for 15 s of 20 s.
    #[test]
    fn a_line_without_chance_is_forecast_without_doubt() {
        let part = |progress| PlaceStart { parts: vec![PartStart { variant: None, progress }], down_s: None };
        let start = Start { places: vec![part(Progress::Done), part(Progress::Working { worked_s: 15.0 })] };
        let forecast = forecast_of(&ShiftSoFar { start, produced: 100, left_s: 46.0 });
        assert_eq!(forecast.output(), Range { p10: 103.0, p50: 103.0, p90: 103.0 });
        assert_eq!((forecast.odds(103), forecast.odds(104)), (1.0, 0.0));
    }

    #[test]
    fn material_lasts_as_long_as_the_line_needs_to_use_it() {
        let now = ShiftSoFar { left_s: 7200.0, ..ShiftSoFar::default() };
        let forecast = forecast_of(&now);
        let left = forecast.material_left_h(90.0, &[0.5]).unwrap();
        assert!((left.p50 - 1.0).abs() < 0.01, "{left:?}");
        assert_eq!(forecast.material_left_h(90.0, &[0.0]), None);
    }

    #[test]
    fn a_shift_that_is_over_has_made_what_it_has_made() {
        let now = ShiftSoFar { produced: 7, ..ShiftSoFar::default() };
        assert_eq!(forecast_of(&now).output(), Range { p10: 7.0, p50: 7.0, p90: 7.0 });
    }
}
