//! `linetwin journal`: who did what about which incident, and when.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use contract::{ChangeName, EventV1, wire_name};
use telemetry::{IncidentId, Timestamp};

use crate::recorder::ALERTS_FILE;

/// `linetwin journal`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or a file of alerts such as `linetwin replay --alerts` writes.
    recording: PathBuf,
    /// Only this incident, such as 412-0.
    #[arg(long, value_name = "ID")]
    incident: Option<IncidentId>,
    /// Only what somebody did.
    #[arg(long)]
    people: bool,
    /// Only from then on, such as 2026-11-24T08:00:00Z.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only until then.
    #[arg(long)]
    to: Option<Timestamp>,
    /// How to print it. json: the events, as told over MQTT.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// How the journal is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a spreadsheet.
    Csv,
    /// For a program.
    Json,
}

/// Prints what happened to incidents, but not each time that more spoke for one.
///
/// # Errors
/// If the alerts cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = match arguments.recording.is_dir() {
        true => arguments.recording.join(ALERTS_FILE),
        false => arguments.recording.clone(),
    };
    let alerts = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut printer = Printer::new(io::stdout().lock(), arguments.format)?;
    for (number, line) in BufReader::new(alerts).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        let event: EventV1 = serde_json::from_str(&line)
            .with_context(|| format!("{}:{}: expected an alert as linetwin writes it", path.display(), number + 1))?;
        if arguments.wants(&event) {
            printer.print(&event, &line)?;
        }
    }
    printer.finish()
}

impl Arguments {
    fn wants(&self, event: &EventV1) -> bool {
        event.change != ChangeName::Updated
            && self.incident.is_none_or(|incident| incident.to_string() == event.alert.id)
            && (!self.people || event.by.is_some())
            && self.from.is_none_or(|from| event.at.0 >= from)
            && self.to.is_none_or(|to| event.at.0 < to)
    }
}

enum Printer<W: Write> {
    Text(W),
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl<W: Write> Printer<W> {
    fn new(out: W, format: Format) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Text => Self::Text(out),
            Format::Json => Self::Json(out),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                csv.write_record([
                    "at", "incident", "change", "state", "priority", "place", "cause", "by", "comment", "told",
                    "headline",
                ])?;
                Self::Csv(Box::new(csv))
            }
        })
    }

    fn print(&mut self, event: &EventV1, line: &str) -> anyhow::Result<()> {
        let (alert, change) = (&event.alert, wire_name(event.change));
        let (by, comment) = (event.by.as_deref().unwrap_or_default(), event.comment.as_deref().unwrap_or_default());
        match self {
            Self::Json(out) => writeln!(out, "{line}")?,
            Self::Text(out) => {
                write!(out, "{}  {:10} {change:20} {:6}", event.at, alert.id, wire_name(alert.priority))?;
                write!(out, " {}", alert.headline)?;
                if event.change == ChangeName::Escalated {
                    write!(out, "; told: {}", told_to(event))?;
                }
                if !by.is_empty() {
                    write!(out, "; by {by}")?;
                }
                if !comment.is_empty() {
                    write!(out, ": {comment}")?;
                }
                writeln!(out)?;
            }
            Self::Csv(csv) => {
                let place = alert.station.as_ref().or(alert.link.as_ref()).map_or("", String::as_str);
                let (at, told) = (event.at.to_string(), told_to(event));
                let (state, priority) = (wire_name(alert.state), wire_name(alert.priority));
                let cause = wire_name(alert.cause.name);
                csv.write_record([
                    &at,
                    &alert.id,
                    &change,
                    &state,
                    &priority,
                    place,
                    &cause,
                    by,
                    comment,
                    &told,
                    &alert.headline,
                ])?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Text(mut out) | Self::Json(mut out) => out.flush()?,
            Self::Csv(mut csv) => csv.flush()?,
        }
        Ok(())
    }
}

/// Who is told by the escalation that the incident has come to.
pub(crate) fn told_to(event: &EventV1) -> String {
    let to = event.alert.escalation.iter().flat_map(|escalation| &escalation.to);
    to.map(|recipient| recipient.name.as_deref().unwrap_or(&recipient.role)).collect::<Vec<_>>().join(", ")
}
