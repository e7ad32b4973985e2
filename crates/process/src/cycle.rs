use plant::{RecipeSettings, Role};
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::feature::ARGUMENTS_MAX;
use crate::trace::{Channel, CurveMeans, Operation, TraceBuilder, TraceLosses};
use crate::{Formula, Quantity, StationModel};

/// How long after the end of a cycle its last values may still come, by the link's event time, seconds.
pub const SETTLE_S: f64 = 1.0;
/// Length of the windows in which a station without cycles is looked at, seconds.
pub const WINDOW_S: f64 = 120.0;

/// Turns one station's samples into cycles.
///
/// A device that is polled, or that repeats a held result, gives the same value many times; a device that is subscribed
/// gives it once. So that both come to the same features, a value counts only when it differs from the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleBuilder {
    inputs: Vec<InputState>,
    phase: Phase,
    previous_end: Option<Timestamp>,
    previous_taken: Option<Timestamp>,
    current_taken: Option<Timestamp>,
    stopped_since: Option<Timestamp>,
    stopped_in_cycle_s: f64,
    stopped_between_s: f64,
    trace: Option<Trace>,
}

/// The curves of the operations of a cycle, and the inputs that tell them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trace {
    leading: usize,
    answering: usize,
    builder: TraceBuilder,
}

impl Trace {
    /// `None` if the model has no use for curves.
    fn new(model: &StationModel) -> Option<Self> {
        let of = |operation, leading, answering| {
            let (leading, answering) = (model.input(leading)?, model.input(answering)?);
            Some(Self { leading, answering, builder: TraceBuilder::new(operation) })
        };
        of(Operation::Joint, Role::TightenAngleTrace, Role::TightenTorqueTrace)
            .or_else(|| of(Operation::Spot, Role::WeldCurrentTrace, Role::WeldVoltageTrace))
    }

