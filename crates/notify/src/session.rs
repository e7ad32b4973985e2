use std::future;
use std::pin::pin;
use std::time::Duration;

use contract::{CommandReplyV1, CommandV1, Message as _, NodeState, StatusV1};
use futures_util::{StreamExt, stream};
use rumqttc::{
    AsyncClient, ClientError, ConnectionError, Event, LastWill, Outgoing, Packet, Publish, QoS, SubAck,
    SubscribeFilter, SubscribeReasonCode,
};
use telemetry::{Command, Timestamp};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::outbox::Message;
use crate::{Counters, Notifier, Publication};

/// How long the broker may take to confirm a message.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to listen for retained alerts of an earlier life. A broker sends them right after the subscription.
const SWEEP: Duration = Duration::from_secs(5);
/// Requests that may wait for the connection: a message, a subscription, its end, the disconnection.
const MAX_REQUESTS: usize = 4;

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The daemon is stopping.
    Stopped,
    /// The connection failed; to be tried again.
    Lost(String),
}

impl From<ConnectionError> for Ended {
    fn from(problem: ConnectionError) -> Self {
        Self::Lost(problem.to_string())
    }
}

impl From<ClientError> for Ended {
    fn from(problem: ClientError) -> Self {
        Self::Lost(problem.to_string())
    }
}

/// Connects to the broker and serves until the connection or the daemon ends.
pub(crate) async fn serve(
    notifier: &mut Notifier,
    publications: &mut mpsc::Receiver<Publication>,
    commands: &mpsc::Sender<Command>,
    now: &impl Fn() -> Timestamp,
    stop: &CancellationToken,
) -> Ended {
    let since = now();
    let last_words = StatusV1::new(&notifier.settings.node, NodeState::Offline, since).to_json();
    let last_will = LastWill::new(notifier.topics.status(), last_words, QoS::AtLeastOnce, notifier.settings.retain);
    let mut options = notifier.settings.options();
    options.set_last_will(last_will);
    let (client, connection) = AsyncClient::new(options, MAX_REQUESTS);
    // A stream keeps a poll that was interrupted; polling anew would begin to connect from the start.
    let mut events = pin!(stream::unfold(connection, |mut connection| async move {
        let event = connection.poll().await;
        Some((event, connection))
    }));
    let mut session = Session::new(notifier, commands, client, since);
    loop {
        let leaving = session.leave_by.is_some();
        let step = tokio::select! {
            Some(event) = events.next() => match event {
                Ok(event) => session.on_event(event),
                Err(problem) => Err(problem.into()),
            },
            publication = publications.recv(), if !leaving => match publication {
                Some(publication) => {
                    session.notifier.take(publication);
                    Ok(())
                }
                None => session.leave(publications),
            },
            () = stop.cancelled(), if !leaving => session.leave(publications),
            () = until(session.confirm_by) => Err(Ended::Lost("a message was not confirmed in time".into())),
            () = until(session.sweep_until) => session.end_sweep(),
            () = until(session.leave_by) => Err(Ended::Stopped),
        };
        if let Err(ended) = step.and_then(|()| session.send_next(now)) {
            return if leaving { Ended::Stopped } else { ended };
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => future::pending().await,
    }
}

/// One connection to the broker, from the attempt to its end.
struct Session<'a> {
    notifier: &'a mut Notifier,
    commands: &'a mpsc::Sender<Command>,
    client: AsyncClient,
    since: Timestamp,
    phase: Phase,
    /// When the message that is on its way must be confirmed.
    confirm_by: Option<Instant>,
    /// Until when the retained alerts of an earlier life are listened for.
    sweep_until: Option<Instant>,
    /// When the session ends in any case, because the daemon is stopping.
    leave_by: Option<Instant>,
}

/// What the session is about; the message that is on its way belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To connect.
    Connecting,
    /// To tell the status `online`.
    Greeting,
    /// To tell what is in the outbox.
    Online,
    /// To tell the status `offline`.
    Farewell,
}

impl<'a> Session<'a> {
    fn new(
        notifier: &'a mut Notifier,
        commands: &'a mpsc::Sender<Command>,
        client: AsyncClient,
        since: Timestamp,
    ) -> Self {
        let phase = Phase::Connecting;
        Self { notifier, commands, client, since, phase, confirm_by: None, sweep_until: None, leave_by: None }
    }

