//! `linetwin browse`: what a device or broker offers, as a tag list.

use std::path::PathBuf;
use std::time::Duration;

use adapter::BrowsedTag;
use plant::{OpcuaAccess, OpcuaSecurity, OpcuaUser, Password, TagRow, WordOrder, write_tags};

/// `linetwin browse`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// opc.tcp://host:port/path, modbus://host:port?unit=1&range=0-99&table=holding, mqtt://host:port/topic/# or
    /// simulated://plant.
    url: String,
    /// How long to listen to a broker, seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Name of the link, as plant.toml has it.
    #[arg(long, default_value = "link")]
    link: String,
    #[command(flatten)]
    opcua: OpcuaArguments,
    /// Station that the signals are put to, as plant.toml has it; if left out, the one that a topic names, or "station".
    #[arg(long)]
    station: Option<String>,
}

/// How to be let in by an OPC UA server.
#[derive(Debug, clap::Args)]
struct OpcuaArguments {
    /// OPC UA: without security and as nobody in particular. Otherwise as well protected as both sides can.
    #[arg(long)]
    insecure: bool,
    /// OPC UA: user name.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// OPC UA: file whose first line is the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// OPC UA: folder of the certificates, see `linetwin trust`.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    pki: PathBuf,
}

impl OpcuaArguments {
    fn access(&self) -> OpcuaAccess {
        OpcuaAccess {
            security: if self.insecure { OpcuaSecurity::None } else { OpcuaSecurity::Auto },
            user: match self.username.clone().zip(self.password_file.clone()) {
                Some((name, file)) => OpcuaUser::Named { name, password: Password::File(file) },
                None => OpcuaUser::Anonymous,
            },
            pki: self.pki.clone(),
        }
    }
}

/// Prints a tag list.
///
/// # Errors
/// If the URL is none that can be browsed, or nobody answers there.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tags = runtime.block_on(browse(arguments))?;
    let rows: Vec<TagRow> = tags.iter().map(|tag| row(tag, arguments)).collect();
    print!("{}", write_tags(&rows));
    eprintln!(
        "{} values found. Set the column role for those that a model shall use; see docs/configuration.md.",
        rows.len()
    );
    Ok(())
}

async fn browse(arguments: &Arguments) -> anyhow::Result<Vec<BrowsedTag>> {
    let (url, seconds) = (arguments.url.as_str(), arguments.seconds);
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "opc.tcp" => Ok(opcua_adapter::browse(url, &arguments.opcua.access()).await?),
        "modbus" => Ok(modbus_adapter::browse(url).await?),
        "mqtt" => {
            anyhow::ensure!(seconds > 0.0 && seconds <= 3600.0, "--seconds {seconds}: expected above 0, at most 3600");
            Ok(mqtt_adapter::browse(url, Duration::from_secs_f64(seconds)).await?)
        }
        "simulated" => Ok(simulated_adapter::browse(url)?),
        _ => {
            anyhow::bail!("{url:?} cannot be browsed; expected opc.tcp://…, modbus://…, mqtt://… or simulated://plant")
        }
    }
}

fn row(tag: &BrowsedTag, arguments: &Arguments) -> TagRow {
    TagRow {
        signal: path(&tag.signal, arguments.station.as_deref()),
        role: String::new(),
        link: arguments.link.clone(),
        address: tag.address.clone(),
        data_type: tag.data_type.name().to_owned(),
        order: tag.order.map_or("", WordOrder::name).to_owned(),
        unit: tag.unit.clone(),
        description: tag.description.clone(),
        ..TagRow::default()
    }
}

/// The path of a signal whose device calls it `name`, or `station/name`.
fn path(name: &str, station: Option<&str>) -> String {
    match station {
        Some(station) => format!("{station}/{}", name.replace('/', ".")),
        None if name.contains('/') => name.to_owned(),
        None => format!("station/{name}"),
    }
}
