//! The records of the parts that left the line: kept, found again, listed, and what bad ones have in common.

pub mod list;
pub mod one;
pub mod read;
pub mod store;
mod table;

pub use store::{PartStore, PartsGauges};

use std::io::{self, ErrorKind};

/// What came of writing to standard output; that its reader has seen enough, as `head` has, is no error.
fn unless_unread(result: anyhow::Result<()>) -> anyhow::Result<()> {
    let is_pipe = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
    match result {
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(is_pipe) => Ok(()),
        Err(error) => match error.downcast_ref::<csv::Error>().map(csv::Error::kind) {
            Some(csv::ErrorKind::Io(error)) if is_pipe(error) => Ok(()),
            _ => Err(error),
        },
        Ok(()) => Ok(()),
    }
}
