use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use adapter::{Clock, Context, Counters, LinkError, bad_sample};
use opcua::client::{MonitoredItemMap, OnSubscriptionNotificationCore, Session};
use opcua::sync::RwLock;
use opcua::types::{
    ContextOwned, DataChangeFilter, DataChangeNotification, DataChangeTrigger, DeadbandType, ExtensionObject,
    MonitoredItemCreateRequest, MonitoredItemNotification, MonitoringMode, MonitoringParameters, NamespaceMap, NodeId,
    NotificationMessage, StatusChangeNotification, StatusCode, TimestampsToReturn, VariableId, Variant,
};
use plant::OpcuaSettings;
use telemetry::{Quality, Reason, Sample};
use tokio::sync::mpsc;

use crate::Item;
use crate::connection::{described, failed};
use crate::limits::operation_limit;
use crate::value::{Skew, overflowed, quality, sample};

/// The most values in one publish response.
const VALUES_PER_PUBLISH_MAX: u32 = 1000;
/// Publish responses that may wait for the twin before no more are taken from the server.
pub(crate) const WAITING_PUBLISHES_MAX: usize = 64;
/// Monitored items per request where the server states no limit.
const ITEMS_PER_REQUEST: usize = 500;
/// How often a server with nothing to publish says so.
const PUBLISH_KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long a server keeps a subscription of a client that is gone.
const SUBSCRIPTION_LIFETIME: Duration = Duration::from_secs(30);

/// One publish response, as it goes from the library's callback to the hand-over.
pub(crate) struct Published {
    values: Vec<MonitoredItemNotification>,
    /// Set if the server says that the subscription is over.
    ended: Option<StatusCode>,
    skew: Skew,
}

/// What the library calls with each publish response.
struct Callback {
    sender: mpsc::Sender<Published>,
    counters: Arc<Counters>,
    context: Arc<RwLock<ContextOwned>>,
}

impl OnSubscriptionNotificationCore for Callback {
    fn on_subscription_notification(&mut self, message: NotificationMessage, _: MonitoredItemMap<'_>) {
        let mut published = Published { values: Vec::new(), ended: None, skew: Skew::of(&self.context.read()) };
        for part in message.notification_data.into_iter().flatten() {
            published.take(part, &self.counters);
        }
        if published.values.is_empty() && published.ended.is_none() {
            return;
        }
        // There is room, because no response is taken from the server before there is; a loss would be a bug, and seen.
        if let Err(error) = self.sender.try_send(published) {
            self.counters.add_lost_at_source(error.into_inner().values.len() as u64);
        }
    }
}

impl Published {
    fn take(&mut self, part: ExtensionObject, counters: &Counters) {
        if let Some(change) = part.inner_as::<StatusChangeNotification>() {
            self.ended = Some(change.status);
        } else if let Some(change) = part.into_inner_as::<DataChangeNotification>() {
            self.values.extend(change.monitored_items.into_iter().flatten());
        } else {
            counters.add_unusable(1);
        }
    }
}

/// Subscribes to the items and says that the link is up. Nothing is published before everything is set up.
///
/// # Errors
/// What failed, or that the daemon is stopping.
pub(crate) async fn subscribe(
    session: &Session,
    settings: &OpcuaSettings,
    items: &[Item],
    sender: mpsc::Sender<Published>,
    context: &Context,
) -> Result<(), LinkError> {
    let url = &settings.url;
    let lost = |what: &str, why: &dyn Display| LinkError::Lost(failed(url, what, why));
    let namespaces =
        session.read_namespace_array().await.map_err(|error| lost("cannot read the namespace table", &error))?;
    let (known, mut refused) = resolve(items, &namespaces, context, url);

    let callback = Callback { sender, counters: Arc::clone(&context.counters), context: session.context() };
    let publishing = context.clock.duration(settings.publishing_interval_s);
    let keep_alives = intervals(PUBLISH_KEEP_ALIVE, publishing);
    let lifetime = intervals(SUBSCRIPTION_LIFETIME, publishing).max(3 * keep_alives);
    let subscription = session
        .create_subscription(publishing, lifetime, keep_alives, VALUES_PER_PUBLISH_MAX, 0, false, callback)
        .await
        .map_err(|error| lost("the server creates no subscription", &error))?;

    let limit = VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall;
    let chunk = operation_limit(session, limit, ITEMS_PER_REQUEST).await;
    for nodes in known.chunks(chunk) {
        let requests = nodes.iter().map(|known| known.request(settings, &context.clock)).collect();
        let created = session
            .create_monitored_items(subscription, TimestampsToReturn::Both, requests)
            .await
            .map_err(|error| lost("the server creates no monitored items", &error))?;
        for (known, created) in nodes.iter().zip(created) {
            refused.extend(refusal(&items[known.index], created.result.status_code, context, url));
        }
    }

    context.link_up().await?;
    context.deliver(refused).await?;
    let published = session.set_publishing_mode(&[subscription], true).await;
    match published.map_err(|error| lost("the server does not publish", &error))?.first() {
        Some(status) if status.is_bad() => Err(lost("the server does not publish", &described(*status))),
        _ => Ok(()),
    }
}

