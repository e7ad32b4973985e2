//! `cargo xtask`: every chore of the project.

mod fuzz;
mod peers;
mod step;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use step::{Failed, Step};

/// Every chore of the project.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Install the peers, then check the format, lint, build and run every test.
    Test {
        /// Arguments for cargo test, such as `-p e2e --test links`; the whole workspace if left out.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Install what the end-to-end tests talk to: mosquitto, InfluxDB, pymodbus, libmodbus, asyncua, and chromium with what drives it.
    Peers,
    /// Take the pictures of the page for the documentation anew.
    Pictures,
    /// Kill the daemon 500 times at random moments and look for every message that it was sent: eleven minutes.
    Crash,
    /// Give everything that reads from outside what it has never seen, beginning with what was worth keeping before.
    Fuzz {
        /// How long each target is tried, seconds.
        #[arg(long, default_value_t = 1200)]
        seconds: u32,
        /// Keep what comes to code that nothing kept has come to, in `fuzz/corpus`.
        #[arg(long)]
        keep: bool,
        /// Targets, as the folders in `fuzz/corpus` are called; all if none is named.
        targets: Vec<String>,
    },
    /// Judge the detectors: known answers, the false-alarm budget, public data, speed.
    Score {
        /// Arguments for the program: `--data FOLDER [SECTION ...]`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure throughput, how long an alert takes, how fast Modbus is read, what the page costs, how telemetry is kept and
    /// replayed, and how fast shifts of a line are simulated.
    Bench {
        /// Arguments for the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            error.downcast_ref().map_or(ExitCode::FAILURE, Failed::exit_code)
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<()> {
    match chore {
        Chore::Test { arguments } => test(&arguments),
        Chore::Peers => peers::install(),
        Chore::Pictures => pictures(),
        Chore::Crash => crash(),
        Chore::Fuzz { seconds, keep, targets } => {
            fuzz::run(seconds, &targets, if keep { fuzz::Keep::New } else { fuzz::Keep::Found })
        }
        Chore::Score { arguments } => score(&arguments),
        Chore::Bench { arguments } => bench(&arguments),
    }
}

/// The peers first, so that a machine without them is told before half an hour of building.
fn test(arguments: &[String]) -> anyhow::Result<()> {
    peers::install()?;
    Step::cargo("check the format", ["fmt", "--all", "--", "--check"]).run()?;
    Step::cargo("lint", ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]).run()?;
    // The end-to-end tests start the daemon's binary, which cargo test alone does not build.
    Step::cargo("build", ["build", "--workspace", "--all-targets"]).run()?;
    let selection: &[String] = if arguments.is_empty() { &["--workspace".to_owned()] } else { arguments };
    Step::cargo("test", ["test"]).args(selection).run()
}

/// The tests of the page take them on their way; those that nobody shows are thrown away.
fn pictures() -> anyhow::Result<()> {
    peers::install()?;
    Step::cargo("build", ["build", "-p", "linetwin"]).run()?;
    Step::cargo("take pictures", ["test", "-p", "e2e", "--test", "browser", "every_view"])
        .env("LINETWIN_PICTURES", "docs/pictures")
        .run()
}

/// The tests that take too long for every day.
fn crash() -> anyhow::Result<()> {
    peers::install()?;
    Step::cargo("build", ["build", "-p", "linetwin"]).run()?;
    Step::cargo("crash", ["test", "-p", "e2e", "--test", "mqtt_durable", "--", "--ignored", "--nocapture"]).run()
}

fn score(arguments: &[String]) -> anyhow::Result<()> {
    let python = peers::rivals()?.display().to_string();
    let all: Vec<String> = ["--python".to_owned(), python].into_iter().chain(arguments.iter().cloned()).collect();
    program("score", "score", &all)
}

/// The core first, then the recording and the line model beside what they are measured with.
fn bench(arguments: &[String]) -> anyhow::Result<()> {
    program("e2e", "bench", arguments)?;
    program("e2e", "viewers", &[])?;
    // It starts the daemon as it is installed.
    Step::cargo("build", ["build", "--release", "-p", "linetwin"]).run()?;
    program("e2e", "latency", &[])?;
    Step::cargo("modbus-speed", ["run", "--release", "-p", "modbus-adapter", "--example", "modbus-speed"]).run()?;
    Step::cargo("opcua-speed", ["run", "--release", "-p", "opcua-adapter", "--example", "opcua-speed"]).run()?;
    Step::cargo("mqtt-speed", ["run", "--release", "-p", "mqtt-adapter", "--example", "mqtt-speed"]).run()?;
    program("storage", "storage", &[])?;
    let python = peers::rivals()?.display().to_string();
    program("score", "line-speed", &["--python".to_owned(), python])
}

/// Builds a program for speed and runs it.
fn program(package: &str, name: &str, arguments: &[String]) -> anyhow::Result<()> {
    Step::cargo(name, ["run", "--release", "-p", package, "--bin", name, "--"]).args(arguments).run()
}
