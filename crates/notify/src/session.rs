use std::future;
use std::time::Duration;

use contract::{
    AlertSchema, CommandReplySchema, CommandReplyV1, CommandV1, EventSchema, EventV1, ForecastSchema, Message as _,
    NodeState, RecordingSchema, ShiftSchema, StatusSchema, StatusV1,
};
use futures_util::StreamExt as _;
use telemetry::{Command, Timestamp};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::outbox::{Message, Recipient};
use crate::{Counters, Event, Notifier, Publication, Report};
use mqtt_client::{
    About, Client, Failure, Happening, Introduction, Memory, MqttVersion, Outgoing, QoS, Received, Refusal, connect,
};

/// How long the broker may take to confirm a message.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to listen for retained alerts of an earlier life. A broker sends them right after the subscription.
const SWEEP: Duration = Duration::from_secs(5);
/// How long a broker keeps an event for somebody who is away, s: a week, over holidays.
const EVENT_EXPIRY_S: u32 = 7 * 24 * 3600;
/// How long an answer is of use to who asked, s.
const REPLY_EXPIRY_S: u32 = 300;

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The daemon is stopping.
    Stopped,
    /// The broker ended the attempt to connect; perhaps it does not know this version of MQTT.
    Unwelcome(String),
    /// The connection failed; to be tried again.
    Lost(String),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure.reason)
    }
}

