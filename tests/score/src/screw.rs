//! Real screw driving: thread wear and assembly conditions.

use std::path::Path;

/// Prints the section.
pub(crate) fn score(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
