//! `linetwin parts`: a list of parts, and what the bad ones have in common.

use std::collections::BTreeSet;
use std::io;
use std::ops::RangeInclusive;
use std::str::FromStr;

use contract::{EndingName, Message as _, PartV1};
use genealogy::factors::{Table, associate};
use telemetry::Timestamp;

use crate::parts::read::{Day, Source, always};
use crate::parts::{table, unless_unread};

/// `linetwin parts`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only parts with a cycle that ended at that time or later, such as 2026-11-24T06:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only parts with a cycle that began before that time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only parts of which that is so, such as lot=4711, weld-20/coil=4711 or in_limits=no; all of several. Keys: part,
    /// variant, station, lot, child, tool, program, operator, in_limits, ending, incident, and paths of signals.
    #[arg(long = "where", value_name = "KEY=VALUE")]
    filters: Vec<Filter>,
    /// csv: a row for each part; jsonl: the records, as the daemon keeps them.
    #[arg(long, default_value = "csv", conflicts_with = "factors")]
    format: Format,
    /// Instead of the parts, list what those that are out of limits have in common: Fisher's exact test for each lot, tool,
    /// program, variant, station and operator, with the false-discovery rate q.
    #[arg(long)]
    factors: bool,
    /// With --factors: the bad parts are these instead of those out of limits. May be given more than once.
    #[arg(long, value_name = "SERIAL", requires = "factors")]
    bad: Vec<String>,
    #[command(flatten)]
    source: Source,
}

/// How parts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A row for each record.
    Csv,
    /// The records, as the daemon keeps them.
    Jsonl,
}

/// What must be so of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    key: Key,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Part,
    Variant,
    Station,
    Lot,
    Child,
    Tool,
    Program,
    Operator,
    InLimits,
    Ending,
    Incident,
    /// The path of a signal that tells lots or mounted parts.
    Signal(String),
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no filter; expected KEY=VALUE"))?;
        let value = value.to_owned();
        let key = match key {
            "part" => Key::Part,
            "variant" => Key::Variant,
            "station" => Key::Station,
            "lot" => Key::Lot,
            "child" => Key::Child,
            "tool" => Key::Tool,
            "program" => Key::Program,
            "operator" => Key::Operator,
            "in_limits" if !matches!(value.as_str(), "yes" | "no" | "unknown") => {
                return Err(format!("{value:?} is no answer to in_limits; expected yes, no or unknown"));
            }
            "in_limits" => Key::InLimits,
            "ending" if ending(&value).is_none() => {
                return Err(format!("{value:?} is no ending; expected left, not-seen, no-room or late"));
            }
            "ending" => Key::Ending,
            "incident" => Key::Incident,
            path if path.contains('/') => Key::Signal(path.to_owned()),
            _ => {
                return Err(format!(
                    "{key:?} is no key; expected part, variant, station, lot, child, tool, program, operator, in_limits, \
                     ending, incident, or the path of a signal such as weld-20/coil"
                ));
            }
        };
        Ok(Self { key, value })
    }
}

fn ending(name: &str) -> Option<EndingName> {
    serde_json::from_value(name.into()).ok()
}

impl Filter {
    fn accepts(&self, record: &PartV1) -> bool {
        let value = self.value.as_str();
        let is = |text: &Option<String>| text.as_deref() == Some(value);
        let mut cycles = record.cycles.iter();
        match &self.key {
            Key::Part => record.part == value,
            Key::Variant => is(&record.variant),
            Key::Station => cycles.any(|cycle| cycle.station == value),
            Key::Lot => cycles.any(|cycle| cycle.lots.iter().any(|lot| lot.text == value)),
            Key::Child => cycles.any(|cycle| cycle.children.iter().any(|child| child.text == value)),
            Key::Tool => cycles.any(|cycle| is(&cycle.tool)),
            Key::Program => cycles.any(|cycle| is(&cycle.program)),
            Key::Operator => cycles.any(|cycle| is(&cycle.operator)),
            Key::InLimits => record.in_limits.map_or("unknown", |is| if is { "yes" } else { "no" }) == value,
            Key::Ending => ending(value) == Some(record.ending),
            Key::Incident => cycles.any(|cycle| cycle.incidents.iter().any(|mark| mark.id == value)),
            Key::Signal(path) => cycles.any(|cycle| {
                cycle.lots.iter().chain(&cycle.children).any(|label| label.signal == *path && label.text == value)
            }),
        }
    }
}

