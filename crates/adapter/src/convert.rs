use std::fmt;

use plant::{DataType, Signal};
use telemetry::{Quality, Reason, Sample, Symbol, Timestamp, Value};

/// A value as a device gave it, before the signal's type and scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw<'a> {
    /// A floating-point number.
    Float(f64),
    /// An integer; wide enough for every integer type of every protocol.
    Integer(i128),
    /// A condition.
    Boolean(bool),
    /// A text.
    Text(&'a str),
}

/// The most characters of a text that a message to a person shows.
const SHOWN_CHARS_MAX: usize = 60;

/// As a message to a person names it: `the integer 7`.
impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(number) => write!(f, "the number {number:?}"),
            Self::Integer(number) => write!(f, "the integer {number}"),
            Self::Boolean(condition) => write!(f, "the boolean {condition}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
                write!(f, "the text {shown:?} of {} bytes", text.len())
            }
        }
    }
}

/// The value of a signal: of the signal's type, scaled to its unit.
///
/// | type | takes | gives |
/// |---|---|---|
/// | bool | booleans, the integers 0 and 1 | boolean |
/// | u8 to i64 | integers, and numbers without a fraction | integer; a float if the signal is scaled |
/// | f32, f64 | numbers | float |
/// | text | texts of up to [`Symbol::MAX_BYTES`] bytes | symbol |
///
/// # Errors
/// [`Reason::TypeMismatch`] for anything else; [`Reason::OutOfRange`] for a number that is not finite, or that the type
/// (for unscaled integers also `i64`) cannot hold.
pub fn convert(raw: Raw<'_>, signal: &Signal) -> Result<Value, Reason> {
    match signal.data_type {
        DataType::Bool => boolean(raw),
        DataType::U8 => integer(raw, signal, 0, u8::MAX.into()),
        DataType::I8 => integer(raw, signal, i8::MIN.into(), i8::MAX.into()),
        DataType::U16 => integer(raw, signal, 0, u16::MAX.into()),
        DataType::I16 => integer(raw, signal, i16::MIN.into(), i16::MAX.into()),
        DataType::U32 => integer(raw, signal, 0, u32::MAX.into()),
        DataType::I32 => integer(raw, signal, i32::MIN.into(), i32::MAX.into()),
        DataType::U64 => integer(raw, signal, 0, u64::MAX.into()),
        DataType::I64 => integer(raw, signal, i64::MIN.into(), i64::MAX.into()),
        DataType::F32 | DataType::F64 => float(raw, signal),
        DataType::Text => text(raw),
    }
}

/// A value as a device gave it, as a sample of a signal: of that quality, or bad if it is no value of the signal.
pub fn sample(signal: &Signal, raw: Raw<'_>, source_time: Timestamp, quality: Quality) -> Sample {
    match convert(raw, signal) {
        Ok(value) => Sample { signal: signal.id, source_time, value, quality },
        Err(reason) => bad_sample(signal, source_time, reason),
    }
}

/// A sample of bad quality. Where no value came it carries zero, false or an empty text, as the signal's type says.
pub fn bad_sample(signal: &Signal, source_time: Timestamp, reason: Reason) -> Sample {
    let value = match signal.data_type {
        DataType::Bool => Value::Boolean(false),
        DataType::Text => Value::Symbol(Symbol::new("").unwrap_or_else(|_| unreachable!("an empty text is short"))),
        DataType::F32 | DataType::F64 => Value::Float(0.0),
        _ if is_scaled(signal) => Value::Float(0.0),
        _ => Value::Integer(0),
    };
    Sample { signal: signal.id, source_time, value, quality: Quality::Bad(reason) }
}

fn boolean(raw: Raw<'_>) -> Result<Value, Reason> {
    match raw {
        Raw::Boolean(condition) => Ok(Value::Boolean(condition)),
        Raw::Integer(0) => Ok(Value::Boolean(false)),
        Raw::Integer(1) => Ok(Value::Boolean(true)),
        _ => Err(Reason::TypeMismatch),
    }
}

fn integer(raw: Raw<'_>, signal: &Signal, low: i128, high: i128) -> Result<Value, Reason> {
    let number = match raw {
        Raw::Integer(number) => number,
        Raw::Float(number) if !number.is_finite() => return Err(Reason::OutOfRange),
        Raw::Float(number) if number.fract() == 0.0 => number as i128,
        _ => return Err(Reason::TypeMismatch),
    };
    if !(low..=high).contains(&number) {
        return Err(Reason::OutOfRange);
    }
    if is_scaled(signal) {
        return scaled(number as f64, signal);
    }
    i64::try_from(number).map(Value::Integer).map_err(|_| Reason::OutOfRange)
}

fn float(raw: Raw<'_>, signal: &Signal) -> Result<Value, Reason> {
    match raw {
        Raw::Float(number) => scaled(number, signal),
        Raw::Integer(number) => scaled(number as f64, signal),
        Raw::Boolean(_) | Raw::Text(_) => Err(Reason::TypeMismatch),
    }
}

