use serde::de::{Deserialize, Deserializer, Error};
use telemetry::Symbol;

use crate::{Cause, DataType, Priority, Role, SheetMaterial, StationKind, StationState, WordOrder};

/// A closed set of things that a configuration chooses from by name.
pub(crate) trait Named: Copy + 'static {
    /// What one of them is, as an error message calls it.
    const WHAT: &'static str;
    fn all() -> &'static [Self];
    fn name(self) -> &'static str;

    fn names() -> impl Iterator<Item = &'static str> {
        Self::all().iter().map(|&item| item.name())
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|item| item.name() == name)
    }
}

macro_rules! named {
    ($($type:ty, $what:literal;)*) => {$(
        impl Named for $type {
            const WHAT: &'static str = $what;
            fn all() -> &'static [Self] { &Self::ALL }
            fn name(self) -> &'static str { self.name() }
        }
    )*};
}

named! {
    StationKind, "station kind";
    Role, "role";
    DataType, "data type";
    WordOrder, "word order";
    SheetMaterial, "material";
    Cause, "cause";
    Priority, "priority";
    StationState, "station state";
}

/// Reads one of a named set; for `#[serde(deserialize_with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Named>(deserializer: D) -> Result<T, D::Error> {
    let name = String::deserialize(deserializer)?;
    T::by_name(&name).ok_or_else(|| D::Error::custom(format!("{name:?} is not a {}", T::WHAT)))
}

/// As [`deserialize`], for what may be left out.
pub(crate) fn deserialize_option<'de, D: Deserializer<'de>, T: Named>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserialize(deserializer).map(Some)
}

/// What names of lines, stations, links and signals are made of, as a regular expression. They become parts of signal
/// paths, MQTT topics, file names and URLs, where anything else has a meaning of its own.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_.-]+$";
/// [`NAME_PATTERN`] in words.
pub(crate) const NAME_WORDS: &str = "name of letters a to z, digits, `-`, `_` and `.`";

/// Whether a text matches [`NAME_PATTERN`].
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Whether a signal can give a text.
pub(crate) fn fits_symbol(text: &str) -> bool {
    Symbol::new(text).is_ok()
}
