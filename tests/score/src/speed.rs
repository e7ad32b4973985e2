//! Updates a second with 10,000 signals' states live, beside River and a plain loop.

/// Prints the section.
pub(crate) fn score() -> anyhow::Result<()> {
    Ok(())
}
