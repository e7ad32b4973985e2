//! Files that the daemon has written, and that may be anything by now.

use std::fs;
use std::path::Path;

use recording::Reader;

/// A segment of a recording that was open when it was left.
pub(crate) fn open_segment(bytes: &[u8]) {
    as_file("000001.ltrec", bytes, read_recording);
}

/// One that was closed. Its seal is made right first: else nothing that a fuzzer tries comes any further.
pub(crate) fn closed_segment(bytes: &[u8]) {
    as_file("000001.parquet", bytes, read_recording);
    as_file("000001.parquet", &recording::fuzzing::sealed(bytes), read_recording);
}

/// Lines for InfluxDB that are not written yet.
pub(crate) fn spool_batch(bytes: &[u8]) {
    as_file("000000000001-1.lp.zst", bytes, historian::fuzzing::batch);
}

/// Every input counts up, and what cannot be read is listed or an error.
fn read_recording(file: &Path) {
    let Ok(mut reader) = Reader::open(file) else { return };
    while reader.next().is_some_and(|input| input.is_ok()) {}
    assert!(reader.damage().len() as u64 <= reader.damage_count());
}

fn as_file(name: &str, bytes: &[u8], read: impl Fn(&Path)) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let file = folder.path().join(name);
    if fs::write(&file, bytes).is_ok() {
        read(&file);
    }
}
