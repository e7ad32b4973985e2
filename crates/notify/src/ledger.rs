use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Which event the broker has confirmed last, kept in a file.
///
/// That is all that a durable outbox needs here: the daemon writes each event to its log before it is told, so what the
/// broker has not got is what stands in the log after this one. The file is replaced as a whole and never synced. It
/// survives the end of the process; a power cut may take back the last few confirmations or, at worst, the content. Then
/// events are told again, which their identity shows, but none is left out.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    draft: PathBuf,
    is_failing: bool,
}

impl Ledger {
    /// The ledger in that file, and what it says: the identity of the last event, empty if none was confirmed yet, `None` if
    /// there is no ledger yet.
    ///
    /// # Errors
    /// If there is a file that cannot be read.
    pub fn open(path: &Path) -> io::Result<(Self, Option<String>)> {
        let ledger = Self { path: path.into(), draft: path.with_extension("new"), is_failing: false };
        match fs::read_to_string(path) {
            Ok(text) => Ok((ledger, Some(text.trim_end().to_owned()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((ledger, None)),
            Err(error) => Err(error),
        }
    }

    /// The broker has got everything up to that event. If that cannot be written, the event will be told again after a
    /// restart.
    pub fn note(&mut self, event: &str) {
        let written = fs::write(&self.draft, format!("{event}\n")).and_then(|()| fs::rename(&self.draft, &self.path));
        match (written, self.is_failing) {
            (Err(error), false) => {
                let path = self.path.display();
                tracing::warn!("cannot write {path}, a restart will tell events again: {error}");
                self.is_failing = true;
            }
            (Ok(()), true) => self.is_failing = false,
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_noted_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told");
        let (mut ledger, last) = Ledger::open(&path).unwrap();
        assert_eq!(last, None);
        for event in ["", "1-0@2026-11-24T08:20:00Z", "2-1@2026-11-24T08:20:01Z"] {
            ledger.note(event);
            assert_eq!(Ledger::open(&path).unwrap().1.as_deref(), Some(event));
        }
    }

    #[test]
    fn a_ledger_that_cannot_be_written_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, _) = Ledger::open(&folder.path().join("gone/told")).unwrap();
        ledger.note("1-0");
        ledger.note("2-0");
        assert!(ledger.is_failing);
    }
}
