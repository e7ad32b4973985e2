//! The dependencies that the crates have are those that `docs/architecture.md` allows, and nothing reaches into the core.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use e2e::workspace_root;
use spdx::{Expression, ParseMode};

/// From each crate to those of the workspace that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(workspace_root().join("Cargo.toml")).exec().unwrap()
}

/// The table of `docs/architecture.md`: rows of a crate, what it holds, and the crates that it may use.
fn allowed(text: &str) -> Arrows {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [name, _, may_use] = cells[..] else { return None };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), in_backticks(may_use).into_iter().map(str::to_owned).collect()))
    };
    text.lines().filter_map(row).collect()
}

fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the crates really use.
fn used(metadata: &Metadata) -> Arrows {
    let members = metadata.workspace_packages();
    let names: BTreeSet<&str> = members.iter().map(|package| package.name.as_str()).collect();
    members
        .iter()
        .map(|package| {
            let uses = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            let uses = uses.map(|dependency| dependency.name.clone()).filter(|name| names.contains(name.as_str()));
            (package.name.to_string(), uses.collect())
        })
        .collect()
}

/// Every way in which the two differ, a line each.
fn differences(allowed: &Arrows, used: &Arrows) -> Vec<String> {
    let mut found = Vec::new();
    for (name, uses) in used {
        let Some(may_use) = allowed.get(name) else {
            found.push(format!("{name} is not in the table of docs/architecture.md"));
            continue;
        };
        found.extend(uses.difference(may_use).map(|other| format!("{name} -> {other} is not allowed")));
        let unused = may_use.difference(uses);
        found.extend(unused.map(|other| format!("{name} -> {other} is allowed, but nothing uses it")));
    }
    let gone = allowed.keys().filter(|name| !used.contains_key(*name));
    found.extend(gone.map(|name| format!("{name} is in the table of docs/architecture.md, but not there")));
    found
}

#[test]
fn crates_use_what_the_architecture_allows_and_nothing_else() {
    let file = workspace_root().join("docs/architecture.md");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let found = differences(&allowed(&text), &used(&metadata()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_kind_of_difference_is_found() {
    let table = "| crate | holds | may use |\n|---|---|---|\n| `a` | the core, `Input` | - |\n\
                 | `b` | more | `a`, `c` |\n| `gone` | nothing | - |\n\n| question | place |\n|---|---|\n| `x` | `y` |\n";
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let used = [("a", set(&["b"])), ("b", set(&["a"])), ("c", set(&[]))];
    let used = used.map(|(name, uses)| (name.to_owned(), uses)).into();
    let expected = [
        "a -> b is not allowed",
        "b -> c is allowed, but nothing uses it",
        "c is not in the table of docs/architecture.md",
        "gone is in the table of docs/architecture.md, but not there",
    ];
    assert_eq!(differences(&allowed(table), &used), expected);
}

/// The crates that decide: they have no clock, no input or output, no threads and no order that depends on chance.
const CORE: [&str; 8] = ["telemetry", "plant", "drift", "process", "flow", "alarms", "genealogy", "twin"];
/// What would give them one.
const FORBIDDEN: [&str; 8] =
    ["std::fs", "std::net", "tokio", "SystemTime", "Instant", "HashMap", "HashSet", "std::thread"];
/// The one place that may: it reads the configuration's files and decides nothing.
const READS_FILES: &str = "crates/plant/src/files.rs";

#[test]
fn the_core_has_no_clock_no_files_no_threads_and_no_chance() {
    let mut found = Vec::new();
    for name in CORE {
        for file in sources(&workspace_root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let shown = file.strip_prefix(workspace_root()).unwrap().display().to_string();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let is_allowed = |word: &&str| *word == "std::fs" && shown == READS_FILES;
                let words = FORBIDDEN.iter().filter(|word| has_word(code, word) && !is_allowed(word));
                found.extend(words.map(|word| format!("{shown}:{}: {word}", number + 1)));
            }
        }
    }
    assert!(found.is_empty(), "the core must not use:\n{}", found.join("\n"));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(is_part) && !code[at + word.len()..].starts_with(is_part))
}

/// Licences that let a plant install, change and pass on the program.
const LICENCES: [&str; 13] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
];

fn is_free(licence: &str) -> Result<bool, String> {
    let expression = Expression::parse_mode(licence, ParseMode::LAX).map_err(|error| error.to_string())?;
    Ok(expression.evaluate(|wanted| {
        // The exception of LLVM only gives more freedom.
        let plain =
            wanted.addition.as_ref().is_none_or(|addition| addition.id().is_some_and(|id| id.name == "LLVM-exception"));
        plain && wanted.license.id().is_some_and(|id| LICENCES.contains(&id.name))
    }))
}

#[test]
fn every_dependency_has_a_licence_that_a_plant_can_live_with() {
    let mut found = Vec::new();
    for package in metadata().packages {
        let licence = package.license.as_deref().unwrap_or("no licence is named");
        if is_free(licence) != Ok(true) {
            found.push(format!("{} {}: {licence}", package.name, package.version));
        }
    }
    assert!(found.is_empty(), "not among {}:\n{}", LICENCES.join(", "), found.join("\n"));
}

#[test]
fn a_licence_expression_is_read_as_a_lawyer_would() {
    for (licence, expected) in [
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("MIT/Apache-2.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0 WITH Classpath-exception-2.0", false),
        ("AGPL-3.0-only", false),
    ] {
        assert_eq!(is_free(licence), Ok(expected), "{licence}");
    }
    assert!(is_free("no licence is named").is_err());
}
