//! Closed segments: Parquet files with a row for each sample, which DuckDB, pandas and polars open as they are.
//!
//! An input that is no sample has a row of its own, with its content as JSON. Rows stand in row groups, and within one by
//! signal and then in the order of the log: so they compress best. `sequence` and `position` restore the order.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `PAR1` |
//! | row groups | each under a CRC-32 that the footer holds |
//! | 12 | the mark `LTREC\r\n\x1a`, and the CRC-32 of all that follows, little-endian |
//! | rest | Parquet's footer, with a [`Description`](metadata::Description) as JSON under the key `linetwin` |
//!
//! Parquet's readers do not see the twelve bytes: they find the footer from the end, and the row groups from the footer.

mod group;
mod metadata;
mod read;
mod rows;
mod schema;
mod write;

pub(crate) use read::ColumnSegment;
pub(crate) use write::{EncodeError, Encoder, Torn};

use crate::frames::MARK;

/// A CRC-32.
const CHECKSUM_BYTES: usize = 4;
/// Mark and checksum before the footer.
pub(crate) const SEAL_BYTES: usize = MARK.len() + CHECKSUM_BYTES;
