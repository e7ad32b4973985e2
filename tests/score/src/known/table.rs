use std::path::Path;

use anyhow::Context;

/// A table of known answers, as text, because the digits printed tell how far a number was rounded.
pub(super) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A row of a table.
pub(super) struct Row<'a> {
    headers: &'a [String],
    cells: &'a [String],
}

/// A number, and by how much rounding may have moved it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printed {
    pub(super) value: f64,
    pub(super) rounding: f64,
}

impl Table {
    pub(super) fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name).with_extension("csv");
        let mut reader = csv::Reader::from_path(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<String>>();
        let headers = text(reader.headers()?);
        let rows = reader.records().map(|record| Ok(text(&record?))).collect::<Result<_, csv::Error>>()?;
        Ok(Self { headers, rows })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { headers: &self.headers, cells })
    }
}

impl Row<'_> {
    /// The cell of the column with that heading, or, if there is none, of the first whose heading begins so.
    pub(super) fn text(&self, heading: &str) -> anyhow::Result<&str> {
        let exact = self.headers.iter().position(|header| header == heading);
        let column = exact.or_else(|| self.headers.iter().position(|header| header.starts_with(heading)));
        let cell = column.and_then(|column| self.cells.get(column));
        cell.map(String::as_str).with_context(|| format!("no column {heading}"))
    }

    pub(super) fn printed(&self, heading: &str) -> anyhow::Result<Printed> {
        let text = self.text(heading)?;
        let value = text.parse().with_context(|| format!("column {heading}: {text} is not a number"))?;
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        Ok(Printed { value, rounding: 0.5 * 10f64.powi(-(decimals as i32)) })
    }

    pub(super) fn number(&self, heading: &str) -> anyhow::Result<f64> {
        Ok(self.printed(heading)?.value)
    }
}
