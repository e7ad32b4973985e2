//! From inputs to a closed segment.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use telemetry::{Input, Value};

use super::CHECKSUM_BYTES;
pub(crate) use super::metadata::Torn;
use super::metadata::{Description, GroupExtent, KEY};
use super::rows::{self, Content, Row, quality_code, quality_name};
use super::schema::{self, Column};
use crate::RecordingHeader;
use crate::frames::MARK;

/// A row group ends with the input that brings it to so many rows. A reader holds one in memory, some 20 MiB.
pub(super) const GROUP_ROWS: usize = 256 * 1024;
/// Nor does it hold more sequence numbers than that from its first to its last, so that a reader can count by them.
pub(super) const GROUP_SPAN: u64 = 2 * GROUP_ROWS as u64;

/// Why a closed segment cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it cannot be written as Parquet: {0}")]
    Parquet(ParquetError),
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<ParquetError> for EncodeError {
    /// What the operating system said must be known as such: a full disk is none of Parquet's errors.
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(source) => Self::Parquet(ParquetError::External(source)),
            },
            error => Self::Parquet(error),
        }
    }
}

/// Writes a closed segment.
pub(crate) struct Encoder<W: Write + Seek + Send> {
    writer: SerializedFileWriter<Summed<W>>,
    names: Names,
    rows: Vec<Row>,
    groups: Vec<GroupExtent>,
}

/// The names of links and signals, each made once.
struct Names {
    links: BTreeMap<u16, ByteArray>,
    signals: BTreeMap<u32, ByteArray>,
}

impl<W: Write + Seek + Send> Encoder<W> {
    /// Begins a segment at the start of `sink`.
    pub(crate) fn new(sink: W, header: &RecordingHeader) -> Result<Self, EncodeError> {
        let properties = Arc::new(schema::properties()?);
        let writer = SerializedFileWriter::new(Summed::new(sink), schema::schema()?, properties)?;
        let names = Names {
            links: header.links.iter().map(|(id, name)| (id.0, name.as_str().into())).collect(),
            signals: header.signals.iter().map(|(id, path)| (id.0, path.as_str().into())).collect(),
        };
        Ok(Self { writer, names, rows: Vec::new(), groups: Vec::new() })
    }

    /// Takes an input, whose sequence number is above that of the last.
    pub(crate) fn push(&mut self, input: &Input) -> Result<(), EncodeError> {
        let is_far = |first: &Row| input.sequence - first.sequence >= GROUP_SPAN;
        if self.rows.len() >= GROUP_ROWS || self.rows.first().is_some_and(is_far) {
            self.end_group()?;
        }
        Ok(rows::push(&mut self.rows, input)?)
    }

    fn end_group(&mut self) -> Result<(), EncodeError> {
        let mut rows = mem::take(&mut self.rows);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let (first_sequence, last_sequence, last_received_ns) = (first.sequence, last.sequence, last.received_ns);
        rows.sort_by_key(|row| row.sample().map(|sample| sample.signal));

        let start = self.begin_sum()?;
        let mut group = self.writer.next_row_group()?;
        for column in Column::ALL {
            let Some(mut writer) = group.next_column()? else { break };
            write_column(column, &rows, &self.names, &mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.writer.flush()?;
        self.groups.push(GroupExtent {
            start,
            bytes: self.writer.bytes_written() as u64 - start,
            crc32: self.writer.inner_mut().take_sum(),
            first_sequence,
            last_sequence,
            last_received_ns,
        });
        rows.clear();
        self.rows = rows;
        Ok(())
    }

    /// Writes the footer, and gives the sink back. `torn` is how the open segment ended, if not with a whole input.
    pub(crate) fn finish(
        mut self,
        header: &RecordingHeader,
        first_sequence: u64,
        torn: Option<Torn>,
    ) -> Result<W, EncodeError> {
        self.end_group()?;
        let groups = mem::take(&mut self.groups);
        let description = serde_json::to_string(&Description::new(header, first_sequence, torn, groups))?;
        self.writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), description));
        // The checksum is not known before the footer is written; it comes into its place afterwards.
        self.writer.write_all(&MARK)?;
        self.writer.write_all(&[0; CHECKSUM_BYTES])?;
        let footer = self.begin_sum()?;
        let Summed { mut sink, sum } = self.writer.into_inner()?;
        sink.seek(SeekFrom::Start(footer - CHECKSUM_BYTES as u64))?;
        sink.write_all(&sum.finalize().to_le_bytes())?;
        sink.seek(SeekFrom::End(0))?;
        Ok(sink)
    }

    /// From here on the bytes are summed. Returns where that is.
    fn begin_sum(&mut self) -> std::io::Result<u64> {
        self.writer.flush()?;
        self.writer.inner_mut().take_sum();
        Ok(self.writer.bytes_written() as u64)
    }
}

