//! What the server publishes, on its way to the twin: nothing is missing, or it is counted and everything is read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use adapter::{Context, Counters, LinkError};
use opcua::client::{MonitoredItemMap, OnSubscriptionNotificationCore};
use opcua::sync::RwLock;
use opcua::types::{
    ContextOwned, DataChangeNotification, EventFieldList, EventNotificationList, ExtensionObject,
    MonitoredItemNotification, NotificationMessage, StatusChangeNotification, StatusCode, Variant,
};
use telemetry::{Quality, Reason, Sample};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Scope;
use crate::connection::{described, failed};
use crate::events::Conditions;
use crate::points::{Point, Watch};
use crate::refresh::Refresh;
use crate::value::{Skew, overflowed, sample};

/// Publish responses that may wait for the twin before no more are taken from the server.
pub(crate) const WAITING_PUBLISHES_MAX: usize = 64;
/// The most missing messages that are asked for again; if there are more, all values are read again.
const REPUBLISHED_MAX: u32 = 100;
/// How long a missing message may take to come again.
const REPUBLISH_TIME_MAX: Duration = Duration::from_secs(5);

/// One publish response, as it goes from the library's callback to the hand-over.
pub(crate) struct Published {
    values: Vec<MonitoredItemNotification>,
    events: Vec<EventFieldList>,
    /// Set if the server says that the subscription is over.
    ended: Option<StatusCode>,
    /// What the server sent before this and never arrived.
    missing: Option<Missing>,
    skew: Skew,
}

/// Messages that did not arrive: these, by sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Missing {
    subscription: u32,
    first: u32,
    count: u32,
}

/// The server's id of a subscription, which is known only after its callback is made.
#[derive(Clone, Default)]
pub(crate) struct SubscriptionId(Arc<AtomicU32>);

