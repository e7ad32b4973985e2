//! A small plant and an incident of it, for tests.

use alarms::{
    Detector, Direction, Evidence, Incident, IncidentState, Intervention, Priority, RankedCause, Source, TimeToLimit,
};
use flow::{FlowModel, FlowTracker, Judgement, StationState};
use plant::{
    Cause, DataType, Detection, Link, LinkSettings, ModbusSettings, Origin, Plant, Role, Signal, Station, StationId,
    StationKind, Variant, WordOrder,
};
use telemetry::{
    IncidentId, InterventionKind, LinkId, LinkState, Quality, Reason, Sample, SignalId, Symbol, Timestamp, Value,
};
use twin::{ClockOff, Counts, FeatureView, LineView, LinkView, StationView};

use crate::StateV1;

pub(crate) const COOL: StationId = StationId(0);
pub(crate) const WELD: StationId = StationId(1);
pub(crate) const CURRENT: SignalId = SignalId(0);

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap_or_else(|problem| panic!("{time}: {problem}"))
}

pub(crate) fn origin() -> Origin {
    Origin { file: "plant.toml".into(), line: 1 }
}

/// A cooling loop and a weld station that depends on it, behind one Modbus link.
pub(crate) fn plant() -> Plant {
    let station = |id, name: &str, kind, utilities, ideal_cycle_s| Station {
        id,
        name: name.into(),
        kind,
        upstream: Vec::new(),
        utilities,
        ideal_cycle_s,
        origin: origin(),
    };
    Plant {
        enterprise: "acme".into(),
        site: "ulm".into(),
        area: "body".into(),
        line: "line-1".into(),
        variants: vec![Variant { name: "EV1".into(), code: 1 }],
        links: vec![Link { id: LinkId(0), name: "plc-weld".into(), settings: modbus(), origin: origin() }],
        stations: vec![
            station(COOL, "cool-10", StationKind::CoolingLoop, Vec::new(), None),
            station(WELD, "weld-20", StationKind::SpotWeld, vec![COOL], Some(58.0)),
        ],
        signals: vec![current()],
        detection: Detection { false_alarms_per_shift: 1.0, warm_up_cycles: 30, ..Detection::default() },
        ..Plant::default()
    }
}

fn modbus() -> LinkSettings {
    LinkSettings::Modbus(ModbusSettings {
        poll_interval_s: 0.5,
        max_registers: 100,
        max_gap: 4,
        ..ModbusSettings::tcp("localhost", 502)
    })
}

fn current() -> Signal {
    Signal {
        id: CURRENT,
        path: "weld-20/current".into(),
        station: WELD,
        role: Role::WeldCurrent,
        link: LinkId(0),
        address: "holding:100".into(),
        data_type: DataType::F32,
        word_order: WordOrder::Abcd,
        poll: None,
        sampling: plant::Sampling::default(),
        unit: "kA".into(),
        scale: 1.0,
        offset: 0.0,
        range_low: None,
        range_high: None,
        stale_after_s: None,
        origin: origin(),
    }
}

/// The resistance at the weld station falls since 08:14; the limit is 25 minutes away, 18 to 41.
pub(crate) fn incident() -> Incident {
    Incident {
        id: IncidentId { sequence: 412, ordinal: 0 },
        state: IncidentState::Unacknowledged,
        priority: Priority::Medium,
        station: Some(WELD),
        link: None,
        causes: vec![
            RankedCause { cause: Cause::ElectrodeWear, share: 0.78 },
            RankedCause { cause: Cause::SheetMaterial, share: 0.22 },
        ],
        affected: Vec::new(),
        evidence: vec![evidence()],
        onset: at("2026-11-24T08:14:30Z"),
        raised: at("2026-11-24T08:20:00Z"),
        updated: at("2026-11-24T08:20:00Z"),
        time_to_limit: Some(TimeToLimit { expected_s: 1502.0, earliest_s: 1080.0, latest_s: Some(2460.0) }),
        acknowledged: None,
        returned: None,
        ended_by: None,
        recent_interventions: Vec::new(),
        recent_changes: Vec::new(),
        in_common: Vec::new(),
        handling: alarms::Handling::default(),
    }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        source: Source::Feature { station: WELD, feature: 2 },
        name: "weld resistance".into(),
        unit: "µΩ".into(),
        variant: Symbol::new("EV1").ok(),
        part: Symbol::new("P-000317").ok(),
        direction: Some(Direction::Down),
        value: Some(168.5),
        baseline: Some(182.0),
        sigma: Some(4.5),
        baseline_cycles: 120,
        detector: Detector::MeanShift,
        statistic: 9.25,
        threshold: 7.5,
        false_alarms_per_shift: 0.015625,
        onset: at("2026-11-24T08:14:30Z"),
        note: String::new(),
    }
}

