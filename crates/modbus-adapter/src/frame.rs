//! Requests and answers as bytes, over Modbus TCP and RTU.
//!
//! A [`Request`] reads the cells of a span and can do nothing else: no function code that writes has a name here.

use std::fmt;

use crc::{CRC_16_MODBUS, Crc};

use crate::tag::{Span, Table};

/// A request to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) unit: u8,
    pub(crate) span: Span,
}

/// What a device said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As many cells as were asked for: registers, or 0 and 1 for coils and discrete inputs.
    Cells(Vec<u16>),
    /// The device refuses this request; it will answer others.
    Refused(Exception),
}

/// Why a device refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exception(pub(crate) u8);

impl Exception {
    pub(crate) const ILLEGAL_FUNCTION: Self = Self(1);
    pub(crate) const ILLEGAL_ADDRESS: Self = Self(2);
    pub(crate) const ILLEGAL_VALUE: Self = Self(3);
    pub(crate) const ACKNOWLEDGE: Self = Self(5);
    pub(crate) const BUSY: Self = Self(6);
    pub(crate) const GATEWAY_NO_PATH: Self = Self(10);
    pub(crate) const GATEWAY_NO_ANSWER: Self = Self(11);

    /// Whether the same request may be answered a moment later.
    pub(crate) fn is_busy(self) -> bool {
        matches!(self, Self::ACKNOWLEDGE | Self::BUSY)
    }

    /// Whether a gateway speaks in place of a unit that it does not reach.
    pub(crate) fn is_of_gateway(self) -> bool {
        matches!(self, Self::GATEWAY_NO_PATH | Self::GATEWAY_NO_ANSWER)
    }

    /// Whether a part of the refused cells may be readable.
    pub(crate) fn concerns_address(self) -> bool {
        !self.is_busy() && !self.is_of_gateway()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "server device failure",
            5 => "acknowledge, it needs more time",
            6 => "server device busy",
            8 => "memory parity error",
            10 => "gateway path unavailable",
            11 => "gateway target device failed to respond",
            _ => "an exception of its own",
        };
        write!(f, "{text} (code {})", self.0)
    }
}

impl Table {
    /// The function code that reads it.
    const fn function(self) -> u8 {
        match self {
            Self::Coil => 1,
            Self::Discrete => 2,
            Self::Holding => 3,
            Self::Input => 4,
        }
    }
}

/// Set in the function code of a refusal.
const REFUSED: u8 = 0x80;
/// Bytes before the unit in a frame of Modbus TCP.
const TCP_PREFIX: usize = 6;
/// Bytes of the unit and of the longest message.
const TCP_LENGTH_MAX: usize = 254;
pub(crate) const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

impl Request {
    fn message(&self) -> [u8; 5] {
        let Span { table, start, count } = self.span;
        let ([start_high, start_low], [count_high, count_low]) = (start.to_be_bytes(), count.to_be_bytes());
        [table.function(), start_high, start_low, count_high, count_low]
    }

    /// The frame of Modbus TCP, or of Modbus Security, which is the same within TLS.
    pub(crate) fn tcp(&self, transaction: u16) -> [u8; 12] {
        let [high, low] = transaction.to_be_bytes();
        let [function, a, b, c, d] = self.message();
        [high, low, 0, 0, 0, 6, self.unit, function, a, b, c, d]
    }

    /// The frame of Modbus RTU.
    pub(crate) fn rtu(&self) -> [u8; 8] {
        let [function, a, b, c, d] = self.message();
        let [low, high] = CRC.checksum(&[self.unit, function, a, b, c, d]).to_le_bytes();
        [self.unit, function, a, b, c, d, low, high]
    }

    /// Bytes that hold the cells.
    fn data_bytes(&self) -> usize {
        let count = usize::from(self.span.count);
        match self.span.table {
            Table::Coil | Table::Discrete => count.div_ceil(8),
            Table::Input | Table::Holding => count * 2,
        }
    }

    /// What a message, without unit and checksum, says to this request.
    pub(crate) fn answer(&self, message: &[u8]) -> Result<Answer, String> {
        let function = self.span.table.function();
        match message {
            [refused, code] if *refused == function | REFUSED => Ok(Answer::Refused(Exception(*code))),
            [same, bytes, data @ ..] if *same == function => {
                let (told, expected) = (usize::from(*bytes), self.data_bytes());
                if told != data.len() || told != expected {
                    return Err(format!("the answer holds {} bytes of data; expected {expected}", data.len()));
                }
                Ok(Answer::Cells(self.cells(data)))
            }
            [other, ..] => Err(format!("the answer is to function {other}; expected {function}")),
            [] => Err("the answer is empty".to_owned()),
        }
    }

    fn cells(&self, data: &[u8]) -> Vec<u16> {
        match self.span.table {
            // Bits come eight to a byte; the last byte may hold some that nobody asked for.
            Table::Coil | Table::Discrete => data
                .iter()
                .flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1)))
                .take(usize::from(self.span.count))
                .collect(),
            Table::Input | Table::Holding => {
                data.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect()
            }
        }
    }
}

/// A frame of Modbus TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TcpFrame {
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) message: Vec<u8>,
}

