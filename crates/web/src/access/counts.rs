use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Metric, MetricKind};

/// What is counted of those who come to the door.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) logins: AtomicU64,
    pub(crate) logins_failed: AtomicU64,
    pub(crate) logins_limited: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) forbidden: AtomicU64,
    pub(crate) cross_site: AtomicU64,
    pub(crate) posts_limited: AtomicU64,
    handshakes_failed: Arc<AtomicU64>,
}

impl Counts {
    pub(crate) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Where connections are counted that end before TLS is agreed on.
    pub(crate) fn handshakes_failed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.handshakes_failed)
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        [
            ("linetwin_web_logins", "Logins.", &self.logins),
            ("linetwin_web_logins_failed", "Logins with a wrong name or password.", &self.logins_failed),
            (
                "linetwin_web_logins_limited",
                "Logins that were not looked at because too many had failed or were under way.",
                &self.logins_limited,
            ),
            ("linetwin_web_requests_unknown", "Requests refused because nobody was logged in.", &self.unknown),
            (
                "linetwin_web_requests_forbidden",
                "Requests refused because the role did not allow them or their CSRF token was missing.",
                &self.forbidden,
            ),
            ("linetwin_web_requests_cross_site", "POSTs refused because another site had sent them.", &self.cross_site),
            ("linetwin_web_posts_limited", "POSTs refused because too many came.", &self.posts_limited),
            (
                "linetwin_web_tls_handshakes_failed",
                "Connections that ended before TLS was agreed on.",
                &self.handshakes_failed,
            ),
        ]
        .map(|(name, help, count)| metric(name, help, MetricKind::Counter, count.load(Ordering::Relaxed)))
        .into()
    }
}

/// A figure without labels.
pub(crate) fn metric(name: &'static str, help: &'static str, kind: MetricKind, value: u64) -> Metric {
    Metric { name: name.into(), help: help.into(), kind, labels: Vec::new(), value: value as f64 }
}
