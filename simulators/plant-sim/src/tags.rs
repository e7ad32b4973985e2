use crate::board::Board;
use crate::plant::build_stations;
use crate::{Point, SimLink};

/// Every point that the plant offers, by [`crate::PointId`].
pub fn points() -> Vec<Point> {
    let mut board = Board::default();
    build_stations(&mut board, 0);
    board.points().to_vec()
}

/// The tag lists of the example configuration: file name and text of each, one per link.
pub fn tag_list() -> Vec<(String, String)> {
    let points = points();
    let list = |link: SimLink| (format!("{}.csv", link.name()), csv_of(&points, link));
    SimLink::ALL.map(list).into()
}

fn csv_of(points: &[Point], link: SimLink) -> String {
    const HEADER: &str = "signal,role,link,address,type,order,unit,scale,offset,low,high,stale_after_s,description";
    let header = [&[HEADER], own_columns(link)].concat().join(",") + "\n";
    points.iter().filter(|point| point.link == link).fold(header, |text, point| text + &row(point))
}

/// The columns that only the protocol of a link has a use for.
fn own_columns(link: SimLink) -> &'static [&'static str] {
    match link {
        SimLink::WeldPlc => &["poll"],
        SimLink::PackOpcua => &["sampling_ms", "queue", "deadband"],
        SimLink::UtilitiesMqtt => &[],
    }
}

/// What stands in them: of a curve nothing may be lost, whatever the link says.
fn own_cells(point: &Point) -> &'static str {
    match point.link {
        SimLink::WeldPlc => ",",
        SimLink::PackOpcua if point.role.ends_with("_trace") => ",250,16,0",
        SimLink::PackOpcua => ",,,",
        SimLink::UtilitiesMqtt => "",
    }
}

/// A row of the list. No field of the plant's points has a comma or a quote.
fn row(point: &Point) -> String {
    let Point { path, role, link, address, data_type, order, unit, scale, range, description } = point;
    let scale = if *scale == 1.0 { String::new() } else { scale.to_string() };
    let (low, high) = range.map_or_else(Default::default, |(low, high)| (low.to_string(), high.to_string()));
    // A loop flows day and night; what else there is may rest.
    let stale_after_s = if role.starts_with("loop.") { "60" } else { "" };
    let (link, own_cells) = (link.name(), own_cells(point));
    format!(
        "{path},{role},{link},{address},{data_type},{order},{unit},{scale},,{low},{high},{stale_after_s},\
         {description}{own_cells}\n"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// `UPDATE=1 cargo test -p plant-sim` rewrites the files.
    #[test]
    fn the_example_configuration_has_these_lists() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/tags");
        for (name, text) in tag_list() {
            let file = folder.join(&name);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let found = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(found == text, "config/tags/{name} is not what the plant offers; run with UPDATE=1 to rewrite it");
        }
    }

    #[test]
    fn every_row_has_as_many_plain_fields_as_its_header_and_every_address_one_point() {
        for (name, text) in tag_list() {
            let columns = text.lines().next().unwrap().split(',').count();
            let addresses: BTreeSet<&str> = text.lines().map(|line| line.split(',').nth(3).unwrap()).collect();
            assert_eq!(addresses.len(), text.lines().count(), "{name}");
            for line in text.lines() {
                assert_eq!(line.split(',').count(), columns, "{line}");
                assert!(!line.contains('"'), "{line}");
            }
        }
    }
}
