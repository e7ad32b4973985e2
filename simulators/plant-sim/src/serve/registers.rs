use std::collections::BTreeMap;

use super::ServeError;
use super::raw::{DataType, Raw, Tag};
use crate::Point;

/// The memory of a PLC as Modbus shows it: four tables, holding only what was put there.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) coils: Table<bool>,
    pub(super) discretes: Table<bool>,
    pub(super) inputs: Table<u16>,
    pub(super) holdings: Table<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Table<T>(BTreeMap<u16, T>);

impl<T: Copy> Table<T> {
    /// The cells from `first` on; `None` if one of them holds nothing.
    pub(super) fn read(&self, first: u16, count: u16) -> Option<Vec<T>> {
        (0..count).map(|offset| self.0.get(&first.checked_add(offset)?).copied()).collect()
    }
}

/// Where in a PLC's memory a point is, and how it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Coil(u16),
    Discrete(u16),
    Register { table: Registers, address: u16, layout: Layout },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Registers {
    Input,
    Holding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Bit(u8),
    Number { order: Order, count: u16 },
    Text { count: u16 },
}

/// How the bytes of a number lie over its registers; `a` is the most significant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Abcd,
    Cdab,
    Badc,
    Dcba,
}

impl Order {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "" | "abcd" => Self::Abcd,
            "cdab" => Self::Cdab,
            "badc" => Self::Badc,
            "dcba" => Self::Dcba,
            _ => return None,
        })
    }

    fn words(self, bytes: &[u8]) -> Vec<u16> {
        let word = |pair: &[u8]| match self {
            Self::Abcd | Self::Cdab => u16::from_be_bytes([pair[0], pair[1]]),
            Self::Badc | Self::Dcba => u16::from_le_bytes([pair[0], pair[1]]),
        };
        let words = bytes.chunks_exact(2).map(word);
        match self {
            Self::Abcd | Self::Badc => words.collect(),
            Self::Cdab | Self::Dcba => words.rev().collect(),
        }
    }
}

/// The cells of a table that a place takes, as bits of each: two places may share a register, not a bit.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<(&'static str, u16), u16>);

impl Claims {
    /// Takes the cells of `place`.
    ///
    /// # Errors
    /// If another point has one of them.
    pub(super) fn take(&mut self, tag: &Tag, place: Place) -> Result<(), ServeError> {
        let (table, first, count, bits) = match place {
            Place::Coil(address) => ("coil", address, 1, 1),
            Place::Discrete(address) => ("discrete", address, 1, 1),
            Place::Register { table, address, layout } => {
                let name = if table == Registers::Input { "input" } else { "holding" };
                match layout {
                    Layout::Bit(bit) => (name, address, 1, 1 << bit),
                    Layout::Number { count, .. } | Layout::Text { count } => (name, address, count, u16::MAX),
                }
            }
        };
        for cell in first..=first + (count - 1) {
            let taken = self.0.entry((table, cell)).or_default();
            if *taken & bits != 0 {
                return Err(tag.error(format!("{table}:{cell} already belongs to another point")));
            }
            *taken |= bits;
        }
        Ok(())
    }
}

impl Place {
    /// Reads a point's address: `coil:3`, `discrete:3`, `input:7`, `holding:7`, `holding:7.3`, `holding:40/8`.
    pub(super) fn new(point: &Point, tag: &Tag) -> Result<Self, ServeError> {
        Self::parse(point, tag.data_type).map_err(|problem| tag.error(problem))
    }

    fn parse(point: &Point, data_type: DataType) -> Result<Self, String> {
        let (table, rest) = point.address.split_once(':').ok_or("expected `table:number`")?;
        let condition_at = |rest: &str| match data_type {
            DataType::Bool => number(rest),
            _ => Err(format!("a {table} holds a bool only")),
        };
        match table {
            "coil" => Ok(Self::Coil(condition_at(rest)?)),
            "discrete" => Ok(Self::Discrete(condition_at(rest)?)),
            "input" => Self::register(Registers::Input, rest, point, data_type),
            "holding" => Self::register(Registers::Holding, rest, point, data_type),
            other => Err(format!("no table `{other}`; expected coil, discrete, input or holding")),
        }
    }

