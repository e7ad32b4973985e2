//! A small line: a -> b -> store -> c, told what its signals would say.
#![allow(clippy::unwrap_used)]

use flow::{Activity, FlowModel, FlowTracker, Judgement, Loss, ShiftReport, Source, StationFlowView, StationState};
use plant::{Files, Overrides, StationId};
use proptest::prelude::*;
use telemetry::{InterventionKind, NANOS_PER_SECOND, Timestamp};

const PLANT: &str = r#"
enterprise = "e"
site = "s"
area = "a"
line = "l"

[detection]
shift_h = 1.0

[[variant]]
name = "x"
code = 1

[[variant]]
name = "y"
code = 2

[[link]]
protocol = "modbus"
name = "plc"
host = "plc"

[[station]]
name = "a"
kind = "robot"
ideal_cycle_s = 10.0

[[station]]
name = "b"
kind = "robot"
upstream = ["a"]
ideal_cycle_s = 10.0
variant_cycle_s = { y = 15.0 }

[[station]]
name = "store"
kind = "buffer"
upstream = ["b"]

[[station]]
name = "c"
kind = "robot"
upstream = ["store"]
ideal_cycle_s = 10.0
"#;

const CALENDAR: &str = r#"
[calendar]
time_zone = "UTC"

[[calendar.shift]]
name = "only"
days = ["thu"]
start = "00:00"
end = "01:00"
breaks = ["00:10-00:20"]
planned_output = { x = 300, y = 60 }
"#;

const TAGS: &str = "signal,role,link,address,type,order,unit,scale,offset,low,high,description\n\
    a/active,cycle.active,plc,coil:0,bool,,,,,,,\n\
    b/active,cycle.active,plc,coil:1,bool,,,,,,,\n\
    store/level,buffer.level,plc,holding:0,u16,,,,,,,\n\
    c/active,cycle.active,plc,coil:2,bool,,,,,,,\n";

const A: StationId = StationId(0);
const B: StationId = StationId(1);
const STORE: StationId = StationId(2);
const C: StationId = StationId(3);

fn model(calendar: &str) -> FlowModel {
    let plant = format!("{PLANT}{calendar}");
    let files = Files::from_pairs([("plant.toml", plant.as_str()), ("tags/all.csv", TAGS)]);
    FlowModel::new(&plant::load(&files, &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}")).plant)
}

/// 1970-01-01 was a Thursday.
fn at(seconds: f64) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(seconds)
}

/// The line, told what happens in order.
struct Line {
    model: FlowModel,
    tracker: FlowTracker,
    ended: Vec<ShiftReport>,
}

impl Line {
    fn new(calendar: &str) -> Self {
        let model = model(calendar);
        let mut line = Self { tracker: FlowTracker::new(&model), model, ended: Vec::new() };
        line.pass(0.0);
        line
    }

    fn pass(&mut self, seconds: f64) {
        self.tracker.advance(&self.model, at(seconds), &mut self.ended);
    }

    /// A cycle begins or ends, and whoever is upstream has its part taken, as the twin tells it.
    fn work(&mut self, station: StationId, working: bool, seconds: f64) {
        self.pass(seconds);
        self.tracker.working(&self.model, station, working, at(seconds));
        match (station, working) {
            (B, true) => drop(self.tracker.part_taken(A, at(seconds))),
            (C, false) => drop(self.tracker.part_taken(C, at(seconds))),
            _ => {}
        }
        self.tracker.settle(&self.model, at(seconds));
    }

    fn fault(&mut self, station: StationId, faulted: bool, seconds: f64) {
        self.pass(seconds);
        self.tracker.fault(station, faulted, at(seconds));
        self.tracker.settle(&self.model, at(seconds));
    }

    fn store(&mut self, has_parts: bool, seconds: f64) {
        self.pass(seconds);
        self.tracker.buffer(STORE, has_parts);
        self.tracker.settle(&self.model, at(seconds));
    }

    fn put_into_store(&mut self, seconds: f64) {
        self.store(true, seconds);
        self.tracker.part_taken(B, at(seconds));
        self.tracker.settle(&self.model, at(seconds));
    }

    fn made(&mut self, station: StationId, variant: u16, judgement: Judgement) {
        self.tracker.made(&self.model, station, Some(variant), judgement);
    }

    fn station(&self, station: StationId) -> StationFlowView {
        self.tracker.view(&self.model).stations[station.index()].clone()
    }

