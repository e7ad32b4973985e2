use adapter::{Raw, convert};
use plant::WordOrder;
use telemetry::{Reason, Value};

use crate::tag::{Encoding, Tag};

/// The value that a tag's own cells hold, as many as its span counts.
///
/// # Errors
/// [`Reason::OutOfRange`] for a number that is not finite or too large, [`Reason::Malformed`] for a text that is not
/// UTF-8, [`Reason::TypeMismatch`] for a text that is too long.
pub(crate) fn decode(tag: &Tag, cells: &[u16]) -> Result<Value, Reason> {
    let order = tag.signal.word_order;
    match tag.encoding {
        Encoding::Bit(bit) => convert(Raw::Boolean(number(cells, order) >> bit & 1 == 1), &tag.signal),
        Encoding::Byte { high, signed } => {
            let [high_byte, low_byte] = (number(cells, order) as u16).to_be_bytes();
            let byte = if high { high_byte } else { low_byte };
            convert(Raw::Integer(if signed { i128::from(byte as i8) } else { byte.into() }), &tag.signal)
        }
        Encoding::Unsigned => convert(Raw::Integer(number(cells, order).into()), &tag.signal),
        Encoding::Signed => convert(Raw::Integer(sign_extended(number(cells, order), cells.len()).into()), &tag.signal),
        Encoding::Float => convert(Raw::Float(float(number(cells, order), cells.len())), &tag.signal),
        Encoding::Text => convert(Raw::Text(&text(cells, order)?), &tag.signal),
    }
}

/// The bits of up to four registers as one number, the most significant word first once `order` is undone.
pub(crate) fn number(cells: &[u16], order: WordOrder) -> u64 {
    let join = |bits: u64, &cell: &u16| bits << 16 | u64::from(in_byte_order(cell, order));
    match order {
        WordOrder::Abcd | WordOrder::Badc => cells.iter().fold(0, join),
        WordOrder::Cdab | WordOrder::Dcba => cells.iter().rev().fold(0, join),
    }
}

fn in_byte_order(cell: u16, order: WordOrder) -> u16 {
    match order {
        WordOrder::Abcd | WordOrder::Cdab => cell,
        WordOrder::Badc | WordOrder::Dcba => cell.swap_bytes(),
    }
}

fn sign_extended(bits: u64, registers: usize) -> i64 {
    match registers {
        1 => i64::from(bits as u16 as i16),
        2 => i64::from(bits as u32 as i32),
        _ => bits as i64,
    }
}

