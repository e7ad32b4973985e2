use std::collections::{BTreeSet, VecDeque};

use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{InterventionKind, Timestamp};

use crate::bottleneck::Bottlenecks;
use crate::judge::look_about;
use crate::ledger::Ledger;
use crate::model::PlaceKind;
use crate::station::StationFlow;
use crate::{
    Activity, BottleneckShare, BottleneckView, Changeover, FlowModel, Judgement, LineKpis, Loss, Made, Period,
    ShiftReport, Source, StationShift, StationState,
};

/// The most shifts that are kept after their end.
pub const SHIFTS_MAX: usize = 14;
/// The most periods that are gone through one by one when time makes a leap; beyond that what lies between was not seen.
const LEAP_PERIODS: usize = 64;
/// The clock of the line may be put back by so much before it begins anew, seconds.
const STEP_BACK_MAX_S: f64 = 120.0;

/// Times before 1824 or after 2116 are taken as the nearest within, so that no difference of two is too large.
fn believable(at: Timestamp) -> Timestamp {
    let end = Timestamp::from_nanos(i64::MAX / 2);
    at.clamp(Timestamp::from_nanos(i64::MIN / 2), end)
}

/// Follows what the stations of a line do and wait for, where their time goes and which one is the bottleneck.
///
/// It is told what the signals say, at event time; when all of one moment is told, [`FlowTracker::settle`] looks at those
/// stations and at those that wait for them. Between begins and ends of cycles, faults and changes of buffers there is
/// nothing to do. Its memory does not grow with time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowTracker {
    stations: Vec<StationFlow>,
    /// The period under way; none before the first input.
    period: Option<Period>,
    is_planned: bool,
    /// How far time has come.
    clock: Timestamp,
    /// The next moment at which something changes by itself.
    next_change: Timestamp,
    /// When handovers will have taken longer than they may, by station.
    deadlines: BTreeSet<(Timestamp, u16)>,
    /// The stations that something was told of since the last [`Self::settle`].
    told: BTreeSet<u16>,
    bottlenecks: Bottlenecks,
    /// Parts that have left the line in the period, each where its variant does, by variant.
    made: Vec<Made>,
    past: VecDeque<ShiftReport>,
}

/// A station of the line at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StationFlowView {
    /// What it is doing.
    pub state: StationState,
    /// Since when.
    pub since: Timestamp,
    /// Whom it waits for next to it, if it is starved or blocked.
    pub waits_for: Option<Source>,
    /// Who is to blame: the other end of the chain of stations that wait for each other.
    pub root: Option<Source>,
    /// What was reported or seen to be done there while it stands.
    pub reason: Option<InterventionKind>,
    /// Its changeover matrix.
    pub changeovers: Vec<Changeover>,
}

/// The flow of the line at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowView {
    /// Its stations, by id.
    pub stations: Vec<StationFlowView>,
    /// The shift under way so far, or the time between two; none before the first input.
    pub shift: Option<ShiftReport>,
    /// Whether the line is to work now.
    pub is_planned: bool,
    /// Time in which the line is to work until the end of the shift, seconds.
    pub planned_left_s: f64,
    /// The shifts before it, the latest last.
    pub past: Vec<ShiftReport>,
    /// Where the bottleneck is.
    pub bottleneck: BottleneckView,
}

impl FlowTracker {
    /// A tracker of a line that nothing is known of yet.
    pub fn new(model: &FlowModel) -> Self {
        let stations = model.places.len();
        Self {
            stations: (0..stations).map(|place| StationFlow::new(place, model.variants)).collect(),
            period: None,
            is_planned: false,
            clock: Timestamp::EPOCH,
            next_change: Timestamp::EPOCH,
            deadlines: BTreeSet::new(),
            told: BTreeSet::new(),
            bottlenecks: Bottlenecks::new(stations, Timestamp::EPOCH),
            made: vec![Made::default(); model.variants + 1],
            past: VecDeque::new(),
        }
    }

    /// A station began or ended work on a part. Returns the new state that its own signals show, if it changed.
    pub fn working(
        &mut self,
        model: &FlowModel,
        station: StationId,
        working: bool,
        at: Timestamp,
    ) -> Option<StationState> {
        let at = believable(at);
        let has_cycles = model.places[station.index()].kind == PlaceKind::Cycles;
        let flow = &mut self.stations[station.index()];
        let was_working = flow.watch.is_working();
        let changed = flow.watch.working(working, at);
        if has_cycles && working && !was_working {
            flow.begin(at);
        } else if has_cycles && was_working && !working {
            flow.done_since = Some(at);
        }
        if has_cycles && (was_working != working || changed.is_some()) {
            self.told.insert(station.0);
        }
        changed
    }

