//! The signals of all tag lists as one table.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use csv::{ReaderBuilder, Terminator, Trim, WriterBuilder};
use plant::{Files, write_tags};

use super::sheet::{Row, Sheet};
use super::{Edit, same, shown};
use crate::setup::Setup;

/// All lists in one, with every column that there is.
pub(super) fn export(setup: &Setup) -> anyhow::Result<String> {
    let mut all = List::new(String::new());
    for list in lists(setup.files())? {
        for record in &list.records {
            let cells = all.header.iter().map(|column| list.cell(record, column).to_owned()).collect();
            all.records.push(Record { cells, line: None });
        }
    }
    all.text()
}

/// What a table changes: rows stay in the lists that they are in, new ones go to the list that has the name of their link.
pub(super) fn import(files: &Files, sheet: &Sheet, remove: bool) -> anyhow::Result<Edit> {
    let all_columns = columns();
    let columns = sheet.columns_of(&all_columns.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut lists = lists(files)?;
    let mut edit = Edit { files: Vec::new(), changes: Vec::new(), unchanged: 0, lines: BTreeMap::new() };
    let (mut named, mut touched) = (BTreeSet::new(), BTreeSet::new());
    for row in &sheet.rows {
        let signal = row.cell("signal");
        let place = format!("{}:{}", sheet.name, row.line);
        ensure!(!signal.is_empty(), "{place}: there is no signal; expected its path, station/name");
        ensure!(named.insert(signal), "{place}: {signal:?} is in the table already; expected each signal once");
        let known = lists.iter_mut().enumerate().find_map(|(at, list)| Some((at, list.find(signal)?)));
        if let Some((at, record)) = known {
            record_change(&mut lists[at], record, row, &columns, &mut edit).then(|| touched.insert(at));
        } else {
            let link = row.cell("link");
            ensure!(!link.is_empty(), "{place}: {signal:?} is new and has no link; expected the name of one");
            let at = list_of(link, &mut lists);
            edit.changes.push(format!("+ {signal}  in {}", lists[at].name));
            lists[at].push(row, &columns);
            touched.insert(at);
        }
    }
    for (at, list) in lists.iter_mut().enumerate().filter(|_| remove) {
        for signal in list.retain(&named) {
            edit.changes.push(format!("- {signal}  in {}", list.name));
            touched.insert(at);
        }
    }
    for list in touched.into_iter().map(|at| &lists[at]) {
        edit.files.push((list.name.clone(), list.text()?));
        edit.lines.extend(list.lines());
    }
    Ok(edit)
}

/// Writes a row over a record; whether that changes anything.
fn record_change(list: &mut List, record: usize, row: &Row, columns: &[&str], edit: &mut Edit) -> bool {
    let mut changes = Vec::new();
    for &column in columns {
        let old = list.cell(&list.records[record], column).to_owned();
        let new = row.cell(column);
        if !same(&old, new) {
            list.set(record, column, new);
            changes.push(format!("{column} {} -> {}", shown(&old), shown(new)));
        }
    }
    list.records[record].line = Some(row.line);
    if changes.is_empty() {
        edit.unchanged += 1;
        return false;
    }
    edit.changes.push(format!("~ {}  {}", row.cell("signal"), changes.join(", ")));
    true
}

/// The list that new signals of a link go to.
fn list_of(link: &str, lists: &mut Vec<List>) -> usize {
    let name = format!("tags/{link}.csv");
    let known = lists.iter().position(|list| list.name == name);
    known.unwrap_or_else(|| {
        lists.push(List::new(name));
        lists.len() - 1
    })
}

/// Every column that a list can have.
fn columns() -> Vec<String> {
    write_tags(&[]).trim_end().split(',').map(str::to_owned).collect()
}

fn lists(files: &Files) -> anyhow::Result<Vec<List>> {
    let of_tags = files.iter().filter(|(name, _)| name.starts_with("tags/"));
    of_tags.map(|(name, text)| List::read(name, text).with_context(|| format!("{name} is not CSV"))).collect()
}

/// A tag list, with the columns that its owner has added, and in the order of the owner.
struct List {
    name: String,
    header: Vec<String>,
    records: Vec<Record>,
    terminator: Terminator,
}

struct Record {
    cells: Vec<String>,
    /// The line of the table that speaks of it.
    line: Option<u64>,
}

impl List {
    fn new(name: String) -> Self {
        Self { name, header: columns(), records: Vec::new(), terminator: Terminator::Any(b'\n') }
    }

    fn read(name: &str, text: &str) -> anyhow::Result<Self> {
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
        let header = reader.headers()?.iter().map(str::to_owned).collect();
        let terminator = if text.contains("\r\n") { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let mut list = Self { name: name.to_owned(), header, records: Vec::new(), terminator };
        for record in reader.records() {
            let cells: Vec<String> = record?.iter().map(str::to_owned).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                list.records.push(Record { cells, line: None });
            }
        }
        Ok(list)
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn cell<'a>(&self, record: &'a Record, column: &str) -> &'a str {
        self.column(column).and_then(|column| record.cells.get(column)).map_or("", String::as_str)
    }

    fn find(&self, signal: &str) -> Option<usize> {
        self.records.iter().position(|record| self.cell(record, "signal") == signal)
    }

    /// Sets a cell; a column that the list does not have yet comes to its end.
    fn set(&mut self, record: usize, column: &str, cell: &str) {
        let at = self.column(column).unwrap_or_else(|| {
            self.header.push(column.to_owned());
            self.records.iter_mut().for_each(|record| record.cells.push(String::new()));
            self.header.len() - 1
        });
        cell.clone_into(&mut self.records[record].cells[at]);
    }

    fn push(&mut self, row: &Row, columns: &[&str]) {
        self.records.push(Record { cells: vec![String::new(); self.header.len()], line: Some(row.line) });
        for column in columns.iter().filter(|column| !row.cell(column).is_empty()) {
            self.set(self.records.len() - 1, column, row.cell(column));
        }
    }

    /// Removes every signal but these; which they were.
    fn retain(&mut self, named: &BTreeSet<&str>) -> Vec<String> {
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.records)
            .into_iter()
            .partition(|record| named.contains(self.cell(record, "signal")));
        self.records = kept;
        gone.iter().map(|record| self.cell(record, "signal").to_owned()).collect()
    }

    fn text(&self) -> anyhow::Result<String> {
        let mut writer = WriterBuilder::new().terminator(self.terminator).from_writer(Vec::new());
        writer.write_record(&self.header)?;
        for record in &self.records {
            writer.write_record(&record.cells)?;
        }
        Ok(String::from_utf8(writer.into_inner().context("a list can be written to memory")?)?)
    }

    /// Where the rows of the table come to stand in the text.
    fn lines(&self) -> impl Iterator<Item = (String, u64)> {
        let mut at = 1;
        self.records.iter().filter_map(move |record| {
            at += 1;
            let place = format!("{}:{at}", self.name);
            at += record.cells.iter().flat_map(|cell| cell.bytes()).filter(|&byte| byte == b'\n').count();
            Some((place, record.line?))
        })
    }
}
