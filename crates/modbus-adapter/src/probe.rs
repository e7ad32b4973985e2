//! What the same words of a device can mean: for whoever has a device and a doubtful manual.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use adapter::{BrowseError, Counters};
use plant::{ModbusTransport, WordOrder};

use crate::bus::ReadError;
use crate::decode::{number, text};
use crate::device::Device;
use crate::tag::{BITS_MAX, REGISTERS_MAX, Span, TABLE_CELLS, Table};

const EXPECTED: &str = "expected TABLE:START/COUNT, such as holding:0/8, with table coil, discrete, input or holding";

/// Where to look.
#[derive(Debug, Clone)]
pub struct Probe {
    /// How to get to the device.
    pub transport: ModbusTransport,
    /// Unit identifier.
    pub unit: u8,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

/// What a unit said when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedUnit {
    /// Unit identifier.
    pub unit: u8,
    /// What it said, in words; an error if it did not answer.
    pub said: Result<String, String>,
}

impl Probe {
    fn device(&self) -> Device {
        Device::alone(self.transport.clone(), self.unit, self.timeout)
    }
}

/// Every reading of some cells, such as `holding:0/8`, counted from 0 as the protocol does: a table for people.
///
/// # Errors
/// If the cells are not understood, or the device does not give them.
pub async fn probe(probe: &Probe, cells: &str) -> Result<String, BrowseError> {
    let span = parse(cells)?;
    let device = probe.device();
    let words = device.read(span, &Counters::default()).await.map_err(|error| match error {
        ReadError::Refused(exception) => BrowseError(format!(
            "{device}: {span}: {exception}; try fewer cells, another table, one address lower or higher, or another unit"
        )),
        ReadError::Unanswered(problem) | ReadError::Lost(problem) => {
            BrowseError(format!("{problem}; --units 0-255 looks for units that answer"))
        }
    })?;
    Ok(format!("{device}: {span}\n{}", readings(span, &words)))
}

/// Asks units for one cell, and tells which answer; a refusal is an answer too.
///
/// # Errors
/// If the cells are not understood, or there is no connection at all.
pub async fn scan_units(probe: &Probe, units: RangeInclusive<u8>, cells: &str) -> Result<Vec<ProbedUnit>, BrowseError> {
    let span = Span { count: 1, ..parse(cells)? };
    let (mut device, mut found) = (probe.device(), Vec::new());
    for unit in units {
        device.unit = unit;
        let said = match device.read(span, &Counters::default()).await {
            Ok(words) => Ok(format!("{span} holds {}", words[0])),
            Err(ReadError::Refused(exception)) => Ok(format!("it refuses {span}: {exception}")),
            Err(ReadError::Unanswered(problem) | ReadError::Lost(problem)) => {
                if device.bus.is_unreachable().await {
                    return Err(BrowseError(problem));
                }
                Err(problem)
            }
        };
        found.push(ProbedUnit { unit, said });
    }
    Ok(found)
}

fn parse(cells: &str) -> Result<Span, BrowseError> {
    let parsed = || {
        let (table, place) = cells.split_once(':')?;
        let (start, count) = place.split_once('/').unwrap_or((place, "1"));
        let table = Table::by_name(table)?;
        let span = Span { table, start: start.parse().ok()?, count: count.parse().ok()? };
        let most = match table {
            Table::Coil | Table::Discrete => BITS_MAX,
            Table::Input | Table::Holding => REGISTERS_MAX,
        };
        ((1..=most).contains(&span.count) && span.end() <= TABLE_CELLS).then_some(span)
    };
    parsed().ok_or_else(|| BrowseError(format!("{cells:?}: {EXPECTED}")))
}

/// All that the words can mean. Longer numbers are shown from each word on that has enough behind it.
fn readings(span: Span, words: &[u16]) -> String {
    let mut out = String::new();
    let table = span.table.name();
    if matches!(span.table, Table::Coil | Table::Discrete) {
        for (at, bit) in (span.start..).zip(words) {
            let _ = writeln!(out, "{table}:{at:<6} {bit}");
        }
        return out;
    }
    let _ =
        writeln!(out, "\n{:<14} {:>4} {:>6} {:>6} {:>4} {:>4}  bits 15 to 0", "", "hex", "u16", "i16", "high", "low");
    for (at, &word) in (u32::from(span.start)..).zip(words) {
        let [high, low] = word.to_be_bytes();
        let address = format!("{table}:{at}");
        let _ = writeln!(
            out,
            "{address:<14} {word:04X} {word:>6} {:>6} {high:>4} {low:>4}  {:08b} {:08b}",
            word as i16, high, low
        );
    }
    let starts = |registers: usize| (u32::from(span.start)..).zip(words.windows(registers));
    if words.len() >= 2 {
        let _ = writeln!(out, "\n{:<14} order {:>11} {:>12} {:>16}", "", "u32", "i32", "f32");
    }
    for (at, pair) in starts(2) {
        for order in WordOrder::ALL {
            let bits = number(pair, order) as u32;
            let (address, name, float) = (format!("{table}:{at}"), order.name(), f32::from_bits(bits));
            let _ = writeln!(out, "{address:<14} {name:<5} {bits:>11} {:>12} {float:>16e}", bits as i32);
        }
    }
    if words.len() >= 4 {
        let _ = writeln!(out, "\n{:<14} order {:>20} {:>21} {:>24}", "", "u64", "i64", "f64");
    }
    for (at, four) in starts(4) {
        for order in WordOrder::ALL {
            let bits = number(four, order);
            let (address, name, float) = (format!("{table}:{at}"), order.name(), f64::from_bits(bits));
            let _ = writeln!(out, "{address:<14} {name:<5} {bits:>20} {:>21} {float:>24e}", bits as i64);
        }
    }
    out.push('\n');
    for order in [WordOrder::Abcd, WordOrder::Badc] {
        let shown = text(words, order).map_or_else(|_| "no text".to_owned(), |text| format!("{text:?}"));
        let _ = writeln!(out, "text {}: {shown}", order.name());
    }
    let _ = writeln!(
        out,
        "\n{table}:{} is counted from 0. A manual that counts from 1 calls it {}; set base_address = 1 to write addresses \
         as that manual does.",
        span.start,
        u32::from(span.start) + 1
    );
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn guessing_byte_order_is_over_when_every_reading_is_shown() {
        let span = Span { table: Table::Holding, start: 40, count: 2 };
        let shown = readings(span, &[0x0000, 0x4148]);
        let has = |parts: &[&str]| shown.lines().any(|line| line.split_whitespace().eq(parts.iter().copied()));
        assert!(has(&["holding:41", "4148", "16712", "16712", "65", "72", "01000001", "01001000"]), "{shown}");
        assert!(has(&["holding:40", "cdab", "1095237632", "1095237632", "1.25e1"]), "{shown}");
        assert!(shown.contains("calls it 41;"), "{shown}");
    }

    #[test]
    fn what_to_probe_is_one_request() {
        assert_eq!(parse("coil:9").unwrap(), Span { table: Table::Coil, start: 9, count: 1 });
        for wrong in ["", "holding", "holding:x", "holding:0/0", "holding:0/126", "holding:65535/2", "x:0/1"] {
            assert!(parse(wrong).unwrap_err().0.contains("expected TABLE:START/COUNT"), "{wrong}");
        }
    }
}
