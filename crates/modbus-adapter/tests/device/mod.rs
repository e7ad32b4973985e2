//! Modbus devices for tests.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response};

/// How a device answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answers {
    AtOnce,
    /// With what it holds when asked, but only then.
    After(Duration),
    Never,
    Refuse(ExceptionCode),
}

struct Memory {
    cells: BTreeMap<(&'static str, u16), u16>,
    answers: Answers,
    longest: u16,
    requests: Vec<(u16, u16)>,
    times: Vec<Instant>,
}

#[derive(Clone)]
struct Shared {
    memory: Arc<Mutex<Memory>>,
    late: Arc<Notify>,
}

/// A tokio-modbus server. It refuses every cell that was not set.
pub(crate) struct TestDevice {
    address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

/// A device without power; it keeps its memory and its port.
pub(crate) struct SwitchedOff {
    address: SocketAddr,
    shared: Shared,
}

impl TestDevice {
    pub(crate) async fn start() -> Self {
        let memory = Memory {
            cells: BTreeMap::new(),
            answers: Answers::AtOnce,
            longest: u16::MAX,
            requests: Vec::new(),
            times: Vec::new(),
        };
        let shared = Shared { memory: Arc::new(Mutex::new(memory)), late: Arc::default() };
        Self::listen(([127, 0, 0, 1], 0).into(), shared).await
    }

    async fn listen(address: SocketAddr, shared: Shared) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = shared.clone();
        let task = tokio::spawn(async move {
            let connected = |stream, peer| {
                let service = service.clone();
                async move { accept_tcp_connection(stream, peer, move |_| Ok(Some(service.clone()))) }
            };
            let _ = Server::new(listener).serve(&connected, |_| {}).await;
        });
        Self { address, shared, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn set(&self, table: &'static str, start: u16, values: &[u16]) {
        let cells = (start..).zip(values).map(|(at, &value)| ((table, at), value));
        self.shared.memory.lock().unwrap().cells.extend(cells);
    }

    pub(crate) fn answer(&self, answers: Answers) {
        self.shared.memory.lock().unwrap().answers = answers;
    }

    pub(crate) fn refuse_longer_than(&self, cells: u16) {
        self.shared.memory.lock().unwrap().longest = cells;
    }

    /// Start and count of every request so far.
    pub(crate) fn requests(&self) -> Vec<(u16, u16)> {
        self.shared.memory.lock().unwrap().requests.clone()
    }

    /// When each request came.
    pub(crate) fn request_times(&self) -> Vec<Instant> {
        self.shared.memory.lock().unwrap().times.clone()
    }

    pub(crate) async fn wait_for_late_answer(&self, bound: Duration) {
        tokio::time::timeout(bound, self.shared.late.notified()).await.expect("no late answer in time");
    }

    pub(crate) async fn switch_off(self) -> SwitchedOff {
        self.task.abort();
        let _ = self.task.await;
        SwitchedOff { address: self.address, shared: self.shared }
    }
}

impl SwitchedOff {
    pub(crate) async fn switch_on(self) -> TestDevice {
        TestDevice::listen(self.address, self.shared).await
    }
}

impl Shared {
    fn result(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let mut memory = self.memory.lock().unwrap();
        let (table, start, count) = match *request {
            Request::ReadCoils(start, count) => ("coil", start, count),
            Request::ReadDiscreteInputs(start, count) => ("discrete", start, count),
            Request::ReadInputRegisters(start, count) => ("input", start, count),
            Request::ReadHoldingRegisters(start, count) => ("holding", start, count),
            _ => return Err(ExceptionCode::IllegalFunction),
        };
        memory.requests.push((start, count));
        memory.times.push(Instant::now());
        if let Answers::Refuse(exception) = memory.answers {
            return Err(exception);
        }
        let cell = |at| memory.cells.get(&(table, at)).copied().ok_or(ExceptionCode::IllegalDataAddress);
        let cells: Vec<u16> = (start..start + count).map(cell).collect::<Result<_, _>>()?;
        if count > memory.longest {
            return Err(ExceptionCode::IllegalDataValue);
        }
        let bits = || cells.iter().map(|&cell| cell != 0).collect();
        Ok(match table {
            "coil" => Response::ReadCoils(bits()),
            "discrete" => Response::ReadDiscreteInputs(bits()),
            "input" => Response::ReadInputRegisters(cells),
            _ => Response::ReadHoldingRegisters(cells),
        })
    }
}

impl Service for Shared {
    type Request = Request<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Pin<Box<dyn Future<Output = Result<Option<Response>, ExceptionCode>> + Send>>;

    fn call(&self, request: Request<'static>) -> Self::Future {
        let result = self.result(&request).map(Some);
        let answers = self.memory.lock().unwrap().answers;
        let late = self.late.clone();
        Box::pin(async move {
            match answers {
                Answers::AtOnce | Answers::Refuse(_) => result,
                Answers::Never => Ok(None),
                Answers::After(delay) => {
                    tokio::time::sleep(delay).await;
                    late.notify_one();
                    result
                }
            }
        })
    }
}

/// The answer to a request; `None` closes the connection.
pub(crate) type Script = fn(&[u8]) -> Option<Vec<u8>>;

/// A bare socket. Its nth connection answers each request as the nth script says, the last one for ever.
pub(crate) async fn scripted_device(scripts: &[Script]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let scripts = scripts.to_vec();
    tokio::spawn(async move {
        let mut connections = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let script = scripts[connections.min(scripts.len() - 1)];
            connections += 1;
            let mut request = [0; 12];
            while stream.read_exact(&mut request).await.is_ok() {
                let Some(answer) = script(&request) else { break };
                stream.write_all(&answer).await.unwrap();
            }
        }
    });
    port
}
