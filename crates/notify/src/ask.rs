use std::time::Duration;

use contract::{CommandReplyV1, CommandV1, Message as _};
use futures_util::StreamExt as _;

use crate::{NotifySettings, Topics};
use mqtt_client::{About, Failure, Happening, Introduction, Memory, Outgoing, QoS, Versions, connect};

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The broker cannot be reached, or ended the connection.
    #[error("the broker at {broker} cannot be used: {problem}")]
    Broker {
        /// The broker's host and port.
        broker: String,
        /// What went wrong.
        problem: String,
    },
    /// The broker does not let this client ask, or listen for the answer.
    #[error("the broker refuses this client {topic}: {reason}; allow it in the broker's access control")]
    Refused {
        /// Where.
        topic: String,
        /// The broker's word.
        reason: String,
    },
    /// Nobody has answered.
    #[error("no answer within {} s: is the daemon of this line running, and on this broker?", .0.as_secs())]
    NoAnswer(Duration),
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
    let failed = |failure: Failure| AskError::Broker { broker: settings.broker.to_string(), problem: failure.reason };
    let mut versions = Versions::of(&settings.broker);
    let introduction = || Introduction { client_id: &settings.client_id, memory: Memory::None, will: None };
    let (mut client, mut happenings) = connect(&settings.broker, introduction(), versions.current());
    while let Some(happening) = happenings.next().await {
        match happening {
            Err(failure) if failure.can_be_of_version && versions.fall_back() => {
                (client, happenings) = connect(&settings.broker, introduction(), versions.current());
            }
            Err(failure) => return Err(failed(failure)),
            Ok(Happening::Connected { .. }) => client.subscribe([topics.command_replies()]).map_err(failed)?,
            Ok(Happening::Subscribed(granted)) => {
                if let Some(Err(reason)) = granted.into_iter().next() {
                    return Err(AskError::Refused { topic: topics.command_replies(), reason });
                }
                client.publish(message(topics, command)).map_err(failed)?;
            }
            Ok(Happening::Received(received)) => {
                let reply: Option<CommandReplyV1> = serde_json::from_slice(&received.payload).ok();
                if let Some(reply) = reply.filter(|reply| reply.answers(command)) {
                    return Ok(reply);
                }
            }
            Ok(Happening::Confirmed(Err(refusal))) => {
                return Err(AskError::Refused { topic: topics.commands(), reason: refusal.reason });
            }
            Ok(Happening::Confirmed(Ok(())) | Happening::Sent | Happening::Leaving) => {}
        }
    }
    Err(failed(Failure { reason: "the connection has ended".to_owned(), can_be_of_version: false }))
}

fn message(topics: &Topics, command: &CommandV1) -> Outgoing {
    let about = About { schema: Some("linetwin/command/v1"), ..About::default() };
    let payload = command.to_json().into_bytes();
    Outgoing { topic: topics.commands(), payload, qos: QoS::AtLeastOnce, retain: false, about }
}
