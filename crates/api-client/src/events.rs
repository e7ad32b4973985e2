/// Server-sent events out of the bytes of a stream: of each event its name and its data.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// What has come of a line that is not whole.
    rest: Vec<u8>,
    name: String,
    data: String,
}

/// The most bytes of one event: a line of a thousand stations has a tenth of it.
const EVENT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// An event is longer than any line can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream has an event of more than {} MiB", EVENT_MAX_BYTES / 1024 / 1024)]
pub(crate) struct TooLong;

impl Events {
    /// Takes bytes, and gives the events that they have made whole. Comments, which keep a connection alive, are none.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Vec<(String, String)>, TooLong> {
        if self.rest.len() + self.data.len() + bytes.len() > EVENT_MAX_BYTES {
            return Err(TooLong);
        }
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                whole.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(whole)
    }

    fn line(&mut self, line: &str) -> Option<(String, String)> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return (!data.is_empty()).then_some((name, data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => {
                self.data.push('\n');
                self.data.push_str(value);
            }
            // A comment has an empty field; ids and pauses are of no use here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        ": hi\n\nevent: line\ndata: {\"a\":\"ü\"}\n\nevent: two\r\ndata: 1\r\ndata: 2\r\nid: 7\r\n\r\ndata: half"
            .as_bytes();

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let pair = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        let expected = [pair("line", "{\"a\":\"ü\"}"), pair("two", "1\n2")];
        for length in 1..=STREAM.len() {
            let mut events = Events::default();
            let read: Vec<_> = STREAM.chunks(length).flat_map(|bytes| events.take(bytes).unwrap()).collect();
            assert_eq!(read, expected, "in pieces of {length} bytes");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1024 * 1024];
        assert!((0..EVENT_MAX_BYTES / piece.len()).all(|_| events.take(&piece).is_ok()));
        assert_eq!(events.take(&piece), Err(TooLong));
    }
}
