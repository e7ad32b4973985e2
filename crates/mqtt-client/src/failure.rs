use rumqttc::v5;
use rumqttc::v5::mqttbytes::v5::ConnectReturnCode as CodeV5;
use rumqttc::{ConnectReturnCode, StateError};

use crate::broker::KEEP_ALIVE;

/// Why a connection has ended or did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words for a person.
    pub reason: String,
    /// Whether a broker that does not know the version may end an attempt to connect so.
    pub can_be_of_version: bool,
}

impl Failure {
    pub(crate) fn of_request(problem: impl std::fmt::Display) -> Self {
        Self { reason: problem.to_string(), can_be_of_version: false }
    }
}

impl From<rumqttc::ConnectionError> for Failure {
    fn from(problem: rumqttc::ConnectionError) -> Self {
        use rumqttc::ConnectionError;
        Self::of_request(match &problem {
            ConnectionError::Io(error) => cannot_connect(error),
            ConnectionError::Tls(error) => cannot_connect(error),
            ConnectionError::NetworkTimeout => cannot_connect("no answer in time"),
            ConnectionError::ConnectionRefused(code) => format!("it refuses the connection: {}", refusal(*code)),
            ConnectionError::NotConnAck(_) => "it does not speak MQTT 3.1.1".to_owned(),
            ConnectionError::MqttState(StateError::AwaitPingResp) => no_ping(),
            ConnectionError::MqttState(StateError::ConnectionAborted) => closed(),
            other => format!("the connection ended: {other}"),
        })
    }
}

impl From<v5::ConnectionError> for Failure {
    fn from(problem: v5::ConnectionError) -> Self {
        use v5::{ConnectionError, StateError};
        let reason = match &problem {
            ConnectionError::Io(error) => cannot_connect(error),
            ConnectionError::Tls(error) => cannot_connect(error),
            ConnectionError::Timeout(_) => cannot_connect("no answer in time"),
            ConnectionError::ConnectionRefused(code) => format!("it refuses the connection: {}", refusal_v5(*code)),
            ConnectionError::NotConnAck(_) => "it does not speak MQTT 5".to_owned(),
            ConnectionError::MqttState(StateError::AwaitPingResp) => no_ping(),
            ConnectionError::MqttState(StateError::ConnectionAborted) => closed(),
            ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
                let words = reason_string.as_ref().map(|words| format!(", {words}")).unwrap_or_default();
                format!("it ended the connection: {reason_code:?}{words}")
            }
            other => format!("the connection ended: {other}"),
        };
        let can_be_of_version = match &problem {
            ConnectionError::ConnectionRefused(code) => matches!(
                code,
                CodeV5::MalformedPacket
                    | CodeV5::ProtocolError
                    | CodeV5::RefusedProtocolVersion
                    | CodeV5::UnsupportedProtocolVersion
            ),
            ConnectionError::NotConnAck(_) => true,
            ConnectionError::MqttState(problem) => {
                matches!(problem, StateError::ConnectionAborted | StateError::Deserialization(_))
            }
            _ => false,
        };
        Self { reason, can_be_of_version }
    }
}

fn cannot_connect(problem: impl std::fmt::Display) -> String {
    format!("cannot connect: {problem}")
}

fn no_ping() -> String {
    format!("it did not answer a ping within {KEEP_ALIVE:?}, or nothing was taken from it for as long")
}

fn closed() -> String {
    "it closed the connection; if that repeats, look for another client with the same identifier".to_owned()
}

const WRONG_LOGIN: &str = "wrong user name or password";
const NOT_AUTHORISED: &str = "not authorised; check user name and password";
const WRONG_CLIENT_ID: &str = "it does not accept the client identifier";

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword => WRONG_LOGIN,
        ConnectReturnCode::NotAuthorized => NOT_AUTHORISED,
        ConnectReturnCode::BadClientId => WRONG_CLIENT_ID,
        ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
        ConnectReturnCode::ServiceUnavailable => "the service is unavailable",
        ConnectReturnCode::Success => "it gave no reason",
    }
}

fn refusal_v5(code: CodeV5) -> String {
    match code {
        CodeV5::BadUserNamePassword => WRONG_LOGIN.to_owned(),
        CodeV5::NotAuthorized => NOT_AUTHORISED.to_owned(),
        CodeV5::BadClientId | CodeV5::ClientIdentifierNotValid => WRONG_CLIENT_ID.to_owned(),
        other => format!("{other:?}"),
    }
}
