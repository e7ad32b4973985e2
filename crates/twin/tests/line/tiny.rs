//! A line of three stations that a test tells what happens, second by second.

use std::sync::{Arc, LazyLock};

use plant::{
    DataType, Detection, Limit, Link, LinkSettings, ModbusSettings, Origin, Plant, Role, Signal, Station, StationId,
    StationKind, Variant, WordOrder,
};
use telemetry::{
    Command, CommandAction, Event, IncidentAction, IncidentId, Input, InterventionKind, LinkId, LinkState, Quality,
    Sample, SampleBatch, SignalId, Symbol, Timestamp, Value,
};
use twin::{Output, Outputs, Twin};

/// The weld's PLC.
pub(crate) const PLC: LinkId = LinkId(0);
/// The broker of all others.
pub(crate) const BROKER: LinkId = LinkId(1);

pub(crate) const COOLING: StationId = StationId(0);
pub(crate) const WELD: StationId = StationId(1);
pub(crate) const TIGHTEN: StationId = StationId(2);

/// Signals by what they are, in the plant's order.
pub(crate) const FLOW: SignalId = SignalId(0);
pub(crate) const SUPPLY: SignalId = SignalId(1);
pub(crate) const WELD_ACTIVE: SignalId = SignalId(2);
pub(crate) const LIFE: SignalId = SignalId(3);
pub(crate) const PART: SignalId = SignalId(4);
pub(crate) const RESISTANCE: SignalId = SignalId(5);
pub(crate) const VARIANT: SignalId = SignalId(6);
pub(crate) const TIGHTEN_ACTIVE: SignalId = SignalId(7);
pub(crate) const ANGLE: SignalId = SignalId(8);
pub(crate) const TIGHTEN_FAULT: SignalId = SignalId(9);
pub(crate) const TORQUE: SignalId = SignalId(10);
pub(crate) const PROGRAM: SignalId = SignalId(11);
pub(crate) const SIGNALS: u32 = 12;

/// Seconds from one part to the next.
pub(crate) const TAKT_S: f64 = 10.0;
/// Lowest resistance that the weld may have, in the unit of the samples.
pub(crate) const RESISTANCE_LOW: f64 = 80.0;
pub(crate) const WARM_UP_CYCLES: u32 = 10;

pub(crate) fn plant() -> Arc<Plant> {
    let origin = || Origin { file: String::new(), line: 0 };
    let modbus = ModbusSettings::tcp("", 502);
    let link = |id: LinkId, name: &str| Link {
        id,
        name: name.to_owned(),
        settings: LinkSettings::Modbus(modbus.clone()),
        origin: origin(),
    };
    let station = |id: StationId, name: &str, kind, upstream: &[StationId], utilities: &[StationId]| Station {
        id,
        name: name.to_owned(),
        kind,
        upstream: upstream.to_vec(),
        utilities: utilities.to_vec(),
        ideal_cycle_s: Some(TAKT_S),
        origin: origin(),
    };
    let signal = |id: SignalId, path: &str, station, role, link, range: Option<(f64, f64)>| Signal {
        id,
        path: path.to_owned(),
        station,
        role,
        link,
        address: String::new(),
        data_type: DataType::F64,
        word_order: WordOrder::Abcd,
        poll: None,
        sampling: plant::Sampling::default(),
        unit: String::new(),
        scale: 1.0,
        offset: 0.0,
        range_low: range.map(|(low, _)| low),
        range_high: range.map(|(_, high)| high),
        stale_after_s: None,
        origin: origin(),
    };
    let variant = |name: &str, code| Variant { name: name.to_owned(), code };
    Arc::new(Plant {
        enterprise: "acme".to_owned(),
        site: "ulm".to_owned(),
        area: "body".to_owned(),
        line: "tiny".to_owned(),
        variants: vec![variant("small", 1), variant("large", 2)],
        links: vec![link(PLC, "plc"), link(BROKER, "broker")],
        stations: vec![
            station(COOLING, "cooling", StationKind::CoolingLoop, &[], &[]),
            station(WELD, "weld", StationKind::SpotWeld, &[], &[COOLING]),
            station(TIGHTEN, "tighten", StationKind::PackAssembly, &[WELD], &[]),
        ],
        signals: vec![
            signal(FLOW, "cooling/flow", COOLING, Role::LoopFlow, BROKER, None),
            signal(SUPPLY, "cooling/supply", COOLING, Role::LoopSupplyTemperature, BROKER, None),
            signal(WELD_ACTIVE, "weld/active", WELD, Role::CycleActive, PLC, None),
            signal(LIFE, "weld/life", WELD, Role::ToolLife, PLC, None),
            signal(PART, "weld/part", WELD, Role::PartId, PLC, None),
            signal(RESISTANCE, "weld/resistance", WELD, Role::WeldResistance, PLC, Some((0.0, 1000.0))),
            signal(VARIANT, "weld/variant", WELD, Role::Variant, PLC, None),
            signal(TIGHTEN_ACTIVE, "tighten/active", TIGHTEN, Role::CycleActive, BROKER, None),
            signal(ANGLE, "tighten/angle", TIGHTEN, Role::TightenAngle, BROKER, None),
            signal(TIGHTEN_FAULT, "tighten/fault", TIGHTEN, Role::Fault, BROKER, None),
            signal(TORQUE, "tighten/torque", TIGHTEN, Role::TightenTorque, BROKER, None),
            signal(PROGRAM, "weld/program", WELD, Role::RobotProgram, PLC, None),
        ],
        limits: vec![Limit { signal: RESISTANCE, variant: None, low: Some(RESISTANCE_LOW), high: None }],
        detection: Detection { warm_up_cycles: WARM_UP_CYCLES, ..Detection::default() },
        ..Plant::default()
    })
}

