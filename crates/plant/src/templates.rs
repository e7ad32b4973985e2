//! Rows of tag lists that stand for many stations: `weld-{n}/flow` at `ev1/{n}/state#/flow` is a row for each station whose
//! name is `weld-` and something, with that something in its address. A row that names a station itself comes before.

use std::collections::BTreeSet;

use crate::problem::{Findings, Place};
use crate::tags::{TagLists, TagRow};

/// The lists with a row for each station that a template stands for.
pub(crate) fn expand(lists: &TagLists, stations: &[&str], findings: &mut Findings) -> TagLists {
    let is_template = |row: &TagRow| row.signal.contains('{');
    let named: BTreeSet<&str> =
        lists.rows.iter().filter(|(_, row)| !is_template(row)).map(|(_, row)| row.signal.as_str()).collect();
    let mut expanded = TagLists { rows: Vec::with_capacity(lists.rows.len()), whole: lists.whole };
    for (place, row) in &lists.rows {
        if !is_template(row) {
            expanded.rows.push((place.clone(), row.clone()));
            continue;
        }
        match Template::parse(row) {
            Ok(template) => {
                let rows: Vec<TagRow> = stations.iter().filter_map(|station| template.row(station)).collect();
                if rows.is_empty() {
                    let message = format!("{:?} stands for no station", row.signal);
                    findings.add(column(place, "signal"), message, "a template of names that stations have");
                }
                let rows = rows.into_iter().filter(|row| !named.contains(row.signal.as_str()));
                expanded.rows.extend(rows.map(|row| (place.clone(), row)));
            }
            Err((key, message)) => {
                expanded.whole = false;
                findings.add(
                    column(place, key),
                    message,
                    "names in braces, such as weld-{n}/flow and ev1/{n}/state#/flow",
                );
            }
        }
    }
    expanded
}

fn column(place: &Place, key: &str) -> Place {
    Place { origin: place.origin.clone(), key: key.to_owned() }
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// Stands for any text that is not empty.
    Name(&'a str),
}

/// A row that stands for many.
struct Template<'a> {
    row: &'a TagRow,
    station: Vec<Piece<'a>>,
    /// The signal's name at its station.
    name: &'a str,
    address: Vec<Piece<'a>>,
}

impl<'a> Template<'a> {
    fn parse(row: &'a TagRow) -> Result<Self, (&'static str, String)> {
        let (station, name) =
            row.signal.split_once('/').ok_or_else(|| ("signal", format!("{:?} is not a signal path", row.signal)))?;
        let station = pieces(station).map_err(|problem| ("signal", problem))?;
        let address = pieces(&row.address).map_err(|problem| ("address", problem))?;
        if name.contains(['{', '}']) {
            return Err(("signal", format!("{name:?} has braces; only the station's name may")));
        }
        let beside = |pair: &[Piece<'_>]| matches!(pair, [Piece::Name(_), Piece::Name(_)]);
        if station.windows(2).any(beside) {
            return Err(("signal", "has two names in braces without anything between them".to_owned()));
        }
        let known = |name: &str| station.contains(&Piece::Name(name));
        let unknown = address.iter().find_map(|piece| match piece {
            Piece::Name(name) if !known(name) => Some(*name),
            _ => None,
        });
        match unknown {
            Some(unknown) => Err(("address", format!("{{{unknown}}} is not in the signal's path"))),
            None => Ok(Self { row, station, name, address }),
        }
    }

    /// The row of a station, if the template stands for it.
    fn row(&self, station: &str) -> Option<TagRow> {
        let mut names = Vec::new();
        matches(&self.station, station, &mut names).then(|| {
            let of_name = |name: &str| names.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
            let address = self.address.iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Name(name) => of_name(name),
            });
            TagRow { signal: format!("{station}/{}", self.name), address: address.collect(), ..self.row.clone() }
        })
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("{text:?} has a brace that is not closed"))?;
        if name.is_empty() || name.contains('{') {
            return Err(format!("{text:?} has braces without a name in them"));
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Name(name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// Whether a text is as the pieces are, with what each name stands for: as little as possible, and the same everywhere.
fn matches<'a>(pieces: &[Piece<'a>], text: &'a str, names: &mut Vec<(&'a str, &'a str)>) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(expected), rest @ ..] => {
            text.strip_prefix(expected).is_some_and(|text| matches(rest, text, names))
        }
        [Piece::Name(name), rest @ ..] => {
            let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
            for end in ends {
                let known = names.iter().find(|(known, _)| known == name).map(|(_, text)| *text);
                if known.is_some_and(|known| known != &text[..end]) {
                    continue;
                }
                let before = names.len();
                names.push((name, &text[..end]));
                if matches(rest, &text[end..], names) {
                    return true;
                }
                names.truncate(before);
            }
            false
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn row(signal: &str, address: &str) -> TagRow {
        TagRow { signal: signal.to_owned(), address: address.to_owned(), ..TagRow::default() }
    }

    #[track_caller]
    fn check(rows: &[(&str, &str)], expected: &[(&str, &str)], expected_problems: &[&str]) {
        let rows =
            (2..).zip(rows).map(|(line, (signal, address))| (Place::new("tags/a.csv", line, ""), row(signal, address)));
        let lists = TagLists { rows: rows.collect(), whole: true };
        let mut findings = Findings::default();
        let stations = ["weld-10", "weld-20", "leak-80"];
        let expanded = expand(&lists, &stations, &mut findings);
        let found: Vec<_> = expanded.rows.iter().map(|(_, row)| (row.signal.as_str(), row.address.as_str())).collect();
        assert_eq!(found, expected);
        let problems = findings.or(None::<()>).err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(expected_problems.iter().all(|expected| problems.contains(expected)), "{problems}");
        assert_eq!(problems.is_empty(), expected_problems.is_empty(), "{problems}");
    }

    #[test]
    fn a_template_is_a_row_for_each_station_that_it_fits() {
        let found = [("weld-10/flow", "ev1/10/+/state#/flow"), ("weld-20/flow", "ev1/20/+/state#/flow")];
        check(&[("weld-{n}/flow", "ev1/{n}/+/state#/flow")], &found, &[]);
        check(&[("{kind}-8{n}/p", "{kind}/{n}")], &[("leak-80/p", "leak/0")], &[]);
    }

    #[test]
    fn a_row_that_names_its_station_comes_before() {
        let rows = [("weld-{n}/flow", "ev1/{n}#/flow"), ("weld-20/flow", "other#/flow")];
        check(&rows, &[("weld-10/flow", "ev1/10#/flow"), ("weld-20/flow", "other#/flow")], &[]);
    }

    #[test]
    fn what_is_no_template_is_told_with_its_column() {
        check(&[("weld-{n/flow", "a")], &[], &["tags/a.csv:2: signal: \"weld-{n\" has a brace that is not closed"]);
        check(&[("weld-{n}/flow", "{m}")], &[], &["tags/a.csv:2: address: {m} is not in the signal's path"]);
        check(&[("{a}{b}/flow", "{a}")], &[], &["two names in braces without anything between them"]);
        check(&[("weld-{n}/{x}", "{n}")], &[], &["only the station's name may"]);
        check(&[("laser-{n}/flow", "{n}")], &[], &["\"laser-{n}/flow\" stands for no station"]);
    }
}
