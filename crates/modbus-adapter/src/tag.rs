use adapter::AddressError;
use plant::{DataType, Signal, WordOrder};

/// The most registers that the standard lets a request read.
pub(crate) const REGISTERS_MAX: u16 = 125;
/// The most coils or discrete inputs that the standard lets a request read.
pub(crate) const BITS_MAX: u16 = 2000;
/// Addresses of a table run from 0 to one below this.
pub(crate) const TABLE_CELLS: u32 = 65_536;

/// One of the four tables of the Modbus data model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    Coil,
    Discrete,
    Input,
    Holding,
}

impl Table {
    pub(crate) const ALL: [Self; 4] = [Self::Coil, Self::Discrete, Self::Input, Self::Holding];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Input => "input",
            Self::Holding => "holding",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// How many cells of this table (coils or registers) take the room of that many registers in an answer.
    pub(crate) const fn cells_in(self, registers: u16) -> u16 {
        match self {
            Self::Coil | Self::Discrete => registers.saturating_mul(16),
            Self::Input | Self::Holding => registers,
        }
    }
}

/// Neighbouring cells of one table. `start + count` is at most [`TABLE_CELLS`]; `count` is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) table: Table,
    pub(crate) start: u16,
    pub(crate) count: u16,
}

impl Span {
    /// One past the last cell.
    pub(crate) fn end(self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }
}

/// As a message names it: `holding 12 to 13`.
impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.table.name();
        match self.count {
            1 => write!(f, "{table} {}", self.start),
            _ => write!(f, "{table} {} to {}", self.start, self.end() - 1),
        }
    }
}

/// How the cells of a span hold a value. Numbers are as wide as their span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// A bit of a register, 0 the least significant; a coil or discrete input is a cell of one bit.
    Bit(u8),
    /// One byte of a register.
    Byte {
        /// Whether it is the high one, once the order is undone.
        high: bool,
        /// Whether it is in two's complement.
        signed: bool,
    },
    /// 1, 2 or 4 registers.
    Unsigned,
    /// 1, 2 or 4 registers, two's complement.
    Signed,
    /// 2 or 4 registers, IEEE 754.
    Float,
    /// Two characters a register, padded with zeros or spaces.
    Text,
}

/// A signal whose address, type and order have been checked.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) signal: Signal,
    pub(crate) span: Span,
    pub(crate) encoding: Encoding,
}

/// What a device's profile says of addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// The most registers that a value may take.
    pub(crate) max_registers: u16,
    /// The number that the tag list gives to the first cell of a table: 0 or 1.
    pub(crate) base_address: u16,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Reading {
    /// What the standard says.
    pub(crate) const STANDARD: Self = Self { max_registers: REGISTERS_MAX, base_address: 0 };
}

/// Reads the address of every signal; returns all tags or all problems.
pub(crate) fn tags(signals: &[&Signal], reading: Reading) -> Result<Vec<Tag>, Vec<AddressError>> {
    let mut tags = Vec::new();
    let mut errors = Vec::new();
    for &signal in signals {
        match tag(signal, reading) {
            Ok(tag) => tags.push(tag),
            Err(problem) => errors.push(AddressError::of(signal, problem)),
        }
    }
    if errors.is_empty() { Ok(tags) } else { Err(errors) }
}

fn tag(signal: &Signal, reading: Reading) -> Result<Tag, String> {
    let address = Address::parse(&signal.address)?;
    let (encoding, count) = match address.table {
        Table::Coil | Table::Discrete => bit_cell(signal, &address)?,
        Table::Input | Table::Holding => registers(signal, &address)?,
    };
    let first = u32::from(reading.base_address);
    let last = TABLE_CELLS - 1 + first;
    let start = u32::from(address.start);
    if start < first {
        return Err("the link's base_address is 1, so the first of a table is 1".to_owned());
    }
    if start - first + u32::from(count) > TABLE_CELLS {
        return Err(format!("a {} there would end behind the last register, {last}", signal.data_type.name()));
    }
    if count > reading.max_registers {
        return Err(format!(
            "it takes {count} registers, but the link reads at most {} at once; raise max_registers if the device allows it",
            reading.max_registers
        ));
    }
    let span = Span { table: address.table, start: (start - first) as u16, count };
    Ok(Tag { signal: signal.clone(), span, encoding })
}

