//! How bytes get to a device: TCP, TLS, or a serial line.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use adapter::tcp;
use plant::{ModbusTransport, Parity, SerialLine};
use tls_files::Own;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_serial::{SerialPortBuilderExt, SerialStream};

/// What bytes go through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes a connection, or says in words for a person why there is none.
pub(crate) type Dial =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, String>> + Send>> + Send + Sync>;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Each frame says how long it is, and which request it answers.
    Tcp,
    /// A checksum at the end of each frame.
    Rtu,
}

/// Where a device is and how it is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoint(pub(crate) ModbusTransport);

impl Endpoint {
    /// What two links have in common that share a connection.
    pub(crate) fn key(&self) -> String {
        match &self.0 {
            ModbusTransport::Tcp(to) | ModbusTransport::RtuOverTcp(to) | ModbusTransport::Tls(to, _) => {
                format!("{}:{}", to.host, to.port)
            }
            ModbusTransport::Rtu(line) => line.device.clone(),
        }
    }

    pub(crate) fn framing(&self) -> Framing {
        match self.0 {
            ModbusTransport::Tcp(_) | ModbusTransport::Tls(..) => Framing::Tcp,
            ModbusTransport::RtuOverTcp(_) | ModbusTransport::Rtu(_) => Framing::Rtu,
        }
    }

    /// The least silence between two frames: 3.5 characters on a serial line, from 19200 baud on 1.75 ms.
    pub(crate) fn gap(&self) -> Duration {
        const CHARACTER_BITS: f64 = 11.0;
        const GAP_MIN_S: f64 = 0.00175;
        match &self.0 {
            ModbusTransport::Rtu(line) => {
                Duration::from_secs_f64((3.5 * CHARACTER_BITS / f64::from(line.baud)).max(GAP_MIN_S))
            }
            _ => Duration::ZERO,
        }
    }

    /// Opens it over the network or the line.
    pub(crate) fn dial(&self) -> Dial {
        let endpoint = self.clone();
        Box::new(move || {
            let endpoint = endpoint.clone();
            Box::pin(async move { endpoint.open().await })
        })
    }

    async fn open(&self) -> Result<Box<dyn Stream>, String> {
        match &self.0 {
            ModbusTransport::Tcp(to) | ModbusTransport::RtuOverTcp(to) => {
                Ok(Box::new(connect(&to.host, to.port).await?))
            }
            ModbusTransport::Tls(to, tls) => {
                let stream = connect(&to.host, to.port).await?;
                let name = tls.server_name.as_ref().unwrap_or(&to.host).clone();
                let server = ServerName::try_from(name.clone())
                    .map_err(|_| format!("{name:?} is no name that a certificate can have; set tls.server_name"))?;
                // The files are read for each connection, so that a renewed certificate is used without a restart.
                let own = tls.own.as_ref().map(|own| Own { certificate: &own.certificate, key: &own.key });
                let config = tls_files::client(Some(&tls.ca), own).map_err(|error| error.to_string())?;
                let connector = TlsConnector::from(config);
                let stream =
                    connector.connect(server, stream).await.map_err(|error| format!("TLS as {name:?}: {error}"))?;
                Ok(Box::new(stream))
            }
            ModbusTransport::Rtu(line) => Ok(Box::new(open_line(line)?)),
        }
    }
}

/// As a message names it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.0 {
            ModbusTransport::Tcp(_) => "",
            ModbusTransport::Tls(..) => " over TLS",
            ModbusTransport::RtuOverTcp(_) => " in RTU",
            ModbusTransport::Rtu(_) => " on its line",
        };
        write!(f, "{}{how}", self.key())
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    tcp::connect((host, port)).await.map_err(|error| error.to_string())
}

fn open_line(line: &SerialLine) -> Result<SerialStream, String> {
    let parity = match line.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop = if line.stop_bits == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One };
    tokio_serial::new(&line.device, line.baud)
        .parity(parity)
        .stop_bits(stop)
        .open_native_async()
        .map_err(|error| format!("{error}; expected a serial line that this user may read and write"))
}