impl Arguments {
    /// The days on which a record can have been closed. Nothing is closed before its cycles, but for a clock that is off.
    fn days(&self) -> RangeInclusive<Day> {
        const CLOCK_OFF_S: f64 = 86_400.0;
        let first = self.from.map_or(*always().start(), |from| Day::of(from.plus_seconds(-CLOCK_OFF_S)));
        first..=*always().end()
    }

    fn accepts(&self, record: &PartV1) -> bool {
        let is_late_enough = self.from.is_none_or(|from| record.last().is_some_and(|last| last.0 >= from));
        let is_early_enough = self.to.is_none_or(|to| record.first().is_some_and(|first| first.0 < to));
        is_late_enough && is_early_enough && self.filters.iter().all(|filter| filter.accepts(record))
    }

    fn for_each(&self, mut take: impl FnMut(PartV1) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.source.for_each(self.days(), |record| if self.accepts(&record) { take(record) } else { Ok(()) })
    }
}

/// Writes the list to standard output.
///
/// # Errors
/// If records cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    unless_unread(write(arguments, io::stdout().lock()))
}

fn write(arguments: &Arguments, mut out: impl io::Write) -> anyhow::Result<()> {
    if arguments.factors {
        return factors(arguments, &mut csv::Writer::from_writer(out));
    }
    match arguments.format {
        Format::Jsonl => arguments.for_each(|record| Ok(writeln!(out, "{}", record.to_json())?)),
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            table::begin_list(&mut csv)?;
            arguments.for_each(|record| Ok(table::list(&mut csv, &record)?))?;
            Ok(csv.flush()?)
        }
    }
}

/// The values of factors that a part has, each by the factor's name and the value.
fn factors_of(record: &PartV1) -> BTreeSet<(String, String)> {
    let mut factors = BTreeSet::new();
    let mut add = |factor: &str, value: &Option<String>| {
        factors.extend(value.iter().map(|value| (factor.to_owned(), value.clone())));
    };
    add("variant", &record.variant);
    for cycle in &record.cycles {
        let of = |what: &str| format!("{} {what}", cycle.station);
        add("station", &Some(cycle.station.clone()));
        add(&of("tool"), &cycle.tool);
        add(&of("program"), &cycle.program);
        add(&of("operator"), &cycle.operator);
        cycle.lots.iter().for_each(|lot| add(&lot.signal, &Some(lot.text.clone())));
    }
    factors
}

fn factors(arguments: &Arguments, csv: &mut csv::Writer<impl io::Write>) -> anyhow::Result<()> {
    let bad: BTreeSet<&str> = arguments.bad.iter().map(String::as_str).collect();
    let mut parts = Vec::new();
    let mut seen = BTreeSet::new();
    arguments.for_each(|record| {
        let is_bad = if bad.is_empty() { record.in_limits == Some(false) } else { bad.contains(record.part.as_str()) };
        parts.push((factors_of(&record).into_iter().collect(), is_bad));
        seen.insert(record.part);
        Ok(())
    })?;
    let unknown: Vec<&str> = bad.into_iter().filter(|part| !seen.contains(*part)).collect();
    anyhow::ensure!(unknown.is_empty(), "there is no record of {} among the parts looked at", unknown.join(", "));
    let of_bad = parts.iter().filter(|(_, is_bad)| *is_bad).count();
    eprintln!("{} records, {of_bad} of them bad", parts.len());
    csv.write_record(["factor", "value", "bad_with", "bad_without", "good_with", "good_without", "p", "q"])?;
    for found in associate(&parts) {
        let (factor, value) = found.factor;
        let Table { bad_with, bad_without, good_with, good_without } = found.table;
        let counts = [bad_with, bad_without, good_with, good_without].map(|count| count.to_string());
        let cells = [table::text(factor), table::text(value)].into_iter().chain(counts);
        let odds = [found.p, found.q].map(|odds| format!("{odds:.3e}"));
        csv.write_record(cells.chain(odds))?;
    }
    Ok(csv.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_or_refused_with_what_is_possible() {
        let filter = |text: &str| text.parse::<Filter>();
        assert_eq!(filter("lot=4711=b"), Ok(Filter { key: Key::Lot, value: "4711=b".into() }));
        assert_eq!(filter("weld-20/coil=x").map(|filter| filter.key), Ok(Key::Signal("weld-20/coil".into())));
        for (text, expected) in [
            ("lot", "KEY=VALUE"),
            ("coil=4711", "lot, child"),
            ("in_limits=true", "yes, no or unknown"),
            ("ending=scrap", "left, not-seen"),
        ] {
            assert!(filter(text).is_err_and(|error| error.contains(expected)), "{text}");
        }
    }
}
