//! A broker in this process, a relay that can cut it off, and a supervisor who watches everything.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long any state may be waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A broker that takes any message of these tests.
pub(crate) async fn broker() -> SocketAddr {
    broker_that_takes(1024 * 1024).await
}

/// Starts a broker that retains nothing yet and ends a connection over which a larger message comes, and waits until it
/// answers. It lives as long as the test's process.
pub(crate) async fn broker_that_takes(max_payload_size: usize) -> SocketAddr {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let connections = rumqttd::ConnectionSettings {
        connection_timeout_ms: 5000,
        max_payload_size,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server = rumqttd::ServerSettings {
        name: "test".into(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let config = rumqttd::Config {
        router: rumqttd::RouterConfig {
            max_connections: 50,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 10,
            ..rumqttd::RouterConfig::default()
        },
        v4: Some([("test".to_owned(), server)].into()),
        ..rumqttd::Config::default()
    };
    thread::spawn(move || {
        if let Err(problem) = rumqttd::Broker::new(config).start() {
            panic!("the broker at {address}: {problem}");
        }
    });
    let answers = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, answers).await.unwrap();
    address
}

/// A fixed address before a broker that can be cut off and exchanged.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    broker: watch::Sender<Option<SocketAddr>>,
}

impl Relay {
    pub(crate) async fn to(broker: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = watch::channel(Some(broker));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, receiver.clone()));
            }
        });
        Self { address, broker: sender }
    }

    /// Ends every connection and lets none through any more.
    pub(crate) fn cut(&self) {
        self.broker.send_replace(None);
    }

    /// Lets connections through to that broker.
    pub(crate) fn join(&self, broker: SocketAddr) {
        self.broker.send_replace(Some(broker));
    }
}

async fn pass_on(mut client: TcpStream, mut broker: watch::Receiver<Option<SocketAddr>>) {
    let Some(address) = *broker.borrow_and_update() else { return };
    let Ok(mut server) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = broker.changed() => {}
    }
}

/// Somebody who has subscribed to everything.
pub(crate) struct Supervisor {
    pub(crate) client: AsyncClient,
    connection: EventLoop,
    /// The newest message of each topic that was not empty.
    pub(crate) shown: BTreeMap<String, String>,
    /// Every message, in order, as topic and content.
    pub(crate) received: Vec<(String, String)>,
}

impl Supervisor {
    /// Subscribes and waits until the broker has confirmed it.
    pub(crate) async fn at(broker: SocketAddr, name: &str) -> Self {
        let mut options = MqttOptions::new(name, broker.ip().to_string(), broker.port());
        options.set_max_packet_size(1024 * 1024, 1024 * 1024);
        let (client, connection) = AsyncClient::new(options, 10);
        client.subscribe("linetwin/#", QoS::AtLeastOnce).await.unwrap();
        let mut supervisor = Self { client, connection, shown: BTreeMap::new(), received: Vec::new() };
        supervisor.wait_for(|_, packet| matches!(packet, Packet::SubAck(_))).await;
        supervisor
    }

    /// Waits until what has been seen is as it should be.
    pub(crate) async fn wait_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        if !is_so(self) {
            self.wait_for(|supervisor, _| is_so(supervisor)).await;
        }
    }

    /// Waits until that message has been received since the last call with the same topic.
    pub(crate) async fn wait_for_message(&mut self, topic: &str, part: &str) {
        let is_it = |(at, content): &(String, String)| at == topic && content.contains(part);
        self.wait_until(|supervisor| supervisor.received.iter().any(is_it)).await;
    }

    /// Publishes and waits until the broker has confirmed it.
    pub(crate) async fn publish(&mut self, topic: &str, retain: bool, content: &str) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, content).await.unwrap();
        self.wait_for(|_, packet| matches!(packet, Packet::PubAck(_))).await;
    }

    /// The contents of the messages of a topic, in order.
    pub(crate) fn contents(&self, topic: &str) -> Vec<&str> {
        self.received.iter().filter(|(at, _)| at == topic).map(|(_, content)| content.as_str()).collect()
    }

    async fn wait_for(&mut self, is_so: impl Fn(&Self, &Packet) -> bool) {
        let poll = async {
            loop {
                let Event::Incoming(packet) = self.connection.poll().await.unwrap() else { continue };
                self.note(&packet);
                if is_so(self, &packet) {
                    return;
                }
            }
        };
        if timeout(PATIENCE, poll).await.is_err() {
            panic!("it did not come to that; shown: {:#?}, received: {:#?}", self.shown, self.received);
        }
    }

    fn note(&mut self, packet: &Packet) {
        let Packet::Publish(publish) = packet else { return };
        let content = String::from_utf8(publish.payload.to_vec()).unwrap();
        match content.is_empty() {
            true => self.shown.remove(&publish.topic),
            false => self.shown.insert(publish.topic.clone(), content.clone()),
        };
        self.received.push((publish.topic.clone(), content));
    }
}
