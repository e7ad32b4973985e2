use std::fmt;

use crate::Origin;

/// One thing wrong with a configuration: where, what, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it was written.
    pub origin: Origin,
    /// The key, such as `station[2].kind`, or the column of a tag list; empty where the whole file or row is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What was expected; empty where the message says it all.
    pub expected: String,
    /// The valid name nearest to what was written.
    pub nearest: Option<String>,
}

/// As one line: `plant.toml:14: station[2].kind: "spot-wled" is not a station kind; expected one of …`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean {nearest:?}?")?;
        }
        Ok(())
    }
}

/// Everything wrong with a configuration, sorted by file and line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }
}

/// One problem a line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where a piece of configuration is, by file and by key.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) origin: Origin,
    pub(crate) key: String,
}

impl Place {
    pub(crate) fn new(file: &str, line: u32, key: &str) -> Self {
        Self { origin: Origin { file: file.to_owned(), line }, key: key.to_owned() }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Problem>);

impl Findings {
    pub(crate) fn add(&mut self, place: Place, message: impl Into<String>, expected: impl Into<String>) {
        let Place { origin, key } = place;
        self.0.push(Problem { origin, key, message: message.into(), expected: expected.into(), nearest: None });
    }

    /// `name` is none of the `known` names. `what` says what a known name is, such as `station of this plant`.
    pub(crate) fn add_unknown<'a>(
        &mut self,
        place: Place,
        name: &str,
        what: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let mut known: Vec<&str> = known.into_iter().collect();
        known.dedup();
        let likeliest = by_likeness(name, &known);
        let nearest = likeliest.first().filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
        self.0.push(Problem {
            origin: place.origin,
            key: place.key,
            message: format!("{name:?} is not a {what}"),
            expected: choices(&known, &likeliest),
            nearest: nearest.map(|(_, name)| (*name).to_owned()),
        });
    }

    /// Whether a problem was found at this key or below it; everything is below the empty key.
    pub(crate) fn any_at(&self, key: &str) -> bool {
        let is_at =
            |found: &str| found.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.0.iter().any(|problem| key.is_empty() || is_at(&problem.key))
    }

    /// The value, if nothing is wrong.
    pub(crate) fn or<T>(mut self, value: Option<T>) -> Result<T, Problems> {
        self.0.sort();
        self.0.dedup();
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problems(self.0)),
        }
    }
}

/// From this likeness on, between 0 and 1, a known name is offered as what was meant.
const LIKENESS_MIN: f64 = 0.5;
/// Up to this many known names are all listed.
const LISTED_MAX: usize = 12;
/// Of more known names, that many of the likeliest are listed.
const LISTED_OF_MANY: usize = 5;

/// The known names, likeliest first, each with its likeness.
fn by_likeness<'a>(name: &str, known: &[&'a str]) -> Vec<(f64, &'a str)> {
    let name = name.to_lowercase();
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(&name, &known.to_lowercase());
    let mut known: Vec<_> = known.iter().map(|&known| (likeness(known), known)).collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    known
}

fn choices(known: &[&str], likeliest: &[(f64, &str)]) -> String {
    match known.len() {
        0 => "a name that exists, and there are none".to_owned(),
        1 => known.join(""),
        2..=LISTED_MAX => format!("one of {}", known.join(", ")),
        count => {
            let likeliest: Vec<_> = likeliest.iter().take(LISTED_OF_MANY).map(|(_, name)| *name).collect();
            format!("one of {count}, such as {}", likeliest.join(", "))
        }
    }
}