    fn on_event(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.connected()?,
            Event::Incoming(Packet::PubAck(_)) => self.confirmed()?,
            Event::Incoming(Packet::SubAck(answer)) => self.subscribed(&answer),
            Event::Incoming(Packet::Publish(publish)) => self.received(&publish),
            Event::Outgoing(Outgoing::Disconnect) => return Err(Ended::Stopped),
            _ => {}
        }
        Ok(())
    }

    fn connected(&mut self) -> Result<(), Ended> {
        let Notifier { settings, topics, outbox, counters } = &mut *self.notifier;
        tracing::info!(host = settings.host, port = settings.port, "broker connected");
        Counters::add(&counters.connects, 1);
        counters.set_connected(true);
        outbox.connected();
        self.phase = Phase::Greeting;
        self.sweep_until = Some(Instant::now() + SWEEP);
        let filters = [topics.commands(), topics.alerts()].map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce));
        Ok(self.client.try_subscribe_many(filters)?)
    }

    fn subscribed(&mut self, answer: &SubAck) {
        let topics = [self.notifier.topics.commands(), self.notifier.topics.alerts()];
        for (topic, code) in topics.iter().zip(&answer.return_codes) {
            if *code == SubscribeReasonCode::Failure {
                Counters::add(&self.notifier.counters.subscriptions_refused, 1);
                tracing::error!(topic, "the broker refuses the subscription; allow it in the broker's access control");
            }
        }
    }

    /// Sends the next message, unless one is on its way.
    fn send_next(&mut self, now: &impl Fn() -> Timestamp) -> Result<(), Ended> {
        if self.confirm_by.is_some() {
            return Ok(());
        }
        match self.phase {
            Phase::Connecting | Phase::Farewell => Ok(()),
            Phase::Greeting => self.send_status(NodeState::Online, self.since),
            Phase::Online => match self.notifier.outbox.next().cloned() {
                Some(message) => self.send_message(message),
                None if self.leave_by.is_some() => {
                    self.phase = Phase::Farewell;
                    self.send_status(NodeState::Offline, now())
                }
                None => Ok(()),
            },
        }
    }

    fn send_status(&mut self, state: NodeState, since: Timestamp) -> Result<(), Ended> {
        let status = StatusV1::new(&self.notifier.settings.node, state, since).to_json();
        self.send(self.notifier.topics.status().to_owned(), true, status)
    }

    fn send_message(&mut self, message: Message) -> Result<(), Ended> {
        let topics = &self.notifier.topics;
        match message {
            Message::Alert { incident, content } => self.send(topics.alert(incident), true, content),
            Message::Report { report, content } => self.send(topics.report(report), true, content),
            Message::Event(event) => self.send(topics.events(), false, event.content),
            Message::Reply(reply) => self.send(topics.command_replies(), false, reply.content),
        }
    }

    /// Sends a message. What is the state of something is kept by the broker, where that is wanted.
    fn send(&mut self, topic: String, is_state: bool, content: String) -> Result<(), Ended> {
        let retain = is_state && self.notifier.settings.retain;
        self.confirm_by = Some(Instant::now() + CONFIRM_TIMEOUT);
        Ok(self.client.try_publish(topic, QoS::AtLeastOnce, retain, content)?)
    }

    fn confirmed(&mut self) -> Result<(), Ended> {
        self.confirm_by = None;
        Counters::add(&self.notifier.counters.published, 1);
        match self.phase {
            Phase::Connecting => {}
            Phase::Greeting => self.phase = Phase::Online,
            Phase::Online => self.notifier.outbox.confirmed(),
            Phase::Farewell => self.client.try_disconnect()?,
        }
        Ok(())
    }

    fn received(&mut self, publish: &Publish) {
        let Notifier { topics, outbox, counters, .. } = &mut *self.notifier;
        if publish.topic == topics.commands() {
            self.command(publish);
        } else if let Some(incident) = topics.incident_of(&publish.topic)
            && publish.retain
            && outbox.found_at_broker(incident)
        {
            Counters::add(&counters.stale_cleared, 1);
        }
    }

    /// Passes a command on, or answers why not.
    fn command(&mut self, publish: &Publish) {
        Counters::add(&self.notifier.counters.commands, 1);
        let passed_on = read(publish).and_then(|command| {
            self.commands.try_send(command).map_err(|problem| match problem {
                TrySendError::Full(_) => "too many commands are waiting; send it again in a moment".to_owned(),
                TrySendError::Closed(_) => "the daemon is stopping; send it again when it is back".to_owned(),
            })
        });
        if let Err(error) = passed_on {
            Counters::add(&self.notifier.counters.commands_refused, 1);
            tracing::warn!(error, "command refused");
            self.notifier.take(Publication::Reply(CommandReplyV1::refused(&publish.payload, error).to_json()));
        }
    }

    fn end_sweep(&mut self) -> Result<(), Ended> {
        self.sweep_until = None;
        Ok(self.client.try_unsubscribe(self.notifier.topics.alerts())?)
    }

    /// The daemon is stopping: what is left is to be sent, then the status `offline`.
    fn leave(&mut self, publications: &mut mpsc::Receiver<Publication>) -> Result<(), Ended> {
        if self.phase == Phase::Connecting {
            return Err(Ended::Stopped);
        }
        while let Ok(publication) = publications.try_recv() {
            self.notifier.take(publication);
        }
        self.leave_by = Some(Instant::now() + self.notifier.settings.farewell);
        Ok(())
    }
}

fn read(publish: &Publish) -> Result<Command, String> {
    if publish.retain {
        return Err("a command must not be retained: clear it with an empty retained message, then send it again \
                    without the retain flag"
            .to_owned());
    }
    let command = CommandV1::from_json(&publish.payload).map_err(|problem| problem.to_string())?;
    command.try_into().map_err(|problem: contract::CommandError| problem.to_string())
}
