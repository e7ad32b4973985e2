//! What reads a stream from outside, for fuzzers. None of it may panic, whatever comes.

use crate::events::Events;

/// The live stream of a daemon. It tells the same events however the network has cut it.
pub fn stream(bytes: &[u8]) {
    let read = |length| {
        let mut events = Events::default();
        bytes.chunks(length).map_while(|piece| events.take(piece).ok()).flatten().collect::<Vec<_>>()
    };
    assert_eq!(read(3), read(bytes.len().max(1)));
}
