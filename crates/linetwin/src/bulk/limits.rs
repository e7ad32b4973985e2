//! The process limits of `plant.toml` as one table.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use csv::WriterBuilder;
use plant::Files;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::sheet::{Row, Sheet};
use super::{Edit, same, shown};
use crate::setup::Setup;

/// The columns of the table: what names a limit, the limit, and the unit of both for who reads it.
const COLUMNS: [&str; 5] = ["signal", "variant", "low", "high", "unit"];
const BOUNDS: [&str; 2] = ["low", "high"];
/// The files that may hold limits; new ones go to the first.
const FILES: [&str; 2] = ["plant.toml", "linetwin.toml"];

/// All limits, in the order of the configuration.
pub(super) fn export(setup: &Setup) -> anyhow::Result<String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for limit in &setup.plant.limits {
        let signal = setup.plant.signal(limit.signal);
        let variant = limit.variant.map_or("", |variant| &setup.plant.variants[variant].name);
        let [low, high] =
            [limit.low, limit.high].map(|bound| bound.map_or_else(String::new, |bound| bound.to_string()));
        writer.write_record([&signal.path, variant, &low, &high, &signal.unit])?;
    }
    Ok(String::from_utf8(writer.into_inner().context("limits can be written to memory")?)?)
}

/// What a table changes. Comments and all else in the file stay as they are.
pub(super) fn import(files: &Files, sheet: &Sheet, remove: bool) -> anyhow::Result<Edit> {
    let columns = sheet.columns_of(&COLUMNS)?;
    let (name, mut document) = document(files)?;
    let before = document.to_string();
    let item = document.entry("limit").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(limits) = item.as_array_of_tables_mut() else {
        bail!("{name}: the limits are written as one list; expected a table [[limit]] for each, to change them here")
    };
    let mut edit = Edit { files: Vec::new(), changes: Vec::new(), unchanged: 0, lines: BTreeMap::new() };
    let mut named = BTreeSet::new();
    for row in &sheet.rows {
        let place = format!("{}:{}", sheet.name, row.line);
        ensure!(!row.cell("signal").is_empty(), "{place}: there is no signal; expected its path, station/name");
        let is_new = named.insert((row.cell("signal"), row.cell("variant")));
        ensure!(is_new, "{place}: limits the same as a row above; expected one for each signal and variant");
        change(limits, row, &columns, &place, &mut edit)?;
    }
    if remove {
        remove_others(limits, &named, &mut edit);
    }
    // Where each came to stand is known only now.
    for row in &sheet.rows {
        let key = (row.cell("signal"), row.cell("variant"));
        if let Some(at) = limits.iter().position(|limit| key_of(limit) == key) {
            edit.lines.insert(format!("limit[{at}]"), row.line);
        }
    }
    if limits.is_empty() {
        document.remove("limit");
    }
    let after = document.to_string();
    if after != before {
        edit.files.push((name.to_owned(), after));
    }
    Ok(edit)
}

/// The file that holds the limits.
fn document(files: &Files) -> anyhow::Result<(&'static str, DocumentMut)> {
    let mut first = None;
    for name in FILES {
        let Some((_, text)) = files.iter().find(|(file, _)| *file == name) else { continue };
        let document: DocumentMut = text.parse().with_context(|| format!("{name} is not TOML"))?;
        if document.contains_key("limit") {
            return Ok((name, document));
        }
        first = first.or(Some((name, document)));
    }
    first.with_context(|| format!("there is no {}", FILES[0]))
}

/// Changes a limit as a row says, or adds it.
fn change(limits: &mut ArrayOfTables, row: &Row, columns: &[&str], place: &str, edit: &mut Edit) -> anyhow::Result<()> {
    let key = (row.cell("signal"), row.cell("variant"));
    let known = limits.iter().position(|limit| key_of(limit) == key);
    let mut added = Table::new();
    let limit = match known.and_then(|at| limits.get_mut(at)) {
        Some(limit) => limit,
        None => {
            added.decor_mut().set_prefix("\n");
            added["signal"] = value(key.0);
            if !key.1.is_empty() {
                added["variant"] = value(key.1);
            }
            &mut added
        }
    };
    let mut changes = Vec::new();
    for bound in BOUNDS.into_iter().filter(|bound| columns.contains(bound)) {
        let (old, new) = (number_in(limit, bound), row.cell(bound));
        if !same(&old, new) {
            set(limit, bound, new, place)?;
            changes.push(format!("{bound} {} -> {}", shown(&old), shown(new)));
        }
    }
    let name = name_of(key);
    match (known, changes.is_empty()) {
        (Some(_), true) => edit.unchanged += 1,
        (Some(_), false) => edit.changes.push(format!("~ {name}  {}", changes.join(", "))),
        (None, _) => {
            limits.push(added);
            edit.changes.push(format!("+ {name}  {}", changes.join(", ")));
        }
    }
    Ok(())
}

/// Removes the limits that the table does not name. What is written above the first is of all of them and stays.
fn remove_others(limits: &mut ArrayOfTables, named: &BTreeSet<(&str, &str)>, edit: &mut Edit) {
    for at in (0..limits.len()).rev() {
        let Some(limit) = limits.get(at).filter(|limit| !named.contains(&key_of(limit))) else { continue };
        edit.changes.push(format!("- {}", name_of(key_of(limit))));
        let above = limit.decor().prefix().cloned().filter(|_| at == 0);
        limits.remove(at);
        if let Some((above, next)) = above.zip(limits.get_mut(0)) {
            next.decor_mut().set_prefix(above);
        }
    }
}

fn key_of(limit: &Table) -> (&str, &str) {
    let text = |key| limit.get(key).and_then(Item::as_str).unwrap_or_default();
    (text("signal"), text("variant"))
}

fn name_of((signal, variant): (&str, &str)) -> String {
    if variant.is_empty() { signal.to_owned() } else { format!("{signal} of {variant}") }
}

fn number_in(limit: &Table, bound: &str) -> String {
    let number =
        limit.get(bound).and_then(|bound| bound.as_float().or_else(|| bound.as_integer().map(|whole| whole as f64)));
    number.map_or_else(String::new, |number| number.to_string())
}

/// Sets a bound, or takes it away. A comment behind it stays.
fn set(limit: &mut Table, bound: &str, cell: &str, place: &str) -> anyhow::Result<()> {
    if cell.is_empty() {
        limit.remove(bound);
        return Ok(());
    }
    let number: f64 = cell.parse().ok().filter(|number: &f64| number.is_finite()).with_context(|| {
        format!("{place}: {bound}: {cell:?} is not a number; expected a number such as 48.5, or nothing")
    })?;
    let mut new = toml_edit::Value::from(number);
    if let Some(old) = limit.get(bound).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    limit[bound] = Item::Value(new);
    Ok(())
}
