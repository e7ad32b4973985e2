//! One client for both versions of MQTT. What only version 5 can say is left out where version 3.1.1 is spoken; nothing
//! above this file knows more of the difference.

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::{self as mqttbytes5, v5};
use rumqttc::{NetworkOptions, QoS, SubscribeFilter, SubscribeReasonCode};

use crate::broker::{Broker, MqttVersion};
use crate::failure::Failure;

/// The most messages that wait to be acknowledged: MQTT has no more packet identifiers.
const UNACKNOWLEDGED_MAX: usize = u16::MAX as usize;

/// Who we are at a broker.
#[derive(Debug)]
pub struct Introduction<'a> {
    /// Client identifier; must be unique at the broker.
    pub client_id: &'a str,
    /// What the broker keeps of us.
    pub memory: Memory,
    /// What the broker says in our name if we are gone without a farewell.
    pub will: Option<Outgoing>,
}

/// What the broker keeps of us while we are away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Nothing. Each message is acknowledged when it arrives.
    None,
    /// The subscriptions, and every message that we have not acknowledged ourselves.
    UntilAcknowledged,
}

impl Memory {
    /// The most requests that may wait for the connection. A few are messages, subscriptions and the disconnection; those
    /// who acknowledge do so, and end old subscriptions, for as many messages as may wait.
    const fn requests_max(self) -> usize {
        const FEW: usize = 16;
        match self {
            Self::None => FEW,
            Self::UntilAcknowledged => FEW + 2 * UNACKNOWLEDGED_MAX,
        }
    }
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// How surely it is to come.
    pub qos: QoS,
    /// Whether the broker is to keep it for those who subscribe later.
    pub retain: bool,
    /// What it says of itself.
    pub about: About,
}

/// What a message says of itself; only version 5 carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The name of the JSON's schema; `None` if it is no JSON.
    pub schema: Option<&'static str>,
    /// After how long it is of no use to anybody, s.
    pub expiry_s: Option<u32>,
    /// What who asked wants to see again in the answer.
    pub correlation: Option<Bytes>,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// What to acknowledge it by, if the broker waits for that.
    pub packet: Option<u16>,
    /// Whether the broker had kept it for those who subscribe.
    pub retained: bool,
    /// Whether its time was up before it came.
    pub has_expired: bool,
    /// Where an answer is wanted.
    pub answer_to: Option<AnswerTo>,
}

/// Where somebody wants an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerTo {
    /// The topic.
    pub topic: String,
    /// What who asked wants to see again in the answer.
    pub correlation: Option<Bytes>,
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The broker has accepted the connection.
    Connected {
        /// Whether it knows of an earlier connection's subscriptions.
        is_remembered: bool,
    },
    /// The broker has taken a message, or says why not.
    Confirmed(Result<(), Refusal>),
    /// For each filter of a subscription whether the broker grants it, or why not.
    Subscribed(Vec<Result<(), String>>),
    /// A message came.
    Received(Received),
    /// A message has been handed to the network: there is room for another.
    Sent,
    /// The farewell is on its way.
    Leaving,
}

/// Why the broker does not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The broker's words.
    pub reason: String,
    /// Whether it may take it later.
    pub is_for_now: bool,
}

/// What happens on a connection, in order. After a failure nothing more is to be read.
pub type Happenings = Pin<Box<dyn Stream<Item = Result<Happening, Failure>> + Send>>;

/// Sends on a connection.
#[derive(Debug, Clone)]
pub enum Client {
    /// In version 3.1.1.
    V3(rumqttc::AsyncClient),
    /// In version 5.
    V5(rumqttc::v5::AsyncClient),
}

/// Begins to connect to a broker; goes on as the happenings are read.
pub fn connect(broker: &Broker, introduction: Introduction<'_>, version: MqttVersion) -> (Client, Happenings) {
    let requests = introduction.memory.requests_max();
    match version {
        MqttVersion::V3 => {
            let mut options = broker.options_v3(&introduction);
            if let Some(will) = introduction.will {
                options.set_last_will(rumqttc::LastWill::new(will.topic, will.payload, will.qos, will.retain));
            }
            let (client, mut connection) = rumqttc::AsyncClient::new(options, requests);
            connection.set_network_options(at_once());
            (Client::V3(client), happenings_v3(connection))
        }
        MqttVersion::V5 => {
            let mut options = broker.options_v5(&introduction);
            if let Some(will) = introduction.will {
                let about = will_properties(will.about);
                let will = v5::LastWill::new(will.topic, will.payload, qos_v5(will.qos), will.retain, Some(about));
                options.set_last_will(will);
            }
            options.set_network_options(at_once());
            let (client, connection) = rumqttc::v5::AsyncClient::new(options, requests);
            (Client::V5(client), happenings_v5(connection))
        }
    }
}

