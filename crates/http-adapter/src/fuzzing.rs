//! Everything that reads bytes from outside, for fuzzers. None of it may panic, whatever comes.

use adapter::testing::signal;
use plant::{DataType, Signal};
use telemetry::Timestamp;

use crate::rows::{ROWS_MAX, Signals};

/// The body of a request, for a link with a signal of each type at addresses such as `f64`.
pub fn body(bytes: &[u8]) {
    let types =
        [DataType::Bool, DataType::U8, DataType::I64, DataType::U64, DataType::F32, DataType::F64, DataType::Text];
    let signals: Vec<Signal> =
        (0..).zip(types).map(|(id, data_type)| signal(id, data_type.name(), data_type)).collect();
    match Signals::new(&signals.iter().collect::<Vec<_>>()).read(bytes, Timestamp::EPOCH) {
        Ok(samples) => assert!(samples.len() <= ROWS_MAX),
        Err(wrong) => assert!(wrong.rows_wrong >= wrong.rows.len() && !wrong.error.is_empty()),
    }
}
