//! The door through which commands come in, each with who waits for its answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::CommandReplyV1;
use telemetry::{Command, Event};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use web::{CommandControl, CommandFailure};

/// Who waits for the answer to a command: one that came over MQTT is answered there, so that nobody does.
type Asker = Option<oneshot::Sender<CommandReplyV1>>;

/// The most commands that wait for the twin when one more is given whose answer is waited for. Others wait at the broker.
const WAITING_MAX: usize = 64;
/// How long a command may take to get into the engine's queue, and as long to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those who wait, in the order in which their commands are in the engine's queue: the engine takes one for each command.
#[derive(Clone, Default)]
pub struct Askers(Arc<Mutex<VecDeque<Asker>>>);

impl Askers {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Asker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits for the answer to the command that the engine takes now.
    pub(crate) fn next(&self) -> Asker {
        self.queue().pop_front().flatten()
    }
}

/// Takes every command that is to reach the engine of a running daemon. It does not keep the engine running.
#[derive(Clone)]
pub(crate) struct Commands {
    events: mpsc::WeakSender<Event>,
    askers: Askers,
}

impl Commands {
    /// Into this queue, whose engine has these askers.
    pub(crate) fn new(events: &mpsc::Sender<Event>, askers: Askers) -> Self {
        Self { events: events.downgrade(), askers }
    }

    /// Passes a command on, as soon as there is room for it.
    pub(crate) async fn give(&self, command: Command, asker: Asker) -> Result<(), CommandFailure> {
        let events = self.events.upgrade().ok_or(CommandFailure::Stopping)?;
        let place = events.reserve().await.map_err(|_| CommandFailure::Stopping)?;
        // Both in one step: the askers are in the order of the commands.
        let mut askers = self.askers.queue();
        if asker.is_some() && askers.len() >= WAITING_MAX {
            return Err(CommandFailure::Busy);
        }
        askers.push_back(asker);
        place.send(Event::Command(command));
        Ok(())
    }

    /// Passes a command on and waits for what the twin says to it.
    async fn ask(&self, command: Command) -> Result<CommandReplyV1, CommandFailure> {
        let (asker, answer) = oneshot::channel();
        timeout(PATIENCE, self.give(command, Some(asker))).await.map_err(|_| CommandFailure::Busy)??;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(CommandFailure::NoAnswer),
        }
    }

    /// The door as the page and the API know it.
    pub(crate) fn control(self) -> CommandControl {
        Arc::new(move |wire| {
            let commands = self.clone();
            Box::pin(async move {
                let command = Command::try_from(wire).map_err(|error| CommandFailure::Unreadable(error.to_string()))?;
                commands.ask(command).await
            })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use contract::{AskV1, CommandV1, Message};
    use twin::Output;

    use super::*;

    fn acknowledge(by: &str) -> CommandV1 {
        CommandV1 { ask: AskV1::Acknowledge { incident: "412-0".into() }, by: by.into(), comment: None }
    }

    /// Answers the next command in the queue as an engine does: to who is next.
    async fn answer(queue: &mut mpsc::Receiver<Event>, askers: &Askers) {
        let Some(Event::Command(command)) = queue.recv().await else { panic!("a command was expected") };
        let refused = Some(format!("refused to {}", command.by));
        let reply = CommandReplyV1::from_output(&Output::Command { command, refused }).unwrap();
        if let Some(asker) = askers.next() {
            asker.send(reply).unwrap();
        }
    }

    #[tokio::test]
    async fn each_gets_the_answer_to_its_own_command() {
        let (events, mut queue) = mpsc::channel(8);
        let askers = Askers::default();
        let commands = Commands::new(&events, askers.clone());
        let control = commands.clone().control();
        let mqtt = Command::try_from(acknowledge("mqtt")).unwrap();
        let answering = async {
            for _ in 0..4 {
                answer(&mut queue, &askers).await;
            }
        };
        let asking = async {
            let (kim, told, lou, max) = tokio::join!(
                control(acknowledge("kim")),
                commands.give(mqtt, None),
                control(acknowledge("lou")),
                control(acknowledge("max"))
            );
            told.unwrap();
            [kim, lou, max].map(|reply| reply.unwrap().error.unwrap())
        };
        let (_, errors) = tokio::join!(answering, asking);
        assert_eq!(errors, ["refused to kim", "refused to lou", "refused to max"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_is_never_waited_for_for_ever() {
        let (events, mut queue) = mpsc::channel(1);
        let commands = Commands::new(&events, Askers::default());
        let control = commands.clone().control();
        let unreadable =
            control(CommandV1::from_json(br#"{"command":"acknowledge","incident":"x","by":"kim"}"#).unwrap());
        assert!(matches!(unreadable.await, Err(CommandFailure::Unreadable(_))));
        assert_eq!(
            control(acknowledge("kim")).await,
            Err(CommandFailure::NoAnswer),
            "{}",
            acknowledge("kim").to_json()
        );
        assert_eq!(control(acknowledge("lou")).await, Err(CommandFailure::Busy), "the queue is full");
        queue.recv().await;
        drop(events);
        assert_eq!(control(acknowledge("max")).await, Err(CommandFailure::Stopping));
    }
}
