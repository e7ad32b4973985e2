//! What a cell of a table is: a number, a condition or a text.

use std::str::FromStr;

/// The mark between the whole part of a number and its fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "point" => Ok(Self::Point),
            "comma" => Ok(Self::Comma),
            _ => Err(format!("{text:?} is no decimal mark; expected point or comma")),
        }
    }
}

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Without a fraction.
    Integer(i64),
    /// Any other; may be infinite or not a number.
    Float(f64),
}

impl Number {
    /// The number in a cell, if there is one. Digits that begin with a zero, such as `000317`, are a serial and no number.
    pub fn read(cell: &str, decimal: Decimal) -> Option<Self> {
        if is_serial(cell) {
            return None;
        }
        if let Ok(integer) = cell.parse() {
            return Some(Self::Integer(integer));
        }
        match decimal {
            Decimal::Point => cell.parse().ok().map(Self::Float),
            Decimal::Comma if cell.contains('.') => None,
            Decimal::Comma => cell.replacen(',', ".", 1).parse().ok().map(Self::Float),
        }
    }

    /// The number as a float; an integer beyond 2⁵³ is rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

fn is_serial(cell: &str) -> bool {
    cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|byte| byte.is_ascii_digit())
}

/// The condition in a cell: `true` or `false` in any case.
pub fn condition(cell: &str) -> Option<bool> {
    match cell {
        _ if cell.eq_ignore_ascii_case("true") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// What a cell looks like while the file's decimal mark is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Digits with a sign or without.
    Integer,
    /// A number with an exponent only, or with more digits than an integer holds.
    Float,
    /// A number with a decimal point.
    Point,
    /// A number with a decimal comma.
    Comma,
    /// Such as `1,234`: a decimal comma, or thousands.
    CommaOrThousands,
    /// `NaN`, `inf` and the like.
    NotFinite,
    /// `true` or `false`.
    Condition,
    /// Anything else.
    Text,
}

impl Shape {
    /// Every shape, in the order of their discriminants.
    pub(super) const ALL: [Self; 8] = [
        Self::Integer,
        Self::Float,
        Self::Point,
        Self::Comma,
        Self::CommaOrThousands,
        Self::NotFinite,
        Self::Condition,
        Self::Text,
    ];

    /// The shape of a cell that is not empty. With a decimal mark given, numbers with the other one are texts.
    pub(super) fn of(cell: &str, given: Option<Decimal>) -> Self {
        let as_point =
            || Number::read(cell, Decimal::Point).filter(|_| given != Some(Decimal::Comma) || !has(cell, '.'));
        let as_comma = || Number::read(cell, Decimal::Comma).filter(|_| given != Some(Decimal::Point));
        match as_point().or_else(as_comma) {
            Some(Number::Integer(_)) => Self::Integer,
            Some(Number::Float(float)) if !float.is_finite() => Self::NotFinite,
            Some(Number::Float(_)) if has(cell, '.') => Self::Point,
            Some(Number::Float(_)) if given.is_none() && may_be_thousands(cell) => Self::CommaOrThousands,
            Some(Number::Float(_)) if has(cell, ',') => Self::Comma,
            Some(Number::Float(_)) => Self::Float,
            None if condition(cell).is_some() => Self::Condition,
            None => Self::Text,
        }
    }
}

fn has(cell: &str, mark: char) -> bool {
    cell.contains(mark)
}

/// One to three digits, not a zero first, a comma and three digits.
fn may_be_thousands(cell: &str) -> bool {
    let Some((whole, fraction)) = cell.trim_start_matches(['-', '+']).split_once(',') else { return false };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(whole.len(), 1..=3)
        && !whole.starts_with('0')
        && fraction.len() == 3
        && is_digits(whole)
        && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_what_a_person_would_read() {
        for (cell, expected) in [
            ("-12", Shape::Integer),
            ("0", Shape::Integer),
            ("000317", Shape::Text),
            ("99999999999999999999", Shape::Float),
            ("1e5", Shape::Float),
            ("1.5e-3", Shape::Point),
            (".5", Shape::Point),
            ("1,5", Shape::Comma),
            ("0,123", Shape::Comma),
            ("-12,3456", Shape::Comma),
            ("1,234", Shape::CommaOrThousands),
            ("+999,000", Shape::CommaOrThousands),
            ("1,234,567", Shape::Text),
            ("1.234,5", Shape::Text),
            ("1,234.5", Shape::Text),
            ("NaN", Shape::NotFinite),
            ("-inf", Shape::NotFinite),
            ("TRUE", Shape::Condition),
            ("ev-std", Shape::Text),
            ("12 kN", Shape::Text),
            (",", Shape::Text),
        ] {
            assert_eq!(Shape::of(cell, None), expected, "{cell}");
        }
    }

    #[test]
    fn a_given_mark_leaves_no_doubt() {
        assert_eq!(Shape::of("1,234", Some(Decimal::Comma)), Shape::Comma);
        assert_eq!(Shape::of("1,234", Some(Decimal::Point)), Shape::Text);
        assert_eq!(Shape::of("1.5", Some(Decimal::Comma)), Shape::Text);
        assert_eq!(Number::read("1,5", Decimal::Comma), Some(Number::Float(1.5)));
        assert_eq!(Number::read("1.5", Decimal::Comma), None);
        assert_eq!(Number::read("-7", Decimal::Comma), Some(Number::Integer(-7)));
    }
}
