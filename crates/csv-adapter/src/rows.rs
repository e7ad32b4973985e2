use adapter::time::{TimeFormat, TimeReader, time_zone};
use adapter::{AddressError, Raw, bad_sample, convert};
use csv::{ReaderBuilder, StringRecord};
use plant::{CsvSettings, DataType, Link, Signal};
use telemetry::{Quality, Reason, Sample};

/// What the files of a link look like.
#[derive(Debug)]
pub(crate) struct Form {
    delimiter: u8,
    decimal_mark: char,
    time_column: String,
    times: TimeReader,
    /// Signals and the columns that they are in.
    signals: Vec<Signal>,
}

/// Why a file is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(pub(crate) String);

/// What a file has told.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    /// The samples of each row, in the order of the file.
    pub(crate) rows: Vec<Vec<Sample>>,
    /// Cells that hold no value of their signal.
    pub(crate) unusable: u64,
}

impl Form {
    pub(crate) fn new(link: &Link, settings: &CsvSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let of_link = |key: &str, value: &str, problem: String| AddressError {
            origin: link.origin.clone(),
            signal: format!("{key} of link {}", link.name),
            address: value.to_owned(),
            problem,
        };
        let mut errors = Vec::new();
        let format = settings.time_format.parse::<TimeFormat>();
        errors.extend(
            format.as_ref().err().map(|problem| of_link("time_format", &settings.time_format, problem.clone())),
        );
        let zone_name = settings.time_zone.as_deref();
        let zone = time_zone(zone_name);
        errors.extend(
            zone.as_ref().err().map(|problem| of_link("time_zone", zone_name.unwrap_or_default(), problem.to_string())),
        );
        for signal in signals.iter().filter(|signal| signal.address.trim().is_empty()) {
            errors.push(AddressError {
                origin: signal.origin.clone(),
                signal: signal.path.clone(),
                address: signal.address.clone(),
                problem: "names no column; expected what stands above it in the header of the files".to_owned(),
            });
        }
        match (format, zone) {
            (Ok(format), Ok(zone)) if errors.is_empty() => Ok(Self {
                delimiter: settings.delimiter as u8,
                decimal_mark: settings.decimal_mark,
                time_column: settings.time_column.clone(),
                times: TimeReader::new(format, zone),
                signals: signals.iter().map(|&signal| signal.clone()).collect(),
            }),
            _ => Err(errors),
        }
    }

    /// Reads all of a file. A cell that holds no value of its signal gives a bad sample; an empty one gives none. Anything
    /// else that is not as it should be makes all of the file bad.
    pub(crate) fn read(&self, text: &str) -> Result<Read, Problem> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader =
            ReaderBuilder::new().delimiter(self.delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
        let wrong = |error: csv::Error| Problem(format!("it is no CSV: {error}"));
        let header = reader.headers().map_err(wrong)?.clone();
        let time = self.column(&header, &self.time_column)?;
        let columns = self.signals.iter().map(|signal| Ok((signal, self.column(&header, &signal.address)?)));
        let columns = columns.collect::<Result<Vec<_>, Problem>>()?;
        let mut read = Read { rows: Vec::new(), unusable: 0 };
        for record in reader.records() {
            let record = record.map_err(wrong)?;
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
            .map(|(signal, place)| match convert(self.raw(&record[*place], signal), signal) {
                Ok(value) => Sample { signal: signal.id, source_time: moment.time, value, quality },
                Err(reason) => bad_sample(signal, moment.time, reason),
            })
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
    use adapter::testing::signal;
    use plant::{LinkSettings, Origin};
    use telemetry::{LinkId, Symbol, Timestamp, Value};

    use super::*;

    fn settings() -> CsvSettings {
        CsvSettings {
            folder: "drop".into(),
            delimiter: ';',
            decimal_mark: ',',
            time_column: "Zeit".into(),
            time_format: "%d.%m.%Y %H:%M:%S".into(),
            time_zone: Some("Europe/Berlin".into()),
            settle_s: 2.0,
        }
    }

    fn form(settings: &CsvSettings) -> Result<Form, Vec<AddressError>> {
        let signals = [
            signal(0, "Leckrate", DataType::F64),
            signal(1, "Teil", DataType::Text),
            signal(2, "iO", DataType::Bool),
            signal(3, "Nr", DataType::U16),
        ];
        let origin = Origin { file: "plant.toml".into(), line: 7 };
        let link = Link { id: LinkId(0), name: "leak".into(), settings: LinkSettings::Csv(settings.clone()), origin };
        Form::new(&link, settings, &signals.iter().collect::<Vec<_>>())
    }

    fn read(text: &str) -> Result<Read, Problem> {
        form(&settings()).unwrap().read(text)
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
        let wrong = CsvSettings { time_format: "when".into(), time_zone: Some("Mars/Olympus".into()), ..settings() };
        let errors = form(&wrong).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            told[0].contains("plant.toml:7: time_format of link leak") && told[0].contains("is no time format"),
            "{told:?}"
        );
        assert!(told[1].contains("time_zone of link leak") && told[1].contains("Mars/Olympus"), "{told:?}");
    }
}
