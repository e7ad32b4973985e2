//! Which column of an export is which signal of the plant.

use std::path::Path;

use crate::table::{Delimiter, Place, Scan, TableError};

/// A row of a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MapRow {
    /// Where it begins in the file.
    pub(super) byte: u64,
    /// Name of the column; of a long table, the tag.
    pub(super) column: String,
    /// Path of the signal.
    pub(super) signal: String,
    /// The signal's value = cell × `scale` + `offset`. 1 if left out.
    pub(super) scale: f64,
    /// See `scale`; in the signal's unit. 0 if left out.
    pub(super) offset: f64,
}

/// The columns of a map. A description is for its reader.
const COLUMNS: [&str; 5] = ["column", "signal", "scale", "offset", "description"];

/// Reads a map: CSV with commas and a header, as the tag lists of a configuration. Column and signal must be there.
pub(super) fn read(path: &Path) -> Result<(Place, Vec<MapRow>), TableError> {
    let place = Place::new(path);
    let mut scan = Scan::open(&place, Delimiter::COMMA)?;
    if let Some(other) = scan.header().iter().find(|name| !COLUMNS.contains(name)) {
        return Err(place.error(0, "", format!("{other:?} is not a column of a map"), COLUMNS.join(", ")));
    }
    let field = |name: &str| scan.header().iter().position(|field| field == name);
    let (Some(column), Some(signal)) = (field("column"), field("signal")) else {
        return Err(place.error(0, "", "the header lacks column or signal", COLUMNS.join(",")));
    };
    let (scale, offset) = (field("scale"), field("offset"));
    let mut rows = Vec::new();
    while let Some(byte) = scan.read()? {
        let cell = |field: usize| scan.record().get(field).unwrap_or_default().to_owned();
        let number = |name: &str, field: Option<usize>, empty: f64| match field.map(cell) {
            Some(text) if !text.is_empty() => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                number.ok_or_else(|| {
                    place.error(byte, name, format!("{text:?} is not a number"), "a number such as -0.5, or nothing")
                })
            }
            _ => Ok(empty),
        };
        if scan.record().iter().all(str::is_empty) {
            continue;
        }
        let (scale, offset) = (number("scale", scale, 1.0)?, number("offset", offset, 0.0)?);
        if scale == 0.0 {
            let expected = "a number that is not 0, or nothing for 1";
            return Err(place.error(byte, "scale", "0 would make every value the same", expected));
        }
        rows.push(MapRow { byte, column: cell(column), signal: cell(signal), scale, offset });
    }
    Ok((place, rows))
}