    #[track_caller]
    fn check(&self, station: StationId, state: StationState, waits_for: Option<Source>, root: Option<Source>) {
        let view = self.station(station);
        assert_eq!((view.state, view.waits_for, view.root), (state, waits_for, root));
    }

    fn lost_s(&self, station: StationId, loss: Loss) -> f64 {
        let shift = self.tracker.view(&self.model).shift.unwrap();
        let losses = &shift.stations.iter().find(|known| known.station == station).unwrap().losses.losses;
        let nanos: i64 = losses.iter().filter(|(known, _)| *known == loss).map(|(_, nanos)| nanos).sum();
        nanos as f64 / NANOS_PER_SECOND as f64
    }

    /// All stations have had a cycle, and stand empty but for a part that `a` has done at 10 s.
    fn begun() -> Self {
        let mut line = Self::new("");
        for station in [C, B, A] {
            line.work(station, true, 0.0);
        }
        line.work(C, false, 5.0);
        line.work(B, false, 6.0);
        line.put_into_store(6.0);
        line.work(A, false, 10.0);
        line
    }
}

fn by(station: StationId) -> Option<Source> {
    Some(Source::Station(station))
}

#[test]
fn a_wait_is_traced_to_the_station_that_is_down() {
    let mut line = Line::begun();
    line.work(B, true, 12.0);
    line.fault(B, true, 14.0);
    line.work(A, true, 14.0);
    line.work(C, true, 14.0);
    line.store(false, 14.0);
    line.work(A, false, 20.0);
    line.work(C, false, 24.0);
    line.check(B, StationState::Down, None, None);
    line.check(A, StationState::Blocked, by(B), by(B));
    line.check(C, StationState::Starved, by(STORE), by(B));
    line.pass(100.0);
    assert_eq!(line.lost_s(A, Loss::Blocked(Source::Station(B))), 80.0);
    // And from 5 s to 6 s, before the first part of b.
    assert_eq!(line.lost_s(C, Loss::Starved(Source::Station(B))), 77.0);
    assert_eq!(line.lost_s(B, Loss::Down(None)), 86.0);
    line.fault(B, false, 100.0);
    line.check(B, StationState::Running, None, None);
    line.check(A, StationState::Blocked, by(B), by(B));
}

#[test]
fn a_full_buffer_is_told_from_the_time_that_a_part_takes_to_get_into_it() {
    let mut line = Line::begun();
    line.work(B, true, 12.0);
    line.work(C, true, 12.0);
    line.work(B, false, 20.0);
    line.pass(30.0);
    assert_eq!(line.lost_s(B, Loss::Blocked(Source::Station(C))), 0.0);
    // Not gone after 15 s: it must be full. It is `c` that does not empty it.
    line.pass(60.0);
    line.check(B, StationState::Blocked, by(STORE), by(C));
    assert_eq!(line.lost_s(B, Loss::Blocked(Source::Station(C))), 25.0);
    line.put_into_store(61.0);
    line.check(B, StationState::Starved, by(A), Some(Source::Supply));
}

#[test]
fn a_station_that_leaves_a_part_waiting_is_held_and_a_change_of_variant_makes_it_a_changeover() {
    let mut line = Line::begun();
    line.made(B, 0, Judgement::Good);
    // The part of `a` is there since 10 s and `b` is free; 15 s pass for a handover while nothing is learnt.
    line.pass(20.0);
    line.check(A, StationState::Starved, Some(Source::Supply), Some(Source::Supply));
    line.pass(30.0);
    line.check(B, StationState::Held, None, None);
    line.tracker.intervention(B, InterventionKind::ToolDress);
    line.tracker.settle(&line.model, at(40.0));
    assert_eq!(line.station(B).reason, Some(InterventionKind::ToolDress));
    line.check(A, StationState::Blocked, by(B), by(B));
    line.work(B, true, 70.0);
    assert_eq!(line.lost_s(B, Loss::Held(Some(InterventionKind::ToolDress))), 30.0);
    line.work(B, false, 80.0);
    line.made(B, 1, Judgement::Good);
    assert_eq!(line.lost_s(B, Loss::Changeover), 45.0, "from 25 s to 70 s");
    let cells = line.station(B).changeovers;
    assert_eq!((cells[0].from, cells[0].to, cells[0].count, cells[0].mean_s), (0, 1, 1, 45.0));
}