    /// A station's fault came or went. Returns the new state that its own signals show, if it changed.
    pub fn fault(&mut self, station: StationId, faulted: bool, at: Timestamp) -> Option<StationState> {
        let at = believable(at);
        let flow = &mut self.stations[station.index()];
        let begins = faulted && !flow.watch.is_faulted();
        let changed = flow.watch.fault(faulted, at);
        if begins && self.is_planned {
            flow.ledger.fail();
        }
        self.told.insert(station.0);
        changed
    }

    /// A station's part was taken over downstream. Returns the new state that its own signals show, if it changed.
    pub fn part_taken(&mut self, station: StationId, at: Timestamp) -> Option<StationState> {
        let at = believable(at);
        let flow = &mut self.stations[station.index()];
        flow.done_since = None;
        self.told.insert(station.0);
        flow.watch.part_taken(at)
    }

    /// A station can no longer be seen. Returns the new state that its own signals show, if it changed.
    pub fn lost(&mut self, station: StationId, at: Timestamp) -> Option<StationState> {
        let at = believable(at);
        let flow = &mut self.stations[station.index()];
        flow.has_cycled = false;
        flow.judged.ready = None;
        self.told.insert(station.0);
        flow.watch.lost(at)
    }

    /// A buffer has parts, or has none.
    pub fn buffer(&mut self, station: StationId, has_parts: bool) {
        if std::mem::replace(&mut self.stations[station.index()].has_parts, has_parts) != has_parts {
            self.told.insert(station.0);
        }
    }

    /// Something was done at a station, as reported or seen: while it stands, that is the reason.
    pub fn intervention(&mut self, station: StationId, kind: InterventionKind) {
        let flow = &mut self.stations[station.index()];
        flow.reason = Some(kind);
        flow.is_set_up |= kind == InterventionKind::Changeover && !flow.watch.is_working();
        self.told.insert(station.0);
    }

    /// A cycle is complete: a part of that variant was made. It counts for the shift in which that becomes known, about a
    /// second after its end.
    pub fn made(&mut self, model: &FlowModel, station: StationId, variant: Option<u16>, judgement: Judgement) {
        let flow = &mut self.stations[station.index()];
        flow.made(variant);
        flow.ledger.make(variant, judgement);
        if model.is_last(station.index(), variant) {
            let last = self.made.len() - 1;
            let made = &mut self.made[variant.map_or(last, usize::from).min(last)];
            made.add(Made::one(judgement));
        }
    }

    /// Time has come to a moment: what changes by itself until then does. Appends the shifts that have ended.
    pub fn advance(&mut self, model: &FlowModel, to: Timestamp, ended: &mut Vec<ShiftReport>) {
        let to = believable(to);
        if self.period.is_none() {
            self.begin_anew(model, to);
        }
        let mut periods = 0;
        while self.next_change <= to {
            let at = self.next_change;
            self.clock = self.clock.max(at);
            if self.period.as_ref().is_some_and(|period| at >= period.end) {
                periods += 1;
                if periods > LEAP_PERIODS {
                    self.begin_anew(model, to);
                    break;
                }
                ended.extend(self.end_period(model, at));
            }
            let is_planned = self.period.as_ref().is_some_and(|period| period.is_planned(at));
            if std::mem::replace(&mut self.is_planned, is_planned) != is_planned {
                self.told.extend(0..self.stations.len() as u16);
            }
            self.settle(model, at);
        }
        self.clock = self.clock.max(to);
    }

    /// The clock was put back to that moment.
    pub fn put_back(&mut self, model: &FlowModel, to: Timestamp) {
        let to = believable(to);
        let is_before = self.period.as_ref().is_some_and(|period| to < period.start);
        if is_before || self.clock.seconds_since(to) > STEP_BACK_MAX_S {
            self.past.retain(|report| report.end <= to);
            self.begin_anew(model, to);
        }
    }

    /// Nothing is known of the period before that moment.
    fn begin_anew(&mut self, model: &FlowModel, at: Timestamp) {
        let period = model.calendar.period(at);
        self.is_planned = period.is_planned(at);
        self.made.fill(Made::default());
        for flow in &mut self.stations {
            flow.ledger = Ledger::new(model.variants);
            flow.ledger.spend(Activity::Lost(Loss::Unseen), at.as_nanos().saturating_sub(period.start.as_nanos()));
            flow.accounted = at;
            flow.since = flow.since.min(at);
            flow.judged.ready = None;
            flow.done_since = flow.done_since.map(|done| done.min(at));
            (flow.held_ns, flow.held_in_ledger_ns, flow.gap) = (0, 0, (0, 0));
        }
        self.bottlenecks = Bottlenecks::new(self.stations.len(), at);
        for (place, flow) in self.stations.iter().enumerate() {
            self.bottlenecks.set_active(place, flow.activity.is_active(), at);
        }
        self.clock = at;
        self.period = Some(period);
        self.told.extend(0..self.stations.len() as u16);
        self.settle(model, at);
    }

