//! The simulated plant's protocol servers, and the loop that runs plant and servers in real time.
//!
//! The PLC of the welding cell answers over Modbus TCP, the battery-pack line over OPC UA; the cooling plant and the
//! robots publish to an MQTT broker. When the plant says that a link is lost, the server of that link closes its
//! listener and its connections; when the link is back, it listens at the same port again.

mod modbus_server;
mod mqtt_publisher;
mod opcua_server;
mod raw;
mod registers;
mod serving;
mod task;
mod truth_file;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

pub use modbus_server::ModbusServer;
pub use mqtt_publisher::{BrokerAddress, MqttCounts, MqttPublisher};
pub use opcua_server::OpcuaServer;
pub use serving::{Serving, Summary, run};

use crate::{Point, PointId, SimLink, Update};

/// What to serve, and how fast.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeOptions {
    /// Where the welding cell's PLC listens for Modbus TCP; port 0 chooses a free one. `None`: not served.
    pub modbus: Option<SocketAddr>,
    /// Where the battery-pack line's OPC UA server listens; port 0 chooses a free one. `None`: not served.
    pub opcua: Option<SocketAddr>,
    /// The broker that cooling plant and robots publish to. `None`: they do not.
    pub mqtt: Option<BrokerAddress>,
    /// How many times as fast as life the plant runs; above 0, at most 1000.
    pub speed: f64,
    /// How long to run, in seconds of the plant's time. `None`: until stopped.
    pub duration_s: Option<f64>,
    /// The file to write the ground truth to, as JSON lines, while it runs. `None`: it is not written.
    pub truth: Option<PathBuf>,
}

impl Default for ServeOptions {
    /// Nothing served, as fast as life, until stopped.
    fn default() -> Self {
        Self { modbus: None, opcua: None, mqtt: None, speed: 1.0, duration_s: None, truth: None }
    }
}

/// Why the plant cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A point that cannot be served as it is.
    #[error("{path}: address `{address}`: {problem}")]
    Point {
        /// The point's path.
        path: String,
        /// Its address.
        address: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// An address that a server cannot listen on.
    #[error("the {server} cannot listen on {address}: {source}; choose another address, or stop what holds it")]
    Listen {
        /// The server.
        server: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A server that could not be started, or has ended by itself.
    #[error("the {server} has ended: {reason}")]
    Ended {
        /// The server.
        server: &'static str,
        /// Why.
        reason: String,
    },
    /// A speed that a plant cannot run at.
    #[error("a plant cannot run at {0} times the speed of life; expected above 0, at most 1000")]
    Speed(f64),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ServeError {
    fn point(path: &str, address: &str, problem: impl Into<String>) -> Self {
        Self::Point { path: path.into(), address: address.into(), problem: problem.into() }
    }
}

/// The server of one link of the plant.
#[allow(async_fn_in_trait, reason = "the servers of this module are all there are, and their futures are Send")]
pub trait LinkServer {
    /// Takes over new values of the plant; those of other links are passed over. Also while the server is down: the
    /// devices behind a lost link work on.
    ///
    /// # Errors
    /// If a value does not fit its point's type or place.
    fn apply(&mut self, updates: &[Update]) -> Result<(), ServeError>;

    /// Starts to serve. To be called while the server is down.
    ///
    /// # Errors
    /// If its address cannot be listened on.
    async fn bring_up(&mut self) -> Result<(), ServeError>;

    /// Closes listener and connections as a lost link does, within two seconds. Does nothing while the server is down.
    async fn take_down(&mut self);

    /// Closes for good: what waits is sent first, within two seconds. Does nothing while the server is down.
    async fn finish(&mut self) {
        self.take_down().await;
    }

    /// Whether it serves.
    fn is_up(&self) -> bool;

    /// # Errors
    /// If the server is up and has ended by itself.
    async fn check(&mut self) -> Result<(), ServeError>;
}

/// The points that are offered over one link.
fn offered(points: &[Point], link: SimLink) -> impl Iterator<Item = (PointId, &Point)> {
    (0..).map(PointId).zip(points).filter(move |(_, point)| point.link == link)
}

/// Listens on `address`; from then on `address` has the port that port 0 has become.
async fn listen(server: &'static str, address: &mut SocketAddr) -> Result<TcpListener, ServeError> {
    let failed = |source| ServeError::Listen { server, address: *address, source };
    let listener = TcpListener::bind(*address).await.map_err(failed)?;
    *address = listener.local_addr().map_err(failed)?;
    Ok(listener)
}
