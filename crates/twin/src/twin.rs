use std::sync::Arc;

use ::flow::FlowTracker;
use alarms::{Detector, Evidence, Ids, Incident, IncidentBook, Source, Verdict};
use genealogy::PartBook;
use plant::{Cause, Plant, StationId};
use process::{CycleData, StationModel};
use serde::{Deserialize, Serialize};
use telemetry::{Event, Input, LinkId, LinkState, Quality, Reason, Sample, SampleBatch, Timestamp, Value};

use crate::clocks::DeviceClock;
use crate::forecast::Learned;
use crate::links::LinkWatch;
use crate::machine::StandingAlarm;
use crate::model::{Model, Route, Target};
use crate::output::{Output, Outputs};
use crate::silence::Silences;
use crate::station::StationState;
use crate::view::{Counts, LineView, LinkView, StationView};

/// How long samples may be on their way before it is taken for granted that nothing happened, seconds.
pub(crate) const LATENCY_S: f64 = 1.0;

/// The twin of one line.
///
/// [`Twin::apply`] is the only way to change it. It reads no clock, does no I/O and keeps no order that depends on
/// anything but the inputs: the same inputs give the same outputs, bit for bit, on every machine.
#[derive(Debug, Clone)]
pub struct Twin {
    pub(crate) model: Model,
    pub(crate) state: State,
}

/// All that the inputs have made of the twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) sequence: u64,
    pub(crate) links: Vec<LinkWatch>,
    pub(crate) stations: Vec<StationState>,
    pub(crate) flow: FlowTracker,
    pub(crate) learned: Learned,
    pub(crate) signals: Vec<Option<Sample>>,
    /// By the model's devices.
    pub(crate) clocks: Vec<DeviceClock>,
    pub(crate) silences: Silences,
    /// By the model's alarms: those that stand.
    pub(crate) alarms: Vec<Option<StandingAlarm>>,
    pub(crate) book: IncidentBook,
    pub(crate) parts: PartBook,
    /// Temperature of the air around, °C, as last told.
    pub(crate) ambient_c: Option<f64>,
    pub(crate) counts: Counts,
}

/// One application of an input: where the outputs go, and what its incidents are called.
pub(crate) struct Step<'a> {
    out: &'a mut Outputs,
    /// The identities of the incidents that come of it.
    pub(crate) ids: Ids,
}

impl Step<'_> {
    pub(crate) fn push(&mut self, output: Output) {
        self.out.push(output);
    }
}

impl Twin {
    /// The twin of that plant, before its first input.
    pub fn new(plant: Arc<Plant>) -> Self {
        let model = Model::new(plant);
        let station = |(place, station): (usize, &StationModel)| {
            let run_length = model.watch_run_length(StationId(place as u16));
            StationState::new(station, model.thresholds[place], run_length, model.peers[place].clone())
        };
        let stations = model.stations.iter().enumerate().map(station).collect();
        let state = State {
            now: Timestamp::EPOCH,
            sequence: 0,
            links: vec![LinkWatch::new(); model.plant.links.len()],
            stations,
            flow: FlowTracker::new(&model.flow),
            learned: model.line.nothing_learnt(),
            signals: vec![None; model.plant.signals.len()],
            clocks: vec![DeviceClock::default(); model.devices.len()],
            silences: Silences::new(model.watched.len()),
            alarms: vec![None; model.alarms.len()],
            book: IncidentBook::default(),
            parts: PartBook::default(),
            ambient_c: None,
            counts: Counts::default(),
        };
        Self { model, state }
    }

    /// The plant it is the twin of.
    pub fn plant(&self) -> &Arc<Plant> {
        &self.model.plant
    }

    /// When the last input was received.
    pub fn now(&self) -> Timestamp {
        self.state.now
    }

