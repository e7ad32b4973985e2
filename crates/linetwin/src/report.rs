//! `linetwin report`: what was done at a station, told to the running daemon.

use std::time::Duration;

use contract::{AskV1, CommandV1, TimeV1};
use notify::Topics;
use telemetry::{InterventionKind, Timestamp};

use crate::notifying;
use crate::setup::{ConfigArguments, Setup};

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// `linetwin report`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Where: a station such as weld-20, or a signal such as weld-20/current for what concerns only that.
    #[arg(long)]
    place: String,
    /// What was done: retool, changeover, tool-dress, tool-change, filter-change, program-change, sensor-change,
    /// cleaning or other.
    #[arg(long, value_parser = kind)]
    kind: InterventionKind,
    /// Who reports it.
    #[arg(long)]
    by: String,
    /// When it was done, such as 2026-11-24T08:14:00Z; now, if left out.
    #[arg(long)]
    at: Option<Timestamp>,
    /// More, in words.
    #[arg(long)]
    comment: Option<String>,
}

fn kind(name: &str) -> Result<InterventionKind, String> {
    let names = || InterventionKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    let known = InterventionKind::ALL.iter().copied().find(|kind| kind.name() == name);
    known.ok_or_else(|| format!("expected one of {}", names()))
}

/// Sends the report and waits for the daemon's answer.
///
/// # Errors
/// If the broker cannot be used, nobody answers, or the daemon refuses it.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::read(&arguments.config.config, &arguments.config.set)?;
    let command = CommandV1 {
        ask: AskV1::ReportIntervention {
            place: arguments.place.clone(),
            kind: arguments.kind.into(),
            at: arguments.at.map(TimeV1),
        },
        by: arguments.by.clone(),
        comment: arguments.comment.clone(),
    };
    telemetry::Command::try_from(command.clone())?;
    let settings = notifying::settings(&setup, format!("linetwin-report-{}", std::process::id()))?;
    let topics = Topics::new(&setup.plant, &setup.daemon.node);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = runtime.block_on(notify::ask(&settings, &topics, &command, PATIENCE))?;
    anyhow::ensure!(reply.ok, "the daemon refuses it: {}", reply.error.unwrap_or_default());
    println!("{}: {} is known to the twin.", arguments.place, arguments.kind.title());
    Ok(())
}
