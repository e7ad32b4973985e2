use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter::Counters;
use plant::ModbusTransport;

use crate::bus::{Bus, Pauses, ReadError, Seat};
use crate::frame::Request;
use crate::tag::Span;
use crate::transport::Endpoint;

/// A unit at an endpoint, and how it wants to be asked.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) bus: Seat,
    pub(crate) unit: u8,
    /// How long to wait for each answer.
    pub(crate) patience: Duration,
    /// How often a request is made again while the device says that it is busy.
    pub(crate) busy_retries: u32,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modbus device {} unit {}", self.bus.endpoint(), self.unit)
    }
}

impl Device {
    /// A unit to have a look at, over a connection of its own.
    pub(crate) fn alone(transport: ModbusTransport, unit: u8, patience: Duration) -> Self {
        let bus = Seat::on(Arc::new(Bus::new(Endpoint(transport), Pauses::default())));
        Self { bus, unit, patience, busy_retries: 0 }
    }

    /// Reads the cells of a span: registers, or 0 and 1 for coils and discrete inputs.
    pub(crate) async fn read(&self, span: Span, counters: &Counters) -> Result<Vec<u16>, ReadError> {
        let named = |problem: String| format!("{self}: {span}: {problem}");
        let answer = self.bus.read(Request { unit: self.unit, span }, self.patience, counters).await;
        answer.map_err(|error| match error {
            ReadError::Refused(exception) => ReadError::Refused(exception),
            ReadError::Unanswered(problem) => ReadError::Unanswered(named(problem)),
            ReadError::Lost(problem) => ReadError::Lost(named(problem)),
        })
    }
}
