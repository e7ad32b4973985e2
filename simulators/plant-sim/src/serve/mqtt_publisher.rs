use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use serde_json::{Map, Number, Value as Json};
use tokio_util::sync::CancellationToken;

use super::raw::{Raw, Tag};
use super::task::Task;
use super::{LinkServer, ServeError};
use crate::{Point, PointId, SimLink, Update};

const NAME: &str = "MQTT publisher";
/// The most messages that wait for the broker; one more is dropped and counted.
const QUEUE_MESSAGES: usize = 256;
/// The pause before the broker is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// The key of a message's time.
const TIME_KEY: &str = "ts";

/// Where an MQTT broker listens: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl FromStr for BrokerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (host, port) = text.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            Some(Self { port: port.parse().ok()?, host }).filter(|address| !address.host.is_empty())
        };
        parse().ok_or_else(|| format!("{text:?} is no address of a broker; one looks like localhost:1883"))
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What became of the messages for the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MqttCounts {
    /// Messages handed to the client.
    pub published: u64,
    /// Of these, messages that the broker has confirmed. The others wait, or were lost with a broken connection.
    pub acknowledged: u64,
    /// Messages dropped because 256 were waiting already.
    pub dropped: u64,
    /// Times the broker could not be reached, or the connection to it broke.
    pub failures: u64,
}

/// Publishes the cooling plant's and the robots' points to a broker: one JSON object a station on its topic, QoS 1.
///
/// Each message has `ts`, the plant's time in RFC 3339, and the latest value of every point of the station; one is sent
/// whenever the plant gives values of that station. While the link is down nothing is sent and
/// nothing is kept.
#[derive(Debug)]
pub struct MqttPublisher {
    broker: BrokerAddress,
    points: HashMap<PointId, Field>,
    stations: BTreeMap<String, Map<String, Json>>,
    published: u64,
    dropped: u64,
    counts: Arc<ClientCounts>,
    /// Connections so far: brokers mistake one client's old connection for its new one.
    connections: u64,
    task: Task<Handle>,
}

#[derive(Debug)]
struct Field {
    tag: Tag,
    topic: String,
    key: String,
}

/// What the publisher tells its connection by.
#[derive(Debug)]
struct Handle {
    client: AsyncClient,
    finish: CancellationToken,
}

#[derive(Debug, Default)]
struct ClientCounts {
    acknowledged: AtomicU64,
    failures: AtomicU64,
}

impl MqttPublisher {
    /// A publisher that is not connected, for those `points` of the plant that are offered over MQTT.
    ///
    /// # Errors
    /// If a point's address is not `topic#/key`, or its type cannot be served.
    pub fn new(broker: BrokerAddress, points: &[Point]) -> Result<Self, ServeError> {
        let mut fields = HashMap::new();
        let mut stations = BTreeMap::new();
        for (id, point) in super::offered(points, SimLink::UtilitiesMqtt) {
            let tag = Tag::new(point)?;
            let (topic, key) = point
                .address
                .split_once("#/")
                .filter(|(topic, key)| !topic.is_empty() && !key.is_empty() && !key.contains(['/', '~']))
                .filter(|(_, key)| *key != TIME_KEY)
                .ok_or_else(|| tag.error("expected `topic#/key`, the key a plain word other than ts"))?;
            stations.entry(topic.to_owned()).or_insert_with(Map::new);
            fields.insert(id, Field { topic: topic.to_owned(), key: key.to_owned(), tag });
        }
        Ok(Self {
            broker,
            points: fields,
            stations,
            published: 0,
            dropped: 0,
            counts: Arc::default(),
            connections: 0,
            task: Task::down(NAME),
        })
    }

    /// What became of the messages so far.
    pub fn counts(&self) -> MqttCounts {
        MqttCounts {
            published: self.published,
            acknowledged: self.counts.acknowledged.load(Ordering::Relaxed),
            dropped: self.dropped,
            failures: self.counts.failures.load(Ordering::Relaxed),
        }
    }

    fn publish(&mut self, topic: &str) {
        let (Some(handle), Some(message)) = (self.task.handle(), self.stations.get(topic)) else { return };
        let payload = Json::Object(message.clone()).to_string();
        match handle.client.try_publish(topic, QoS::AtLeastOnce, false, payload) {
            Ok(()) => self.published += 1,
            Err(_) => self.dropped += 1,
        }
    }

    fn publish_moment(&mut self, updates: &[Update]) -> Result<(), ServeError> {
        let mut changed = BTreeMap::new();
        for update in updates {
            let Some(field) = self.points.get(&update.point) else { continue };
            let value = json(field.tag.raw(update.value)?);
            self.stations.entry(field.topic.clone()).or_default().insert(field.key.clone(), value);
            let at = changed.entry(field.topic.clone()).or_insert(update.at);
            *at = update.at.max(*at);
        }
        for (topic, at) in changed {
            self.stations.entry(topic.clone()).or_default().insert(TIME_KEY.into(), at.to_string().into());
            self.publish(&topic);
        }
        Ok(())
    }
}

