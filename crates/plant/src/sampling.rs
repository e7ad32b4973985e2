//! How an OPC UA server looks at one value: what a tag says other than its link.

use std::str::FromStr;

/// How an OPC UA server is to look at one value; what is not set is as its link says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sampling {
    /// How often the server looks, seconds; 0 asks for its fastest.
    pub interval_s: Option<f64>,
    /// How many values the server keeps between two publishings.
    pub queue_size: Option<u32>,
    /// The smallest change that the server is to tell.
    pub deadband: Option<Deadband>,
}

/// A change that is not larger than this is not worth telling. Of numbers only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Deadband {
    /// Every change is told.
    None,
    /// In the signal's unit.
    Absolute(f64),
    /// Percent of the range that the server states for the value, its property EURange.
    Percent(f64),
}

/// What a deadband looks like, in words.
pub(crate) const DEADBAND_WORDS: &str = "a number such as 0.5 in the signal's unit, or percent of its range such as 2%";

impl FromStr for Deadband {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, is_percent) = match text.trim_end().strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text, false),
        };
        match number.parse::<f64>() {
            Ok(0.0) => Ok(Self::None),
            Ok(percent) if is_percent && percent > 0.0 && percent <= 100.0 => Ok(Self::Percent(percent)),
            Ok(value) if !is_percent && value > 0.0 && value.is_finite() => Ok(Self::Absolute(value)),
            _ => Err(format!("{text:?} is no deadband; expected {DEADBAND_WORDS}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Deadband>) {
        assert_eq!(text.parse().ok(), expected, "{text}");
    }

    #[test]
    fn a_deadband_is_a_number_or_percent() {
        check("0.5", Some(Deadband::Absolute(0.5)));
        check("2%", Some(Deadband::Percent(2.0)));
        check("2.5 %", Some(Deadband::Percent(2.5)));
        check("0", Some(Deadband::None));
        check("0%", Some(Deadband::None));
        for wrong in ["", "%", "-1", "101%", "-2%", "inf", "nan", "2 K"] {
            check(wrong, None);
        }
    }
}