/// A message does not wait for the acknowledgement of the one before: that can take the network 40 ms.
fn at_once() -> NetworkOptions {
    let mut options = NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

impl Client {
    /// Hands a message over.
    ///
    /// # Errors
    /// If the connection has ended, or too much waits for it.
    pub fn publish(&self, message: Outgoing) -> Result<(), Failure> {
        let Outgoing { topic, payload, qos, retain, about } = message;
        match self {
            Self::V3(client) => client.try_publish(topic, qos, retain, payload).map_err(Failure::of_request),
            Self::V5(client) => client
                .try_publish_with_properties(topic, qos_v5(qos), retain, payload, properties(about))
                .map_err(Failure::of_request),
        }
    }

    /// Subscribes with quality of service 1.
    ///
    /// # Errors
    /// If the connection has ended, or too much waits for it.
    pub fn subscribe(&self, filters: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        match self {
            Self::V3(client) => client
                .try_subscribe_many(filters.into_iter().map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce)))
                .map_err(Failure::of_request),
            Self::V5(client) => client
                .try_subscribe_many(
                    filters.into_iter().map(|filter| v5::Filter::new(filter, mqttbytes5::QoS::AtLeastOnce)),
                )
                .map_err(Failure::of_request),
        }
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// If the connection has ended, or too much waits for it.
    pub fn unsubscribe(&self, filter: String) -> Result<(), Failure> {
        match self {
            Self::V3(client) => client.try_unsubscribe(filter).map_err(Failure::of_request),
            Self::V5(client) => client.try_unsubscribe(filter).map_err(Failure::of_request),
        }
    }

    /// Acknowledges a message by its [`Received::packet`].
    ///
    /// # Errors
    /// If the connection has ended, or too much waits for it.
    pub fn acknowledge(&self, packet: u16) -> Result<(), Failure> {
        match self {
            Self::V3(client) => {
                let message = rumqttc::Publish { pkid: packet, ..rumqttc::Publish::new("", QoS::AtLeastOnce, []) };
                client.try_ack(&message).map_err(Failure::of_request)
            }
            Self::V5(client) => {
                let qos = mqttbytes5::QoS::AtLeastOnce;
                let message = v5::Publish { pkid: packet, qos, ..v5::Publish::default() };
                client.try_ack(&message).map_err(Failure::of_request)
            }
        }
    }

    /// Says farewell.
    ///
    /// # Errors
    /// If the connection has ended, or too much waits for it.
    pub fn disconnect(&self) -> Result<(), Failure> {
        match self {
            Self::V3(client) => client.try_disconnect().map_err(Failure::of_request),
            Self::V5(client) => client.try_disconnect().map_err(Failure::of_request),
        }
    }
}

/// A connection, and what is left to be told of one that has ended.
enum Reading<Connection> {
    Live(Connection),
    Ended(VecDeque<Result<Happening, Failure>>),
}

// A stream keeps a poll that was interrupted; polling anew would begin to connect from the start.
fn happenings_v3(connection: rumqttc::EventLoop) -> Happenings {
    Box::pin(stream::unfold(Reading::Live(connection), |mut reading| async move {
        loop {
            match &mut reading {
                Reading::Live(connection) => match connection.poll().await {
                    Ok(event) => match happening_v3(event) {
                        Some(happening) => return Some((Ok(happening), reading)),
                        None => continue,
                    },
                    Err(problem) => {
                        let before = connection.state.events.drain(..).filter_map(happening_v3);
                        reading = Reading::Ended(rest(before, problem.into()));
                    }
                },
                Reading::Ended(rest) => return rest.pop_front().map(|happening| (happening, reading)),
            }
        }
    }))
}

fn happenings_v5(connection: rumqttc::v5::EventLoop) -> Happenings {
    Box::pin(stream::unfold(Reading::Live(connection), |mut reading| async move {
        loop {
            match &mut reading {
                Reading::Live(connection) => match connection.poll().await {
                    Ok(event) => match happening_v5(event) {
                        Some(happening) => return Some((Ok(happening), reading)),
                        None => continue,
                    },
                    Err(problem) => {
                        let before = connection.state.events.drain(..).filter_map(happening_v5);
                        reading = Reading::Ended(rest(before, problem.into()));
                    }
                },
                Reading::Ended(rest) => return rest.pop_front().map(|happening| (happening, reading)),
            }
        }
    }))
}

/// What had arrived when a connection ended comes before its end.
fn rest(before: impl Iterator<Item = Happening>, failure: Failure) -> VecDeque<Result<Happening, Failure>> {
    before.map(Ok).chain([Err(failure)]).collect()
}

