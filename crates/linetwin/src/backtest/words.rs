//! How figures of a backtest are put for a person: the table in the terminal and the report say the same.

use contract::{MatchV1, RateV1, SpreadV1};

/// Where nothing can be said.
pub(super) const NOTHING: &str = "-";

/// So many of all.
pub(super) fn share(count: u32, of: u32) -> String {
    if of == 0 { NOTHING.to_owned() } else { format!("{count}/{of}") }
}

/// Minutes: the median, and the range if there is one.
pub(super) fn spread_min(spread: Option<SpreadV1>) -> String {
    let Some(SpreadV1 { min_s, median_s, max_s }) = spread else { return NOTHING.to_owned() };
    let median = format!("{:.1}", median_s / 60.0);
    if min_s == max_s { median } else { format!("{median} ({:.1} to {:.1})", min_s / 60.0, max_s / 60.0) }
}

/// Minutes.
pub(super) fn minutes(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| NOTHING.to_owned(), |seconds| format!("{:.1}", seconds / 60.0))
}

/// How many.
pub(super) fn count(rate: Option<RateV1>) -> String {
    rate.map_or_else(|| NOTHING.to_owned(), |rate| rate.count.to_string())
}

/// How many a shift.
pub(super) fn per_shift(rate: Option<RateV1>) -> String {
    rate.and_then(|rate| rate.per_shift).map_or_else(|| NOTHING.to_owned(), |rate| format!("{rate:.2}"))
}

/// Whether the judged alert of a pair came first, and by how much.
pub(super) fn earlier(pair: &MatchV1) -> String {
    let minutes = pair.earlier_s.abs() / 60.0;
    match pair.earlier_s {
        seconds if seconds > 0.0 => format!("{minutes:.1} min earlier"),
        seconds if seconds < 0.0 => format!("{minutes:.1} min later"),
        _ => "at the same time".to_owned(),
    }
}

/// A noun after its number.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
