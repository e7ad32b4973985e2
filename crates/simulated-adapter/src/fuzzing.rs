//! Everything that reads text from outside, for fuzzers. None of it may panic, whatever comes.

use adapter::sample;
use adapter::testing::signal;
use plant::DataType;
use telemetry::{Quality, Timestamp};

use crate::source::Source;
use crate::wave::Tick;

/// The address of a tag.
pub fn address(text: &str) {
    let Ok(Source::Wave(wave)) = Source::parse(text, &plant_sim::points()) else { return };
    for number in [i64::MIN, -1, 0, 1_800_000_000_000_000_000, i64::MAX] {
        let given = wave.at(Tick { at: Timestamp::from_nanos(number), number, seed: 1, source: 0 });
        for data_type in [DataType::F64, DataType::U16, DataType::Bool, DataType::Text] {
            let _ = sample(&signal(0, text, data_type), given.raw(), Timestamp::EPOCH, Quality::Good);
        }
    }
}
