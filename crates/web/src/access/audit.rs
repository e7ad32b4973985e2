//! The audit log: JSON lines in a file of bounded size, written by a thread of its own so that a slow disk holds nobody up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use contract::{AuditV1, Message};

/// At this size the file becomes `audit.1.jsonl` and a new one is begun.
const FILE_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// So many older files are kept, the oldest with the highest number.
const OLDER_FILES: usize = 9;
/// The most entries that wait to be written; of more, the newest are lost and counted.
const WAITING_MAX: usize = 1024;
/// Only the owner may read who did what.
const OWNER_ONLY: u32 = 0o600;

/// Takes entries and has them written.
#[derive(Debug)]
pub(crate) struct Audit {
    entries: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    told: Arc<Told>,
}

#[derive(Debug, Default)]
struct Told {
    lost: AtomicU64,
    problem: Mutex<Option<String>>,
}

impl Told {
    fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

impl Audit {
    /// Opens the log, which is made if there is none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut log = Log { path: path.to_owned(), file: None, max_bytes: FILE_MAX_BYTES };
        log.file()?;
        let (entries, waiting) = sync_channel(WAITING_MAX);
        let told = Arc::new(Told::default());
        let for_writer = Arc::clone(&told);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(move || write_all(&mut log, &waiting, &for_writer))?;
        Ok(Self { entries: Some(entries), writer: Some(writer), told })
    }

    /// Has an entry written.
    pub(crate) fn keep(&self, entry: &AuditV1) {
        let line = entry.to_json() + "\n";
        let sent = self.entries.as_ref().map(|entries| entries.try_send(line));
        if let Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) = sent {
            self.told.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Entries that could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.told.lost.load(Ordering::Relaxed)
    }

    /// What is wrong at the moment.
    pub(crate) fn problem(&self) -> Option<String> {
        self.told.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What was taken is written before the daemon ends.
impl Drop for Audit {
    fn drop(&mut self) {
        self.entries = None;
        if let Some(writer) = self.writer.take() {
            // A panic of it was told by the thread itself.
            let _ = writer.join();
        }
    }
}

/// Writes what waits, and has it on the disk before it waits for more.
fn write_all(log: &mut Log, waiting: &Receiver<String>, told: &Told) {
    while let Ok(first) = waiting.recv() {
        let mut lines = vec![first];
        lines.extend(waiting.try_iter().take(WAITING_MAX));
        let written = lines.iter().try_for_each(|line| {
            let appended = log.append(line);
            if appended.is_err() {
                told.lost.fetch_add(1, Ordering::Relaxed);
            }
            appended
        });
        let problem = written.and_then(|()| log.sync()).err().map(|error| {
            format!("the audit log {} cannot be written: {error}; see to its disk and its folder", log.path.display())
        });
        if let Some(problem) = &problem {
            tracing::error!("{problem}");
        }
        told.set_problem(problem);
    }
}

struct Log {
    path: PathBuf,
    /// None after a failure: the next entry tries anew.
    file: Option<(File, u64)>,
    max_bytes: u64,
}

impl Log {
    /// The file, opened if need be, and its size.
    fn file(&mut self) -> io::Result<&mut (File, u64)> {
        if self.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).mode(OWNER_ONLY).open(&self.path)?;
            let size = file.metadata()?.len();
            self.file = Some((file, size));
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("the file was just opened"))
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64;
        let max_bytes = self.max_bytes;
        let (_, size) = self.file()?;
        if *size > 0 && *size + bytes > max_bytes {
            self.file = None;
            self.rotate()?;
        }
        let (file, size) = self.file()?;
        let written = file.write_all(line.as_bytes());
        *size += bytes;
        if written.is_err() {
            self.file = None;
        }
        written
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.0.sync_data()
    }

    /// `audit.jsonl` becomes `audit.1.jsonl`, that `audit.2.jsonl` and so on; the last is no more.
    fn rotate(&self) -> io::Result<()> {
        for number in (0..OLDER_FILES).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn older(&self, number: usize) -> PathBuf {
        match number {
            0 => self.path.clone(),
            number => {
                let extension = self.path.extension().unwrap_or_default().to_string_lossy();
                self.path.with_extension(format!("{number}.{extension}"))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use contract::AuditWhatV1;

    use super::*;

    fn entry(user: &str) -> AuditV1 {
        let at = serde_json::from_str(r#""2026-11-24T08:14:00Z""#).unwrap();
        AuditV1 { at, user: Some(user.to_owned()), address: None, what: AuditWhatV1::Login }
    }

    #[test]
    fn what_is_kept_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/audit.jsonl");
        for user in ["kim", "lou"] {
            Audit::open(&path).unwrap().keep(&entry(user));
        }
        let text = fs::read_to_string(&path).unwrap();
        let users: Vec<AuditV1> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(users, [entry("kim"), entry("lou")]);
    }

    #[test]
    fn the_files_are_bounded_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log { path: folder.path().join("audit.jsonl"), file: None, max_bytes: 10 };
        for number in 0..30 {
            log.append(&format!("line{number:02}\n")).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("audit.jsonl"), "line29\n");
        assert_eq!((read("audit.1.jsonl"), read("audit.9.jsonl")), ("line28\n".into(), "line20\n".into()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), OLDER_FILES + 1);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_told_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut log = Log { path: path.clone(), file: None, max_bytes: FILE_MAX_BYTES };
        let told = Told::default();
        let write = |log: &mut Log| {
            let (entries, waiting) = sync_channel(1);
            entries.send("line\n".to_owned()).unwrap();
            drop(entries);
            write_all(log, &waiting, &told);
            (told.lost.load(Ordering::Relaxed), told.problem.lock().unwrap().is_some())
        };
        fs::create_dir(&path).unwrap();
        assert_eq!(write(&mut log), (1, true));
        fs::remove_dir(&path).unwrap();
        assert_eq!(write(&mut log), (1, false));
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
    }
}
