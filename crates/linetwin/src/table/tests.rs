#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use proptest::prelude::*;
use tempfile::NamedTempFile;

use super::*;

fn arguments(file: &NamedTempFile) -> TableArguments {
    TableArguments {
        file: file.path().to_owned(),
        time: "t".to_owned(),
        time_format: None,
        time_zone: None,
        delimiter: None,
        decimal: None,
    }
}

fn written(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// The rows as `seconds after 2026-01-01: name=cell …`.
fn rows(table: &Table) -> Vec<String> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut rows, mut found) = (table.rows().unwrap(), Vec::new());
    while let Some(row) = rows.read().unwrap() {
        let cells = row.cells().map(|(column, cell)| format!(" {}={cell}", table.columns()[column].name));
        found.push(format!("{}:{}", row.time.seconds_since(start), cells.collect::<String>()));
    }
    found
}

#[track_caller]
fn check(text: &str, expected: &[&str]) -> Table {
    let file = written(text.as_bytes());
    let table = Table::survey(&arguments(&file), None).unwrap();
    assert_eq!(rows(&table), expected);
    table
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let file = written(bytes);
    let error = Table::survey(&arguments(&file), None).unwrap_err().to_string();
    let path = file.path().display().to_string();
    assert_eq!(error.strip_prefix(&path).unwrap_or(&error), expected);
}

const T: [&str; 4] = ["2026-01-01 00:00:00", "2026-01-01 00:00:01", "2026-01-01 00:00:02", "2026-01-01 00:00:03"];

#[test]
fn a_plain_export_is_read() {
    let text = format!("t,a,b\n{},1,x\n{},,\n{},2.5,y\n", T[0], T[1], T[2]);
    let table = check(&text, &["0: a=1 b=x", "1:", "2: a=2.5 b=y"]);
    assert_eq!(table.columns().iter().map(Column::kind).collect::<Vec<_>>(), [Kind::Float, Kind::Text]);
    assert_eq!(table.found().rows, 3);
}

/// BOM, CR LF, tabs, quotes, a delimiter at the end of lines, an unnamed column, empty lines and lines of delimiters.
#[test]
fn what_programs_add_to_an_export_is_understood() {
    let text = format!("\u{feff}\t\"t\"\ta b\r\n\r\n7\t{}\t\"1\t\"\r\n\t\t\r\n8\t{}\t2\t\t\r\n", T[0], T[1]);
    let table = check(&text, &["0: column-1=7 a b=1", "1: column-1=8 a b=2"]);
    let found = table.found();
    assert_eq!((found.rows, found.empty_rows, found.padded_rows), (2, 1, 1));
}

#[test]
fn the_delimiter_is_the_one_that_makes_the_times_column() {
    for delimiter in [",", ";", "\t", "|"] {
        let other = if delimiter == ";" { "|" } else { ";" };
        let text = format!("x{other}y{other}z,t,b\n1,{},3\n", T[0]).replace(',', delimiter);
        check(&text, &[&format!("0: x{other}y{other}z=1 b=3")]);
    }
}

#[test]
fn rows_are_given_in_order_of_time_and_else_as_they_stand() {
    let text = format!("t,a\r\n{},1\r\n{},2\r\n{},3\r\n{},4\r\n{},5\r\n", T[3], T[1], T[1], T[0], T[2]);
    let table = check(&text, &["0: a=4", "1: a=2", "1: a=3", "2: a=5", "3: a=1"]);
    assert_eq!(table.found().rows_back_in_time, 2);
}

#[test]
fn a_long_table_has_a_column_for_each_tag() {
    let file = written(format!("t;n;v\n{};F;1\n{};G;x\n{};F;\n{};F;2\n", T[0], T[0], T[1], T[2]).as_bytes());
    let table = Table::survey(&arguments(&file), Some(LongColumns { tag: "n", value: "v" })).unwrap();
    assert_eq!(rows(&table), ["0: F=1", "0: G=x", "1:", "2: F=2"]);
    let file = written(format!("t;n;v\n{};;1\n", T[0]).as_bytes());
    let error = Table::survey(&arguments(&file), Some(LongColumns { tag: "n", value: "v" })).unwrap_err();
    assert!(error.to_string().contains(":2: the row has no tag"), "{error}");
}

#[test]
fn the_decimal_mark_is_that_of_all_numbers() {
    let read = |cells: [&str; 2]| {
        let file = written(format!("t;a;b\n{};{};{}\n", T[0], cells[0], cells[1]).as_bytes());
        Table::survey(&arguments(&file), None).map(|table| table.decimal())
    };
    assert_eq!(read(["1,5", "2"]).unwrap(), Decimal::Comma);
    assert_eq!(read(["1,5", "1,234"]).unwrap(), Decimal::Comma);
    assert_eq!(read(["1.5", "2"]).unwrap(), Decimal::Point);
    assert_eq!(read(["1", "2"]).unwrap(), Decimal::Point);
    assert!(read(["1,5", "2.5"]).unwrap_err().to_string().contains(":2: a: a number with a comma, while \"b\""));
    assert!(read(["1,234", "2.5"]).unwrap_err().to_string().contains(":2: a: a number with a comma, while \"b\""));
    assert!(read(["1,234", "2"]).unwrap_err().to_string().contains(":2: a: a number with a comma may be decimal"));
}

