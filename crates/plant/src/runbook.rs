use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::entries::{Entries, read_keys};
use crate::files::{Files, runbook_file};
use crate::keys::StationKeys;
use crate::named::Named;
use crate::problem::{Findings, Place};
use crate::schema;
use crate::tree::{Tree, child};
use crate::{Cause, StationId};

/// What the line's people are told, in each of its languages: cause by cause its title and what to do, and what features
/// are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// In the language of the line.
    pub line: Texts,
    /// In its further languages, in configuration order; each once.
    pub further: Vec<Texts>,
}

/// A runbook in one language. A text that is missing everywhere is stood in for by its stable English name.
#[derive(Debug, Clone, PartialEq)]
pub struct Texts {
    language: String,
    causes: BTreeMap<Cause, Entry>,
    at_stations: BTreeMap<(StationId, Cause), Entry>,
    features: BTreeMap<String, String>,
}

/// What a runbook says of a cause; what it leaves out is said elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title: Option<String>,
    advice: Option<String>,
}

/// The languages whose runbook is part of the program, which is the one in `config/`.
const BUILT_IN: [(&str, &str); 2] =
    [("en", include_str!("../../../config/runbook/en.toml")), ("de", include_str!("../../../config/runbook/de.toml"))];

/// The language of a line that names none.
pub(crate) const ENGLISH: &str = "en";

impl Default for Runbook {
    /// The built-in one in English.
    fn default() -> Self {
        Self::built_in(ENGLISH, &[])
    }
}

impl Runbook {
    /// The built-in one, in those languages. Of a language that is not built in it has only the stable English names.
    pub fn built_in(line: &str, further: &[&str]) -> Self {
        let texts = |language: &str| Texts::new(language, built_in(language).as_slice());
        Self { line: texts(line), further: further.iter().map(|language| texts(language)).collect() }
    }

    /// In every language, that of the line first.
    pub fn texts(&self) -> impl Iterator<Item = &Texts> {
        std::iter::once(&self.line).chain(&self.further)
    }
}

impl Texts {
    /// The code of the language after ISO 639-1, such as `de`.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// A cause as it stands in a sentence, without a capital where the language has none there: "electrode wear".
    pub fn title(&self, cause: Cause, station: Option<StationId>) -> &str {
        self.find(cause, station, |entry| entry.title.as_deref())
    }

    /// What to do about a cause, in one to four sentences.
    pub fn advice(&self, cause: Cause, station: Option<StationId>) -> &str {
        self.find(cause, station, |entry| entry.advice.as_deref())
    }

    /// What a feature is called; its own name if there is no other.
    pub fn feature<'a>(&'a self, name: &'a str) -> &'a str {
        self.features.get(name).map_or(name, String::as_str)
    }

    /// The names of the features that it calls something.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.features.keys().map(String::as_str)
    }

    fn find<'a>(
        &'a self,
        cause: Cause,
        station: Option<StationId>,
        text: impl Fn(&'a Entry) -> Option<&'a str>,
    ) -> &'a str {
        let at_station = station.and_then(|station| text(self.at_stations.get(&(station, cause))?));
        at_station.or_else(|| text(self.causes.get(&cause)?)).unwrap_or(cause.name())
    }

    /// The texts of runbooks of that language; the later ones win.
    fn new(language: &str, books: &[Book]) -> Self {
        let mut texts = Self {
            language: language.to_owned(),
            causes: BTreeMap::new(),
            at_stations: BTreeMap::new(),
            features: BTreeMap::new(),
        };
        for book in books {
            for (name, entry) in &book.causes {
                if let Some(cause) = Cause::by_name(name) {
                    texts.causes.entry(cause).or_default().take_over(entry);
                }
            }
            let features = book.features.iter().map(|(name, title)| (name.clone(), in_one_line(title)));
            texts.features.extend(features);
        }
        texts
    }
}

impl Entry {
    /// Takes over what the other says.
    fn take_over(&mut self, other: &Self) {
        for (own, other) in [(&mut self.title, &other.title), (&mut self.advice, &other.advice)] {
            if let Some(text) = other {
                *own = Some(in_one_line(text));
            }
        }
    }
}

/// A text without line breaks, which a file has for its own readers.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One file of a runbook.
#[derive(Debug, Deserialize)]
struct Book {
    /// By the station's name.
    #[serde(default)]
    station: BTreeMap<String, BTreeMap<String, Entry>>,
    #[serde(default)]
    features: BTreeMap<String, String>,
    /// By the cause's name.
    #[serde(flatten)]
    causes: BTreeMap<String, Entry>,
}

fn built_in(language: &str) -> Option<Book> {
    let (_, text) = BUILT_IN.into_iter().find(|(name, _)| *name == language)?;
    toml::from_str(text).ok()
}

/// The schema of the list of languages; for `#[schemars(schema_with)]`.
pub(crate) fn languages_schema(_: &mut SchemaGenerator) -> Schema {
    let one = json!({ "title": "language code such as de", "type": "string", "pattern": "^[a-z]{2}$" });
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 10, "items": one })
}

/// The JSON Schema of one file of a runbook.
fn book_schema() -> Value {
    let text = json!({ "type": "string" });
    let entry = json!({
        "type": "object",
        "properties": { "title": text, "advice": text },
        "additionalProperties": false,
    });
    let causes: serde_json::Map<String, Value> = Cause::names().map(|name| (name.to_owned(), entry.clone())).collect();
    let at_station = json!({ "type": "object", "properties": causes, "additionalProperties": false });
    let mut schema = at_station.clone();
    schema["properties"]["station"] = json!({ "type": "object", "additionalProperties": at_station });
    schema["properties"]["features"] = json!({ "type": "object", "additionalProperties": text });
    schema
}