impl SubscriptionId {
    pub(crate) fn tell(&self, id: u32) {
        self.0.store(id, Ordering::Relaxed);
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sees from the sequence numbers of a subscription what did not arrive.
#[derive(Default)]
struct Sequence {
    next: Option<u32>,
}

impl Sequence {
    /// How many messages before this one are missing, and the first of them. A message without data tells the number that
    /// the next one with data will have.
    fn take(&mut self, number: u32, has_data: bool) -> Option<(u32, u32)> {
        let expected = self.next.unwrap_or(number);
        let ahead = number.wrapping_sub(expected);
        // A number far behind, as it seems after wrapping, is a repetition or a restart of counting from 1.
        let (missing, is_new) = if ahead < u32::MAX / 2 { (ahead, true) } else { (0, false) };
        if is_new || number == 1 {
            self.next = Some(if has_data { following(number) } else { number });
        }
        (missing > 0).then_some((expected, missing))
    }
}

/// 0 is no sequence number: after the highest comes 1.
fn following(number: u32) -> u32 {
    number.checked_add(1).unwrap_or(1)
}

/// What the library calls with each publish response.
pub(crate) struct Callback {
    sender: mpsc::Sender<Published>,
    counters: Arc<Counters>,
    context: Arc<RwLock<ContextOwned>>,
    sequence: Sequence,
    subscription: SubscriptionId,
}

impl Callback {
    /// The callback of a subscription, and where to tell its id.
    pub(crate) fn new(
        sender: mpsc::Sender<Published>,
        counters: Arc<Counters>,
        context: Arc<RwLock<ContextOwned>>,
    ) -> (Self, SubscriptionId) {
        let subscription = SubscriptionId::default();
        (
            Self { sender, counters, context, sequence: Sequence::default(), subscription: subscription.clone() },
            subscription,
        )
    }
}

impl OnSubscriptionNotificationCore for Callback {
    fn on_subscription_notification(&mut self, message: NotificationMessage, _: MonitoredItemMap<'_>) {
        let has_data = message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
        let missing = self.sequence.take(message.sequence_number, has_data);
        let missing = missing.map(|(first, count)| Missing { subscription: self.subscription.get(), first, count });
        let mut published = Published::empty(Skew::of(&self.context.read()), missing);
        published.take(message, &self.counters);
        if published.is_empty() {
            return;
        }
        // There is room, because no response is taken from the server before there is; a loss would be a bug, and seen.
        if let Err(error) = self.sender.try_send(published) {
            let lost = error.into_inner();
            self.counters.add_lost_at_source((lost.values.len() + lost.events.len()) as u64);
        }
    }
}

impl Published {
    fn empty(skew: Skew, missing: Option<Missing>) -> Self {
        Self { values: Vec::new(), events: Vec::new(), ended: None, missing, skew }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.events.is_empty() && self.ended.is_none() && self.missing.is_none()
    }

    fn take(&mut self, message: NotificationMessage, counters: &Counters) {
        for part in message.notification_data.into_iter().flatten() {
            self.take_part(part, counters);
        }
    }

    fn take_part(&mut self, part: ExtensionObject, counters: &Counters) {
        if let Some(change) = part.inner_as::<StatusChangeNotification>() {
            self.ended = Some(change.status);
        } else if let Some(list) = part.inner_as::<EventNotificationList>() {
            self.events.extend(list.events.iter().flatten().cloned());
        } else if let Some(change) = part.into_inner_as::<DataChangeNotification>() {
            self.values.extend(change.monitored_items.into_iter().flatten());
        } else {
            counters.add_unusable(1);
        }
    }
}

/// Hands what is published to the twin until the connection ends, and then what is left of it.
///
/// # Errors
/// If the server ends the subscription or lost what it published, or the daemon is stopping.
pub(crate) async fn hand_over(
    scope: Scope<'_>,
    receiver: &mut mpsc::Receiver<Published>,
    refresh: &Refresh,
    connection_ended: &CancellationToken,
) -> Result<(), LinkError> {
    let Scope { context, url, .. } = scope;
    let mut handover = Handover::new(scope, refresh);
    loop {
        let published = tokio::select! {
            biased;
            published = receiver.recv() => published,
            () = refresh.refused() => {
                context.deliver(handover.conditions.assume(context.clock.now())).await?;
                continue;
            }
            () = connection_ended.cancelled() => None,
        };
        let Some(published) = published else { return Ok(()) };
        if let Some(missing) = published.missing {
            for again in republish(scope, missing, published.skew).await? {
                handover.take(again).await?;
            }
        }
        let ended = published.ended;
        handover.take(published).await?;
        if let Some(status) = ended {
            return Err(LinkError::Lost(failed(url, "the server ended the subscription", described(status))));
        }
    }
}

/// Asks for what is missing again.
///
/// # Errors
/// If the server has it no longer: the loss is counted, and the link is to be set up anew, which reads all values again.
async fn republish(scope: Scope<'_>, missing: Missing, skew: Skew) -> Result<Vec<Published>, LinkError> {
    let Scope { session, context, url, .. } = scope;
    let Missing { subscription, first, count } = missing;
    let lost = |why: String| {
        context.counters.add_lost_at_source(count.into());
        let what = format!("{count} messages of a subscription are missing from number {first} on");
        LinkError::Lost(failed(url, &what, why + "; all values are read again"))
    };
    if count > REPUBLISHED_MAX {
        return Err(lost(format!("more than the {REPUBLISHED_MAX} that are asked for again")));
    }
    let (mut found, mut number) = (Vec::new(), first);
    for _ in 0..count {
        match timeout(REPUBLISH_TIME_MAX, session.republish(subscription, number)).await {
            // Some servers send an empty message for one that they do not have any more.
            Ok(Ok(message)) if message.sequence_number != number => {
                return Err(lost(format!("asked for number {number}, the server sent {}", message.sequence_number)));
            }
            Ok(Ok(message)) => {
                let mut published = Published::empty(skew, None);
                published.take(message, &context.counters);
                found.push(published);
            }
            Ok(Err(error)) => return Err(lost(described(error.status()))),
            Err(_) => return Err(lost(format!("no answer within {} s", REPUBLISH_TIME_MAX.as_secs()))),
        }
        number = following(number);
    }
    tracing::info!(url, count, "the server sent messages again that had not arrived");
    Ok(found)
}

/// Makes samples of what is published in one session.
struct Handover<'a> {
    points: &'a [Point],
    context: &'a Context,
    conditions: Conditions<'a>,
    refresh: &'a Refresh,
    /// By point and item: whether it was told that the value does not fit.
    mistyped: Vec<Vec<bool>>,
}

impl<'a> Handover<'a> {
    fn new(scope: Scope<'a>, refresh: &'a Refresh) -> Self {
        let Scope { adapter, context, .. } = scope;
        let mistyped = adapter.points.iter().map(|point| vec![false; point.items.len()]).collect();
        let conditions = Conditions::new(&adapter.events);
        Self { points: &adapter.points, context, conditions, refresh, mistyped }
    }

