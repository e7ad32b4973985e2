//! Records as CSV.

use std::io::Write;

use contract::{PartCycleV1, PartHistoryV1, PartV1, TimeV1, wire_name};
use csv::Writer;

/// What separates several texts in one cell.
const BETWEEN: &str = "; ";

/// A cell that a spreadsheet shows as the text it is: one that begins like a formula gets an apostrophe before it.
///
/// A serial or a comment comes from outside, and a spreadsheet would run it (CWE-1236).
pub(crate) fn text(cell: impl Into<String>) -> String {
    let cell = cell.into();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn texts(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut known: Vec<String> = Vec::new();
    for text in texts {
        if known.iter().all(|known| known != text.as_ref()) {
            known.push(text.as_ref().to_owned());
        }
    }
    text(known.join(BETWEEN))
}

fn time(time: Option<TimeV1>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn number(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn yes_or_no(known: Option<bool>) -> String {
    known.map(|is| if is { "yes" } else { "no" }).unwrap_or_default().to_owned()
}

/// The columns of a list of parts.
const LIST: [&str; 14] = [
    "part",
    "variant",
    "ending",
    "first",
    "last",
    "cycles",
    "in_limits",
    "incidents",
    "lots",
    "children",
    "tools",
    "programs",
    "operators",
    "closed",
];

/// Writes the header of a list of parts.
pub(crate) fn begin_list(csv: &mut Writer<impl Write>) -> csv::Result<()> {
    csv.write_record(LIST)
}

/// Writes a part's row in a list.
pub(crate) fn list(csv: &mut Writer<impl Write>, record: &PartV1) -> csv::Result<()> {
    let cycles = || record.cycles.iter();
    csv.write_record([
        text(&record.part),
        text(record.variant.clone().unwrap_or_default()),
        wire_name(record.ending),
        time(record.first()),
        time(record.last()),
        record.cycles.len().to_string(),
        yes_or_no(record.in_limits),
        texts(cycles().flat_map(|cycle| &cycle.incidents).map(|mark| &mark.id)),
        texts(cycles().flat_map(|cycle| &cycle.lots).map(|lot| format!("{}={}", lot.signal, lot.text))),
        texts(cycles().flat_map(|cycle| &cycle.children).map(|child| &child.text)),
        texts(cycles().flat_map(|cycle| &cycle.tool)),
        texts(cycles().flat_map(|cycle| &cycle.program)),
        texts(cycles().flat_map(|cycle| &cycle.operator)),
        record.closed.to_string(),
    ])
}

/// The columns of a part's history: a row for each value, and one for a cycle without any.
const HISTORY: [&str; 25] = [
    "part",
    "station",
    "attempt",
    "start",
    "end",
    "variant",
    "program",
    "tool",
    "tool_life",
    "operator",
    "lots",
    "children",
    "actions",
    "incidents",
    "name",
    "unit",
    "value",
    "lowest",
    "highest",
    "expected",
    "sigma",
    "low",
    "high",
    "in_limits",
    "closed",
];

/// Writes a part's history.
pub(crate) fn history(csv: &mut Writer<impl Write>, history: &PartHistoryV1) -> csv::Result<()> {
    csv.write_record(HISTORY)?;
    for record in &history.records {
        for cycle in &record.cycles {
            let of_cycle = cycle_cells(record, cycle);
            let mut row = |value: [String; 10]| {
                let cells = of_cycle.iter().chain(&value).map(String::as_str);
                csv.write_record(cells.chain([record.closed.to_string().as_str()]))
            };
            if cycle.values.is_empty() {
                row(Default::default())?;
            }
            for value in &cycle.values {
                row([
                    value.name.clone(),
                    value.unit.clone().unwrap_or_default(),
                    value.value.to_string(),
                    number(value.lowest),
                    number(value.highest),
                    number(value.expected),
                    number(value.sigma),
                    number(value.low),
                    number(value.high),
                    yes_or_no(value.in_limits),
                ])?;
            }
        }
    }
    Ok(())
}

fn cycle_cells(record: &PartV1, cycle: &PartCycleV1) -> [String; 14] {
    let some = |cell: &Option<String>| text(cell.clone().unwrap_or_default());
    let action = |action: &contract::ActionV1| match &action.comment {
        Some(comment) => format!("{} at {}: {comment}", wire_name(action.kind), action.at),
        None => format!("{} at {}", wire_name(action.kind), action.at),
    };
    [
        text(&record.part),
        text(&cycle.station),
        cycle.attempt.to_string(),
        cycle.start.to_string(),
        cycle.end.to_string(),
        some(&cycle.variant),
        some(&cycle.program),
        some(&cycle.tool),
        number(cycle.tool_life),
        some(&cycle.operator),
        texts(cycle.lots.iter().map(|lot| format!("{}={}", lot.signal, lot.text))),
        texts(cycle.children.iter().map(|child| &child.text)),
        texts(cycle.actions.iter().map(action)),
        texts(cycle.incidents.iter().map(|mark| format!("{} {}", mark.id, wire_name(mark.cause)))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_a_text() {
        for cell in ["=1+2", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(text(cell), format!("'{cell}"));
        }
        for cell in ["", "EV1-000123", "a=b", "Träger \"1\", rot"] {
            assert_eq!(text(cell), cell);
        }
        assert_eq!(texts(["-1", "b", "-1"]), "'-1; b");
    }
}