#[test]
fn a_reported_changeover_is_one_until_the_next_cycle() {
    let mut line = Line::begun();
    line.pass(12.0);
    line.tracker.intervention(B, InterventionKind::Changeover);
    line.tracker.settle(&line.model, at(12.0));
    line.check(B, StationState::Changeover, None, None);
    line.work(B, true, 40.0);
    line.check(B, StationState::Running, None, None);
    assert_eq!(line.lost_s(B, Loss::Changeover), 28.0);
}

#[test]
fn a_break_is_no_loss_of_a_station_and_work_in_it_counts() {
    let mut line = Line::new(CALENDAR);
    line.work(A, true, 0.0);
    line.work(A, false, 590.0);
    line.pass(700.0);
    line.check(A, StationState::NotScheduled, None, None);
    line.work(A, true, 900.0);
    line.check(A, StationState::Running, None, None);
    line.pass(1300.0);
    assert_eq!(line.lost_s(A, Loss::Break), 300.0);
    line.pass(3700.0);
    let [report] = &line.ended[..] else { panic!("{:?}", line.ended) };
    assert_eq!((report.start, report.until), (at(0.0), at(3600.0)));
    assert_eq!(report.line.planned_output, Some(360));
    assert_eq!(report.line.takt_s, Some(3000.0 / 360.0));
    assert_eq!(line.tracker.view(&line.model).shift.unwrap().shift, None, "until next Thursday");
}

/// The worked example that `docs/kpi.md` has, of an hour.
#[test]
fn indicators_follow_the_standards_formulas() {
    let mut line = Line::begun();
    line.work(B, true, 12.0);
    for part in 0..50 {
        line.made(B, u16::from(part < 20), if part == 0 { Judgement::Scrap } else { Judgement::Good });
    }
    line.work(B, false, 1212.0);
    line.put_into_store(1212.0);
    line.fault(B, true, 1500.0);
    line.fault(B, false, 1800.0);
    line.pass(3600.0);
    let report = &line.ended[0];
    let kpis = report.stations[1].kpis;
    // b works 6 s, waits 4 s, has a handover of 2 s, and works 1200 s; down for 300 s; the rest it is starved.
    assert_eq!((kpis.planned_busy_s, kpis.production_s, kpis.delay_s), (3600.0, 1208.0, 300.0));
    assert_eq!(kpis.busy_s + kpis.down_s, kpis.planned_busy_s);
    assert_eq!((kpis.produced, kpis.good, kpis.scrap, kpis.failures), (50, Some(49), 1, 1));
    assert_eq!(kpis.planned_run_s, Some(20.0 * 15.0 + 30.0 * 10.0));
    assert_eq!(kpis.availability, Some(1208.0 / 3600.0));
    assert_eq!(kpis.effectiveness, Some(600.0 / 1208.0));
    assert_eq!(kpis.quality_ratio, Some(0.98));
    assert!((kpis.oee.unwrap() - 600.0 * 0.98 / 3600.0).abs() < 1e-12);
    assert_eq!(kpis.technical_efficiency, Some(1208.0 / 1508.0));
    assert_eq!((kpis.between_failures_s, kpis.to_restoration_s), (Some(1208.0), Some(300.0)));
    let tree = &report.stations[1].losses;
    assert_eq!((tree.good_ns, tree.scrap_ns), (585 * NANOS_PER_SECOND, 15 * NANOS_PER_SECOND));
    assert_eq!(tree.speed_ns, 608 * NANOS_PER_SECOND);
}

#[derive(Debug, Clone)]
enum Step {
    Work(u16, bool),
    Fault(u16, bool),
    Taken(u16),
    Lost(u16),
    Store(bool),
    Done(u16, InterventionKind),
    Made(u16, u16),
    Nothing,
    PutBack(f64),
}

