use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{MqttOptions, TlsConfiguration, Transport, v5};
use tls_files::ClientConfig;

use crate::client::{Introduction, Memory};

/// How long the connection may be silent before either side asks whether the other is still there. One that is gone is
/// noticed within twice this time.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The largest packet sent or taken, bytes: an alert with a thousand pieces of evidence, the birth of a large node. A larger
/// one ends the connection.
const MAX_PACKET_BYTES: u32 = 1024 * 1024;
/// Messages that may be on their way at once. One is; the rest is room for the library, which takes memory for each.
const MAX_ON_THEIR_WAY: u16 = 16;
/// How long a broker keeps for us what we have not acknowledged while we are away, s: a week, over holidays. Version 3.1.1
/// leaves that to the broker.
const SESSION_EXPIRY_S: u32 = 7 * 24 * 3600;

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1.
    V3,
    /// 5.0.
    V5,
}

impl fmt::Display for MqttVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}

/// A broker and how to reach it.
#[derive(Clone)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The only version to speak. If `None`, 5 is tried at each new connection, and 3.1.1 where the broker does not take it.
    pub version: Option<MqttVersion>,
    /// User name and password, if the broker wants them.
    pub login: Option<(String, String)>,
    /// How it is encrypted, if it is.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Broker {
    pub(crate) fn options_v3(&self, introduction: &Introduction<'_>) -> MqttOptions {
        let mut options = MqttOptions::new(introduction.client_id, &self.host, self.port);
        let max_bytes = MAX_PACKET_BYTES as usize;
        options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(max_bytes, max_bytes);
        options.set_clean_session(introduction.memory == Memory::None);
        options.set_manual_acks(introduction.memory == Memory::UntilAcknowledged);
        options.set_inflight(MAX_ON_THEIR_WAY).set_transport(self.transport());
        if let Some((username, password)) = &self.login {
            options.set_credentials(username, password);
        }
        options
    }

    pub(crate) fn options_v5(&self, introduction: &Introduction<'_>) -> v5::MqttOptions {
        let mut options = v5::MqttOptions::new(introduction.client_id, &self.host, self.port);
        options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(Some(MAX_PACKET_BYTES));
        options.set_clean_start(introduction.memory == Memory::None);
        options.set_manual_acks(introduction.memory == Memory::UntilAcknowledged);
        options.set_session_expiry_interval(
            (introduction.memory == Memory::UntilAcknowledged).then_some(SESSION_EXPIRY_S),
        );
        options.set_outgoing_inflight_upper_limit(MAX_ON_THEIR_WAY).set_transport(self.transport());
        if let Some((username, password)) = &self.login {
            options.set_credentials(username, password);
        }
        options
    }

    fn transport(&self) -> Transport {
        match &self.tls {
            None => Transport::tcp(),
            Some(tls) => Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))),
        }
    }
}

/// `host:port`.
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Without the credentials, so that no log has them.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("version", &self.version)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
