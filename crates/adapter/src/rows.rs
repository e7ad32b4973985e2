//! Rows of CSV, as files and messages bring them: what a column is to a signal.

use csv::{ReaderBuilder, StringRecord};
use plant::{DataType, Link, Signal};
use telemetry::{Quality, Reason, Sample};

use crate::time::{TimeFormat, TimeReader, time_zone};
use crate::{AddressError, Raw, sample};

/// How the CSV of a link is written.
#[derive(Debug, Clone, Copy)]
pub struct RowSettings<'a> {
    /// What stands between two cells; one of the ASCII characters.
    pub delimiter: char,
    /// What stands between the whole part and the decimals of a number.
    pub decimal_mark: char,
    /// The columns' names where the text has no header; empty where it has.
    pub columns: &'a [String],
    /// Name of the column with the time of each row.
    pub time_column: &'a str,
    /// How times are written.
    pub time_format: &'a str,
    /// Time zone of times that name no offset from UTC; UTC if absent.
    pub time_zone: Option<&'a str>,
}

/// What the CSV of a link looks like.
#[derive(Debug, Clone)]
pub struct Form {
    delimiter: u8,
    decimal_mark: char,
    columns: StringRecord,
    time_column: String,
    times: TimeReader,
}

/// Why a text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// What a text has told.
#[derive(Debug, PartialEq)]
pub struct Read {
    /// The samples of each row, in their order.
    pub rows: Vec<Vec<Sample>>,
    /// Cells that hold no value of their signal.
    pub unusable: u64,
}

impl Form {
    /// The form of a link's texts.
    ///
    /// # Errors
    /// A time format or time zone that is none.
    pub fn new(link: &Link, settings: &RowSettings<'_>) -> Result<Self, Vec<AddressError>> {
        let of_link = |key: &str, value: &str, problem: String| AddressError::of_key(link, key, value, problem);
        let mut errors = Vec::new();
        let format = settings.time_format.parse::<TimeFormat>();
        errors
            .extend(format.as_ref().err().map(|problem| of_link("time_format", settings.time_format, problem.clone())));
        let zone_name = settings.time_zone;
        let zone = time_zone(zone_name);
        errors.extend(
            zone.as_ref().err().map(|problem| of_link("time_zone", zone_name.unwrap_or_default(), problem.to_string())),
        );
        match (format, zone) {
            (Ok(format), Ok(zone)) if errors.is_empty() => Ok(Self {
                delimiter: settings.delimiter as u8,
                decimal_mark: settings.decimal_mark,
                columns: settings.columns.iter().collect(),
                time_column: settings.time_column.to_owned(),
                times: TimeReader::new(format, zone),
            }),
            _ => Err(errors),
        }
    }

