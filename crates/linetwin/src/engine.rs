//! The one loop of the daemon.

mod change;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter::Clock;
use contract::{CommandReplyV1, RecordingV1, alert_lines};
use historian::Historian;
use notify::Publication;
use telemetry::{Event, Input, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::sleep;
use twin::{Outputs, Twin};

use crate::commands::Askers;
use crate::durability::LinkDurability;
use crate::feeds::Feeds;
use crate::history::History;
use crate::parts::PartStore;
use crate::recorder::{KeeperStatus, Recorder};
use crate::shadow::Shadow;
pub use crate::teller::{Console, Sinks};
use crate::teller::{Teller, is_told};

pub use change::{Ask, Change, Changed, Learnt};

/// What the engine tells of itself while it runs.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Inputs that could not be recorded.
    pub inputs_lost: AtomicU64,
    /// What is wrong with the recording at the moment.
    pub recording_problem: Mutex<Option<String>>,
    /// What the upkeep of the recording came to.
    pub keeper: Mutex<KeeperStatus>,
}

/// What the engine was waiting for.
enum Woken {
    /// The next event; `None` if there will be no more.
    Event(Option<Event>),
    /// The disk has answered, or is to be asked.
    Disk,
    /// Somebody asks for something else.
    Asked(Ask),
}

/// Stamps every event, records it, applies it to the twin and hands on what follows.
pub struct Engine {
    twin: Twin,
    sequence: u64,
    recorder: Option<Recorder>,
    durability: LinkDurability,
    parts: Option<PartStore>,
    historian: Option<Historian>,
    shadow: Option<Shadow>,
    teller: Teller,
    askers: Askers,
    gauges: Arc<Gauges>,
    outputs: Outputs,
    /// What was last told to be wrong with the recording. At first nothing was told, not even that all is well.
    recording_told: Option<Option<String>>,
}

impl Engine {
    /// An engine whose next input follows on `sequence`.
    pub fn new(twin: Twin, sequence: u64, recorder: Option<Recorder>, sinks: Sinks, gauges: Arc<Gauges>) -> Self {
        Self {
            twin,
            sequence,
            recorder,
            durability: LinkDurability::default(),
            parts: None,
            historian: None,
            shadow: None,
            teller: Teller::new(sinks),
            askers: Askers::default(),
            gauges,
            outputs: Vec::new(),
            recording_told: None,
        }
    }

    /// The twin.
    pub fn twin(&self) -> &Twin {
        &self.twin
    }

    /// Who waits for the answers to commands.
    pub fn askers(&self) -> &Askers {
        &self.askers
    }

    /// What the engine tells of itself.
    pub fn gauges(&self) -> &Arc<Gauges> {
        &self.gauges
    }

    /// Goes on with what was seen before, as the recording was read again.
    pub fn go_on_with(&mut self, history: History) {
        self.teller.set_history(history);
    }

    /// Keeps the records of the parts that leave the line from now on.
    pub fn keep_parts(&mut self, mut parts: PartStore) {
        parts.go_live();
        self.parts = Some(parts);
    }

    /// The store of the records of parts.
    pub fn parts(&self) -> Option<&PartStore> {
        self.parts.as_ref()
    }

    /// Writes history from now on.
    pub fn keep_history(&mut self, mut historian: Historian) {
        historian.go_live(self.sequence);
        self.historian = Some(historian);
    }

    /// Who writes history, if anybody does.
    pub fn historian(&self) -> Option<&Historian> {
        self.historian.as_ref()
    }

    /// The folder that inputs are recorded in, if they are.
    pub fn recording(&self) -> Option<&Path> {
        self.recorder.as_ref().map(Recorder::folder)
    }

    /// Whether inputs are recorded.
    pub fn is_recorded(&self) -> bool {
        self.recorder.is_some()
    }

    /// Tells the links what is durable of the events that they hand over from now on.
    pub fn tell_durability(&mut self, durability: LinkDurability) {
        self.durability = durability;
    }

    /// Gives a shadow all that the twin gets from now on.
    pub fn follow(&mut self, shadow: Shadow) {
        self.shadow = Some(shadow);
    }

    /// The shadow that gets what the twin gets.
    pub fn shadow(&self) -> Option<&Shadow> {
        self.shadow.as_ref()
    }

    /// The latest cycles of each station.
    pub fn history(&self) -> &History {
        self.teller.history()
    }

    /// Where outputs go from now on.
    pub fn set_sinks(&mut self, sinks: Sinks) {
        self.teller.set_sinks(sinks);
    }

    /// Receives everything that can wake the daemon, until all senders of events are gone. Blocks; has a thread of its own.
    /// `runtime` wakes it.
    pub(crate) fn run(mut self, mut feeds: Feeds, mut asks: mpsc::Receiver<Ask>, clock: &Clock, runtime: &Handle) {
        let synced = self.recorder.as_ref().map(Recorder::synced_beside).unwrap_or_default();
        loop {
            let due_in = self.sync_due_in();
            let woken = runtime.block_on(async {
                tokio::select! {
                    biased;
                    Some(ask) = asks.recv() => Woken::Asked(ask),
                    event = feeds.next() => Woken::Event(event),
                    () = synced.notified() => Woken::Disk,
                    () = sleep(due_in.unwrap_or_default()), if due_in.is_some() => Woken::Disk,
                }
            });
            match woken {
                Woken::Event(Some(event)) => self.take(event, clock.now()),
                Woken::Event(None) => break,
                Woken::Disk => self.confirm(),
                Woken::Asked(Ask::Change(change)) => self.change(*change, &mut feeds, clock),
                Woken::Asked(Ask::Flush(flushed)) => {
                    self.recorder.iter_mut().for_each(Recorder::flush);
                    // Who asked is gone only when the daemon stops.
                    let _ = flushed.send(self.sequence);
                }
            }
        }
        self.finish();
    }

