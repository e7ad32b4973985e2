//! The command line.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    access, backtest, browse, bulk, daemon, demo, detect, doctor, export, import, journal, notifying, parts, probe,
    replay, report, setup, shifts, simulate, top, trust, user, verify,
};

/// The digital twin of a manufacturing line: telemetry in, few and explained warnings out.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon on real devices.
    Run(daemon::Arguments),
    /// Check a configuration with nothing connected. Exit code 0: it can run; 2: every problem is printed.
    Check(CheckArguments),
    /// List what a device or broker offers, as a tag list in CSV.
    Browse(browse::Arguments),
    /// Print every reading of the same words of a device, for whoever has a doubtful manual.
    Probe(probe::Arguments),
    /// Say in words why a tag is silent, and what to do. Exit code 0: nothing is wrong; 1: something is.
    Doctor(doctor::Arguments),
    /// Run a recording through the twin: the same alerts as live, byte for byte.
    Replay(replay::Arguments),
    /// Read every byte of a recording: is it whole? Exit code 0: it is; 1: each problem is printed.
    Verify(verify::Arguments),
    /// Write a recording, or a part of one, as Parquet, CSV, InfluxDB line protocol or MCAP.
    Export(export::Arguments),
    /// Turn a historian's export in CSV or Parquet into a recording.
    Import(import::Arguments),
    /// Run the detectors over a historian's export in CSV or Parquet: what changed, when, in which columns.
    Detect(detect::Arguments),
    /// Judge a configuration on recordings, or on the simulated plant: how each fault is found, how often there is a false
    /// alarm. Exit code 0: good; 1: a threshold is missed; 2: wrong use or configuration.
    Backtest(backtest::Arguments),
    /// Print who did what about which incident, and when.
    Journal(journal::Arguments),
    /// Tell the running daemon, over its broker, what was done at a station.
    Report(report::Arguments),
    /// Tell all that is known of a part that left the line, as JSON, CSV or a page to print.
    Part(parts::one::Arguments),
    /// List parts that left the line, such as all from one lot, or what those out of limits have in common.
    Parts(parts::list::Arguments),
    /// Print what the shifts of a recording came to: OEE and the like, losses, bottleneck, changeovers.
    Shifts(shifts::Arguments),
    /// Show the supervisor's page of a running daemon in this terminal.
    Top(top::Arguments),
    /// Start a simulated plant, a broker, the twin and its page.
    Demo(demo::Arguments),
    /// Simulate shifts of the line: output, bottleneck, what if something were changed, the curve of a launch.
    Simulate(simulate::Arguments),
    /// All signals out as one table in CSV, and in again: changes are shown and checked before anything is written.
    Tags(bulk::Arguments),
    /// The same for all process limits.
    Limits(bulk::Arguments),
    /// Say who may log in to the page and the API.
    User(user::Arguments),
    /// Say which OPC UA servers to believe.
    Trust(trust::Arguments),
    /// Print the JSON Schema of the configuration, or of a message that the daemon sends or takes.
    Schema(SchemaArguments),
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    #[command(flatten)]
    config: setup::ConfigArguments,
}

#[derive(Debug, clap::Args)]
struct SchemaArguments {
    /// config (the default), or one of the messages, such as alert-v1; a name that is none lists them.
    #[arg(default_value = "config")]
    of: String,
}

/// Exit code of a configuration that cannot run.
const MISCONFIGURED: u8 = 2;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let default = match arguments.command {
        Command::Demo(_) => "warn",
        // It would be written into the picture.
        Command::Top(_) => "off",
        _ => "info",
    };
    if let Err(error) = start_log(default) {
        eprintln!("{error:#}");
        return ExitCode::from(MISCONFIGURED);
    }
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            let misconfigured = error.downcast_ref::<setup::Misconfigured>().is_some();
            ExitCode::from(if misconfigured { MISCONFIGURED } else { 1 })
        }
    }
}

/// Libraries whose own log is of no use to a plant: our messages carry the reasons. `LINETWIN_LOG` can name them.
const SILENT: &str = "opcua_client=off,opcua_core=off,opcua_crypto=off,opcua_server=off,opcua_types=off,rumqttd=off";

fn start_log(default: &str) -> anyhow::Result<()> {
    let wanted = std::env::var("LINETWIN_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::builder().parse(format!("{SILENT},{wanted}")).with_context(|| {
        format!(
            "LINETWIN_LOG={wanted:?} is no log filter; expected a level such as debug, or target=level,target=level"
        )
    })?;
    let to_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(to_terminal).with_writer(std::io::stderr).init();
    Ok(())
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(arguments) => daemon::run(&arguments),
        Command::Check(arguments) => check(&arguments.config),
        Command::Browse(arguments) => browse::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Detect(arguments) => detect::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Journal(arguments) => journal::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Part(arguments) => parts::one::run(&arguments),
        Command::Parts(arguments) => parts::list::run(&arguments),
        Command::Shifts(arguments) => shifts::run(&arguments),
        Command::Top(arguments) => top::run(arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Tags(arguments) => bulk::run_tags(&arguments),
        Command::Limits(arguments) => bulk::run_limits(&arguments),
        Command::User(arguments) => user::run(&arguments),
        Command::Trust(arguments) => trust::run(&arguments),
        Command::Schema(arguments) => schema(&arguments.of),
    }
}

fn check(arguments: &setup::ConfigArguments) -> anyhow::Result<()> {
    let setup = setup::Setup::read(&arguments.config, &arguments.set)?;
    notifying::broker(&setup)?;
    access::check(&setup)?;
    let plant = &setup.plant;
    println!(
        "{}: no problems. Line {}: {} stations, {} signals, {} links, {} variants.",
        arguments.config.display(),
        plant.line,
        plant.stations.len(),
        plant.signals.len(),
        plant.links.len(),
        plant.variants.len()
    );
    Ok(())
}

fn schema(of: &str) -> anyhow::Result<()> {
    let text = if of == "config" {
        serde_json::to_string_pretty(&plant::schema())?
    } else {
        let schemas = contract::schemas();
        let Some((_, schema)) = schemas.iter().find(|(name, _)| *name == of) else {
            let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
            anyhow::bail!("there is no schema {of:?}; expected config, {}", names.join(", "));
        };
        serde_json::to_string_pretty(schema)?
    };
    println!("{text}");
    Ok(())
}
