//! The bytes of a connection before the client library sees them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The bytes before each message: three that say which kind, one whether it is whole, four that say how long it is.
const HEADER_BYTES: usize = 8;
/// What a server may send.
const KINDS: [&[u8; 3]; 5] = [b"ACK", b"ERR", b"MSG", b"OPN", b"CLO"];

/// A reader that ends a connection on which something comes that is not OPC UA.
///
/// The library waits for as many bytes as the begin of a message says, whatever the message is: after damage up to 4 GiB, and
/// so until the silence is noticed. Here the begin of each message is looked at when it comes.
pub(crate) struct Checked<R> {
    inner: R,
    message_bytes_max: usize,
    header: [u8; HEADER_BYTES],
    /// How much of the header is there.
    known: usize,
    /// How much of the message is still to come.
    left: usize,
}

impl<R> Checked<R> {
    pub(crate) fn new(inner: R, message_bytes_max: usize) -> Self {
        Self { inner, message_bytes_max, header: [0; HEADER_BYTES], known: 0, left: 0 }
    }

    fn check(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let passed = self.left.min(bytes.len());
            self.left -= passed;
            bytes = &bytes[passed..];
            let Some((&byte, rest)) = bytes.split_first() else { break };
            bytes = rest;
            self.header[self.known] = byte;
            self.known = (self.known + 1) % HEADER_BYTES;
            if self.known == 0 {
                self.left = self.message_bytes()? - HEADER_BYTES;
            }
        }
        Ok(())
    }

    /// How long the message is that has this header.
    fn message_bytes(&self) -> io::Result<usize> {
        let [a, b, c, _, size @ ..] = self.header;
        let size = u32::from_le_bytes(size) as usize;
        if KINDS.contains(&&[a, b, c]) && (HEADER_BYTES..=self.message_bytes_max).contains(&size) {
            return Ok(size);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "what the server sends is not OPC UA"))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Checked<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        Poll::Ready(self.check(&buffer.filled()[before..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of this is let through, in one piece and byte by byte.
    #[track_caller]
    fn check(bytes: &[u8], expected: bool) {
        let checked = || Checked::new(io::empty(), 64);
        assert_eq!(checked().check(bytes).is_ok(), expected, "{bytes:?}");
        let mut slowly = checked();
        assert_eq!(bytes.iter().all(|&byte| slowly.check(&[byte]).is_ok()), expected, "{bytes:?}, byte by byte");
    }

    #[test]
    fn what_is_not_opc_ua_is_seen_at_the_begin_of_a_message() {
        let message = |kind: &[u8; 4], size: u32, body: &[u8]| [kind, &size.to_le_bytes()[..], body].concat();
        check(&[], true);
        check(&message(b"ACKF", 10, b"ab"), true);
        check(&[message(b"MSGC", 64, &[0; 56]), message(b"MSGF", 8, &[]), b"CLO".to_vec()].concat(), true);
        check(&message(b"HELF", 8, &[]), false);
        check(&message(b"MSGF", 7, &[]), false);
        check(&message(b"MSGF", 65, &[]), false);
        check(&[message(b"MSGF", 9, b"M"), message(b"abcd", 9, b"M")].concat(), false);
    }
}
