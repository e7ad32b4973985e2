//! The one loop of the daemon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter::Clock;
use contract::{EventV1, ForecastV1, StateV1, alert_line};
use notify::Publication;
use telemetry::{Event, Input, Timestamp};
use tokio::sync::{mpsc, watch};
use twin::{Output, Outputs, Twin};

use crate::forecaster::Forecaster;
use crate::parts::PartStore;
use crate::recorder::Recorder;
use crate::shadow::Shadow;

/// How often the state of the line is given to the page while inputs come.
const STATE_INTERVAL: Duration = Duration::from_millis(250);

/// Is told of every change of an incident, in its final words.
pub type Console = Box<dyn FnMut(&EventV1) + Send>;

/// Where the outputs go. Sinks never decide, and none can hold up the twin for longer than its queue is full.
#[derive(Default)]
pub struct Sinks {
    /// To MQTT.
    pub publications: Option<mpsc::Sender<Publication>>,
    /// To the page and the API.
    pub state: Option<watch::Sender<Arc<StateV1>>>,
    /// To a person at the terminal.
    pub console: Option<Console>,
}

/// What the engine tells of itself while it runs.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Inputs that could not be recorded.
    pub inputs_lost: AtomicU64,
    /// Why the recording cannot be written at the moment.
    pub recording_problem: Mutex<Option<String>>,
}

/// Stamps every event, records it, applies it to the twin and hands on what follows.
pub struct Engine {
    twin: Twin,
    sequence: u64,
    recorder: Option<Recorder>,
    parts: Option<PartStore>,
    shadow: Option<Shadow>,
    sinks: Sinks,
    gauges: Arc<Gauges>,
    outputs: Outputs,
    forecaster: Forecaster,
    state_told: Instant,
}

impl Engine {
    /// An engine whose next input follows on `sequence`.
    pub fn new(twin: Twin, sequence: u64, recorder: Option<Recorder>, sinks: Sinks, gauges: Arc<Gauges>) -> Self {
        Self {
            twin,
            sequence,
            recorder,
            parts: None,
            shadow: None,
            sinks,
            gauges,
            outputs: Vec::new(),
            forecaster: Forecaster::default(),
            state_told: Instant::now(),
        }
    }

    /// The twin.
    pub fn twin(&self) -> &Twin {
        &self.twin
    }

    /// What the engine tells of itself.
    pub fn gauges(&self) -> &Arc<Gauges> {
        &self.gauges
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

    /// Gives a shadow all that the twin gets from now on.
    pub fn follow(&mut self, shadow: Shadow) {
        self.shadow = Some(shadow);
    }

    /// The shadow that gets what the twin gets.
    pub fn shadow(&self) -> Option<&Shadow> {
        self.shadow.as_ref()
    }

    /// Where outputs go from now on.
    pub fn set_sinks(&mut self, sinks: Sinks) {
        self.sinks = sinks;
    }

    /// Receives everything that can wake the daemon, until all senders are gone. Blocks; has a thread of its own.
    pub fn run(mut self, mut queue: mpsc::Receiver<Event>, clock: &Clock) {
        while let Some(event) = queue.blocking_recv() {
            self.take(event, clock.now());
        }
        self.finish();
    }

    /// Takes one event in, as received at that time.
    pub fn take(&mut self, event: Event, received: Timestamp) {
        self.sequence += 1;
        let input = Input { sequence: self.sequence, received, event };
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&input);
        }
        self.outputs.clear();
        self.twin.apply(&input, &mut self.outputs);
        self.tell(&input);
        self.record_parts(&input);
        if let Some(recorder) = &mut self.recorder {
            recorder.keep_up(&self.twin);
            self.gauges.inputs_lost.store(recorder.lost(), Ordering::Relaxed);
            if let Ok(mut problem) = self.gauges.recording_problem.lock()
                && problem.as_deref() != recorder.problem()
            {
                *problem = recorder.problem().map(str::to_owned);
            }
        }
        if let Some(shadow) = &mut self.shadow {
            shadow.offer(&input);
        }
        if self.state_told.elapsed() >= STATE_INTERVAL {
            self.look_ahead();
            self.tell_state();
        }
    }

    /// Makes all durable: the daemon stops.
    pub fn finish(mut self) {
        self.tell_state();
        if let Some(parts) = &mut self.parts {
            self.recorder.iter_mut().for_each(Recorder::sync);
            parts.sync();
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish(&self.twin);
        }
        self.shadow.into_iter().for_each(Shadow::finish);
    }

    /// Keeps the records that the input has closed, after the input itself: a record without it could not be replayed. They
    /// are on the disk after it, and before a snapshot of the twin that has closed them.
    fn record_parts(&mut self, input: &Input) {
        let Some(parts) = &mut self.parts else { return };
        if parts.wants(input, &self.outputs) {
            if let Some(recorder) = &mut self.recorder {
                recorder.flush();
            }
            parts.keep(input, &self.outputs, &self.twin);
        }
        if parts.is_sync_due() || self.recorder.as_ref().is_some_and(Recorder::is_snapshot_due) {
            self.recorder.iter_mut().for_each(Recorder::sync);
            parts.sync();
        }
    }

    fn tell(&mut self, input: &Input) {
        let matters = |output: &Output| match output {
            Output::Incident { .. } | Output::Intervention(_) | Output::CommandRefused { .. } | Output::Shift(_) => {
                true
            }
            Output::Station { .. } | Output::Cycle(_) | Output::Part(_) => false,
        };
        if !self.outputs.iter().any(matters) {
            return;
        }
        let plant = self.twin.plant();
        let lines = self.outputs.iter().filter_map(|output| alert_line(output, plant, input.sequence, input.received));
        let lines: String = lines.collect();
        if let Some(recorder) = &mut self.recorder {
            recorder.keep_alerts(&lines);
        }
        for output in self.outputs.iter().filter(|output| matters(output)) {
            if let Some(publications) = &self.sinks.publications {
                for publication in Publication::from_output(output, plant, input.sequence, input.received) {
                    // It fails only when the notifier is gone, which the daemon's own watch reports.
                    let _ = publications.blocking_send(publication);
                }
            }
            if let (Output::Incident { change, incident }, Some(console)) = (output, &mut self.sinks.console) {
                console(&EventV1::new(*change, incident, plant, Some(input.sequence), input.received));
            }
        }
        self.tell_state();
    }

    /// Has the shift forecast now and then, beside the inputs: what follows from them never waits for it.
    fn look_ahead(&mut self) {
        let Some(forecast) = self.forecaster.look(&self.twin) else { return };
        if let Some(publications) = &self.sinks.publications {
            let forecast = ForecastV1::new(forecast, self.twin.plant());
            // As of every publication: it fails only when the notifier is gone.
            let _ = publications.blocking_send(Publication::from_forecast(&forecast));
        }
    }

    fn tell_state(&mut self) {
        self.state_told = Instant::now();
        if let Some(state) = &self.sinks.state {
            state.send_replace(Arc::new(StateV1::new(self.twin.plant(), &self.twin.view(), self.forecaster.latest())));
        }
    }
}
