use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use contract::StateV1;
use futures_util::StreamExt as _;
use telemetry::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::birth_number::BirthNumber;
use super::node::{EdgeNode, Identity, Letter, asks_for_rebirth};
use crate::SparkplugCounters as Counters;
use crate::notifier::{PAUSE_MAX, pauses};
use mqtt_client::sparkplug::{HostState, host_topic};
use mqtt_client::{
    About, Broker, Client, Failure, Happening, Introduction, Memory, Outgoing, QoS, Received, Versions, connect,
};

/// How long the farewell may take at an orderly stop.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the broker may take to answer the subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// From one birth to the next at least, however often a host asks.
const REBIRTH_MIN: Duration = Duration::from_secs(1);

/// Which edge node a daemon is.
#[derive(Debug, Clone)]
pub struct SparkplugSettings {
    /// The broker.
    pub broker: Broker,
    /// Client identifier; must be unique at the broker.
    pub client_id: String,
    /// The group.
    pub group: String,
    /// The node's name in the group.
    pub node: String,
    /// The host application without which the node is not born.
    pub primary_host: Option<String>,
    /// The least time from one message of the node or a device to its next.
    pub interval: Duration,
    /// The file that keeps the number of the node's births.
    pub birth_number: PathBuf,
}

/// A Sparkplug B edge node that tells the state of the line.
#[derive(Debug)]
pub struct SparkplugNode {
    settings: SparkplugSettings,
    identity: Identity,
    birth_number: BirthNumber,
    counters: Arc<Counters>,
}

/// Why a session is over.
#[derive(Debug)]
enum Ended {
    /// The daemon is stopping.
    Stopped,
    /// The connection failed.
    Lost(Failure),
    /// The primary host is gone: the node has died and waits for it on a new connection.
    HostGone,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure)
    }
}

impl SparkplugNode {
    /// A node that is not running yet.
    pub fn new(settings: SparkplugSettings) -> Self {
        let identity =
            Identity { group: crate::topics::level(&settings.group), node: crate::topics::level(&settings.node) };
        let birth_number = BirthNumber::open(&settings.birth_number);
        Self { settings, identity, birth_number, counters: Arc::default() }
    }

