use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use telemetry::Reason;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, tcp};
use tokio_modbus::{Error, ExceptionCode, ProtocolError, Request, Response, Slave};

use crate::tag::{Span, Table};

/// A Modbus TCP device and how long to wait for it.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) unit: u8,
    pub(crate) timeout: Duration,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modbus device {}:{} unit {}", self.host, self.port, self.unit)
    }
}

impl Device {
    /// Opens the connection: the one socket that this device is used over.
    ///
    /// # Errors
    /// In words for a person: what failed, where, and what was expected.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match timeout(self.timeout, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("{self}: cannot connect: {error}")),
            Err(_) => return Err(format!("{self}: cannot connect: no answer within {:?}", self.timeout)),
        };
        stream.set_nodelay(true).map_err(|error| format!("{self}: cannot set up the connection: {error}"))?;
        Ok(Connection { device: self.clone(), client: tcp::attach_slave(stream, Slave(self.unit)) })
    }
}

/// Why a request gave no cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The device refuses this request; it will answer others.
    Refused(ExceptionCode),
    /// The connection is of no more use. In words for a person.
    Lost(String),
}

/// One open socket to a device. One request is under way at a time.
///
/// An answer is matched to its request by the transaction id. After any [`ReadError::Lost`] the connection must be
/// dropped: an answer that is still under way then dies with the socket and is never taken for another request's.
pub(crate) struct Connection {
    device: Device,
    client: tokio_modbus::client::Context,
}

impl Connection {
    /// Reads the cells of a span: registers, or 0 and 1 for coils and discrete inputs.
    pub(crate) async fn read(&mut self, span: Span) -> Result<Vec<u16>, ReadError> {
        let request = match span.table {
            Table::Coil => Request::ReadCoils(span.start, span.count),
            Table::Discrete => Request::ReadDiscreteInputs(span.start, span.count),
            Table::Input => Request::ReadInputRegisters(span.start, span.count),
            Table::Holding => Request::ReadHoldingRegisters(span.start, span.count),
        };
        let device = &self.device;
        let lost = |problem: String| ReadError::Lost(format!("{device}: {span}: {problem}"));
        let response = match timeout(device.timeout, self.client.call(request)).await {
            Err(_) => return Err(lost(format!("no answer within {:?}", device.timeout))),
            Ok(Err(error)) => return Err(lost(describe(&error))),
            Ok(Ok(Err(exception))) => return Err(ReadError::Refused(exception)),
            Ok(Ok(Ok(response))) => response,
        };
        cells(span, response).map_err(lost)
    }
}

/// The cells of an answer, if they are as many as were asked for.
fn cells(span: Span, response: Response) -> Result<Vec<u16>, String> {
    let count = usize::from(span.count);
    let cells: Vec<u16> = match response {
        // Bits come eight to a byte; the last byte may hold some that nobody asked for.
        Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits) if bits.len() == count.next_multiple_of(8) => {
            bits.into_iter().take(count).map(u16::from).collect()
        }
        Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits) => {
            return Err(format!("the answer holds {} bits; expected {}", bits.len(), count.next_multiple_of(8)));
        }
        Response::ReadInputRegisters(words) | Response::ReadHoldingRegisters(words) => words,
        other => return Err(format!("the answer is {other:?}; expected the cells of a table")),
    };
    if cells.len() == count {
        Ok(cells)
    } else {
        Err(format!("the answer holds {} registers; expected {count}", cells.len()))
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => format!(
            "the answer belongs to another request or unit: {message}; if only unit_id differs, set the link's unit to \
             the one that answers"
        ),
        Error::Protocol(ProtocolError::FunctionCodeMismatch { request, .. }) => {
            format!("the answer is to another function than the one asked for, {request}")
        }
        Error::Transport(error) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => format!("the answer is no Modbus TCP frame: {error}"),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::TimedOut => {
                format!("the connection broke: {error}")
            }
            // At the end of the stream tokio-modbus reports whatever error the system had last, not one of this socket.
            _ => "the device closed the connection; many accept just one client at a time".to_owned(),
        },
    }
}

/// What a refusal makes of the values that were asked for.
pub(crate) fn reason(exception: ExceptionCode) -> Reason {
    match exception {
        ExceptionCode::IllegalFunction | ExceptionCode::IllegalDataAddress | ExceptionCode::IllegalDataValue => {
            Reason::UnknownAddress
        }
        ExceptionCode::GatewayPathUnavailable => Reason::NotConnected,
        ExceptionCode::GatewayTargetDevice => Reason::Timeout,
        ExceptionCode::Acknowledge
        | ExceptionCode::ServerDeviceBusy
        | ExceptionCode::ServerDeviceFailure
        | ExceptionCode::MemoryParityError
        | ExceptionCode::Custom(_) => Reason::DeviceFault,
    }
}

/// Whether a part of the refused cells may be readable. Not if the device is busy or a gateway cannot reach it.
pub(crate) fn concerns_address(exception: ExceptionCode) -> bool {
    !matches!(
        exception,
        ExceptionCode::Acknowledge
            | ExceptionCode::ServerDeviceBusy
            | ExceptionCode::GatewayPathUnavailable
            | ExceptionCode::GatewayTargetDevice
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(span: (Table, u16), response: Response, expected: Result<Vec<u16>, &str>) {
        let cells = cells(Span { table: span.0, start: 0, count: span.1 }, response);
        assert_eq!(cells, expected.map_err(str::to_owned));
    }

    #[test]
    fn an_answer_must_hold_as_many_cells_as_were_asked_for() {
        check((Table::Holding, 2), Response::ReadHoldingRegisters(vec![7, 8]), Ok(vec![7, 8]));
        check(
            (Table::Holding, 2),
            Response::ReadHoldingRegisters(vec![7]),
            Err("the answer holds 1 registers; expected 2"),
        );
        check((Table::Coil, 3), Response::ReadCoils([true; 8].into()), Ok(vec![1, 1, 1]));
        check((Table::Coil, 9), Response::ReadCoils([true; 8].into()), Err("the answer holds 8 bits; expected 16"));
    }
}