    fn observe(&mut self, input: usize, value: f64, at: Timestamp) {
        if input == self.leading {
            self.builder.observe(Channel::Leading, value, at);
        } else if input == self.answering {
            self.builder.observe(Channel::Answering, value, at);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct InputState {
    held: Option<f64>,
    held_at: Option<Timestamp>,
    /// Whether the latest word of it was that there is no usable value.
    is_bad: bool,
    sum: f64,
    changes: u32,
    seen: bool,
    /// The lowest and the highest value of the cycle.
    extremes: Option<(f64, f64)>,
}

/// What a cycle had of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has never had a usable value.
    Unknown,
    /// At least one usable value came.
    Seen,
    /// Nothing came, and what was known of it before is usable: a device that tells only changes says nothing else of a
    /// value that holds.
    Silent,
    /// No usable value came, and the latest word was that there is none.
    Bad,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Phase {
    Idle,
    Open { start: Timestamp },
    Settling { start: Timestamp, end: Timestamp },
}

/// What a cycle came to.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleData {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// For each of the model's inputs, how often its value changed in the cycle.
    pub changes: Vec<u32>,
    /// For each of the model's inputs, what came of it in the cycle.
    pub presences: Vec<Presence>,
    /// What was lost of its curves.
    pub trace_losses: TraceLosses,
    curves: CurveMeans,
    stopped_in_cycle_s: f64,
    stopped_between_s: f64,
    starved_s: Option<f64>,
    means: Vec<Option<f64>>,
    held: Vec<Option<f64>>,
    extremes: Vec<Option<(f64, f64)>>,
}

impl CycleBuilder {
    /// A builder for a station with that model.
    pub fn new(model: &StationModel) -> Self {
        Self {
            inputs: vec![InputState::default(); model.inputs.len()],
            phase: Phase::Idle,
            previous_end: None,
            previous_taken: None,
            current_taken: None,
            stopped_since: None,
            stopped_in_cycle_s: 0.0,
            stopped_between_s: 0.0,
            trace: Trace::new(model),
        }
    }

    /// A cycle begins. Returns the cycle before if that was still settling. A second begin is ignored.
    pub fn begin(&mut self, at: Timestamp) -> Option<CycleData> {
        if matches!(self.phase, Phase::Open { .. }) {
            return None;
        }
        let settled = self.finish();
        self.account_stop(at);
        self.stopped_in_cycle_s = 0.0;
        for input in &mut self.inputs {
            *input =
                InputState { held: input.held, held_at: input.held_at, is_bad: input.is_bad, ..InputState::default() };
        }
        self.phase = Phase::Open { start: at };
        settled
    }

    /// The cycle ends; an end without a begin is ignored. Its last values may still come until it has settled.
    pub fn end(&mut self, at: Timestamp) {
        if let Phase::Open { start } = self.phase {
            self.account_stop(at);
            self.phase = Phase::Settling { start, end: at.max(start) };
        }
    }

    /// Event time has come to `watermark`. Returns the cycle that has settled by it.
    pub fn advance(&mut self, watermark: Timestamp) -> Option<CycleData> {
        match self.phase {
            Phase::Settling { end, .. } if watermark >= end.plus_seconds(SETTLE_S) => self.finish(),
            _ => None,
        }
    }

    /// Whether a cycle has ended, and its last values may still come.
    pub fn is_settling(&self) -> bool {
        matches!(self.phase, Phase::Settling { .. })
    }

    /// When the cycle began that has not been completed yet.
    pub fn under_way(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Idle => None,
            Phase::Open { start } | Phase::Settling { start, .. } => Some(start),
        }
    }

    /// For how long the station has worked on the part of the cycle under way, without its stops, seconds.
    pub fn worked_s(&self, now: Timestamp) -> Option<f64> {
        let Phase::Open { start } = self.phase else { return None };
        let stopped_now_s = self.stopped_since.map_or(0.0, |since| now.seconds_since(since).max(0.0));
        Some((now.seconds_since(start) - self.stopped_in_cycle_s - stopped_now_s).max(0.0))
    }

    /// For a station without cycles: the window that was complete before `at`; a new one is begun where there is none.
    pub fn advance_window(&mut self, at: Timestamp) -> Option<CycleData> {
        let Phase::Open { start } = self.phase else {
            return self.begin(at);
        };
        let end = start.plus_seconds(WINDOW_S);
        if at < end {
            return None;
        }
        self.end(end);
        self.begin(at)
    }

    /// What is under way is given up: the station could not be seen all the time.
    pub fn abandon(&mut self) {
        self.phase = Phase::Idle;
        self.previous_end = None;
        self.previous_taken = None;
        self.current_taken = None;
        self.stopped_since = None;
        self.stopped_between_s = 0.0;
        self.finish_trace();
    }

    /// Moments later than `latest` were told by a clock that was wrong: what they belong to is given up.
    pub fn forget_after(&mut self, latest: Timestamp) {
        let phase = match self.phase {
            Phase::Idle => None,
            Phase::Open { start } => Some(start),
            Phase::Settling { end, .. } => Some(end),
        };
        let moments = [phase, self.previous_end, self.previous_taken, self.current_taken, self.stopped_since];
        if moments.into_iter().flatten().any(|moment| moment > latest) {
            self.abandon();
        }
        for input in &mut self.inputs {
            input.held_at = input.held_at.filter(|&held_at| held_at <= latest);
        }
    }

    /// A part of the station was taken over downstream: the one of the last cycle that had ended by then.
    pub fn part_taken(&mut self, at: Timestamp) {
        match self.phase {
            Phase::Settling { end, .. } if at >= end => self.current_taken = Some(at),
            _ => self.previous_taken = Some(at),
        }
    }

    /// The station stopped with a fault, or goes on.
    pub fn stopped(&mut self, stopped: bool, at: Timestamp) {
        self.account_stop(at);
        self.stopped_since = stopped.then_some(at);
    }

    /// A value of the input at that place of [`StationModel::inputs`]. A value older than the one before still counts
    /// for the cycle it was measured in, while that has not settled. Returns whether the value came in order.
    pub fn observe(&mut self, input: usize, value: f64, at: Timestamp) -> bool {
        let in_cycle = match self.phase {
            Phase::Idle => false,
            Phase::Open { start } => at >= start,
            Phase::Settling { start, end } => at >= start && at <= end.plus_seconds(SETTLE_S),
        };
        let state = &mut self.inputs[input];
        let in_order = state.held_at.is_none_or(|held_at| at >= held_at);
        let changed = state.held != Some(value);
        if in_order {
            state.held = Some(value);
            state.held_at = Some(at);
            state.is_bad = false;
        }
        if in_cycle {
            state.seen = true;
            if let Some(trace) = &mut self.trace {
                trace.observe(input, value, at);
            }
            if changed {
                state.sum += value;
                state.changes += 1;
                let (low, high) = state.extremes.unwrap_or((value, value));
                state.extremes = Some((low.min(value), high.max(value)));
            }
        }
        in_order
    }

    /// Word came of the input at that place that it has no usable value. Word older than its latest value says nothing.
    pub fn observe_bad(&mut self, input: usize, at: Timestamp) {
        let state = &mut self.inputs[input];
        state.is_bad |= state.held_at.is_none_or(|held_at| at >= held_at);
    }

    fn account_stop(&mut self, at: Timestamp) {
        let Some(since) = self.stopped_since else { return };
        let stopped_s = at.seconds_since(since).max(0.0);
        match self.phase {
            Phase::Open { .. } => self.stopped_in_cycle_s += stopped_s,
            _ => self.stopped_between_s += stopped_s,
        }
        self.stopped_since = Some(at);
    }

    /// What the curves of the cycle come to; nothing is kept of them.
    fn finish_trace(&mut self) -> (CurveMeans, TraceLosses) {
        self.trace.as_mut().map(|trace| trace.builder.finish()).unwrap_or_default()
    }

    fn finish(&mut self) -> Option<CycleData> {
        let Phase::Settling { start, end } = self.phase else { return None };
        let (curves, trace_losses) = self.finish_trace();
        let ready = self.previous_end.zip(self.previous_taken).map(|(end, taken)| end.max(taken));
        let starved_s = ready.map(|ready| (start.seconds_since(ready) - self.stopped_between_s).max(0.0));
        let data = CycleData {
            start,
            end,
            changes: self.inputs.iter().map(|input| input.changes).collect(),
            presences: self.inputs.iter().map(InputState::presence).collect(),
            trace_losses,
            curves,
            stopped_in_cycle_s: self.stopped_in_cycle_s,
            stopped_between_s: self.stopped_between_s,
            starved_s,
            means: self.inputs.iter().map(InputState::mean).collect(),
            held: self.inputs.iter().map(|input| input.held).collect(),
            extremes: self.inputs.iter().map(|input| input.extremes).collect(),
        };
        self.phase = Phase::Idle;
        self.previous_end = Some(end);
        self.previous_taken = self.current_taken.take();
        self.stopped_in_cycle_s = 0.0;
        self.stopped_between_s = 0.0;
        Some(data)
    }
}

impl InputState {
    fn mean(&self) -> Option<f64> {
        match self.changes {
            0 => self.held.filter(|_| self.seen),
            changes => Some(self.sum / f64::from(changes)),
        }
    }

