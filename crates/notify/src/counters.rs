use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

macro_rules! counters {
    ($(#[$doc:meta])* $counters:ident, $snapshot:ident { $($name:ident = $meaning:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $counters {
            $(pub(crate) $name: AtomicU64,)*
            connected: AtomicBool,
        }

        /// The counts at one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $snapshot { $(#[doc = $meaning] pub $name: u64,)* }

        impl $counters {
            /// The counts now.
            pub fn snapshot(&self) -> $snapshot {
                $snapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }

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

        impl $snapshot {
            /// Every count with its name and its meaning, in a fixed order.
            pub fn named(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), $meaning, self.$name),)*]
            }
        }
    };
}

counters! {
    /// What happened between the daemon and its broker since the daemon started. Each count only grows.
    Counters, CountersSnapshot {
        published = "Messages that the broker has confirmed.";
        dropped = "Messages given up: no room in the outbox, never confirmed or refused by the broker, or left over when the daemon stopped.";
        connects = "Times the connection to the broker came up.";
        failures = "Times an attempt to connect, or an established connection, failed.";
        commands = "Messages received on the command topic.";
        commands_refused = "Of these, messages that were not passed on to the twin.";
        stale_cleared = "Retained alerts found at the broker that no open incident belongs to; they are cleared.";
        subscriptions_refused = "Topics that the broker did not let the daemon subscribe to.";
    }
}

counters! {
    /// What happened between the edge node and its broker since the daemon started. Each count only grows.
    SparkplugCounters, SparkplugCountersSnapshot {
        published = "Messages of the edge node that were handed to the network.";
        births = "Births of the edge node.";
        rebirths_asked = "Of these, births that a host had asked for.";
        connects = "Times the edge node's connection to the broker came up.";
        failures = "Times the edge node's attempt to connect, or its established connection, failed.";
    }
}
