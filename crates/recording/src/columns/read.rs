//! Reads a closed segment.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use telemetry::{Input, Timestamp};

use super::SEAL_BYTES;
use super::group::{Group, Window};
use super::metadata::{self, Description, GroupExtent, Preamble};
use super::schema;
use crate::frames::{MARK, Stop};
use crate::{Damage, DamageReason, RecordingError, RecordingHeader};

/// The footer's length and Parquet's mark at the end of the file.
const END_BYTES: u64 = 8;
const PARQUET_MARK: [u8; 4] = *b"PAR1";

/// A closed segment that is being read.
#[derive(Debug)]
pub(crate) struct ColumnSegment {
    pub(crate) header: Arc<RecordingHeader>,
    pub(crate) first_sequence: u64,
    pub(crate) file: PathBuf,
    source: File,
    metadata: ParquetMetaData,
    description: Description,
    next_group: usize,
    group: Group,
    /// Where the group stands.
    offset: u64,
}

impl ColumnSegment {
    /// Opens a segment and reads its footer.
    pub(crate) fn open(file: &Path) -> Result<Self, Stop> {
        let unreadable = |error| Stop::Error(RecordingError::io("read", file, error));
        let mut source = File::open(file).map_err(unreadable)?;
        let bytes = source.metadata().map_err(unreadable)?.len();
        let damage = |reason| Stop::Damage(Damage { file: file.to_owned(), offset: 0, bytes_lost: bytes, reason });
        let footer = read_footer(&mut source, bytes).map_err(|problem| match problem {
            FooterProblem::Io(error) => unreadable(error),
            FooterProblem::Damage(reason) => damage(reason),
        })?;
        let undecodable = |why: String| damage(DamageReason::Undecodable(why));
        let metadata =
            ParquetMetaDataReader::decode_metadata(&footer).map_err(|error| undecodable(error.to_string()))?;
        let description = describe(file, &metadata, undecodable)?;
        let header = Arc::new(description.header());
        let first_sequence = description.first_sequence;
        let file = file.to_owned();
        let group = Group::default();
        Ok(Self { header, first_sequence, file, source, metadata, description, next_group: 0, group, offset: 0 })
    }

    /// The next input and where its row group starts; `None` at the end. After a [`Stop`] it can be called again.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Input)>, Stop> {
        loop {
            match self.group.next() {
                Ok(Some(input)) => return Ok(Some((self.offset, input))),
                Ok(None) => {}
                Err(why) => {
                    self.group = Group::default();
                    return Err(self.damage(0, DamageReason::Undecodable(why.to_string())));
                }
            }
            let Some(extent) = self.description.groups.get(self.next_group).cloned() else {
                return match self.description.torn.take() {
                    Some(torn) => {
                        self.offset = torn.offset;
                        Err(self.damage(torn.bytes_lost, DamageReason::Torn))
                    }
                    None => Ok(None),
                };
            };
            self.next_group += 1;
            self.offset = extent.start;
            self.group = self.read_group(self.next_group - 1, &extent)?;
        }
    }

    /// Leaves out the row groups that end before an input.
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.next_group = self.description.groups.partition_point(|group| group.last_sequence < sequence);
    }

    /// Sequence number of the last input in it.
    pub(crate) fn last_sequence(&self) -> Option<u64> {
        self.description.groups.last().map(|group| group.last_sequence)
    }

    /// When the last input in it was received.
    pub(crate) fn last_received(&self) -> Option<Timestamp> {
        self.description.groups.last().map(|group| Timestamp::from_nanos(group.last_received_ns))
    }

    fn read_group(&mut self, number: usize, extent: &GroupExtent) -> Result<Group, Stop> {
        let bytes = self.read_bytes(extent)?;
        if crc32fast::hash(&bytes) != extent.crc32 {
            return Err(self.damage(extent.bytes, DamageReason::Checksum));
        }
        let window = Window { start: extent.start, bytes };
        let metadata = self.metadata.row_groups().get(number);
        let metadata = metadata.ok_or_else(|| {
            self.damage(extent.bytes, DamageReason::Undecodable("the footer lacks the row group".to_owned()))
        })?;
        Group::decode(window, metadata, extent)
            .map_err(|why| self.damage(extent.bytes, DamageReason::Undecodable(why.to_string())))
    }

    fn read_bytes(&self, extent: &GroupExtent) -> Result<Bytes, Stop> {
        let unreadable = |error| {
            let action = format!("read at byte {} of", extent.start);
            Stop::Error(RecordingError::io(action, &self.file, error))
        };
        // No room is made for bytes that are not there.
        let end = self.source.metadata().map_err(unreadable)?.len();
        if extent.start.checked_add(extent.bytes).is_none_or(|group_end| group_end > end) {
            let problem = "the footer names a row group that the file does not have".to_owned();
            return Err(self.damage(0, DamageReason::Undecodable(problem)));
        }
        let mut bytes = vec![0; extent.bytes as usize];
        let mut source = &self.source;
        source.seek(SeekFrom::Start(extent.start)).and_then(|_| source.read_exact(&mut bytes)).map_err(unreadable)?;
        Ok(bytes.into())
    }

    fn damage(&self, bytes_lost: u64, reason: DamageReason) -> Stop {
        Stop::Damage(Damage { file: self.file.clone(), offset: self.offset, bytes_lost, reason })
    }
}

