//! Another configuration while the daemon runs: it is read and checked as a whole, and what differs is taken over.
//!
//! Nothing changes if anything is wrong with it. A link whose settings and tags are the same goes on untouched; the others are
//! ended and started anew. If what the twin remembers means the same, it goes on with that; else a twin of the new
//! configuration goes through the recording beside it, as it would at a restart, and takes over between two inputs.

mod difference;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use adapter::{Clock, queue};
use anyhow::{Context as _, bail, ensure};
use modbus_adapter::Buses;
use plant::Plant;
use telemetry::Event;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use twin::Twin;

use crate::engine::{Ask, Change, Changed, Learnt};
use crate::history::{Charts, History};
use crate::links::Links;
use crate::recorder::checkpoint;
use crate::setup::{ConfigArguments, Setup, devices_of};

use difference::{kept_links, must_restart, waits_for_restart};

/// A twin that lacks no more inputs than that is brought up to the present by the engine itself.
const NEAR: u64 = 2_000;

/// What became of changes of the configuration.
#[derive(Debug, Default)]
pub struct Reloads {
    taken_over: AtomicU64,
    refused: AtomicU64,
    problem: Mutex<Option<String>>,
}

impl Reloads {
    /// Each count with its name and what it means.
    pub fn named(&self) -> [(&'static str, &'static str, u64); 2] {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("reloads", "Changed configurations taken over while the daemon runs.", count(&self.taken_over)),
            ("reloads_refused", "Changed configurations that were not taken over.", count(&self.refused)),
        ]
    }

    /// What of the configuration on disk is not in force; in words for a person.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, count: &AtomicU64, problem: Option<String>) {
        count.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

/// Takes over changed configurations, and has the links of the daemon for that.
pub(crate) struct Reloader {
    /// Where the configuration comes from.
    pub(crate) source: ConfigArguments,
    /// The one in force.
    pub(crate) setup: Setup,
    pub(crate) links: Links,
    pub(crate) buses: Buses,
    pub(crate) engine: mpsc::Sender<Ask>,
    pub(crate) charts: Charts,
    pub(crate) clock: Clock,
    pub(crate) reloads: Arc<Reloads>,
}

impl Reloader {
    /// Takes over whenever it is asked to, until the daemon stops and its links have ended.
    pub(crate) async fn run(mut self, mut asked: mpsc::Receiver<()>, stop: CancellationToken) {
        while let Some(Some(())) = stop.run_until_cancelled(asked.recv()).await {
            if stop.run_until_cancelled(self.reload(&stop)).await.is_none() {
                break;
            }
        }
        self.links.ended().await;
    }

    async fn reload(&mut self, stop: &CancellationToken) {
        let folder = self.source.config.display().to_string();
        tracing::info!("reading the configuration in {folder} again");
        match self.take_over(stop).await {
            Ok(waiting) => {
                if let Some(waiting) = &waiting {
                    tracing::warn!("{waiting}");
                }
                self.reloads.note(&self.reloads.taken_over, waiting);
            }
            Err(error) => {
                tracing::error!("nothing has changed, the configuration in {folder} is refused: {error:#}");
                let first = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
                let problem = format!("the configuration in {folder} is refused, the one before is in force: {first}");
                self.reloads.note(&self.reloads.refused, Some(problem));
            }
        }
    }

    /// Returns what of the configuration waits for a restart.
    async fn take_over(&mut self, stop: &CancellationToken) -> anyhow::Result<Option<String>> {
        let (folder, set) = (self.source.config.clone(), self.source.set.clone());
        let setup = spawn_blocking(move || Setup::read(&folder, &set)).await??;
        if let Some(problem) = must_restart(&self.setup, &setup) {
            bail!("{problem}");
        }
        let waiting = waits_for_restart(&self.setup.daemon, &setup.daemon);
        if setup.plant == self.setup.plant {
            tracing::info!("the plant is configured as it was");
            return Ok(waiting);
        }
        let fresh = Twin::new(setup.plant.clone());
        let learnt = match fresh.is_like(&Twin::new(self.setup.plant.clone())) {
            true => None,
            false => Some(self.learn(&setup.plant, stop).await?),
        };
        let history = learnt.as_ref().map(|learnt| learnt.history.clone());
        self.change(setup, learnt).await?;
        if let Some(history) = history {
            self.charts.go_on(&history, &fresh);
        }
        Ok(waiting)
    }