    async fn take(&mut self, published: Published) -> Result<(), LinkError> {
        let lost = published.values.iter().filter(|value| overflowed(value.value.status())).count();
        self.context.counters.add_lost_at_source(lost as u64);
        self.context.deliver(self.samples(&published)).await?;
        let mut samples = Vec::new();
        for event in published.events {
            let heard = self.conditions.hear(event, published.skew, self.context);
            samples.extend(heard.samples);
            if heard.is_incomplete {
                self.refresh.want();
            }
        }
        self.context.deliver(samples).await?;
        Ok(())
    }

    fn samples(&mut self, published: &Published) -> Vec<Sample> {
        let now = self.context.clock.now();
        let mut samples = Vec::with_capacity(published.values.len());
        for value in &published.values {
            let index = (value.client_handle as usize).wrapping_sub(1);
            let Some(point) = self.points.get(index).filter(|point| point.watch == Watch::Value) else {
                self.context.counters.add_unusable(1);
                continue;
            };
            for (item, is_told) in point.items.iter().zip(&mut self.mistyped[index]) {
                let sample = sample(&item.signal, &item.part, &value.value, published.skew, now);
                let is_mistyped =
                    sample.quality == Quality::Bad(Reason::TypeMismatch) && !value.value.status().is_bad();
                if is_mistyped && !*is_told {
                    *is_told = true;
                    tracing::warn!(
                        signal = item.signal.path,
                        address = item.signal.address,
                        sent = kind(value.value.value.as_ref()),
                        expected = item.signal.data_type.name(),
                        "the server's value does not fit the signal's type; correct the type or the part in the tag list"
                    );
                }
                samples.push(sample);
            }
        }
        samples
    }
}

/// What a person should read about a value's type.
fn kind(value: Option<&Variant>) -> String {
    match value {
        None | Some(Variant::Empty) => "no value".into(),
        Some(Variant::Array(array)) => format!("an array of {:?}", array.value_type),
        Some(value) => value.scalar_type_id().map_or_else(|| "a structure".into(), |kind| format!("{kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(messages: &[(u32, bool)], expected: &[Option<(u32, u32)>]) {
        let mut sequence = Sequence::default();
        let found: Vec<_> = messages.iter().map(|&(number, has_data)| sequence.take(number, has_data)).collect();
        assert_eq!(found, expected, "{messages:?}");
    }

    #[test]
    fn a_message_that_did_not_arrive_is_seen_by_the_next_one() {
        check(&[(1, true), (2, true), (3, false), (3, true)], &[None, None, None, None]);
        check(&[(1, true), (3, true), (4, true)], &[None, Some((2, 1)), None]);
        check(&[(1, true), (4, false), (4, true)], &[None, Some((2, 2)), None]);
        check(&[(7, true), (7, true), (8, true)], &[None, None, None]);
        check(&[(u32::MAX, true), (1, true), (3, true)], &[None, None, Some((2, 1))]);
        check(&[(50, true), (1, true), (2, true)], &[None, None, None]);
    }
}
