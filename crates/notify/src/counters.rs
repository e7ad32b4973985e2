use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident = $meaning:literal;)*) => {
        /// What happened between the daemon and its broker since the daemon started. Each count only grows.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(pub(crate) $name: AtomicU64,)*
            connected: AtomicBool,
        }

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
    published = "Messages that the broker has confirmed.";
    dropped = "Messages given up: no room in the outbox, never confirmed by the broker, or left over when the daemon stopped.";
    connects = "Times the connection to the broker came up.";
    failures = "Times an attempt to connect, or an established connection, failed.";
    commands = "Messages received on the command topic.";
    commands_refused = "Of these, messages that were not passed on to the twin.";
    stale_cleared = "Retained alerts found at the broker that no open incident belongs to; they are cleared.";
    subscriptions_refused = "Topics that the broker did not let the daemon subscribe to.";
}

impl Counters {
    /// Whether the connection to the broker is up.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
