/// Halvings of an interval: as many as the digits of a number can bear.
const HALVINGS: u32 = 60;

/// Where `too_low` turns from true to false between `low` and `high`, the nearer of the two if it does not.
pub(crate) fn bisect(mut low: f64, mut high: f64, too_low: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if too_low(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