    /// A twin of that plant that has gone through almost all of the recording, beside the engine.
    async fn learn(&self, plant: &Arc<Plant>, stop: &CancellationToken) -> anyhow::Result<Learnt> {
        tracing::info!("what the twin has learnt means something else: another goes through the recording beside it");
        let folder = self.setup.daemon.recording.folder.clone();
        let start = plant.clone();
        let from = folder.clone();
        let twin = spawn_blocking(move || checkpoint(&from, &start, |_| true).unwrap_or_else(|| Twin::new(start)));
        let mut learnt = Learnt { twin: twin.await?, history: History::default() };
        let mut last = self.flush().await?;
        loop {
            let (folder, stop) = (folder.clone(), stop.clone());
            learnt = spawn_blocking(move || {
                learnt.bring_up(&folder, last, || stop.is_cancelled())?;
                anyhow::Ok(learnt)
            })
            .await??;
            let now = self.flush().await?;
            if now.saturating_sub(last) <= NEAR {
                return Ok(learnt);
            }
            last = now;
        }
    }

    /// Has what was recorded so far where it can be read. Returns the number of the last input.
    async fn flush(&self) -> anyhow::Result<u64> {
        let (flushed, answer) = oneshot::channel();
        self.ask(Ask::Flush(flushed)).await?;
        answer.await.context("the engine has ended")
    }

    async fn ask(&self, ask: Ask) -> anyhow::Result<()> {
        self.engine.send(ask).await.map_err(|_| anyhow::anyhow!("the engine has ended"))
    }

    /// Ends the links that are touched, has the engine go on under the new configuration, and starts them anew.
    async fn change(&mut self, setup: Setup, learnt: Option<Learnt>) -> anyhow::Result<()> {
        let kept = kept_links(&self.setup.plant, &setup.plant);
        let touched = self.setup.plant.links.iter().filter(|link| !kept.contains(&Some(link.id)));
        for link in touched.clone() {
            self.links.end(&link.name).await;
        }
        let names = |links: Vec<&str>| if links.is_empty() { "none".to_owned() } else { links.join(", ") };
        let ended = names(touched.map(|link| link.name.as_str()).collect());
        let (events, queue) = queue(setup.daemon.queue.capacity);
        let (done, answer) = oneshot::channel();
        let header = setup.header(self.clock.now());
        let change = Change { plant: setup.plant.clone(), header, learnt, kept, queue, done };
        self.ask(Ask::Change(Box::new(change))).await?;
        let changed = answer.await.context("the engine has ended")?;
        if changed.refused.is_none() {
            self.setup = setup;
        }
        let started = names(self.start(&changed, &events)?);
        ensure!(changed.refused.is_none(), "{}", changed.refused.unwrap_or_default());
        tracing::info!("the new configuration is in force; links ended: {ended}; links started: {started}");
        Ok(())
    }

    /// Starts the links that are to be started anew under the configuration in force. Returns their names.
    fn start(&mut self, changed: &Changed, events: &mpsc::Sender<Event>) -> anyhow::Result<Vec<&str>> {
        let plant = &self.setup.plant;
        let end_of = |link: &plant::Link| changed.ends.get(link.id.index()).cloned().flatten();
        let devices = devices_of(plant, &mut self.buses, |link| end_of(link).is_some())?;
        let mut started = Vec::new();
        for (id, device) in devices {
            let link = plant.link(id);
            self.links.start(link, device, events, end_of(link));
            started.push(link.name.as_str());
        }
        Ok(started)
    }
}
