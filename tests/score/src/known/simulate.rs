use drift::Step;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Runs for each cell: the standard error of a run length, which spreads about as far as it is long, is 1 % of it then.
pub(super) const RUNS: u32 = 10_000;
/// Runs for a cell that was outside: of 500 cells one is by chance now and then, but not again in ten times as many runs.
pub(super) const RUNS_OF_DOUBTFUL: u32 = 100_000;
/// Observations after which a run is given up.
const OBSERVATIONS_MAX: u32 = 10_000_000;
const SEED: u64 = 4;

/// Whether the observation raised an alarm.
pub(super) fn is_raised(step: Step) -> bool {
    matches!(step, Step::Raised(_))
}

/// Independent standard normal values.
pub(super) struct Noise(ChaCha8Rng);

/// A mean of simulated run lengths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) standard_error: f64,
}

impl Noise {
    /// One of many independent streams of them.
    pub(super) fn new(stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(SEED);
        generator.set_stream(stream);
        Self(generator)
    }

    pub(super) fn next(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }

    /// So many runs of a chart over values with that mean. `alarms` takes a value in.
    pub(super) fn run_length<C: Clone>(
        &mut self,
        runs: u32,
        mean: f64,
        chart: &C,
        alarms: impl Fn(&mut C, f64) -> bool,
    ) -> Estimate {
        self.run_length_moving(runs, |_| mean, chart, alarms)
    }

    /// As [`Self::run_length`], the mean being that of observation t, the first of which is 1.
    pub(super) fn run_length_moving<C: Clone>(
        &mut self,
        runs: u32,
        mean: impl Fn(u32) -> f64,
        chart: &C,
        alarms: impl Fn(&mut C, f64) -> bool,
    ) -> Estimate {
        self.run_length_from(runs, mean, |_| chart.clone(), alarms)
    }

    /// As [`Self::run_length_moving`], with a chart that `begin` makes for each run.
    pub(super) fn run_length_from<C>(
        &mut self,
        runs: u32,
        mean: impl Fn(u32) -> f64,
        mut begin: impl FnMut(&mut Self) -> C,
        alarms: impl Fn(&mut C, f64) -> bool,
    ) -> Estimate {
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..runs {
            let mut chart = begin(self);
            let length = (1..OBSERVATIONS_MAX).find(|&t| alarms(&mut chart, self.next() + mean(t)));
            let length = f64::from(length.unwrap_or(OBSERVATIONS_MAX));
            sum += length;
            squares += length * length;
        }
        let runs = f64::from(runs);
        let mean = sum / runs;
        let variance = (squares / runs - mean * mean).max(0.0) * runs / (runs - 1.0);
        // Where all runs ended alike, one might as well have been longer by one.
        Estimate { mean, standard_error: (variance / runs).sqrt().max(1.0 / runs) }
    }
}
