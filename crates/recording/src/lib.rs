//! The durable log: every [`telemetry::Input`], written so that it survives a kill, and read back exactly.
//!
//! A recording is a folder of segments, `000001.ltrec`, `000002.ltrec`, … Each can be read alone:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | the mark `LTREC\r\n\x1a` |
//! | frame | the header: format version, program version, then the rest of [`RecordingHeader`], first sequence number |
//! | frames | one input each |
//!
//! | bytes of a frame | content |
//! |---|---|
//! | 4 | length of the payload, little-endian, at most [`MAX_PAYLOAD_BYTES`] |
//! | 4 | CRC-32 (IEEE) of those four bytes and the payload, little-endian |
//! | length | the payload: types of the `wire` module, in postcard's encoding |
//!
//! That a header's payload starts with format version and program version holds for every format version, so that an
//! old program can say who wrote what it cannot read.
//!
//! No input that was written is ever changed or cut off: after a crash a [`Writer`] goes on in a new segment, and a [`Reader`]
//! reports what it finds torn, corrupt or missing as [`Damage`] and reads on.

mod appender;
mod checkpoint;
mod closing;
mod columns;
mod error;
mod extract;
mod folder;
mod frame;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod header;
mod pending;
mod reader;
mod remap;
mod segment;
mod syncer;
mod upkeep;
mod wire;
mod writer;

#[cfg(test)]
mod tests;

pub use appender::BUFFER_BYTES;
pub use checkpoint::{CheckpointId, Checkpoints};
pub use error::{Damage, DamageReason, RecordingError};
pub use extract::{ParquetFile, event_json};
pub use frame::MAX_PAYLOAD_BYTES;
pub use header::RecordingHeader;
pub use reader::{DAMAGE_LISTED, Reader, segment_files};
pub use remap::{Dropped, Remap};
pub use upkeep::{NO_WRITER, Removal, Retention, Upkeep, Upkept};
pub use writer::{Writer, WriterOptions};