/// Hands what is published to the twin until the connection ends, and then what is left of it.
///
/// # Errors
/// If the server ends the subscription, or the daemon is stopping.
pub(crate) async fn hand_over(
    items: &[Item],
    receiver: &mut mpsc::Receiver<Published>,
    connection_ended: &tokio_util::sync::CancellationToken,
    context: &Context,
    url: &str,
) -> Result<(), LinkError> {
    let mut mistyped = vec![false; items.len()];
    loop {
        let published = tokio::select! {
            biased;
            published = receiver.recv() => published,
            () = connection_ended.cancelled() => None,
        };
        let Some(published) = published else { return Ok(()) };
        let lost = published.values.iter().filter(|value| overflowed(value.value.status())).count();
        context.counters.add_lost_at_source(lost as u64);
        context.deliver(samples(items, &published, &mut mistyped, context)).await?;
        if let Some(status) = published.ended {
            return Err(LinkError::Lost(failed(url, "the server ended the subscription", described(status))));
        }
    }
}

fn samples(items: &[Item], published: &Published, mistyped: &mut [bool], context: &Context) -> Vec<Sample> {
    let now = context.clock.now();
    let mut samples = Vec::with_capacity(published.values.len());
    for value in &published.values {
        let index = (value.client_handle as usize).wrapping_sub(1);
        let Some(item) = items.get(index) else {
            context.counters.add_unusable(1);
            continue;
        };
        let sample = sample(&item.signal, &value.value, published.skew, now);
        if sample.quality == Quality::Bad(Reason::TypeMismatch) && !value.value.status().is_bad() && !mistyped[index] {
            mistyped[index] = true;
            tracing::warn!(
                signal = item.signal.path,
                address = item.signal.address,
                sent = kind(value.value.value.as_ref()),
                expected = item.signal.data_type.name(),
                "the server's value does not fit the signal's type; correct the type in the tag list"
            );
        }
        samples.push(sample);
    }
    samples
}

/// What a person should read about a value's type.
fn kind(value: Option<&Variant>) -> String {
    match value {
        None | Some(Variant::Empty) => "no value".into(),
        Some(Variant::Array(array)) => format!("an array of {:?}", array.value_type),
        Some(value) => value.scalar_type_id().map_or_else(|| "a structure".into(), |kind| format!("{kind:?}")),
    }
}

/// An item whose namespace the server has.
struct Known {
    index: usize,
    node: NodeId,
}

impl Known {
    /// The client handle is the item's index plus one: the library replaces the handle 0.
    fn request(&self, settings: &OpcuaSettings, clock: &Clock) -> MonitoredItemCreateRequest {
        let parameters = MonitoringParameters {
            client_handle: self.index as u32 + 1,
            sampling_interval: sampling_interval_ms(settings, clock),
            filter: ExtensionObject::from_message(on_status_or_value()),
            queue_size: settings.queue_size,
            discard_oldest: true,
        };
        MonitoredItemCreateRequest::new(self.node.clone().into(), MonitoringMode::Reporting, parameters)
    }
}

/// Not every server takes the standard's default, a change of status or value, for granted.
fn on_status_or_value() -> DataChangeFilter {
    DataChangeFilter {
        trigger: DataChangeTrigger::StatusValue,
        deadband_type: DeadbandType::None as u32,
        deadband_value: 0.0,
    }
}

/// 0 asks for every change, or for the fastest sampling that the server has.
fn sampling_interval_ms(settings: &OpcuaSettings, clock: &Clock) -> f64 {
    if settings.sampling_interval_s == 0.0 {
        return 0.0;
    }
    clock.duration(settings.sampling_interval_s).as_secs_f64() * 1000.0
}

/// Gives each item its node id at this server, whose namespace indices hold for this session only.
fn resolve(items: &[Item], namespaces: &NamespaceMap, context: &Context, url: &str) -> (Vec<Known>, Vec<Sample>) {
    let (mut known, mut refused) = (Vec::with_capacity(items.len()), Vec::new());
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(node) = item.node.try_resolve(namespaces) {
            known.push(Known { index, node: node.into_owned() });
        } else {
            missing.entry(item.node.namespace_uri.as_ref()).or_default().push(&item.signal.path);
            refused.push(bad_sample(&item.signal, context.clock.now(), Reason::UnknownAddress));
        }
    }
    for (uri, signals) in missing {
        let mut there: Vec<&String> = namespaces.known_namespaces().keys().collect();
        there.sort();
        tracing::warn!(url, uri, ?signals, ?there, "the server does not have the namespace of these signals");
    }
    (known, refused)
}

/// The sample of an item that the server does not monitor.
fn refusal(item: &Item, status: StatusCode, context: &Context, url: &str) -> Option<Sample> {
    let Quality::Bad(reason) = quality(status) else { return None };
    tracing::warn!(
        url,
        signal = item.signal.path,
        address = item.signal.address,
        configured = %item.signal.origin,
        status = described(status),
        "the server does not monitor this node; the other signals go on"
    );
    Some(bad_sample(&item.signal, context.clock.now(), reason))
}

/// How many publishing intervals make up a time, at least one.
fn intervals(time: Duration, interval: Duration) -> u32 {
    time.div_duration_f64(interval).ceil().clamp(1.0, 1e6) as u32
}
