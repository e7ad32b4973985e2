use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use adapter::rows::Problem;

/// The longest file that is read; results of a whole shift have a hundredth of it.
const FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The most files that are looked at at once; the others wait for their turn.
const FILES_MAX: usize = 1_000;
/// How many files of one name there may be in `done` or `bad`.
const SAME_NAME_MAX: u32 = 100_000;
/// What ends the names of files that are being written.
const UNFINISHED: [&str; 2] = [".tmp", ".part"];
const DONE: &str = "done";
const BAD: &str = "bad";

/// A folder that files are dropped into, with `done` and `bad` in it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    settle: Duration,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All its rows are durable.
    Done,
    /// It is not what it should be, and why.
    Bad(String),
}

/// The files that were seen, and since when they have been as they are.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, (Look, Instant)>);

/// What changes while a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    bytes: u64,
    changed: SystemTime,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Folder {
    pub(crate) fn new(path: &Path, settle: Duration) -> Self {
        Self { path: path.to_owned(), settle }
    }

    /// Makes the folders for what is done and what is bad. The folder itself is not made: a name that is not quite right
    /// would be waited at for ever.
    pub(crate) fn prepare(&self) -> Result<(), String> {
        let read = fs::read_dir(&self.path).map(drop);
        read.map_err(|error| self.problem(&self.path, &error, "a folder that the daemon may read"))?;
        for name in [DONE, BAD] {
            let path = self.path.join(name);
            let made = fs::create_dir_all(&path).and_then(|()| probe(&path));
            made.map_err(|error| self.problem(&path, &error, "a folder that the daemon may write"))?;
        }
        Ok(())
    }

    fn problem(&self, path: &Path, error: &io::Error, expected: &str) -> String {
        format!("{}: {error}; expected {expected}", path.display())
    }

    /// Looks at the folder; gives the files that have stayed as they are for long enough, the oldest first.
    pub(crate) fn scan(&self, before: Seen) -> Result<(Seen, Vec<String>), String> {
        let now = Instant::now();
        let mut seen = BTreeMap::new();
        let mut ready = Vec::new();
        let failed = |error| self.problem(&self.path, &error, "a folder that the daemon may read");
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            // A file that is gone since is nobody's concern.
            let Ok(entry) = entry else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
                continue;
            }
            let Ok(data) = entry
                .metadata()
                .and_then(|data| if data.is_file() { Ok(data) } else { Err(io::Error::other("a folder")) })
            else {
                continue;
            };
            let look = Look { bytes: data.len(), changed: data.modified().unwrap_or(SystemTime::UNIX_EPOCH) };
            let since = before.0.get(&name).filter(|(known, _)| *known == look).map_or(now, |(_, since)| *since);
            if now.duration_since(since) >= self.settle {
                ready.push((look.changed, name.clone()));
            }
            if seen.len() < FILES_MAX {
                seen.insert(name, (look, since));
            }
        }
        ready.sort();
        Ok((Seen(seen), ready.into_iter().take(FILES_MAX).map(|(_, name)| name).collect()))
    }

    /// The text of a file. That it cannot be read ends the link, as it is worth another try; what is wrong with it does not.
    pub(crate) fn read(&self, name: &str) -> Result<Result<String, Problem>, String> {
        let path = self.path.join(name);
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes));
        file.map_err(|error| self.problem(&path, &error, "a file that the daemon may read"))?;
        if bytes.len() as u64 > FILE_MAX_BYTES {
            return Ok(Err(Problem(format!("it is longer than {} MiB", FILE_MAX_BYTES / 1024 / 1024))));
        }
        Ok(String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Problem(format!("byte {at} is not UTF-8; expected a text in UTF-8, with or without a byte order mark"))
        }))
    }

    /// Moves a file to where it belongs, under another name if there is one of its name already. Of a bad one the reason is
    /// written first: a file in `bad` always has it.
    pub(crate) fn put_away(&self, name: &str, outcome: &Outcome) -> Result<(), String> {
        let folder = self.path.join(if *outcome == Outcome::Done { DONE } else { BAD });
        let to = free(&folder, name)?;
        let failed = |error: io::Error| self.problem(&to, &error, "a folder that the daemon may write");
        if let Outcome::Bad(reason) = outcome {
            let path = reason_of(&to);
            let written = fs::File::create(&path).and_then(|mut file| {
                writeln!(file, "{reason}")?;
                file.sync_all()
            });
            written.map_err(failed)?;
        }
        fs::rename(self.path.join(name), &to).map_err(failed)?;
        // Else a power cut could bring the file back to where it was, and its rows would come again.
        fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

/// Whether a file can be made there.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(".linetwin");
    fs::File::create(&path)?;
    fs::remove_file(&path)
}

/// Where a file can go without one of its name being lost.
fn free(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let (stem, ending) =
        name.rsplit_once('.').map_or((name, String::new()), |(stem, ending)| (stem, format!(".{ending}")));
    let names = (1..=SAME_NAME_MAX)
        .map(|number| if number == 1 { name.to_owned() } else { format!("{stem}-{number}{ending}") });
    let mut paths = names.map(|name| folder.join(name));
    paths
        .find(|path| !path.exists())
        .ok_or_else(|| format!("{}: there are {SAME_NAME_MAX} files {name:?}; take some away", folder.display()))
}

fn reason_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".reason");
    name.into()
}
