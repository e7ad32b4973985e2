//! What a result tells, field by field.
//!
//! The tables are those of the Open Protocol specification of Atlas Copco (9836 4415 01, release 2.8.0): MID 0061, revisions 1, 2
//! and 999, and MID 0065, revisions 1 and 2. Higher revisions of both begin as revision 2 does.

use adapter::Raw;

use crate::frame::Message;

/// The result of a tightening, as it is made.
pub(crate) const LAST_RESULT: u16 = 61;
/// The same, fetched later.
pub(crate) const OLD_RESULT: u16 = 65;
/// The revision of MID 0061 for controllers with little memory.
pub(crate) const LIGHT: u16 = 999;

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A whole number.
    Integer,
    /// A number, in hundredths.
    Hundredths,
    /// A text, filled with blanks.
    Text,
}

/// A field: what tags call it, how many characters it has, how it is written.
type Field = (&'static str, usize, Kind);

use Kind::{Hundredths, Integer, Text};

/// Id of the result: each controller counts them up.
const ID: &str = "tightening_id";
/// When it was made, by the controller's own clock.
const TIME: &str = "time";

const LAST_1: &[Field] = &[
    ("cell_id", 4, Integer),
    ("channel_id", 2, Integer),
    ("controller", 25, Text),
    ("vin", 25, Text),
    ("job", 2, Integer),
    ("parameter_set", 3, Integer),
    ("batch_size", 4, Integer),
    ("batch_counter", 4, Integer),
    ("ok", 1, Integer),
    ("torque_status", 1, Integer),
    ("angle_status", 1, Integer),
    ("torque_min", 6, Hundredths),
    ("torque_max", 6, Hundredths),
    ("torque_target", 6, Hundredths),
    ("torque", 6, Hundredths),
    ("angle_min", 5, Integer),
    ("angle_max", 5, Integer),
    ("angle_target", 5, Integer),
    ("angle", 5, Integer),
    (TIME, 19, Text),
    ("parameter_set_changed", 19, Text),
    ("batch_status", 1, Integer),
    (ID, 10, Integer),
];

const LAST_2: &[Field] = &[
    ("cell_id", 4, Integer),
    ("channel_id", 2, Integer),
    ("controller", 25, Text),
    ("vin", 25, Text),
    ("job", 4, Integer),
    ("parameter_set", 3, Integer),
    ("strategy", 2, Integer),
    ("strategy_options", 5, Integer),
    ("batch_size", 4, Integer),
    ("batch_counter", 4, Integer),
    ("ok", 1, Integer),
    ("batch_status", 1, Integer),
    ("torque_status", 1, Integer),
    ("angle_status", 1, Integer),
    ("rundown_angle_status", 1, Integer),
    ("current_status", 1, Integer),
    ("selftap_status", 1, Integer),
    ("prevail_torque_status", 1, Integer),
    ("prevail_torque_compensate_status", 1, Integer),
    ("error_status", 10, Integer),
    ("torque_min", 6, Hundredths),
    ("torque_max", 6, Hundredths),
    ("torque_target", 6, Hundredths),
    ("torque", 6, Hundredths),
    ("angle_min", 5, Integer),
    ("angle_max", 5, Integer),
    ("angle_target", 5, Integer),
    ("angle", 5, Integer),
    ("rundown_angle_min", 5, Integer),
    ("rundown_angle_max", 5, Integer),
    ("rundown_angle", 5, Integer),
    ("current_min", 3, Integer),
    ("current_max", 3, Integer),
    ("current", 3, Integer),
    ("selftap_min", 6, Hundredths),
    ("selftap_max", 6, Hundredths),
    ("selftap_torque", 6, Hundredths),
    ("prevail_torque_min", 6, Hundredths),
    ("prevail_torque_max", 6, Hundredths),
    ("prevail_torque", 6, Hundredths),
    (ID, 10, Integer),
    ("job_sequence", 5, Integer),
    ("sync_tightening_id", 5, Integer),
    ("tool_serial", 14, Text),
    (TIME, 19, Text),
    ("parameter_set_changed", 19, Text),
];

const LAST_LIGHT: &[Field] = &[
    ("vin", 25, Text),
    ("job", 2, Integer),
    ("parameter_set", 3, Integer),
    ("batch_size", 4, Integer),
    ("batch_counter", 4, Integer),
    ("batch_status", 1, Integer),
    ("ok", 1, Integer),
    ("torque_status", 1, Integer),
    ("angle_status", 1, Integer),
    ("torque", 6, Hundredths),
    ("angle", 5, Integer),
    (TIME, 19, Text),
    ("parameter_set_changed", 19, Text),
    (ID, 10, Integer),
];

const OLD_1: &[Field] = &[
    (ID, 10, Integer),
    ("vin", 25, Text),
    ("parameter_set", 3, Integer),
    ("batch_counter", 4, Integer),
    ("ok", 1, Integer),
    ("torque_status", 1, Integer),
    ("angle_status", 1, Integer),
    ("torque", 6, Hundredths),
    ("angle", 5, Integer),
    (TIME, 19, Text),
    ("batch_status", 1, Integer),
];

const OLD_2: &[Field] = &[
    (ID, 10, Integer),
    ("vin", 25, Text),
    ("job", 4, Integer),
    ("parameter_set", 3, Integer),
    ("strategy", 2, Integer),
    ("strategy_options", 5, Integer),
    ("batch_size", 4, Integer),
    ("batch_counter", 4, Integer),
    ("ok", 1, Integer),
    ("batch_status", 1, Integer),
    ("torque_status", 1, Integer),
    ("angle_status", 1, Integer),
    ("rundown_angle_status", 1, Integer),
    ("current_status", 1, Integer),
    ("selftap_status", 1, Integer),
    ("prevail_torque_status", 1, Integer),
    ("prevail_torque_compensate_status", 1, Integer),
    ("error_status", 10, Integer),
    ("torque", 6, Hundredths),
    ("angle", 5, Integer),
    ("rundown_angle", 5, Integer),
    ("current", 3, Integer),
    ("selftap_torque", 6, Hundredths),
    ("prevail_torque", 6, Hundredths),
    ("job_sequence", 5, Integer),
    ("sync_tightening_id", 5, Integer),
    ("tool_serial", 14, Text),
    (TIME, 19, Text),
];

/// What tags may call the fields of results. This form has them all.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LAST_2.iter().map(|(name, ..)| *name)
}

