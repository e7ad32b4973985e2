//! What the tests of adapters share.

use plant::{DataType, Origin, Role, Signal, StationId, WordOrder};
use telemetry::{LinkId, SignalId};

/// A plain signal at an address, from the row of a tag list that its id counts.
pub fn signal(id: u32, address: &str, data_type: DataType) -> Signal {
    Signal {
        id: SignalId(id),
        path: format!("station/signal-{id}"),
        station: StationId(0),
        role: Role::Other,
        link: LinkId(0),
        address: address.to_owned(),
        data_type,
        word_order: WordOrder::Abcd,
        poll: None,
        sampling: plant::Sampling::default(),
        unit: String::new(),
        scale: 1.0,
        offset: 0.0,
        range_low: None,
        range_high: None,
        stale_after_s: None,
        origin: Origin { file: "tags/plc.csv".into(), line: id + 2 },
    }
}
