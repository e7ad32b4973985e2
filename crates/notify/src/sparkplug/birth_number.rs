use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The number of the node's births, kept in a file: each connection to the broker has the next one, 0 to 255, so that a host
/// knows which birth a death belongs to.
#[derive(Debug)]
pub(crate) struct BirthNumber {
    path: PathBuf,
    last: Option<u8>,
}

impl BirthNumber {
    /// The number in that file. One that is not there or cannot be read begins anew.
    pub(crate) fn open(path: &Path) -> Self {
        let last = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        Self { path: path.to_owned(), last }
    }

    /// The number of the next connection. It is on the disk before it is told: a number that comes twice would let the death
    /// of the one end the other.
    pub(crate) fn next(&mut self) -> u8 {
        let next = self.last.map_or(0, |last| last.wrapping_add(1));
        self.last = Some(next);
        if let Err(error) = self.write(next) {
            tracing::warn!("cannot write {}, a restart may use a birth's number again: {error}", self.path.display());
        }
        next
    }

    fn write(&self, number: u8) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        let mut file = File::create(&draft)?;
        writeln!(file, "{number}")?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_over_restarts_and_from_255_to_0() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparkplug.bdseq");
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let mut number = BirthNumber::open(&path);
            numbers.extend([number.next(), number.next()]);
        }
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        fs::write(&path, "255\n").unwrap();
        assert_eq!(BirthNumber::open(&path).next(), 0);
    }
}