/// Connects to the broker and serves until the connection or the daemon ends.
pub(crate) async fn serve(
    notifier: &mut Notifier,
    version: MqttVersion,
    publications: &mut mpsc::Receiver<Publication>,
    commands: &mpsc::Sender<Command>,
    now: &impl Fn() -> Timestamp,
    stop: &CancellationToken,
) -> Ended {
    let since = now();
    let settings = &notifier.settings;
    let last_will = status(notifier, NodeState::Offline, since);
    let introduction = Introduction { client_id: &settings.client_id, memory: Memory::None, will: Some(last_will) };
    let (client, mut happenings) = connect(&settings.broker, introduction, version);
    let mut session = Session::new(notifier, version, commands, client, since);
    loop {
        let leaving = session.leave_by.is_some();
        let step = tokio::select! {
            Some(happening) = happenings.next() => match happening {
                Ok(happening) => session.on(happening),
                Err(failure) => Err(session.failed(failure)),
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

fn status(notifier: &Notifier, state: NodeState, since: Timestamp) -> Outgoing {
    let content = StatusV1::new(&notifier.settings.node, state, since).to_json();
    let topic = notifier.topics.status().to_owned();
    json(topic, content, StatusSchema::NAME, notifier.settings.retain)
}

fn json(topic: String, content: String, schema: &'static str, retain: bool) -> Outgoing {
    let about = About { schema: Some(schema), ..About::default() };
    Outgoing { topic, payload: content.into_bytes(), qos: QoS::AtLeastOnce, retain, about }
}

/// One connection to the broker, from the attempt to its end.
struct Session<'a> {
    notifier: &'a mut Notifier,
    version: MqttVersion,
    commands: &'a mpsc::Sender<Command>,
    client: Client,
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
        version: MqttVersion,
        commands: &'a mpsc::Sender<Command>,
        client: Client,
        since: Timestamp,
    ) -> Self {
        let (phase, confirm_by, sweep_until, leave_by) = (Phase::Connecting, None, None, None);
        Self { notifier, version, commands, client, since, phase, confirm_by, sweep_until, leave_by }
    }

    fn on(&mut self, happening: Happening) -> Result<(), Ended> {
        match happening {
            Happening::Connected { .. } => self.connected(),
            Happening::Confirmed(Ok(())) => self.confirmed(),
            Happening::Confirmed(Err(refusal)) => self.refused(refusal),
            Happening::Subscribed(granted) => {
                self.subscribed(granted);
                Ok(())
            }
            Happening::Received(received) => {
                self.received(received);
                Ok(())
            }
            Happening::Sent => Ok(()),
            Happening::Leaving => Err(Ended::Stopped),
        }
    }

    fn failed(&self, failure: Failure) -> Ended {
        match self.phase == Phase::Connecting && failure.can_be_of_version {
            true => Ended::Unwelcome(failure.reason),
            false => failure.into(),
        }
    }

    fn connected(&mut self) -> Result<(), Ended> {
        let Notifier { settings, topics, outbox, counters, .. } = &mut *self.notifier;
        tracing::info!(broker = %settings.broker, "broker connected with {}", self.version);
        Counters::add(&counters.connects, 1);
        counters.set_connected(true);
        outbox.connected();
        self.phase = Phase::Greeting;
        self.sweep_until = Some(Instant::now() + SWEEP);
        Ok(self.client.subscribe([topics.commands(), topics.alerts()])?)
    }

    fn subscribed(&mut self, granted: Vec<Result<(), String>>) {
        let topics = [self.notifier.topics.commands(), self.notifier.topics.alerts()];
        for (topic, granted) in topics.iter().zip(granted) {
            if let Err(reason) = granted {
                Counters::add(&self.notifier.counters.subscriptions_refused, 1);
                tracing::error!(
                    topic,
                    reason,
                    "the broker refuses the subscription; allow it in the broker's access control"
                );
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
            Phase::Greeting => self.send(status(self.notifier, NodeState::Online, self.since)),
            Phase::Online => match self.notifier.outbox.next().cloned() {
                Some(message) => self.send(self.letter(message, now)),
                None if self.leave_by.is_some() => {
                    self.phase = Phase::Farewell;
                    self.send(status(self.notifier, NodeState::Offline, now()))
                }
                None => Ok(()),
            },
        }
    }

    /// A message with its topic. What is the state of something is kept by the broker, where that is wanted.
    fn letter(&self, message: Message, now: &impl Fn() -> Timestamp) -> Outgoing {
        let Notifier { settings, topics, .. } = &*self.notifier;
        match message {
            Message::Alert { incident, content } => {
                json(topics.alert(incident), content, AlertSchema::NAME, settings.retain)
            }
            Message::Report { report, content } => {
                let schema = match report {
                    Report::Shift => ShiftSchema::NAME,
                    Report::Forecast => ForecastSchema::NAME,
                    Report::Recording => RecordingSchema::NAME,
                };
                json(topics.report(report), content, schema, settings.retain)
            }
            Message::Event(queued) => {
                let content = in_time(queued.message, settings.history_after, now);
                let mut letter = json(topics.events(), content, EventSchema::NAME, false);
                letter.about.expiry_s = Some(EVENT_EXPIRY_S);
                letter
            }
            Message::Reply(queued) => {
                let (topic, correlation) = match queued.message.to {
                    Recipient::Everybody => (topics.command_replies(), None),
                    Recipient::WatchersOfErrors => (topics.command_errors(), None),
                    Recipient::Asker(asker) => (asker.topic, asker.correlation),
                };
                let mut letter = json(topic, queued.message.content, CommandReplySchema::NAME, false);
                letter.about.correlation = correlation;
                letter.about.expiry_s = Some(REPLY_EXPIRY_S);
                letter
            }
        }
    }

    fn send(&mut self, letter: Outgoing) -> Result<(), Ended> {
        self.confirm_by = Some(Instant::now() + CONFIRM_TIMEOUT);
        Ok(self.client.publish(letter)?)
    }

    fn confirmed(&mut self) -> Result<(), Ended> {
        Counters::add(&self.notifier.counters.published, 1);
        self.go_on()
    }

    /// The broker does not take the message. What it may take later is tried again in another session, as often as a
    /// message is tried at all; anything else is given up.
    fn refused(&mut self, refusal: Refusal) -> Result<(), Ended> {
        let Refusal { reason, is_for_now } = refusal;
        if is_for_now {
            return Err(Ended::Lost(format!("the broker does not take a message for now: {reason}")));
        }
        Counters::add(&self.notifier.counters.dropped, 1);
        tracing::error!(reason, "the broker refuses a message; allow the topic in the broker's access control");
        self.go_on()
    }

    /// The message that was on its way is dealt with.
    fn go_on(&mut self) -> Result<(), Ended> {
        self.confirm_by = None;
        match self.phase {
            Phase::Connecting => {}
            Phase::Greeting => self.phase = Phase::Online,
            Phase::Online => {
                let event = self.notifier.outbox.confirmed();
                if let (Some(event), Some(ledger)) = (event, &mut self.notifier.ledger) {
                    ledger.note(&event.id);
                }
            }
            Phase::Farewell => self.client.disconnect()?,
        }
        Ok(())
    }

    fn received(&mut self, received: Received) {
        let Notifier { topics, outbox, counters, .. } = &mut *self.notifier;
        if received.topic == topics.commands() {
            self.command(received);
        } else if let Some(incident) = topics.incident_of(&received.topic)
            && received.retained
            && outbox.found_at_broker(incident)
        {
            Counters::add(&counters.stale_cleared, 1);
        }
    }

    /// Passes a command on, or answers why not.
    fn command(&mut self, received: Received) {
        Counters::add(&self.notifier.counters.commands, 1);
        let answer_to = received.answer_to.clone().filter(|to| self.notifier.topics.may_answer_at(&to.topic));
        let passed_on = self.read(&received).and_then(|(wire, command)| {
            self.commands.try_send(command).map_err(|problem| match problem {
                TrySendError::Full(_) => "too many commands are waiting; send it again in a moment".to_owned(),
                TrySendError::Closed(_) => "the daemon is stopping; send it again when it is back".to_owned(),
            })?;
            Ok(wire)
        });
        match (passed_on, answer_to) {
            (Ok(command), Some(answer_to)) => self.notifier.asked.note(command, answer_to),
            (Ok(_), None) => {}
            (Err(error), answer_to) => {
                Counters::add(&self.notifier.counters.commands_refused, 1);
                tracing::warn!(error, "command refused");
                let reply = CommandReplyV1::refused(&received.payload, error);
                let dropped = self.notifier.answer(&reply, answer_to.map_or(Recipient::Everybody, Recipient::Asker));
                Counters::add(&self.notifier.counters.dropped, dropped);
            }
        }
    }

    fn read(&self, received: &Received) -> Result<(CommandV1, Command), String> {
        if received.retained {
            return Err("a command must not be retained: clear it with an empty retained message, then send it again \
                        without the retain flag"
                .to_owned());
        }
        if received.has_expired {
            return Err(
                "the command came after its message expiry interval; send it again if it is still wanted".to_owned()
            );
        }
        if let Some(to) = received.answer_to.as_ref().filter(|to| !self.notifier.topics.may_answer_at(&to.topic)) {
            return Err(format!(
                "no answer can be sent to the response topic {:?}: expected a topic without wildcards, and of the line's \
                 own only those below {}/",
                to.topic,
                self.notifier.topics.commands()
            ));
        }
        let wire = CommandV1::from_json(&received.payload).map_err(|problem| problem.to_string())?;
        let command = wire.clone().try_into().map_err(|problem: contract::CommandError| problem.to_string())?;
        Ok((wire, command))
    }

    fn end_sweep(&mut self) -> Result<(), Ended> {
        self.sweep_until = None;
        Ok(self.client.unsubscribe(self.notifier.topics.alerts())?)
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

/// The event's words, with the mark of history if it is told late.
fn in_time(event: Event, history_after: Option<Duration>, now: &impl Fn() -> Timestamp) -> String {
    let is_late = history_after.is_some_and(|after| now().seconds_since(event.at) > after.as_secs_f64());
    let late = || serde_json::from_str(&event.content).map(|event: EventV1| event.told_late().to_json());
    match is_late.then(late) {
        Some(Ok(late)) => late,
        // In time, or nothing that can be marked.
        Some(Err(_)) | None => event.content,
    }
}
