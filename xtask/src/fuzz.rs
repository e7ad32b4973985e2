//! `cargo xtask fuzz`: gives everything that reads from outside what it has never seen.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::step::{Step, root};

/// The version of cargo-fuzz that builds the fuzzed program.
const VERSION: &str = "0.13.1";
/// Where it is installed, in the root of the workspace.
const FOLDER: &str = ".peers/fuzz";
/// What is kept, a folder for each target.
const CORPUS: &str = "fuzz/corpus";
/// What was found on the way; not kept by git.
const FOUND: &str = "fuzz/found";
/// What a target does not survive; not kept by git.
const ARTIFACTS: &str = "fuzz/artifacts";
/// An input that takes longer is a finding, seconds.
const TIMEOUT_S: u32 = 10;
/// A program that takes more is one, MiB.
const MEMORY_MAX_MIB: u32 = 1024;
/// The longest input that is tried, bytes. The example's configuration fits.
const INPUT_MAX_BYTES: u32 = 64 * 1024;

/// What becomes of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It lies in `fuzz/found` and is begun with the next time.
    Found,
    /// Of it, what comes to code that nothing kept has come to is kept, in `fuzz/corpus`.
    New,
}

/// Tries each of the targets, all if none is named, for so many seconds.
///
/// # Errors
/// If one has a finding, which is then in `fuzz/artifacts`, or cargo-fuzz cannot be installed.
pub(crate) fn run(seconds: u32, targets: &[String], keep: Keep) -> anyhow::Result<()> {
    let known = known()?;
    for target in targets {
        ensure!(known.contains(target), "{target:?} is no target; expected one of {}", known.join(", "));
    }
    let program = install()?;
    // What is fuzzed has the versions that are installed: one lock file for both.
    fs::copy(root().join("Cargo.lock"), root().join("fuzz/Cargo.lock")).context("cannot write fuzz/Cargo.lock")?;
    let targets = if targets.is_empty() { &known } else { targets };
    for target in targets {
        let [corpus, found, artifacts] = folders(target)?;
        // New inputs go to the first folder.
        fuzzed(&program, target, [&found, &corpus], &artifacts).args([format!("-max_total_time={seconds}")]).run()?;
        if keep == Keep::New {
            // By whole branches, not by how often each is taken: what is kept is to be small.
            fuzzed(&program, target, [&corpus, &found], &artifacts).args(["-merge=1", "-use_counters=0"]).run()?;
        }
    }
    Ok(())
}

/// What is kept of a target, what was found, and what it did not survive.
fn folders(target: &str) -> anyhow::Result<[String; 3]> {
    let folders = [CORPUS, FOUND, ARTIFACTS].map(|folder| format!("{folder}/{target}"));
    for folder in &folders {
        fs::create_dir_all(root().join(folder)).with_context(|| format!("cannot make {folder}"))?;
    }
    Ok(folders)
}

/// The fuzzed program with a target and the folders of its inputs.
fn fuzzed(program: &Path, target: &str, inputs: [&str; 2], artifacts: &str) -> Step {
    // Only a sanitizer would need a nightly compiler; nothing of ours is unsafe, so there is little for one to see.
    Step::new(format!("fuzz {target}"), program)
        .env("LINETWIN_FUZZ", target)
        .args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "target"])
        .args(inputs)
        .args(["--".to_owned(), format!("-timeout={TIMEOUT_S}"), format!("-rss_limit_mb={MEMORY_MAX_MIB}")])
        .args([format!("-max_len={INPUT_MAX_BYTES}"), format!("-artifact_prefix={artifacts}/")])
}

fn install() -> anyhow::Result<PathBuf> {
    let program = root().join(FOLDER).join("bin/cargo-fuzz");
    if !program.exists() {
        Step::cargo(
            "install cargo-fuzz",
            ["install", "--root", FOLDER, "--locked", "--version", VERSION, "cargo-fuzz"],
        )
        .run()?;
    }
    Ok(program)
}

/// Every target: a test holds that each has its folder.
fn known() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(root().join(CORPUS)).with_context(|| format!("cannot read {CORPUS}"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
