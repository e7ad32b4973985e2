//! `linetwin replay`: a recording through the twin.

pub(crate) mod moment;
mod outlets;
mod pace;
mod player;
mod start;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use recording::{Reader, segment_files};
use telemetry::Timestamp;

use crate::console;
use crate::inputs::{LinkChoice, first_received, last_received};
use crate::setup::Setup;
use crate::teller::{Console, Sinks};

use moment::Moment;
use outlets::Outlets;
pub use pace::Speed;
use player::{Alerts, AtEnd, Player, Range};
use start::{Source, start_at};

/// `linetwin replay`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the recording, or one of its segments.
    recording: PathBuf,
    /// Configuration to replay under; the recording's own if left out. Signals are matched by name.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Begin with what was received then; what came before is applied without a word. A moment such as
    /// 2026-11-24T08:14:00Z, a time of the line's calendar such as 08:14, or the time after the begin such as +1h30m.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// End with what was received then; named as for --from.
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    #[command(flatten)]
    links: LinkChoice,
    /// How many times as fast as life, or max; 1 with --http or --mqtt, else max, if left out.
    #[arg(long, value_name = "N|max")]
    speed: Option<Speed>,
    /// File for the alerts as JSON lines, as the live daemon writes them; - for standard output.
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    #[command(flatten)]
    outlets: Outlets,
    #[command(flatten)]
    language: console::Language,
}

impl Arguments {
    fn is_to_stdout(&self) -> bool {
        self.alerts.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    fn speed(&self) -> Speed {
        self.speed.unwrap_or(if self.outlets.is_any() { Speed::Times(1.0) } else { Speed::Max })
    }

    /// Which part of the recording is wanted.
    fn range(&self, setup: &Setup) -> anyhow::Result<Range> {
        let zone = setup.plant.plan.calendar.as_ref().map_or(TimeZone::UTC, |calendar| calendar.time_zone.clone());
        let begin = first_received(&self.recording)?.unwrap_or(Timestamp::EPOCH);
        let resolve = |moment: Option<Moment>| moment.map(|moment| moment.resolve(begin, &zone)).transpose();
        let from = resolve(self.from)?.unwrap_or(begin);
        let mut to = resolve(self.to)?.unwrap_or(Timestamp::from_nanos(i64::MAX));
        // The page shows how far it is to the end, and a begin beyond it is a mistake; else it need not be known.
        if self.outlets.is_shown() || self.from.is_some() {
            to = to.min(last_received(&self.recording)?.unwrap_or(begin));
        }
        anyhow::ensure!(from <= to, "nothing to replay: it would begin at {from} and end at {to}");
        Ok(Range { from, to })
    }
}

/// A replay has one configuration, and a recording may have been made under several.
fn tell_of_changes(recording: &Path) -> anyhow::Result<()> {
    let first = Reader::open(recording)?.header().clone();
    for file in segment_files(recording)? {
        // One that cannot be read at all is told of when it comes to it.
        let Ok(reader) = Reader::open(&file) else { continue };
        if !reader.header().is_of_same_configuration(&first) {
            tracing::warn!(
                "the configuration was changed while this was recorded, first before {}: it is replayed under the one at its \
                 begin, so that later alerts may not be those that were told; --config names another, and `linetwin verify \
                 --replay` follows the changes",
                file.display()
            );
            return Ok(());
        }
    }
    Ok(())
}

/// Replays a recording.
///
/// # Errors
/// If the recording or the configuration cannot be read, or the alerts cannot be written or told.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::of_recording(&arguments.recording, arguments.config.as_deref(), &[])?;
    if arguments.config.is_none() {
        tell_of_changes(&arguments.recording)?;
    }
    arguments.language.check(&setup.plant)?;
    arguments.links.check(&setup.plant)?;
    let range = arguments.range(&setup)?;
    let source =
        Source { recording: arguments.recording.clone(), plant: setup.plant.clone(), links: arguments.links.clone() };
    let position = start_at(&source, arguments.from.map(|_| range.from))?;
    let at_end = if arguments.outlets.is_shown() { AtEnd::Stay } else { AtEnd::Leave };
    let mut player = Player::new(source, position, range, at_end, arguments.speed());
    let (sinks, alerts) = (Sinks { console: console(arguments), ..Sinks::default() }, alerts(arguments)?);
    let begun = Instant::now();
    if arguments.outlets.is_any() {
        player = arguments.outlets.play(player, &setup, arguments.config.is_some(), sinks, alerts)?;
    } else {
        let (_nobody_asks, requests) = mpsc::sync_channel(1);
        player.tell(sinks, alerts);
        player.run(&requests)?;
    }
    let counts = player.twin().view().counts;
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

fn alerts(arguments: &Arguments) -> anyhow::Result<Option<Alerts>> {
    Ok(match &arguments.alerts {
        None => None,
        Some(_) if arguments.is_to_stdout() => Some(Box::new(io::stdout())),
        Some(path) => Some(Box::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?)),
    })
}

/// Tells alerts at the terminal, unless they are written there.
fn console(arguments: &Arguments) -> Option<Console> {
    let language = arguments.language.clone();
    let tell: Console = Box::new(move |event| {
        if let Some(line) = console::line(event, &language) {
            println!("{line}");
        }
    });
    (!arguments.is_to_stdout()).then_some(tell)
}