/// Takes the first frame out of what has been received, if it is there as a whole.
///
/// # Errors
/// If these bytes are no frame: then nothing after them can be understood either.
pub(crate) fn take_tcp(received: &mut Vec<u8>) -> Result<Option<TcpFrame>, String> {
    let &[high, low, protocol_high, protocol_low, length_high, length_low, ..] = received.as_slice() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if (protocol_high, protocol_low) != (0, 0) || !(2..=TCP_LENGTH_MAX).contains(&length) {
        return Err(format!("what came is no Modbus TCP frame: {:02X?}", &received[..TCP_PREFIX]));
    }
    if received.len() < TCP_PREFIX + length {
        return Ok(None);
    }
    let rest = received.split_off(TCP_PREFIX + length);
    let frame = std::mem::replace(received, rest);
    let transaction = u16::from_be_bytes([high, low]);
    Ok(Some(TcpFrame { transaction, unit: frame[TCP_PREFIX], message: frame[TCP_PREFIX + 1..].to_vec() }))
}

/// What the first bytes of a line say to a request; `None` if more must come.
///
/// # Errors
/// If they are not an answer to it. RTU does not say where a frame begins: all that has come is then of no use.
pub(crate) fn rtu_answer(request: &Request, received: &[u8]) -> Result<Option<Answer>, String> {
    let function = request.span.table.function();
    let length = match received {
        [unit, ..] if *unit != request.unit => return Err(format!("it is of unit {unit}, not {}", request.unit)),
        [] | [_] => return Ok(None),
        [_, code, ..] if *code == function | REFUSED => 5,
        [_, code, ..] if *code == function => 5 + request.data_bytes(),
        [_, code, ..] => return Err(format!("it is to function {code}; expected {function}")),
    };
    let Some(frame) = received.get(..length) else { return Ok(None) };
    let (body, checksum) = frame.split_at(length - 2);
    if CRC.checksum(body).to_le_bytes() != checksum {
        return Err("its checksum is wrong".to_owned());
    }
    request.answer(&body[1..]).map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(table: Table, start: u16, count: u16) -> Request {
        Request { unit: 0x11, span: Span { table, start, count } }
    }

    /// The requests of the standard's examples, byte for byte.
    #[test]
    fn a_request_is_as_the_standard_has_it() {
        let holding = request(Table::Holding, 0x6B, 3);
        assert_eq!(holding.tcp(0x1501), [0x15, 1, 0, 0, 0, 6, 0x11, 3, 0, 0x6B, 0, 3]);
        assert_eq!(holding.rtu(), [0x11, 3, 0, 0x6B, 0, 3, 0x76, 0x87]);
    }

    #[test]
    fn never_writes() {
        // 1 to 4 read; 5, 6, 15, 16, 22, 23 write.
        let functions = Table::ALL.map(|table| request(table, 0, 1).rtu()[1]);
        assert!(functions.iter().all(|function| (1..=4).contains(function)), "{functions:?}");
    }

    fn check(table: Table, count: u16, message: &[u8], expected: Result<Answer, &str>) {
        assert_eq!(request(table, 0, count).answer(message), expected.map_err(str::to_owned));
    }

    #[test]
    fn an_answer_must_hold_as_many_cells_as_were_asked_for() {
        check(Table::Holding, 2, &[3, 4, 0, 7, 1, 0], Ok(Answer::Cells(vec![7, 256])));
        check(Table::Holding, 2, &[3, 2, 0, 7], Err("the answer holds 2 bytes of data; expected 4"));
        check(Table::Coil, 3, &[1, 1, 0xFD], Ok(Answer::Cells(vec![1, 0, 1])));
        check(Table::Coil, 9, &[1, 1, 0xFF], Err("the answer holds 1 bytes of data; expected 2"));
        check(Table::Input, 1, &[0x84, 2], Ok(Answer::Refused(Exception::ILLEGAL_ADDRESS)));
        check(Table::Input, 1, &[3, 2, 0, 7], Err("the answer is to function 3; expected 4"));
    }

    #[test]
    fn a_frame_is_taken_when_it_is_whole_and_what_is_none_is_an_error() {
        let whole = [0, 7, 0, 0, 0, 5, 1, 3, 2, 0, 9];
        for cut in 0..whole.len() {
            assert_eq!(take_tcp(&mut whole[..cut].to_vec()), Ok(None));
        }
        let mut received = [&whole[..], &[0, 8]].concat();
        let frame = TcpFrame { transaction: 7, unit: 1, message: vec![3, 2, 0, 9] };
        assert_eq!(take_tcp(&mut received), Ok(Some(frame)));
        assert_eq!(received, [0, 8]);
        assert!(take_tcp(&mut vec![0, 7, 1, 0, 0, 5]).is_err());
        assert!(take_tcp(&mut vec![0, 7, 0, 0, 0, 1]).is_err());
    }

    #[test]
    fn a_line_answers_when_its_checksum_is_right() {
        let asked = Request { unit: 1, span: Span { table: Table::Holding, start: 0, count: 1 } };
        let body = [1, 3, 2, 0, 9];
        let frame = [&body[..], &CRC.checksum(&body).to_le_bytes()].concat();
        for cut in 0..frame.len() {
            assert_eq!(rtu_answer(&asked, &frame[..cut]), Ok(None));
        }
        assert_eq!(rtu_answer(&asked, &frame), Ok(Some(Answer::Cells(vec![9]))));
        for broken in 0..frame.len() {
            let mut bytes = frame.clone();
            bytes[broken] ^= 0x40;
            assert!(rtu_answer(&asked, &bytes).is_err(), "byte {broken}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..300), count in 1..=125u16) {
            let asked = request(Table::Holding, 0, count);
            let mut received = bytes.clone();
            if let Ok(Some(frame)) = take_tcp(&mut received) {
                let _ = asked.answer(&frame.message);
            }
            let _ = rtu_answer(&asked, &bytes);
        }
    }
}
