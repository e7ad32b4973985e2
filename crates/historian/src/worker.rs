//! The historian's own thread: keeps batches and delivers them, one at a time.

use std::future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Batch;
use crate::counters::Counters;
use crate::delivery::{Suspects, Tally};
use crate::influx::Influx;
use crate::spool::Spool;

/// The first pause after a failure.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause, before jitter.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// How long what is new may take to be written when the daemon stops. What is not stays on the disk.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the thread is asked for.
#[derive(Debug)]
pub(crate) enum Message {
    /// To keep a batch.
    Batch { batch: Batch, is_live: bool },
    /// To note durably that all of the inputs up to that one has come before this message, and to say so.
    Mark { sequence: u64, done: SyncSender<()> },
}

/// A request that is under way, which gives back what it was given.
type InFlight = Pin<Box<dyn Future<Output = (u64, Suspects, Result<Tally, String>)>>>;

pub(crate) struct Worker {
    spool: Spool,
    influx: Influx,
    counters: Arc<Counters>,
    backlog_points_per_s: f64,
    in_flight: Option<InFlight>,
    /// With the request while one is under way.
    suspects: Suspects,
    /// When the next batch from before may be sent.
    backlog_due: Instant,
    /// Since the last failure: when it is tried again, and the pauses after that.
    retry: Option<(Instant, ExponentialBackoff)>,
    /// Whether points are being dropped, which is told once.
    is_dropping: bool,
    is_losing: bool,
}

impl Worker {
    pub(crate) fn new(spool: Spool, influx: Influx, backlog_points_per_s: u32, counters: Arc<Counters>) -> Self {
        let worker = Self {
            spool,
            influx,
            counters,
            backlog_points_per_s: f64::from(backlog_points_per_s),
            in_flight: None,
            suspects: Suspects::default(),
            backlog_due: Instant::now(),
            retry: None,
            is_dropping: false,
            is_losing: false,
        };
        worker.count();
        worker
    }

    /// Works until nobody can ask for anything any more.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        loop {
            let due = self.send_next();
            tokio::select! {
                message = queue.recv() => match message {
                    Some(message) => self.take(message),
                    None => break,
                },
                (number, suspects, result) = wait(&mut self.in_flight) => self.sent(number, suspects, result),
                () = until(due) => {}
            }
        }
        // Whether it is in time or not: all is on the disk.
        let _ = timeout(FAREWELL, self.send_new()).await;
    }

    /// Sends what is new, while that goes well.
    async fn send_new(&mut self) {
        while self.in_flight.is_some() || (self.retry.is_none() && self.spool.next_new().is_some()) {
            self.send_next();
            let (number, suspects, result) = wait(&mut self.in_flight).await;
            self.sent(number, suspects, result);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Batch { batch, is_live } => self.keep(&batch, is_live),
            Message::Mark { sequence, done } => match self.spool.mark(sequence) {
                // One who waits no more has said why.
                Ok(()) => _ = done.send(()),
                Err(error) => tracing::error!("the historian cannot note what it has kept: {error}"),
            },
        }
    }

    fn keep(&mut self, batch: &Batch, is_live: bool) {
        match self.spool.keep(batch, is_live) {
            Ok(dropped) => {
                self.is_losing = false;
                if dropped > 0 && !self.is_dropping {
                    tracing::error!(
                        "the oldest points that InfluxDB does not have are dropped from now on, as they take more than there \
                         is room for; see historian.size_max_mib and linetwin_historian_dropped"
                    );
                }
                self.is_dropping |= dropped > 0;
                Counters::add(&self.counters.dropped, dropped);
            }
            Err(error) => {
                Counters::add(&self.counters.lost, batch.points);
                if !self.is_losing {
                    tracing::error!("the historian cannot keep what is to be written, which is lost: {error}");
                }
                self.is_losing = true;
            }
        }
        self.count();
    }

    /// Begins to send the next batch, if none is under way and one may be sent now. Returns when else to look again.
    fn send_next(&mut self) -> Option<Instant> {
        if self.in_flight.is_some() || self.spool.is_empty() {
            return None;
        }
        let now = Instant::now();
        if let Some((at, _)) = self.retry.as_ref().filter(|(at, _)| *at > now) {
            return Some(*at);
        }
        let new = self.spool.next_new();
        if new.is_none() && self.backlog_due > now {
            return Some(self.backlog_due);
        }
        let number = new.or_else(|| self.spool.oldest())?;
        if new.is_none() {
            let seconds = self.spool.points_of(number) as f64 / self.backlog_points_per_s;
            self.backlog_due = now + Duration::from_secs_f64(seconds);
        }
        match self.spool.read(number) {
            Ok(text) => self.send(number, text),
            Err(error) => {
                self.give_up(number, &error);
                return Some(now);
            }
        }
        None
    }

    fn send(&mut self, number: u64, text: String) {
        let (influx, mut suspects) = (self.influx.clone(), std::mem::take(&mut self.suspects));
        self.in_flight = Some(Box::pin(async move {
            let result = suspects.deliver(&influx, &text).await;
            (number, suspects, result)
        }));
    }

    fn give_up(&mut self, number: u64, error: &io::Error) {
        let points = self.spool.points_of(number);
        tracing::error!(
            "{points} points that are not in InfluxDB are lost: batch {number} on the disk is damaged: {error}"
        );
        Counters::add(&self.counters.lost, points);
        self.remove(number);
    }

    fn sent(&mut self, number: u64, suspects: Suspects, result: Result<Tally, String>) {
        (self.in_flight, self.suspects) = (None, suspects);
        match result {
            Ok(Tally { written, rejected }) => {
                self.retry = None;
                if self.counters.note(None) {
                    tracing::info!("InfluxDB takes what the historian gives it");
                }
                // One that had to make room meanwhile is counted as dropped.
                if self.spool.points_of(number) > 0 {
                    Counters::add(&self.counters.written, written);
                    Counters::add(&self.counters.rejected, rejected);
                }
                self.remove(number);
                if self.spool.is_empty() && std::mem::take(&mut self.is_dropping) {
                    let dropped = self.counters.dropped.load(Ordering::Relaxed);
                    tracing::warn!("InfluxDB has all that was kept; {dropped} points so far were dropped");
                }
            }
            Err(reason) => {
                Counters::add(&self.counters.failures, 1);
                let mut pauses = self.retry.take().map_or_else(pauses, |(_, pauses)| pauses);
                self.retry = Some((Instant::now() + pauses.next().unwrap_or(PAUSE_MAX), pauses));
                if self.counters.note(Some(reason.clone())) {
                    tracing::error!("history is kept on the disk and not in InfluxDB: {reason}");
                }
            }
        }
    }

    fn remove(&mut self, number: u64) {
        if let Err(error) = self.spool.remove(number) {
            tracing::warn!(
                "batch {number} of the historian cannot be removed, and is sent again at the next start: {error}"
            );
        }
        self.count();
    }

    fn count(&self) {
        let (points, bytes) = self.spool.waiting();
        self.counters.waiting.store(points, Ordering::Relaxed);
        self.counters.bytes.store(bytes, Ordering::Relaxed);
    }
}

async fn wait(in_flight: &mut Option<InFlight>) -> (u64, Suspects, Result<Tally, String>) {
    match in_flight {
        Some(request) => request.await,
        None => future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => future::pending().await,
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(PAUSE_MIN)
        .with_max_delay(PAUSE_MAX)
        .with_jitter()
        .without_max_times()
        .build()
}