    fn presence(&self) -> Presence {
        match (self.seen, self.held, self.is_bad) {
            (true, ..) => Presence::Seen,
            (_, None, _) => Presence::Unknown,
            (_, _, true) => Presence::Bad,
            _ => Presence::Silent,
        }
    }
}

/// What is around a cycle and no signal of its station tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Around {
    /// Temperature of the air, °C, if known.
    pub ambient_c: Option<f64>,
    /// What the station is set to for the variant.
    pub recipe: RecipeSettings,
}

impl CycleData {
    /// The mean of the values that the input at that place of [`StationModel::inputs`] took in the cycle, if it was seen.
    pub fn mean(&self, input: usize) -> Option<f64> {
        self.means[input]
    }

    /// The lowest and the highest of the values that the input at that place of [`StationModel::inputs`] took in the cycle.
    /// `None` if it took no new one.
    pub fn extremes(&self, input: usize) -> Option<(f64, f64)> {
        self.extremes[input]
    }

    /// The value that the input at that place of [`StationModel::inputs`] has at the end of the cycle, if it has one.
    pub fn held(&self, input: usize) -> Option<f64> {
        self.held[input]
    }

    /// Time at work on the part, without the station's own stops, s.
    pub fn work_s(&self) -> f64 {
        self.end.seconds_since(self.start) - self.stopped_in_cycle_s
    }

