use std::time::Duration;

use contract::{CommandReplyV1, CommandV1, Message as _};
use rumqttc::{AsyncClient, ConnectionError, Event, Packet, QoS, SubscribeReasonCode};

use crate::{NotifySettings, Topics};

/// Requests that may wait for the connection: the subscription and the command.
const MAX_REQUESTS: usize = 2;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The broker cannot be reached, or ended the connection.
    #[error("the broker at {host}:{port} cannot be used: {problem}")]
    Broker {
        /// The broker's host.
        host: String,
        /// Its port.
        port: u16,
        /// What went wrong.
        problem: Box<ConnectionError>,
    },
    /// The broker does not let this client listen for the answer.
    #[error("the broker refuses the subscription to {0}; allow it in the broker's access control")]
    Refused(String),
    /// Nobody has answered.
    #[error("no answer within {} s: is the daemon of this line running, and on this broker?", .0.as_secs())]
    NoAnswer(Duration),
    /// Nothing can be asked of a connection that has ended.
    #[error(transparent)]
    Client(#[from] rumqttc::ClientError),
}

/// Sends a command to the daemon of a line, as any MQTT client can, and waits for the reply to it.
///
/// # Errors
/// If the broker cannot be used or nobody answers in time.
pub async fn ask(
    settings: &NotifySettings,
    topics: &Topics,
    command: &CommandV1,
    patience: Duration,
) -> Result<CommandReplyV1, AskError> {
    let answered = tokio::time::timeout(patience, exchange(settings, topics, command));
    answered.await.unwrap_or(Err(AskError::NoAnswer(patience)))
}

async fn exchange(settings: &NotifySettings, topics: &Topics, command: &CommandV1) -> Result<CommandReplyV1, AskError> {
    let (client, mut connection) = AsyncClient::new(settings.options(), MAX_REQUESTS);
    client.try_subscribe(topics.command_replies(), QoS::AtLeastOnce)?;
    loop {
        let event = connection.poll().await.map_err(|problem| AskError::Broker {
            host: settings.host.clone(),
            port: settings.port,
            problem: Box::new(problem),
        })?;
        match event {
            Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Err(AskError::Refused(topics.command_replies()));
                }
                client.try_publish(topics.commands(), QoS::AtLeastOnce, false, command.to_json())?;
            }
            Event::Incoming(Packet::Publish(publish)) => {
                if let Some(reply) = CommandReplyV1::of(command, &publish.payload) {
                    return Ok(reply);
                }
            }
            _ => {}
        }
    }
}
