use crate::line::{Horizon, LineModel, ModelError, Outcome, PlaceKind, Range, Start};

/// What many runs of a line came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Good parts in the whole time, by replication.
    pub totals: Vec<u32>,
    /// Range of the good parts in the whole time.
    pub output: Range,
    /// Mean of the good parts in the whole time.
    pub mean: f64,
    /// Range of the good parts in an interval, over all intervals that were whole.
    pub interval: Range,
    /// Mean of the good parts of each variant in the whole time.
    pub mean_of_variant: Vec<f64>,
    /// Mean of the parts that were rejected.
    pub mean_scrapped: f64,
    /// By place, on average.
    pub places: Vec<PlaceSummary>,
    /// The station that waited least: not starved and not blocked (Kuo, Lim and Meerkov 1996 read the same from which way
    /// its neighbours wait).
    pub bottleneck: Option<usize>,
}

/// Shares of its time that a place did something, 0 to 1, and what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlaceSummary {
    /// At work.
    pub working: f64,
    /// Stopped while it had a part.
    pub down: f64,
    /// Finished, without a place for the part to go.
    pub blocked: f64,
    /// Taking a part in.
    pub loading: f64,
    /// Without a part.
    pub starved: f64,
    /// Mean number of parts in it.
    pub level: f64,
}

/// By how much two lines differ under common random numbers, parts in the whole time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Mean difference.
    pub mean: f64,
    /// The mean lies in between with 95 % confidence.
    pub low: f64,
    /// See `low`.
    pub high: f64,
}

/// Runs a line so many times, 1 and more.
///
/// # Errors
/// If the line cannot be simulated.
pub fn replicate(
    model: &LineModel,
    start: &Start,
    horizon: Horizon,
    seed: u64,
    replications: u32,
) -> Result<Summary, ModelError> {
    let run = |replication: u32| model.run(start, horizon, seed, u64::from(replication));
    let outcomes = (0..replications.max(1)).map(run).collect::<Result<Vec<Outcome>, ModelError>>()?;
    Ok(Summary::new(model, horizon, &outcomes))
}

impl Summary {
    fn new(model: &LineModel, horizon: Horizon, outcomes: &[Outcome]) -> Self {
        let runs = outcomes.len() as f64;
        let mean = |value: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(value).sum::<f64>() / runs;
        let place = |index: usize| {
            let share = |value: fn(&crate::line::PlaceOutcome, f64) -> f64| {
                mean(&|outcome| value(&outcome.places[index], horizon.length_s)) / horizon.length_s
            };
            let is_station = matches!(model.places[index].kind, PlaceKind::Station(_));
            PlaceSummary {
                working: share(|known, _| known.working_s),
                down: share(|known, _| known.down_s),
                blocked: share(|known, _| known.blocked_s),
                loading: share(|known, _| known.loading_s),
                starved: if is_station { share(|known, length_s| known.starved_s(length_s)) } else { 0.0 },
                level: share(|known, _| known.part_seconds),
            }
        };
        let places: Vec<PlaceSummary> = (0..model.places.len()).map(place).collect();
        let waits = |&(index, _): &(usize, &PlaceSummary)| model.places[index].station().is_some();
        let waited = |place: &PlaceSummary| place.starved + place.blocked;
        let by_waits = places.iter().enumerate().filter(waits).min_by(|a, b| waited(a.1).total_cmp(&waited(b.1)));
        let whole = (horizon.length_s / horizon.interval_s) as usize;
        Self {
            totals: outcomes.iter().map(Outcome::total).collect(),
            output: range(outcomes.iter().map(Outcome::total)),
            mean: mean(&|outcome| f64::from(outcome.total())),
            interval: range(outcomes.iter().flat_map(|outcome| outcome.output.iter().take(whole.max(1)).copied())),
            mean_of_variant: (0..model.variants.len())
                .map(|variant| mean(&|outcome| f64::from(outcome.output_of_variant[variant])))
                .collect(),
            mean_scrapped: mean(&|outcome| f64::from(outcome.scrapped)),
            bottleneck: by_waits.map(|(index, _)| index),
            places,
        }
    }

    /// By how much it makes more than another one of as many runs with the same seed: each run is compared with that of the
    /// same chance (Law 2015, sections 10.2 and 11.2).
    pub fn difference(&self, base: &Self) -> Difference {
        let differences: Vec<f64> =
            self.totals.iter().zip(&base.totals).map(|(&own, &other)| f64::from(own) - f64::from(other)).collect();
        let count = differences.len().max(1) as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|difference| (difference - mean) * (difference - mean)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        Difference { mean, low: mean - NORMAL_95 * error, high: mean + NORMAL_95 * error }
    }
}

/// Between minus and plus it lie 95 % of a standard normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

fn range(values: impl Iterator<Item = u32>) -> Range {
    let mut values: Vec<f64> = values.map(f64::from).collect();
    values.sort_by(f64::total_cmp);
    Range::of_sorted(&values).unwrap_or(Range { p10: 0.0, p50: 0.0, p90: 0.0 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::line::{Distribution, Station};

    fn line(means_s: [f64; 3]) -> LineModel {
        let work = |mean_s| vec![Distribution::Exponential(mean_s)];
        LineModel::serial(means_s.map(|mean_s| Station { work: work(mean_s), ..Station::constant(mean_s) }))
    }

    fn summary(line: &LineModel) -> Summary {
        replicate(line, &Start::default(), Horizon::hours(1.0), 4, 200).unwrap()
    }

    #[test]
    fn the_slowest_station_is_the_bottleneck() {
        for slow in 0..3 {
            let mut means_s = [10.0; 3];
            means_s[slow] = 14.0;
            assert_eq!(summary(&line(means_s)).bottleneck, Some(slow));
        }
    }

    /// The same chance in both lines makes the interval of the difference a small part of what independent runs give.
    #[test]
    fn common_random_numbers_narrow_the_difference() {
        let (base, faster) = (summary(&line([10.0, 10.0, 10.0])), summary(&line([10.0, 9.8, 10.0])));
        let difference = faster.difference(&base);
        assert!(difference.low > 0.0, "{difference:?}");
        let variance = |totals: &[u32]| {
            let count = totals.len() as f64;
            let mean = totals.iter().copied().map(f64::from).sum::<f64>() / count;
            totals.iter().map(|&total| (f64::from(total) - mean).powi(2)).sum::<f64>() / (count - 1.0) / count
        };
        let independent = NORMAL_95 * (variance(&base.totals) + variance(&faster.totals)).sqrt();
        assert!(difference.high - difference.mean < 0.3 * independent, "{difference:?}, {independent}");
    }
}