    fn register(table: Registers, rest: &str, point: &Point, data_type: DataType) -> Result<Self, String> {
        let (address, layout) = match (data_type, data_type.registers()) {
            (DataType::Text, _) => {
                let (address, count) = rest.split_once('/').ok_or("a text needs its length in registers, `40/8`")?;
                (number(address)?, Layout::Text { count: number(count)? })
            }
            (_, None) => {
                let (address, bit) = rest.split_once('.').ok_or("a bool in a register needs its bit, `7.3`")?;
                let bit = bit.parse().ok().filter(|bit| *bit < 16).ok_or("a bit is 0 to 15")?;
                (number(address)?, Layout::Bit(bit))
            }
            (_, Some(count)) => {
                let order = Order::from_name(point.order).ok_or("the order is abcd, cdab, badc or dcba")?;
                (number(rest)?, Layout::Number { order, count })
            }
        };
        match layout {
            Layout::Number { count, .. } | Layout::Text { count }
                if count == 0 || address.checked_add(count - 1).is_none() =>
            {
                Err(format!("{count} registers from {address} on do not exist"))
            }
            _ => Ok(Self::Register { table, address, layout }),
        }
    }
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is no number from 0 to 65535"))
}

impl Memory {
    /// Puts a value in its place.
    ///
    /// # Errors
    /// In words, if the value does not fit the place.
    pub(super) fn write(&mut self, place: Place, raw: Raw) -> Result<(), String> {
        match (place, raw) {
            (Place::Coil(address), Raw::Bool(condition)) => {
                self.coils.0.insert(address, condition);
            }
            (Place::Discrete(address), Raw::Bool(condition)) => {
                self.discretes.0.insert(address, condition);
            }
            (Place::Register { table, address, layout: Layout::Bit(bit) }, Raw::Bool(condition)) => {
                let word = self.registers(table).0.entry(address).or_default();
                *word = *word & !(1 << bit) | u16::from(condition) << bit;
            }
            (Place::Register { table, address, layout: Layout::Text { count } }, Raw::Text(text)) => {
                self.fill(table, address, &text_words(text.as_str(), count)?);
            }
            (Place::Register { table, address, layout: Layout::Number { order, .. } }, raw) => {
                let bytes = bytes(raw).ok_or_else(|| format!("{raw:?} is no number"))?;
                self.fill(table, address, &order.words(&bytes));
            }
            (place, raw) => return Err(format!("{raw:?} does not fit {place:?}")),
        }
        Ok(())
    }

    fn registers(&mut self, table: Registers) -> &mut Table<u16> {
        match table {
            Registers::Input => &mut self.inputs,
            Registers::Holding => &mut self.holdings,
        }
    }

    fn fill(&mut self, table: Registers, first: u16, words: &[u16]) {
        self.registers(table).0.extend((first..=u16::MAX).zip(words.iter().copied()));
    }
}

/// Most significant byte first; `None` for what is no number.
fn bytes(raw: Raw) -> Option<Vec<u8>> {
    Some(match raw {
        Raw::Bool(_) | Raw::Text(_) => return None,
        Raw::U16(number) => number.to_be_bytes().to_vec(),
        Raw::I16(number) => number.to_be_bytes().to_vec(),
        Raw::U32(number) => number.to_be_bytes().to_vec(),
        Raw::I32(number) => number.to_be_bytes().to_vec(),
        Raw::I64(number) => number.to_be_bytes().to_vec(),
        Raw::F32(number) => number.to_be_bytes().to_vec(),
        Raw::F64(number) => number.to_be_bytes().to_vec(),
    })
}