fn float(bits: u64, registers: usize) -> f64 {
    match registers {
        2 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// The text up to the first zero byte, without padding spaces at its end.
pub(crate) fn text(cells: &[u16], order: WordOrder) -> Result<String, Reason> {
    let bytes = cells.iter().flat_map(|&cell| in_byte_order(cell, order).to_be_bytes()).take_while(|&byte| byte != 0);
    let text = String::from_utf8(bytes.collect()).map_err(|_| Reason::Malformed)?;
    Ok(text.trim_end_matches(' ').to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use plant::{DataType, Signal};
    use proptest::prelude::*;
    use telemetry::Symbol;

    use super::*;
    use crate::tag::{Reading, tags};

    fn decoded(address: &str, data_type: DataType, order: WordOrder, cells: &[u16]) -> Result<Value, Reason> {
        let signal = Signal { word_order: order, ..signal(0, address, data_type) };
        decode(&tags(&[&signal], Reading::STANDARD).unwrap()[0], cells)
    }

    fn check(data_type: DataType, order: WordOrder, cells: &[u16], expected: Result<Value, Reason>) {
        assert_eq!(decoded("holding:0", data_type, order, cells), expected, "{data_type:?} {order:?} {cells:04X?}");
    }

    fn check_text(order: WordOrder, cells: &[u16], expected: Result<&str, Reason>) {
        let address = format!("holding:0/{}", cells.len());
        let expected = expected.map(|text| Value::Symbol(Symbol::new(text).unwrap()));
        assert_eq!(decoded(&address, DataType::Text, order, cells), expected, "{cells:04X?}");
    }

    #[test]
    fn known_registers_give_known_values() {
        check(DataType::U32, WordOrder::Abcd, &[0x0001, 0x0002], Ok(Value::Integer(65_538)));
        check(DataType::U32, WordOrder::Cdab, &[0x0001, 0x0002], Ok(Value::Integer(131_073)));
        check(DataType::U32, WordOrder::Badc, &[0x0100, 0x0200], Ok(Value::Integer(65_538)));
        check(DataType::U32, WordOrder::Dcba, &[0x0200, 0x0100], Ok(Value::Integer(65_538)));
        check(DataType::I16, WordOrder::Abcd, &[0xFFFE], Ok(Value::Integer(-2)));
        check(DataType::F32, WordOrder::Abcd, &[0x4148, 0x0000], Ok(Value::Float(12.5)));
        check(DataType::F32, WordOrder::Cdab, &[0x0000, 0x4148], Ok(Value::Float(12.5)));
        check(DataType::F64, WordOrder::Abcd, &[0x4029, 0, 0, 0], Ok(Value::Float(12.5)));
    }

    #[test]
    fn a_bit_counts_from_the_lowest() {
        assert_eq!(decoded("holding:0.0", DataType::Bool, WordOrder::Abcd, &[1]), Ok(Value::Boolean(true)));
        assert_eq!(decoded("holding:0.15", DataType::Bool, WordOrder::Abcd, &[0x8000]), Ok(Value::Boolean(true)));
        assert_eq!(decoded("holding:0.14", DataType::Bool, WordOrder::Abcd, &[0x8000]), Ok(Value::Boolean(false)));
        assert_eq!(decoded("coil:0", DataType::Bool, WordOrder::Abcd, &[1]), Ok(Value::Boolean(true)));
    }

    #[test]
    fn a_byte_is_half_a_register_once_the_order_is_undone() {
        let check = |address: &str, data_type, order, expected| {
            assert_eq!(decoded(address, data_type, order, &[0xFE07]), Ok(Value::Integer(expected)), "{address}");
        };
        check("holding:0.high", DataType::U8, WordOrder::Abcd, 0xFE);
        check("holding:0.high", DataType::I8, WordOrder::Abcd, -2);
        check("holding:0.low", DataType::U8, WordOrder::Abcd, 7);
        check("holding:0.low", DataType::I8, WordOrder::Badc, -2);
    }

    #[test]
    fn a_number_that_is_not_finite_is_out_of_range() {
        check(DataType::F32, WordOrder::Abcd, &[0x7FC0, 0], Err(Reason::OutOfRange));
        check(DataType::F32, WordOrder::Abcd, &[0x7F80, 0], Err(Reason::OutOfRange));
        check(DataType::F64, WordOrder::Abcd, &[0xFFF0, 0, 0, 0], Err(Reason::OutOfRange));
    }

    #[test]
    fn a_text_ends_at_its_padding() {
        check_text(WordOrder::Abcd, &[0x4556, 0x3100, 0x4141], Ok("EV1"));
        check_text(WordOrder::Abcd, &[0x4556, 0x3120, 0x2020], Ok("EV1"));
        check_text(WordOrder::Badc, &[0x5645, 0x0031], Ok("EV1"));
        check_text(WordOrder::Abcd, &[0, 0], Ok(""));
        check_text(WordOrder::Abcd, &[0xFF41], Err(Reason::Malformed));
        check_text(WordOrder::Abcd, &[0x4141; 16], Err(Reason::TypeMismatch));
    }

    /// Lays out the bytes of a value as the letters of the order's name say, word by word, not as `decode` undoes it.
    fn registers(big_endian: &[u8], order: WordOrder) -> Vec<u16> {
        let mut words: Vec<[u8; 2]> = big_endian.chunks(2).map(|word| [word[0], word[1]]).collect();
        let name = order.name();
        if name.find('c') < name.find('a') {
            words.reverse();
        }
        if name.find('b') < name.find('a') {
            words.iter_mut().for_each(|word| word.reverse());
        }
        words.into_iter().map(u16::from_be_bytes).collect()
    }

    fn check_every_order(data_type: DataType, big_endian: &[u8], expected: Result<Value, Reason>) {
        for order in WordOrder::ALL {
            check(data_type, order, &registers(big_endian, order), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_in_any_order_is_decoded(bits: u64) {
            let bytes = bits.to_be_bytes();
            let integer = |number: i64| Ok(Value::Integer(number));
            check_every_order(DataType::U16, &bytes[..2], integer(u16::from_be_bytes([bytes[0], bytes[1]]).into()));
            check_every_order(DataType::I16, &bytes[..2], integer(i16::from_be_bytes([bytes[0], bytes[1]]).into()));
            let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
            check_every_order(DataType::U32, &four, integer(u32::from_be_bytes(four).into()));
            check_every_order(DataType::I32, &four, integer(i32::from_be_bytes(four).into()));
            check_every_order(DataType::I64, &bytes, integer(i64::from_be_bytes(bytes)));
            check_every_order(DataType::U64, &bytes, i64::try_from(bits).map(Value::Integer).map_err(|_| Reason::OutOfRange));
        }

        #[test]
        fn every_finite_float_comes_back_exactly(single in proptest::num::f32::ANY, double in proptest::num::f64::ANY) {
            let float = |number: f64| if number.is_finite() { Ok(Value::Float(number)) } else { Err(Reason::OutOfRange) };
            check_every_order(DataType::F32, &single.to_be_bytes(), float(single.into()));
            check_every_order(DataType::F64, &double.to_be_bytes(), float(double));
        }
    }
}
