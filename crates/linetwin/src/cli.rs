//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{browse, daemon, demo, replay, setup};

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
    /// Run a recording through the twin: the same alerts as live, byte for byte.
    Replay(replay::Arguments),
    /// Start a simulated plant, a broker, the twin and its page.
    Demo(demo::Arguments),
    /// Print the JSON Schema of the configuration, or of a message that the daemon sends or takes.
    Schema(SchemaArguments),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigArguments {
    /// Folder with linetwin.toml, plant.toml and tags/*.csv.
    #[arg(long, value_name = "DIR")]
    pub config: PathBuf,
    /// Set a key over the files and the environment, such as http.port=8081 or link[0].host=10.0.0.7.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct CheckArguments {
    #[command(flatten)]
    config: ConfigArguments,
}

#[derive(Debug, clap::Args)]
struct SchemaArguments {
    /// config (the default), or one of the messages: alert, event, command, command-reply, status, state.
    #[arg(default_value = "config")]
    of: String,
}

/// Exit code of a configuration that cannot run.
const MISCONFIGURED: u8 = 2;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let quiet = matches!(arguments.command, Command::Demo(_));
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::try_from_env("LINETWIN_LOG").unwrap_or_else(|_| {
        // The libraries' own notices are of no use to a plant unless asked for.
        let silent = ["opcua_client", "opcua_core", "opcua_crypto", "opcua_server", "rumqttd"];
        EnvFilter::new(silent.iter().fold(default.to_owned(), |filter, library| format!("{filter},{library}=off")))
    });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            let misconfigured = error.downcast_ref::<setup::Misconfigured>().is_some();
            ExitCode::from(if misconfigured { MISCONFIGURED } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(arguments) => daemon::run(&arguments),
        Command::Check(arguments) => check(&arguments.config),
        Command::Browse(arguments) => browse::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Schema(arguments) => schema(&arguments.of),
    }
}

fn check(arguments: &ConfigArguments) -> anyhow::Result<()> {
    let setup = setup::Setup::read(&arguments.config, &arguments.set)?;
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
