use std::fmt;
use std::time::Duration;

use rumqttc::MqttOptions;

/// How long the connection may be silent before either side asks whether the other is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The largest packet sent or taken, bytes: an alert with a thousand pieces of evidence. A larger one ends the
/// connection.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

/// Which broker to tell, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifySettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Client identifier; must be unique at the broker.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password, if the broker wants one.
    pub password: Option<String>,
    /// Name of the node that the daemon runs on, unique among those that share the broker.
    pub node: String,
    /// Whether the broker is to keep alerts, reports and the status for those who subscribe later.
    pub retain: bool,
    /// How long telling what is left may take at an orderly stop.
    pub farewell: Duration,
}

impl NotifySettings {
    /// The farewell of a daemon: somebody waits for its end.
    pub const FAREWELL: Duration = Duration::from_secs(2);

    pub(crate) fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        options.set_clean_session(true);
        if let Some(username) = &self.username {
            options.set_credentials(username, self.password.as_deref().unwrap_or_default());
        }
        options
    }
}

/// Without the credentials, so that no log has them.
impl fmt::Debug for NotifySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifySettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .field("node", &self.node)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}
