//! `linetwin tags` and `linetwin limits`: all of them out as one table, and in again after an evening with a spreadsheet.
//!
//! What comes in is shown as a list of changes, the configuration is checked as it would be with them, and nothing is
//! written unless that has no problem and `--write` is given.

mod limits;
mod sheet;
mod tags;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context as _;
use plant::Files;

use crate::setup::{ConfigArguments, Misconfigured, Setup};
use sheet::Sheet;

/// `linetwin tags` and `linetwin limits`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print all as one table in CSV.
    Export {
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Show what a table in CSV would change and whether that is right; with --write change it.
    Import {
        /// The table. Columns that it does not have stay as they are.
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArguments,
        /// Remove what the table does not have.
        #[arg(long)]
        remove: bool,
        /// Write the changes, if the configuration has no problem with them.
        #[arg(long)]
        write: bool,
    },
}

/// What a table makes of a configuration.
struct Edit {
    /// Names and new texts of the files that change.
    files: Vec<(String, String)>,
    /// What changes, for a person, a line each.
    changes: Vec<String>,
    /// How many rows say what is there already.
    unchanged: usize,
    /// The line of the table that made what a problem may name: `tags/plc.csv:7` or `limit[3]`.
    lines: BTreeMap<String, u64>,
}

/// Runs `linetwin tags`.
///
/// # Errors
/// If the table or the configuration cannot be read, what would come of them has a problem, or it cannot be written.
pub fn run_tags(arguments: &Arguments) -> anyhow::Result<()> {
    run(arguments, tags::export, tags::import)
}

/// Runs `linetwin limits`.
///
/// # Errors
/// As [`run_tags`].
pub fn run_limits(arguments: &Arguments) -> anyhow::Result<()> {
    run(arguments, limits::export, limits::import)
}

fn run(
    arguments: &Arguments,
    export: fn(&Setup) -> anyhow::Result<String>,
    import: fn(&Files, &Sheet, bool) -> anyhow::Result<Edit>,
) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Export { config } => {
            print!("{}", export(&Setup::read(&config.config, &config.set)?)?);
            Ok(())
        }
        Action::Import { file, config, remove, write } => {
            let sheet = Sheet::read(file)?;
            let files = Files::read_dir(&config.config).map_err(|error| Misconfigured::new(error.to_string()))?;
            let edit = import(&files, &sheet, *remove)?;
            edit.show();
            edit.check(&files, config, &sheet)?;
            if edit.files.is_empty() {
                return Ok(());
            }
            if !write {
                println!("The configuration has no problem with this. Nothing is written; --write does that.");
                return Ok(());
            }
            edit.write(&config.config)
        }
    }
}

impl Edit {
    fn show(&self) {
        for change in &self.changes {
            println!("{change}");
        }
        let count = |sign| self.changes.iter().filter(|change| change.starts_with(sign)).count();
        println!(
            "{} added, {} changed, {} removed, {} as they are.",
            count('+'),
            count('~'),
            count('-'),
            self.unchanged
        );
    }

    /// Checks the configuration as it would be.
    fn check(&self, files: &Files, config: &ConfigArguments, sheet: &Sheet) -> anyhow::Result<()> {
        let kept = files.iter().filter(|(name, _)| self.files.iter().all(|(changed, _)| changed != name));
        let changed = self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let Err(error) = Setup::of_files(Files::from_pairs(kept.chain(changed)), &config.set) else { return Ok(()) };
        let Some(problems) = error.downcast_ref::<Misconfigured>() else { return Err(error) };
        let told: Vec<String> = problems.to_string().lines().map(|problem| self.told(problem, &sheet.name)).collect();
        Err(Misconfigured::new(told.join("\n") + "\nNothing is written.").into())
    }

    /// A problem with the line of the table in place of one in a file that nobody has seen yet.
    fn told(&self, problem: &str, sheet: &str) -> String {
        let Some((place, rest)) = problem.split_once(": ") else { return problem.to_owned() };
        let entry = rest.split_once(']').map(|(entry, _)| format!("{entry}]"));
        let line = self.lines.get(place).or_else(|| self.lines.get(&entry?));
        line.map_or_else(|| problem.to_owned(), |line| format!("{sheet}:{line}: {rest}"))
    }

    /// Writes every file beside its place and then moves all there: a full disk changes nothing.
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let mut drafts = Vec::new();
        for (name, text) in &self.files {
            let path = folder.join(name);
            let draft = path.with_extension("new");
            write_draft(&draft, &path, text).with_context(|| format!("cannot write {}", draft.display()))?;
            drafts.push((draft, path));
        }
        for (draft, path) in drafts {
            fs::rename(&draft, &path).with_context(|| format!("cannot replace {}", path.display()))?;
            println!("Written: {}", path.display());
        }
        Ok(())
    }
}

/// A draft has the permissions of what it takes the place of.
fn write_draft(draft: &Path, path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = draft.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(draft)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()
}

/// Whether two cells say the same: a spreadsheet writes 0.10 as 0.1.
fn same(left: &str, right: &str) -> bool {
    left == right || matches!((left.parse::<f64>(), right.parse::<f64>()), (Ok(left), Ok(right)) if left == right)
}

/// A cell as a change shows it.
fn shown(cell: &str) -> &str {
    if cell.is_empty() { "nothing" } else { cell }
}
