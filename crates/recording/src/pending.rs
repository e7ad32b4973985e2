use std::collections::VecDeque;

/// Frames that were accepted and are not yet all in the segment, in order.
///
/// A write can stop in the middle of a frame. The frame stays here until the last of its bytes is written, so that the
/// writer can either go on at the next byte or write the frame whole into another segment.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    /// How many of `bytes` are already in the segment.
    written: usize,
    /// Sequence number and size of each frame in `bytes`.
    frames: VecDeque<(u64, usize)>,
}

impl Pending {
    pub(crate) fn push(&mut self, sequence: u64, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.frames.push_back((sequence, frame.len()));
    }

    pub(crate) fn first_sequence(&self) -> Option<u64> {
        self.frames.front().map(|&(sequence, _)| sequence)
    }

    /// Bytes held, whether already in the segment or not.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What is still to be written.
    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// `count` more bytes are in the segment.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        assert!(self.written <= self.bytes.len(), "more bytes written than there were");
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.frames.clear();
            self.written = 0;
        }
    }

    /// The segment is given up: only what is whole in it counts as written.
    pub(crate) fn start_over_at_a_whole_frame(&mut self) {
        let mut whole = 0;
        while let Some(&(_, size)) = self.frames.front()
            && whole + size <= self.written
        {
            whole += size;
            self.frames.pop_front();
        }
        self.bytes.drain(..whole);
        self.written = 0;
    }
}
