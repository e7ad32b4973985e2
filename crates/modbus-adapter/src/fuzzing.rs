//! Everything that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use plant::WordOrder;

use crate::decode::{number, text};
use crate::frame::{Request, rtu_answer, take_tcp};
use crate::tag::{Address, Span, Table};

fn request() -> Request {
    Request { unit: 1, span: Span { table: Table::Holding, start: 0, count: 4 } }
}

/// Frames of Modbus TCP as a device may send them.
pub fn tcp(bytes: &[u8]) {
    let mut received = bytes.to_vec();
    while let Ok(Some(frame)) = take_tcp(&mut received) {
        let _ = request().answer(&frame.message);
    }
}

/// Frames of Modbus RTU as a line may bring them.
pub fn rtu(bytes: &[u8]) {
    let _ = rtu_answer(&request(), bytes);
}

/// The address of a tag list.
pub fn address(text: &str) {
    let _ = Address::parse(text);
}

/// The registers of a number or a text, in every order.
pub fn decode(bytes: &[u8]) {
    let cells: Vec<u16> = bytes.chunks_exact(2).take(4).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    for order in WordOrder::ALL {
        let _ = (number(&cells, order), text(&cells, order));
    }
}