/// The line's time, seconds after its begin in the year 2026.
pub(crate) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(1_795_413_600_000).plus_seconds(seconds)
}

pub(crate) fn sample(signal: SignalId, seconds: f64, value: Value) -> Sample {
    Sample { signal, source_time: at(seconds), value, quality: Quality::Good }
}

pub(crate) fn number(signal: SignalId, seconds: f64, value: f64) -> Sample {
    sample(signal, seconds, Value::Float(value))
}

pub(crate) fn yes(signal: SignalId, seconds: f64) -> Sample {
    sample(signal, seconds, Value::Boolean(true))
}

pub(crate) fn no(signal: SignalId, seconds: f64) -> Sample {
    sample(signal, seconds, Value::Boolean(false))
}

/// A little of both signs, different at each cycle, and the same in every run.
pub(crate) fn noise(cycle: usize) -> f64 {
    ((cycle * 7919) % 23) as f64 / 11.0 - 1.0
}

/// One weld, from its begin for 8 s.
pub(crate) fn weld(cycle: usize, resistance: f64) -> Vec<Sample> {
    let begin = cycle as f64 * TAKT_S;
    let part = Symbol::new(&format!("P{cycle:05}")).unwrap();
    vec![
        sample(PART, begin, Value::Symbol(part)),
        number(LIFE, begin, (cycle % 100) as f64),
        yes(WELD_ACTIVE, begin),
        number(RESISTANCE, begin + 6.0, resistance + noise(cycle)),
        no(WELD_ACTIVE, begin + 8.0),
    ]
}

pub(crate) fn batch(link: LinkId, samples: Vec<Sample>) -> Event {
    Event::Samples(SampleBatch { link, samples })
}

pub(crate) fn up(link: LinkId) -> Event {
    Event::Link { link, state: LinkState::Up }
}

pub(crate) fn down(link: LinkId) -> Event {
    Event::Link { link, state: LinkState::Down { reason: "the cable is cut".to_owned() } }
}

pub(crate) fn acknowledge(incident: IncidentId) -> Event {
    command(CommandAction::OnIncident { incident, action: IncidentAction::Acknowledge }, "on it")
}

/// It was done just now.
pub(crate) fn report(place: &str, kind: InterventionKind) -> Event {
    report_done(place, kind, None)
}

pub(crate) fn report_done(place: &str, kind: InterventionKind, done: Option<Timestamp>) -> Event {
    command(CommandAction::ReportIntervention { place: place.to_owned(), kind, done }, "done")
}

pub(crate) fn command(action: CommandAction, comment: &str) -> Event {
    Event::Command(Command { by: "anna".to_owned(), action, comment: comment.to_owned() })
}

/// A new twin: a copy, because what a twin must solve when it is made takes its time.
pub(crate) fn new_twin() -> Twin {
    static NEW: LazyLock<Twin> = LazyLock::new(|| Twin::new(plant()));
    NEW.clone()
}

/// A twin that stamps what it is told.
pub(crate) struct Line {
    pub(crate) twin: Twin,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { twin: new_twin() }
    }

    /// Takes an event in at that second.
    pub(crate) fn take(&mut self, seconds: f64, event: Event) -> Outputs {
        let mut outputs = Vec::new();
        let sequence = self.twin.sequence() + 1;
        self.twin.apply(&Input { sequence, received: at(seconds), event }, &mut outputs);
        outputs
    }

    /// Takes a batch in, when its last sample was true.
    pub(crate) fn batch(&mut self, link: LinkId, samples: Vec<Sample>) -> Outputs {
        let latest = samples.iter().map(|sample| sample.source_time).max();
        let seconds = latest.map_or(0.0, |latest| latest.seconds_since(at(0.0)));
        self.take(seconds, batch(link, samples))
    }

    /// Welds those cycles, with a resistance for each.
    pub(crate) fn welds(&mut self, cycles: std::ops::Range<usize>, resistance: impl Fn(usize) -> f64) -> Outputs {
        cycles.flat_map(|cycle| self.batch(PLC, weld(cycle, resistance(cycle)))).collect()
    }
}

/// Changes of incidents, a word each, such as `raised electrode-wear`.
pub(crate) fn incidents(outputs: &[Output]) -> Vec<String> {
    let word = |output: &Output| match output {
        Output::Incident { change, incident } => Some(format!("{} {}", change.name(), incident.cause())),
        _ => None,
    };
    outputs.iter().filter_map(word).collect()
}
