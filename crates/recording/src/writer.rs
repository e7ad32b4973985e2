use std::fs::File;
use std::path::Path;

use telemetry::Input;

use crate::appender::Appender;
use crate::folder::{Folder, SegmentPath, segments};
use crate::frames::Stop;
use crate::segment::Segment;
use crate::syncer::Syncer;
use crate::{RecordingError, RecordingHeader};

/// How to write a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// After that many bytes of inputs a new segment begins. A segment holds at least one input, whatever its size.
    pub segment_bytes: u64,
}

impl Default for WriterOptions {
    /// Segments of 64 MiB.
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024 }
    }
}

/// Appends inputs to a recording. The only one to do so: it holds the folder until it is dropped.
///
/// After an error it stays usable. An input that [`append`](Self::append) accepted is held until it is written; one
/// that it refused is lost, and counted in [`lost`](Self::lost). So a disk that is full for a while costs the inputs of
/// that while, less [`BUFFER_BYTES`](crate::BUFFER_BYTES), and a reader finds the gap by their sequence numbers.
#[derive(Debug)]
pub struct Writer {
    appender: Appender<Folder>,
    syncer: Syncer<File>,
}

impl Writer {
    /// Begins a recording, or goes on with the one that is in the folder, in a new segment.
    ///
    /// The folder is created where needed. A segment's file appears with its first input.
    ///
    /// # Errors
    /// If the folder cannot be created or written, if another process records into it, if a newer program did, if what
    /// is there cannot be read, or if the header is too large.
    pub fn create(folder: &Path, header: RecordingHeader, options: WriterOptions) -> Result<Self, RecordingError> {
        let storage = Folder::take(folder)?;
        let last = Self::last_sequence(folder)?;
        let next_number = segments(folder)?.last().map_or(1, |segment| segment.number().saturating_add(1));
        let syncer = Syncer::start().map_err(|error| RecordingError::io("start a thread to write", folder, error))?;
        Ok(Self { appender: Appender::new(storage, header, options, last, next_number)?, syncer })
    }

    /// Sequence number of the last input recorded in a folder; `None` if there is none, or no folder.
    ///
    /// The next run numbers its inputs from one more than that, before it [creates](Self::create) its writer.
    ///
    /// # Errors
    /// If the folder or a segment cannot be read, or if a newer program wrote the last segment.
    pub fn last_sequence(folder: &Path) -> Result<Option<u64>, RecordingError> {
        if !folder.try_exists().map_err(|error| RecordingError::io("find", folder, error))? {
            return Ok(None);
        }
        for segment in segments(folder)?.iter().rev() {
            if let Some(last) = last_sequence_in(segment)? {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Accepts an input. It reaches the operating system with the next [`flush`](Self::flush), or earlier.
    ///
    /// # Errors
    /// If its sequence number is not above the last one's, if it is too large, or if the buffer is full and cannot be
    /// written. Then this input is lost and counted; those accepted before are not.
    pub fn append(&mut self, input: &Input) -> Result<(), RecordingError> {
        self.appender.append(input)
    }

    /// Hands all accepted inputs to the operating system: from then on they survive the end of this process.
    ///
    /// # Errors
    /// If they cannot be written. They are held, and the next call tries again.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.appender.flush()
    }

    /// Flushes, and has the disk confirm: from then on all accepted inputs survive a power failure.
    ///
    /// # Errors
    /// If they cannot be written, as with [`flush`](Self::flush); or if the disk does not confirm. Then what had been
    /// written since the last success may be lost, and the next input goes into a new segment.
    pub fn sync(&mut self) -> Result<(), RecordingError> {
        let before = if self.is_syncing() { self.appender.end_sync(self.syncer.wait()) } else { Ok(()) };
        self.appender.sync().and(before)
    }

    /// As [`sync`](Self::sync), but does not wait for the disk: `wake` is called from another thread when
    /// [`end_sync`](Self::end_sync) can tell what became of the inputs accepted so far. Does nothing while another is under
    /// way, and nothing is under way afterwards if there is no input yet.
    ///
    /// # Errors
    /// If the inputs cannot be written, as with [`flush`](Self::flush).
    pub fn begin_sync(&mut self, wake: impl FnOnce() + Send + 'static) -> Result<(), RecordingError> {
        if !self.is_syncing()
            && let Some(file) = self.appender.begin_sync()?
        {
            self.syncer.begin(file, wake);
        }
        Ok(())
    }

    /// Whether a [`begin_sync`](Self::begin_sync) has not been followed by the [`end_sync`](Self::end_sync) that tells what
    /// became of it, or by a [`sync`](Self::sync).
    pub fn is_syncing(&self) -> bool {
        self.appender.is_syncing()
    }

    /// What became of the inputs that were accepted before [`begin_sync`](Self::begin_sync); `None` while that is not known,
    /// and if nothing is under way.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub fn end_sync(&mut self) -> Option<Result<(), RecordingError>> {
        let synced = self.is_syncing().then(|| self.syncer.poll())??;
        Some(self.appender.end_sync(synced))
    }

    /// Makes durable what was accepted so far, and has what comes explained by another header, in a new segment.
    ///
    /// # Errors
    /// As [`sync`](Self::sync), and if the header is too large. Then all goes on under the header as it was.
    pub fn go_on_under(&mut self, header: RecordingHeader) -> Result<(), RecordingError> {
        self.sync()?;
        self.appender.go_on_under(header)
    }

    /// Number of the segment that the next input may go into. The writer has left those below.
    pub fn at_segment(&self) -> u32 {
        self.appender.at_segment()
    }

    /// How many inputs were refused since the writer was created.
    pub fn lost(&self) -> u64 {
        self.appender.lost()
    }
}

/// Writes what is still held, so that a panicking process leaves its last inputs behind.
impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "the last inputs could not be recorded");
        }
    }
}

/// A segment that holds no whole input still says which one it was begun for.
fn last_sequence_in(path: &SegmentPath) -> Result<Option<u64>, RecordingError> {
    let mut segment = match Segment::open(path) {
        Ok(segment) => segment,
        Err(Stop::Error(error)) => return Err(error),
        Err(Stop::Damage(damage)) => {
            tracing::warn!(%damage, "a segment of the recording cannot be used");
            return Ok(None);
        }
    };
    if let Segment::Columns(segment) = &segment {
        return Ok(segment.last_sequence().or(segment.first_sequence.checked_sub(1)));
    }
    let mut last = segment.first_sequence().checked_sub(1);
    loop {
        match segment.next() {
            Ok(Some((_, input))) => last = Some(input.sequence),
            Ok(None) => return Ok(last),
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Damage(damage)) => tracing::warn!(%damage, "the recording is damaged"),
        }
    }
}
