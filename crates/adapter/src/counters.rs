use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident = $meaning:literal;)*) => {
        /// What happened on a link since the daemon started. Each count only grows.
        #[derive(Debug, Default)]
        pub struct Counters { $(pub(crate) $name: AtomicU64,)* }

        /// The counts at one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct CountersSnapshot { $(#[doc = $meaning] pub $name: u64,)* }

        impl Counters {
            /// The counts now.
            pub fn snapshot(&self) -> CountersSnapshot {
                CountersSnapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl CountersSnapshot {
            /// Every count with its name and its meaning, in a fixed order.
            pub fn named(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), $meaning, self.$name),)*]
            }
        }
    };
}

counters! {
    samples = "Samples handed to the twin, whatever their quality.";
    bad_samples = "Of these, samples of bad quality.";
    waits = "Batches that had to wait because the queue to the twin was full.";
    connects = "Times the link came up.";
    failures = "Times an attempt to connect, or an established link, failed.";
    lost_at_source = "Values or messages that the source lost before we saw them, as far as the protocol tells.";
    acknowledged_unrecorded = "Messages acknowledged to the source although the recording could not be made durable in time.";
    demotions = "Times a unit that does not answer was put to being asked less often.";
    sessions_opened = "OPC UA sessions made at the server.";
    sessions_resumed = "OPC UA sessions taken up again on a new connection after theirs had broken.";
    sessions_left = "OPC UA sessions that could be neither taken up again nor closed, and were left to the server to forget.";
    unusable = "Answers or messages that were received but could not be used: late, of no configured signal, or malformed.";
}

impl Counters {
    /// Counts values or messages that the source says it lost.
    pub fn add_lost_at_source(&self, count: u64) {
        self.lost_at_source.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a message that the source may forget although it is not durable.
    pub fn add_acknowledged_unrecorded(&self) {
        self.acknowledged_unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a unit that is asked less often from now on.
    pub fn add_demotion(&self) {
        self.demotions.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session made at the server.
    pub fn add_session_opened(&self) {
        self.sessions_opened.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session that outlived its connection and is used again.
    pub fn add_session_resumed(&self) {
        self.sessions_resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a session that is left to the server to forget.
    pub fn add_session_left(&self) {
        self.sessions_left.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts answers or messages that could not be used.
    pub fn add_unusable(&self, count: u64) {
        self.unusable.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
