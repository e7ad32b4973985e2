//! Numbers and texts at fixed places of a payload.

use adapter::Raw;
use plant::{DataType, Signal, WordOrder};

use super::{Message, Reading, Told, fields, sample};
use crate::topic::{Field, Filter};

/// The most bytes of a text.
const TEXT_BYTES_MAX: usize = 256;

/// Where a value lies in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    length: usize,
}

impl Span {
    /// What follows the topic in an address: the first byte, from 0, and for a text its length.
    pub(crate) fn parse(signal: &Signal, rest: Option<&str>) -> Result<Self, String> {
        const EXPECTED: &str = "expected TOPIC#OFFSET, such as ev1/press#4, and for a text TOPIC#OFFSET/LENGTH";
        let rest = rest.ok_or(EXPECTED)?;
        let number = |text: &str| text.parse::<u32>().map(|number| number as usize).map_err(|_| EXPECTED.to_owned());
        match (rest.split_once('/'), size(signal.data_type)) {
            (None, Some(length)) => Ok(Self { start: number(rest)?, length }),
            (Some((start, length)), None) => {
                let span = Self { start: number(start)?, length: number(length)? };
                if (1..=TEXT_BYTES_MAX).contains(&span.length) {
                    Ok(span)
                } else {
                    Err(format!("a text has 1 to {TEXT_BYTES_MAX} bytes"))
                }
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

/// How many bytes a value has; `None` for a text.
const fn size(data_type: DataType) -> Option<usize> {
    match data_type {
        DataType::Bool | DataType::U8 | DataType::I8 => Some(1),
        DataType::U16 | DataType::I16 => Some(2),
        DataType::U32 | DataType::I32 | DataType::F32 => Some(4),
        DataType::U64 | DataType::I64 | DataType::F64 => Some(8),
        DataType::Text => None,
    }
}

pub(super) fn read(filters: &[&Filter<Span>], message: Message<'_>, told: &mut Told) -> Reading {
    let end = fields(filters).map(|field| field.at.start + field.at.length).max().unwrap_or(0);
    if message.payload.len() < end {
        return message.malformed(filters, &format!("at least {end} bytes"), told);
    }
    let (time, quality) = message.moment();
    let value = |field: &Field<Span>, told: &mut Told| {
        let (Span { start, length }, signal) = (field.at, &field.signal);
        let bytes = &message.payload[start..start + length];
        sample(signal, raw(bytes, signal.data_type, signal.word_order), time, quality, told)
    };
    let samples = fields(filters).map(|field| value(field, told)).collect();
    Reading { batches: vec![samples], unusable: 0 }
}

/// A text ends before the first zero, as in C. One that is no UTF-8 is what no signal takes: a number that is none.
fn raw(bytes: &[u8], data_type: DataType, order: WordOrder) -> Raw<'_> {
    let ordered = || ordered(bytes, order);
    match data_type {
        DataType::Text => {
            let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            str::from_utf8(text).map_or(Raw::Float(f64::NAN), |text| Raw::Text(text.trim_end()))
        }
        DataType::Bool | DataType::U8 | DataType::U16 | DataType::U32 | DataType::U64 => {
            Raw::Integer(u64::from_be_bytes(ordered()).into())
        }
        DataType::I8 => Raw::Integer((u64::from_be_bytes(ordered()) as i8).into()),
        DataType::I16 => Raw::Integer((u64::from_be_bytes(ordered()) as i16).into()),
        DataType::I32 => Raw::Integer((u64::from_be_bytes(ordered()) as i32).into()),
        DataType::I64 => Raw::Integer((u64::from_be_bytes(ordered()) as i64).into()),
        DataType::F32 => Raw::Float(f32::from_bits(u64::from_be_bytes(ordered()) as u32).into()),
        DataType::F64 => Raw::Float(f64::from_bits(u64::from_be_bytes(ordered()))),
    }
}

/// The bytes, the highest first, behind zeros. The orders are those of the registers of Modbus.
fn ordered(bytes: &[u8], order: WordOrder) -> [u8; 8] {
    let (swaps_words, swaps_bytes) = match order {
        WordOrder::Abcd => (false, false),
        WordOrder::Cdab => (true, false),
        WordOrder::Badc => (false, true),
        WordOrder::Dcba => (true, true),
    };
    let mut all = [0; 8];
    let ordered = &mut all[8 - bytes.len()..];
    ordered.copy_from_slice(bytes);
    if swaps_words && swaps_bytes {
        ordered.reverse();
    } else if swaps_bytes {
        ordered.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    } else if swaps_words {
        ordered.reverse();
        ordered.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;

    use super::*;

    #[test]
    fn a_number_is_read_in_every_order() {
        let check = |bytes: &[u8], data_type, order, expected| assert_eq!(raw(bytes, data_type, order), expected);
        check(&[0x12, 0x34, 0x56, 0x78], DataType::U32, WordOrder::Abcd, Raw::Integer(0x1234_5678));
        check(&[0x56, 0x78, 0x12, 0x34], DataType::U32, WordOrder::Cdab, Raw::Integer(0x1234_5678));
        check(&[0x34, 0x12, 0x78, 0x56], DataType::U32, WordOrder::Badc, Raw::Integer(0x1234_5678));
        check(&[0x78, 0x56, 0x34, 0x12], DataType::U32, WordOrder::Dcba, Raw::Integer(0x1234_5678));
        check(&[0xfe, 0xff], DataType::I16, WordOrder::Dcba, Raw::Integer(-2));
        check(&[0xff], DataType::I8, WordOrder::Dcba, Raw::Integer(-1));
        check(&[0xff], DataType::U8, WordOrder::Cdab, Raw::Integer(255));
        check(&1.5f32.to_le_bytes(), DataType::F32, WordOrder::Dcba, Raw::Float(1.5));
        check(&(-2.5f64).to_be_bytes(), DataType::F64, WordOrder::Abcd, Raw::Float(-2.5));
        check(b"EV1\0xx", DataType::Text, WordOrder::Abcd, Raw::Text("EV1"));
    }

    #[test]
    fn an_address_says_where_the_value_lies() {
        let parse = |data_type, rest| Span::parse(&signal(0, "t", data_type), rest);
        assert_eq!(parse(DataType::F64, Some("4")), Ok(Span { start: 4, length: 8 }));
        assert_eq!(parse(DataType::Text, Some("4/30")), Ok(Span { start: 4, length: 30 }));
        for (data_type, rest) in [
            (DataType::F64, None),
            (DataType::F64, Some("/x")),
            (DataType::F64, Some("4/8")),
            (DataType::Text, Some("4")),
            (DataType::Text, Some("4/0")),
            (DataType::U8, Some("-1")),
        ] {
            assert!(parse(data_type, rest).is_err(), "{rest:?}");
        }
    }
}