/// Two ASCII characters a register, high byte first, zero padded.
fn text_words(text: &str, count: u16) -> Result<Vec<u16>, String> {
    let capacity = usize::from(count) * 2;
    if !text.is_ascii() || text.len() > capacity {
        return Err(format!("{text:?} does not fit {capacity} ASCII characters"));
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(capacity, 0);
    Ok(Order::Abcd.words(&bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::{Symbol, Value};

    use super::*;
    use crate::SimLink;
    use crate::serve::raw::tests::point;

    fn place(address: &str, data_type: &'static str) -> Result<Place, ServeError> {
        let point = point(SimLink::WeldPlc, address, data_type);
        Place::new(&point, &Tag::new(&point)?)
    }

    fn refused(address: &str, data_type: &'static str, why: &str) {
        let error = place(address, data_type).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(address), "{error}");
    }

    fn holds(order: &'static str, data_type: &'static str, value: Value, expected: &[u16]) {
        let point = Point { order, ..point(SimLink::WeldPlc, "holding:5", data_type) };
        let tag = Tag::new(&point).unwrap();
        let mut memory = Memory::default();
        memory.write(Place::new(&point, &tag).unwrap(), tag.raw(value).unwrap()).unwrap();
        let count = expected.len() as u16;
        assert_eq!(memory.holdings.read(5, count).as_deref(), Some(expected), "{order} {data_type}");
        assert_eq!(memory.holdings.read(5, count + 1), None);
    }

    #[test]
    fn an_address_says_what_is_wrong_with_it() {
        refused("12", "u16", "table:number");
        refused("register:12", "u16", "no table `register`");
        refused("coil:3", "u16", "holds a bool only");
        refused("holding:3", "bool", "needs its bit");
        refused("holding:3.16", "bool", "0 to 15");
        refused("holding:3", "text", "needs its length");
        refused("holding:65535", "u32", "do not exist");
        refused("holding:1/0", "text", "do not exist");
        refused("holding:-1", "u16", "`-1`");
    }

    #[test]
    fn numbers_lie_in_the_order_asked_for() {
        let value = Value::Integer(0x0A0B_0C0D);
        holds("", "u32", value, &[0x0A0B, 0x0C0D]);
        holds("abcd", "u32", value, &[0x0A0B, 0x0C0D]);
        holds("cdab", "u32", value, &[0x0C0D, 0x0A0B]);
        holds("badc", "u32", value, &[0x0B0A, 0x0D0C]);
        holds("dcba", "u32", value, &[0x0D0C, 0x0B0A]);
        holds("", "i16", Value::Integer(-2), &[0xFFFE]);
        holds("abcd", "f32", Value::Float(1.0), &[0x3F80, 0]);
        holds("cdab", "f64", Value::Float(1.0), &[0, 0, 0, 0x3FF0]);
        holds("cdab", "i64", Value::Integer(1), &[1, 0, 0, 0]);
    }

    #[test]
    fn bits_share_a_register_and_a_text_is_padded() {
        let mut memory = Memory::default();
        memory.write(place("holding:7.3", "bool").unwrap(), Raw::Bool(true)).unwrap();
        memory.write(place("holding:7.15", "bool").unwrap(), Raw::Bool(true)).unwrap();
        memory.write(place("holding:7.3", "bool").unwrap(), Raw::Bool(false)).unwrap();
        assert_eq!(memory.holdings.read(7, 1), Some(vec![0x8000]));

        let text = place("input:9/3", "text").unwrap();
        memory.write(text, Raw::Text(Symbol::new("ABC").unwrap())).unwrap();
        assert_eq!(memory.inputs.read(9, 3), Some(vec![0x4142, 0x4300, 0]));
        assert!(memory.write(text, Raw::Text(Symbol::new("ABCDEFG").unwrap())).is_err());
        assert!(memory.write(text, Raw::U16(1)).is_err());
    }

    #[test]
    fn two_points_cannot_share_a_bit() {
        let take = |first: (&str, &'static str), second: (&str, &'static str)| {
            let mut claims = Claims::default();
            for (address, data_type) in [first, second] {
                let point = point(SimLink::WeldPlc, address, data_type);
                let tag = Tag::new(&point).unwrap();
                claims.take(&tag, Place::new(&point, &tag).unwrap())?;
            }
            Ok::<_, ServeError>(())
        };
        assert!(take(("holding:4", "u32"), ("holding:5", "u16")).is_err());
        assert!(take(("holding:4", "u32"), ("holding:6", "u16")).is_ok());
        assert!(take(("holding:4", "u32"), ("input:4", "u32")).is_ok());
        assert!(take(("holding:4.1", "bool"), ("holding:4.2", "bool")).is_ok());
        assert!(take(("holding:4.1", "bool"), ("holding:4.1", "bool")).is_err());
        assert!(take(("holding:0/4", "text"), ("holding:3.1", "bool")).is_err());
    }
}
