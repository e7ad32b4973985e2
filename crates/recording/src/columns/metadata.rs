//! What a closed segment says of itself in its footer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telemetry::{LinkId, SignalId, Timestamp};

use crate::RecordingHeader;

/// The version of closed segments that this program writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;
/// The key of the footer's metadata under which a [`Description`] stands.
pub(super) const KEY: &str = "linetwin";

/// How every version of a description begins, so that an old program can say who wrote what it cannot read.
#[derive(Debug, Deserialize)]
pub(super) struct Preamble {
    pub(super) format_version: u32,
    pub(super) program_version: String,
}

/// What a closed segment holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) format_version: u32,
    program_version: String,
    pub(super) first_sequence: u64,
    created_ns: i64,
    signals: BTreeMap<u32, String>,
    links: BTreeMap<u16, String>,
    configuration: BTreeMap<String, String>,
    overrides: BTreeMap<String, String>,
    /// Where the segment ended in the middle of an input when it was closed.
    pub(super) torn: Option<Torn>,
    pub(super) groups: Vec<GroupExtent>,
}

/// The end of a segment that was not whole: the writer was killed there, or the power failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Torn {
    /// Where in the open segment, in bytes.
    pub(crate) offset: u64,
    /// How many bytes stood there.
    pub(crate) bytes_lost: u64,
}

/// A row group: where it is, and what of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GroupExtent {
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    pub(super) first_sequence: u64,
    pub(super) last_sequence: u64,
    /// When the last input was received.
    pub(super) last_received_ns: i64,
}

impl Description {
    pub(super) fn new(
        header: &RecordingHeader,
        first_sequence: u64,
        torn: Option<Torn>,
        groups: Vec<GroupExtent>,
    ) -> Self {
        Self {
            format_version: VERSION,
            program_version: header.program_version.clone(),
            first_sequence,
            created_ns: header.created.as_nanos(),
            signals: header.signals.iter().map(|(id, path)| (id.0, path.clone())).collect(),
            links: header.links.iter().map(|(id, name)| (id.0, name.clone())).collect(),
            configuration: header.configuration.clone(),
            overrides: header.overrides.clone(),
            torn,
            groups,
        }
    }

    pub(super) fn header(&self) -> RecordingHeader {
        RecordingHeader {
            program_version: self.program_version.clone(),
            created: Timestamp::from_nanos(self.created_ns),
            signals: self.signals.iter().map(|(&id, path)| (SignalId(id), path.clone())).collect(),
            links: self.links.iter().map(|(&id, name)| (LinkId(id), name.clone())).collect(),
            configuration: self.configuration.clone(),
            overrides: self.overrides.clone(),
        }
    }
}
