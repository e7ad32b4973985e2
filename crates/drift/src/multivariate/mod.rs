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

/// A fixed sequence of nearly independent, nearly normal numbers with unit variance.
#[cfg(test)]
fn noise(step: u64) -> f64 {
    let uniform = |salt: u64| {
        let mut bits = (step * 12 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..12).map(uniform).sum::<f64>() - 6.0
}
