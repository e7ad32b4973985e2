use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use rumqttc::mqttbytes::v4::SubscribeReasonCode;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish,
    QoS, StateError, SubAck, SubscribeFilter,
};
use tokio::time::timeout;

use crate::acks::WAITING_MAX;

/// How often the broker is pinged when nothing else is sent. One that is gone is noticed within twice this time.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long connecting and subscribing may take together.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(10);
/// The largest message, bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The most messages that a broker may send before it acknowledges the subscription.
const EARLY_MESSAGES_MAX: usize = 1000;
/// Requests to the event loop: to subscribe, and as many acknowledgements and ends of old subscriptions as messages wait.
const REQUESTS_MAX: usize = 1 + 2 * WAITING_MAX;

/// A broker and who we are there.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) client_id: String,
    /// User name and password.
    pub(crate) login: Option<(String, String)>,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MQTT broker {}:{}", self.host, self.port)
    }
}

/// What the broker keeps of us while we are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Nothing. Each message is acknowledged when it arrives.
    None,
    /// The subscriptions, and every message that we have not acknowledged ourselves.
    UntilAcknowledged,
}

/// As displayed, so that no password gets into a log.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Broker {
    /// Connects and subscribes to the filters with quality of service 1.
    ///
    /// # Errors
    /// In words for a person: what failed, where, and what was expected.
    pub(crate) async fn subscribe(&self, filters: &[String], memory: Memory) -> Result<Subscription, String> {
        match timeout(SUBSCRIBE_MAX, self.try_subscribe(filters, memory)).await {
            Ok(result) => result,
            Err(_) => Err(format!("{self}: the subscription was not acknowledged within {SUBSCRIBE_MAX:?}")),
        }
    }

    async fn try_subscribe(&self, filters: &[String], memory: Memory) -> Result<Subscription, String> {
        let (client, mut event_loop) = AsyncClient::new(self.options(memory), REQUESTS_MAX);
        // An acknowledgement does not wait for that of the one before: the broker sends so many unacknowledged, and no more.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        event_loop.set_network_options(network);
        let wanted = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
        client.subscribe_many(wanted).await.map_err(|_| format!("{self}: not a valid subscription: {filters:?}"))?;
        let (mut early, mut is_remembered) = (VecDeque::new(), false);
        let subscription = |event_loop, waiting, unanswered| Subscription {
            broker: self.clone(),
            client,
            event_loop,
            waiting,
            unanswered,
            ended: None,
        };
        loop {
            match event_loop.poll().await.map_err(|error| self.describe(&error))? {
                Event::Incoming(Packet::ConnAck(answer)) => is_remembered = answer.session_present,
                Event::Incoming(Packet::SubAck(answer)) => {
                    self.check(filters, &answer)?;
                    return Ok(subscription(event_loop, early, None));
                }
                // The broker kept the subscriptions, and has much to tell.
                Event::Incoming(Packet::Publish(message)) if is_remembered && early.len() == EARLY_MESSAGES_MAX => {
                    early.push_back(message);
                    return Ok(subscription(event_loop, early, Some(filters.to_vec())));
                }
                Event::Incoming(Packet::Publish(_)) if early.len() == EARLY_MESSAGES_MAX => {
                    return Err(format!(
                        "{self}: it sent more than {EARLY_MESSAGES_MAX} messages before it acknowledged the subscription"
                    ));
                }
                Event::Incoming(Packet::Publish(message)) => early.push_back(message),
                _ => {}
            }
        }
    }

    fn options(&self, memory: Memory) -> MqttOptions {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut options = MqttOptions::new(&self.client_id, host, self.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(memory == Memory::None)
            .set_manual_acks(memory == Memory::UntilAcknowledged)
            .set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
        if let Some((user, password)) = &self.login {
            options.set_credentials(user, password);
        }
        options
    }

    fn check(&self, filters: &[String], answer: &SubAck) -> Result<(), String> {
        if answer.return_codes.len() != filters.len() {
            let (got, expected) = (answer.return_codes.len(), filters.len());
            return Err(format!("{self}: it acknowledged {got} subscriptions; expected {expected}"));
        }
        let refused: Vec<&str> = filters
            .iter()
            .zip(&answer.return_codes)
            .filter(|(_, code)| **code == SubscribeReasonCode::Failure)
            .map(|(filter, _)| filter.as_str())
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{self}: it refuses the subscription to {}; allow client {:?} to read there",
            refused.join(", "),
            self.client_id
        ))
    }

    fn describe(&self, error: &ConnectionError) -> String {
        match error {
            ConnectionError::Io(error) => format!("{self}: cannot connect: {error}"),
            ConnectionError::NetworkTimeout => format!("{self}: cannot connect: no answer in time"),
            ConnectionError::ConnectionRefused(code) => {
                format!("{self}: it refuses the connection: {}", refusal(*code))
            }
            ConnectionError::NotConnAck(_) => format!("{self}: it does not speak MQTT 3.1.1"),
            ConnectionError::MqttState(StateError::AwaitPingResp) => {
                format!(
                    "{self}: it did not answer a ping within {KEEP_ALIVE:?}, or the twin took no message for as long"
                )
            }
            ConnectionError::MqttState(StateError::ConnectionAborted) => format!(
                "{self}: it closed the connection; if that repeats, look for another client with the id {:?}",
                self.client_id
            ),
            other => format!("{self}: the connection ended: {other}"),
        }
    }
}

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword => "wrong user name or password",
        ConnectReturnCode::NotAuthorized => "not authorised; check user name and password",
        ConnectReturnCode::BadClientId => "it does not accept the client id",
        ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
        ConnectReturnCode::ServiceUnavailable => "the service is unavailable",
        ConnectReturnCode::Success => "it gave no reason",
    }
}

/// A subscription that stands. Nothing is taken from the broker but by [`Self::next`], so a slow reader slows it down.
pub(crate) struct Subscription {
    broker: Broker,
    /// Also keeps the event loop's request queue open.
    client: AsyncClient,
    event_loop: EventLoop,
    waiting: VecDeque<Publish>,
    /// The filters, while the broker has not answered that it takes them.
    unanswered: Option<Vec<String>>,
    ended: Option<String>,
}

impl Subscription {
    /// Who can acknowledge messages. What it asks for is sent while the next message is waited for.
    pub(crate) fn client(&self) -> AsyncClient {
        self.client.clone()
    }

    /// Ends a subscription that the broker remembers from an earlier configuration.
    pub(crate) fn forget(&self, topic: &str) {
        // It fails only when the connection has ended, which the next message tells.
        drop(self.client.try_unsubscribe(topic));
    }

    /// The next message. Those that had arrived when the connection ended still come before the error.
    ///
    /// # Errors
    /// If the connection ended, in words for a person.
    pub(crate) async fn next(&mut self) -> Result<Publish, String> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            if let Some(reason) = &self.ended {
                return Err(reason.clone());
            }
            match self.event_loop.poll().await {
                Ok(Event::Incoming(Packet::Publish(message))) => return Ok(message),
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if let Some(filters) = self.unanswered.take() {
                        self.broker.check(&filters, &answer)?;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.ended = Some(self.broker.describe(&error));
                    self.waiting.extend(self.event_loop.state.events.drain(..).filter_map(|event| match event {
                        Event::Incoming(Packet::Publish(message)) => Some(message),
                        _ => None,
                    }));
                }
            }
        }
    }
}