fn happening_v3(event: rumqttc::Event) -> Option<Happening> {
    use rumqttc::{Event, Outgoing, Packet};
    Some(match event {
        Event::Incoming(Packet::ConnAck(answer)) => Happening::Connected { is_remembered: answer.session_present },
        Event::Incoming(Packet::PubAck(_)) => Happening::Confirmed(Ok(())),
        Event::Incoming(Packet::SubAck(v4::SubAck { return_codes, .. })) => {
            let granted = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(_) => Ok(()),
                SubscribeReasonCode::Failure => Err("refused".to_owned()),
            };
            Happening::Subscribed(return_codes.iter().map(granted).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Received(Received {
            topic: publish.topic,
            payload: publish.payload,
            packet: (publish.qos != QoS::AtMostOnce).then_some(publish.pkid),
            retained: publish.retain,
            has_expired: false,
            answer_to: None,
        }),
        Event::Outgoing(Outgoing::Publish(_)) => Happening::Sent,
        Event::Outgoing(Outgoing::Disconnect) => Happening::Leaving,
        _ => return None,
    })
}

fn happening_v5(event: rumqttc::v5::Event) -> Option<Happening> {
    use rumqttc::v5::Event;
    use v5::Packet;
    Some(match event {
        Event::Incoming(Packet::ConnAck(answer)) => Happening::Connected { is_remembered: answer.session_present },
        Event::Incoming(Packet::PubAck(answer)) => Happening::Confirmed(taken_v5(&answer)),
        Event::Incoming(Packet::SubAck(answer)) => {
            let granted = |code: &v5::SubscribeReasonCode| match code {
                v5::SubscribeReasonCode::Success(_) => Ok(()),
                refused => Err(format!("{refused:?}")),
            };
            Happening::Subscribed(answer.return_codes.iter().map(granted).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Received(received_v5(publish)),
        Event::Outgoing(rumqttc::Outgoing::Publish(_)) => Happening::Sent,
        Event::Outgoing(rumqttc::Outgoing::Disconnect) => Happening::Leaving,
        _ => return None,
    })
}

fn taken_v5(answer: &v5::PubAck) -> Result<(), Refusal> {
    use v5::PubAckReason::{
        ImplementationSpecificError, NoMatchingSubscribers, PacketIdentifierInUse, QuotaExceeded, Success,
        UnspecifiedError,
    };
    let reason = answer.reason;
    if matches!(reason, Success | NoMatchingSubscribers) {
        return Ok(());
    }
    let is_for_now =
        matches!(reason, QuotaExceeded | UnspecifiedError | ImplementationSpecificError | PacketIdentifierInUse);
    let more = answer.properties.as_ref().and_then(|properties| properties.reason_string.as_deref());
    Err(Refusal { reason: more.map_or(format!("{reason:?}"), |more| format!("{reason:?}, {more}")), is_for_now })
}

fn received_v5(publish: v5::Publish) -> Received {
    let properties = publish.properties.unwrap_or_default();
    let correlation = properties.correlation_data;
    Received {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload,
        packet: (publish.qos != mqttbytes5::QoS::AtMostOnce).then_some(publish.pkid),
        retained: publish.retain,
        // The broker counts it down while it keeps the message.
        has_expired: properties.message_expiry_interval == Some(0),
        answer_to: properties.response_topic.map(|topic| AnswerTo { topic, correlation }),
    }
}

const fn qos_v5(qos: QoS) -> mqttbytes5::QoS {
    match qos {
        QoS::AtMostOnce => mqttbytes5::QoS::AtMostOnce,
        QoS::AtLeastOnce => mqttbytes5::QoS::AtLeastOnce,
        QoS::ExactlyOnce => mqttbytes5::QoS::ExactlyOnce,
    }
}

/// The type of JSON, and that it is text.
const JSON: &str = "application/json";
const IS_TEXT: u8 = 1;
/// The user property that names the schema.
const SCHEMA: &str = "schema";

fn properties(about: About) -> v5::PublishProperties {
    let is_json = about.schema.is_some();
    v5::PublishProperties {
        payload_format_indicator: is_json.then_some(IS_TEXT),
        message_expiry_interval: about.expiry_s,
        correlation_data: about.correlation,
        user_properties: about.schema.map(|schema| (SCHEMA.to_owned(), schema.to_owned())).into_iter().collect(),
        content_type: is_json.then(|| JSON.to_owned()),
        ..v5::PublishProperties::default()
    }
}

fn will_properties(about: About) -> v5::LastWillProperties {
    let v5::PublishProperties {
        payload_format_indicator, message_expiry_interval, user_properties, content_type, ..
    } = properties(about);
    v5::LastWillProperties {
        delay_interval: None,
        payload_format_indicator,
        message_expiry_interval,
        content_type,
        response_topic: None,
        correlation_data: None,
        user_properties,
    }
}
