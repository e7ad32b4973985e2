//! Everything that reads bytes from outside, for fuzzers. None of it may panic, whatever comes.

use plant::{DataType, Origin, Role, Signal, StationId, WordOrder};
use telemetry::{LinkId, SignalId, Timestamp};

use crate::rows::Signals;

/// The body of a request, for a link with a signal of each type at addresses such as `f64`.
pub fn body(bytes: &[u8]) {
    let types =
        [DataType::Bool, DataType::U8, DataType::I64, DataType::U64, DataType::F32, DataType::F64, DataType::Text];
    let signals: Vec<Signal> = (0..).zip(types).map(|(id, data_type)| signal(id, data_type)).collect();
    let _ = Signals::new(&signals.iter().collect::<Vec<_>>()).read(bytes, Timestamp::EPOCH);
}

fn signal(id: u32, data_type: DataType) -> Signal {
    Signal {
        id: SignalId(id),
        path: format!("station/{}", data_type.name()),
        station: StationId(0),
        role: Role::Other,
        link: LinkId(0),
        address: data_type.name().to_owned(),
        data_type,
        word_order: WordOrder::Abcd,
        poll: None,
        unit: String::new(),
        scale: 1.0,
        offset: 0.0,
        range_low: None,
        range_high: None,
        stale_after_s: None,
        origin: Origin { file: "tags/http.csv".into(), line: id + 2 },
    }
}
