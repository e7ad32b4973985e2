//! Signals that must be heard of now and then. Time tells that one is not, not the next sample: a sensor that is dead sends
//! none.

use alarms::{Detector, Evidence, Source, Verdict};
use plant::Cause;
use serde::{Deserialize, Serialize};
use telemetry::{LinkState, Quality, Reason, SignalId, Timestamp};

use crate::twin::{Step, Twin};

/// How often the signals are looked through, seconds.
const LOOK_EVERY_S: f64 = 1.0;

/// A signal that must give a usable value at least so often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) signal: SignalId,
    /// The longest that it may be silent, seconds.
    pub(crate) stale_after_s: f64,
}

/// What is known of the watched signals, in the model's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silences {
    looked: Timestamp,
    signals: Vec<Silence>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Silence {
    /// When it was last received, or when the twin began to wait for it; `None` while its link is not up.
    heard: Option<Timestamp>,
    is_told: bool,
}

impl Silences {
    pub(crate) fn new(watched: usize) -> Self {
        Self { looked: Timestamp::EPOCH, signals: vec![Silence::default(); watched] }
    }

    /// The clock was put back to `now`: nothing was heard later.
    pub(crate) fn put_back(&mut self, now: Timestamp) {
        self.looked = now;
        self.signals.iter_mut().for_each(|silence| silence.heard = silence.heard.map(|heard| heard.min(now)));
    }
}

impl Twin {
    /// A watched signal, by its place among them, has given a usable value.
    pub(crate) fn heard_of(&mut self, place: usize, step: &mut Step<'_>) {
        let silence = &mut self.state.silences.signals[place];
        silence.heard = Some(self.state.now);
        if std::mem::take(&mut silence.is_told) {
            let source = self.source_of(self.model.watched[place].signal);
            // What its cycles say of it may stand still.
            if !self.has_failed(source) {
                self.clear(source, self.state.now, None, step);
            }
        }
    }

    /// Whether a watch of the sensor's cycles holds it to have failed.
    fn has_failed(&self, source: Source) -> bool {
        let Source::Sensor { station, signal } = source else { return false };
        let inputs = self.model.stations[station.index()].inputs.iter().map(|&(_, signal)| signal);
        let mut sensors = inputs.zip(&self.state.stations[station.index()].sensors);
        sensors.any(|(known, sensor)| known == signal && sensor.failure().is_some())
    }

    fn source_of(&self, signal: SignalId) -> Source {
        Source::Sensor { station: self.model.plant.signal(signal).station, signal }
    }

    /// Tells the signals that have been silent for too long, now and then.
    pub(crate) fn watch_silence(&mut self, step: &mut Step<'_>) {
        let now = self.state.now;
        if self.model.watched.is_empty() || now.seconds_since(self.state.silences.looked) < LOOK_EVERY_S {
            return;
        }
        self.state.silences.looked = now;
        for place in 0..self.model.watched.len() {
            let Watched { signal, stale_after_s } = self.model.watched[place];
            let link = self.model.plant.signal(signal).link;
            let is_up = self.state.links[link.index()].state == Some(LinkState::Up);
            let silence = &mut self.state.silences.signals[place];
            if !is_up {
                // The link's own incident says so, and when it is back its signals have their time anew. One that has never
                // been there is not in this recording.
                silence.heard = None;
                continue;
            }
            let heard = *silence.heard.get_or_insert(now);
            if !silence.is_told && now.seconds_since(heard) > stale_after_s {
                silence.is_told = true;
                self.mark_stale(signal);
                self.raise(self.silent(signal, heard, stale_after_s), step);
            }
        }
    }

    /// The value that was last heard is none any more, for a person who looks and for the models.
    fn mark_stale(&mut self, signal: SignalId) {
        let stale = Quality::Bad(Reason::Stale);
        if let Some(sample) = &mut self.state.signals[signal.index()] {
            sample.quality = stale;
        }
        self.observe_bad(self.model.routes[signal.index()], self.state.now);
    }

    fn silent(&self, signal: SignalId, heard: Timestamp, stale_after_s: f64) -> Verdict {
        let now = self.state.now;
        let configured = self.model.plant.signal(signal);
        let last = self.state.signals[signal.index()];
        let (source, name) = (self.source_of(signal), configured.path.clone());
        let silent_s = [now.seconds_since(heard), stale_after_s];
        let evidence = Evidence {
            unit: configured.unit.clone(),
            value: last.and_then(|sample| sample.value.as_f64()),
            ..Evidence::without_baseline(source, name, Detector::Silence, silent_s, heard)
        };
        Verdict::of_one_cause(now, Cause::SensorDropout, evidence)
    }
}
