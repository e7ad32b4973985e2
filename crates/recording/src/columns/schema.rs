//! The columns, and how each is encoded.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

/// The columns, in the order of [`Column`]. Names are for people; a reader of ours takes the ids and codes beside them.
const SCHEMA: &str = "message input {
    required int64 sequence (integer(64, false));
    required int32 position (integer(32, false));
    required int64 received (timestamp(nanos, true));
    required binary kind (string);
    optional binary link (string);
    optional int32 link_id (integer(16, false));
    optional binary signal (string);
    optional int32 signal_id (integer(32, false));
    optional int64 source_time (timestamp(nanos, true));
    optional double value_float;
    optional int64 value_integer;
    optional boolean value_boolean;
    optional binary value_text (string);
    optional binary quality (string);
    optional int32 quality_code (integer(16, false));
    optional binary event (string);
}";

/// A column's place in [`SCHEMA`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Sequence,
    Position,
    Received,
    Kind,
    Link,
    LinkId,
    Signal,
    SignalId,
    SourceTime,
    Float,
    Integer,
    Boolean,
    Text,
    Quality,
    QualityCode,
    Event,
}

impl Column {
    /// All, in order.
    pub(super) const ALL: [Self; 16] = [
        Self::Sequence,
        Self::Position,
        Self::Received,
        Self::Kind,
        Self::Link,
        Self::LinkId,
        Self::Signal,
        Self::SignalId,
        Self::SourceTime,
        Self::Float,
        Self::Integer,
        Self::Boolean,
        Self::Text,
        Self::Quality,
        Self::QualityCode,
        Self::Event,
    ];
}

pub(super) fn schema() -> Result<TypePtr, ParquetError> {
    parse_message_type(SCHEMA).map(Arc::new)
}

/// A dictionary where values repeat. Where they do not: the distance from one number to the next, and the bytes of floats
/// each in a row of its own, so that those of equal exponents stand together.
pub(super) fn properties() -> Result<WriterProperties, ParquetError> {
    let path = |name: &str| ColumnPath::from(name);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(usize::MAX)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(format!("linetwin {}", env!("CARGO_PKG_VERSION")));
    for name in ["sequence", "position", "received", "source_time"] {
        properties = properties
            .set_column_dictionary_enabled(path(name), false)
            .set_column_encoding(path(name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties
        .set_column_encoding(path("value_integer"), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(path("value_float"), Encoding::BYTE_STREAM_SPLIT)
        .build())
}

const ZSTD_LEVEL: i32 = 3;
const PAGE_BYTES: usize = 1024 * 1024;
const DICTIONARY_BYTES: usize = 128 * 1024;