/// A sink that keeps the checksum of what passes.
struct Summed<W> {
    sink: W,
    sum: crc32fast::Hasher,
}

impl<W> Summed<W> {
    fn new(sink: W) -> Self {
        Self { sink, sum: crc32fast::Hasher::new() }
    }

    /// The checksum of what has passed since the last time.
    fn take_sum(&mut self) -> u32 {
        mem::take(&mut self.sum).finalize()
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.sum.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}

fn write_column(
    column: Column,
    rows: &[Row],
    names: &Names,
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let sample = |row: &Row| row.sample().copied();
    match column {
        Column::Sequence => required::<Int64Type>(writer, rows, |row| row.sequence as i64),
        Column::Position => required::<Int32Type>(writer, rows, |row| row.position as i32),
        Column::Received => required::<Int64Type>(writer, rows, |row| row.received_ns),
        Column::Kind => required::<ByteArrayType>(writer, rows, |row| fixed(row.kind())),
        Column::Link => optional::<ByteArrayType>(writer, rows, |row| names.links.get(&row.link?).cloned()),
        Column::LinkId => optional::<Int32Type>(writer, rows, |row| row.link.map(i32::from)),
        Column::Signal => {
            optional::<ByteArrayType>(writer, rows, |row| names.signals.get(&row.sample()?.signal.0).cloned())
        }
        Column::SignalId => optional::<Int32Type>(writer, rows, |row| Some(row.sample()?.signal.0 as i32)),
        Column::SourceTime => optional::<Int64Type>(writer, rows, |row| Some(row.sample()?.source_time.as_nanos())),
        Column::Float => optional::<DoubleType>(writer, rows, |row| match sample(row)?.value {
            Value::Float(number) => Some(number),
            _ => None,
        }),
        Column::Integer => optional::<Int64Type>(writer, rows, |row| match sample(row)?.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }),
        Column::Boolean => optional::<BoolType>(writer, rows, |row| match sample(row)?.value {
            Value::Boolean(condition) => Some(condition),
            _ => None,
        }),
        Column::Text => optional::<ByteArrayType>(writer, rows, |row| match sample(row)?.value {
            Value::Symbol(symbol) => Some(symbol.as_str().into()),
            _ => None,
        }),
        Column::Quality => {
            optional::<ByteArrayType>(writer, rows, |row| Some(fixed(quality_name(row.sample()?.quality))))
        }
        Column::QualityCode => optional::<Int32Type>(writer, rows, |row| Some(quality_code(row.sample()?.quality))),
        Column::Event => optional::<ByteArrayType>(writer, rows, |row| match &row.content {
            Content::Sample(_) => None,
            Content::Other(_, json) => Some(json.as_str().into()),
        }),
    }
}

/// A name that is part of the program: it takes no memory of its own.
fn fixed(name: &'static str) -> ByteArray {
    Bytes::from_static(name.as_bytes()).into()
}

fn required<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    rows: &[Row],
    value: impl Fn(&Row) -> T::T,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = rows.iter().map(value).collect();
    writer.typed::<T>().write_batch(&values, None, None).map(|_| ())
}

fn optional<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    rows: &[Row],
    value: impl Fn(&Row) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let mut values = Vec::new();
    let levels: Vec<i16> = rows
        .iter()
        .map(|row| {
            let value = value(row);
            let level = i16::from(value.is_some());
            values.extend(value);
            level
        })
        .collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None).map(|_| ())
}
