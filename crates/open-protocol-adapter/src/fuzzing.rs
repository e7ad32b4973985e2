//! Everything that reads bytes from outside, for fuzzers. None of it may panic, whatever comes.

use crate::frame::take;
use crate::result::Tightening;

/// Messages as a controller may send them.
pub fn messages(bytes: &[u8]) {
    let mut received = bytes.to_vec();
    while let Ok(Some(message)) = take(&mut received) {
        let _ = Tightening::read(&message);
    }
}
