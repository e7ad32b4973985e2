//! How parts flow through a line: a model of its stations and buffers, and its seeded simulation.
//!
//! [`LineModel`] says what there is, [`LineModel::run`] what one run of it comes to. Times are seconds of working time: a
//! break or the end of a shift stops the line as it is.

mod change;
mod design;
mod distribution;
mod forecast;
mod launch;
mod learned;
mod learned_place;
mod model;
mod moments;
mod network;
mod normal;
mod outcome;
mod random;
mod sequence;
mod serial;
mod server;
mod start;
mod summary;

pub use change::WhatIf;
pub use distribution::{Distribution, Values};
pub use forecast::{Forecast, ForecastOptions, Range, ShiftSoFar, forecast};
pub use launch::{Launch, LaunchDay, Learning, launch};
pub use learned::{CycleSeen, LearnedLine};
pub use learned_place::LearnedPlace;
pub use model::{Blocking, LineModel, ModelError, Place, PlaceKind, Station, StopClock, Stops, VariantMix};
pub use moments::Moments;
use outcome::Tally;
pub use outcome::{Horizon, Outcome, PlaceOutcome, Stay};
pub use start::{PartStart, PlaceStart, Progress, Start};
pub use summary::{Difference, PlaceSummary, Summary, replicate};

#[cfg(test)]
mod tests;

impl LineModel {
    /// One run of the line from that start on. The same seed and number of the replication give the same run, bit for
    /// bit; another number another run. Lines that differ in one place meet the same chance in all others.
    ///
    /// # Errors
    /// If the line cannot be simulated.
    pub fn run(&self, start: &Start, horizon: Horizon, seed: u64, replication: u64) -> Result<Outcome, ModelError> {
        self.check()?;
        Ok(self.run_into(Tally::new(self, horizon), start, seed, replication).0)
    }

    /// As [`Self::run`], with every stay of a part at a place; at each place in the order of time.
    ///
    /// # Errors
    /// If the line cannot be simulated.
    pub fn trace(
        &self,
        start: &Start,
        horizon: Horizon,
        seed: u64,
        replication: u64,
    ) -> Result<(Outcome, Vec<Stay>), ModelError> {
        self.check()?;
        Ok(self.run_into(Tally::new(self, horizon).keeping_stays(), start, seed, replication))
    }

    fn run_into(&self, tally: Tally, start: &Start, seed: u64, replication: u64) -> (Outcome, Vec<Stay>) {
        let run = if self.is_serial() { serial::run } else { network::run };
        run(self, start, tally, seed, replication).finish()
    }
}
