//! From a row group back to inputs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec;

use bytes::{Buf, Bytes};
use parquet::column::reader::{get_column_reader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use telemetry::{Event, Input, LinkId, Sample, SampleBatch, SignalId, Symbol, Timestamp, Value};

use super::metadata::GroupExtent;
use super::rows::quality_of;
use super::schema::Column;
use super::write::{GROUP_ROWS, GROUP_SPAN};
use crate::{MAX_PAYLOAD_BYTES, wire};

/// The most rows that a group can have: no input has more samples than a frame has bytes.
const ROWS_MAX: usize = GROUP_ROWS + MAX_PAYLOAD_BYTES;

/// Why an intact row group gives no inputs.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecodable {
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error("the event of input {sequence}: {source}")]
    Json { sequence: u64, source: serde_json::Error },
    #[error(transparent)]
    NotAnInput(#[from] wire::NotAnInput),
    #[error("{0}")]
    Rows(String),
}

/// A row group's bytes, where they stand in the file. Parquet's reader sees no others.
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) bytes: Bytes,
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let length = self.len().saturating_sub(start) as usize;
        self.get_bytes(start, length).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = start.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let range = from.and_then(|from| Some(from..from.checked_add(length)?));
        let range = range.filter(|range| range.end <= self.bytes.len());
        let range =
            range.ok_or_else(|| ParquetError::General(format!("{length} bytes at {start}: not in the group")))?;
        Ok(self.bytes.slice(range))
    }
}

/// The inputs of a row group.
#[derive(Debug, Default)]
pub(super) struct Group {
    first_sequence: u64,
    /// For each sequence number from the first on.
    heads: Vec<Head>,
    /// By sequence number, then by position.
    samples: Vec<Option<Sample>>,
    events: BTreeMap<u64, String>,
    next: usize,
}

/// An input's rows. None: there is no input of that number.
#[derive(Debug, Clone, Default)]
struct Head {
    start: usize,
    rows: usize,
    received_ns: i64,
    link: u16,
}

impl Group {
    pub(super) fn decode(
        window: Window,
        metadata: &RowGroupMetaData,
        extent: &GroupExtent,
    ) -> Result<Self, Undecodable> {
        let rows = usize::try_from(metadata.num_rows()).ok().filter(|&rows| rows <= ROWS_MAX);
        let rows = rows.ok_or_else(|| Undecodable::Rows(format!("{} rows are not of a group", metadata.num_rows())))?;
        let columns = Columns { rows, window: Arc::new(window), metadata };
        let sequences = columns.required::<Int64Type>(Column::Sequence)?;
        let mut heads = heads(&sequences, extent)?;

        let positions = columns.required::<Int32Type>(Column::Position)?;
        let received = columns.required::<Int64Type>(Column::Received)?;
        let mut links = columns.optional::<Int32Type>(Column::LinkId)?;
        let mut events_of_rows = columns.optional::<ByteArrayType>(Column::Event)?;
        let mut readings = Readings::new(&columns)?;
        let mut samples = vec![None; sequences.len()];
        let mut events = BTreeMap::new();
        for ((&sequence, &position), &received_ns) in sequences.iter().zip(&positions).zip(&received) {
            let sequence = sequence as u64;
            // That it is within the extent was seen when the heads were counted.
            let head = &mut heads[(sequence - extent.first_sequence) as usize];
            head.received_ns = received_ns;
            head.link = links.next()?.unwrap_or_default() as u16;
            let sample = readings.next()?;
            match events_of_rows.next()? {
                Some(json) => {
                    let json = json.as_utf8()?.to_owned();
                    events.insert(sequence, json);
                }
                None if (position as u32 as usize) < head.rows => {
                    samples[head.start + position as u32 as usize] = sample;
                }
                None => return Err(Undecodable::Rows(format!("input {sequence}: position {position} is too large"))),
            }
        }
        Ok(Self { first_sequence: extent.first_sequence, heads, samples, events, next: 0 })
    }

    pub(super) fn next(&mut self) -> Result<Option<Input>, Undecodable> {
        let Some(skipped) = self.heads[self.next..].iter().position(|head| head.rows > 0) else { return Ok(None) };
        let place = self.next + skipped;
        self.next = place + 1;
        let (head, sequence) = (&self.heads[place], self.first_sequence + place as u64);
        let event = match self.events.get(&sequence) {
            Some(json) => serde_json::from_str::<wire::Event>(json)
                .map_err(|source| Undecodable::Json { sequence, source })?
                .try_into()?,
            None => {
                let samples: Option<Vec<Sample>> =
                    self.samples[head.start..head.start + head.rows].iter().copied().collect();
                let samples = samples.ok_or_else(|| Undecodable::Rows(format!("input {sequence} lacks a sample")))?;
                Event::Samples(SampleBatch { link: LinkId(head.link), samples })
            }
        };
        Ok(Some(Input { sequence, received: Timestamp::from_nanos(head.received_ns), event }))
    }
}

