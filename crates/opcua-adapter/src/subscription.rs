//! The monitored items of a session: made within the server's limits, those that are refused tried again.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapter::{Context, LinkError, bad_sample};
use opcua::client::Session;
use opcua::types::{
    MonitoredItemCreateRequest, MonitoredItemCreateResult, MonitoringMode, NodeId, ReadValueId, StatusCode,
    TimestampsToReturn, VariableId,
};
use plant::OpcuaSettings;
use telemetry::{Quality, Reason, Sample};
use tokio::sync::{OnceCell, mpsc};

use crate::connection::{described, failed};
use crate::limits::operation_limit;
use crate::monitoring::{Monitoring, Revisions, refuses_deadband};
use crate::points::{Point, Watch, load_types, resolve};
use crate::published::{Callback, Published};
use crate::refresh::Refresh;
use crate::value::quality;
use crate::{OpcuaAdapter, Scope};

/// The most values in one publish response.
const VALUES_PER_PUBLISH_MAX: u32 = 1000;
/// Monitored items per request where the server states no limit.
const ITEMS_PER_REQUEST: usize = 500;
/// The most subscriptions that the points are spread over, where the server lets one have only so many.
const SUBSCRIPTIONS_MAX: usize = 32;
/// How often a server with nothing to publish says so.
const PUBLISH_KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long a server keeps a subscription of a client that is gone.
const SUBSCRIPTION_LIFETIME: Duration = Duration::from_secs(30);

/// The subscriptions of one session.
pub(crate) struct Subscriber<'a> {
    session: &'a Session,
    settings: &'a OpcuaSettings,
    points: &'a [Point],
    url: &'a str,
    context: &'a Context,
    refresh: &'a Refresh,
    sender: mpsc::Sender<Published>,
    subscriptions: Vec<u32>,
    /// Items that the last subscription took.
    taken: usize,
    items_per_request: usize,
    publishes: bool,
    refused: Vec<usize>,
    revisions: Revisions,
    told: &'a AtomicBool,
}

/// A point whose node is known.
#[derive(Clone)]
struct Known {
    index: usize,
    node: NodeId,
    monitoring: Monitoring,
}

impl<'a> Subscriber<'a> {
    /// Subscribes to the points and says that the link is up. Nothing is published before everything is set up. What the server
    /// makes of what it is asked for is told unless it is `told`.
    ///
    /// # Errors
    /// What failed, or that the daemon is stopping.
    pub(crate) async fn subscribe(
        scope: Scope<'a>,
        types: &OnceCell<()>,
        refresh: &'a Refresh,
        sender: mpsc::Sender<Published>,
    ) -> Result<Self, LinkError> {
        let Scope { adapter: OpcuaAdapter { settings, points, told, .. }, session, url, context } = scope;
        let limit = VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall;
        let items_per_request = operation_limit(session, limit, ITEMS_PER_REQUEST).await;
        let mut subscriber = Self {
            session,
            settings,
            points,
            url,
            context,
            refresh,
            sender,
            subscriptions: Vec::new(),
            taken: 0,
            items_per_request,
            publishes: false,
            refused: Vec::new(),
            revisions: Revisions::default(),
            told,
        };
        subscriber.remove_old().await?;
        types.get_or_try_init(|| load_types(session, points, url)).await?;
        subscriber.add_subscription().await?;
        let all: Vec<usize> = (0..points.len()).collect();
        let refused = subscriber.monitor(&all).await?;
        context.link_up().await?;
        let samples = refused.iter().flat_map(|&(index, status)| subscriber.refusal(index, status)).collect();
        context.deliver(samples).await?;
        subscriber.refused = refused.into_iter().map(|(index, _)| index).collect();
        subscriber.publish().await?;
        Ok(subscriber)
    }

    /// Tries what was refused again and again. Ends with the link.
    ///
    /// # Errors
    /// What failed.
    pub(crate) async fn retry(mut self) -> Result<std::convert::Infallible, LinkError> {
        loop {
            if self.refused.is_empty() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(self.context.clock.duration(self.settings.retry_interval_s)).await;
            let tried = std::mem::take(&mut self.refused);
            self.refused = self.monitor(&tried).await?.into_iter().map(|(index, _)| index).collect();
            for index in tried.into_iter().filter(|index| !self.refused.contains(index)) {
                for item in &self.points[index].items {
                    let signal = &item.signal;
                    tracing::info!(
                        url = self.url,
                        signal = signal.path,
                        address = signal.address,
                        "the server has this node now"
                    );
                }
            }
        }
    }

