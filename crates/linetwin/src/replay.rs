//! `linetwin replay`: a recording through the twin.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract::{EventV1, alert_line};
use recording::Reader;
use telemetry::Timestamp;
use twin::{Output, Twin};

use crate::console;
use crate::recorder::for_each_step;
use crate::setup::Setup;

/// `linetwin replay`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or one of its segments.
    recording: PathBuf,
    /// Configuration to replay under; the recording's own if left out. Signals are matched by name.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// How many times as fast as life, or max.
    #[arg(long, default_value = "max", value_name = "N|max")]
    speed: Speed,
    /// File for the alerts as JSON lines, as the live daemon writes them; - for standard output.
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    #[command(flatten)]
    language: console::Language,
}

/// How fast time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times as fast as life; above 0.
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(times) if times > 0.0 && times.is_finite() => Ok(Self::Times(times)),
            _ => Err(format!("{text:?} is no speed; expected a number above 0, or max")),
        }
    }
}

/// Replays a recording.
///
/// # Errors
/// If the recording or the configuration cannot be read, or the alerts cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = match &arguments.config {
        Some(folder) => Setup::read(folder, &[])?,
        None => Setup::from_header(Reader::open(&arguments.recording)?.header())?,
    };
    arguments.language.check(&setup.plant)?;
    let to_stdout = arguments.alerts.as_ref().is_some_and(|path| path.as_os_str() == "-");
    let mut alerts: Option<Box<dyn Write>> = match &arguments.alerts {
        None => None,
        Some(_) if to_stdout => Some(Box::new(io::stdout().lock())),
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Some(Box::new(BufWriter::new(file)))
        }
    };
    let mut twin = Twin::new(setup.plant.clone());
    let (mut pace, begun) = (Pace::new(arguments.speed), Instant::now());
    for_each_step(&arguments.recording, &mut twin, |input, outputs, _| {
        pace.wait_for(input.received);
        for output in outputs {
            if let (Some(alerts), Some(line)) =
                (&mut alerts, alert_line(output, &setup.plant, input.sequence, input.received))
            {
                alerts.write_all(line.as_bytes()).context("cannot write the alerts")?;
            }
            if let (Output::Incident { change, incident }, false) = (output, to_stdout) {
                let event = EventV1::new(*change, incident, &setup.plant, Some(input.sequence), input.received);
                if let Some(line) = console::line(&event, &arguments.language) {
                    println!("{line}");
                }
            }
        }
        Ok(())
    })?;
    if let Some(alerts) = &mut alerts {
        alerts.flush().context("cannot write the alerts")?;
    }
    let counts = twin.view().counts;
    eprintln!(
        "{} inputs with {} samples, {} cycles, {} incidents, in {:.1} s",
        counts.inputs,
        counts.samples,
        counts.cycles,
        counts.incidents,
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Holds a replay to its speed.
struct Pace {
    speed: Speed,
    begun: Option<(Instant, Timestamp)>,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self { speed, begun: None }
    }

    fn wait_for(&mut self, moment: Timestamp) {
        let Speed::Times(times) = self.speed else { return };
        let (begun, first) = *self.begun.get_or_insert((Instant::now(), moment));
        let due_s = moment.seconds_since(first) / times;
        let ahead_s = due_s - begun.elapsed().as_secs_f64();
        if ahead_s > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(ahead_s));
        }
    }
}
