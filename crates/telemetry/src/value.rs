use std::fmt;

use serde::{Deserialize, Serialize};

/// A short text, stored in place: part serial, variant, state code. At most [`Symbol::MAX_BYTES`] bytes of UTF-8.
///
/// It is not interned, because the set of part serials has no bound and a table of them would grow for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbol {
    bytes: [u8; Self::MAX_BYTES],
    len: u8,
}

/// A text of more than [`Symbol::MAX_BYTES`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolTooLong {
    /// The length of the refused text in bytes.
    pub bytes: usize,
}

impl Symbol {
    /// The longest text a symbol holds, in bytes. A VIN has 17; the battery codes of GB/T 34014 have 24.
    pub const MAX_BYTES: usize = 30;

    /// The symbol of a text.
    ///
    /// # Errors
    /// If the text is longer than [`Self::MAX_BYTES`].
    pub fn new(text: &str) -> Result<Self, SymbolTooLong> {
        let mut bytes = [0; Self::MAX_BYTES];
        let Some(place) = bytes.get_mut(..text.len()) else {
            return Err(SymbolTooLong { bytes: text.len() });
        };
        place.copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: text.len() as u8 })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for SymbolTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of {} bytes; at most {} fit", self.bytes, Symbol::MAX_BYTES)
    }
}

impl std::error::Error for SymbolTooLong {}

/// What a signal was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A measurement, in the signal's configured unit.
    Float(f64),
    /// A count or a code.
    Integer(i64),
    /// A condition.
    Boolean(bool),
    /// A short text.
    Symbol(Symbol),
}

impl Value {
    /// The value as a number: booleans are 0 and 1; a symbol and a non-finite float are `None`.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Float(number) => number.is_finite().then_some(number),
            Self::Integer(number) => Some(number as f64),
            Self::Boolean(condition) => Some(f64::from(u8::from(condition))),
            Self::Symbol(_) => None,
        }
    }

    /// The value as a condition: a number is true unless it is 0; a symbol is `None`.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Boolean(condition) => Some(condition),
            other => other.as_f64().map(|number| number != 0.0),
        }
    }
}

/// As a person writes it; a symbol without quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(number) => number.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(condition) => condition.fmt(f),
            Self::Symbol(symbol) => symbol.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_holds_its_text_or_refuses_it() {
        let longest = "x".repeat(Symbol::MAX_BYTES);
        assert_eq!(Symbol::new(&longest).map(|symbol| symbol.to_string()), Ok(longest.clone()));
        assert_eq!(Symbol::new(&(longest + "y")), Err(SymbolTooLong { bytes: Symbol::MAX_BYTES + 1 }));
        assert_eq!(Symbol::new("Träger").map(|symbol| symbol.to_string()), Ok("Träger".to_owned()));
    }

    #[test]
    fn a_non_finite_number_is_no_number() {
        assert_eq!(Value::Float(f64::NAN).as_f64(), None);
        assert_eq!(Value::Float(f64::INFINITY).as_bool(), None);
        assert_eq!(Value::Integer(-2).as_bool(), Some(true));
    }

    #[test]
    fn a_value_stays_small() {
        assert_eq!(std::mem::size_of::<Value>(), 32);
    }
}
