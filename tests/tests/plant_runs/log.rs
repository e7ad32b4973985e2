//! The recording of a run, and whether a replay of it gives what was given live.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use e2e::recording_header;
use linetwin::simulated::START;
use plant::Plant;
use recording::{CheckpointId, Checkpoints, NO_WRITER, Reader, Retention, Upkeep, Writer, WriterOptions};
use telemetry::Input;
use tempfile::TempDir;
use twin::{Output, Twin};

/// Small segments, so that a run has several of each form.
const OPTIONS: WriterOptions = WriterOptions { segment_bytes: 8 * 1024 * 1024 };

pub(crate) struct Log {
    folder: TempDir,
    plant: Arc<Plant>,
    writer: Writer,
    last: Option<Input>,
    /// What followed from each input from which something did: of every byte of it, a hash.
    outputs: BTreeMap<u64, u64>,
}

impl Log {
    pub(crate) fn new(plant: &Arc<Plant>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(folder.path(), recording_header(plant), OPTIONS).unwrap();
        Self { folder, plant: plant.clone(), writer, last: None, outputs: BTreeMap::new() }
    }

    pub(crate) fn take(&mut self, input: &Input, outputs: &[Output]) {
        self.writer.append(input).unwrap();
        self.outputs.extend(hash(outputs).map(|hash| (input.sequence, hash)));
        self.last = Some(input.clone());
    }

    pub(crate) fn keep_checkpoint(&self, twin: &Twin) {
        let Some(last) = &self.last else { return };
        let id = CheckpointId { sequence: last.sequence, received: last.received };
        Checkpoints::of(self.folder.path()).keep(id, &twin.snapshot().unwrap()).unwrap();
    }

    /// A replay from the begin, and one from each checkpoint, over closed segments and an open one.
    pub(crate) fn check_replays(mut self) {
        self.writer.sync().unwrap();
        let at_segment = self.writer.at_segment();
        let done = Upkeep::new(self.folder.path(), Retention::KEEP_ALL).pass(at_segment, START, || false).unwrap();
        assert!(done.problems.is_empty(), "{done:?}");
        check_replay(&self.folder, &self.outputs, Twin::new(self.plant.clone()));
        drop(self.writer);
        Upkeep::new(self.folder.path(), Retention::KEEP_ALL).pass(NO_WRITER, START, || false).unwrap();
        let checkpoints = Checkpoints::of(self.folder.path());
        for id in checkpoints.list().unwrap() {
            let twin = Twin::restore(self.plant.clone(), &checkpoints.read(id).unwrap()).unwrap();
            check_replay(&self.folder, &self.outputs, twin);
        }
    }
}

fn check_replay(folder: &TempDir, live: &BTreeMap<u64, u64>, mut twin: Twin) {
    let from = twin.sequence();
    let (mut outputs, mut replayed) = (Vec::new(), BTreeMap::new());
    let mut reader = Reader::open_at(folder.path(), from + 1).unwrap();
    for input in reader.by_ref() {
        let input = input.unwrap();
        outputs.clear();
        twin.apply(&input, &mut outputs);
        replayed.extend(hash(&outputs).map(|hash| (input.sequence, hash)));
    }
    assert_eq!(reader.damage(), []);
    let expected: BTreeMap<u64, u64> = live.range(from + 1..).map(|(&sequence, &hash)| (sequence, hash)).collect();
    let differs = expected.iter().find(|(sequence, hash)| replayed.get(sequence) != Some(hash));
    assert_eq!(differs, None, "replayed from input {from}: something else follows from this input than live");
    assert_eq!(replayed.len(), expected.len(), "replayed from input {from}: more follows than live");
}

/// A float prints so that it reads back the same, so this tells of every byte.
fn hash(outputs: &[Output]) -> Option<u64> {
    if outputs.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    format!("{outputs:?}").hash(&mut hasher);
    Some(hasher.finish())
}
