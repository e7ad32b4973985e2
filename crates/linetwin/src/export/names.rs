//! One set of ids for a recording that was gone on with under several configurations.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use recording::{Reader, RecordingHeader, Remap, segment_files};
use telemetry::{LinkId, SignalId};

/// Every name in a recording, each with an id of its own.
pub(super) struct Names {
    header: RecordingHeader,
}

impl Names {
    /// Those of all segments that can be read. For the rest the newest header counts.
    pub(super) fn of(recording: &Path) -> anyhow::Result<Self> {
        // That there is a recording at all, else what is wrong.
        let mut header = (**Reader::open(recording)?.header()).clone();
        let (mut signals, mut links) = (BTreeSet::new(), BTreeSet::new());
        for file in segment_files(recording)? {
            let Ok(reader) = Reader::open(&file) else { continue };
            header = (**reader.header()).clone();
            signals.extend(header.signals.values().cloned());
            links.extend(header.links.values().cloned());
        }
        header.signals = (0..).map(SignalId).zip(signals).collect();
        let count = u16::try_from(links.len()).context("the recording has more than 65535 links")?;
        header.links = (0..count).map(LinkId).zip(links).collect();
        Ok(Self { header })
    }

    /// The newest header, with the ids for all names.
    pub(super) fn header(&self) -> &RecordingHeader {
        &self.header
    }

    /// From the ids of any header to those for all names.
    pub(super) fn remap(&self) -> Remap {
        Remap::new(
            self.header.signals.iter().map(|(&id, path)| (path.clone(), id)),
            self.header.links.iter().map(|(&id, name)| (name.clone(), id)),
        )
    }
}
