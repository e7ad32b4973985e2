//! The SKAB water-circulation rig: outliers and change points, by the protocol of its leaderboard.

use std::path::Path;

/// Prints the section.
pub(crate) fn score(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
