use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::problem::{Findings, Place};
use crate::tree::Tree;

/// A list of `plant.toml`, such as the stations. A broken entry stays as a gap with its name, so that the sound ones can
/// be checked against each other in the same run.
pub(crate) struct Entries<T> {
    what: &'static str,
    entries: Vec<Entry<T>>,
}

/// One entry of a list.
pub(crate) struct Entry<T> {
    /// JSON pointer to the entry, such as `/station/2`.
    pub(crate) pointer: String,
    /// Where it was written.
    pub(crate) place: Place,
    /// Its name; empty if it has none.
    pub(crate) name: String,
    /// Its keys, unless they are broken.
    pub(crate) keys: Option<T>,
}

impl<T: DeserializeOwned> Entries<T> {
    /// The list of that key. `what` says what an entry is, such as `station`.
    pub(crate) fn read(
        tree: &Tree,
        json: &serde_json::Value,
        key: &str,
        what: &'static str,
        findings: &mut Findings,
    ) -> Self {
        let read_one = |(index, value): (usize, &serde_json::Value)| {
            let pointer = format!("/{key}/{index}");
            let place = tree.place(&pointer);
            let name = value["name"].as_str().unwrap_or_default().to_owned();
            Entry { keys: read_keys(value, &place, findings), pointer, place, name }
        };
        let entries = json[key].as_array().into_iter().flatten().enumerate().map(read_one).collect();
        Self { what, entries }
    }
}

/// The keys at a place, unless they are broken. The schema has said so then; if it has not, this does.
pub(crate) fn read_keys<T: DeserializeOwned>(
    value: &serde_json::Value,
    place: &Place,
    findings: &mut Findings,
) -> Option<T> {
    match T::deserialize(value) {
        Ok(keys) => Some(keys),
        Err(error) => {
            if !findings.any_at(&place.key) {
                findings.add(place.clone(), error.to_string(), "");
            }
            None
        }
    }
}

impl<T> Entries<T> {
    /// All entries, broken ones too.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = Entry<T>> {
        self.entries.into_iter()
    }

    /// All entries, broken ones too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<T>> {
        self.entries.iter()
    }

    /// The entries that are not broken, with their indices.
    pub(crate) fn sound(&self) -> impl Iterator<Item = (usize, &Entry<T>, &T)> {
        self.entries.iter().enumerate().filter_map(|(index, entry)| Some((index, entry, entry.keys.as_ref()?)))
    }

    /// The entry at an index.
    pub(crate) fn get(&self, index: usize) -> Option<&Entry<T>> {
        self.entries.get(index)
    }

    /// How many entries there are, broken ones too.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The index of the entry that is named at a place; reports a name that does not exist.
    pub(crate) fn find(&self, name: &str, place: Place, findings: &mut Findings) -> Option<usize> {
        let index = self.entries.iter().position(|entry| entry.name == name);
        if index.is_none() {
            let known = self.entries.iter().map(|entry| entry.name.as_str()).filter(|known| !known.is_empty());
            findings.add_unknown(place, name, &format!("{} of this plant", self.what), known);
        }
        index
    }

    /// Reports names that stand twice.
    pub(crate) fn check_unique_names(&self, tree: &Tree, findings: &mut Findings) {
        let mut first: BTreeMap<&str, &Entry<T>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.name.is_empty()) {
            if let Some(other) = first.get(entry.name.as_str()) {
                let place = tree.place(&format!("{}/name", entry.pointer));
                let message =
                    format!("{:?} is already the name of {}, {}", entry.name, other.place.key, other.place.origin);
                findings.add(place, message, "a name of its own");
            } else {
                first.insert(&entry.name, entry);
            }
        }
    }
}
