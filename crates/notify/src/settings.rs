use std::time::Duration;

use mqtt_client::Broker;

/// Which broker to tell, and as whom.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// The broker.
    pub broker: Broker,
    /// Client identifier; must be unique at the broker.
    pub client_id: String,
    /// Name of the node that the daemon runs on, unique among those that share the broker.
    pub node: String,
    /// Whether the broker is to keep alerts, reports and the status for those who subscribe later.
    pub retain: bool,
    /// How old an event may be before it is told as history; `None` if it never is.
    pub history_after: Option<Duration>,
    /// How long telling what is left may take at an orderly stop.
    pub farewell: Duration,
}

impl NotifySettings {
    /// The farewell of a daemon: somebody waits for its end.
    pub const FAREWELL: Duration = Duration::from_secs(2);
    /// How old an event may be before a daemon tells it as history: nobody would run for it any more.
    pub const HISTORY_AFTER: Duration = Duration::from_secs(60);
}
