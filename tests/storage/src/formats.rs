//! Ways to keep samples: each as a sensible user of it would, with everything that a replay needs of a sample.

mod csv;
mod mcap;
mod recording;
mod sqlite;

use std::path::Path;

use plant::Plant;
use telemetry::Input;

use crate::digest::Digest;

pub(crate) use self::csv::Csv;
pub(crate) use self::mcap::Mcap;
pub(crate) use self::recording::{Closed, Open};
pub(crate) use self::sqlite::Sqlite;

/// A way to keep samples.
pub(crate) trait Format {
    fn name(&self) -> &'static str;
    /// Writes all samples into an empty folder, and makes them durable.
    fn write(&self, plant: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()>;
    /// Reads them all.
    fn read(&self, folder: &Path) -> anyhow::Result<Digest>;
}