    /// Sequence number of the last input; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.state.sequence
    }

    /// The incidents that are not closed, in the order they were raised.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.state.book.open()
    }

    /// Takes the next input in and appends what follows from it to `out`.
    pub fn apply(&mut self, input: &Input, out: &mut Outputs) {
        let mut step = Step { out, ids: Ids::of_input(input.sequence) };
        self.state.counts.inputs += 1;
        self.state.sequence = input.sequence;
        self.set_clock(input.received);
        match &input.event {
            Event::Samples(batch) => self.batch(batch, &mut step),
            Event::Link { link, state } => self.link(*link, state, &mut step),
            Event::Command(command) => self.command(command, &mut step),
            Event::Tick => self.pass_parts(&mut step),
        }
        self.watch_links(&mut step);
        self.watch_silence(&mut step);
        self.pass_time(input.received.plus_seconds(-LATENCY_S), &mut step);
        self.follow_incidents(&mut step);
    }

    /// Where the clock was put back, times that it could not show any more must not outweigh the right ones to come.
    fn set_clock(&mut self, now: Timestamp) {
        let is_put_back = now < self.state.now;
        self.state.now = now;
        if !is_put_back {
            return;
        }
        self.state.counts.clock_steps_back += 1;
        self.state.flow.put_back(&self.model.flow, now);
        self.state.book.put_back(now);
        self.state.silences.put_back(now);
        self.state.alarms.iter_mut().flatten().for_each(|alarm| alarm.put_back(now));
        self.state.clocks.iter_mut().for_each(DeviceClock::forget);
        let latest = now.plus_seconds(self.model.plant.detection.clock_off_max_s);
        for link in &mut self.state.links {
            link.forget_after(latest, now);
        }
        for station in &mut self.state.stations {
            station.builder.forget_after(latest);
            station.labels.forget_after(latest);
            station.interventions.iter_mut().for_each(|intervention| intervention.at = intervention.at.min(now));
        }
        for sample in self.state.signals.iter_mut().flatten().filter(|sample| sample.source_time > latest) {
            sample.source_time = now;
        }
    }

    /// All that a person may want to see of the line.
    pub fn view(&self) -> LineView {
        let state = &self.state;
        let links = state.links.iter().zip(&self.model.plant.links);
        let stations = state.stations.iter().zip(&self.model.stations).zip(&self.model.plant.stations);
        let warm_up = self.model.plant.detection.warm_up_cycles;
        let flow = state.flow.view(&self.model.flow);
        LineView {
            now: state.now,
            sequence: state.sequence,
            links: links
                .map(|(watch, link)| LinkView {
                    link: link.id,
                    state: watch.state.clone(),
                    since: watch.since,
                    clocks_off: self.clocks_off(link.id),
                })
                .collect(),
            stations: stations
                .map(|((station, model), configured)| StationView {
                    station: configured.id,
                    state: flow.stations[configured.id.index()].state,
                    since: flow.stations[configured.id.index()].since,
                    part: station.present.part,
                    variant: station.present.variant.map(usize::from),
                    cycles: station.cycles,
                    last_cycle_s: station.last_cycle_s,
                    interventions: station.interventions.clone(),
                    features: station
                        .features
                        .iter()
                        .zip(&model.features)
                        .map(|(feature, bound)| feature.view(bound, warm_up))
                        .collect(),
                })
                .collect(),
            flow,
            signals: state.signals.clone(),
            incidents: state.book.open().cloned().collect(),
            out_of_service: state.book.out_of_service().to_vec(),
            flood_since: state.book.flood_since(),
            counts: state.counts,
        }
    }

    fn batch(&mut self, batch: &SampleBatch, step: &mut Step<'_>) {
        let mut latest = Timestamp::from_nanos(i64::MIN);
        if batch.samples.is_sorted_by_key(|sample| sample.source_time) {
            for &sample in &batch.samples {
                latest = latest.max(self.sample(sample, step));
            }
        } else {
            let mut samples = batch.samples.clone();
            samples.sort_by_key(|sample| sample.source_time);
            for sample in samples {
                latest = latest.max(self.sample(sample, step));
            }
        }
        let Some(link) = self.state.links.get_mut(batch.link.index()) else { return };
        link.watermark = link.watermark.max(latest);
        let watermark = link.watermark;
        let mut settling = std::mem::take(&mut link.settling);
        settling.retain(|&station| {
            if let Some(cycle) = self.state.stations[station.index()].builder.advance(watermark) {
                self.complete(station, cycle, step);
            }
            self.state.stations[station.index()].builder.is_settling()
        });
        self.state.links[batch.link.index()].settling = settling;
    }

    /// Takes a sample in. Returns its time as far as it can be believed.
    fn sample(&mut self, mut sample: Sample, step: &mut Step<'_>) -> Timestamp {
        let route = self.model.routes.get(sample.signal.index()).copied();
        if let Some(route) = route {
            self.correct_time(&mut sample, route, step);
        }
        let counts = &mut self.state.counts;
        counts.samples += 1;
        // The time of receipt is taken until it is known how far the clock is off.
        if sample.source_time.seconds_since(self.state.now) > self.model.plant.detection.clock_off_max_s {
            counts.future_samples += 1;
            sample.source_time = self.state.now;
        }
        let at = sample.source_time;
        let (Some(known), Some(route)) = (self.state.signals.get_mut(sample.signal.index()), route) else {
            counts.unknown_samples += 1;
            return at;
        };
        sample.quality = checked(&sample, self.model.plant.signal(sample.signal));
        let in_order = known.is_none_or(|known| at >= known.source_time);
        if in_order {
            *known = Some(sample);
        } else {
            counts.late_samples += 1;
        }
        if !sample.quality.is_usable() {
            counts.bad_samples += 1;
            self.observe_bad(route, at);
            return at;
        }
        if let Some(place) = route.watched {
            self.heard_of(place, step);
        }
        // Before the sample is taken in, so that it does not matter whether it came in the same batch or the next.
        if let Some(cycle) = self.state.stations[route.station.index()].builder.advance(at) {
            self.complete(route.station, cycle, step);
        }
        if !self.model.stations[route.station.index()].has_cycles {
            self.watch_without_cycles(route.station, at, step);
        }
        if in_order || matches!(route.target, Target::Input(_)) {
            self.route(route.station, route.target, sample.value, at, step);
        }
        at
    }

    /// A signal has no usable value from then on.
    pub(crate) fn observe_bad(&mut self, route: Route, at: Timestamp) {
        if let Target::Input(place) | Target::ToolLife(place) = route.target {
            self.state.stations[route.station.index()].builder.observe_bad(place, at);
        }
    }

    /// A station without cycles works as long as it is heard of, and is looked at in windows.
    fn watch_without_cycles(&mut self, station: StationId, at: Timestamp, step: &mut Step<'_>) {
        let changed = self.work(station, true, at, step);
        tell_state(station, changed, at, step);
        if self.model.stations[station.index()].features.is_empty() {
            return;
        }
        let state = &mut self.state.stations[station.index()];
        if let Some(window) = state.builder.advance_window(at) {
            state.worked_on = state.present;
            self.complete(station, window, step);
        }
    }

    fn route(&mut self, station: StationId, target: Target, value: Value, at: Timestamp, step: &mut Step<'_>) {
        let state = &mut self.state.stations[station.index()];
        match target {
            Target::CycleActive => match value.as_bool() {
                Some(true) => self.begin(station, at, step),
                Some(false) => self.end(station, at, step),
                None => {}
            },
            Target::Fault => {
                if let Some(faulted) = value.as_bool() {
                    state.builder.stopped(faulted, at);
                    let changed = self.stop(station, faulted, at, step);
                    tell_state(station, changed, at, step);
                    if changed.is_some() {
                        self.settle(at);
                    }
                }
            }
            Target::Result => state.present.result = value.as_bool(),
            Target::Alarm(place) => self.machine_alarm(place, at, step),
            Target::Part => state.present.part = as_symbol(value),
            Target::Program => state.present.program = as_symbol(value),
            Target::Variant => state.present.variant = self.model.plant.variant_of(value).map(|place| place as u16),
            Target::BufferLevel => self.buffer_level(station, value, at, step),
            Target::Input(place) => {
                if let Some(value) = value.as_f64() {
                    state.builder.observe(place, value, at);
                }
            }
            Target::ToolLife(place) => {
                if let Some(life) = value.as_f64() {
                    state.builder.observe(place, life, at);
                    state.labels.tool_life(life, at);
                    self.tool_life(station, life, at, step);
                }
            }
            Target::Ambient => self.state.ambient_c = value.as_f64().or(self.state.ambient_c),
            Target::Shown => {}
            Target::Label(signal) => self.label(signal, value, at),
        }
    }

    fn begin(&mut self, station: StationId, at: Timestamp, step: &mut Step<'_>) {
        let state = &mut self.state.stations[station.index()];
        let before = state.builder.begin(at);
        state.labels.begin(at);
        let changed = self.work(station, true, at, step);
        if let Some(cycle) = before {
            self.complete(station, cycle, step);
        }
        tell_state(station, changed, at, step);
        if changed.is_some() {
            self.parts_taken_from(station, at, step);
        }
        self.settle(at);
    }

    fn end(&mut self, station: StationId, at: Timestamp, step: &mut Step<'_>) {
        let is_last = self.model.downstream[station.index()].is_empty();
        let state = &mut self.state.stations[station.index()];
        // A device that is polled tells the end many times; the next part may be there before the cycle has settled.
        if state.builder.under_way().is_some() && !state.builder.is_settling() {
            state.worked_on = state.present;
        }
        state.builder.end(at);
        state.labels.end(at);
        for link in &self.model.links_of_station[station.index()] {
            self.state.links[link.index()].settles(station);
        }
        if is_last {
            state.builder.part_taken(at);
        }
        let mut changed = self.work(station, false, at, step);
        if is_last {
            changed = self.state.flow.part_taken(station, at).or(changed);
        }
        tell_state(station, changed, at, step);
        self.settle(at);
    }

    /// The station took a part: so one of those upstream has got rid of its own.
    fn parts_taken_from(&mut self, station: StationId, at: Timestamp, step: &mut Step<'_>) {
        for place in 0..self.model.plant.station(station).upstream.len() {
            let upstream = self.model.plant.station(station).upstream[place];
            self.state.stations[upstream.index()].builder.part_taken(at);
            let changed = self.state.flow.part_taken(upstream, at);
            tell_state(upstream, changed, at, step);
        }
    }

    fn buffer_level(&mut self, station: StationId, value: Value, at: Timestamp, step: &mut Step<'_>) {
        let Some(level) = value.as_f64() else { return };
        let before = self.state.stations[station.index()].buffer_level.replace(level);
        self.fill(station, level, at, step);
        if before.is_some_and(|before| level > before) {
            self.parts_taken_from(station, at, step);
        }
        if before != Some(level) {
            self.settle(at);
        }
    }

    pub(crate) fn complete(&mut self, station: StationId, cycle: CycleData, step: &mut Step<'_>) {
        self.state.counts.cycles += 1;
        self.state.counts.trace_samples_merged += u64::from(cycle.trace_losses.merged);
        self.state.counts.trace_samples_late += u64::from(cycle.trace_losses.late);
        let state = &mut self.state.stations[station.index()];
        state.cycles += 1;
        state.last_cycle_s = Some(cycle.end.seconds_since(cycle.start));
        self.check_sensors(station, &cycle, step);
        self.check_peers(station, &cycle, step);
        self.remember_cycle(station, &cycle);
        let values = self.check_features(station, &cycle, step);
        self.record_cycle(station, &cycle, &values, step);
        self.count_part(station, &cycle);
        self.learn_cycle(station, &cycle);
    }

    fn link(&mut self, link: LinkId, new: &LinkState, step: &mut Step<'_>) {
        let now = self.state.now;
        let Some(watch) = self.state.links.get_mut(link.index()) else { return };
        watch.set(new.clone(), now);
        if *new == LinkState::Up {
            if std::mem::take(&mut watch.raised) {
                self.clear(Source::Link { link }, now, None, step);
            }
            return;
        }
        for sample in self.state.signals.iter_mut().flatten() {
            if self.model.plant.signal(sample.signal).link == link {
                sample.quality = Quality::Bad(Reason::NotConnected);
            }
        }
        self.lose_sight_of_materials(link);
        for place in 0..self.model.stations_of_link[link.index()].len() {
            let station = self.model.stations_of_link[link.index()][place];
            self.lose_sight_of(station, step);
        }
        self.settle(now);
    }

    /// What a station does is not known: what was under way there is given up.
    pub(crate) fn lose_sight_of(&mut self, station: StationId, step: &mut Step<'_>) {
        let now = self.state.now;
        let state = &mut self.state.stations[station.index()];
        state.builder.abandon();
        state.labels.abandon();
        let changed = self.state.flow.lost(station, now);
        tell_state(station, changed, now, step);
    }

    fn watch_links(&mut self, step: &mut Step<'_>) {
        let patience_s = self.model.plant.detection.link_loss_s;
        for place in 0..self.state.links.len() {
            let watch = &mut self.state.links[place];
            let Some(reason) = watch.overdue(patience_s, self.state.now) else { continue };
            let link = &self.model.plant.links[place];
            let (source, at) = (Source::Link { link: link.id }, self.state.now);
            let down_s = [at.seconds_since(watch.since), patience_s];
            let evidence = Evidence {
                unit: "s".to_owned(),
                note: reason.to_owned(),
                ..Evidence::without_baseline(source, link.name.clone(), Detector::LinkWatch, down_s, watch.since)
            };
            watch.raised = true;
            self.raise(Verdict::of_one_cause(at, Cause::LinkLoss, evidence), step);
        }
    }
}

fn tell_state(station: StationId, changed: Option<::flow::StationState>, at: Timestamp, step: &mut Step<'_>) {
    if let Some(state) = changed {
        step.push(Output::Station { station, state, at });
    }
}

/// The sample's quality after the checks that the plant's configuration allows.
fn checked(sample: &Sample, signal: &plant::Signal) -> Quality {
    let out_of_range = match sample.value {
        Value::Float(_) | Value::Integer(_) => sample.value.as_f64().is_none_or(|value| {
            signal.range_low.is_some_and(|low| value < low) || signal.range_high.is_some_and(|high| value > high)
        }),
        Value::Boolean(_) | Value::Symbol(_) => false,
    };
    if out_of_range && sample.quality.is_usable() { Quality::Bad(Reason::OutOfRange) } else { sample.quality }
}

/// A part or program that is given as a number is called by its digits.
pub(crate) fn as_symbol(value: Value) -> Option<telemetry::Symbol> {
    match value {
        Value::Symbol(symbol) if symbol.as_str().is_empty() => None,
        Value::Symbol(symbol) => Some(symbol),
        number => telemetry::Symbol::new(&number.to_string()).ok(),
    }
}