/// A historian's words in place of some numbers do not make a measurement a text; a few digits do not make a text a
/// number.
#[test]
fn a_column_is_what_most_of_its_cells_are() {
    let kind = |cells: &[&str]| {
        let rows: String = cells.iter().map(|cell| format!("{},{cell}\n", T[0])).collect();
        let file = written(format!("t,a\n{rows}").as_bytes());
        Table::survey(&arguments(&file), None).unwrap().columns()[0].kind()
    };
    assert_eq!(kind(&["1.5", "Bad", "2"]), Kind::Float);
    assert_eq!(kind(&["1", "NaN"]), Kind::Float);
    assert_eq!(kind(&["1", "Bad"]), Kind::Integer);
    assert_eq!(kind(&["A1", "12", "B2"]), Kind::Text);
    assert_eq!(kind(&["000317", "000318"]), Kind::Text);
    assert_eq!(kind(&["true", "FALSE", "1"]), Kind::Boolean);
    assert_eq!(kind(&["", ""]), Kind::Empty);
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let as_many = "; expected as many in each row: a text with the delimiter in it in double quotes; another delimiter \
                   than the decimal mark; an export that was not cut off";
    check_refused(b"", ": is empty; expected a header row and rows of values");
    check_refused(b"t,a\n", ": has no rows; expected rows of values below the header");
    check_refused(
        b"time,a\n1,2\n",
        ":1: --time \"t\" is not a column; expected one of \"time\", \"a\"; or --delimiter, if these are not the columns",
    );
    check_refused(b"t,a,a\n", ":1: a: columns 2 and 3 have the same name; expected a name of its own for each column");
    check_refused(b"t,t\n", ":1: t: columns 1 and 2 have the same name; expected a name of its own for each column");
    let row = |rest: &str| format!("t,a\r\n\r\n{},1\r\n\r\n{}{rest}", T[0], T[1]).into_bytes();
    check_refused(&row(",1,2\r\n"), &format!(":5: the row has 3 fields, the header 2{as_many}"));
    check_refused(&row("\r\n"), &format!(":5: the row has 1 fields, the header 2{as_many}"));
    check_refused(
        &row(",\"1\r\nx"),
        ":5: a: the cell goes on in the next line; expected a closing double quote before the end of the line",
    );
    let time = "a time such as 2026-11-24 06:00:00.5 or 2026-11-24T06:00:00+01:00";
    check_refused(&row(",1\nyesterday,1\n"), &format!(":6: t: \"yesterday\" is not a time here; expected {time}"));
    check_refused(&row(",1\n,1\n"), &format!(":6: t: is empty; expected {time}"));
    check_refused(
        b"t,a\n7,1\n",
        &format!(
            ":2: t: \"7\" is in no time format that is certain; expected {time}, a Unix time between 1990 and 2100, or \
             --time-format to say what it is, such as \"%d.%m.%Y %H:%M:%S\" or unix-s"
        ),
    );
    let file = written(&[&row(",1\n")[..], b"2026-01-01,\xb0C\n"].concat());
    let error = Table::survey(&arguments(&file), None).unwrap_err().to_string();
    assert!(error.contains(":6: the text is not UTF-8"), "{error}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let file = written(format!("t,a\n{},\"{}", T[0], "x".repeat(20 << 20)).as_bytes());
    let error = Table::survey(&arguments(&file), None).unwrap_err().to_string();
    assert!(error.contains(":2: cannot be read") && error.contains("double quote"), "{error}");
}

/// Signs that a table is made of, so that chance makes tables more often than noise.
fn sign() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::sample::select(vec!["\n", "\r\n", "\r", ",", ";", "\"", "1", "2,5", "-3.5", "NaN", "x", " ", "\t"])
            .prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::sample::select(T.to_vec()).prop_map(|text| format!("{text},").into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any bytes are a table whose every row can be read, in order of time, or an error in a line that there is.
    #[test]
    fn any_bytes_are_read_or_refused(signs in prop::collection::vec(sign(), 0..60), named in any::<bool>()) {
        let header: &[u8] = if named { b"t,a\n" } else { b"" };
        let bytes = [header, &signs.concat()].concat();
        let file = written(&bytes);
        match Table::survey(&arguments(&file), None) {
            Ok(table) => {
                let (mut rows, mut times) = (table.rows().unwrap(), Vec::new());
                while let Some(row) = rows.read().unwrap() {
                    times.push(row.time);
                    prop_assert!(row.cells().all(|(column, cell)| column < table.columns().len() && !cell.is_empty()));
                }
                prop_assert!(times.is_sorted());
                prop_assert_eq!(times.len() as u64, table.found().rows);
            }
            Err(error) => {
                let error = error.downcast::<TableError>().unwrap();
                let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
                prop_assert!(error.line() as usize <= ends + 1, "{}", error);
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