/// Whether results of that revision have a field, as they are made.
pub(crate) fn has(revision: u16, name: &str) -> bool {
    layout(LAST_RESULT, revision).is_ok_and(|(fields, _)| fields.iter().any(|(known, ..)| *known == name))
}

/// A result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tightening {
    /// Its id.
    pub(crate) id: u64,
    /// When it was made, by the controller's own clock, as `2026-11-24:08:14:00`.
    pub(crate) time: String,
    fields: Vec<(&'static str, Value)>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Tightening {
    /// Reads a message that is a result.
    ///
    /// # Errors
    /// If one of its fields is not as it should be, in words for a person.
    pub(crate) fn read(message: &Message) -> Result<Self, String> {
        let (fields, has_keys) = layout(message.mid, message.revision)?;
        let mut rest = message.data.as_str();
        let mut read = Vec::with_capacity(fields.len());
        for (key, &(name, length, kind)) in (1..).zip(fields) {
            let wrong = |problem: String| {
                format!("MID {:04} revision {}, field {key:02} {name}: {problem}", message.mid, message.revision)
            };
            if has_keys {
                let found = cut(&mut rest, 2).ok_or_else(|| wrong("is missing".to_owned()))?;
                if found != format!("{key:02}") {
                    return Err(wrong(format!("has the number {found:?}; expected {key:02}")));
                }
            }
            let text = cut(&mut rest, length).ok_or_else(|| wrong("is cut off".to_owned()))?;
            // A field that a controller does not fill is blank.
            if !text.trim().is_empty() {
                let value = value(text, kind).ok_or_else(|| wrong(format!("{text:?} is no number")))?;
                read.push((name, value));
            }
        }
        let find = |name: &str| read.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        let (Some(Value::Integer(id)), Some(Value::Text(time))) = (find(ID), find(TIME)) else {
            return Err(format!(
                "MID {:04} revision {}: the result has no id or no time",
                message.mid, message.revision
            ));
        };
        Ok(Self { id: u64::try_from(*id).unwrap_or_default(), time: time.clone(), fields: read })
    }

    /// The value of a field; `None` if the message has none.
    pub(crate) fn field(&self, name: &str) -> Option<Raw<'_>> {
        let (_, value) = self.fields.iter().find(|(known, _)| *known == name)?;
        Some(match value {
            Value::Integer(number) => Raw::Integer((*number).into()),
            Value::Number(number) => Raw::Float(*number),
            Value::Text(text) => Raw::Text(text),
        })
    }
}

/// The fields of a message, and whether a number of two digits stands before each.
fn layout(mid: u16, revision: u16) -> Result<(&'static [Field], bool), String> {
    match (mid, revision) {
        (LAST_RESULT, 1) => Ok((LAST_1, true)),
        (LAST_RESULT, LIGHT) => Ok((LAST_LIGHT, false)),
        (LAST_RESULT, 2..=7 | 998) => Ok((LAST_2, true)),
        (OLD_RESULT, 1) => Ok((OLD_1, true)),
        (OLD_RESULT, 2..=7) => Ok((OLD_2, true)),
        _ => Err(format!("MID {mid:04} revision {revision} is no result that is known; expected MID 0061 or 0065")),
    }
}

