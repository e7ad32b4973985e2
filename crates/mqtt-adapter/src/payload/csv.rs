//! Rows of CSV, with a header in each message or columns that the configuration names.

use adapter::rows::Form;
use plant::Signal;

use super::{Message, Reading, Told, fields};
use crate::topic::Filter;

/// What follows the topic in an address: the name of a column.
pub(super) fn column(_: &Signal, rest: Option<&str>) -> Result<String, String> {
    match rest.map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err("names no column; expected TOPIC#COLUMN, such as ev1/leak-80#rate".to_owned()),
    }
}

pub(super) fn read(filters: &[&Filter<String>], form: &Form, message: Message<'_>, told: &mut Told) -> Reading {
    let Ok(text) = str::from_utf8(message.payload) else {
        return message.malformed(filters, "CSV in UTF-8", told);
    };
    let columns = fields(filters).map(|field| (&field.signal, field.at.as_str()));
    match form.read(text, columns) {
        Ok(read) => Reading { batches: read.rows, unusable: read.unusable },
        Err(problem) => message.malformed(filters, &format!("rows of CSV, but {problem}"), told),
    }
}
