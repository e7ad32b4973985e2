//! Every input that was worth keeping goes through the same entry as when it was found, with nothing but a stable compiler.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use outside::TARGETS;

/// What is kept of a target must not weigh more: it goes through every checkout and every run of the tests.
const KEPT_BYTES_MAX: u64 = 200 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn what_was_kept_is_read_without_a_panic() {
    for target in TARGETS {
        let files = entries(&corpus().join(target.name));
        assert!(!files.is_empty(), "{} has no inputs", target.name);
        for file in files {
            // Whoever sees a panic below this line knows what it was about.
            eprintln!("{}", file.display());
            (target.read)(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn what_was_kept_is_of_a_target_and_small() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len(), "two targets have one name");
    for folder in entries(&corpus()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(names.contains(name), "{name} is no target");
        let bytes: u64 = entries(&folder).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(bytes <= KEPT_BYTES_MAX, "{name}: {bytes} bytes are kept; at most {KEPT_BYTES_MAX} may be");
    }
}