    /// Ends the period at its end and begins the next; returns the report, if it was a shift and anything of it was seen.
    fn end_period(&mut self, model: &FlowModel, end: Timestamp) -> Option<ShiftReport> {
        for flow in &mut self.stations {
            flow.account(end);
        }
        let is_seen = self.stations.iter().any(|flow| flow.ledger.seen_ns() > 0);
        let bottlenecks = self.bottlenecks.close(end);
        let report = self.report(model, end, bottlenecks);
        for flow in &mut self.stations {
            flow.ledger = Ledger::new(model.variants);
            flow.held_in_ledger_ns = 0;
            flow.gap.1 = 0;
        }
        self.made.fill(Made::default());
        self.period = Some(model.calendar.period(end));
        let report = report.filter(|report| report.shift.is_some() && is_seen)?;
        if self.past.len() == SHIFTS_MAX {
            self.past.pop_front();
        }
        self.past.push_back(report.clone());
        Some(report)
    }

    fn report(&self, model: &FlowModel, until: Timestamp, bottlenecks: Vec<BottleneckShare>) -> Option<ShiftReport> {
        let period = self.period.as_ref()?;
        let with_cycles = self.stations.iter().enumerate().filter(|&(place, _)| is_with_cycles(model, place));
        let station = |(place, flow): (usize, &StationFlow)| StationShift {
            station: StationId(place as u16),
            kpis: model.kpis(place, &flow.ledger),
            losses: model.loss_tree(place, &flow.ledger),
        };
        let stations: Vec<StationShift> = with_cycles.map(station).collect();
        Some(ShiftReport {
            shift: period.shift,
            start: period.start,
            end: period.end,
            until,
            line: LineKpis::new(model, period, &stations, &self.made),
            stations,
            bottlenecks,
            made: self.made.clone(),
        })
    }

    /// All that happened at a moment has been told: lets those that it matters to see it.
    pub fn settle(&mut self, model: &FlowModel, at: Timestamp) {
        let at = believable(at);
        while let Some(&(deadline, place)) = self.deadlines.first()
            && deadline <= at
        {
            self.deadlines.pop_first();
            self.stations[usize::from(place)].deadline = None;
            self.told.insert(place);
        }
        let told = std::mem::take(&mut self.told).into_iter().map(|place| model.rank[usize::from(place)]).collect();
        for rank in look_about(model, &mut self.stations, told, self.is_planned, at) {
            let place = model.order[rank];
            if model.places[place].kind == PlaceKind::Cycles {
                self.follow(model, place, at);
                self.wait_for(place);
            }
        }
        let next = self.deadlines.first().map_or(Timestamp::from_nanos(i64::MAX), |&(deadline, _)| deadline);
        let by_plan = self.period.as_ref().map(|period| period.next_change(at.max(self.clock)));
        self.next_change = by_plan.map_or(next, |by_plan| by_plan.min(next));
    }

    /// Keeps the deadline of a station's handover.
    fn wait_for(&mut self, place: usize) {
        let flow = &mut self.stations[place];
        let (was, now) = (flow.deadline, flow.judged.deadline);
        if was == now {
            return;
        }
        flow.deadline = now;
        was.map(|deadline| self.deadlines.remove(&(deadline, place as u16)));
        self.deadlines.extend(now.map(|deadline| (deadline, place as u16)));
    }

    /// A station does what it was seen to do.
    fn follow(&mut self, model: &FlowModel, place: usize, at: Timestamp) {
        let flow = &mut self.stations[place];
        let (was, now) = (flow.activity, flow.judged.activity);
        let shown = now.state(flow.watch.state());
        if was == now && flow.shown == shown {
            return;
        }
        let at = flow.account(at);
        flow.activity = now;
        if std::mem::replace(&mut flow.shown, shown) != shown {
            flow.since = at;
        }
        if let (Activity::Handover, Activity::Lost(loss), Some(ready)) = (was, now, flow.judged.ready) {
            let usual = flow.usual(model.places[place].upstream.is_empty(), ready);
            flow.exceed_handover(loss, usual);
        }
        self.bottlenecks.set_active(place, now.is_active(), at);
    }

