//! Whatever is written in the files: no panic, and what loads is consistent.
#![allow(clippy::unwrap_used)]

mod fixture;

use std::path::Path;

use fixture::files;
use plant::{Configuration, Files, Overrides, Plant, load, schema};
use proptest::prelude::*;
use proptest::sample::Index;

/// A change to one file.
#[derive(Debug, Clone)]
enum Mutation {
    DeleteLine(Index),
    RepeatLine(Index),
    SwapCharacters(Index, Index),
    Replace(Index, String),
    Insert(Index, String),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    let token =
        "[\\[\\]{}=.,#/\"'\n 0-9a-z-]{1,6}|\\PC{1,3}|\\[\\[link\\]\\]|nan|-1|1e400|99999999999999999999|0x7f|\\x00";
    prop_oneof![
        index().prop_map(Mutation::DeleteLine),
        index().prop_map(Mutation::RepeatLine),
        (index(), index()).prop_map(|(one, other)| Mutation::SwapCharacters(one, other)),
        (index(), token).prop_map(|(at, text)| Mutation::Replace(at, text)),
        (index(), token).prop_map(|(at, text)| Mutation::Insert(at, text)),
        index().prop_map(Mutation::Truncate),
    ]
}

fn mutated(text: &str, mutation: &Mutation) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut signs: Vec<char> = text.chars().collect();
    if signs.is_empty() {
        return String::new();
    }
    match mutation {
        Mutation::DeleteLine(at) => {
            lines.remove(at.index(lines.len()));
            return lines.concat();
        }
        Mutation::RepeatLine(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at]);
            return lines.concat();
        }
        Mutation::SwapCharacters(one, other) => {
            let (one, other) = (one.index(signs.len()), other.index(signs.len()));
            signs.swap(one, other);
        }
        Mutation::Replace(at, by) => {
            let at = at.index(signs.len());
            signs.splice(at..=at, by.chars());
        }
        Mutation::Insert(at, what) => {
            let at = at.index(signs.len());
            signs.splice(at..at, what.chars());
        }
        Mutation::Truncate(at) => signs.truncate(at.index(signs.len())),
    }
    signs.into_iter().collect()
}

fn check_mutations(files: &Files, mutations: &[(Index, Mutation)]) {
    let mut pairs: Vec<(String, String)> =
        files.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    for (file, mutation) in mutations {
        let file = file.index(pairs.len());
        pairs[file].1 = mutated(&pairs[file].1, mutation);
    }
    let files = Files::from_pairs(pairs);
    match load(&files, &Overrides::default()) {
        Ok(Configuration { plant, .. }) => check_consistent(&plant),
        Err(problems) => {
            assert_ne!(problems.iter().len(), 0);
            let again = load(&files, &Overrides::default()).unwrap_err();
            assert_eq!(problems, again, "the same files have the same problems");
        }
    }
}

fn check_consistent(plant: &Plant) {
    assert!(plant.links.iter().enumerate().all(|(index, link)| link.id.index() == index));
    assert!(plant.stations.iter().enumerate().all(|(index, station)| station.id.index() == index));
    assert!(plant.signals.iter().enumerate().all(|(index, signal)| signal.id.index() == index));
    for signal in &plant.signals {
        let station = plant.station(signal.station);
        assert_eq!(signal.path.split_once('/').unwrap().0, station.name);
        assert!(signal.link.index() < plant.links.len());
        assert!(signal.scale.is_finite() && signal.scale != 0.0 && signal.offset.is_finite());
    }
    assert!(plant.signals.is_sorted_by(|a, b| (a.station, &a.path) < (b.station, &b.path)));
    for station in &plant.stations {
        for &other in station.upstream.iter().chain(&station.utilities) {
            assert_ne!(plant.station(other).name, station.name);
        }
    }
    for group in &plant.redundant {
        assert!(group.signals.len() >= 2);
        assert!(group.signals.iter().all(|&signal| plant.signal(signal).station == group.station));
    }
    for limit in &plant.limits {
        assert!(limit.signal.index() < plant.signals.len());
        assert!(limit.variant.is_none_or(|variant| variant < plant.variants.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_small_plant_never_panics(
        mutations in prop::collection::vec((any::<Index>(), mutation()), 1..4),
    ) {
        check_mutations(&files(), &mutations);
    }

    #[test]
    fn an_arbitrary_override_never_panics(setting in "[a-z]{1,9}(\\[-?[0-9]{1,12}\\])?\\.?[a-z_]{0,9}=?\\PC{0,9}|\\PC{0,20}") {
        let _ = load(&files(), &Overrides { set: vec![setting], ..Overrides::default() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_example_never_panics(mutations in prop::collection::vec((any::<Index>(), mutation()), 1..4)) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        check_mutations(&Files::read_dir(&folder).unwrap(), &mutations);
    }
}

#[test]
fn the_schema_is_a_schema_and_describes_every_key() {
    fn undescribed(path: &str, node: &serde_json::Value, found: &mut Vec<String>) {
        for (key, property) in node["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            if property["description"].as_str().is_none_or(str::is_empty) && property.get("const").is_none() {
                found.push(path.clone());
            }
            undescribed(&path, property, found);
            undescribed(&path, &property["items"], found);
        }
        for branch in node["allOf"].as_array().into_iter().flatten() {
            undescribed(path, &branch["then"], found);
        }
    }
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    let mut found = Vec::new();
    undescribed("", &schema, &mut found);
    assert!(found.is_empty(), "without a description: {found:?}");
}
