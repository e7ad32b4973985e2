/// Magnitudes beyond this are no measurements; their squares would not be numbers.
const MAGNITUDE_MAX: f64 = 1e100;

/// Whether a number can be a measurement: it is one, and not beyond 1e100. Whatever else comes changes nothing.
pub fn is_measurement(number: f64) -> bool {
    number.abs() <= MAGNITUDE_MAX
}
