//! Many signals judged together, a row at a time: a detector for any table of numbers, and the classical charts.

mod column;
mod mewma_run_length;
mod rows;

pub use mewma_run_length::{mewma_arl, mewma_threshold};
pub use rows::{Change, FitError, RowDetector, RowSettings, RowVerdict};
