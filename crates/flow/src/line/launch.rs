use crate::line::{Distribution, Horizon, LineModel, ModelError, Range, Start};

/// How a newly re-tooled line comes to its design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Launch {
    /// How cycle times learn.
    pub learning: Learning,
    /// Cycle time on the first day, as a multiple of the design; 1 and more.
    pub cycle_factor: f64,
    /// Stops in a time at work on the first day, as a multiple of the design; 1 and more.
    pub stops_factor: f64,
    /// Days after which what there are more of stops than designed has fallen to a half; above 0.
    pub stops_half_days: f64,
    /// Working days, 1 and more.
    pub days: u32,
    /// Working time of a day, h.
    pub day_h: f64,
}

/// How a cycle time comes to its design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Learning {
    /// With every doubling of the parts made it falls to `rate` of what it was, until it is as designed (Wright 1936). The
    /// first day's design output counts as made already, so that the first day does not learn it all.
    Wright {
        /// Above 0 and below 1; 0.8 to 0.95 where machines set the pace.
        rate: f64,
    },
    /// What is over the design falls to a half in so many days (the time-constant model; Towill 1990).
    Exponential {
        /// Above 0.
        half_days: f64,
    },
}

/// A day of a launch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaunchDay {
    /// From 1.
    pub day: u32,
    /// Cycle time as a multiple of the design, in the middle of the runs.
    pub cycle_factor: f64,
    /// Stops as a multiple of the design.
    pub stops_factor: f64,
    /// Good parts of the day.
    pub output: Range,
    /// Good parts until its end.
    pub cumulated: Range,
    /// Probability that the plan until its end is reached; `None` where there is no plan.
    pub odds: Option<f64>,
}

/// Simulates a launch so many times. `plan` is the planned output of each day, of as many days as it has.
///
/// # Errors
/// If the line cannot be simulated.
pub fn launch(
    model: &LineModel,
    launch: &Launch,
    plan: &[f64],
    seed: u64,
    replications: u32,
) -> Result<Vec<LaunchDay>, ModelError> {
    model.check()?;
    let replications = replications.max(1);
    // The first hour fills the line.
    let length_s = launch.day_h * 3600.0;
    let horizon = Horizon { warm_up_s: 3600.0, length_s, interval_s: length_s };
    let design = model.run(&Start::default(), horizon, seed, 0)?.total();
    let mut made = vec![0.0; replications as usize];
    let (mut planned, mut days) = (0.0, Vec::new());
    for day in 0..launch.days.max(1) {
        let stops_factor = launch.stops_factor_on(day);
        let (mut outputs, mut factors) = (Vec::new(), Vec::new());
        for (replication, made) in made.iter_mut().enumerate() {
            let cycle_factor = launch.cycle_factor_on(day, *made, f64::from(design));
            let run = u64::from(day) * u64::from(replications) + replication as u64;
            let output = with_factors(model, cycle_factor, stops_factor).run(&Start::default(), horizon, seed, run)?;
            let output = f64::from(output.total());
            *made += output;
            outputs.push(output);
            factors.push(cycle_factor);
        }
        planned += plan.get(day as usize).copied().unwrap_or(0.0);
        let reached = made.iter().filter(|&&made| made >= planned).count() as f64 / made.len() as f64;
        days.push(LaunchDay {
            day: day + 1,
            cycle_factor: range(factors).p50,
            stops_factor,
            output: range(outputs),
            cumulated: range(made.clone()),
            odds: plan.get(day as usize).map(|_| reached),
        });
    }
    Ok(days)
}

fn range(mut values: Vec<f64>) -> Range {
    values.sort_by(f64::total_cmp);
    Range::of_sorted(&values).unwrap_or(Range { p10: 0.0, p50: 0.0, p90: 0.0 })
}

impl Launch {
    fn stops_factor_on(&self, day: u32) -> f64 {
        1.0 + (self.stops_factor - 1.0) * halved(f64::from(day) / self.stops_half_days)
    }

    /// `made` parts were made before the day; `design` is what a day makes as designed.
    fn cycle_factor_on(&self, day: u32, made: f64, design: f64) -> f64 {
        match self.learning {
            Learning::Wright { rate } => {
                let doublings = libm::log2(1.0 + made / design.max(1.0));
                (self.cycle_factor * libm::pow(rate, doublings)).max(1.0)
            }
            Learning::Exponential { half_days } => 1.0 + (self.cycle_factor - 1.0) * halved(f64::from(day) / half_days),
        }
    }
}

fn halved(times: f64) -> f64 {
    libm::exp2(-times)
}

/// The line with cycle times so many times as long, and so many times as many stops.
fn with_factors(model: &LineModel, cycle_factor: f64, stops_factor: f64) -> LineModel {
    let mut model = model.clone();
    for station in model.places.iter_mut().filter_map(|place| place.station_mut()) {
        let scale = |time: &mut Distribution, factor: f64| *time = time.scaled(factor);
        station.work.iter_mut().for_each(|work| scale(work, cycle_factor));
        // A stop does not come later because the work takes longer.
        station.stops.iter_mut().for_each(|stops| scale(&mut stops.every, 1.0 / stops_factor));
    }
    model
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::line::Station;

    /// One station of 60 s without chance: 480 parts a day of 8 h as designed.
    fn days(learning: Learning) -> Vec<LaunchDay> {
        let line = LineModel::serial([Station::constant(60.0)]);
        let launch =
            Launch { learning, cycle_factor: 2.0, stops_factor: 1.0, stops_half_days: 1.0, days: 4, day_h: 8.0 };
        super::launch(&line, &launch, &[240.0, 300.0], 1, 3).unwrap()
    }

    #[test]
    fn the_exponential_curve_halves_what_is_over_the_design() {
        let days = days(Learning::Exponential { half_days: 1.0 });
        let factors: Vec<f64> = days.iter().map(|day| day.cycle_factor).collect();
        assert_eq!(factors, [2.0, 1.5, 1.25, 1.125]);
        let outputs: Vec<f64> = days.iter().map(|day| day.output.p50).collect();
        assert_eq!(outputs, [240.0, 320.0, 384.0, 426.0]);
        assert_eq!(days[3].cumulated.p50, 1370.0);
        assert_eq!(days.iter().map(|day| day.odds).collect::<Vec<_>>(), [Some(1.0), Some(1.0), None, None]);
    }

    #[test]
    fn wrights_curve_falls_by_its_rate_with_every_doubling_down_to_the_design() {
        let days = days(Learning::Wright { rate: 0.7 });
        assert_eq!(days[0].cycle_factor, 2.0);
        let doublings = ((480.0 + days[0].cumulated.p50) / 480.0).log2();
        assert!((days[1].cycle_factor - 2.0 * 0.7_f64.powf(doublings)).abs() < 1e-12);
        assert!(days[3].cycle_factor >= 1.0 && days[3].cycle_factor < days[2].cycle_factor);
    }
}
