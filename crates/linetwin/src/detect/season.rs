//! Days, weeks and other cycles that columns have.

use std::str::FromStr;

use drift::Season;
use jiff::{Span, SpanRelativeTo};
use telemetry::Timestamp;

/// `--season`: how long a cycle is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Period {
    seconds: f64,
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let duration = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        let seconds = duration.map(|duration| duration.as_secs_f64()).ok().filter(|&seconds| seconds > 0.0);
        seconds.map(|seconds| Self { seconds }).ok_or_else(|| format!("{text:?} is no cycle; expected 1d, 1w or 8h"))
    }
}

/// The seasons of each column, one taken out after the other.
pub(super) struct Seasons(Vec<Vec<Season>>);

impl Seasons {
    /// Seasons for so many columns; for those where `has_some` says so.
    pub(super) fn new(periods: &[Period], columns: usize, has_some: impl Fn(usize) -> bool) -> Self {
        let seasons = || periods.iter().filter_map(|period| Season::new(period.seconds)).collect();
        Self((0..columns).map(|place| if has_some(place) { seasons() } else { Vec::new() }).collect())
    }

    /// What is left of a row. A season learns from it where `learns` says so; where not enough is known, nothing is left.
    pub(super) fn take_out(&mut self, row: &mut [f64], at: Timestamp, learns: impl Fn(usize) -> bool) {
        let time_s = at.seconds_since(Timestamp::from_nanos(0));
        for (place, (value, seasons)) in row.iter_mut().zip(&mut self.0).enumerate() {
            let left =
                seasons.iter_mut().try_fold(*value, |value, season| season.observe(time_s, value, learns(place)));
            *value = left.unwrap_or(f64::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("1d", Some(86_400.0)),
            ("1w", Some(604_800.0)),
            ("24h", Some(86_400.0)),
            ("0h", None),
            ("-1d", None),
            ("day", None),
        ] {
            assert_eq!(text.parse::<Period>().ok().map(|period| period.seconds), seconds, "{text}");
        }
    }

    #[test]
    fn a_cycle_is_taken_out_where_there_is_one() {
        let mut seasons = Seasons::new(&[Period { seconds: 4.0 }], 2, |place| place == 0);
        for second in 0..12_i64 {
            let cycle = (second % 4) as f64;
            let mut row = [cycle, cycle];
            seasons.take_out(&mut row, Timestamp::from_millis(1_000 * second), |_| true);
            assert_eq!(row[1], cycle);
            assert!(if second < 4 { row[0].is_nan() } else { row[0] == 0.0 }, "{second}: {row:?}");
        }
    }
}