    /// Time stopped with a fault of its own since the end of the cycle before, s.
    pub fn stop_s(&self) -> f64 {
        self.stopped_in_cycle_s + self.stopped_between_s
    }

    /// The cycle's value of a quantity; `None` where too little was seen.
    pub fn quantity(&self, quantity: Quantity, model: &StationModel, around: &Around) -> Option<f64> {
        match quantity {
            Quantity::Mean(role) => self.means[model.input(role)?],
            Quantity::Held(role) => self.held[model.input(role)?],
            Quantity::Range(role) => self.extremes[model.input(role)?].map(|(lowest, highest)| highest - lowest),
            Quantity::WorkTime => Some(self.work_s()),
            Quantity::StopTime => Some(self.stop_s()),
            Quantity::StarvedTime => self.starved_s,
            Quantity::Ambient => around.ambient_c,
            Quantity::Formula(formula) => self.formula(formula, model, around),
            Quantity::Changes(role) => {
                let input = model.input(role)?;
                (self.presences[input] == Presence::Seen).then(|| f64::from(self.changes[input]))
            }
            Quantity::Curve(value) => self.curves.get(value),
        }
    }

    fn formula(&self, formula: &Formula, model: &StationModel, around: &Around) -> Option<f64> {
        let mut arguments = [0.0; ARGUMENTS_MAX];
        for (slot, &argument) in arguments.iter_mut().zip(formula.arguments) {
            *slot = self.quantity(argument, model, around)?;
        }
        (formula.of)(&arguments[..formula.arguments.len()], &around.recipe).filter(|value| value.is_finite())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::SignalId;

    use super::*;

    fn model() -> StationModel {
        StationModel {
            inputs: vec![(Role::WeldResistance, SignalId(0)), (Role::ToolLife, SignalId(1))],
            redundant: Vec::new(),
            features: Vec::new(),
            has_cycles: true,
        }
    }

    fn at(seconds: f64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    /// A polled device repeats its held result; a subscribed one gives it once. The feature is the same.
    #[test]
    fn a_held_result_counts_once_and_an_old_one_not_at_all() {
        let model = model();
        let mut builder = CycleBuilder::new(&model);
        builder.observe(0, 99.0, at(0.0));
        builder.begin(at(1.0));
        for (value, seconds) in [(99.0, 1.0), (99.0, 1.5), (10.0, 2.0), (10.0, 2.5), (12.0, 3.0), (17.0, 5.4)] {
            assert!(builder.observe(0, value, at(seconds)));
        }
        builder.end(at(5.0));
        assert_eq!(builder.advance(at(5.9)), None);
        let cycle = builder.advance(at(6.0)).unwrap();
        assert_eq!(cycle.quantity(Quantity::Mean(Role::WeldResistance), &model, &Around::default()), Some(13.0));
        assert_eq!(cycle.quantity(Quantity::WorkTime, &model, &Around::default()), Some(4.0));
        assert_eq!(cycle.quantity(Quantity::Held(Role::ToolLife), &model, &Around::default()), None);
        assert_eq!((cycle.extremes(0), cycle.extremes(1)), (Some((10.0, 17.0)), None));
    }

    #[test]
    fn a_late_value_counts_while_it_can_and_a_value_after_settling_is_not_of_the_cycle() {
        let model = model();
        let mut builder = CycleBuilder::new(&model);
        builder.begin(at(1.0));
        assert!(builder.observe(0, 10.0, at(2.0)));
        assert!(!builder.observe(0, 12.0, at(1.5)));
        assert!(!builder.observe(0, 90.0, at(0.5)));
        builder.end(at(3.0));
        assert!(builder.observe(0, 50.0, at(4.5)));
        let cycle = builder.advance(at(4.5)).unwrap();
        assert_eq!(cycle.quantity(Quantity::Mean(Role::WeldResistance), &model, &Around::default()), Some(11.0));
    }

    #[test]
    fn what_is_missing_is_told_from_what_holds() {
        let model = model();
        let mut builder = CycleBuilder::new(&model);
        let mut cycle = |begin_s: f64, told: &[(Option<f64>, f64)]| {
            builder.begin(at(begin_s));
            for &(value, seconds) in told {
                match value {
                    Some(value) => assert!(builder.observe(0, value, at(seconds))),
                    None => builder.observe_bad(0, at(seconds)),
                }
            }
            builder.end(at(begin_s + 5.0));
            builder.advance(at(begin_s + 6.0)).unwrap().presences
        };
        assert_eq!(cycle(0.0, &[(None, 1.0)]), [Presence::Unknown, Presence::Unknown]);
        assert_eq!(cycle(10.0, &[(None, 11.0), (Some(7.0), 12.0), (None, 13.0)])[0], Presence::Seen);
        assert_eq!(cycle(20.0, &[])[0], Presence::Bad, "as told in the cycle before");
        assert_eq!(cycle(30.0, &[(Some(7.0), 31.0)])[0], Presence::Seen, "the same value again is a value");
        assert_eq!(cycle(40.0, &[])[0], Presence::Silent);
        assert_eq!(cycle(50.0, &[(None, 30.5)])[0], Presence::Silent, "older than what is known");
    }

    #[test]
    fn stops_and_waits_are_told_apart() {
        let model = model();
        let mut builder = CycleBuilder::new(&model);
        builder.begin(at(0.0));
        builder.stopped(true, at(3.0));
        builder.stopped(false, at(5.0));
        builder.end(at(10.0));
        let first = builder.advance(at(11.0)).unwrap();
        assert_eq!(first.quantity(Quantity::WorkTime, &model, &Around::default()), Some(8.0));
        assert_eq!(first.quantity(Quantity::StopTime, &model, &Around::default()), Some(2.0));
        assert_eq!(first.quantity(Quantity::StarvedTime, &model, &Around::default()), None);
        builder.part_taken(at(14.0));
        builder.begin(at(20.0));
        builder.end(at(30.0));
        let second = builder.advance(at(31.0)).unwrap();
        assert_eq!(second.quantity(Quantity::StarvedTime, &model, &Around::default()), Some(6.0));
        assert_eq!(second.quantity(Quantity::StopTime, &model, &Around::default()), Some(0.0));
    }

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let model = model();
        let mut builder = CycleBuilder::new(&model);
        assert_eq!(builder.advance_window(at(5.0)), None);
        builder.observe(0, 10.0, at(6.0));
        assert_eq!(builder.advance_window(at(100.0)), None);
        let window = builder.advance_window(at(5.0 + WINDOW_S)).unwrap();
        assert_eq!((window.start, window.end), (at(5.0), at(5.0 + WINDOW_S)));
        assert_eq!(window.quantity(Quantity::Mean(Role::WeldResistance), &model, &Around::default()), Some(10.0));
    }
}
