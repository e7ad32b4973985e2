//! Makes a closed segment of an open one that takes no more inputs.

use std::fs::{self, File};
use std::path::Path;

use telemetry::{Event, Input, Sample, Value};

use crate::columns::{ColumnSegment, EncodeError, Encoder, Torn};
use crate::folder::{SegmentPath, sync_folder};
use crate::frames::{FrameSegment, Stop};
use crate::{Damage, DamageReason, RecordingError};

/// Closes a segment: writes its inputs as Parquet, reads them back, and only then puts the file in the open one's place.
/// At every moment one of the two is whole on the disk.
///
/// # Errors
/// If the segment is damaged other than torn at its end: then it stays as it is. If a file cannot be read or written.
pub(crate) fn close(path: &SegmentPath) -> Result<(), RecordingError> {
    let (open, closed) = (path.file(), path.closed());
    let part = closed.with_extension("parquet.part");
    let placed = write(open, &part).and_then(|()| compare(open, &part)).and_then(|()| {
        fs::rename(&part, &closed).map_err(|error| RecordingError::io("rename", &part, error))?;
        let folder = closed.parent().unwrap_or(Path::new("."));
        sync_folder(folder).map_err(|error| RecordingError::io("make durable", folder, error))
    });
    if let Err(error) = placed {
        // It may not be there; what went wrong before is what counts.
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    fs::remove_file(open).map_err(|error| RecordingError::io("remove", open, error))
}

fn write(open: &Path, part: &Path) -> Result<(), RecordingError> {
    let mut inputs = Inputs::open(open)?;
    let (header, first_sequence) = (inputs.segment.header.clone(), inputs.segment.first_sequence);
    let unwritable = |error| match error {
        EncodeError::Io(error) => RecordingError::io("write", part, error),
        other => RecordingError::Unclosable { file: open.to_owned(), why: other.to_string() },
    };
    let file = File::create(part).map_err(|error| RecordingError::io("create", part, error))?;
    let mut encoder = Encoder::new(file, &header).map_err(unwritable)?;
    for input in inputs.by_ref() {
        encoder.push(&input?).map_err(unwritable)?;
    }
    let file = encoder.finish(&header, first_sequence, inputs.torn).map_err(unwritable)?;
    file.sync_all().map_err(|error| RecordingError::io("make durable", part, error))
}

/// Holds what was written against what it was made of.
fn compare(open: &Path, part: &Path) -> Result<(), RecordingError> {
    let unlike = |why: String| RecordingError::Unclosable { file: open.to_owned(), why };
    let mut inputs = Inputs::open(open)?;
    let mut written = ColumnSegment::open(part).map_err(|stop| unlike(stop.to_string()))?;
    for expected in inputs.by_ref() {
        let expected = expected?;
        let sequence = expected.sequence;
        let found = match written.next() {
            Ok(Some((_, input))) => input,
            Ok(None) => return Err(unlike(format!("input {sequence} is missing in what was written"))),
            Err(stop) => return Err(unlike(stop.to_string())),
        };
        if !is_same(&expected, &found) {
            return Err(unlike(format!("input {sequence} was written as another")));
        }
    }
    match (written.next(), inputs.torn) {
        (Ok(None), None) => Ok(()),
        (Err(Stop::Damage(Damage { reason: DamageReason::Torn, .. })), Some(_)) => Ok(()),
        _ => Err(unlike("what was written ends in another way".to_owned())),
    }
}

/// Whether two inputs are the same to the bit, which tells every NaN apart, as comparing them would not.
fn is_same(a: &Input, b: &Input) -> bool {
    let (Event::Samples(batch), Event::Samples(other)) = (&a.event, &b.event) else { return a == b };
    let is_same_sample = |(a, b): (&Sample, &Sample)| {
        let is_same_value = match (a.value, b.value) {
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        is_same_value && (a.signal, a.source_time, a.quality) == (b.signal, b.source_time, b.quality)
    };
    (a.sequence, a.received, batch.link, batch.samples.len())
        == (b.sequence, b.received, other.link, other.samples.len())
        && batch.samples.iter().zip(&other.samples).all(is_same_sample)
}

/// The inputs of an open segment, and how it ends.
struct Inputs {
    segment: FrameSegment,
    torn: Option<Torn>,
}

impl Inputs {
    fn open(file: &Path) -> Result<Self, RecordingError> {
        match FrameSegment::open(file) {
            Ok(segment) => Ok(Self { segment, torn: None }),
            Err(Stop::Damage(damage)) => Err(RecordingError::Unreadable(damage)),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}

impl Iterator for Inputs {
    type Item = Result<Input, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.segment.next() {
            Ok(input) => input.map(|(_, input)| Ok(input)),
            Err(Stop::Damage(Damage { offset, bytes_lost, reason: DamageReason::Torn, .. })) => {
                self.torn = Some(Torn { offset, bytes_lost });
                None
            }
            Err(Stop::Damage(damage)) => Some(Err(RecordingError::Unreadable(damage))),
            Err(Stop::Error(error)) => Some(Err(error)),
        }
    }
}
