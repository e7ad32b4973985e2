use std::collections::VecDeque;

/// How often a message may be on its way when the connection ends. A message that a broker rejects by closing the
/// connection would else keep all others back for ever.
pub(crate) const MAX_ATTEMPTS: u8 = 5;

/// What a lane holds.
pub(crate) trait Content {
    /// The message's length.
    fn bytes(&self) -> usize;
}

/// A message that is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued<T> {
    pub(crate) message: T,
    attempts: u8,
}

/// A bounded queue: the oldest make room.
#[derive(Debug)]
pub(crate) struct Lane<T, const MAX: usize, const MAX_BYTES: usize> {
    queue: VecDeque<Queued<T>>,
    bytes: usize,
}

impl<T, const MAX: usize, const MAX_BYTES: usize> Default for Lane<T, MAX, MAX_BYTES> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), bytes: 0 }
    }
}

impl<T: Content, const MAX: usize, const MAX_BYTES: usize> Lane<T, MAX, MAX_BYTES> {
    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes a message. Returns how many older ones had to make room.
    pub(crate) fn push_back(&mut self, message: T) -> u64 {
        self.bytes += message.bytes();
        self.queue.push_back(Queued { message, attempts: 0 });
        let mut dropped = 0;
        while self.queue.len() > MAX || self.bytes > MAX_BYTES {
            dropped += u64::from(self.pop_front().is_some());
        }
        dropped
    }

    /// The oldest message.
    pub(crate) fn pop_front(&mut self) -> Option<Queued<T>> {
        let queued = self.queue.pop_front()?;
        self.bytes -= queued.message.bytes();
        Some(queued)
    }

    /// Takes back what was on its way; returns it if it is given up, which it also is when there is no room for it.
    pub(crate) fn return_front(&mut self, mut queued: Queued<T>) -> Option<Queued<T>> {
        queued.attempts += 1;
        let bytes = self.bytes + queued.message.bytes();
        if queued.attempts == MAX_ATTEMPTS || self.queue.len() == MAX || bytes > MAX_BYTES {
            return Some(queued);
        }
        self.bytes = bytes;
        self.queue.push_front(queued);
        None
    }
}
