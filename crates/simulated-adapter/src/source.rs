use plant_sim::{Point, PointId};

use crate::wave::Wave;

/// What a tag's address names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A point of the simulated plant.
    Point(PointId),
    /// A wave.
    Wave(Wave),
}

/// What comes before the path of a point.
pub(crate) const POINT_PREFIX: &str = "plant:";

impl Source {
    /// The source of an address; the points are those of the plant.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub(crate) fn parse(address: &str, points: &[Point]) -> Result<Self, String> {
        let Some(path) = address.strip_prefix(POINT_PREFIX) else {
            return Wave::parse(address).map(Self::Wave);
        };
        let found = (0..).zip(points).find(|(_, point)| point.path == path);
        found.map(|(id, _)| Self::Point(PointId(id))).ok_or_else(|| {
            "names no point of the simulated plant; `linetwin browse simulated://plant` lists them".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_by_its_path() {
        let points = plant_sim::points();
        let last = points.last().map(|point| format!("{POINT_PREFIX}{}", point.path)).unwrap_or_default();
        assert_eq!(Source::parse(&last, &points), Ok(Source::Point(PointId(points.len() as u32 - 1))));
        let refused = Source::parse("plant:weld-20/no-such", &points);
        assert!(refused.as_ref().is_err_and(|problem| problem.contains("browse simulated://plant")), "{refused:?}");
    }
}
