//! `linetwin run --shadow`: a second twin under another configuration beside the live one, to see what a change would tell.
//!
//! It gets the inputs of the live twin by the names of their signals and links, over a bounded queue and in a thread of its
//! own. It can be left behind, and it can fail, but it never holds the live twin up. What it tells goes to a file and to
//! the metrics, and to nobody else.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

use alarms::Change;
use anyhow::Context as _;
use contract::alert_lines;
use plant::Plant;
use recording::{Reader, RecordingHeader, Remap};
use telemetry::Input;
use twin::{Output, Outputs, Twin};
use web::MetricKind;

use crate::inputs::LinkChoice;

/// The file in a recording's folder that holds the alerts of the shadow, a line each, as `alerts.jsonl` holds the live ones.
pub const SHADOW_FILE: &str = "shadow.jsonl";
/// Inputs that wait for the shadow. Enough for it to come up to the present over weeks of recording.
const QUEUE: usize = 16_384;
/// How long it may take to work off its queue when the daemon stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What the shadow tells of itself while it runs.
#[derive(Debug, Default)]
pub struct ShadowGauges {
    /// Inputs that it has applied, those of the recording too.
    pub inputs: AtomicU64,
    /// Live inputs that it did not get.
    pub dropped: AtomicU64,
    /// Incidents that it has raised.
    pub incidents: AtomicU64,
    /// Changes of incidents that could not be written.
    pub lost: AtomicU64,
    /// Whether it has ended before the daemon.
    pub ended: AtomicBool,
}

impl ShadowGauges {
    /// Each figure with its name, what it means, and whether it only grows.
    pub fn named(&self) -> [(&'static str, &'static str, MetricKind, u64); 5] {
        let now = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let is_comparable = now(&self.dropped) == 0 && !self.ended.load(Ordering::Relaxed);
        [
            ("inputs", "Inputs that the shadow has applied.", MetricKind::Counter, now(&self.inputs)),
            ("dropped", "Live inputs that the shadow did not get.", MetricKind::Counter, now(&self.dropped)),
            ("incidents", "Incidents that the shadow has raised.", MetricKind::Counter, now(&self.incidents)),
            ("lost", "Alerts of the shadow that could not be written.", MetricKind::Counter, now(&self.lost)),
            (
                "comparable",
                "1 while the shadow has seen all that the live twin has.",
                MetricKind::Gauge,
                u64::from(is_comparable),
            ),
        ]
    }
}

/// A live input, and what its ids mean.
type Fed = (Arc<RecordingHeader>, Input);

/// The live twin's end of a shadow.
pub struct Shadow {
    /// `None` once the shadow has ended.
    queue: Option<SyncSender<Fed>>,
    /// What the ids of the live inputs mean.
    live: Arc<RecordingHeader>,
    stop: Arc<AtomicBool>,
    /// Closed when the shadow has ended.
    ended: Receiver<()>,
    gauges: Arc<ShadowGauges>,
}

impl Shadow {
    /// Starts a shadow of that plant beside the recording in `folder`. It first goes through the inputs up to number `last`
    /// that are there, so that it has learnt from what the live twin has, and begins its file anew: that always is what the
    /// whole recording gives under the shadow's configuration. `live` says what the live inputs' ids mean.
    ///
    /// # Errors
    /// If its file cannot be written, or a thread cannot be started.
    pub fn start(folder: &Path, plant: Arc<Plant>, live: RecordingHeader, last: u64) -> anyhow::Result<Self> {
        warn_of_unfed(&plant, &live);
        let path = folder.join(SHADOW_FILE);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let gauges = Arc::<ShadowGauges>::default();
        let remap = LinkChoice::default().remap_to(&plant);
        let mut follower =
            Follower { twin: Twin::new(plant), remap, path, file, gauges: gauges.clone(), outputs: Vec::new() };
        let (folder, live) = (folder.to_owned(), Arc::new(live));
        Self::spawn(QUEUE, live, gauges, move |queue, stop| {
            if follower.catch_up(&folder, last, stop)? {
                queue.iter().for_each(|(live, input)| follower.apply(&live, input));
            } else {
                tracing::warn!("the shadow twin was stopped before it had gone through the recording");
            }
            Ok(())
        })
    }

    /// Starts `work` on a queue. Its failure and its panic end the shadow and nothing else.
    fn spawn(
        capacity: usize,
        live: Arc<RecordingHeader>,
        gauges: Arc<ShadowGauges>,
        work: impl FnOnce(Receiver<Fed>, &AtomicBool) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (queue, inputs) = sync_channel(capacity);
        let (until_ended, ended) = channel();
        let stop = Arc::<AtomicBool>::default();
        let (own_gauges, own_stop) = (gauges.clone(), stop.clone());
        std::thread::Builder::new().name("shadow".to_owned()).spawn(move || {
            let worked = catch_unwind(AssertUnwindSafe(|| work(inputs, &own_stop)));
            let failed = match worked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) => Some("it has panicked; please report this".to_owned()),
            };
            if let Some(error) = failed {
                own_gauges.ended.store(true, Ordering::Relaxed);
                tracing::error!("the shadow twin has ended, the live twin goes on without it: {error}");
            }
            drop(until_ended);
        })?;
        Ok(Self { queue: Some(queue), live, stop, ended, gauges })
    }

    /// What the shadow tells of itself.
    pub fn gauges(&self) -> &Arc<ShadowGauges> {
        &self.gauges
    }

    /// From now on the ids of the live inputs mean this.
    pub fn go_on_under(&mut self, live: RecordingHeader) {
        self.live = Arc::new(live);
    }

    /// Gives the shadow an input of the live twin. Never waits: what has no room is dropped and counted.
    pub fn offer(&mut self, input: &Input) {
        if let Some(queue) = &self.queue {
            match queue.try_send((self.live.clone(), input.clone())) {
                Ok(()) => return,
                Err(TrySendError::Disconnected(_)) => self.queue = None,
                Err(TrySendError::Full(_)) => {}
            }
        }
        if self.gauges.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "the shadow twin did not get input {} of {}: its alerts are not comparable with the live ones from here on",
                input.sequence,
                input.received
            );
        }
    }

    /// Lets the shadow work off what it was given; leaves it behind if that takes too long.
    pub fn finish(self) {
        let Self { queue, stop, ended, .. } = self;
        stop.store(true, Ordering::Relaxed);
        drop(queue);
        if ended.recv_timeout(STOP_PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the shadow twin did not work off its queue within {STOP_PATIENCE:?} and is left behind");
        }
    }
}