/// The runbook of a line in those languages: the built-in one, and over it the files of the configuration.
pub(crate) fn resolve(
    languages: &[String],
    files: &Files,
    stations: &Entries<StationKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> Option<Runbook> {
    let mut all = Vec::new();
    for (index, language) in languages.iter().enumerate() {
        let place = tree.place(&format!("/languages/{index}"));
        if languages[..index].contains(language) {
            findings.add(place, format!("{language:?} is in the list already"), "each language once");
            continue;
        }
        all.extend(read(language, place, files, stations, findings));
    }
    let mut all = all.into_iter();
    Some(Runbook { line: all.next()?, further: all.collect() })
}

/// The runbook in one language.
fn read(
    language: &str,
    place: Place,
    files: &Files,
    stations: &Entries<StationKeys>,
    findings: &mut Findings,
) -> Option<Texts> {
    let file = runbook_file(language);
    let default = built_in(language);
    let Some(text) = files.get(&file) else {
        let Some(default) = default else {
            let names = BUILT_IN.map(|(name, _)| name).join(", ");
            let message = format!("there is no runbook in {language:?}");
            findings.add(place, message, format!("one of {names}, or a file {file} that tells every cause"));
            return None;
        };
        return Some(Texts::new(language, &[default]));
    };
    let own = read_book(&file, text, findings)?;
    let at_stations = at_stations(&own, stations, findings);
    let mut books: Vec<Book> = default.into_iter().collect();
    books.push(own.book);
    let texts = Texts { at_stations, ..Texts::new(language, &books) };
    check_whole(&texts, &file, findings);
    Some(texts)
}

/// A file with the places of what is in it.
struct Read {
    tree: Tree,
    book: Book,
}

fn read_book(file: &str, text: &str, findings: &mut Findings) -> Option<Read> {
    let tree = Tree::of_file(file, text, findings)?;
    schema::check(&tree, &book_schema(), findings);
    let json = tree.json();
    check_texts(&tree, &json, "", findings);
    check_features(&tree, &json, findings);
    let book = read_keys(&json, &tree.place(""), findings)?;
    Some(Read { tree, book })
}

/// An empty text would be told as it is.
fn check_texts(tree: &Tree, json: &Value, pointer: &str, findings: &mut Findings) {
    match json {
        Value::String(text) if text.trim().is_empty() => {
            findings.add(tree.place(pointer), "is empty", "a text, or no such key here");
        }
        Value::Object(table) => {
            for (key, value) in table {
                check_texts(tree, value, &child(pointer, key), findings);
            }
        }
        _ => {}
    }
}

/// The features of all process models are those that the German runbook gives a name to.
fn check_features(tree: &Tree, json: &Value, findings: &mut Findings) {
    let known = built_in("de").map(|book| book.features).unwrap_or_default();
    for name in json["features"].as_object().into_iter().flat_map(|features| features.keys()) {
        if !known.contains_key(name) {
            let place = tree.place(&child("/features", name));
            findings.add_unknown(place, name, "feature", known.keys().map(String::as_str));
        }
    }
}

/// What is told of causes at certain stations only.
fn at_stations(
    own: &Read,
    stations: &Entries<StationKeys>,
    findings: &mut Findings,
) -> BTreeMap<(StationId, Cause), Entry> {
    let mut all = BTreeMap::new();
    for (name, causes) in &own.book.station {
        let place = own.tree.place(&child("/station", name));
        let Some(station) = stations.find(name, place, findings) else { continue };
        for (cause, entry) in causes {
            if let Some(cause) = Cause::by_name(cause) {
                all.entry((StationId(station as u16), cause)).or_insert_with(Entry::default).take_over(entry);
            }
        }
    }
    all
}

/// Nothing may be left untold.
fn check_whole(texts: &Texts, file: &str, findings: &mut Findings) {
    type Text = fn(&Entry) -> &Option<String>;
    let kinds: [(&str, Text); 2] = [("title", |entry| &entry.title), ("advice", |entry| &entry.advice)];
    for (key, text) in kinds {
        let is_missing = |cause: &&Cause| texts.causes.get(cause).is_none_or(|entry| text(entry).is_none());
        let missing: Vec<&str> = Cause::ALL.iter().filter(is_missing).map(|cause| cause.name()).collect();
        if !missing.is_empty() {
            let message = format!("has no {key} for {}", missing.join(", "));
            let expected = format!("every cause in a language that is not built in: \"{}\"", texts.language);
            findings.add(Place::new(file, 0, ""), message, expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where this fails for a new cause, its texts go into `config/runbook/en.toml` and `de.toml`.
    #[test]
    fn every_cause_is_told_in_every_built_in_language() {
        for (language, text) in BUILT_IN {
            let file = runbook_file(language);
            let mut findings = Findings::default();
            let read = read_book(&file, text, &mut findings);
            let texts = Texts::new(language, read.map(|read| read.book).as_slice());
            check_whole(&texts, &file, &mut findings);
            let problems = findings.or(Some(())).map_or_else(|problems| problems.to_string(), |()| String::new());
            assert!(problems.is_empty(), "{problems}");
        }
    }

    #[test]
    fn titles_stand_in_a_sentence_and_advice_is_one_to_four_of_them() {
        for texts in Runbook::built_in("en", &["de"]).texts() {
            for &cause in Cause::ALL {
                let (title, advice) = (texts.title(cause, None), texts.advice(cause, None));
                assert!(!title.ends_with('.') && !title.contains("  "), "{cause}: {title}");
                let sentences = advice.matches(". ").count() + 1;
                assert!(advice.ends_with('.') && sentences <= 4 && !advice.contains("  "), "{cause}: {advice}");
            }
        }
    }
}
