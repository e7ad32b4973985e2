//! Whether a replay tells what was told live.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use contract::{EventV1, alert_lines};

use crate::recorder::{ALERTS_FILE, for_each_step_as_lived};

/// How many differences are printed; they are all counted.
const PRINTED: u64 = 20;

/// Replays a recording as it was lived and holds each alert against the one in `alerts.jsonl`. Prints the differences, and
/// returns how many there are.
pub(super) fn compare(recording: &Path) -> anyhow::Result<u64> {
    let (mut live, mut comparison) = (None, Comparison::default());
    let changes = for_each_step_as_lived(recording, |input, outputs, twin| {
        // A recording whose begin was removed can be replayed from a checkpoint only.
        let live = match &mut live {
            Some(live) => live,
            None => {
                if input.sequence > 1 {
                    println!("replayed from the checkpoint of input {}", input.sequence - 1);
                }
                live.insert(LiveAlerts::open(&recording.join(ALERTS_FILE), input.sequence - 1)?)
            }
        };
        let replayed: Vec<String> = alert_lines(outputs, twin.plant(), input).collect();
        comparison.compare(input.sequence, &live.of(input.sequence)?, &replayed);
        Ok(())
    })?;
    if changes > 0 {
        println!("the configuration has changed {changes} times on the way, and was followed");
    }
    println!("{} alerts replayed, {} of them not as they were told live", comparison.alerts, comparison.differences);
    Ok(comparison.differences)
}

#[derive(Default)]
struct Comparison {
    alerts: u64,
    differences: u64,
}

impl Comparison {
    fn compare(&mut self, sequence: u64, live: &[String], replayed: &[String]) {
        for place in 0..live.len().max(replayed.len()) {
            self.alerts += 1;
            let (live, replayed) = (live.get(place), replayed.get(place));
            if live == replayed {
                continue;
            }
            self.differences += 1;
            if self.differences <= PRINTED {
                println!("  input {sequence}, told live: {}", live.map_or("nothing", |line| line.trim_end()));
                println!("  input {sequence}, replayed:  {}", replayed.map_or("nothing", |line| line.trim_end()));
            }
        }
    }
}

/// The lines of the live alerts, in the order of their inputs.
struct LiveAlerts {
    lines: BufReader<File>,
    next: Option<(u64, String)>,
}

impl LiveAlerts {
    /// Those of inputs after `from`.
    fn open(path: &Path, from: u64) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut alerts = Self { lines: BufReader::new(file), next: None };
        while let Some(next) = alerts.read()? {
            if next.0 > from {
                alerts.next = Some(next);
                break;
            }
        }
        Ok(alerts)
    }

    /// Those of an input.
    fn of(&mut self, sequence: u64) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Some((_, line)) = self.next.take_if(|(next, _)| *next <= sequence) {
            lines.push(line);
            self.next = self.read()?;
        }
        Ok(lines)
    }

    fn read(&mut self) -> anyhow::Result<Option<(u64, String)>> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let event: EventV1 =
            serde_json::from_str(&line).with_context(|| format!("{ALERTS_FILE}: {line:?} is no alert"))?;
        Ok(Some((event.sequence.unwrap_or(0), line)))
    }
}
