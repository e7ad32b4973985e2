//! How the client library is set up: its limits, and how it connects.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter::tcp;
use opcua::client::transport::{
    Connector, RequestRecv, SecureChannelState, StreamConnection, StreamConnector, StreamTransport,
    TransportConfiguration,
};
use opcua::client::{ClientBuilder, ClientConfig, ConnectionSource};
use opcua::core::comms::tcp_codec::TcpCodec;
use opcua::core::comms::url::hostname_port_from_url;
use opcua::core::constants::DEFAULT_OPC_UA_SERVER_PORT;
use opcua::crypto::CertificateStore;
use opcua::sync::RwLock;
use opcua::types::{DecodingOptions, EndpointDescription, Error, StatusCode};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

use crate::wire::Checked;

/// How long it may take from the first packet to an open session.
pub(crate) const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the server is asked whether it is running.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// How long it may take from the first packet to the server's first answer.
const HELLO_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a server may take to answer one request.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a server may keep a publish request without an answer; the subscription's keep-alive comes long before.
const PUBLISH_TIME_MAX: Duration = Duration::from_secs(60);
/// How long an orderly goodbye may take.
pub(crate) const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// After so long without a sign of us the server forgets a session that we could not close.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(30);
/// Life of a channel's token, milliseconds; the server may shorten it.
const CHANNEL_LIFETIME_MS: u32 = 3_600_000;
/// The most bytes of one message, and of one text or byte string in it.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The most elements of one array in a message.
const ARRAY_ELEMENTS_MAX: usize = 1_000_000;

/// What we call ourselves where no certificate says who we are.
pub(crate) const ANONYMOUS_APPLICATION: &str = "urn:linetwin";
/// The library's own pause between attempts to connect again; `adapter::keep_connected` makes the real one.
const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// Connects as the library does, but never waits for ever for the server's first answer, nor for the rest of what is no message;
/// and what is sent goes at once.
pub(crate) struct Bounded;

impl ConnectionSource for Bounded {
    type Builder = BoundedConnector;

    fn get_connector(&self, endpoint: &EndpointDescription) -> Result<BoundedConnector, Error> {
        Ok(BoundedConnector { url: endpoint.endpoint_url.as_ref().to_owned() })
    }
}

/// See [`Bounded`].
pub(crate) struct BoundedConnector {
    pub(crate) url: String,
}

type Reader = Checked<OwnedReadHalf>;

impl Connector for BoundedConnector {
    type Transport = StreamTransport<Reader, OwnedWriteHalf>;

    async fn connect(
        &self,
        channel: Arc<SecureChannelState>,
        outgoing: RequestRecv,
        config: TransportConfiguration,
    ) -> Result<Self::Transport, Error> {
        let late = || Error::new(StatusCode::BadTimeout, "the server does not answer the first message");
        let connector = StreamConnector::new(connect_tcp, self.url.clone());
        timeout(HELLO_TIME_MAX, connector.connect(channel, outgoing, config)).await.map_err(|_| late())?
    }

    fn default_endpoint(&self) -> EndpointDescription {
        EndpointDescription::from(self.url.as_str())
    }
}

async fn connect_tcp(
    url: String,
    decoding: DecodingOptions,
) -> Result<StreamConnection<Reader, OwnedWriteHalf>, Error> {
    let place = hostname_port_from_url(&url, DEFAULT_OPC_UA_SERVER_PORT);
    let place = place.map_err(|status| Error::new(status, "this is no address of a server"))?;
    let refused = |error: std::io::Error| Error::new(StatusCode::BadCommunicationError, error.to_string());
    let stream = tcp::connect(place).await.map_err(refused)?;
    let (reader, writer) = stream.into_split();
    let reader = FramedRead::new(Checked::new(reader, MESSAGE_BYTES_MAX), TcpCodec::new(decoding));
    Ok(StreamConnection::new(reader, writer, url))
}

/// The client library's settings.
pub(crate) fn config(application_uri: &str) -> ClientConfig {
    ClientBuilder::new()
        .application_name("linetwin")
        .application_uri(application_uri)
        .product_uri("urn:linetwin")
        .session_name("linetwin")
        // Each attempt is one, made when `adapter::keep_connected` says so: see `Sessions`.
        .session_retry_limit(-1)
        .session_retry_initial(RETRY_PAUSE)
        .session_retry_max(RETRY_PAUSE)
        .recreate_subscriptions(false)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .request_timeout(REQUEST_TIME_MAX)
        .publish_timeout(PUBLISH_TIME_MAX)
        .min_publish_interval(Duration::from_millis(10))
        .session_timeout(SESSION_TIMEOUT.as_millis() as u32)
        .channel_lifetime(CHANNEL_LIFETIME_MS)
        // A controller whose clock is wrong must still be reached; `Skew` undoes what this does to times.
        .ignore_clock_skew(true)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_chunk_count(MESSAGE_BYTES_MAX / 8192)
        .max_string_length(MESSAGE_BYTES_MAX)
        .max_byte_string_length(MESSAGE_BYTES_MAX)
        .max_array_length(ARRAY_ELEMENTS_MAX)
        .into_config()
}

/// A certificate store that never reads or writes a file: no path may hold a NUL. Nothing needs it without security.
pub(crate) fn no_certificates() -> Arc<RwLock<CertificateStore>> {
    Arc::new(RwLock::new(CertificateStore::new(Path::new("\0"))))
}
