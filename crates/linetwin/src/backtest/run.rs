//! One recording through a twin under one configuration.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use plant::Plant;
use telemetry::Timestamp;
use twin::{Output, Twin};

use crate::backtest::judge::{Alerts, Label, Told};
use crate::recorder::for_each_step;

/// Silence of the log that is longer is no time that the twin saw: the daemon was stopped, or an export has a gap.
const PAUSE_S: f64 = 3600.0;

/// What came of it.
pub(super) struct Run {
    /// What the twin told.
    pub(super) alerts: Alerts,
    /// When the first input was received.
    pub(super) from: Timestamp,
    /// When the last input was received.
    pub(super) until: Timestamp,
    /// From when on the twin is judged: it has had its time to learn.
    pub(super) judged_from: Timestamp,
    /// How long the twin saw the plant from then on, s.
    pub(super) judged_s: f64,
}

impl Run {
    /// Whether a fault began when the twin had had its time to learn: else it may have learnt it as normal.
    pub(super) fn judges(&self, label: &Label) -> bool {
        label.began >= self.judged_from
    }
}

/// Replays a recording from its begin.
///
/// # Errors
/// If it cannot be read, or is empty.
pub(super) fn replay(recording: &Path, plant: &Arc<Plant>, learning_s: f64) -> anyhow::Result<Run> {
    let (mut twin, mut told, mut seen) = (Twin::new(plant.clone()), Vec::new(), None::<Seen>);
    for_each_step(recording, &mut twin, |input, outputs, _| {
        let at = input.received;
        seen.get_or_insert_with(|| Seen::begin(at, learning_s)).until(at);
        told.extend(outputs.iter().filter_map(|output| match output {
            Output::Incident { change, incident } => {
                Some(Told { at, change: *change, incident: incident.as_ref().clone() })
            }
            _ => None,
        }));
        Ok(())
    })?;
    let Seen { from, until, judged_from, judged_s } =
        seen.context("the recording has no inputs; expected one that the daemon or an import has written")?;
    Ok(Run { alerts: Alerts { plant: plant.clone(), told }, from, until, judged_from, judged_s })
}

/// The time that a twin saw.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    from: Timestamp,
    until: Timestamp,
    judged_from: Timestamp,
    judged_s: f64,
}

impl Seen {
    fn begin(from: Timestamp, learning_s: f64) -> Self {
        Self { from, until: from, judged_from: from.plus_seconds(learning_s), judged_s: 0.0 }
    }

    fn until(&mut self, at: Timestamp) {
        let step_s = at.seconds_since(self.until.max(self.judged_from));
        if step_s > 0.0 && at.seconds_since(self.until) <= PAUSE_S {
            self.judged_s += step_s;
        }
        self.until = self.until.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_what_was_seen_after_learning_without_pauses() {
        let at = |seconds: f64| Timestamp::EPOCH.plus_seconds(seconds);
        let mut seen = Seen::begin(at(0.0), 100.0);
        // A step over the end of learning, a clock put back, a pause, and after it.
        for seconds in [60.0, 120.0, 110.0, 130.0, 130.0 + 2.0 * PAUSE_S, 140.0 + 2.0 * PAUSE_S] {
            seen.until(at(seconds));
        }
        assert_eq!((seen.judged_s, seen.until), (40.0, at(140.0 + 2.0 * PAUSE_S)));
    }
}
