//! A message of quality of service 1 is acknowledged when all that came of it is durable, in the order of the messages.

use std::convert::Infallible;
use std::future;
use std::time::Duration;

use adapter::Counters;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

/// The most messages that wait to be acknowledged: MQTT has no more packet identifiers.
pub(crate) const WAITING_MAX: usize = u16::MAX as usize;
/// How long a message waits to become durable. Then it is acknowledged all the same, as are those after it until something
/// becomes durable again: a broker sends nothing new beyond its window of messages that wait, and alerts must go on while a
/// disk is full.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    packet: u16,
    /// How many events of the link must be durable.
    events: u64,
    since: Instant,
}

/// Where messages are put that wait.
#[derive(Debug)]
pub(crate) struct Acks(mpsc::Sender<Waiting>);

/// The messages that wait.
#[derive(Debug)]
pub(crate) struct WaitingAcks(mpsc::Receiver<Waiting>);

/// A queue of one connection: the broker sends again what was not acknowledged when that ended.
pub(crate) fn queue() -> (Acks, WaitingAcks) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Acks(sender), WaitingAcks(receiver))
}

impl Acks {
    /// Has a message acknowledged once so many events of the link are durable.
    ///
    /// # Errors
    /// If more messages wait than a broker may send without an acknowledgement, in words for a person.
    pub(crate) fn wait(&self, packet: u16, events: u64) -> Result<(), String> {
        let waiting = Waiting { packet, events, since: Instant::now() };
        self.0.try_send(waiting).map_err(|_| format!("more than {WAITING_MAX} messages wait to be acknowledged"))
    }
}

/// Acknowledges what waits when its time has come, for as long as the connection lasts.
pub(crate) async fn acknowledge(
    mut waiting: WaitingAcks,
    mut durable: watch::Receiver<u64>,
    counters: &Counters,
    acknowledge: impl Fn(u16),
) -> Infallible {
    // What was durable when the patience ended, until more is.
    let mut impatient_since: Option<u64> = None;
    while let Some(message) = waiting.0.recv().await {
        if impatient_since.is_some_and(|events| *durable.borrow() != events) {
            tracing::info!("messages are acknowledged again when they are recorded");
            impatient_since = None;
        }
        let deadline = if impatient_since.is_some() { Instant::now() } else { message.since + PATIENCE };
        let is_durable = async { durable.wait_for(|&events| events >= message.events).await.map(drop) };
        let waited = timeout_at(deadline, is_durable).await;
        match waited {
            Ok(Ok(())) => {}
            // Nobody records any more: the daemon stops, and the message comes again to the next.
            Ok(Err(_)) => break,
            Err(_) => {
                counters.add_acknowledged_unrecorded();
                if impatient_since.is_none() {
                    tracing::error!(
                        "a message is not durable within {PATIENCE:?}; until the recording can be written, messages are \
                         acknowledged without that, and are lost if the daemon is"
                    );
                    impatient_since = Some(*durable.borrow());
                }
            }
        }
        acknowledge(message.packet);
    }
    future::pending().await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::task::JoinHandle;

    use super::*;

    /// A running queue, what it has acknowledged, and how to say what is durable.
    struct Running {
        acks: Acks,
        durable: watch::Sender<u64>,
        counters: Arc<Counters>,
        acknowledged: Arc<Mutex<Vec<u16>>>,
        task: JoinHandle<()>,
    }

    impl Running {
        fn start(messages: &[(u16, u64)]) -> Self {
            let (acks, waiting) = queue();
            let (durable, told) = watch::channel(0);
            let (counters, acknowledged) = (Arc::<Counters>::default(), Arc::<Mutex<Vec<u16>>>::default());
            let (for_task, list) = (counters.clone(), acknowledged.clone());
            let task = tokio::spawn(async move {
                match acknowledge(waiting, told, &for_task, |packet| list.lock().unwrap().push(packet)).await {}
            });
            let running = Self { acks, durable, counters, acknowledged, task };
            running.wait(messages);
            running
        }

        fn wait(&self, messages: &[(u16, u64)]) {
            messages.iter().for_each(|&(packet, events)| self.acks.wait(packet, events).unwrap());
        }

        /// The clock stands still, so this lets everything happen that can.
        async fn check(&self, acknowledged: &[u16], unrecorded: u64) {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(*self.acknowledged.lock().unwrap(), acknowledged);
            assert_eq!(self.counters.snapshot().acknowledged_unrecorded, unrecorded);
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_acknowledged_when_all_that_came_of_it_is_durable_and_not_before() {
        let running = Running::start(&[(7, 1), (8, 1), (9, 3), (1, 4)]);
        running.check(&[], 0).await;
        running.durable.send_replace(2);
        running.check(&[7, 8], 0).await;
        running.durable.send_replace(3);
        running.check(&[7, 8, 9], 0).await;
        running.wait(&[(2, 5)]);
        running.durable.send_replace(9);
        running.check(&[7, 8, 9, 1, 2], 0).await;
    }

    #[tokio::test(start_paused = true)]
    async fn while_nothing_becomes_durable_the_source_is_held_up_once_only() {
        let running = Running::start(&[(1, 1), (2, 2)]);
        running.check(&[], 0).await;
        tokio::time::advance(PATIENCE).await;
        running.check(&[1, 2], 2).await;
        running.wait(&[(3, 3)]);
        running.check(&[1, 2, 3], 3).await;

        running.durable.send_replace(3);
        running.wait(&[(4, 4)]);
        running.check(&[1, 2, 3], 3).await;
        running.durable.send_replace(4);
        running.check(&[1, 2, 3, 4], 3).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_durable_when_the_recorder_ends_is_never_acknowledged() {
        let mut running = Running::start(&[(1, 1), (2, 2)]);
        running.durable.send_replace(1);
        running.check(&[1], 0).await;
        let (other, _) = watch::channel(0);
        drop(std::mem::replace(&mut running.durable, other));
        tokio::time::advance(PATIENCE * 2).await;
        running.check(&[1], 0).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_sends_more_than_it_may_is_noticed() {
        let (acks, _waiting) = queue();
        for packet in 1..=u16::MAX {
            acks.wait(packet, 1).unwrap();
        }
        assert!(acks.wait(1, 1).unwrap_err().contains("65535"));
    }
}
