//! The file of the live alerts, read from its end: it has those of the line's whole life, and the newest are wanted.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context as _;
use contract::EventV1;
use telemetry::Input;

/// How much is read at once, bytes.
const BLOCK_BYTES: u64 = 64 * 1024;

/// Up to where alerts are in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    sequence: u64,
    lines: usize,
}

impl Kept {
    /// Reads it. An alert that was kept only in part is cut off: a crash can come while it is being written, or between an
    /// input that is durable and its alerts. They are added when the twin resumes.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let read = || format!("cannot read {}", path.display());
        let mut lines = Backwards::open(path).with_context(read)?;
        let whole = lines.skip_part().with_context(read)?;
        OpenOptions::new().write(true).open(path)?.set_len(whole)?;
        let mut kept = Self::default();
        while let Some((_, line)) = lines.next_line().with_context(read)? {
            let event: EventV1 = serde_json::from_slice(&line).with_context(read)?;
            let sequence = event.sequence.unwrap_or(0);
            if kept.lines > 0 && sequence != kept.sequence {
                break;
            }
            (kept.sequence, kept.lines) = (sequence, kept.lines + 1);
        }
        Ok(kept)
    }

    /// How many of the alerts of an input are in the file.
    pub(super) fn of(&self, input: &Input) -> usize {
        match input.sequence.cmp(&self.sequence) {
            std::cmp::Ordering::Less => usize::MAX,
            std::cmp::Ordering::Equal => self.lines,
            std::cmp::Ordering::Greater => 0,
        }
    }
}

/// The last event in a file of alerts; at first none.
#[derive(Debug, Default)]
pub struct LastEvent {
    /// Its identity.
    pub id: String,
    sequence: u64,
}

impl LastEvent {
    /// Whether it comes before the event with that identity, which begins with the number of its input.
    pub fn is_before(&self, id: &str) -> bool {
        id.split_once('-').and_then(|(sequence, _)| sequence.parse().ok()).is_some_and(|its: u64| self.sequence < its)
    }
}

/// The last event in the file; `None` if there is none.
///
/// # Errors
/// If the file cannot be read.
pub fn last_event(path: &Path) -> anyhow::Result<Option<LastEvent>> {
    if !path.exists() {
        return Ok(None);
    }
    let read = || format!("cannot read {}", path.display());
    let Some((_, line)) = Backwards::open(path).with_context(read)?.next_line().with_context(read)? else {
        return Ok(None);
    };
    let event: EventV1 = serde_json::from_slice(&line).with_context(read)?;
    Ok(Some(LastEvent { id: event.id, sequence: event.sequence.unwrap_or(0) }))
}

/// Gives the events in the file that come after the one with that identity, all if it is not there.
///
/// # Errors
/// If the file cannot be read.
pub fn events_after(path: &Path, id: &str, mut take: impl FnMut(EventV1)) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let read = || format!("cannot read {}", path.display());
    let mut lines = Backwards::open(path).with_context(read)?;
    let mut begin = 0;
    while let Some((at, line)) = lines.next_line().with_context(read)? {
        let event: EventV1 = serde_json::from_slice(&line).with_context(read)?;
        if event.id == id {
            begin = at + line.len() as u64 + 1;
            break;
        }
    }
    let mut file = File::open(path).with_context(read)?;
    file.seek(SeekFrom::Start(begin)).with_context(read)?;
    for line in BufReader::new(file).lines() {
        take(serde_json::from_str(&line.with_context(read)?).with_context(read)?);
    }
    Ok(())
}

/// The lines of a file from the last to the first.
struct Backwards {
    file: File,
    /// Where what is read of the file begins.
    begin: u64,
    /// What is read and not given yet.
    rest: Vec<u8>,
}

impl Backwards {
    fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let begin = file.metadata()?.len();
        Ok(Self { file, begin, rest: Vec::new() })
    }

    /// Skips what stands after the last line end. Returns where that is.
    fn skip_part(&mut self) -> std::io::Result<u64> {
        let end = self.line_end(self.rest.len())?.map_or(0, |end| end + 1);
        self.rest.truncate(end);
        Ok(self.begin + end as u64)
    }

    /// The next line without its end, and where it begins.
    fn next_line(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        if self.rest.is_empty() && !self.read_block()? {
            return Ok(None);
        }
        if self.rest.last() == Some(&b'\n') {
            self.rest.pop();
        }
        let begin = self.line_end(self.rest.len())?.map_or(0, |end| end + 1);
        let line = self.rest.split_off(begin);
        Ok(Some((self.begin + begin as u64, line)))
    }

    /// Where in what is read the last line end before that many bytes from its end is; reads on until there is one.
    fn line_end(&mut self, within: usize) -> std::io::Result<Option<usize>> {
        let after = self.rest.len() - within;
        loop {
            let within = self.rest.len() - after;
            if let Some(end) = self.rest[..within].iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(end));
            }
            if !self.read_block()? {
                return Ok(None);
            }
        }
    }

    /// Reads what comes before; `false` if nothing does.
    fn read_block(&mut self) -> std::io::Result<bool> {
        let length = self.begin.min(BLOCK_BYTES);
        self.begin -= length;
        self.file.seek(SeekFrom::Start(self.begin))?;
        let mut block = vec![0; length as usize];
        self.file.read_exact(&mut block)?;
        block.append(&mut self.rest);
        self.rest = block;
        Ok(length > 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn backwards(text: &str) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut lines = Backwards::open(file.path()).unwrap();
        let mut read = Vec::new();
        while let Some((at, line)) = lines.next_line().unwrap() {
            let line = String::from_utf8(line).unwrap();
            assert!(text[at as usize..].starts_with(&line), "{line:?} is not at {at}");
            read.push(line);
        }
        read
    }

    #[test]
    fn the_lines_come_from_the_last_to_the_first_however_long_they_are() {
        let long = "x".repeat(3 * BLOCK_BYTES as usize + 5);
        let exact = "y".repeat(BLOCK_BYTES as usize - 1);
        for lines in [vec![], vec!["a"], vec!["a", "", "bc"], vec!["a", &long, "b"], vec![&exact, &exact], vec![""]] {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let expected: Vec<&str> = lines.into_iter().rev().collect();
            assert_eq!(backwards(&text), expected);
        }
        assert_eq!(backwards("a\nhalf"), ["half", "a"]);
    }

    #[test]
    fn an_event_that_was_told_and_is_lost_comes_after_the_last() {
        let last = LastEvent { id: "412-1@2026-11-24T08:20:00Z".to_owned(), sequence: 412 };
        assert!(last.is_before("413-0@2026-11-24T08:20:00.004Z"));
        assert!(!last.is_before(&last.id) && !last.is_before("99-0@2026-11-24T08:10:00Z") && !last.is_before(""));
        assert!(LastEvent::default().is_before("1-0@2026-11-24T08:00:00Z"));
    }

    #[test]
    fn a_part_is_skipped() {
        for (text, whole) in [("a\nhalf", 2), ("half", 0), ("a\n", 2), ("", 0)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let mut lines = Backwards::open(file.path()).unwrap();
            assert_eq!(lines.skip_part().unwrap(), whole, "{text:?}");
            let line = lines.next_line().unwrap().map(|(_, line)| line);
            assert_eq!(line, (whole > 0).then(|| b"a".to_vec()), "{text:?}");
        }
    }
}
