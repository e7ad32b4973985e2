//! What the twin tells the flow of parts, and what that tells back.

use ::flow::{Judgement, StationState};
use alarms::Intervention;
use plant::StationId;
use process::CycleData;
use telemetry::Timestamp;

use crate::output::Output;
use crate::twin::{LATENCY_S, Step, Twin};

impl Twin {
    /// Time has come to a moment: shifts that have ended by then are told.
    pub(crate) fn pass_time(&mut self, to: Timestamp, step: &mut Step<'_>) {
        let mut ended = Vec::new();
        self.state.flow.advance(&self.model.flow, to, &mut ended);
        for report in ended {
            self.fade_learned();
            step.push(Output::Shift(Box::new(report)));
        }
    }

    /// A station began or ended work on a part. Returns its new state, if it changed.
    pub(crate) fn work(
        &mut self,
        station: StationId,
        working: bool,
        at: Timestamp,
        step: &mut Step<'_>,
    ) -> Option<StationState> {
        self.pass_time(at, step);
        self.state.flow.working(&self.model.flow, station, working, at)
    }

    /// A station stopped with a fault, or goes on. Returns its new state, if it changed.
    pub(crate) fn stop(
        &mut self,
        station: StationId,
        faulted: bool,
        at: Timestamp,
        step: &mut Step<'_>,
    ) -> Option<StationState> {
        self.pass_time(at, step);
        self.state.flow.fault(station, faulted, at)
    }

    /// A buffer holds so many parts.
    pub(crate) fn fill(&mut self, station: StationId, level: f64, at: Timestamp, step: &mut Step<'_>) {
        self.pass_time(at, step);
        self.state.flow.buffer(station, level >= 1.0);
    }

    /// All that happened at a moment has been told.
    pub(crate) fn settle(&mut self, at: Timestamp) {
        self.state.flow.settle(&self.model.flow, at);
    }

    /// What was done at a station says why it stands, if it does.
    pub(crate) fn explain(&mut self, done: &Intervention, step: &mut Step<'_>) {
        // It may have been done long ago and be told only now.
        let at = self.state.now.plus_seconds(-LATENCY_S);
        self.pass_time(at, step);
        self.state.flow.intervention(done.station, done.kind);
        self.settle(at);
    }

    /// A cycle is complete, so that a part was made.
    pub(crate) fn count_part(&mut self, station: StationId, cycle: &CycleData) {
        if self.model.stations[station.index()].has_cycles {
            let judgement = self.judgement(station, cycle);
            let variant = self.state.stations[station.index()].worked_on.variant;
            self.state.flow.made(&self.model.flow, station, variant, judgement);
        }
    }

    /// What is known of the part of a cycle: what the station itself says, and whether what was measured is within its
    /// limits. A sensor that has failed, or has measured nothing, judges nothing.
    fn judgement(&self, station: StationId, cycle: &CycleData) -> Judgement {
        let state = &self.state.stations[station.index()];
        let variant = state.worked_on.variant.map(usize::from);
        let (mut is_judged, mut is_blind) = (false, false);
        for &(place, signal) in &self.model.limited[station.index()] {
            let (low, high) = self.model.limits(signal, variant);
            if low.is_none() && high.is_none() {
                continue;
            }
            let works = state.sensors[place].failure().is_none();
            let Some(value) = cycle.mean(place).filter(|_| works) else {
                is_blind = true;
                continue;
            };
            if low.is_some_and(|low| value < low) || high.is_some_and(|high| value > high) {
                return Judgement::Scrap;
            }
            is_judged = true;
        }
        match state.present.result {
            Some(false) => Judgement::Scrap,
            Some(true) => Judgement::Good,
            None if is_judged && !is_blind => Judgement::Good,
            None => Judgement::Unjudged,
        }
    }
}
