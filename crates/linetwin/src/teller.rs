//! What follows from the inputs goes to MQTT, the page and the terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alarms::Incident;
use contract::{EventSource, EventV1, ForecastV1, ReplayV1, StateV1};
use notify::Publication;
use telemetry::{IncidentId, Input};
use tokio::sync::{mpsc, watch};
use twin::{Output, Twin};

use crate::forecaster::Forecaster;
use crate::history::History;

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

/// Whether an output is told at once and by itself.
pub(crate) fn is_told(output: &Output) -> bool {
    match output {
        Output::Incident { .. } | Output::Intervention(_) | Output::Command { .. } | Output::Shift(_) => true,
        Output::Station { .. } | Output::Cycle(_) | Output::Part(_) => false,
    }
}

/// Hands on what follows.
pub(crate) struct Teller {
    sinks: Sinks,
    forecaster: Forecaster,
    history: History,
    state_told: Instant,
    replay: Option<ReplayV1>,
    recording_problem: Option<String>,
}

impl Teller {
    pub(crate) fn new(sinks: Sinks) -> Self {
        Self {
            sinks,
            forecaster: Forecaster::default(),
            history: History::default(),
            state_told: Instant::now(),
            replay: None,
            recording_problem: None,
        }
    }

    /// Where outputs go from now on.
    pub(crate) fn set_sinks(&mut self, sinks: Sinks) {
        self.sinks = sinks;
    }

    /// The cycles that were seen before.
    pub(crate) fn set_history(&mut self, history: History) {
        self.history = history;
    }

    /// What is wrong with the recording from now on.
    pub(crate) fn set_recording_problem(&mut self, problem: Option<String>) {
        self.recording_problem = problem;
    }

    /// How the replay stands from now on, whose inputs these are.
    pub(crate) fn set_replay(&mut self, replay: ReplayV1) {
        self.replay = Some(replay);
    }

    /// The latest cycles of each station.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Tells what followed from an input, and the line with it if a person should know.
    pub(crate) fn tell(&mut self, input: &Input, outputs: &[Output], twin: &Twin) {
        self.history.take(outputs, twin);
        if !outputs.iter().any(is_told) {
            return;
        }
        for (source, output) in EventSource::each(input, outputs).filter(|(_, output)| is_told(output)) {
            for publication in Publication::from_output(output, twin.plant(), source) {
                self.publish(publication);
            }
            if let (Output::Incident { change, incident }, Some(console)) = (output, &mut self.sinks.console) {
                console(&EventV1::new(*change, incident, twin.plant(), source));
            }
        }
        self.tell_state(twin);
    }

    /// Tells the line now and then.
    pub(crate) fn keep_up(&mut self, twin: &Twin) {
        if self.is_state_due() {
            self.look_ahead(twin);
            self.tell_state(twin);
        }
    }

    /// Whether the line was told a while ago.
    pub(crate) fn is_state_due(&self) -> bool {
        self.state_told.elapsed() >= STATE_INTERVAL
    }

    /// Tells the line.
    pub(crate) fn tell_state(&mut self, twin: &Twin) {
        self.state_told = Instant::now();
        if let Some(sink) = &self.sinks.state {
            let mut state = StateV1::new(twin.plant(), &twin.view(), self.forecaster.latest());
            state.replay = self.replay;
            state.recording_problem.clone_from(&self.recording_problem);
            sink.send_replace(Arc::new(state));
        }
    }

    /// The line is another one than was told so far: these incidents are open no more, and of those that are each is told
    /// anew.
    pub(crate) fn tell_anew(&mut self, gone: impl IntoIterator<Item = IncidentId>, twin: &Twin) {
        self.forecaster = Forecaster::default();
        for incident in gone {
            self.publish(Publication::Alert { incident, content: None });
        }
        let open = |incident: &Incident| Publication::from_open(incident, twin.plant());
        twin.open_incidents().map(open).for_each(|publication| self.publish(publication));
        self.tell_state(twin);
    }

    /// Has the shift forecast now and then, beside the inputs: what follows from them never waits for it.
    fn look_ahead(&mut self, twin: &Twin) {
        if self.sinks.publications.is_none() && self.sinks.state.is_none() {
            return;
        }
        let Some(forecast) = self.forecaster.look(twin) else { return };
        let publication = Publication::from_forecast(&ForecastV1::new(forecast, twin.plant()));
        self.publish(publication);
    }

    /// Hands a publication to MQTT.
    pub(crate) fn publish(&self, publication: Publication) {
        if let Some(publications) = &self.sinks.publications {
            // It fails only when the notifier is gone, which the daemon's own watch reports.
            let _ = publications.blocking_send(publication);
        }
    }
}