    /// Whether the line was to work all the time from one moment to another. A time that began in the shift before counts
    /// if that ended where this one begins.
    pub fn was_planned(&self, model: &FlowModel, from: Timestamp, to: Timestamp) -> bool {
        let Some(period) = &self.period else { return false };
        if from >= period.start {
            return period.is_planned_throughout(from, to);
        }
        let before = model.calendar.period(from);
        before.end == period.start
            && before.is_planned_throughout(from, before.end)
            && period.is_planned_throughout(period.start, to)
    }

    /// Whether a station works on a part, by its own signals; stopped or not.
    pub fn is_working(&self, station: StationId) -> bool {
        self.stations[station.index()].watch.is_working()
    }

    /// Whether a station has a finished part that nobody has taken yet.
    pub fn is_done(&self, station: StationId) -> bool {
        let watch = &self.stations[station.index()].watch;
        watch.holds_part() && !watch.is_working()
    }

    /// Since when a station has been stopped with a fault; `None` if it is not.
    pub fn down_since(&self, station: StationId) -> Option<Timestamp> {
        let flow = &self.stations[station.index()];
        flow.watch.is_faulted().then(|| flow.watch.since())
    }

    /// What a station does.
    pub fn state(&self, model: &FlowModel, station: StationId) -> StationState {
        self.stations[station.index()].state(model.places[station.index()].kind).0
    }

    /// The shift under way, by index into [`plant::Calendar::shifts`]; `None` between shifts.
    pub fn shift(&self) -> Option<u16> {
        self.period.as_ref().and_then(|period| period.shift)
    }

    /// The flow of the line now.
    pub fn view(&self, model: &FlowModel) -> FlowView {
        let mut now = self.clone();
        now.stations.iter_mut().for_each(|flow| {
            flow.account(self.clock);
        });
        let shift = now.report(model, self.clock, self.bottlenecks.shares(self.clock));
        let left = |report: &ShiftReport| model.calendar.planned_s(self.clock.max(report.start), report.end);
        FlowView {
            stations: self.stations.iter().zip(&model.places).map(|(flow, place)| flow.view(place.kind)).collect(),
            is_planned: self.is_planned,
            planned_left_s: shift.as_ref().filter(|report| report.shift.is_some()).map_or(0.0, left),
            shift,
            past: self.past.iter().cloned().collect(),
            bottleneck: self.bottlenecks.view(self.clock),
        }
    }
}

fn is_with_cycles(model: &FlowModel, place: usize) -> bool {
    model.places[place].kind == PlaceKind::Cycles
}

impl StationFlow {
    /// What it does, and since when.
    fn state(&self, kind: PlaceKind) -> (StationState, Timestamp) {
        match kind {
            PlaceKind::Cycles => (self.shown, self.since),
            PlaceKind::Buffer | PlaceKind::Utility => (self.watch.state(), self.watch.since()),
        }
    }

    fn view(&self, kind: PlaceKind) -> StationFlowView {
        let (state, since) = self.state(kind);
        let root = match self.activity {
            Activity::Lost(Loss::Starved(root) | Loss::Blocked(root)) => Some(root),
            _ => None,
        };
        StationFlowView {
            state,
            since,
            waits_for: self.judged.neighbour,
            root,
            reason: self.activity.reason(),
            changeovers: self.changeovers.cells(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Looking only where something was told comes to the same as looking everywhere.
        #[test]
        fn nobody_is_overlooked(steps in proptest::collection::vec((0..6_u16, 0..4_u8, any::<bool>(), 0.0..30.0_f64), 0..200)) {
            let model = FlowModel::of_line(6, 3);
            let (mut tracker, mut ended, mut now) = (FlowTracker::new(&model), Vec::new(), 0.0);
            for (station, what, yes, pause_s) in steps {
                now += pause_s;
                let at = Timestamp::EPOCH.plus_seconds(now);
                let station = StationId(station);
                tracker.advance(&model, at, &mut ended);
                match what {
                    _ if station.0 == 3 => tracker.buffer(station, yes),
                    0 => drop(tracker.working(&model, station, yes, at)),
                    1 => drop(tracker.fault(station, yes, at)),
                    2 => drop(tracker.part_taken(station, at)),
                    _ => tracker.buffer(StationId(3), yes),
                }
                tracker.settle(&model, at);
                let mut everywhere = tracker.clone();
                everywhere.told.extend(0..6);
                everywhere.settle(&model, at);
                prop_assert_eq!(&everywhere, &tracker);
            }
        }
    }
}
