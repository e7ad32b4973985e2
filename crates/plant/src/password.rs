use std::fmt;
use std::path::PathBuf;

/// Where a password is. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Text(String),
    /// The first line of a file.
    File(PathBuf),
}

impl Password {
    /// The one of two keys that is set; an empty password if neither is.
    pub(crate) fn of(text: Option<String>, file: Option<PathBuf>) -> Self {
        file.map_or_else(|| Self::Text(text.unwrap_or_default()), Self::File)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => write!(f, "Text(…)"),
            Self::File(file) => write!(f, "File({file:?})"),
        }
    }
}
