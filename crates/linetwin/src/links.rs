//! The links of a running daemon. Each is a task of its own, which can be ended by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use adapter::{Clock, Context, Counters, Durability};
use plant::Link;
use telemetry::Event;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::setup::Device;

/// How long a link that is not wanted any more may take to say goodbye.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// What each link has counted, by its name. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LinkCounters(Arc<RwLock<BTreeMap<String, Arc<Counters>>>>);

impl LinkCounters {
    /// The counters of the links that run now.
    pub fn of_all(&self) -> BTreeMap<String, Arc<Counters>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Counters>>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The links that run.
pub(crate) struct Links {
    clock: Clock,
    stop: CancellationToken,
    running: BTreeMap<String, Running>,
    counters: LinkCounters,
}

struct Running {
    stop: CancellationToken,
    /// Its one task, cut off when this is dropped.
    task: JoinSet<()>,
}

impl Links {
    /// None yet. All of them stop when `stop` is cancelled.
    pub(crate) fn new(clock: Clock, stop: CancellationToken) -> Self {
        Self { clock, stop, running: BTreeMap::new(), counters: LinkCounters::default() }
    }

    /// What each has counted.
    pub(crate) fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    /// Starts a link that does not run, over that queue. `durable` says what of it is, if anybody records it.
    pub(crate) fn start(
        &mut self,
        link: &Link,
        device: Device,
        queue: &mpsc::Sender<Event>,
        durable: Option<Durability>,
    ) {
        let stop = self.stop.child_token();
        let mut context = Context::new(link.id, self.clock.clone(), stop.clone(), queue.clone());
        if let Some(durable) = durable {
            context = context.recorded(durable);
        }
        self.counters.change(|counters| {
            counters.insert(link.name.clone(), context.counters.clone());
        });
        let mut task = JoinSet::new();
        task.spawn(device.run(context));
        self.running.insert(link.name.clone(), Running { stop, task });
    }

    /// Ends a link: when this returns, it has handed over its last and has left its device.
    pub(crate) async fn end(&mut self, name: &str) {
        let Some(mut running) = self.running.remove(name) else { return };
        running.stop.cancel();
        if timeout(STOP_PATIENCE, running.task.join_next()).await.is_err() {
            tracing::warn!(link = name, "the link did not end within {STOP_PATIENCE:?} and is cut off");
            running.task.shutdown().await;
        }
        self.counters.change(|counters| {
            counters.remove(name);
        });
    }

    /// Waits until all have ended, which they do when the daemon stops.
    pub(crate) async fn ended(mut self) {
        self.stop.cancelled().await;
        for running in self.running.values_mut() {
            while running.task.join_next().await.is_some() {}
        }
    }
}