impl LinkServer for MqttPublisher {
    fn apply(&mut self, updates: &[Update]) -> Result<(), ServeError> {
        // A message has one time: what was recorded at other times goes in messages of its own.
        updates.chunk_by(|one, next| one.at == next.at).try_for_each(|of_moment| self.publish_moment(of_moment))
    }

    async fn bring_up(&mut self) -> Result<(), ServeError> {
        self.connections += 1;
        let id = format!("plant-sim-{}-{}", std::process::id(), self.connections);
        let options = MqttOptions::new(id, self.broker.host.clone(), self.broker.port);
        let (client, events) = AsyncClient::new(options, QUEUE_MESSAGES);
        let finish = CancellationToken::new();
        let connection = Connection {
            broker: self.broker.clone(),
            client: client.clone(),
            events,
            counts: Arc::clone(&self.counts),
            finish: finish.clone(),
        };
        self.task.spawn(Handle { client, finish }, |stop| connection.run(stop));
        Ok(())
    }

    async fn finish(&mut self) {
        if let Some(handle) = self.task.handle() {
            handle.finish.cancel();
        }
        self.task.finish().await;
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

/// The connection to the broker, while the link is up.
struct Connection {
    broker: BrokerAddress,
    client: AsyncClient,
    events: EventLoop,
    counts: Arc<ClientCounts>,
    finish: CancellationToken,
}

impl Connection {
    /// Keeps connected. When stopped, the connection is cut; when told to finish, what waits is sent first.
    async fn run(mut self, stop: CancellationToken) -> Result<(), String> {
        let finish = self.finish.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = finish.cancelled() => {}
            never = self.keep_connected() => match never {},
        }
        self.disconnect().await;
        Ok(())
    }

    async fn keep_connected(&mut self) -> Infallible {
        let mut warned = false;
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => warned = false,
                Ok(event) => self.count(&event),
                Err(error) => {
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    if !warned {
                        tracing::warn!(broker = %self.broker, %error, "no connection to the MQTT broker; trying on");
                        warned = true;
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Sends what waits, if the broker takes it; the caller bounds the time.
    async fn disconnect(&mut self) {
        if self.events.network.is_none() || self.client.try_disconnect().is_err() {
            return;
        }
        while let Ok(event) = self.events.poll().await {
            self.count(&event);
            if event == Event::Outgoing(Outgoing::Disconnect) {
                return;
            }
        }
    }

    fn count(&self, event: &Event) {
        if let Event::Incoming(Packet::PubAck(_)) = event {
            self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn json(raw: Raw) -> Json {
    let real = |number: f64| Number::from_f64(number).map_or(Json::Null, Json::Number);
    match raw {
        Raw::Bool(condition) => condition.into(),
        Raw::U16(number) => number.into(),
        Raw::I16(number) => number.into(),
        Raw::U32(number) => number.into(),
        Raw::I32(number) => number.into(),
        Raw::I64(number) => number.into(),
        Raw::F32(number) => real(number.into()),
        Raw::F64(number) => real(number),
        Raw::Text(text) => text.as_str().into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::time::Instant;

    use rumqttd::local::LinkRx;
    use rumqttd::{Broker, Config, ConnectionSettings, Notification, RouterConfig, ServerSettings};
    use telemetry::{Symbol, Timestamp, Value};
    use tokio::net::TcpSocket;

    use super::*;
    use crate::serve::raw::tests::point;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A broker in this process, and what it receives on every topic.
    fn broker() -> (BrokerAddress, LinkRx) {
        let listen = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap().local_addr().unwrap();
        let connections = ConnectionSettings {
            connection_timeout_ms: 5000,
            max_payload_size: 20_480,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        };
        let server =
            ServerSettings { name: "test".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
        let mut broker = Broker::new(Config {
            router: RouterConfig {
                max_connections: 10,
                max_outgoing_packet_count: 200,
                max_segment_size: 1 << 20,
                max_segment_count: 10,
                ..RouterConfig::default()
            },
            v4: Some([("1".to_owned(), server)].into()),
            ..Config::default()
        });
        let (mut sender, receiver) = broker.link("observer").unwrap();
        sender.subscribe("#").unwrap();
        std::thread::spawn(move || broker.start().unwrap());
        (BrokerAddress { host: listen.ip().to_string(), port: listen.port() }, receiver)
    }

    /// The next message, as `topic payload`.
    async fn next(receiver: LinkRx) -> (LinkRx, String) {
        tokio::task::spawn_blocking(move || {
            let mut receiver = receiver;
            let deadline = Instant::now() + LIMIT;
            loop {
                if let Some(Notification::Forward(forward)) = receiver.recv_deadline(deadline).unwrap() {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    let message = format!("{} {}", text(&forward.publish.topic), text(&forward.publish.payload));
                    return (receiver, message);
                }
            }
        })
        .await
        .unwrap()
    }

    fn publisher(broker: BrokerAddress) -> MqttPublisher {
        let points = [
            point(SimLink::UtilitiesMqtt, "ev1/cooling-1#/flow", "f64"),
            point(SimLink::UtilitiesMqtt, "ev1/cooling-1#/fault", "bool"),
            point(SimLink::UtilitiesMqtt, "ev1/robot-10#/program", "text"),
            point(SimLink::UtilitiesMqtt, "ev1/robot-10#/variant", "u16"),
            point(SimLink::WeldPlc, "coil:0", "bool"),
        ];
        MqttPublisher::new(broker, &points).unwrap()
    }

    fn update(point: u32, at_s: f64, value: Value) -> Update {
        Update { point: PointId(point), at: Timestamp::EPOCH.plus_seconds(at_s), value }
    }

    #[tokio::test]
    async fn a_station_is_one_message_with_its_time() {
        let (broker, receiver) = broker();
        let mut publisher = publisher(broker);
        publisher.bring_up().await.unwrap();
        publisher
            .apply(&[
                update(3, 1.0, Value::Integer(2)),
                update(0, 1.0, Value::Float(31.5)),
                update(4, 1.0, Value::Boolean(true)),
                update(2, 1.0, Value::Symbol(Symbol::new("P7").unwrap())),
                update(1, 1.0, Value::Boolean(false)),
            ])
            .unwrap();
        let (receiver, message) = next(receiver).await;
        assert_eq!(message, r#"ev1/cooling-1 {"fault":false,"flow":31.5,"ts":"1970-01-01T00:00:01Z"}"#);
        let (receiver, message) = next(receiver).await;
        assert_eq!(message, r#"ev1/robot-10 {"program":"P7","ts":"1970-01-01T00:00:01Z","variant":2}"#);

        publisher.take_down().await;
        publisher.apply(&[update(0, 2.0, Value::Float(32.0))]).unwrap();
        assert_eq!(publisher.counts().published, 2);
        publisher.bring_up().await.unwrap();
        publisher.apply(&[update(1, 3.0, Value::Boolean(true))]).unwrap();
        let (_receiver, message) = next(receiver).await;
        assert_eq!(message, r#"ev1/cooling-1 {"fault":true,"flow":32.0,"ts":"1970-01-01T00:00:03Z"}"#);
        publisher.check().await.unwrap();
        publisher.finish().await;
        assert!(!publisher.is_up());
    }

    #[tokio::test]
    async fn without_a_broker_messages_are_dropped_and_counted() {
        // Bound, but not listening: nobody else gets the port, and connections to it are refused.
        let nobody = TcpSocket::new_v4().unwrap();
        nobody.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = nobody.local_addr().unwrap().port();
        let mut publisher = publisher(BrokerAddress { host: Ipv4Addr::LOCALHOST.to_string(), port });
        publisher.bring_up().await.unwrap();
        for step in 0..QUEUE_MESSAGES as u32 + 5 {
            publisher.apply(&[update(0, f64::from(step), Value::Float(1.0))]).unwrap();
        }
        let failed = async {
            while publisher.counts().failures == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, failed).await.unwrap();
        let expected = MqttCounts { published: 256, acknowledged: 0, dropped: 5, failures: 1 };
        assert_eq!(publisher.counts(), expected);
        publisher.take_down().await;
    }

    #[test]
    fn other_addresses_are_refused() {
        for address in ["ev1/cooling-1", "ev1/cooling-1#", "#/flow", "ev1/cooling-1#/a/b", "ev1/cooling-1#/ts"] {
            let points = [point(SimLink::UtilitiesMqtt, address, "f64")];
            let broker = BrokerAddress { host: "localhost".into(), port: 1883 };
            let error = MqttPublisher::new(broker, &points).unwrap_err().to_string();
            assert!(error.contains("topic#/key"), "{error}");
        }
    }

    #[test]
    fn a_broker_address_is_host_and_port() {
        let check = |text: &str, expected: Option<(&str, u16)>| {
            let expected = expected.map(|(host, port)| BrokerAddress { host: host.into(), port });
            assert_eq!(text.parse().ok(), expected, "{text}");
        };
        check("localhost:1883", Some(("localhost", 1883)));
        check("[::1]:1883", Some(("::1", 1883)));
        check("localhost", None);
        check(":1883", None);
        check("localhost:mqtt", None);
    }
}