fn bit_cell(signal: &Signal, address: &Address) -> Result<(Encoding, u16), String> {
    let table = address.table.name();
    match (signal.data_type, address.part) {
        (DataType::Bool, Part::Whole) => Ok((Encoding::Bit(0), 1)),
        (DataType::Bool, _) => Err(format!("a {table} is a single bit; write {table}:{}", address.start)),
        (other, _) => Err(format!("a {table} is a bool, not {}; set the type to bool", other.name())),
    }
}

fn registers(signal: &Signal, address: &Address) -> Result<(Encoding, u16), String> {
    let (table, start) = (address.table.name(), address.start);
    match (signal.data_type, address.part) {
        (DataType::Bool, Part::Bit(bit)) => Ok((Encoding::Bit(bit), 1)),
        (DataType::Bool, _) => {
            Err(format!("a bool in a register needs its bit, from {table}:{start}.0 (lowest) to {table}:{start}.15"))
        }
        (DataType::Text, Part::Registers(count)) => match signal.word_order {
            WordOrder::Abcd | WordOrder::Badc => Ok((Encoding::Text, count)),
            order => Err(format!(
                "the order of a text is abcd (first character in the high byte) or badc (in the low byte), not {}",
                order.name()
            )),
        },
        (DataType::Text, _) => {
            Err(format!("a text needs its length in registers, such as {table}:{start}/8 for 16 characters"))
        }
        (DataType::U8, Part::Half { high }) => Ok((Encoding::Byte { high, signed: false }, 1)),
        (DataType::I8, Part::Half { high }) => Ok((Encoding::Byte { high, signed: true }, 1)),
        (DataType::U8 | DataType::I8, _) => {
            Err(format!("a byte is one half of a register; write {table}:{start}.high or {table}:{start}.low"))
        }
        (other, Part::Half { .. }) => Err(format!("half a register is a u8 or i8, not {}", other.name())),
        (other, Part::Bit(_)) => Err(format!("a bit is a bool, not {}; set the type to bool", other.name())),
        (other, Part::Registers(_)) => {
            Err(format!("only a text has a length; for {} write {table}:{start}", other.name()))
        }
        (DataType::U16, Part::Whole) => Ok((Encoding::Unsigned, 1)),
        (DataType::U32, Part::Whole) => Ok((Encoding::Unsigned, 2)),
        (DataType::U64, Part::Whole) => Ok((Encoding::Unsigned, 4)),
        (DataType::I16, Part::Whole) => Ok((Encoding::Signed, 1)),
        (DataType::I32, Part::Whole) => Ok((Encoding::Signed, 2)),
        (DataType::I64, Part::Whole) => Ok((Encoding::Signed, 4)),
        (DataType::F32, Part::Whole) => Ok((Encoding::Float, 2)),
        (DataType::F64, Part::Whole) => Ok((Encoding::Float, 4)),
    }
}

/// `table:start`, `table:start.bit`, `table:start.high` or `.low`, or `table:start/registers`.
pub(crate) struct Address {
    table: Table,
    start: u16,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    Bit(u8),
    Half { high: bool },
    Registers(u16),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, place) = text.split_once(':').ok_or(EXPECTED)?;
        let table = Table::by_name(name).ok_or(EXPECTED)?;
        let (start, part) = if let Some((start, part)) = place.split_once('.') {
            let part = match part {
                "high" => Part::Half { high: true },
                "low" => Part::Half { high: false },
                bit => Part::Bit(
                    number(bit, 15).ok_or("after the point must be a bit, 0 (lowest) to 15, high or low")? as u8,
                ),
            };
            (start, part)
        } else if let Some((start, registers)) = place.split_once('/') {
            let count = number(registers, REGISTERS_MAX).filter(|&count| count > 0);
            (start, Part::Registers(count.ok_or("the registers after the slash must be 1 to 125")?))
        } else {
            (place, Part::Whole)
        };
        let start = number(start, u16::MAX).ok_or(EXPECTED)?;
        Ok(Self { table, start, part })
    }
}

const EXPECTED: &str = "expected coil:N, discrete:N, input:N or holding:N with N from 0 to 65535 as the protocol counts \
                        (holding:0 is what many manuals call 40001), for a bit holding:N.BIT, for a byte holding:N.high or \
                        .low, for a text holding:N/REGISTERS";

