//! Everything that reads bytes or text from outside, for fuzzers. None of it may panic, whatever comes.

use adapter::testing::signal;
use plant::{DataType, WordOrder};

use crate::decode::{number, text};
use crate::frame::{Answer, Request, TcpFrame, rtu_answer, take_tcp};
use crate::tag::{BITS_MAX, Reading, Span, TABLE_CELLS, Table, tags};

/// A request for each table: registers, and bits that end within a byte.
fn requests() -> impl Iterator<Item = Request> {
    let count = |table| if matches!(table, Table::Coil | Table::Discrete) { 13 } else { 4 };
    Table::ALL.into_iter().map(move |table| Request { unit: 1, span: Span { table, start: 0, count: count(table) } })
}

/// An answer holds as many cells as were asked for.
fn is_whole(request: &Request, answer: &Answer) -> bool {
    !matches!(answer, Answer::Cells(cells) if cells.len() != usize::from(request.span.count))
}

/// Frames of Modbus TCP as a device may send them: the same however the network has cut them.
pub fn tcp(bytes: &[u8]) {
    let (whole, cut) = (frames(bytes, bytes.len().max(1)), frames(bytes, 7));
    assert_eq!(whole, cut);
    for frame in whole {
        for request in requests() {
            if let Ok(answer) = request.answer(&frame.message) {
                assert!(is_whole(&request, &answer), "{request:?}: {answer:?}");
            }
        }
    }
}

/// The frames before the first bytes that are none.
fn frames(bytes: &[u8], piece_bytes: usize) -> Vec<TcpFrame> {
    let (mut received, mut frames) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece_bytes) {
        received.extend_from_slice(piece);
        loop {
            match take_tcp(&mut received) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return frames,
            }
        }
    }
    frames
}

/// Frames of Modbus RTU as a line may bring them.
pub fn rtu(bytes: &[u8]) {
    for request in requests() {
        if let Ok(Some(answer)) = rtu_answer(&request, bytes) {
            assert!(is_whole(&request, &answer), "{request:?}: {answer:?}");
        }
    }
}

/// The address of a tag list, for a signal of each type. What is asked for is within a table and fits into an answer.
pub fn address(text: &str) {
    for base_address in [0, 1] {
        let signals: Vec<_> = (0..).zip(DataType::ALL).map(|(id, data_type)| signal(id, text, data_type)).collect();
        for signal in &signals {
            let Ok(tags) = tags(&[signal], Reading { base_address, ..Reading::STANDARD }) else { continue };
            let spans = || tags.iter().map(|tag| tag.span);
            assert!(spans().all(|span| (1..=BITS_MAX).contains(&span.count) && span.end() <= TABLE_CELLS), "{text}");
        }
    }
}

/// The registers of a number or a text, in every order.
pub fn decode(bytes: &[u8]) {
    let cells: Vec<u16> = bytes.chunks_exact(2).take(4).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    for order in WordOrder::ALL {
        let _ = (number(&cells, order), text(&cells, order));
    }
}
