//! Whether the other end of a link can be reached at all, tried from here.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use plant::{LinkSettings, ModbusTransport};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a device may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// The port of an OPC UA server whose address names none, as registered for opc.tcp.
const OPCUA_PORT: u16 = 4840;

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// A TCP port.
    Port { host: String, port: u16 },
    /// A serial line.
    Serial(PathBuf),
    /// A port that the daemon listens at itself.
    Own { host: String, port: u16 },
    /// A folder that files are dropped into.
    Folder(PathBuf),
    /// Nowhere: what comes of it is simulated.
    Nowhere,
    /// An address that says neither.
    Unreadable(String),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { host, port } => write!(f, "{host}:{port}"),
            Self::Own { host, port } => write!(f, "listens at {host}:{port}"),
            Self::Serial(path) | Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Nowhere => f.write_str("simulated, not measured"),
            Self::Unreadable(address) => f.write_str(address),
        }
    }
}

impl Reach {
    /// Where that link goes.
    pub(super) fn of(settings: &LinkSettings) -> Self {
        match settings {
            LinkSettings::Modbus(modbus) => match &modbus.transport {
                ModbusTransport::Tcp(to) | ModbusTransport::Tls(to, _) | ModbusTransport::RtuOverTcp(to) => {
                    Self::Port { host: to.host.clone(), port: to.port }
                }
                ModbusTransport::Rtu(line) => Self::Serial(line.device.clone().into()),
            },
            LinkSettings::Opcua(opcua) => Self::of_url(&opcua.url),
            LinkSettings::Mqtt(mqtt) => Self::Port { host: mqtt.host.clone(), port: mqtt.port },
            LinkSettings::OpenProtocol(controller) => {
                Self::Port { host: controller.host.clone(), port: controller.port }
            }
            LinkSettings::Http(http) => Self::Own { host: http.host.clone(), port: http.port },
            LinkSettings::Csv(csv) => Self::Folder(csv.folder.clone().into()),
            LinkSettings::Simulated(_) => Self::Nowhere,
        }
    }

    fn of_url(url: &str) -> Self {
        let authority = url.strip_prefix("opc.tcp://").and_then(|rest| rest.split('/').next());
        match authority.map(|authority| adapter::host_and_port(authority, OPCUA_PORT)) {
            Some(Ok((host, port))) => Self::Port { host, port },
            _ => Self::Unreadable(url.to_owned()),
        }
    }

    /// Tries to get there: what is well, or what is not and what to do.
    pub(super) async fn attempt(&self) -> Result<String, String> {
        match self {
            Self::Port { host, port } => connect(host, *port).await,
            Self::Own { .. } => Ok("senders come to the daemon by themselves".to_owned()),
            Self::Nowhere => Ok("its sources are in the daemon itself".to_owned()),
            Self::Serial(path) => serial(path),
            Self::Folder(path) => match std::fs::read_dir(path) {
                Ok(_) => Ok("the folder can be read".to_owned()),
                Err(error) => Err(format!(
                    "the folder cannot be read: {error}; create it, and let the daemon's user read and write there"
                )),
            },
            Self::Unreadable(address) => {
                Err(format!("{address} has no host and port; expected opc.tcp://host:port/path"))
            }
        }
    }
}

async fn connect(host: &str, port: u16) -> Result<String, String> {
    let addresses = match timeout(PATIENCE, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            return Err(format!(
                "nobody knows the name {host} ({error}); check how it is spelt, or give the address itself"
            ));
        }
        Err(_) => {
            return Err(format!(
                "the name {host} was not found within {} s; is the name server reachable?",
                PATIENCE.as_secs()
            ));
        }
    };
    match timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => Ok(format!("port {port} of {host} takes connections")),
        Ok(Err(error)) => Err(refused(host, port, &error)),
        Err(_) => Err(format!(
            "nobody answers at {host} within {} s: is the device on, its cable in, the address right, and no firewall between?",
            PATIENCE.as_secs()
        )),
    }
}

fn refused(host: &str, port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "{host} is there, but nothing listens at port {port}: is the server switched on at the device, and is this its port?"
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("there is no way to {host} from here ({error}): is the device on, and this machine in its network?")
        }
        _ => format!("{host}:{port} cannot be reached: {error}"),
    }
}

fn serial(path: &std::path::Path) -> Result<String, String> {
    match std::fs::File::options().read(true).write(true).open(path) {
        Ok(_) => Ok("the serial line can be opened".to_owned()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no {}: is the adapter plugged in?", path.display()),
            io::ErrorKind::PermissionDenied => {
                format!(
                    "{} may not be opened: put the daemon's user into the group that owns it, often dialout",
                    path.display()
                )
            }
            _ => format!("{} cannot be opened: {error}", path.display()),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn check(reach: Reach, expected: Result<&str, &str>) {
        match (reach.attempt().await, expected) {
            (Ok(said), Ok(part)) | (Err(said), Err(part)) => assert!(said.contains(part), "{said}"),
            (said, _) => panic!("{reach}: {said:?}"),
        }
    }

    #[tokio::test]
    async fn who_cannot_be_reached_is_told_with_what_to_do() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let port = |host: &str| Reach::Port { host: host.to_owned(), port };
        check(port("127.0.0.1"), Ok("takes connections")).await;
        check(port("no such name"), Err("nobody knows the name")).await;
        drop(listener);
        check(port("127.0.0.1"), Err("nothing listens at port")).await;
        let folder = tempfile::tempdir().unwrap();
        check(Reach::Folder(folder.path().to_owned()), Ok("can be read")).await;
        check(Reach::Folder(folder.path().join("gone")), Err("create it")).await;
        check(Reach::Serial(folder.path().join("ttyUSB0")), Err("plugged in")).await;
    }

    #[test]
    fn a_server_without_a_port_has_the_usual_one() {
        let at = |host: &str, port: u16| Reach::Port { host: host.to_owned(), port };
        assert_eq!(Reach::of_url("opc.tcp://plc:4841/line"), at("plc", 4841));
        assert_eq!(Reach::of_url("opc.tcp://plc"), at("plc", 4840));
        assert_eq!(Reach::of_url("plc"), Reach::Unreadable("plc".to_owned()));
    }
}
