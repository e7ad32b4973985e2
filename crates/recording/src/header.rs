use std::collections::BTreeMap;

use telemetry::{LinkId, SignalId, Timestamp};

/// What must be known to understand a recording's inputs. Repeated at the start of each segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingHeader {
    /// Version of the program that writes.
    pub program_version: String,
    /// When the program began to write, by the shell's clock.
    pub created: Timestamp,
    /// The path of each signal.
    pub signals: BTreeMap<SignalId, String>,
    /// The name of each link.
    pub links: BTreeMap<LinkId, String>,
    /// The text of each configuration file, by its name. A recording is no place for secrets: leave them out.
    pub configuration: BTreeMap<String, String>,
    /// Settings from the environment and the command line that were in force over the files. No secrets here either.
    pub overrides: BTreeMap<String, String>,
}

impl RecordingHeader {
    /// Whether both are of the same configuration, whoever wrote them and when.
    pub fn is_of_same_configuration(&self, other: &Self) -> bool {
        self.configuration == other.configuration && self.overrides == other.overrides
    }
}
