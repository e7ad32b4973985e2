//! Brokers for tests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// No test waits longer than this for anything.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// A rumqttd on a free port, which lives until the test process ends, and a client that publishes there.
pub(crate) struct TestBroker {
    port: u16,
    client: AsyncClient,
    acknowledged: tokio::sync::mpsc::Receiver<()>,
    task: JoinHandle<()>,
}

impl TestBroker {
    pub(crate) async fn start() -> Self {
        let port = free_port().await;
        let mut broker = Broker::new(config(port));
        std::thread::spawn(move || broker.start().unwrap());
        let listening = async { while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {} };
        timeout(BOUND, listening).await.expect("the broker does not listen");
        let (client, mut events) = AsyncClient::new(MqttOptions::new("publisher", "127.0.0.1", port), 10);
        let (sender, acknowledged) = tokio::sync::mpsc::channel(10);
        let task = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if matches!(event, Event::Incoming(Packet::PubAck(_))) {
                    sender.send(()).await.unwrap();
                }
            }
        });
        Self { port, client, acknowledged, task }
    }

    /// Publishes and waits until the broker has it.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str) {
        self.publish_as(topic, payload, false).await;
    }

    /// Publishes a message that the broker also keeps for those who subscribe later.
    pub(crate) async fn publish_retained(&mut self, topic: &str, payload: &str) {
        self.publish_as(topic, payload, true).await;
    }

    async fn publish_as(&mut self, topic: &str, payload: &str, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await.unwrap();
        timeout(BOUND, self.acknowledged.recv()).await.expect("no acknowledgement").unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
}

fn config(port: u16) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5000,
        max_payload_size: 1 << 20,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "test".into(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 0,
        connections,
    };
    let router = RouterConfig {
        max_connections: 100,
        max_outgoing_packet_count: 200,
        max_segment_size: 1 << 20,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    Config { router, v4: Some(HashMap::from([("test".into(), server)])), ..Config::default() }
}

/// A fixed address in front of a broker that can be replaced: to its clients that is a broker that restarts.
pub(crate) struct Front {
    port: u16,
    broker: Arc<Mutex<Option<u16>>>,
    cut: Arc<tokio::sync::Notify>,
}

impl Front {
    pub(crate) async fn start(broker: &TestBroker) -> Self {
        Self::at(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(), broker)
    }

    pub(crate) fn at(listener: TcpListener, broker: &TestBroker) -> Self {
        let front = Self {
            port: listener.local_addr().unwrap().port(),
            broker: Arc::new(Mutex::new(Some(broker.port()))),
            cut: Arc::default(),
        };
        tokio::spawn(forward(listener, front.broker.clone(), front.cut.clone()));
        front
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn take_down(&self) {
        *self.broker.lock().unwrap() = None;
        self.cut.notify_one();
    }

    pub(crate) fn bring_up(&self, broker: &TestBroker) {
        *self.broker.lock().unwrap() = Some(broker.port());
    }
}

async fn forward(listener: TcpListener, broker: Arc<Mutex<Option<u16>>>, cut: Arc<tokio::sync::Notify>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = cut.notified() => connections.shutdown().await,
            accepted = listener.accept() => {
                let (mut near, _) = accepted.unwrap();
                let Some(port) = *broker.lock().unwrap() else { continue };
                connections.spawn(async move {
                    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        }
    }
}

/// A bare socket that takes each packet and answers it with the next of these, then stays silent.
pub(crate) async fn scripted_broker(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut packet = [0; 4096];
                for answer in answers {
                    if stream.read(&mut packet).await.unwrap_or(0) == 0 {
                        return;
                    }
                    stream.write_all(answer).await.unwrap();
                }
                while stream.read(&mut packet).await.unwrap_or(0) > 0 {}
            });
        }
    });
    port
}
