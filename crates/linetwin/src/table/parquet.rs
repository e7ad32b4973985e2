//! A table in Parquet, as the CSV that its rows would be: so there is one reader of tables, and one set of rules.

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;

use jiff::tz::TimeZone;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use tempfile::{NamedTempFile, TempPath};

/// How every Parquet file begins.
const MARK: [u8; 4] = *b"PAR1";

/// Whether the file is Parquet. One that cannot be read is not; whoever reads it next says why.
pub(super) fn is_parquet(path: &Path) -> bool {
    let mut mark = [0; MARK.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut mark)).is_ok() && mark == MARK
}

/// The rows as CSV in a file that is removed with what is returned. Times are ISO 8601, with Z if they are of the world.
///
/// # Errors
/// What is wrong, if it cannot be read, has a column that is no single value, or the CSV cannot be written.
pub(super) fn as_csv(path: &Path) -> Result<TempPath, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let columns = reader.metadata().file_metadata().schema().get_fields();
    if let Some(nested) = columns.iter().find(|column| !column.is_primitive()) {
        return Err(format!("column {:?} holds lists or structures, not a value a row", nested.name()));
    }
    let moments: Vec<Option<Moments>> = columns.iter().map(|column| Moments::of(column)).collect();
    let csv = NamedTempFile::new().map_err(|error| format!("a copy cannot be made: {error}"))?;
    let uncopied = |error: csv::Error| format!("a copy cannot be made: {error}");
    let mut writer = csv::Writer::from_writer(BufWriter::new(csv.as_file()));
    writer.write_record(columns.iter().map(|column| column.name())).map_err(uncopied)?;
    for row in reader.get_row_iter(None).map_err(|error| error.to_string())? {
        let row = row.map_err(|error| error.to_string())?;
        let fields = row.get_column_iter().zip(&moments);
        let cells: Result<Vec<String>, String> =
            fields.map(|((name, field), moments)| cell(name, field, moments.as_ref())).collect();
        writer.write_record(cells?).map_err(uncopied)?;
    }
    writer.flush().map_err(|error| format!("a copy cannot be made: {error}"))?;
    drop(writer);
    Ok(csv.into_temp_path())
}

/// What the numbers of a column of moments mean.
#[derive(Debug, Clone, Copy)]
struct Moments {
    nanos: i128,
    /// Whether they are moments of the world, or what a clock on some wall showed.
    is_utc: bool,
}

impl Moments {
    fn of(column: &Type) -> Option<Self> {
        let info = column.get_basic_info();
        match (info.logical_type_ref(), info.converted_type()) {
            (Some(LogicalType::Timestamp(moment)), _) => {
                let nanos = match moment.unit {
                    TimeUnit::MILLIS => 1_000_000,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1,
                };
                Some(Self { nanos, is_utc: moment.is_adjusted_to_u_t_c })
            }
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Self { nanos: 1_000_000, is_utc: true }),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(Self { nanos: 1_000, is_utc: true }),
            _ => None,
        }
    }

    fn text(self, count: i64) -> Result<String, String> {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(count) * self.nanos);
        let moment = moment.map_err(|error| error.to_string())?;
        Ok(match self.is_utc {
            true => moment.to_string(),
            false => TimeZone::UTC.to_datetime(moment).to_string(),
        })
    }
}

fn cell(name: &str, field: &Field, moments: Option<&Moments>) -> Result<String, String> {
    let count = match field {
        Field::Long(count) | Field::TimestampMillis(count) | Field::TimestampMicros(count) => Some(*count),
        _ => None,
    };
    if let (Some(count), Some(moments)) = (count, moments) {
        return moments.text(count).map_err(|error| format!("column {name:?}: {error}"));
    }
    Ok(match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        // INT96, a moment of the world as older programs write it.
        Field::TimestampMillis(count) => Moments { nanos: 1_000_000, is_utc: true }.text(*count)?,
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data());
            text.map_err(|_| format!("column {name:?} holds bytes that are no text"))?.to_owned()
        }
        other => other.to_string(),
    })
}
