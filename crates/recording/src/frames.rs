use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use telemetry::Input;

use crate::frame::{self, PREFIX_BYTES, Prefix, TooLarge};
use crate::{Damage, DamageReason, RecordingError, RecordingHeader, wire};

/// How a segment starts. The line ends show a transfer that treated it as text.
pub(crate) const MARK: [u8; 8] = *b"LTREC\r\n\x1a";

/// The bytes that a segment starts with: mark and header.
pub(crate) fn start(header: &RecordingHeader, first_sequence: u64) -> Result<Vec<u8>, RecordingError> {
    let content = (wire::Preamble::from(header), wire::Header::new(header, first_sequence));
    let frame = frame::encode(&content).map_err(|TooLarge { bytes }| RecordingError::TooLarge {
        what: "the header, with the configuration in it,".into(),
        bytes,
    })?;
    Ok([&MARK[..], &frame].concat())
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something is damaged; reading may go on.
    Damage(Damage),
    /// An error for the caller.
    Error(RecordingError),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(damage) => damage.fmt(f),
            Self::Error(error) => error.fmt(f),
        }
    }
}

/// An open segment that is being read.
#[derive(Debug)]
pub(crate) struct FrameSegment {
    pub(crate) header: Arc<RecordingHeader>,
    pub(crate) first_sequence: u64,
    frames: Frames,
}

impl FrameSegment {
    /// Opens a segment and reads its header.
    pub(crate) fn open(file: &Path) -> Result<Self, Stop> {
        let mut frames = Frames::open(file)?;
        let Some(Frame { payload, .. }) = frames.next()? else { return Err(frames.end(DamageReason::Torn)) };
        let (header, first_sequence) = decode_header(&payload).map_err(|problem| match problem {
            HeaderProblem::Damage(reason) => frames.end(reason),
            HeaderProblem::Newer { found, program } => Stop::Error(RecordingError::NewerFormat {
                file: file.to_owned(),
                found,
                known: wire::FORMAT_VERSION,
                program,
            }),
        })?;
        Ok(Self { header: Arc::new(header), first_sequence, frames })
    }

    /// The next input and where its frame starts; `None` at the end. After a [`Stop`] it can be called again.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Input)>, Stop> {
        let Some(Frame { offset, payload }) = self.frames.next()? else { return Ok(None) };
        let input = frame::decode::<wire::Input>(&payload)
            .and_then(|input| Input::try_from(input).map_err(|why| DamageReason::Undecodable(why.to_string())));
        match input {
            Ok(input) => Ok(Some((offset, input))),
            Err(reason) => Err(Stop::Damage(Damage {
                file: self.frames.file.clone(),
                offset,
                bytes_lost: self.frames.offset - offset,
                reason,
            })),
        }
    }

    /// The segment's file.
    pub(crate) fn file(&self) -> &Path {
        &self.frames.file
    }
}

/// Why a header tells nothing.
pub(crate) enum HeaderProblem {
    Damage(DamageReason),
    Newer { found: u32, program: String },
}

impl From<DamageReason> for HeaderProblem {
    fn from(reason: DamageReason) -> Self {
        Self::Damage(reason)
    }
}

/// What the payload of the first frame tells.
pub(crate) fn decode_header(payload: &[u8]) -> Result<(RecordingHeader, u64), HeaderProblem> {
    let (wire::Preamble { format_version, program_version }, rest) = frame::decode_start(payload)?;
    match format_version {
        wire::OLDEST_FORMAT_VERSION..=wire::FORMAT_VERSION => {
            let header: wire::Header = frame::decode(rest)?;
            Ok((header.to_recording_header(program_version), header.first_sequence))
        }
        newer if newer > wire::FORMAT_VERSION => {
            Err(HeaderProblem::Newer { found: newer, program: program_version.to_owned() })
        }
        unknown => Err(DamageReason::Undecodable(format!("there is no format version {unknown}")).into()),
    }
}

/// The intact frames of a file.
#[derive(Debug)]
struct Frames {
    source: BufReader<File>,
    file: PathBuf,
    /// Where the next frame starts.
    offset: u64,
    /// Where reading ends: the size that the file had when it was opened, or less after damage.
    end: u64,
}

struct Frame {
    offset: u64,
    payload: Vec<u8>,
}

impl Frames {
    fn open(file: &Path) -> Result<Self, Stop> {
        let unreadable = |error| Stop::Error(RecordingError::io("read", file, error));
        let source = File::open(file).map_err(unreadable)?;
        let end = source.metadata().map_err(unreadable)?.len();
        let mut frames = Self { source: BufReader::new(source), file: file.to_owned(), offset: 0, end };
        let mut mark = [0; MARK.len()];
        frames.fill(&mut mark)?;
        if mark != MARK {
            return Err(frames.end(DamageReason::NotASegment));
        }
        frames.offset = MARK.len() as u64;
        Ok(frames)
    }

    fn next(&mut self) -> Result<Option<Frame>, Stop> {
        let left = self.end - self.offset;
        if left == 0 {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES];
        self.fill(&mut prefix)?;
        let prefix = Prefix::decode(prefix, left).map_err(|reason| self.end(reason))?;
        let mut payload = vec![0; prefix.payload_bytes()];
        self.fill(&mut payload)?;
        if !prefix.fits(&payload) {
            return Err(self.end(DamageReason::Checksum));
        }
        let offset = self.offset;
        self.offset += (PREFIX_BYTES + payload.len()) as u64;
        Ok(Some(Frame { offset, payload }))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        if bytes.len() as u64 > self.end - self.offset {
            return Err(self.end(DamageReason::Torn));
        }
        self.source.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.end(DamageReason::Torn),
            _ => {
                let action = format!("read after byte {} of", self.offset);
                self.end = self.offset;
                Stop::Error(RecordingError::io(action, &self.file, error))
            }
        })
    }

    /// Gives up everything from the next frame on.
    fn end(&mut self, reason: DamageReason) -> Stop {
        let bytes_lost = self.end - self.offset;
        self.end = self.offset;
        Stop::Damage(Damage { file: self.file.clone(), offset: self.offset, bytes_lost, reason })
    }
}
