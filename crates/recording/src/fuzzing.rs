//! What reads a recording's files, behind their checksums, for fuzzers. None of it may panic, whatever comes.

use telemetry::{Event, Input};

use crate::columns::SEAL_BYTES;
use crate::frame::{PREFIX_BYTES, decode, encode};
use crate::frames::{MARK, decode_header};
use crate::{event_json, wire};

/// The payload of a frame. An input is written again as it was read.
pub fn payload(bytes: &[u8]) {
    let _ = decode_header(bytes);
    let Some(input) = input(bytes) else { return };
    let written = written(&input);
    let again = self::input(&written);
    assert_eq!(again.as_ref().map(self::written).as_ref(), Some(&written), "{input:?}");
    let Ok(json) = event_json(&input.event) else { panic!("{:?} has no JSON", input.event) };
    // Samples stand in columns of their own: their JSON is only ever written.
    let is_read = !matches!(input.event, Event::Samples(_));
    assert!(!is_read || serde_json::from_str::<wire::Event>(&json).is_ok(), "{json}");
}

/// A closed segment with the seal that its footer should have, where there is room for one.
pub fn sealed(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let Some(&[.., l0, l1, l2, l3, _, _, _, _]) = file.get(..) else { return file };
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let footer = file.len().checked_sub(8).and_then(|end| end.checked_sub(length));
    let Some((footer, seal)) = footer.and_then(|footer| Some((footer, footer.checked_sub(SEAL_BYTES)?))) else {
        return file;
    };
    let checksum = crc32fast::hash(&file[footer..]).to_le_bytes();
    file[seal..footer].copy_from_slice(&[&MARK[..], &checksum].concat());
    file
}

fn input(payload: &[u8]) -> Option<Input> {
    decode::<wire::Input>(payload).ok()?.try_into().ok()
}

fn written(input: &Input) -> Vec<u8> {
    match encode(&wire::Input::from(input)) {
        Ok(frame) => frame[PREFIX_BYTES..].to_vec(),
        Err(_) => panic!("{input:?} came in a frame and does not fit into one"),
    }
}
