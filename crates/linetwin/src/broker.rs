//! The MQTT broker inside the process, for the demo.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// The largest message it takes, bytes.
const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Starts a broker on that port of this machine, in a thread of its own; 0 chooses a free port. Returns the port.
///
/// It serves until the process ends: the library has no way to stop it.
///
/// # Errors
/// If the port is in use.
pub fn start(port: u16) -> anyhow::Result<u16> {
    let port = free_port(port)?;
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: MAX_PAYLOAD_BYTES,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "demo".to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let router = RouterConfig {
        max_connections: 1_000,
        max_outgoing_packet_count: 200,
        max_segment_size: 10 * 1024 * 1024,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    let config = Config { router, v4: Some(HashMap::from([("demo".to_owned(), server)])), ..Config::default() };
    let mut broker = Broker::new(config);
    std::thread::Builder::new().name("broker".to_owned()).spawn(move || {
        if let Err(error) = broker.start() {
            tracing::error!("the broker has ended: {error}");
        }
    })?;
    Ok(port)
}

/// A port that nobody listens on. The broker takes no listener of ours, so somebody could take the port in between; it
/// then says so.
fn free_port(port: u16) -> anyhow::Result<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .with_context(|| format!("the MQTT broker cannot listen on {address}; choose another port with --mqtt-port"))?;
    Ok(listener.local_addr()?.port())
}