fn text(raw: Raw<'_>) -> Result<Value, Reason> {
    match raw {
        Raw::Text(text) => Symbol::new(text).map(Value::Symbol).map_err(|_| Reason::TypeMismatch),
        _ => Err(Reason::TypeMismatch),
    }
}

fn is_scaled(signal: &Signal) -> bool {
    signal.scale != 1.0 || signal.offset != 0.0
}

fn scaled(number: f64, signal: &Signal) -> Result<Value, Reason> {
    let value = number * signal.scale + signal.offset;
    if value.is_finite() { Ok(Value::Float(value)) } else { Err(Reason::OutOfRange) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::signal;

    fn scaled_signal(data_type: DataType, scale: f64, offset: f64) -> Signal {
        Signal { scale, offset, ..signal(0, "", data_type) }
    }

    fn check(data_type: DataType, raw: Raw<'_>, expected: Result<Value, Reason>) {
        assert_eq!(convert(raw, &signal(0, "", data_type)), expected, "{raw} as {}", data_type.name());
    }

    fn check_scaled(data_type: DataType, raw: Raw<'_>, expected: Result<Value, Reason>) {
        assert_eq!(
            convert(raw, &scaled_signal(data_type, 0.5, 10.0)),
            expected,
            "{raw} as scaled {}",
            data_type.name()
        );
    }

    #[test]
    fn a_bool_takes_booleans_and_the_integers_0_and_1() {
        check(DataType::Bool, Raw::Boolean(true), Ok(Value::Boolean(true)));
        check(DataType::Bool, Raw::Integer(1), Ok(Value::Boolean(true)));
        check(DataType::Bool, Raw::Integer(0), Ok(Value::Boolean(false)));
        check(DataType::Bool, Raw::Integer(2), Err(Reason::TypeMismatch));
        check(DataType::Bool, Raw::Float(1.0), Err(Reason::TypeMismatch));
        check(DataType::Bool, Raw::Text("true"), Err(Reason::TypeMismatch));
    }

    #[test]
    fn an_integer_takes_what_its_type_can_hold() {
        check(DataType::U16, Raw::Integer(65_535), Ok(Value::Integer(65_535)));
        check(DataType::U16, Raw::Integer(65_536), Err(Reason::OutOfRange));
        check(DataType::U32, Raw::Integer(-1), Err(Reason::OutOfRange));
        check(DataType::I64, Raw::Integer(i64::MIN.into()), Ok(Value::Integer(i64::MIN)));
        check(DataType::U64, Raw::Integer(u64::MAX.into()), Err(Reason::OutOfRange));
        check(DataType::I32, Raw::Float(5.0), Ok(Value::Integer(5)));
        check(DataType::I32, Raw::Float(5.5), Err(Reason::TypeMismatch));
        check(DataType::I32, Raw::Float(f64::NAN), Err(Reason::OutOfRange));
        check(DataType::I32, Raw::Float(1e300), Err(Reason::OutOfRange));
        check(DataType::I32, Raw::Boolean(true), Err(Reason::TypeMismatch));
        check(DataType::I32, Raw::Text("5"), Err(Reason::TypeMismatch));
    }

    #[test]
    fn a_scaled_integer_is_a_float() {
        check_scaled(DataType::U16, Raw::Integer(7), Ok(Value::Float(13.5)));
        check_scaled(DataType::U64, Raw::Integer(1 << 63), Ok(Value::Float(4_611_686_018_427_387_914.0)));
    }

    #[test]
    fn a_float_takes_finite_numbers() {
        check(DataType::F32, Raw::Float(0.25), Ok(Value::Float(0.25)));
        check(DataType::F64, Raw::Integer(-3), Ok(Value::Float(-3.0)));
        check_scaled(DataType::F64, Raw::Float(1.0), Ok(Value::Float(10.5)));
        check(DataType::F64, Raw::Float(f64::INFINITY), Err(Reason::OutOfRange));
        check(DataType::F64, Raw::Boolean(true), Err(Reason::TypeMismatch));
    }

    #[test]
    fn a_text_takes_short_texts() {
        check(DataType::Text, Raw::Text("EV1-L"), Ok(Value::Symbol(Symbol::new("EV1-L").unwrap())));
        check(DataType::Text, Raw::Text(&"x".repeat(31)), Err(Reason::TypeMismatch));
        check(DataType::Text, Raw::Integer(7), Err(Reason::TypeMismatch));
    }

    #[test]
    fn a_bad_sample_is_of_the_signals_type() {
        for (data_type, scale, value) in [
            (DataType::Bool, 1.0, Value::Boolean(false)),
            (DataType::U16, 1.0, Value::Integer(0)),
            (DataType::U16, 0.1, Value::Float(0.0)),
            (DataType::F32, 1.0, Value::Float(0.0)),
            (DataType::Text, 1.0, Value::Symbol(Symbol::new("").unwrap())),
        ] {
            let sample = bad_sample(&scaled_signal(data_type, scale, 0.0), Timestamp::EPOCH, Reason::Timeout);
            assert_eq!((sample.value, sample.quality), (value, Quality::Bad(Reason::Timeout)));
        }
    }
}
