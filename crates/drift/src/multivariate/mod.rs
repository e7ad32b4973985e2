//! Many signals judged together, a row at a time: a detector for any table of numbers, and the classical charts.

mod column;
mod error;
mod hotelling;
mod mewma;
mod mewma_run_length;
mod pca;
mod rows;
mod standard;
#[cfg(test)]
mod tests;

pub use error::FitError;
pub use hotelling::HotellingT2;
pub use mewma::Mewma;
pub use mewma_run_length::{mewma_arl, mewma_threshold};
pub use pca::{Pca, PcaDistance};
pub use rows::{Change, RowDetector, RowSettings, RowVerdict};
