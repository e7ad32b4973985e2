//! Another configuration, taken over between two inputs.

use std::path::Path;
use std::sync::Arc;

use adapter::{Clock, Durability};
use plant::Plant;
use recording::RecordingHeader;
use telemetry::{Event, IncidentId, LinkId, LinkState};
use tokio::sync::{mpsc, oneshot};
use twin::Twin;

use crate::engine::Engine;
use crate::feeds::Feeds;
use crate::history::History;
use crate::recorder::for_each_step_until;

/// What an engine is asked besides its events.
pub enum Ask {
    /// To have the operating system take what was recorded. Answered with the number of the last input.
    Flush(oneshot::Sender<u64>),
    /// To go on under another configuration.
    Change(Box<Change>),
}

/// Another configuration to go on under.
pub struct Change {
    /// What it says.
    pub plant: Arc<Plant>,
    /// What the recording says of it.
    pub header: RecordingHeader,
    /// A twin of it that has learnt, if what the engine's own remembers means something else.
    pub learnt: Option<Learnt>,
    /// For each link of the plant which of those so far it is, if it goes on untouched. All others have ended.
    pub kept: Vec<Option<LinkId>>,
    /// What the links that are started anew will send, in the ids of the plant that is gone on with.
    pub queue: mpsc::Receiver<Event>,
    /// Is told what came of it.
    pub done: oneshot::Sender<Changed>,
}

/// A twin that has gone through the recording beside the engine's, and the cycles that it has seen there.
pub struct Learnt {
    /// The twin.
    pub twin: Twin,
    /// What it has seen.
    pub history: History,
}

impl Learnt {
    /// Goes on to the input of that number, as far as the recording has it.
    ///
    /// # Errors
    /// If it cannot be read, or it `is_over` before.
    pub(crate) fn bring_up(&mut self, recording: &Path, last: u64, is_over: impl Fn() -> bool) -> anyhow::Result<()> {
        let history = &self.history;
        for_each_step_until(recording, &mut self.twin, last, |_, outputs, twin| {
            anyhow::ensure!(!is_over(), "the daemon is stopping");
            history.take(outputs, twin);
            Ok(())
        })
    }
}

/// What came of a [`Change`].
pub struct Changed {
    /// Why nothing has changed, if so; in words for a person.
    pub refused: Option<String>,
    /// For each link of the plant that is gone on with the end of what tells it what is durable, if it is to be started anew.
    pub ends: Vec<Option<Durability>>,
}

impl Engine {
    /// Goes on under another configuration, or as before if that cannot be. No event is lost: what waits is taken in first.
    pub(super) fn change(&mut self, change: Change, feeds: &mut Feeds, clock: &Clock) {
        for event in feeds.waiting() {
            self.take(event, clock.now());
        }
        let Change { plant, header, learnt, kept, queue, done } = change;
        let (refused, kept) = match self.go_on_under(plant, &header, learnt) {
            Ok(()) => {
                feeds.add(queue, header, self.twin.plant());
                (None, kept)
            }
            Err(reason) => {
                feeds.add_again(queue);
                let is_kept = |link: LinkId| kept.contains(&Some(link)).then_some(link);
                (Some(reason), self.twin.plant().links.iter().map(|link| is_kept(link.id)).collect())
            }
        };
        let ends = self.durability.rearrange(&kept);
        for (link, _) in (0..).zip(&ends).filter(|(_, end)| end.is_some()) {
            let state = LinkState::Down { reason: "it is started under a changed configuration".to_owned() };
            self.take(Event::Link { link: LinkId(link), state }, clock.now());
        }
        self.keep_checkpoint();
        // Who asked is gone only when the daemon stops.
        let _ = done.send(Changed { refused, ends });
    }

    /// All that can fail comes before anything is changed.
    fn go_on_under(
        &mut self,
        plant: Arc<Plant>,
        header: &RecordingHeader,
        learnt: Option<Learnt>,
    ) -> Result<(), String> {
        let (twin, history) = match learnt {
            Some(learnt) => {
                let Learnt { twin, history } = self.brought_up(learnt)?;
                (twin, Some(history))
            }
            None => {
                let snapshot = self.twin.snapshot().map_err(|error| error.to_string())?;
                (Twin::restore(plant.clone(), &snapshot).map_err(|error| error.to_string())?, None)
            }
        };
        let points = self.historian.as_ref().map(|historian| historian.points_of(&plant)).transpose();
        let points = points.map_err(|error| error.to_string())?;
        if let Some(recorder) = &mut self.recorder {
            recorder.go_on_under(header.clone())?;
        }
        if let (Some(historian), Some(points)) = (&mut self.historian, points) {
            historian.go_on_with(points);
        }
        if let Some(shadow) = &mut self.shadow {
            shadow.go_on_under(header.clone());
        }
        history.into_iter().for_each(|history| self.teller.set_history(history));
        let before: Vec<IncidentId> = self.twin.open_incidents().map(|incident| incident.id).collect();
        self.twin = twin;
        let is_open = |id: &IncidentId| self.twin.open_incidents().any(|incident| incident.id == *id);
        let gone: Vec<IncidentId> = before.into_iter().filter(|id| !is_open(id)).collect();
        self.teller.tell_anew(gone, &self.twin);
        Ok(())
    }

    /// The twin that has learnt, after all that the engine's own has seen. It lacks little, so this takes moments.
    fn brought_up(&mut self, mut learnt: Learnt) -> Result<Learnt, String> {
        let Some(recorder) = &mut self.recorder else { return Err("nothing is recorded to learn from".to_owned()) };
        recorder.flush();
        let brought_up = learnt.bring_up(recorder.folder(), self.sequence, || false);
        brought_up.map_err(|error| format!("{error:#}"))?;
        if learnt.twin.sequence() != self.sequence {
            return Err(format!(
                "the recording has nothing after input {}, and there were {}; see that it can be written",
                learnt.twin.sequence(),
                self.sequence
            ));
        }
        Ok(learnt)
    }
}