/// The caps were dressed at 08:18.
pub(crate) fn tool_dress() -> Intervention {
    Intervention {
        kind: InterventionKind::ToolDress,
        station: WELD,
        signal: None,
        at: at("2026-11-24T08:18:00Z"),
        by: Some("Kim".into()),
        comment: "12 passes".into(),
    }
}

/// The weld station of [`plant`] has done one cycle, and is down for ten seconds since 08:00.
pub(crate) fn flow() -> flow::FlowView {
    let mut plant = plant();
    let (role, path) = (Role::CycleActive, "weld-20/active".into());
    plant.signals.push(Signal { id: SignalId(1), role, path, ..current() });
    let (model, mut ended) = (FlowModel::new(&plant), Vec::new());
    let mut tracker = FlowTracker::new(&model);
    let begin = at("2026-11-24T08:00:00Z");
    tracker.advance(&model, begin.plus_seconds(-60.0), &mut ended);
    tracker.working(&model, WELD, true, begin.plus_seconds(-60.0));
    tracker.settle(&model, begin.plus_seconds(-60.0));
    tracker.made(&model, WELD, Some(0), Judgement::Good);
    tracker.advance(&model, begin, &mut ended);
    tracker.working(&model, WELD, false, begin);
    tracker.fault(WELD, true, begin);
    tracker.settle(&model, begin);
    tracker.advance(&model, begin.plus_seconds(10.0), &mut ended);
    tracker.view(&model)
}

/// Checks a message against its published schema, formats included.
pub(crate) fn assert_valid(name: &str, json: &str) {
    let schema = crate::schemas().into_iter().find(|(known, _)| *known == name).map(|(_, schema)| schema);
    let schema = serde_json::to_value(schema).unwrap_or_default();
    let message = serde_json::from_str(json).unwrap_or_else(|problem| panic!("{json}: {problem}"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    let validator = validator.unwrap_or_else(|problem| panic!("schema {name}: {problem}"));
    let problems: Vec<String> = validator.iter_errors(&message).map(|problem| problem.to_string()).collect();
    assert!(problems.is_empty(), "{name}: {problems:?} in {json}");
}

/// The state of that plant's line.
pub(crate) fn state() -> StateV1 {
    StateV1::new(&plant(), &line_view(), None)
}

fn station(station: plant::StationId, features: Vec<FeatureView>) -> StationView {
    StationView {
        station,
        state: StationState::Unknown,
        since: Timestamp::EPOCH,
        part: None,
        variant: Some(0),
        cycles: 12,
        last_cycle_s: Some(57.5),
        interventions: vec![tool_dress()],
        features,
    }
}

fn resistance() -> FeatureView {
    FeatureView {
        name: "weld resistance",
        unit: "µΩ".into(),
        value: Some(f64::NAN),
        baseline: None,
        sigma: Some(0.0),
        baseline_cycles: 12,
        warm_up_cycles: 30,
        statistic: 0.0,
        threshold: f64::INFINITY,
    }
}

fn line_view() -> LineView {
    let value = Value::Float(f64::NEG_INFINITY);
    let quality = Quality::Bad(Reason::OutOfRange);
    LineView {
        now: at("2026-11-24T08:20:00Z"),
        sequence: 412,
        links: vec![LinkView {
            link: LinkId(0),
            state: Some(LinkState::Down { reason: "connection refused".into() }),
            since: at("2026-11-24T08:00:00Z"),
            clocks_off: vec![ClockOff { station: WELD, behind_s: 3600.25 }],
        }],
        stations: vec![station(COOL, Vec::new()), station(WELD, vec![resistance()])],
        flow: flow(),
        signals: vec![Some(Sample { signal: CURRENT, source_time: at("2026-11-24T08:19:59Z"), value, quality })],
        incidents: vec![incident()],
        out_of_service: Vec::new(),
        flood_since: None,
        counts: Counts::default(),
    }
}
