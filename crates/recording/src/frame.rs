use serde::{Deserialize, Serialize};

use crate::DamageReason;

/// The largest payload of a frame: some hundred thousand samples. A corrupt length can make a reader allocate no more.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;

/// Length and checksum.
pub(crate) const PREFIX_BYTES: usize = 8;

/// The payload that would have been too large for a frame.
#[derive(Debug)]
pub(crate) struct TooLarge {
    pub(crate) bytes: usize,
}

/// A frame around a value.
pub(crate) fn encode(content: &impl Serialize) -> Result<Vec<u8>, TooLarge> {
    let mut frame = postcard::to_extend(content, vec![0; PREFIX_BYTES])
        .expect("the wire types hold nothing that postcard cannot encode");
    let bytes = frame.len() - PREFIX_BYTES;
    if bytes > MAX_PAYLOAD_BYTES {
        return Err(TooLarge { bytes });
    }
    let length = (bytes as u32).to_le_bytes();
    let checksum = checksum(length, &frame[PREFIX_BYTES..]).to_le_bytes();
    frame[..4].copy_from_slice(&length);
    frame[4..PREFIX_BYTES].copy_from_slice(&checksum);
    Ok(frame)
}

/// A frame's first bytes, its length within bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    length: u32,
    checksum: u32,
}

impl Prefix {
    /// Reads the first bytes of a frame, of which `left` bytes are there in all.
    pub(crate) fn decode(bytes: [u8; PREFIX_BYTES], left: u64) -> Result<Self, DamageReason> {
        let [l0, l1, l2, l3, c0, c1, c2, c3] = bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length as usize > MAX_PAYLOAD_BYTES {
            return Err(DamageReason::Length(length));
        }
        if u64::from(length) + PREFIX_BYTES as u64 > left {
            return Err(DamageReason::Torn);
        }
        Ok(Self { length, checksum: u32::from_le_bytes([c0, c1, c2, c3]) })
    }

    /// Length of the payload in bytes.
    pub(crate) fn payload_bytes(self) -> usize {
        self.length as usize
    }

    /// Whether this is the payload that was written.
    pub(crate) fn fits(self, payload: &[u8]) -> bool {
        checksum(self.length.to_le_bytes(), payload) == self.checksum
    }
}

/// The length is covered too: a run of zeros, as some file systems leave after a power failure, is then no valid frame.
fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// The value that a whole payload encodes.
pub(crate) fn decode<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, DamageReason> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DamageReason::Undecodable(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(DamageReason::Undecodable(error.to_string())),
    }
}

/// The value that the start of a payload encodes, and the rest of the payload.
pub(crate) fn decode_start<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<(T, &'a [u8]), DamageReason> {
    postcard::take_from_bytes(payload).map_err(|error| DamageReason::Undecodable(error.to_string()))
}