/// A plain decimal number up to `high`; no sign.
fn number(text: &str, high: u16) -> Option<u16> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&number| plain && number <= high)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;

    use super::*;

    fn check(address: &str, data_type: DataType, expected: (Table, u16, u16, Encoding)) {
        let signal = signal(0, address, data_type);
        let tag = tags(&[&signal], Reading::STANDARD).unwrap().remove(0);
        assert_eq!((tag.span.table, tag.span.start, tag.span.count, tag.encoding), expected, "{address}");
    }

    fn check_refused(address: &str, data_type: DataType, order: WordOrder, expected: &str) {
        let signal = Signal { word_order: order, ..signal(0, address, data_type) };
        let errors = tags(&[&signal], Reading { max_registers: 100, base_address: 0 }).unwrap_err();
        assert!(errors[0].to_string().contains(expected), "{address}: {}", errors[0]);
    }

    #[test]
    fn every_kind_of_address_is_understood() {
        check("coil:3", DataType::Bool, (Table::Coil, 3, 1, Encoding::Bit(0)));
        check("discrete:65535", DataType::Bool, (Table::Discrete, 65_535, 1, Encoding::Bit(0)));
        check("holding:7.3", DataType::Bool, (Table::Holding, 7, 1, Encoding::Bit(3)));
        check("holding:7.high", DataType::U8, (Table::Holding, 7, 1, Encoding::Byte { high: true, signed: false }));
        check("input:7.low", DataType::I8, (Table::Input, 7, 1, Encoding::Byte { high: false, signed: true }));
        check("input:12", DataType::U16, (Table::Input, 12, 1, Encoding::Unsigned));
        check("holding:12", DataType::I32, (Table::Holding, 12, 2, Encoding::Signed));
        check("holding:12", DataType::F64, (Table::Holding, 12, 4, Encoding::Float));
        check("holding:40/8", DataType::Text, (Table::Holding, 40, 8, Encoding::Text));
        check("holding:65534", DataType::U32, (Table::Holding, 65_534, 2, Encoding::Unsigned));
    }

    #[test]
    fn a_wrong_address_is_refused_with_what_to_write() {
        for address in ["", "40001", "holding", "holding:", "holding:+1", "holding:65536", "hold:1", "holding:1 "] {
            check_refused(address, DataType::U16, WordOrder::Abcd, "expected coil:N");
        }
        check_refused("holding:7.16", DataType::Bool, WordOrder::Abcd, "0 (lowest) to 15");
        check_refused("holding:7/0", DataType::Text, WordOrder::Abcd, "1 to 125");
        check_refused("holding:7/126", DataType::Text, WordOrder::Abcd, "1 to 125");
        check_refused("holding:7/101", DataType::Text, WordOrder::Abcd, "raise max_registers");
        check_refused("holding:7", DataType::Bool, WordOrder::Abcd, "holding:7.0");
        check_refused("holding:7", DataType::Text, WordOrder::Abcd, "holding:7/8");
        check_refused("holding:7/8", DataType::Text, WordOrder::Cdab, "abcd");
        check_refused("holding:7", DataType::U8, WordOrder::Abcd, "holding:7.high or holding:7.low");
        check_refused("holding:7.low", DataType::U16, WordOrder::Abcd, "is a u8 or i8, not u16");
        check_refused("holding:7.1", DataType::U16, WordOrder::Abcd, "set the type to bool");
        check_refused("holding:7/2", DataType::U32, WordOrder::Abcd, "write holding:7");
        check_refused("coil:7", DataType::U16, WordOrder::Abcd, "set the type to bool");
        check_refused("coil:7.1", DataType::Bool, WordOrder::Abcd, "write coil:7");
        check_refused("holding:65535", DataType::F32, WordOrder::Abcd, "65535");
    }

    #[test]
    fn a_list_that_counts_from_1_is_read_as_one() {
        let from_1 = Reading { base_address: 1, ..Reading::STANDARD };
        let start = |address: &str| tags(&[&signal(0, address, DataType::U16)], from_1).map(|tags| tags[0].span.start);
        assert_eq!(start("holding:1").unwrap(), 0);
        assert_eq!(start("holding:65535").unwrap(), 65_534);
        assert!(start("holding:0").unwrap_err()[0].to_string().contains("the first of a table is 1"));
    }

    #[test]
    fn all_problems_are_told_at_once_with_file_and_line() {
        let signals =
            [signal(0, "x", DataType::U16), signal(1, "coil:1", DataType::Bool), signal(2, "y", DataType::U16)];
        let errors = tags(&signals.each_ref(), Reading::STANDARD).unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(errors[1].to_string().starts_with("tags/plc.csv:4: station/signal-2: address `y`: expected"));
    }
}
