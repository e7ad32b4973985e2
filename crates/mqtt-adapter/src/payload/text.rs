//! A payload that is a value and nothing else, as text: `12.5`, `true`, `running`.

use adapter::Raw;
use plant::{DataType, Signal};

use super::{Message, Reading, Told, fields, sample};
use crate::topic::Filter;

/// What follows the topic in an address: nothing.
pub(super) fn nothing(_: &Signal, rest: Option<&str>) -> Result<(), String> {
    match rest {
        None => Ok(()),
        Some(_) => Err("the whole payload is the value; expected a topic without a #".to_owned()),
    }
}

pub(super) fn read(filters: &[&Filter<()>], message: Message<'_>, told: &mut Told) -> Reading {
    let Ok(text) = str::from_utf8(message.payload) else {
        return message.malformed(filters, "a text in UTF-8", told);
    };
    let (time, quality) = message.moment();
    let value = |signal: &Signal| raw(text.trim(), signal.data_type);
    let samples =
        fields(filters).map(|field| sample(&field.signal, value(&field.signal), time, quality, told)).collect();
    Reading { batches: vec![samples], unusable: 0 }
}

/// A text as what its signal is. What it is not stays a text, which no number takes.
fn raw(text: &str, data_type: DataType) -> Raw<'_> {
    match data_type {
        DataType::Text => Raw::Text(text),
        DataType::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Raw::Boolean(true),
            "false" | "off" | "0" => Raw::Boolean(false),
            _ => Raw::Text(text),
        },
        _ => match text.parse::<i128>() {
            Ok(number) => Raw::Integer(number),
            Err(_) => text.parse().map_or(Raw::Text(text), Raw::Float),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_its_signal_is_and_else_a_text() {
        let check = |text, data_type, expected| assert_eq!(raw(text, data_type), expected, "{text}");
        check("ON", DataType::Bool, Raw::Boolean(true));
        check("0", DataType::Bool, Raw::Boolean(false));
        check("2", DataType::Bool, Raw::Text("2"));
        check("-7", DataType::I16, Raw::Integer(-7));
        check("1.5e3", DataType::F64, Raw::Float(1500.0));
        check("1,5", DataType::F64, Raw::Text("1,5"));
        check("", DataType::F64, Raw::Text(""));
        check("12", DataType::Text, Raw::Text("12"));
    }
}