    /// Has these points monitored; returns those that the server refuses, and why.
    async fn monitor(&mut self, wanted: &[usize]) -> Result<Vec<(usize, StatusCode)>, LinkError> {
        let (mut refused, mut waiting) = (Vec::new(), Vec::new());
        let resolved = resolve(self.session, self.points, wanted, self.url).await?;
        for (&index, node) in wanted.iter().zip(resolved) {
            match node {
                Ok(node) => {
                    let monitoring = Monitoring::of(&self.points[index], self.settings, &self.context.clock);
                    waiting.push(Known { index, node, monitoring });
                }
                Err(status) => refused.push((index, status)),
            }
        }
        while !waiting.is_empty() {
            let chunk: Vec<Known> = waiting.drain(..waiting.len().min(self.items_per_request)).collect();
            let Some(results) = self.create(&chunk).await? else {
                self.items_per_request = (self.items_per_request / 2).max(1);
                waiting.splice(..0, chunk);
                continue;
            };
            let mut too_many = Vec::new();
            for (known, result) in chunk.into_iter().zip(results) {
                match result.status_code {
                    status if refuses_deadband(status) && known.monitoring.has_deadband() => {
                        self.revisions.note_no_deadband(&self.points[known.index].items[0].signal, status);
                        waiting.push(Known { monitoring: known.monitoring.without_deadband(), ..known });
                    }
                    StatusCode::BadTooManyMonitoredItems => too_many.push(known),
                    status if status.is_bad() => refused.push((known.index, status)),
                    _ => {
                        self.revisions.note(known.monitoring, &result);
                        self.taken += 1;
                        if self.points[known.index].watch == Watch::Events {
                            self.subscriptions.last().into_iter().for_each(|&id| self.refresh.subscribed(id));
                        }
                    }
                }
            }
            if too_many.is_empty() {
                continue;
            }
            // An empty subscription that is full already says that the server or session is.
            if self.taken > 0 && self.subscriptions.len() < SUBSCRIPTIONS_MAX {
                self.add_subscription().await?;
                waiting.splice(..0, too_many);
            } else {
                refused.extend(too_many.into_iter().map(|known| (known.index, StatusCode::BadTooManyMonitoredItems)));
            }
        }
        let revisions = std::mem::take(&mut self.revisions);
        if !self.told.swap(true, Ordering::Relaxed) {
            revisions.tell(self.url);
        }
        Ok(refused)
    }

    /// What becomes of each item; none if the request was too large for the server.
    async fn create(&self, chunk: &[Known]) -> Result<Option<Vec<MonitoredItemCreateResult>>, LinkError> {
        let Some(&subscription) = self.subscriptions.last() else { return Ok(Some(Vec::new())) };
        let requests = chunk.iter().map(Known::request).collect();
        match self.session.create_monitored_items(subscription, TimestampsToReturn::Both, requests).await {
            Ok(created) if created.len() == chunk.len() => {
                Ok(Some(created.into_iter().map(|created| created.result).collect()))
            }
            Ok(created) => Err(self.lost("the server answers other items than asked", &created.len())),
            Err(error) if error.status() == StatusCode::BadTooManyOperations && chunk.len() > 1 => Ok(None),
            // Some servers refuse the whole request, and not only the items that are too many.
            Err(error) if error.status() == StatusCode::BadTooManyMonitoredItems => {
                let fits_none = self.taken > 0 || chunk.len() == 1;
                let none = MonitoredItemCreateResult {
                    status_code: StatusCode::BadTooManyMonitoredItems,
                    ..Default::default()
                };
                Ok(fits_none.then(|| vec![none; chunk.len()]))
            }
            Err(error) => Err(self.lost("the server creates no monitored items", &error)),
        }
    }

    /// Removes the subscriptions that a resumed session had on its connection before.
    async fn remove_old(&self) -> Result<(), LinkError> {
        let old = self.session.subscription_state().lock().subscription_ids().unwrap_or_default();
        if !old.is_empty() {
            let removed = self.session.delete_subscriptions(&old).await;
            removed.map_err(|error| self.lost("the server does not remove the old subscriptions", &error))?;
        }
        Ok(())
    }

    async fn add_subscription(&mut self) -> Result<(), LinkError> {
        let (callback, id) =
            Callback::new(self.sender.clone(), Arc::clone(&self.context.counters), self.session.context());
        let publishing = self.context.clock.duration(self.settings.publishing_interval_s);
        let keep_alives = intervals(PUBLISH_KEEP_ALIVE, publishing);
        let lifetime = intervals(SUBSCRIPTION_LIFETIME, publishing).max(3 * keep_alives);
        let subscription = self
            .session
            .create_subscription(publishing, lifetime, keep_alives, VALUES_PER_PUBLISH_MAX, 0, self.publishes, callback)
            .await
            .map_err(|error| self.lost("the server creates no subscription", &error))?;
        id.tell(subscription);
        self.subscriptions.push(subscription);
        self.taken = 0;
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), LinkError> {
        let what = "the server does not publish";
        let published = self.session.set_publishing_mode(&self.subscriptions, true).await;
        let published = published.map_err(|error| self.lost(what, &error))?;
        self.publishes = true;
        match published.iter().find(|status| status.is_bad()) {
            Some(status) => Err(self.lost(what, &described(*status))),
            None => Ok(()),
        }
    }

    /// The samples of a point that the server does not monitor.
    fn refusal(&self, index: usize, status: StatusCode) -> Vec<Sample> {
        let reason = match (status, quality(status)) {
            (StatusCode::BadNoMatch, _) => Reason::UnknownAddress,
            (_, Quality::Bad(reason)) => reason,
            _ => Reason::Unspecified,
        };
        let samples = self.points[index].items.iter().map(|item| {
            tracing::warn!(
                url = self.url,
                signal = item.signal.path,
                address = item.signal.address,
                configured = %item.signal.origin,
                status = described(status),
                retry_s = self.settings.retry_interval_s,
                "the server does not monitor this node; the other signals go on"
            );
            bad_sample(&item.signal, self.context.clock.now(), reason)
        });
        samples.collect()
    }

    fn lost(&self, what: &str, why: &dyn Display) -> LinkError {
        LinkError::Lost(failed(self.url, what, why))
    }
}

impl Known {
    /// The client handle is the point's index plus one: the library replaces the handle 0.
    fn request(&self) -> MonitoredItemCreateRequest {
        let parameters = self.monitoring.parameters(self.index as u32 + 1);
        let item = ReadValueId::new(self.node.clone(), self.monitoring.attribute());
        MonitoredItemCreateRequest::new(item, MonitoringMode::Reporting, parameters)
    }
}

/// How many publishing intervals make up a time, at least one.
fn intervals(time: Duration, interval: Duration) -> u32 {
    time.div_duration_f64(interval).ceil().clamp(1.0, 1e6) as u32
}