    /// What happens between the node and the broker; stays valid while the node runs.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Keeps the node alive until `stop` is cancelled. `now` is the time for the messages.
    pub async fn run(
        mut self,
        state: watch::Receiver<Arc<StateV1>>,
        now: impl Fn() -> Timestamp,
        stop: CancellationToken,
    ) {
        let mut pauses = pauses();
        let mut versions = Versions::of(&self.settings.broker);
        let mut reported: Option<String> = None;
        loop {
            let births = self.counters.snapshot().births;
            let ended = self.serve(versions, &state, &now, &stop).await;
            self.counters.set_connected(false);
            match ended {
                Ended::Stopped => return,
                Ended::HostGone => tracing::info!("the primary host is gone; the edge node waits for it"),
                Ended::Lost(failure) if failure.can_be_of_version && versions.fall_back() => continue,
                Ended::Lost(failure) => {
                    Counters::add(&self.counters.failures, 1);
                    if self.counters.snapshot().births > births {
                        (reported, pauses) = (None, self::pauses());
                    }
                    if reported.as_ref() != Some(&failure.reason) {
                        let Failure { reason, .. } = failure;
                        tracing::warn!(broker = %self.settings.broker, reason, "broker lost by the edge node");
                        reported = Some(reason);
                    }
                }
            }
            versions = Versions::of(&self.settings.broker);
            let pause = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MAX));
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn serve(
        &mut self,
        versions: Versions,
        state: &watch::Receiver<Arc<StateV1>>,
        now: &impl Fn() -> Timestamp,
        stop: &CancellationToken,
    ) -> Ended {
        let bd_seq = self.birth_number.next();
        let will = outgoing(self.identity.death(bd_seq, millis(now)), QoS::AtLeastOnce);
        let introduction = Introduction { client_id: &self.settings.client_id, memory: Memory::None, will: Some(will) };
        let (client, mut happenings) = connect(&self.settings.broker, introduction, versions.current());
        let mut interval = tokio::time::interval(self.settings.interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut session = Session::new(self, client, bd_seq, interval);
        loop {
            let leaving = session.leaving.is_some();
            let step = tokio::select! {
                Some(happening) = happenings.next() => match happening {
                    Ok(happening) => session.on(happening, now),
                    Err(mut failure) => {
                        failure.can_be_of_version &= session.phase == Phase::Connecting;
                        Err(failure.into())
                    }
                },
                _ = session.interval.tick() => {
                    session.tell(&state.borrow().clone(), now);
                    Ok(())
                }
                () = stop.cancelled(), if !leaving => session.leave(Leaving::Stop, now),
                () = until(session.act_by) => Err(session.too_late()),
            };
            if let Err(ended) = step.and_then(|()| session.send()) {
                return match session.leaving {
                    Some(Leaving::Stop) => Ended::Stopped,
                    Some(Leaving::HostGone) => Ended::HostGone,
                    None => ended,
                };
            }
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn millis(now: &impl Fn() -> Timestamp) -> u64 {
    u64::try_from(now().as_millis()).unwrap_or(0)
}

/// Nothing of a node is retained: a host that comes late asks for a birth.
fn outgoing(letter: Letter, qos: QoS) -> Outgoing {
    Outgoing { topic: letter.topic, payload: letter.payload, qos, retain: false, about: About::default() }
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To connect.
    Connecting,
    /// To be allowed to listen.
    Subscribing,
    /// To hear that the primary host is there.
    WaitingForHost,
    /// To tell the birth at the next moment.
    ToBeBorn,
    /// To tell what changes.
    Alive,
}

/// Why a session is being ended by the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Stop,
    HostGone,
}

/// One connection, which is one life of the node.
struct Session<'a> {
    settings: &'a SparkplugSettings,
    identity: &'a Identity,
    counters: &'a Counters,
    client: Client,
    bd_seq: u8,
    node: EdgeNode,
    phase: Phase,
    /// What waits for room on the connection. Nothing is added to what waits but births and the death.
    letters: VecDeque<Outgoing>,
    interval: Interval,
    /// When the host was last said to be online, by its own clock, ms.
    host_online_ms: u64,
    leaving: Option<Leaving>,
    /// When it was born last.
    born: Instant,
    /// Until when what is awaited must have come.
    act_by: Option<Instant>,
}

impl<'a> Session<'a> {
    fn new(node: &'a SparkplugNode, client: Client, bd_seq: u8, interval: Interval) -> Self {
        Self {
            settings: &node.settings,
            identity: &node.identity,
            counters: &node.counters,
            client,
            bd_seq,
            node: EdgeNode::new(node.identity.clone(), bd_seq),
            phase: Phase::Connecting,
            letters: VecDeque::new(),
            interval,
            host_online_ms: 0,
            leaving: None,
            born: Instant::now(),
            act_by: None,
        }
    }

    fn on(&mut self, happening: Happening, now: &impl Fn() -> Timestamp) -> Result<(), Ended> {
        match happening {
            Happening::Connected { .. } => {
                tracing::info!(broker = %self.settings.broker, bd_seq = self.bd_seq, "edge node connected");
                Counters::add(&self.counters.connects, 1);
                self.counters.set_connected(true);
                self.phase = Phase::Subscribing;
                self.act_by = Some(Instant::now() + SUBSCRIBE_TIMEOUT);
                let host = self.settings.primary_host.as_deref().map(host_topic);
                Ok(self.client.subscribe([self.identity.commands()].into_iter().chain(host))?)
            }
            Happening::Subscribed(granted) => {
                self.act_by = None;
                for reason in granted.into_iter().filter_map(Result::err) {
                    tracing::error!(
                        reason,
                        "the broker refuses a subscription of the edge node; allow it in the \
                                             broker's access control"
                    );
                }
                self.phase = match self.settings.primary_host {
                    Some(_) => Phase::WaitingForHost,
                    None => Phase::ToBeBorn,
                };
                self.interval.reset_immediately();
                Ok(())
            }
            Happening::Received(received) => self.received(&received, now),
            Happening::Sent => {
                Counters::add(&self.counters.published, 1);
                Ok(())
            }
            // The death, which alone is confirmed.
            Happening::Confirmed(_) => Ok(self.client.disconnect()?),
            Happening::Leaving => Err(Ended::Stopped),
        }
    }

    fn received(&mut self, received: &Received, now: &impl Fn() -> Timestamp) -> Result<(), Ended> {
        if received.topic == self.identity.commands() {
            if self.phase == Phase::Alive && asks_for_rebirth(&received.payload) {
                Counters::add(&self.counters.rebirths_asked, 1);
                self.phase = Phase::ToBeBorn;
                self.interval.reset_after(REBIRTH_MIN.saturating_sub(self.born.elapsed()));
            }
            return Ok(());
        }
        let Ok(HostState { online, timestamp }) = serde_json::from_slice(&received.payload) else { return Ok(()) };
        if timestamp < self.host_online_ms {
            // The will of a connection that the host has replaced.
            return Ok(());
        }
        match (online, self.phase) {
            (true, Phase::WaitingForHost) => {
                self.phase = Phase::ToBeBorn;
                self.interval.reset_immediately();
            }
            (false, Phase::ToBeBorn | Phase::Alive) => return self.leave(Leaving::HostGone, now),
            _ => {}
        }
        if online {
            self.host_online_ms = timestamp;
        }
        Ok(())
    }

    /// Tells the birth if that is due, else what has changed. While something waits for room nothing is added: what has
    /// changed then is told at the next moment.
    fn tell(&mut self, state: &StateV1, now: &impl Fn() -> Timestamp) {
        if !self.letters.is_empty() || self.leaving.is_some() {
            return;
        }
        let letters = match self.phase {
            Phase::ToBeBorn => {
                self.phase = Phase::Alive;
                Counters::add(&self.counters.births, 1);
                self.born = Instant::now();
                self.node.birth(state, millis(now))
            }
            Phase::Alive => self.node.update(state, millis(now)),
            Phase::Connecting | Phase::Subscribing | Phase::WaitingForHost => return,
        };
        self.letters.extend(letters.into_iter().map(|letter| outgoing(letter, QoS::AtMostOnce)));
    }

    /// Hands over as much as there is room for.
    fn send(&mut self) -> Result<(), Ended> {
        while let Some(letter) = self.letters.front() {
            if self.client.publish(letter.clone()).is_err() {
                // No room; there is as soon as something has been sent.
                return Ok(());
            }
            self.letters.pop_front();
        }
        Ok(())
    }

    /// The node dies in order: its hosts hear of it before the connection ends.
    fn leave(&mut self, why: Leaving, now: &impl Fn() -> Timestamp) -> Result<(), Ended> {
        self.leaving = Some(why);
        if matches!(self.phase, Phase::Connecting | Phase::Subscribing) {
            return Err(Ended::Stopped);
        }
        self.act_by = Some(Instant::now() + FAREWELL);
        self.letters.push_back(outgoing(self.identity.death(self.bd_seq, millis(now)), QoS::AtLeastOnce));
        Ok(())
    }

    fn too_late(&self) -> Ended {
        let reason = match self.phase {
            Phase::Subscribing => "the subscription was not answered in time",
            _ => "the farewell was not confirmed in time",
        };
        Failure { reason: reason.to_owned(), can_be_of_version: false }.into()
    }
}
