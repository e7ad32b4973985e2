//! One client for both versions of MQTT. What only version 5 can say is left out where version 3.1.1 is spoken; nothing
//! above this file knows more of the difference.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, stream};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::{self as mqttbytes5, v5};
use rumqttc::{NetworkOptions, QoS, SubscribeFilter, SubscribeReasonCode};

use crate::broker::{Broker, MqttVersion};

/// Requests that may wait for the connection: a message, a subscription, its end, the disconnection.
const MAX_REQUESTS: usize = 4;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) about: About,
}

/// What a message says of itself; only version 5 carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// The name of the JSON's schema; `None` if it is no JSON.
    pub(crate) schema: Option<&'static str>,
    /// After how long it is of no use to anybody, s.
    pub(crate) expiry_s: Option<u32>,
    /// What who asked wants to see again in the answer.
    pub(crate) correlation: Option<Bytes>,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// Whether the broker had kept it.
    pub(crate) retained: bool,
    /// Whether its time was up before it came.
    pub(crate) has_expired: bool,
    /// Where an answer is wanted.
    pub(crate) answer_to: Option<AnswerTo>,
}

/// Where somebody wants an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerTo {
    pub(crate) topic: String,
    pub(crate) correlation: Option<Bytes>,
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The broker has accepted the connection.
    Connected,
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
pub(crate) struct Refusal {
    pub(crate) reason: String,
    /// Whether it may take it later.
    pub(crate) is_for_now: bool,
}

/// Why a connection has ended or did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// Whether a broker that does not know the version may end an attempt to connect so.
    pub(crate) can_be_of_version: bool,
}

/// What happens on a connection, in order. After a failure nothing more is to be read.
pub(crate) type Happenings = Pin<Box<dyn Stream<Item = Result<Happening, Failure>> + Send>>;

/// Sends on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Client {
    V3(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

/// Begins to connect to a broker; goes on as the happenings are read.
pub(crate) fn connect(
    broker: &Broker,
    client_id: &str,
    version: MqttVersion,
    will: Option<Outgoing>,
) -> (Client, Happenings) {
    match version {
        MqttVersion::V3 => {
            let mut options = broker.options_v3(client_id);
            if let Some(will) = will {
                options.set_last_will(rumqttc::LastWill::new(will.topic, will.payload, will.qos, will.retain));
            }
            let (client, mut connection) = rumqttc::AsyncClient::new(options, MAX_REQUESTS);
            connection.set_network_options(at_once());
            (Client::V3(client), happenings_v3(connection))
        }
        MqttVersion::V5 => {
            let mut options = broker.options_v5(client_id);
            if let Some(will) = will {
                let about = will_properties(will.about);
                let will = v5::LastWill::new(will.topic, will.payload, qos_v5(will.qos), will.retain, Some(about));
                options.set_last_will(will);
            }
            options.set_network_options(at_once());
            let (client, connection) = rumqttc::v5::AsyncClient::new(options, MAX_REQUESTS);
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
    pub(crate) fn publish(&self, message: Outgoing) -> Result<(), Failure> {
        let Outgoing { topic, payload, qos, retain, about } = message;
        match self {
            Self::V3(client) => client.try_publish(topic, qos, retain, payload).map_err(Failure::of_request),
            Self::V5(client) => client
                .try_publish_with_properties(topic, qos_v5(qos), retain, payload, properties(about))
                .map_err(Failure::of_request),
        }
    }

    /// Subscribes with quality of service 1.
    pub(crate) fn subscribe(&self, filters: impl IntoIterator<Item = String>) -> Result<(), Failure> {
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
    pub(crate) fn unsubscribe(&self, filter: String) -> Result<(), Failure> {
        match self {
            Self::V3(client) => client.try_unsubscribe(filter).map_err(Failure::of_request),
            Self::V5(client) => client.try_unsubscribe(filter).map_err(Failure::of_request),
        }
    }

    /// Says farewell.
    pub(crate) fn disconnect(&self) -> Result<(), Failure> {
        match self {
            Self::V3(client) => client.try_disconnect().map_err(Failure::of_request),
            Self::V5(client) => client.try_disconnect().map_err(Failure::of_request),
        }
    }
}

// A stream keeps a poll that was interrupted; polling anew would begin to connect from the start.
fn happenings_v3(connection: rumqttc::EventLoop) -> Happenings {
    Box::pin(stream::unfold(connection, |mut connection| async move {
        loop {
            match connection.poll().await {
                Ok(event) => match happening_v3(event) {
                    Some(happening) => return Some((Ok(happening), connection)),
                    None => continue,
                },
                Err(problem) => return Some((Err(problem.into()), connection)),
            }
        }
    }))
}

fn happenings_v5(connection: rumqttc::v5::EventLoop) -> Happenings {
    Box::pin(stream::unfold(connection, |mut connection| async move {
        loop {
            match connection.poll().await {
                Ok(event) => match happening_v5(event) {
                    Some(happening) => return Some((Ok(happening), connection)),
                    None => continue,
                },
                Err(problem) => return Some((Err(problem.into()), connection)),
            }
        }
    }))
}

fn happening_v3(event: rumqttc::Event) -> Option<Happening> {
    use rumqttc::{Event, Outgoing, Packet};
    Some(match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
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
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
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

impl Failure {
    fn of_request(problem: impl std::fmt::Display) -> Self {
        Self { reason: problem.to_string(), can_be_of_version: false }
    }
}

impl From<rumqttc::ConnectionError> for Failure {
    fn from(problem: rumqttc::ConnectionError) -> Self {
        Self::of_request(problem)
    }
}

impl From<rumqttc::v5::ConnectionError> for Failure {
    fn from(problem: rumqttc::v5::ConnectionError) -> Self {
        use rumqttc::v5::{ConnectionError, StateError};
        use v5::ConnectReturnCode::{
            MalformedPacket, ProtocolError, RefusedProtocolVersion, UnsupportedProtocolVersion,
        };
        let can_be_of_version = match &problem {
            ConnectionError::ConnectionRefused(code) => {
                matches!(code, MalformedPacket | ProtocolError | RefusedProtocolVersion | UnsupportedProtocolVersion)
            }
            ConnectionError::NotConnAck(_) => true,
            ConnectionError::MqttState(problem) => {
                matches!(problem, StateError::ConnectionAborted | StateError::Deserialization(_))
            }
            _ => false,
        };
        Self { reason: problem.to_string(), can_be_of_version }
    }
}
