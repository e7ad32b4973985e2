//! The upkeep of the recording, in a thread of its own: the engine never waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use recording::{Removal, Retention, Upkeep, Upkept};
use telemetry::Timestamp;

/// Where the writer is, and the time.
#[derive(Debug, Clone, Copy)]
struct Request {
    at_segment: u32,
    now: Timestamp,
}

/// What the upkeep came to, since the daemon started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeeperStatus {
    /// Segments in the folder.
    pub segments: u64,
    /// What they take, bytes.
    pub size_bytes: u64,
    /// Segments closed.
    pub closed: u64,
    /// Segments removed because of their age, or because all together took too much.
    pub expired: u64,
    /// Segments removed because the disk was too full.
    pub removed_for_space: u64,
    /// Why segments had to go, or why something could not be done, at the last time.
    pub problem: Option<String>,
}

/// The thread that does the upkeep.
pub(super) struct Keeper {
    /// Holds one request: while one is being served, another that waits covers all that come.
    requests: Option<SyncSender<Request>>,
    status: Arc<Mutex<KeeperStatus>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(folder: &Path, retention: Retention) -> std::io::Result<Self> {
        let (requests, received) = mpsc::sync_channel(1);
        let (status, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let work = Work {
            upkeep: Upkeep::new(folder, retention),
            free_min_bytes: retention.free_min_bytes,
            status: Arc::clone(&status),
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new().name("recording upkeep".to_owned()).spawn(move || work.run(&received))?;
        Ok(Self { requests: Some(requests), status, stop, thread: Some(thread) })
    }

    /// Has the upkeep done.
    pub(super) fn ask(&self, at_segment: u32, now: Timestamp) {
        if let Some(requests) = &self.requests {
            // Full: one that waits will see this segment and this time, or the next one will.
            let _ = requests.try_send(Request { at_segment, now });
        }
    }

    pub(super) fn status(&self) -> KeeperStatus {
        self.status.lock().map(|status| status.clone()).unwrap_or_default()
    }
}

/// Lets the segment in hand be finished, no other.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the upkeep of the recording has panicked; please report this");
        }
    }
}

struct Work {
    upkeep: Upkeep,
    free_min_bytes: u64,
    status: Arc<Mutex<KeeperStatus>>,
    stop: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(Request { at_segment, now }) = requests.recv() {
            match self.upkeep.pass(at_segment, now, || self.stop.load(Ordering::Relaxed)) {
                Ok(done) => self.note(&done),
                Err(error) => self.tell(|status| status.problem = Some(error.to_string())),
            }
        }
    }

    fn note(&self, done: &Upkept) {
        for (file, reason) in &done.removed {
            match reason {
                Removal::DiskFull => tracing::error!("removed {}: the disk is too full", file.display()),
                Removal::Age => tracing::info!("removed {}: older than recording.keep_days", file.display()),
                Removal::Size => tracing::info!("removed {}: more than recording.size_max_mib", file.display()),
            }
        }
        for problem in &done.problems {
            tracing::error!("{problem}");
        }
        let for_space = done.removed.iter().filter(|(_, reason)| *reason == Removal::DiskFull).count() as u64;
        let problem = match done.problems.first() {
            _ if for_space > 0 => Some(format!(
                "the disk is too full: the {for_space} oldest segments of the recording were removed to keep {} MiB free; \
                 free space there, or record into a folder on another disk",
                self.free_min_bytes / (1024 * 1024)
            )),
            Some(problem) => Some(problem.to_string()),
            None => None,
        };
        self.tell(|status| {
            status.segments = done.segments;
            status.size_bytes = done.size_bytes;
            status.closed += done.closed;
            status.expired += done.removed.len() as u64 - for_space;
            status.removed_for_space += for_space;
            status.problem = problem;
        });
    }

    fn tell(&self, change: impl FnOnce(&mut KeeperStatus)) {
        if let Ok(mut status) = self.status.lock() {
            change(&mut status);
        }
    }
}