    /// Reads all of a text: signals, each with the name of its column. A cell that holds no value of its signal gives a bad sample; an empty one gives none.
    ///
    /// # Errors
    /// Anything else that is not as it should be, which makes all of the text bad.
    pub fn read<'a>(
        &self,
        text: &str,
        columns: impl IntoIterator<Item = (&'a Signal, &'a str)>,
    ) -> Result<Read, Problem> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .trim(csv::Trim::All)
            .has_headers(self.columns.is_empty())
            .from_reader(text.as_bytes());
        let wrong = |error: csv::Error| Problem(format!("it is no CSV: {error}"));
        let header =
            if self.columns.is_empty() { reader.headers().map_err(wrong)?.clone() } else { self.columns.clone() };
        let time = self.column(&header, &self.time_column)?;
        let columns = columns.into_iter().map(|(signal, name)| Ok((signal, self.column(&header, name)?)));
        let columns = columns.collect::<Result<Vec<_>, Problem>>()?;
        let mut read = Read { rows: Vec::new(), unusable: 0 };
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            if record.len() != header.len() {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Problem(format!("line {line}: it has {} cells; expected {}", record.len(), header.len())));
            }
            let samples = self.row(&record, time, &columns)?;
            read.unusable += samples.iter().filter(|sample| !sample.quality.is_usable()).count() as u64;
            read.rows.push(samples);
        }
        Ok(read)
    }

    /// The place of a column in the header.
    fn column(&self, header: &StringRecord, name: &str) -> Result<usize, Problem> {
        let mut places = (0..header.len()).filter(|&place| header[place] == *name.trim());
        let shown = || header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let first =
            places.next().ok_or_else(|| Problem(format!("line 1: it has no column {name:?}, but {}", shown())))?;
        match places.next() {
            None => Ok(first),
            Some(_) => Err(Problem(format!("line 1: it has more than one column {name:?}"))),
        }
    }

    fn row(&self, record: &StringRecord, time: usize, columns: &[(&Signal, usize)]) -> Result<Vec<Sample>, Problem> {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = &record[time];
        let moment = self.times.read(cell).ok_or_else(|| {
            Problem(format!(
                "line {line}, column {:?}: {cell:?} is no time; expected {}",
                self.time_column,
                self.times.format()
            ))
        })?;
        // A time that local clocks showed twice is one of two.
        let quality = if moment.in_clock_change { Quality::Uncertain(Reason::Malformed) } else { Quality::Good };
        let filled = columns.iter().filter(|(_, place)| !record[*place].is_empty());
        Ok(filled
            .map(|(signal, place)| sample(signal, self.raw(&record[*place], signal), moment.time, quality))
            .collect())
    }

    /// A cell as what its signal is. What it is not stays a text, which no number takes.
    fn raw<'a>(&self, cell: &'a str, signal: &Signal) -> Raw<'a> {
        match signal.data_type {
            DataType::Text => Raw::Text(cell),
            DataType::Bool => match cell.to_ascii_lowercase().as_str() {
                "true" | "1" => Raw::Boolean(true),
                "false" | "0" => Raw::Boolean(false),
                _ => Raw::Text(cell),
            },
            _ => match cell.parse::<i128>() {
                Ok(number) => Raw::Integer(number),
                Err(_) => self.float(cell).map_or(Raw::Text(cell), Raw::Float),
            },
        }
    }

    fn float(&self, cell: &str) -> Option<f64> {
        if self.decimal_mark == '.' {
            return cell.parse().ok();
        }
        // With a comma for the mark, a point would be one that groups digits: whoever writes both is not understood.
        if cell.contains('.') { None } else { cell.replace(self.decimal_mark, ".").parse().ok() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use plant::{LinkSettings, ModbusSettings, Origin};
    use telemetry::{LinkId, Symbol, Timestamp, Value};

    use super::*;
    use crate::testing::signal;

    fn settings() -> RowSettings<'static> {
        RowSettings {
            delimiter: ';',
            decimal_mark: ',',
            columns: &[],
            time_column: "Zeit",
            time_format: "%d.%m.%Y %H:%M:%S",
            time_zone: Some("Europe/Berlin"),
        }
    }

    fn signals() -> Vec<Signal> {
        [("Leckrate", DataType::F64), ("Teil", DataType::Text), ("iO", DataType::Bool), ("Nr", DataType::U16)]
            .into_iter()
            .zip(0..)
            .map(|((name, data_type), id)| signal(id, name, data_type))
            .collect()
    }

    fn read_as(form: &Form, text: &str) -> Result<Read, Problem> {
        form.read(text, signals().iter().map(|signal| (signal, signal.address.as_str())))
    }

    fn form(settings: &RowSettings<'_>) -> Result<Form, Vec<AddressError>> {
        let origin = Origin { file: "plant.toml".into(), line: 7 };
        let settings_of_link = LinkSettings::Modbus(ModbusSettings::tcp("any", 502));
        Form::new(&Link { id: LinkId(0), name: "leak".into(), settings: settings_of_link, origin }, settings)
    }

    fn read(text: &str) -> Result<Read, Problem> {
        read_as(&form(&settings()).unwrap(), text)
    }

    #[test]
    fn rows_without_a_header_have_the_configured_columns() {
        let names = ["Nr", "Zeit", "Teil", "Leckrate", "iO"].map(str::to_owned);
        let form = form(&RowSettings { columns: &names, ..settings() }).unwrap();
        let told = read_as(&form, "7;24.11.2026 09:14:00;EV1-7;0,25;1\n").unwrap();
        assert_eq!((told.rows.len(), told.rows[0][3].value), (1, Value::Integer(7)));
        let Err(Problem(reason)) = read_as(&form, "7;24.11.2026 09:14:00\n") else { panic!("it was read") };
        assert_eq!(reason, "line 1: it has 2 cells; expected 5");
    }

    #[test]
    fn a_row_is_a_batch_of_its_time() {
        let text = "\u{feff}Nr;Zeit;Teil;Leckrate;iO;Bemerkung\n7; 24.11.2026 09:14:00 ;EV1-7;0,25;1;\"a;b\"\n8;24.11.2026 09:15:00;;;;\n";
        let told = read(text).unwrap();
        assert_eq!((told.rows.len(), told.unusable), (2, 0));
        let time: Timestamp = "2026-11-24T08:14:00Z".parse().unwrap();
        let values: Vec<_> = told.rows[0].iter().map(|sample| (sample.signal.0, sample.value)).collect();
        let part = Value::Symbol(Symbol::new("EV1-7").unwrap());
        assert_eq!(values, [(0, Value::Float(0.25)), (1, part), (2, Value::Boolean(true)), (3, Value::Integer(7))]);
        assert!(told.rows[0].iter().all(|sample| sample.source_time == time && sample.quality == Quality::Good));
        assert_eq!(told.rows[1].len(), 1, "empty cells tell nothing");
    }

    #[test]
    fn a_cell_that_is_no_value_is_bad_and_counted() {
        let told = read("Nr;Zeit;Teil;Leckrate;iO\n70000;24.11.2026 09:14:00;EV1;1.000,5;maybe\n").unwrap();
        let reasons: Vec<_> = told.rows[0].iter().map(|sample| sample.quality.reason()).collect();
        let expected = [Some(Reason::TypeMismatch), None, Some(Reason::TypeMismatch), Some(Reason::OutOfRange)];
        assert_eq!((reasons, told.unusable), (expected.to_vec(), 3));
    }

    #[test]
    fn a_file_that_is_not_as_it_should_be_is_bad_as_a_whole() {
        let check = |text: &str, expected: &str| {
            let Err(Problem(reason)) = read(text) else { panic!("{text:?} was read") };
            assert!(reason.contains(expected), "{reason}");
        };
        check("", "no column \"Zeit\"");
        check("Nr;Zeit;Teil;iO\n", "line 1: it has no column \"Leckrate\", but \"Nr\", \"Zeit\", \"Teil\", \"iO\"");
        check("Nr;Zeit;Zeit;Teil;Leckrate;iO\n", "more than one column \"Zeit\"");
        check(
            "Nr;Zeit;Teil;Leckrate;iO\n1;24.11.2026;a;1;1\n",
            "line 2, column \"Zeit\": \"24.11.2026\" is no time; expected a time as in the pattern",
        );
        check("Nr;Zeit;Teil;Leckrate;iO\n1;24.11.2026 09:14:00;a;1;1\n2;24.11.2026 09:15\n", "it is no CSV");
    }

    #[test]
    fn a_wrong_time_format_or_zone_is_found_with_nothing_connected() {
        let wrong = RowSettings { time_format: "when", time_zone: Some("Mars/Olympus"), ..settings() };
        let errors = form(&wrong).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            told[0].contains("plant.toml:7: time_format of link leak") && told[0].contains("is no time format"),
            "{told:?}"
        );
        assert!(told[1].contains("time_zone of link leak") && told[1].contains("Mars/Olympus"), "{told:?}");
    }
}