    /// Takes one event in, as received at that time.
    pub fn take(&mut self, event: Event, received: Timestamp) {
        self.sequence += 1;
        self.durability.take(&event);
        let input = Input { sequence: self.sequence, received, event };
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&input);
        }
        self.outputs.clear();
        self.twin.apply(&input, &mut self.outputs);
        self.tell(&input);
        self.answer(&input);
        self.record_parts(&input);
        self.write_history(&input);
        if self.recorder.as_ref().is_some_and(Recorder::is_checkpoint_due) {
            self.keep_checkpoint();
        }
        self.recorder.iter_mut().for_each(Recorder::keep_up);
        if let Some(shadow) = &mut self.shadow {
            shadow.offer(&input);
        }
        self.confirm();
        if self.teller.is_state_due() {
            self.tell_recording(received);
        }
        self.teller.keep_up(&self.twin);
    }

    /// Makes all durable: the daemon stops.
    pub fn finish(mut self) {
        self.teller.tell_state(&self.twin);
        if let Some(parts) = &mut self.parts {
            self.recorder.iter_mut().for_each(Recorder::sync);
            parts.sync();
        }
        if let Some(historian) = self.historian.take() {
            self.recorder.iter_mut().for_each(Recorder::sync);
            historian.finish(self.sequence);
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish(&self.twin);
        }
        self.shadow.into_iter().for_each(Shadow::finish);
    }

    /// When the disk must be asked to confirm what was recorded because somebody waits for it. While it cannot be written, it
    /// is tried again no sooner than it would be anyway.
    fn sync_due_in(&self) -> Option<Duration> {
        let recorder = self.recorder.as_ref().filter(|it| !it.is_sync_failing() && !it.is_syncing())?;
        self.durability.due_in(recorder.since_sync())
    }

    /// Tells what the disk has confirmed, and asks it again if that is due.
    fn confirm(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.end_sync();
        let durable = recorder.durable_up_to();
        if durable == self.sequence {
            self.durability.ask(durable);
        }
        self.durability.tell_durable(durable);
        let is_awaited = self.sync_due_in().is_some_and(|due| due.is_zero());
        let Some(recorder) = &mut self.recorder else { return };
        if (is_awaited || recorder.is_sync_due()) && !recorder.is_syncing() {
            self.durability.ask(self.sequence);
            recorder.begin_sync();
        }
    }

    /// Keeps the records that the input has closed, after the input itself: a record without it could not be replayed. So
    /// they are on the disk after it.
    fn record_parts(&mut self, input: &Input) {
        let Some(parts) = &mut self.parts else { return };
        if parts.wants(input, &self.outputs) {
            if let Some(recorder) = &mut self.recorder {
                recorder.flush();
            }
            parts.keep(input, &self.outputs, &self.twin);
        }
        if parts.is_sync_due() {
            self.recorder.iter_mut().for_each(Recorder::sync);
            parts.sync();
        }
    }

    /// Gives the historian what followed from the input.
    fn write_history(&mut self, input: &Input) {
        if let Some(historian) = &mut self.historian {
            historian.take(input, &self.outputs, &self.twin);
        }
    }

    /// Keeps a checkpoint of the twin. What followed from the inputs before it is not made again after a restart: so the
    /// records of parts and the history are on the disk before it, and the inputs before these.
    fn keep_checkpoint(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.sync();
        self.parts.iter_mut().for_each(PartStore::sync);
        self.historian.iter_mut().for_each(|historian| historian.settle(self.sequence));
        recorder.keep_checkpoint(&self.twin);
    }

    fn tell(&mut self, input: &Input) {
        if let Some(recorder) = &mut self.recorder
            && self.outputs.iter().any(is_told)
        {
            recorder.keep_alerts(&alert_lines(&self.outputs, self.twin.plant(), input).collect::<String>());
        }
        self.teller.tell(input, &self.outputs, &self.twin);
    }

    /// Answers who waits for what came of the command that the input is.
    fn answer(&mut self, input: &Input) {
        if !matches!(input.event, Event::Command(_)) {
            return;
        }
        let mut replies = self.outputs.iter().filter_map(CommandReplyV1::from_output);
        if let Some((asker, reply)) = self.askers.next().zip(replies.next()) {
            // One who waits no more has said why.
            let _ = asker.send(reply);
        }
    }

    /// Tells how the recording is, and over MQTT whenever what is wrong with it changes.
    fn tell_recording(&mut self, now: Timestamp) {
        let Some(recorder) = &self.recorder else { return };
        let (keeper, lost) = (recorder.keeper(), recorder.lost());
        let problem = recorder.problem().map(str::to_owned).or_else(|| keeper.problem.clone());
        let for_space = keeper.removed_for_space;
        self.gauges.inputs_lost.store(lost, Ordering::Relaxed);
        if let Ok(mut known) = self.gauges.keeper.lock() {
            *known = keeper;
        }
        if self.recording_told.as_ref() == Some(&problem) {
            return;
        }
        self.recording_told = Some(problem.clone());
        if let Ok(mut known) = self.gauges.recording_problem.lock() {
            known.clone_from(&problem);
        }
        self.teller.set_recording_problem(problem.clone());
        let recording = RecordingV1::new(now.into(), problem, lost, for_space);
        self.teller.publish(Publication::from_recording(&recording));
    }
}
