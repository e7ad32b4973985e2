//! Everything that reads bytes from outside, for fuzzers. None of it may panic, whatever comes.

use std::path::Path;

use crate::delivery::series;
use crate::influx::dropped;
use crate::spool::unpack;

/// What InfluxDB answers.
pub fn answer(text: &str) {
    let _ = dropped(text);
}

/// A line of a batch.
pub fn line(text: &str) {
    assert!(text.starts_with(series(text)));
}

/// A file of the folder of what is not written yet.
pub fn batch(file: &Path) {
    let _ = unpack(file);
}
