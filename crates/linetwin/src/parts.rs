//! The records of the parts that left the line: kept, found again, listed, and what bad ones have in common.

pub mod list;
pub mod one;
pub mod read;
pub mod store;
mod table;

pub use store::{PartStore, PartsGauges};
