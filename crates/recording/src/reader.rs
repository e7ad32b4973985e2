use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, vec};

use telemetry::Input;

use crate::folder::{SegmentPath, segments};
use crate::frames::Stop;
use crate::segment::Segment;
use crate::{Damage, DamageReason, RecordingError, RecordingHeader};

/// How many [`Damage`]s a reader lists; it counts them all.
pub const DAMAGE_LISTED: usize = 1000;

/// Reads a recording's inputs in order, as an iterator.
///
/// What is damaged is left out and reported in [`damage`](Self::damage); an error is something else: a file that the
/// system does not give, or one of a newer format. The iterator goes on with the next segment after either. It sees
/// each segment as long as it was when reading came to it, so a recording that is being written may seem torn at its end.
#[derive(Debug)]
pub struct Reader {
    files: vec::IntoIter<SegmentPath>,
    segment: Option<Segment>,
    header: Arc<RecordingHeader>,
    /// Inputs before this one are left out.
    from: u64,
    expected: Option<u64>,
    damage: DamageList,
}

impl Reader {
    /// Opens a recording's folder, or one segment of it.
    ///
    /// # Errors
    /// If there is no such folder or file, if no segment has a readable header, or if the first one that has is of a
    /// newer format.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let files = files(path)?;
        Self::begin(path, files, 0)
    }

    /// Opens a recording's folder, or one segment of it, at an input: those before it are left out, and most of them are
    /// not read at all.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(path: &Path, sequence: u64) -> Result<Self, RecordingError> {
        let mut files = files(path)?;
        // One that cannot be opened counts as after it: then reading begins earlier, and comes to it.
        let is_before =
            |file: &SegmentPath| Segment::open(file).is_ok_and(|segment| segment.first_sequence() <= sequence);
        let first = files.partition_point(is_before).saturating_sub(1);
        files.drain(..first);
        let mut reader = Self::begin(path, files, sequence)?;
        reader.expected = Some(sequence)
            .filter(|_| reader.segment.as_ref().is_some_and(|segment| segment.first_sequence() <= sequence));
        Ok(reader)
    }

    fn begin(path: &Path, files: Vec<SegmentPath>, from: u64) -> Result<Self, RecordingError> {
        let mut files = files.into_iter();
        let mut damage = DamageList::default();
        for file in files.by_ref() {
            match Segment::open(&file) {
                Ok(mut segment) => {
                    segment.skip_to(from);
                    let header = Arc::clone(segment.header());
                    return Ok(Self { files, segment: Some(segment), header, from, expected: None, damage });
                }
                Err(Stop::Damage(found)) => damage.push(found),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        match damage.listed.into_iter().next() {
            Some(first) => Err(RecordingError::Unreadable(first)),
            None => Err(RecordingError::NoSegments(path.to_owned())),
        }
    }

    /// The header that holds for the input read last; before the first, the first segment's.
    ///
    /// It changes where the recording was gone on with after a restart, perhaps under another configuration. Then ids
    /// mean something else: read them through [`Remap`](crate::Remap).
    pub fn header(&self) -> &Arc<RecordingHeader> {
        &self.header
    }

    /// What was found damaged or missing so far, in order: the first [`DAMAGE_LISTED`].
    pub fn damage(&self) -> &[Damage] {
        &self.damage.listed
    }

    /// How many damages were found so far, listed or not.
    pub fn damage_count(&self) -> u64 {
        self.damage.count
    }

    fn open_segment(&mut self, file: &SegmentPath) -> Result<(), Stop> {
        let mut segment = Segment::open(file)?;
        segment.skip_to(self.from);
        if **segment.header() != *self.header {
            self.header = Arc::clone(segment.header());
        }
        self.segment = Some(segment);
        Ok(())
    }

    /// The next input, over any number of segments.
    fn read(&mut self) -> Result<Option<Input>, Stop> {
        loop {
            let Some(segment) = &mut self.segment else {
                let Some(file) = self.files.next() else { return Ok(None) };
                self.open_segment(&file)?;
                continue;
            };
            let Some((offset, input)) = segment.next()? else {
                self.segment = None;
                continue;
            };
            let found = input.sequence;
            if found < self.from {
                continue;
            }
            if let Some(expected) = self.expected.filter(|&expected| expected != found) {
                let reason = DamageReason::Sequence { expected, found };
                self.damage.push(Damage { file: segment.file().to_owned(), offset, bytes_lost: 0, reason });
            }
            self.expected = found.checked_add(1);
            return Ok(Some(input));
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Input, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Ok(input) => return input.map(Ok),
                Err(Stop::Damage(damage)) => self.damage.push(damage),
                Err(Stop::Error(error)) => return Some(Err(error)),
            }
        }
    }
}

/// The files of a recording's segments, in order: of a folder, or the one that the path is.
///
/// # Errors
/// If the path cannot be read.
pub fn segment_files(path: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    Ok(files(path)?.into_iter().map(|segment| segment.file().to_owned()).collect())
}

fn files(path: &Path) -> Result<Vec<SegmentPath>, RecordingError> {
    let found = fs::metadata(path).map_err(|error| RecordingError::io("read", path, error))?;
    match found.is_dir() {
        true => segments(path),
        false => Ok(vec![SegmentPath::of_file(path)]),
    }
}

#[derive(Debug, Default)]
struct DamageList {
    listed: Vec<Damage>,
    count: u64,
}

impl DamageList {
    fn push(&mut self, damage: Damage) {
        self.count += 1;
        if self.listed.len() < DAMAGE_LISTED {
            self.listed.push(damage);
        }
    }
}
