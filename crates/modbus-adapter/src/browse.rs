use std::ops::RangeInclusive;
use std::time::Duration;

use adapter::{BrowseError, BrowsedTag, Counters, host_and_port};
use plant::{DataType, HostPort, ModbusTransport, WordOrder};

use crate::bus::ReadError;
use crate::device::Device;
use crate::frame::Exception;
use crate::tag::{REGISTERS_MAX, Span, Table};

const EXPECTED: &str = "expected modbus://HOST:PORT?unit=1&range=0-99&table=holding, with table coil, discrete, input or \
                        holding; port 502, unit 1, range 0-99 and table holding may be left out";

/// The port that the standard gives to Modbus TCP.
pub const PORT: u16 = 502;
/// How long to wait for each answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Lists the readable cells of a device: `modbus://host:port?unit=1&range=0-99&table=holding`.
///
/// Where the device refuses a request, it is halved until the cells it does not have are found. Each row tells what the
/// cell held; types wider than a register cannot be seen from outside and are for the reader to fill in.
///
/// # Errors
/// If the address is not understood, the device does not answer, or it has none of the cells.
pub async fn browse(address: &str) -> Result<Vec<BrowsedTag>, BrowseError> {
    let query = Query::parse(address)?;
    let device = query.device();
    let mut rows = Vec::new();
    let mut refusal = None;
    let mut pending = query.requests();
    while let Some(span) = pending.pop() {
        match read(&device, span).await? {
            Ok(cells) => rows.extend((span.start..).zip(cells).map(|(at, cell)| row(span.table, at, cell))),
            Err(exception) => {
                refusal = Some(exception);
                pending.extend(halves(span));
            }
        }
    }
    match refusal {
        Some(exception) if rows.is_empty() => Err(BrowseError(format!(
            "{}: it answers, but refuses every {} from {} to {}: {exception}; try another range, table or unit",
            device,
            query.table.name(),
            query.range.start(),
            query.range.end(),
        ))),
        _ => Ok(rows),
    }
}

/// The cells of a span, or the refusal if a part of the span may be readable.
async fn read(device: &Device, span: Span) -> Result<Result<Vec<u16>, Exception>, BrowseError> {
    match device.read(span, &Counters::default()).await {
        Ok(cells) => Ok(Ok(cells)),
        Err(ReadError::Refused(exception)) if exception.concerns_address() => Ok(Err(exception)),
        Err(ReadError::Refused(exception)) => Err(BrowseError(format!("{device}: {span}: {exception}; try again"))),
        Err(ReadError::Lost(problem) | ReadError::Unanswered(problem)) => Err(BrowseError(problem)),
    }
}

/// The two halves of a span, the one to read first last; none of a single cell.
fn halves(span: Span) -> Vec<Span> {
    let left = span.count / 2;
    if left == 0 {
        return Vec::new();
    }
    vec![Span { start: span.start + left, count: span.count - left, ..span }, Span { count: left, ..span }]
}

fn row(table: Table, at: u16, cell: u16) -> BrowsedTag {
    let (kind, data_type, order, description) = match table {
        Table::Coil | Table::Discrete => (table.name(), DataType::Bool, None, format!("held {}", cell != 0)),
        Table::Input | Table::Holding => {
            ("register", DataType::U16, Some(WordOrder::Abcd), format!("held {cell} (hex {cell:04X})"))
        }
    };
    BrowsedTag {
        signal: format!("{kind}-{at}"),
        address: format!("{}:{at}", table.name()),
        data_type,
        order,
        unit: String::new(),
        description,
    }
}

#[derive(Debug)]
struct Query {
    to: HostPort,
    unit: u8,
    table: Table,
    range: RangeInclusive<u16>,
}

impl Query {
    fn parse(address: &str) -> Result<Self, BrowseError> {
        let refused = |what: &str| BrowseError(format!("{address:?}: {what}; {EXPECTED}"));
        let rest = address.strip_prefix("modbus://").ok_or_else(|| refused("it does not start with modbus://"))?;
        let (authority, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority, PORT)?;
        let mut query = Self { to: HostPort { host, port }, unit: 1, table: Table::Holding, range: 0..=99 };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let wrong = || refused(&format!("{parameter:?} is not understood"));
            match parameter.split_once('=').ok_or_else(wrong)? {
                ("unit", unit) => query.unit = unit.parse().map_err(|_| wrong())?,
                ("table", name) => query.table = Table::by_name(name).ok_or_else(wrong)?,
                ("range", range) => query.range = parse_range(range).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            }
        }
        Ok(query)
    }

    fn device(&self) -> Device {
        Device::alone(ModbusTransport::Tcp(self.to.clone()), self.unit, TIMEOUT)
    }

    /// The longest requests that cover the range, the one to read first last.
    fn requests(&self) -> Vec<Span> {
        let step = usize::from(self.table.cells_in(REGISTERS_MAX));
        let span = |start: u16| Span {
            table: self.table,
            start,
            count: (usize::from(*self.range.end()) - usize::from(start) + 1).min(step) as u16,
        };
        let mut requests: Vec<Span> = self.range.clone().step_by(step).map(span).collect();
        requests.reverse();
        requests
    }
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let range = first.parse().ok()?..=last.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(address: &str, expected: (&str, u16, u8, Table, RangeInclusive<u16>)) {
        let query = Query::parse(address).unwrap();
        let to = &query.to;
        assert_eq!((to.host.as_str(), to.port, query.unit, query.table, query.range), expected, "{address}");
    }

    #[test]
    fn a_browse_address_has_defaults() {
        check("modbus://plc", ("plc", 502, 1, Table::Holding, 0..=99));
        check("modbus://plc:1502?unit=3&range=5-7&table=coil", ("plc", 1502, 3, Table::Coil, 5..=7));
        check("modbus://[::1]:1502?", ("::1", 1502, 1, Table::Holding, 0..=99));
    }

    #[test]
    fn a_wrong_browse_address_is_refused_with_what_was_expected() {
        for wrong in
            ["plc", "modbus://plc?unit=256", "modbus://plc?range=9-5", "modbus://plc?table=x", "modbus://plc?x"]
        {
            assert!(Query::parse(wrong).unwrap_err().0.contains("expected modbus://"), "{wrong}");
        }
    }

    #[test]
    fn a_range_is_asked_for_in_requests_of_legal_length() {
        let query = Query::parse("modbus://plc?range=0-65535").unwrap();
        let requests = query.requests();
        assert_eq!(requests.iter().map(|span| u32::from(span.count)).sum::<u32>(), 65_536);
        assert!(requests.iter().all(|span| span.count <= REGISTERS_MAX && span.end() <= crate::tag::TABLE_CELLS));
        assert_eq!(requests.last().map(|span| span.start), Some(0));
    }
}
