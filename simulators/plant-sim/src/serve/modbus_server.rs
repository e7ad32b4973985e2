use std::collections::HashMap;
use std::future::{Ready, ready};
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::raw::Tag;
use super::registers::{Claims, Memory, Place};
use super::task::Task;
use super::{LinkServer, ServeError, listen};
use crate::{Point, PointId, SimLink, Update};

const NAME: &str = "Modbus server";
/// The unit that answers.
const UNIT: u8 = 1;
/// The most coils or discrete inputs in one answer, by the Modbus application protocol.
const BITS_MAX: u16 = 2000;
/// The most registers in one answer, by the Modbus application protocol.
const REGISTERS_MAX: u16 = 125;

/// The points of the welding cell's PLC over Modbus TCP, unit 1, read-only.
///
/// An address that holds nothing is answered with exception 2, a function that writes with exception 1, another unit
/// with exception 11. The PLC's memory goes on living while the server is down.
#[derive(Debug)]
pub struct ModbusServer {
    address: SocketAddr,
    points: HashMap<PointId, (Tag, Place)>,
    memory: watch::Sender<Memory>,
    task: Task<()>,
}

impl ModbusServer {
    /// A server that is down, for those `points` of the plant that are offered over Modbus. Port 0 chooses a free port
    /// when the server comes up first, and keeps it.
    ///
    /// # Errors
    /// If a point's address or type cannot be served, or two points share a register.
    pub fn new(address: SocketAddr, points: &[Point]) -> Result<Self, ServeError> {
        let mut places = HashMap::new();
        let mut claims = Claims::default();
        for (id, point) in super::offered(points, SimLink::WeldPlc) {
            let tag = Tag::new(point)?;
            let place = Place::new(point, &tag)?;
            claims.take(&tag, place)?;
            places.insert(id, (tag, place));
        }
        Ok(Self { address, points: places, memory: watch::Sender::new(Memory::default()), task: Task::down(NAME) })
    }

    /// Where it listens, or will.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl LinkServer for ModbusServer {
    fn apply(&mut self, updates: &[Update]) -> Result<(), ServeError> {
        let mut writes = Vec::with_capacity(updates.len());
        for update in updates {
            if let Some((tag, place)) = self.points.get(&update.point) {
                writes.push((tag, *place, tag.raw(update.value)?));
            }
        }
        let mut result = Ok(());
        // One lock for the whole step: no client sees half of it.
        self.memory.send_modify(|memory| {
            result = writes
                .iter()
                .try_for_each(|&(tag, place, raw)| memory.write(place, raw).map_err(|problem| tag.error(problem)));
        });
        result
    }

    async fn bring_up(&mut self) -> Result<(), ServeError> {
        let listener = listen(NAME, &mut self.address).await?;
        let memory = self.memory.subscribe();
        self.task.spawn((), |stop| answer(listener, memory, stop.cancelled_owned()));
        Ok(())
    }

    async fn take_down(&mut self) {
        self.task.close().await;
    }

    fn is_up(&self) -> bool {
        self.task.is_up()
    }

    async fn check(&mut self) -> Result<(), ServeError> {
        self.task.check().await
    }
}

async fn answer(
    listener: TcpListener,
    memory: watch::Receiver<Memory>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> Result<(), String> {
    let on_connected = |stream, peer| {
        let answering = Answering(memory.clone());
        async move { accept_tcp_connection(stream, peer, |_| Ok(Some(answering.clone()))) }
    };
    let on_error = |error: std::io::Error| tracing::debug!(%error, "a Modbus client's connection ended");
    match Server::new(listener).serve_until(&on_connected, on_error, stop).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Debug, Clone)]
struct Answering(watch::Receiver<Memory>);

impl Service for Answering {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(if request.slave == UNIT {
            respond(&self.0.borrow(), &request.request)
        } else {
            Err(ExceptionCode::GatewayTargetDevice)
        })
    }
}