enum FooterProblem {
    Io(io::Error),
    Damage(DamageReason),
}

impl From<io::Error> for FooterProblem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The footer without its length and mark, if it is what was written.
fn read_footer(source: &mut File, bytes: u64) -> Result<Vec<u8>, FooterProblem> {
    let torn = || FooterProblem::Damage(DamageReason::Torn);
    let mut begin = [0; PARQUET_MARK.len()];
    source.read_exact(&mut begin).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => torn(),
        _ => error.into(),
    })?;
    let seal_bytes = SEAL_BYTES as u64;
    let mut end = [0; END_BYTES as usize];
    source.seek(SeekFrom::Start(bytes.checked_sub(END_BYTES).ok_or_else(torn)?))?;
    source.read_exact(&mut end)?;
    let [l0, l1, l2, l3, mark @ ..] = end;
    if mark != PARQUET_MARK || begin != PARQUET_MARK {
        return Err(FooterProblem::Damage(DamageReason::NotASegment));
    }
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3])) + END_BYTES;
    let start = bytes.checked_sub(length + seal_bytes).ok_or_else(torn)?;
    source.seek(SeekFrom::Start(start))?;
    let mut sealed = vec![0; (length + seal_bytes) as usize];
    source.read_exact(&mut sealed)?;
    let mut footer = sealed.split_off(SEAL_BYTES);
    let (mark, checksum) = sealed.split_at(MARK.len());
    if mark != MARK {
        return Err(FooterProblem::Damage(DamageReason::NotASegment));
    }
    if checksum != crc32fast::hash(&footer).to_le_bytes() {
        return Err(FooterProblem::Damage(DamageReason::Checksum));
    }
    footer.truncate((length - END_BYTES) as usize);
    Ok(footer)
}

fn describe(
    file: &Path,
    metadata: &ParquetMetaData,
    undecodable: impl Fn(String) -> Stop,
) -> Result<Description, Stop> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let text =
        pairs.into_iter().flatten().find(|pair| pair.key == metadata::KEY).and_then(|pair| pair.value.as_deref());
    let text = text.ok_or_else(|| undecodable(format!("its footer has no {}", metadata::KEY)))?;
    let preamble: Preamble = serde_json::from_str(text).map_err(|error| undecodable(error.to_string()))?;
    if preamble.format_version > metadata::VERSION {
        return Err(Stop::Error(RecordingError::NewerFormat {
            file: file.to_owned(),
            found: preamble.format_version,
            known: metadata::VERSION,
            program: preamble.program_version,
        }));
    }
    let description: Description = serde_json::from_str(text).map_err(|error| undecodable(error.to_string()))?;
    let expected = schema::schema().map_err(|error| undecodable(error.to_string()))?;
    match *metadata.file_metadata().schema() == *expected {
        true => Ok(description),
        false => Err(undecodable("its columns are not those of this version".to_owned())),
    }
}
