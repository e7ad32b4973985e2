use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells one content of a file from another without reading it. A file that was replaced has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified_s: i64,
    modified_ns: i64,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    /// The file's now; `None` while there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        let (modified_s, modified_ns) = (meta.mtime(), meta.mtime_nsec());
        Some(Self { modified_s, modified_ns, bytes: meta.len(), inode: meta.ino() })
    }
}
