//! Run lengths from the solvers and from simulation, beside tables of known answers.

use std::path::Path;

/// Prints the section.
pub(crate) fn score(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
