//! Messages of Open Protocol as they go over the wire: a header of 20 characters, data, and a NUL.

use std::str;

/// Length, MID, revision, no-acknowledgement flag, station, spindle, sequence number, parts and part.
const HEADER_BYTES: usize = 20;
/// The longest message that four digits can tell, without its NUL.
pub(crate) const MESSAGE_BYTES_MAX: usize = 9999;

/// A message of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What it is.
    pub(crate) mid: u16,
    /// Which form of that.
    pub(crate) revision: u16,
    /// All after the header.
    pub(crate) data: String,
}

/// All that is ever asked of a controller. Nothing of it changes what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// MID 0001: communication start, in a revision.
    Start(u16),
    /// MID 0003: communication stop.
    Stop,
    /// MID 0060: subscribe to results, in a revision.
    Subscribe(u16),
    /// MID 0062: a result has been taken.
    Acknowledge,
    /// MID 0064: a result from before, by its id, 0 for the last, in a revision.
    Fetch(u64, u16),
    /// MID 9999: keep alive.
    KeepAlive,
}

impl Request {
    /// What it is.
    pub(crate) fn mid(self) -> u16 {
        match self {
            Self::Start(_) => 1,
            Self::Stop => 3,
            Self::Subscribe(_) => 60,
            Self::Acknowledge => 62,
            Self::Fetch(..) => 64,
            Self::KeepAlive => 9999,
        }
    }

    /// As it goes over the wire.
    pub(crate) fn encode(self) -> Vec<u8> {
        let (revision, data) = match self {
            Self::Start(revision) | Self::Subscribe(revision) => (revision, String::new()),
            Self::Fetch(id, revision) => (revision, format!("{id:010}")),
            Self::Stop | Self::Acknowledge | Self::KeepAlive => (1, String::new()),
        };
        // No-acknowledgement flag, station, spindle and what follows are left blank: the defaults.
        format!("{:04}{:04}{revision:03}{:9}{data}\0", HEADER_BYTES + data.len(), self.mid(), "").into_bytes()
    }
}

/// Takes the first whole message out of what was received; `None` until there is one.
///
/// # Errors
/// If what comes is none, in words for a person. What follows cannot be understood then.
pub(crate) fn take(received: &mut Vec<u8>) -> Result<Option<Message>, String> {
    let Some(length) = received.get(..4) else { return Ok(None) };
    let length = digits(length).map(usize::from).filter(|length| (HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(length));
    let length = length.ok_or_else(|| {
        format!("a message begins with {}; expected its length in four digits", shown(&received[..4]))
    })?;
    if received.len() <= length {
        return Ok(None);
    }
    if received[length] != 0 {
        return Err(format!(
            "a message of {length} characters does not end with NUL but with {:#04x}",
            received[length]
        ));
    }
    let message = parse(&received[..length])?;
    received.drain(..=length);
    Ok(Some(message))
}

fn parse(message: &[u8]) -> Result<Message, String> {
    let text = str::from_utf8(message).ok().filter(|text| text.is_ascii());
    let text = text.ok_or_else(|| format!("a message has other characters than those of ASCII: {}", shown(message)))?;
    let (header, data) = text.split_at(HEADER_BYTES);
    let wrong = |what: &str| format!("the header {header:?} has no {what} in digits");
    let mid = digits(&message[4..8]).ok_or_else(|| wrong("MID"))?;
    // Blank is the first.
    let revision = match header[8..11].trim() {
        "" => 1,
        _ => digits(&message[8..11]).ok_or_else(|| wrong("revision"))?.max(1),
    };
    let parts = header[18..19].trim();
    if !matches!(parts, "" | "0" | "1") {
        return Err(format!(
            "MID {mid:04} comes in {parts} parts; expected one: no message that was asked for is so long"
        ));
    }
    Ok(Message { mid, revision, data: data.to_owned() })
}

fn digits(bytes: &[u8]) -> Option<u16> {
    let text = str::from_utf8(bytes).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEADER_BYTES)]).escape_debug().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(bytes: &[u8]) -> Result<Option<Message>, String> {
        take(&mut bytes.to_vec())
    }

    #[test]
    fn requests_are_as_the_specification_has_them() {
        assert_eq!(Request::Start(1).encode(), b"00200001001         \0");
        assert_eq!(Request::Subscribe(2).encode(), b"00200060002         \0");
        assert_eq!(Request::Acknowledge.encode(), b"00200062001         \0");
        assert_eq!(Request::Fetch(345_675, 1).encode(), b"00300064001         0000345675\0");
        assert_eq!(Request::KeepAlive.encode(), b"00209999001         \0");
    }

    #[test]
    fn a_message_is_taken_when_it_is_whole() {
        let mut received = b"00240005001         0060\x0000209999".to_vec();
        let accepted = Message { mid: 5, revision: 1, data: "0060".to_owned() };
        assert_eq!(take(&mut received), Ok(Some(accepted)));
        assert_eq!(take(&mut received), Ok(None));
        received.extend(b"            \0");
        assert_eq!(take(&mut received), Ok(Some(Message { mid: 9999, revision: 1, data: String::new() })));
        assert!(received.is_empty());
    }

    #[test]
    fn what_is_no_message_says_so() {
        let refused = |bytes: &[u8], words: &str| {
            let error = taken(bytes).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused(b"GET / HTTP/1.1", "begins with GET ; expected its length in four digits");
        refused(b"00190001001        \0", "expected its length");
        refused(b"00200001001         X", "does not end with NUL but with 0x58");
        refused(b"0020ABCD001         \0", "no MID in digits");
        refused(b"00200001x01         \0", "no revision in digits");
        refused(b"00200061001       21\0", "comes in 2 parts");
        refused(b"00210061001         \xff\0", "other characters than those of ASCII");
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut received = bytes;
            while let Ok(Some(_)) = take(&mut received) {}
        }
    }
}