fn any_step() -> impl Strategy<Value = (f64, Step)> {
    let station = || 0..4_u16;
    let step = prop_oneof![
        8 => (station(), any::<bool>()).prop_map(|(station, working)| Step::Work(station, working)),
        2 => (station(), any::<bool>()).prop_map(|(station, faulted)| Step::Fault(station, faulted)),
        3 => station().prop_map(Step::Taken),
        1 => station().prop_map(Step::Lost),
        2 => any::<bool>().prop_map(Step::Store),
        1 => (station(), 0..InterventionKind::ALL.len())
            .prop_map(|(station, kind)| Step::Done(station, InterventionKind::ALL[kind])),
        3 => (station(), 0..3_u16).prop_map(|(station, variant)| Step::Made(station, variant)),
        2 => Just(Step::Nothing),
        1 => (0.0..4000.0_f64).prop_map(Step::PutBack),
    ];
    (prop_oneof![-2.0..60.0_f64, 0.0..900.0_f64], step)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever the signals say, in whatever order: every nanosecond of a shift goes into one thing, and the loss tree
    /// divides all of it.
    #[test]
    fn time_is_conserved(steps in proptest::collection::vec(any_step(), 0..150), with_calendar in any::<bool>()) {
        let mut line = Line::new(if with_calendar { CALENDAR } else { "" });
        let mut now = 0.0;
        for (pause_s, step) in steps {
            now += pause_s;
            line.pass(now);
            let Line { model, tracker, .. } = &mut line;
            match step {
                Step::Work(station, working) => drop(tracker.working(model, StationId(station), working, at(now))),
                Step::Fault(station, faulted) => drop(tracker.fault(StationId(station), faulted, at(now))),
                Step::Taken(station) => drop(tracker.part_taken(StationId(station), at(now))),
                Step::Lost(station) => drop(tracker.lost(StationId(station), at(now))),
                Step::Store(has_parts) => tracker.buffer(STORE, has_parts),
                Step::Done(station, kind) => tracker.intervention(StationId(station), kind),
                Step::Made(station, variant) => {
                    let variant = (variant < 2).then_some(variant);
                    tracker.made(model, StationId(station), variant, Judgement::Unjudged);
                }
                Step::Nothing => {}
                Step::PutBack(by_s) => {
                    now -= by_s;
                    tracker.put_back(model, at(now));
                }
            }
            line.tracker.settle(&line.model, at(now));
            check_conserved(&line)?;
        }
    }
}

fn check_conserved(line: &Line) -> Result<(), TestCaseError> {
    let view = line.tracker.view(&line.model);
    prop_assert!(view.past.len() <= flow::SHIFTS_MAX);
    for report in view.past.iter().chain(&view.shift) {
        for station in &report.stations {
            let span_ns = report.until.as_nanos() - report.start.as_nanos();
            let (tree, kpis) = (&station.losses, &station.kpis);
            prop_assert_eq!(tree.total_ns, span_ns, "{:?}", station);
            prop_assert_eq!(tree.sum_ns(), span_ns);
            prop_assert!(tree.losses.iter().all(|&(_, nanos)| nanos > 0));
            let is_idle = |(loss, _): &&(Loss, i64)| matches!(loss, Loss::Unseen | Loss::Break);
            let idle: i64 = tree.losses.iter().filter(is_idle).map(|(_, nanos)| nanos).sum();
            let planned_s = (span_ns - idle) as f64 / NANOS_PER_SECOND as f64;
            prop_assert!((kpis.planned_busy_s - planned_s).abs() < 1e-6);
            prop_assert!(kpis.availability.is_none_or(|share| (0.0..=1.0 + 1e-9).contains(&share)));
        }
        let shares: f64 = report.bottlenecks.iter().map(|share| share.sole).sum();
        prop_assert!(shares <= 1.0 + 1e-9, "{:?}", report.bottlenecks);
    }
    Ok(())
}

#[test]
fn waiting_for_others_is_not_active() {
    assert!(Activity::Lost(Loss::Held(None)).is_active());
    assert!(!Activity::Lost(Loss::Starved(Source::Supply)).is_active());
}

/// Nothing tells when a part is there for an entry of the line: short waits are handovers, what goes beyond is a wait.
#[test]
fn at_an_entry_what_is_longer_than_usual_is_a_wait_for_supply() {
    let mut line = Line::begun();
    let mut now = 10.0;
    for cycle in 0..40 {
        let late_s = if cycle == 30 { 20.0 } else { 0.0 };
        line.work(B, true, now + 2.0);
        line.work(A, true, now + 2.0 + late_s);
        line.work(A, false, now + 12.0 + late_s);
        line.work(B, false, now + 13.0 + late_s);
        line.put_into_store(now + 13.0 + late_s);
        now += 13.0 + late_s;
    }
    let waited_s = line.lost_s(A, Loss::Starved(Source::Supply));
    let handover_s = line.tracker.view(&line.model).shift.unwrap().stations[0].kpis.handover_s;
    assert_eq!((handover_s, waited_s), (80.0, 20.0));
}
