use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use crate::folder::SegmentFile;

/// Makes segments durable on a thread of its own, one at a time, so that a slow disk does not hold up who writes.
#[derive(Debug)]
pub(crate) struct Syncer<F> {
    to_sync: Sender<Task<F>>,
    synced: Receiver<io::Result<()>>,
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
        Ok(Self { to_sync, synced })
    }

    /// Makes a file durable, and calls `wake` when it is known what became of it. None may be under way.
    pub(crate) fn begin(&self, file: F, wake: impl FnOnce() + Send + 'static) {
        // It fails only when the thread is gone, and whoever asks for what became of the file is told so.
        let _ = self.to_sync.send(Task { file, wake: Box::new(wake) });
    }

    /// What became of the file that is under way, if that is known.
    pub(crate) fn poll(&self) -> Option<io::Result<()>> {
        match self.synced.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(gone @ TryRecvError::Disconnected) => Some(Err(io::Error::other(gone))),
        }
    }

    /// What became of the file that is under way, as soon as it is known.
    pub(crate) fn wait(&self) -> io::Result<()> {
        self.synced.recv().unwrap_or_else(|gone| Err(io::Error::other(gone)))
    }
}