fn cut<'a>(rest: &mut &'a str, length: usize) -> Option<&'a str> {
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

fn value(text: &str, kind: Kind) -> Option<Value> {
    let number = || text.trim().parse::<i64>().ok();
    match kind {
        Integer => number().map(Value::Integer),
        Hundredths => number().map(|number| Value::Number(number as f64 / 100.0)),
        Text => Some(Value::Text(text.trim().to_owned())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A result of revision 1 as it was published with another implementation of the protocol.
    const PUBLISHED: &str = "010001020103airbag7                  04KPOL3456JKLO897          \
        05000600307000008000009010011112000840130014001400120015000739160000017099991800000190000\
        0202001-06-02:09:54:09212001-05-29:12:34:33221230000345675";

    fn read(mid: u16, revision: u16, data: &str) -> Result<Tightening, String> {
        Tightening::read(&Message { mid, revision, data: data.to_owned() })
    }

    /// Data with these values, and a digit or a blank where none is given.
    fn data(fields: &[Field], has_keys: bool, values: &[(&str, &str)]) -> String {
        let field = |(key, (name, length, kind)): (usize, &Field)| {
            let given = values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| *value);
            let number = if has_keys { format!("{key:02}") } else { String::new() };
            match kind {
                Text => format!("{number}{given:<length$}"),
                Integer | Hundredths => format!("{number}{given:0>length$}"),
            }
        };
        (1..).zip(fields).map(field).collect()
    }

    const VALUES: [(&str, &str); 7] = [
        (ID, "77"),
        ("vin", "EV1-7"),
        ("torque", "1234"),
        ("angle", "42"),
        ("ok", "1"),
        ("rundown_angle", "720"),
        (TIME, "2026-11-24:08:14:00"),
    ];

    #[test]
    fn a_published_result_is_read() {
        let result = read(LAST_RESULT, 1, PUBLISHED).unwrap();
        assert_eq!((result.id, result.time.as_str()), (345_675, "2001-06-02:09:54:09"));
        assert_eq!(result.field("vin"), Some(Raw::Text("KPOL3456JKLO897")));
        assert_eq!(result.field("torque"), Some(Raw::Float(7.39)));
        assert_eq!((result.field("ok"), result.field("torque_status")), (Some(Raw::Integer(0)), Some(Raw::Integer(0))));
    }

    #[test]
    fn every_form_tells_the_same() {
        let forms = [
            (LAST_RESULT, 1, LAST_1, true),
            (LAST_RESULT, 2, LAST_2, true),
            (LAST_RESULT, LIGHT, LAST_LIGHT, false),
            (OLD_RESULT, 1, OLD_1, true),
            (OLD_RESULT, 2, OLD_2, true),
        ];
        for (mid, revision, fields, has_keys) in forms {
            let result = read(mid, revision, &data(fields, has_keys, &VALUES)).unwrap();
            assert_eq!((result.id, result.time.as_str()), (77, "2026-11-24:08:14:00"));
            let told = ["vin", "torque", "angle", "ok"].map(|name| result.field(name));
            let expected = [Raw::Text("EV1-7"), Raw::Float(12.34), Raw::Integer(42), Raw::Integer(1)].map(Some);
            assert_eq!(told, expected, "{mid} {revision}");
            let has_rundown = fields.iter().any(|(name, ..)| *name == "rundown_angle");
            assert_eq!(result.field("rundown_angle"), has_rundown.then_some(Raw::Integer(720)));
        }
        // The lengths that the specification gives for the whole messages, without their NUL.
        let length = |fields: &[Field]| 20 + fields.iter().map(|(_, length, _)| length + 2).sum::<usize>();
        assert_eq!([LAST_1, LAST_2].map(length), [231, 385]);
        let all = [LAST_1, LAST_LIGHT, OLD_1, OLD_2].concat();
        assert!(all.iter().all(|(name, ..)| names().any(|known| known == *name)), "a tag can name them all");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field() {
        let refused = |data: &str, words: &str| {
            let error = read(LAST_RESULT, 1, data).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused("", "MID 0061 revision 1, field 01 cell_id: is missing");
        refused("0100", "field 01 cell_id: is cut off");
        refused("020001", "field 01 cell_id: has the number \"02\"; expected 01");
        refused(&data(LAST_1, true, &[("torque", "12,34")]), "field 15 torque: \"012,34\" is no number");
        refused(&data(LAST_1, true, &[]), "the result has no id or no time");
        assert!(read(LAST_RESULT, 12, "").unwrap_err().contains("no result that is known"));
    }

    #[test]
    fn a_blank_field_tells_nothing() {
        let blank = data(LAST_1, true, &VALUES).replace("15001234", "15      ");
        assert_eq!(read(LAST_RESULT, 1, &blank).unwrap().field("torque"), None);
    }
}
