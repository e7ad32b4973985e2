use telemetry::{Symbol, Value};

use super::ServeError;
use crate::Point;

/// A value as a device holds it: typed, scaled, saturated at the ends of its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    Bool(bool),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
    Text(Symbol),
}

/// The types that a device can hold, by their names in a tag list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataType {
    Bool,
    U16,
    I16,
    U32,
    I32,
    I64,
    F32,
    F64,
    Text,
}

impl DataType {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "u16" => Self::U16,
            "i16" => Self::I16,
            "u32" => Self::U32,
            "i32" => Self::I32,
            "i64" => Self::I64,
            "f32" => Self::F32,
            "f64" => Self::F64,
            "text" => Self::Text,
            _ => return None,
        })
    }

    /// The registers of 16 bits that a number of this type takes; `None` for a text and a condition.
    pub(super) fn registers(self) -> Option<u16> {
        match self {
            Self::Bool | Self::Text => None,
            Self::U16 | Self::I16 => Some(1),
            Self::U32 | Self::I32 | Self::F32 => Some(2),
            Self::I64 | Self::F64 => Some(4),
        }
    }
}

/// A point as its device knows it.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    path: String,
    address: String,
    pub(super) data_type: DataType,
    scale: f64,
}

impl Tag {
    pub(super) fn new(point: &Point) -> Result<Self, ServeError> {
        let problem = |problem: String| ServeError::point(&point.path, &point.address, problem);
        let data_type = DataType::from_name(point.data_type)
            .ok_or_else(|| problem(format!("`{}` is no type that a device can hold", point.data_type)))?;
        if !point.scale.is_finite() || point.scale == 0.0 {
            return Err(problem(format!("a scale of {} cannot be divided by", point.scale)));
        }
        Ok(Self { path: point.path.clone(), address: point.address.clone(), data_type, scale: point.scale })
    }

    /// An error about this tag.
    pub(super) fn error(&self, problem: impl Into<String>) -> ServeError {
        ServeError::point(&self.path, &self.address, problem)
    }

    /// What the device holds for `value`, given in the point's unit.
    pub(super) fn raw(&self, value: Value) -> Result<Raw, ServeError> {
        self.convert(value).ok_or_else(|| self.error(format!("{value:?} does not fit the type {:?}", self.data_type)))
    }

    fn convert(&self, value: Value) -> Option<Raw> {
        let whole = |min: i64, max: i64| self.whole(value).map(|number| number.clamp(min, max));
        Some(match self.data_type {
            DataType::Bool => Raw::Bool(value.as_bool()?),
            DataType::U16 => Raw::U16(whole(0, u16::MAX.into())? as u16),
            DataType::I16 => Raw::I16(whole(i16::MIN.into(), i16::MAX.into())? as i16),
            DataType::U32 => Raw::U32(whole(0, u32::MAX.into())? as u32),
            DataType::I32 => Raw::I32(whole(i32::MIN.into(), i32::MAX.into())? as i32),
            DataType::I64 => Raw::I64(whole(i64::MIN, i64::MAX)?),
            DataType::F32 => Raw::F32(self.real(value)? as f32),
            DataType::F64 => Raw::F64(self.real(value)?),
            DataType::Text => match value {
                Value::Symbol(text) => Raw::Text(text),
                _ => return None,
            },
        })
    }

    fn real(&self, value: Value) -> Option<f64> {
        match value {
            Value::Float(number) => Some(number / self.scale),
            other => other.as_f64().map(|number| number / self.scale),
        }
    }

    fn whole(&self, value: Value) -> Option<i64> {
        match value {
            // A large count must not pass through a float.
            Value::Integer(number) if self.scale == 1.0 => Some(number),
            other => self.real(other).map(|number| number.round() as i64),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::SimLink;

    /// A point for tests.
    pub(crate) fn point(link: SimLink, address: &str, data_type: &'static str) -> Point {
        let path = format!("station/{}", address.replace(['/', ';', '='], "-"));
        let range = None;
        let (order, unit, scale, description) = ("", "", 1.0, String::new());
        Point { path, role: "other", link, address: address.into(), data_type, order, unit, scale, range, description }
    }

    fn check(data_type: &'static str, scale: f64, value: Value, expected: Option<Raw>) {
        let point = Point { scale, ..point(SimLink::WeldPlc, "holding:0", data_type) };
        assert_eq!(Tag::new(&point).ok().and_then(|tag| tag.raw(value).ok()), expected, "{data_type} {value:?}");
    }

    #[test]
    fn a_device_scales_rounds_and_saturates() {
        check("u16", 0.1, Value::Float(21.26), Some(Raw::U16(213)));
        check("u16", 1.0, Value::Float(-3.0), Some(Raw::U16(0)));
        check("i16", 0.1, Value::Float(-21.26), Some(Raw::I16(-213)));
        check("u16", 1.0, Value::Integer(70_000), Some(Raw::U16(u16::MAX)));
        check("u32", 1.0, Value::Integer(70_000), Some(Raw::U32(70_000)));
        check("i32", 1.0, Value::Integer(-70_000), Some(Raw::I32(-70_000)));
        check("i64", 1.0, Value::Integer(i64::MAX), Some(Raw::I64(i64::MAX)));
        check("f32", 1.0, Value::Float(0.5), Some(Raw::F32(0.5)));
        check("f64", 2.0, Value::Float(0.5), Some(Raw::F64(0.25)));
        check("bool", 1.0, Value::Boolean(true), Some(Raw::Bool(true)));
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        check("text", 1.0, Value::Integer(3), None);
        check("u16", 1.0, Value::Symbol(Symbol::new("3").unwrap_or_else(|_| unreachable!())), None);
        check("decimal", 1.0, Value::Integer(3), None);
        check("u16", 0.0, Value::Integer(3), None);
    }
}
