//! Runs the simulated plant and serves it until Ctrl-C.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Parser;
use jiff::SignedDuration;
use plant_sim::serve::{BrokerAddress, ServeOptions, Serving};
use plant_sim::{FaultPlan, SimConfig, SimPlant, tag_list};
use telemetry::Timestamp;
use tokio_util::sync::CancellationToken;

/// A simulated manufacturing line with physics, faults and a ground truth, served over Modbus TCP, OPC UA and MQTT.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; 0.0.0.0 serves other machines too.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// TCP port of the welding cell's PLC (Modbus); 0 chooses a free one.
    #[arg(long, value_name = "PORT", default_value_t = 5020)]
    modbus_port: u16,
    /// TCP port of the battery-pack line's OPC UA server; 0 chooses a free one.
    #[arg(long, value_name = "PORT", default_value_t = 4840)]
    opcua_port: u16,
    /// MQTT broker that the cooling plant and the robots publish to; without it they do not.
    #[arg(long, value_name = "HOST:PORT")]
    mqtt: Option<BrokerAddress>,
    /// Seed of all randomness; the same seed and faults give the same plant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fault to plan, `fault[:station]@onset[+duration]`, such as electrode-wear@2m; may be given several times.
    #[arg(long = "fault", value_name = "NAME@TIME")]
    faults: Vec<FaultPlan>,
    /// How many times as fast as life the plant runs; above 0, at most 1000.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// How long to run in the plant's time, such as 90s or 8h; without it, until Ctrl-C.
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<SignedDuration>,
    /// File to write the ground truth to, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Write the tag lists of the plant into this folder, and exit.
    #[arg(long, value_name = "DIR")]
    write_tags: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        // The OPC UA library complains at each connection that there is no certificate, which is on purpose.
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,opcua_core=off,opcua_crypto=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();

    if let Some(folder) = &arguments.write_tags {
        return write_tags(folder);
    }
    let plant = SimPlant::new(SimConfig { seed: arguments.seed, start: now()?, faults: arguments.faults })?;
    let options = ServeOptions {
        modbus: Some(SocketAddr::new(arguments.host, arguments.modbus_port)),
        opcua: Some(SocketAddr::new(arguments.host, arguments.opcua_port)),
        mqtt: arguments.mqtt.clone(),
        speed: arguments.speed,
        duration_s: arguments.duration.map(|duration| duration.as_secs_f64()),
        truth: arguments.truth,
    };
    let serving = Serving::start(plant, options).await?;
    print_addresses(&serving, arguments.mqtt.as_ref());

    let stop = CancellationToken::new();
    let running = serving.run(stop.clone());
    tokio::pin!(running);
    let summary = tokio::select! {
        summary = &mut running => summary?,
        interrupted = tokio::signal::ctrl_c() => {
            stop.cancel();
            interrupted.context("cannot wait for Ctrl-C")?;
            running.await?
        }
    };
    println!(
        "{} steps, {} late (at worst by {:.3} s); MQTT: {} published, {} acknowledged, {} dropped, {} failures",
        summary.steps,
        summary.late_steps,
        summary.worst_lateness_s,
        summary.mqtt.published,
        summary.mqtt.acknowledged,
        summary.mqtt.dropped,
        summary.mqtt.failures,
    );
    Ok(())
}

fn write_tags(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, text) in tag_list() {
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

fn print_addresses(serving: &Serving, broker: Option<&BrokerAddress>) {
    if let Some(address) = serving.modbus_address() {
        println!("weld-plc        Modbus TCP  {address}, unit 1");
    }
    if let Some(address) = serving.opcua_address() {
        println!("pack-opcua      OPC UA      opc.tcp://{address}");
    }
    match broker {
        Some(broker) => println!("utilities-mqtt  MQTT        broker {broker}, topics ev1/+"),
        None => println!("utilities-mqtt  MQTT        not published; give a broker with --mqtt HOST:PORT"),
    }
}

fn now() -> anyhow::Result<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock shows a time before 1970")?;
    let millis = i64::try_from(since_epoch.as_millis()).context("the clock shows a time too far away")?;
    Ok(Timestamp::from_millis(millis))
}
