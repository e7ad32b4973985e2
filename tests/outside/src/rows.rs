//! Rows of CSV, as files and messages bring them.

use adapter::rows::{Form, RowSettings};
use adapter::testing::signal;
use plant::{CsvSettings, DataType, Link, LinkSettings, Origin, Signal};
use telemetry::{LinkId, Quality};

/// The columns that a tag list asks for. What is not among them is left out.
const COLUMNS: [(&str, DataType); 5] =
    [("f", DataType::F64), ("i", DataType::I16), ("u", DataType::U64), ("b", DataType::Bool), ("t", DataType::Text)];

/// A line with the delimiter, the decimal mark, the time's format and perhaps the time zone of the link, such as
/// `; , %d.%m.%Y_%H:%M:%S Europe/Berlin` with `_` for a blank; then the rows.
pub(crate) fn csv(bytes: &[u8]) {
    let Some((settings, text)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once('\n')) else { return };
    let mut settings = settings.split(' ');
    let (Some(delimiter), Some(mark), Some(format)) = (settings.next(), settings.next(), settings.next()) else {
        return;
    };
    // The schema of the configuration lets nothing else through.
    let (Some(delimiter), Some(decimal_mark)) = (one_of(delimiter, ",;|\t"), one_of(mark, ".,")) else { return };
    if delimiter == decimal_mark {
        return;
    }
    let time_format = format.replace('_', " ");
    let settings = RowSettings {
        delimiter,
        decimal_mark,
        columns: &[],
        time_column: "time",
        time_format: &time_format,
        time_zone: settings.next(),
    };
    let Ok(form) = Form::new(&link(), &settings) else { return };
    let signals: Vec<Signal> = (0..).zip(COLUMNS).map(|(id, (name, data_type))| signal(id, name, data_type)).collect();
    let Ok(read) = form.read(text, signals.iter().map(|signal| (signal, signal.address.as_str()))) else { return };
    let samples = || read.rows.iter().flatten();
    let unusable = samples().filter(|sample| !sample.quality.is_usable()).count() as u64;
    assert_eq!(unusable, read.unusable, "what is no value is counted");
    assert!(
        samples().all(|sample| sample.quality != Quality::Good || sample.value.as_f64().is_none_or(f64::is_finite))
    );
}

fn one_of(text: &str, allowed: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|&first| chars.next().is_none() && allowed.contains(first))
}

fn link() -> Link {
    let settings = CsvSettings {
        folder: "fuzz".into(),
        delimiter: ',',
        decimal_mark: '.',
        time_column: "time".into(),
        time_format: "iso".into(),
        time_zone: None,
        settle_s: 0.0,
    };
    let origin = Origin { file: "plant.toml".into(), line: 1 };
    Link { id: LinkId(0), name: "fuzz".into(), settings: LinkSettings::Csv(settings), origin }
}
