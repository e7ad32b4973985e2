/// Halvings of an interval: as many as the digits of a number can bear.
const HALVINGS: u32 = 60;
/// Steps of a search that is left as soon as it is near enough; eight or so are needed.
const STEPS_MAX: usize = 60;

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

/// Where `excess`, which rises and is nearly straight, is within `tolerance` of 0, between two places where it is known:
/// `(place, excess)`, below 0 and above. For what takes long to work out.
///
/// The Illinois variant of false position: M. Dowell and P. Jarratt, BIT 11 (1971) 168.
pub(crate) fn false_position(
    (mut low, mut low_excess): (f64, f64),
    (mut high, mut high_excess): (f64, f64),
    tolerance: f64,
    excess: impl Fn(f64) -> f64,
) -> f64 {
    let mut was_low = None;
    for _ in 0..STEPS_MAX {
        let middle = low - low_excess * (high - low) / (high_excess - low_excess);
        let middle_excess = excess(middle);
        if middle_excess.abs() < tolerance {
            return middle;
        }
        let is_low = middle_excess < 0.0;
        if is_low {
            (low, low_excess) = (middle, middle_excess);
            high_excess *= if was_low == Some(true) { 0.5 } else { 1.0 };
        } else {
            (high, high_excess) = (middle, middle_excess);
            low_excess *= if was_low == Some(false) { 0.5 } else { 1.0 };
        }
        was_low = Some(is_low);
    }
    high
}
