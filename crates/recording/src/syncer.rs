use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::folder::SegmentFile;

/// Makes segments durable on a thread of its own, one at a time, so that a slow disk does not hold up who writes.
#[derive(Debug)]
pub(crate) struct Syncer<F> {
    to_sync: Sender<Task<F>>,
    synced: Receiver<io::Result<()>>,
    is_busy: bool,
}

struct Task<F> {
    file: F,
    wake: Box<dyn FnOnce() + Send>,
}

impl<F: SegmentFile + Send + 'static> Syncer<F> {
    /// Starts the thread; it ends with the syncer.
    pub(crate) fn start() -> io::Result<Self> {
        let (to_sync, tasks) = channel::<Task<F>>();
        let (sender, synced) = channel();
        thread::Builder::new().name("sync".to_owned()).spawn(move || {
            for Task { mut file, wake } in tasks {
                // It fails only when the writer is gone.
                let _ = sender.send(file.sync());
                wake();
            }
        })?;
        Ok(Self { to_sync, synced, is_busy: false })
    }

    /// Makes a file durable, and calls `wake` when it is known what became of it. None may be under way.
    pub(crate) fn begin(&mut self, file: F, wake: impl FnOnce() + Send + 'static) {
        debug_assert!(!self.is_busy, "one at a time");
        self.is_busy = self.to_sync.send(Task { file, wake: Box::new(wake) }).is_ok();
    }

    /// Whether a file is under way, or what became of it is not taken yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// What became of the file, if that is known.
    pub(crate) fn poll(&mut self) -> Option<io::Result<()>> {
        let result = self.synced.try_recv().ok()?;
        self.is_busy = false;
        Some(result)
    }

    /// What became of the file, as soon as it is known; `None` if none is under way.
    pub(crate) fn wait(&mut self) -> Option<io::Result<()>> {
        std::mem::take(&mut self.is_busy).then(|| self.synced.recv().unwrap_or_else(|gone| Err(io::Error::other(gone))))
    }
}
