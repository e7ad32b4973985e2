use adapter::{BrowseError, BrowsedTag};
use plant::DataType;
use plant_sim::Point;

use crate::source::POINT_PREFIX;

/// What can be browsed.
const PLANT: &str = "simulated://plant";

/// Lists the points of the simulated plant.
///
/// # Errors
/// If the address is not `simulated://plant`.
pub fn browse(address: &str) -> Result<Vec<BrowsedTag>, BrowseError> {
    match address == PLANT {
        true => Ok(plant_sim::points().iter().map(tag).collect()),
        false => Err(BrowseError(format!("{address:?} cannot be browsed; expected {PLANT}"))),
    }
}

fn tag(point: &Point) -> BrowsedTag {
    BrowsedTag {
        signal: point.path.clone(),
        address: format!("{POINT_PREFIX}{}", point.path),
        data_type: data_type(point),
        order: None,
        unit: point.unit.to_owned(),
        description: point.description.clone(),
    }
}

/// The type of a point's value in its unit: at its device it may be a whole number of tenths.
fn data_type(point: &Point) -> DataType {
    match point.data_type {
        "bool" => DataType::Bool,
        "text" => DataType::Text,
        "f32" | "f64" => DataType::F64,
        _ if point.scale != 1.0 => DataType::F64,
        _ => DataType::I64,
    }
}
