//! How parts flow through a line: a model of its stations and buffers, and its seeded simulation.
//!
//! [`LineModel`] says what there is, [`LineModel::run`] what one run of it comes to. Times are seconds of working time: a
//! break or the end of a shift stops the line as it is.

mod distribution;
mod model;
mod network;
mod normal;
mod outcome;
mod random;
mod sequence;
mod serial;
mod server;
mod start;

pub use distribution::{Distribution, Values};
pub use model::{Blocking, LineModel, ModelError, Place, PlaceKind, Station, StopClock, Stops, VariantMix};
pub use outcome::{Horizon, Outcome, PlaceOutcome};
pub use start::{PartStart, PlaceStart, Progress, Start};

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
        let run = if self.is_serial() { serial::run } else { network::run };
        Ok(run(self, start, horizon, seed, replication))
    }
}