fn respond(memory: &Memory, request: &Request<'_>) -> Result<Response, ExceptionCode> {
    let counted = |count: u16, max: u16| match count {
        0 => Err(ExceptionCode::IllegalDataValue),
        count if count > max => Err(ExceptionCode::IllegalDataValue),
        count => Ok(count),
    };
    let nothing = ExceptionCode::IllegalDataAddress;
    match *request {
        Request::ReadCoils(first, count) => {
            memory.coils.read(first, counted(count, BITS_MAX)?).map(Response::ReadCoils).ok_or(nothing)
        }
        Request::ReadDiscreteInputs(first, count) => {
            memory.discretes.read(first, counted(count, BITS_MAX)?).map(Response::ReadDiscreteInputs).ok_or(nothing)
        }
        Request::ReadInputRegisters(first, count) => {
            memory.inputs.read(first, counted(count, REGISTERS_MAX)?).map(Response::ReadInputRegisters).ok_or(nothing)
        }
        Request::ReadHoldingRegisters(first, count) => memory
            .holdings
            .read(first, counted(count, REGISTERS_MAX)?)
            .map(Response::ReadHoldingRegisters)
            .ok_or(nothing),
        _ => Err(ExceptionCode::IllegalFunction),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::Ipv4Addr;

    use telemetry::{Symbol, Timestamp, Value};
    use tokio_modbus::client::{Context, Reader, Writer, tcp};
    use tokio_modbus::prelude::{Slave, SlaveContext};

    use super::*;
    use crate::serve::raw::tests::point;

    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn update(point: u32, value: Value) -> Update {
        Update { point: PointId(point), at: Timestamp::EPOCH, value }
    }

    /// A server with one point of each kind, up, and a client of unit 1.
    async fn server_and_client() -> (ModbusServer, Context) {
        let points = [
            point(SimLink::WeldPlc, "coil:3", "bool"),
            point(SimLink::PackOpcua, "nsu=urn:plant-sim;s=elsewhere", "f64"),
            point(SimLink::WeldPlc, "discrete:9", "bool"),
            point(SimLink::WeldPlc, "holding:7.3", "bool"),
            Point { scale: 0.1, ..point(SimLink::WeldPlc, "input:0", "u16") },
            Point { order: "cdab", ..point(SimLink::WeldPlc, "holding:8", "f32") },
            point(SimLink::WeldPlc, "holding:40/4", "text"),
        ];
        let mut server = ModbusServer::new(ANY_PORT, &points).unwrap();
        server
            .apply(&[
                update(0, Value::Boolean(true)),
                update(1, Value::Float(1.0)),
                update(2, Value::Boolean(true)),
                update(3, Value::Boolean(true)),
                update(4, Value::Float(21.3)),
                update(5, Value::Float(1.0)),
                update(6, Value::Symbol(Symbol::new("P-7").unwrap())),
            ])
            .unwrap();
        server.bring_up().await.unwrap();
        let client = tcp::connect_slave(server.address(), Slave(UNIT)).await.unwrap();
        (server, client)
    }

    #[tokio::test]
    async fn a_client_reads_each_table_and_type() {
        let (_server, mut client) = server_and_client().await;
        assert_eq!(client.read_coils(3, 1).await.unwrap(), Ok(vec![true]));
        assert_eq!(client.read_discrete_inputs(9, 1).await.unwrap(), Ok(vec![true]));
        assert_eq!(client.read_input_registers(0, 1).await.unwrap(), Ok(vec![213]));
        assert_eq!(client.read_holding_registers(7, 3).await.unwrap(), Ok(vec![8, 0, 0x3F80]));
        assert_eq!(client.read_holding_registers(40, 4).await.unwrap(), Ok(vec![0x502D, 0x3700, 0, 0]));
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_an_exception() {
        let (_server, mut client) = server_and_client().await;
        assert_eq!(client.read_holding_registers(6, 1).await.unwrap(), Err(ExceptionCode::IllegalDataAddress));
        assert_eq!(client.read_holding_registers(9, 2).await.unwrap(), Err(ExceptionCode::IllegalDataAddress));
        assert_eq!(client.read_coils(u16::MAX, 2).await.unwrap(), Err(ExceptionCode::IllegalDataAddress));
        assert_eq!(client.read_holding_registers(8, 126).await.unwrap(), Err(ExceptionCode::IllegalDataValue));
        assert_eq!(client.read_holding_registers(8, 0).await.unwrap(), Err(ExceptionCode::IllegalDataValue));
        assert_eq!(client.write_single_register(8, 1).await.unwrap(), Err(ExceptionCode::IllegalFunction));
        assert_eq!(client.write_single_coil(3, false).await.unwrap(), Err(ExceptionCode::IllegalFunction));
        client.set_slave(Slave(2));
        assert_eq!(client.read_coils(3, 1).await.unwrap(), Err(ExceptionCode::GatewayTargetDevice));
    }

    #[tokio::test]
    async fn a_lost_link_closes_everything_and_comes_back_at_the_same_port() {
        let (mut server, mut client) = server_and_client().await;
        let address = server.address();
        server.take_down().await;
        assert!(!server.is_up());
        assert!(client.read_coils(3, 1).await.is_err());
        assert!(tcp::connect(address).await.is_err());

        server.apply(&[update(0, Value::Boolean(false))]).unwrap();
        server.bring_up().await.unwrap();
        assert_eq!(server.address(), address);
        let mut client = tcp::connect_slave(address, Slave(UNIT)).await.unwrap();
        assert_eq!(client.read_coils(3, 1).await.unwrap(), Ok(vec![false]));
        server.check().await.unwrap();
    }

    #[tokio::test]
    async fn an_address_in_use_is_said_so() {
        let (server, _client) = server_and_client().await;
        let mut second = ModbusServer::new(server.address(), &[]).unwrap();
        let error = second.bring_up().await.unwrap_err().to_string();
        assert!(error.contains("Modbus server cannot listen on 127.0.0.1:"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_fit_names_the_point() {
        let points = [point(SimLink::WeldPlc, "coil:3", "bool")];
        let mut server = ModbusServer::new(ANY_PORT, &points).unwrap();
        let error = server.apply(&[update(0, Value::Symbol(Symbol::new("on").unwrap()))]).unwrap_err().to_string();
        assert!(error.contains("coil:3"), "{error}");
    }
}