/// How many rows each input has, and where they are when they stand in the order of the log.
fn heads(sequences: &[i64], extent: &GroupExtent) -> Result<Vec<Head>, Undecodable> {
    let span = extent.last_sequence.checked_sub(extent.first_sequence).filter(|&span| span <= GROUP_SPAN);
    let span = span.ok_or_else(|| Undecodable::Rows("its sequence numbers are too far apart".to_owned()))?;
    let mut heads = vec![Head::default(); span as usize + 1];
    for &sequence in sequences {
        let place =
            (sequence as u64).checked_sub(extent.first_sequence).and_then(|place| heads.get_mut(place as usize));
        let head = place.ok_or_else(|| Undecodable::Rows(format!("input {} is not of the group", sequence as u64)))?;
        head.rows += 1;
    }
    let mut start = 0;
    for head in &mut heads {
        head.start = start;
        start += head.rows;
    }
    Ok(heads)
}

/// The columns that make a sample, read row by row.
struct Readings {
    signals: Optional<Int32Type>,
    times: Optional<Int64Type>,
    floats: Optional<DoubleType>,
    integers: Optional<Int64Type>,
    booleans: Optional<BoolType>,
    texts: Optional<ByteArrayType>,
    qualities: Optional<Int32Type>,
}

impl Readings {
    fn new(columns: &Columns<'_>) -> Result<Self, ParquetError> {
        Ok(Self {
            signals: columns.optional(Column::SignalId)?,
            times: columns.optional(Column::SourceTime)?,
            floats: columns.optional(Column::Float)?,
            integers: columns.optional(Column::Integer)?,
            booleans: columns.optional(Column::Boolean)?,
            texts: columns.optional(Column::Text)?,
            qualities: columns.optional(Column::QualityCode)?,
        })
    }

    /// The next row's sample; `None` if the row is none.
    fn next(&mut self) -> Result<Option<Sample>, Undecodable> {
        let values = (self.floats.next()?, self.integers.next()?, self.booleans.next()?, self.texts.next()?);
        let row = (self.signals.next()?, self.times.next()?, self.qualities.next()?);
        let (Some(signal), Some(time_ns), Some(code)) = row else { return Ok(None) };
        let value = match values {
            (Some(number), None, None, None) => Value::Float(number),
            (None, Some(number), None, None) => Value::Integer(number),
            (None, None, Some(condition), None) => Value::Boolean(condition),
            (None, None, None, Some(text)) => {
                Value::Symbol(Symbol::new(text.as_utf8()?).map_err(wire::NotAnInput::from)?)
            }
            _ => return Err(Undecodable::Rows(format!("a row of signal {signal} has not one value"))),
        };
        let quality = quality_of(code).ok_or_else(|| Undecodable::Rows(format!("there is no quality {code}")))?;
        let signal = SignalId(signal as u32);
        Ok(Some(Sample { signal, source_time: Timestamp::from_nanos(time_ns), value, quality }))
    }
}

/// The columns of a row group.
struct Columns<'a> {
    rows: usize,
    window: Arc<Window>,
    metadata: &'a RowGroupMetaData,
}

impl Columns<'_> {
    fn required<T: DataType>(&self, column: Column) -> Result<Vec<T::T>, ParquetError> {
        self.read::<T>(column, None)
    }

    fn optional<T: DataType>(&self, column: Column) -> Result<Optional<T>, ParquetError> {
        let mut levels = Vec::with_capacity(self.rows);
        let values = self.read::<T>(column, Some(&mut levels))?;
        Ok(Optional { levels: levels.into_iter(), values: values.into_iter() })
    }

    fn read<T: DataType>(&self, column: Column, mut levels: Option<&mut Vec<i16>>) -> Result<Vec<T::T>, ParquetError> {
        let chunk = self.metadata.column(column as usize);
        let pages = SerializedPageReader::new(Arc::clone(&self.window), chunk, self.rows, None)?;
        let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(pages));
        let mut reader = get_typed_column_reader::<T>(reader);
        let (mut values, mut read) = (Vec::new(), 0);
        while read < self.rows {
            let (rows, ..) = reader.read_records(self.rows - read, levels.as_deref_mut(), None, &mut values)?;
            if rows == 0 {
                let problem = format!("column {column:?} ends after {read} of {} rows", self.rows);
                return Err(ParquetError::General(problem));
            }
            read += rows;
        }
        Ok(values)
    }
}

/// A column in which a row may have no value.
struct Optional<T: DataType> {
    levels: vec::IntoIter<i16>,
    values: vec::IntoIter<T::T>,
}

impl<T: DataType> Optional<T> {
    fn next(&mut self) -> Result<Option<T::T>, Undecodable> {
        match self.levels.next() {
            Some(0) => Ok(None),
            Some(_) => Ok(self.values.next()),
            None => Err(Undecodable::Rows("a column has too few rows".to_owned())),
        }
    }
}
