use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use contract::{CommandReplyV1, Message as _};
use mqtt_client::Versions;
use telemetry::{Command, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::asked::Asked;
use crate::outbox::{Message, Outbox, Recipient};
use crate::session::{Ended, serve};
use crate::{Counters, Ledger, NotifySettings, Publication, Topics};

/// The first pause before a new attempt to connect.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause, before jitter: a broker that is back is seen within two seconds.
pub(crate) const PAUSE_MAX: Duration = Duration::from_millis(900);
/// How long a connection must have held before the pauses start small again: two clients with one identifier that
/// throw each other out would else do so ten times a second.
const STABLE: Duration = Duration::from_secs(10);

/// Tells a broker of a line's alerts and takes commands from there.
#[derive(Debug)]
pub struct Notifier {
    pub(crate) settings: NotifySettings,
    pub(crate) topics: Topics,
    pub(crate) outbox: Outbox,
    pub(crate) asked: Asked,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) counters: Arc<Counters>,
}

impl Notifier {
    /// A notifier that is not running yet. `open` are the incidents that are open now ([`Publication::from_open`]): every
    /// other alert of the line that the broker retains is from an earlier life and will be cleared.
    pub fn new(settings: NotifySettings, topics: Topics, open: impl IntoIterator<Item = Publication>) -> Self {
        let (outbox, asked) = (Outbox::default(), Asked::default());
        let mut notifier = Self { settings, topics, outbox, asked, ledger: None, counters: Arc::default() };
        open.into_iter().for_each(|publication| notifier.take(publication));
        notifier
    }

    /// Keeps in that ledger which event the broker has confirmed last.
    pub fn keep(&mut self, ledger: Ledger) {
        self.ledger = Some(ledger);
    }

    /// What happens between the daemon and the broker; stays valid while the notifier runs.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Keeps connected to the broker until `stop` is cancelled or `publications` is closed.
    ///
    /// Publications are taken at any time, connected or not, so their queue does not fill up. A command goes to
    /// `commands`; if that queue is full, the command is refused with an answer that says so. `now` is the time for the
    /// status messages. At an orderly stop what is left is sent for as long as the settings allow, then the status `offline`.
    pub async fn run(
        mut self,
        mut publications: mpsc::Receiver<Publication>,
        commands: mpsc::Sender<Command>,
        now: impl Fn() -> Timestamp,
        stop: CancellationToken,
    ) {
        let mut pauses = pauses();
        let mut reported: Option<String> = None;
        let mut versions = Versions::of(&self.settings.broker);
        loop {
            let started = Instant::now();
            let connects = self.counters.snapshot().connects;
            let ended = serve(&mut self, versions.current(), &mut publications, &commands, &now, &stop).await;
            self.counters.set_connected(false);
            self.give_back();
            let (reason, can_be_of_version) = match ended {
                Ended::Lost(reason) => (reason, false),
                Ended::Unwelcome(reason) => (reason, true),
                Ended::Stopped => break,
            };
            let tried = versions.current();
            if can_be_of_version && versions.fall_back() {
                tracing::debug!(broker = %self.settings.broker, reason, "no {tried}; {} is tried", versions.current());
                continue;
            }
            versions = Versions::of(&self.settings.broker);
            Counters::add(&self.counters.failures, 1);
            if self.counters.snapshot().connects > connects {
                reported = None;
            }
            if started.elapsed() >= STABLE {
                pauses = self::pauses();
            }
            if reported.as_ref() != Some(&reason) {
                tracing::warn!(broker = %self.settings.broker, reason, "broker lost");
                reported = Some(reason);
            }
            if self.pause(pauses.next().unwrap_or(PAUSE_MAX), &mut publications, &stop).await.is_none() {
                break;
            }
        }
        self.account_for_the_rest(&mut publications);
    }

    /// Takes a publication, connected or not. The oldest make room if there are too many.
    pub fn take(&mut self, publication: Publication) {
        let dropped = match publication {
            Publication::Reply(reply) => {
                let to = self.asked.take(&reply).map_or(Recipient::Everybody, Recipient::Asker);
                self.answer(&reply, to)
            }
            other => self.outbox.push(other),
        };
        Counters::add(&self.counters.dropped, dropped);
    }

    /// Takes an answer to a command, which goes to whoever watches for errors as well if it is a refusal. Returns how many
    /// older ones had to make room.
    pub(crate) fn answer(&mut self, reply: &CommandReplyV1, to: Recipient) -> u64 {
        let mut dropped = self.outbox.answer(reply.to_json(), to);
        if !reply.ok {
            dropped += self.outbox.answer(reply.to_json(), Recipient::WatchersOfErrors);
        }
        dropped
    }

    /// Waits without leaving publications waiting. `None` if the daemon stops meanwhile.
    async fn pause(
        &mut self,
        pause: Duration,
        publications: &mut mpsc::Receiver<Publication>,
        stop: &CancellationToken,
    ) -> Option<()> {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                () = &mut over => return Some(()),
                publication = publications.recv() => self.take(publication?),
            }
        }
    }

    fn give_back(&mut self) {
        let Some(message) = self.outbox.disconnected() else { return };
        Counters::add(&self.counters.dropped, 1);
        let kind = match message {
            Message::Alert { .. } => "alert",
            Message::Report { report, .. } => report.name(),
            Message::Event(_) => "event",
            Message::Reply(_) => "reply",
        };
        tracing::error!(kind, "the broker never confirmed a message; it is given up");
    }

    fn account_for_the_rest(&mut self, publications: &mut mpsc::Receiver<Publication>) {
        while let Ok(publication) = publications.try_recv() {
            self.take(publication);
        }
        let rest = self.outbox.unconfirmed();
        if rest > 0 {
            tracing::warn!(rest, "the broker could not be told everything before the stop");
        }
        // With a ledger the next life tells the events.
        let events = if self.ledger.is_some() { self.outbox.events() } else { 0 };
        Counters::add(&self.counters.dropped, rest - events);
    }
}

pub(crate) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}