/// What the live configuration does not give can never be seen, and is best known at the start.
fn warn_of_unfed(plant: &Plant, live: &RecordingHeader) {
    let unfed = plant.signals.iter().filter(|signal| !live.signals.values().any(|path| *path == signal.path));
    let unfed: Vec<&str> = unfed.map(|signal| signal.path.as_str()).collect();
    if let Some(first) = unfed.first() {
        tracing::warn!(
            "the shadow has {} signals that the live configuration does not give it, {first} is the first",
            unfed.len()
        );
    }
}

/// The shadow's own end: its twin and where its alerts go.
struct Follower {
    twin: Twin,
    remap: Remap,
    path: PathBuf,
    file: File,
    gauges: Arc<ShadowGauges>,
    outputs: Outputs,
}

impl Follower {
    /// Goes through what was recorded before the daemon started; `false` if it was stopped on the way.
    fn catch_up(&mut self, folder: &Path, last: u64, stop: &AtomicBool) -> anyhow::Result<bool> {
        if last == 0 {
            return Ok(true);
        }
        let mut reader = Reader::open(folder)?;
        // What comes after the last is being written, and comes over the queue.
        while self.twin.sequence() < last
            && let Some(input) = reader.next()
        {
            let input = input?;
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if input.sequence > last {
                break;
            }
            let header = reader.header().clone();
            self.apply(&header, input);
        }
        tracing::info!("the shadow twin has come up to input {last}");
        Ok(true)
    }

    fn apply(&mut self, header: &Arc<RecordingHeader>, input: Input) {
        let input = self.remap.apply(header, input);
        self.outputs.clear();
        self.twin.apply(&input, &mut self.outputs);
        let lines: Vec<String> = alert_lines(&self.outputs, self.twin.plant(), &input).collect();
        if !lines.is_empty() {
            self.write(&lines);
            let is_raised = |output: &&Output| matches!(output, Output::Incident { change: Change::Raised, .. });
            let raised = self.outputs.iter().filter(is_raised).count() as u64;
            self.gauges.incidents.fetch_add(raised, Ordering::Relaxed);
        }
        self.gauges.inputs.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&mut self, lines: &[String]) {
        if let Err(error) = self.file.write_all(lines.concat().as_bytes())
            && self.gauges.lost.fetch_add(lines.len() as u64, Ordering::Relaxed) == 0
        {
            tracing::error!("cannot write {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::{Event, Timestamp};

    use super::*;
    use crate::feeds::tests::names;

    fn input(sequence: u64) -> Input {
        Input { sequence, received: Timestamp::EPOCH, event: Event::Tick }
    }

    fn figure(gauges: &ShadowGauges, name: &str) -> u64 {
        gauges.named().into_iter().find(|(known, ..)| *known == name).unwrap().3
    }

    #[test]
    fn what_a_full_queue_has_no_room_for_is_dropped_and_counted_and_the_rest_arrives() {
        let (go, wait) = channel::<()>();
        let (tell, told) = channel();
        let work = move |queue: Receiver<Fed>, _: &AtomicBool| {
            let _ = wait.recv();
            tell.send(queue.iter().map(|(_, input)| input.sequence).collect::<Vec<_>>())?;
            Ok(())
        };
        let mut shadow = Shadow::spawn(3, Arc::new(names(&[])), Arc::default(), work).unwrap();
        let gauges = shadow.gauges().clone();
        (1..=3).for_each(|sequence| shadow.offer(&input(sequence)));
        assert_eq!((figure(&gauges, "dropped"), figure(&gauges, "comparable")), (0, 1));
        (4..=8).for_each(|sequence| shadow.offer(&input(sequence)));
        assert_eq!((figure(&gauges, "dropped"), figure(&gauges, "comparable")), (5, 0));
        go.send(()).unwrap();
        shadow.finish();
        assert_eq!(told.recv().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_panic_ends_the_shadow_and_nothing_else() {
        let work = |queue: Receiver<Fed>, _: &AtomicBool| {
            let (_, first) = queue.recv()?;
            panic!("on input {}, as this test wants", first.sequence);
        };
        let mut shadow = Shadow::spawn(3, Arc::new(names(&[])), Arc::default(), work).unwrap();
        let gauges = shadow.gauges().clone();
        shadow.offer(&input(1));
        // Closed, not silent: the thread has ended.
        assert!(shadow.ended.recv().is_err());
        (2..=4).for_each(|sequence| shadow.offer(&input(sequence)));
        assert!(gauges.ended.load(Ordering::Relaxed));
        assert_eq!((figure(&gauges, "dropped"), figure(&gauges, "comparable")), (3, 0));
        shadow.finish();
    }
}
