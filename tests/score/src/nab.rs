//! The Numenta anomaly benchmark: its scoring, and its series of known causes.

use std::path::Path;

/// Prints the section.
pub(crate) fn score(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
