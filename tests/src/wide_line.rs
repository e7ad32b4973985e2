//! A line of many stations with ten signals each, to measure with. It has no physics: its samples vary, and repeat from run
//! to run.

use linetwin::simulated::START;
use plant::{
    DataType, Link, LinkSettings, ModbusSettings, Origin, Plant, Role, Signal, Station, StationId, StationKind,
    WordOrder,
};
use telemetry::{Event, Input, LinkId, LinkState, Quality, Sample, SampleBatch, SignalId, Timestamp, Value};

/// Roles of each station's signals: ten of them.
const ROLES: [Role; 10] = [
    Role::CycleActive,
    Role::Fault,
    Role::PartId,
    Role::ToolLife,
    Role::WeldCurrent,
    Role::WeldResistance,
    Role::WeldForce,
    Role::WeldEnergy,
    Role::GunWaterFlow,
    Role::GunWaterTemperature,
];
/// Stations whose signals come over one link.
const STATIONS_PER_LINK: u16 = 100;
/// A cycle, and how much of it there is a part, s.
const CYCLE_S: f64 = 40.0;
const WORKING_S: f64 = 35.0;

/// A line of so many stations.
#[derive(Debug, Clone, Copy)]
pub struct WideLine {
    /// Its stations, a multiple of 100.
    pub stations: u16,
    /// The poll from which on all that its stations measure is 2 % more.
    pub shifted_from: Option<u32>,
}

impl WideLine {
    /// The line of 10,000 signals that is measured with.
    pub const LARGE: Self = Self { stations: 1_000, shifted_from: None };

    /// The line.
    pub fn plant(self) -> Plant {
        let origin = || Origin { file: "bench".to_owned(), line: 0 };
        let link = |id: u16| Link {
            id: LinkId(id),
            name: format!("plc-{id}"),
            settings: LinkSettings::Modbus(ModbusSettings {
                poll_interval_s: 0.5,
                ..ModbusSettings::tcp("localhost", 502)
            }),
            origin: origin(),
        };
        let station = |id: u16| Station {
            id: StationId(id),
            name: format!("weld-{id:04}"),
            kind: StationKind::SpotWeld,
            upstream: id.checked_sub(1).map(StationId).into_iter().collect(),
            utilities: Vec::new(),
            ideal_cycle_s: Some(40.0),
            origin: origin(),
        };
        let signal = |id: u32| {
            let station = (id / ROLES.len() as u32) as u16;
            let role = ROLES[id as usize % ROLES.len()];
            Signal {
                id: SignalId(id),
                path: format!("weld-{station:04}/{role}"),
                station: StationId(station),
                role,
                link: LinkId(station / STATIONS_PER_LINK),
                address: String::new(),
                data_type: DataType::F64,
                word_order: WordOrder::default(),
                poll: None,
                sampling: plant::Sampling::default(),
                unit: String::new(),
                scale: 1.0,
                offset: 0.0,
                range_low: None,
                range_high: None,
                stale_after_s: None,
                origin: origin(),
            }
        };
        Plant {
            enterprise: "bench".to_owned(),
            site: "bench".to_owned(),
            area: "bench".to_owned(),
            line: "bench".to_owned(),
            links: (0..self.stations / STATIONS_PER_LINK).map(link).collect(),
            stations: (0..self.stations).map(station).collect(),
            signals: (0..u32::from(self.stations) * ROLES.len() as u32).map(signal).collect(),
            ..Plant::default()
        }
    }

    fn links(self) -> impl Iterator<Item = LinkId> {
        (0..self.stations / STATIONS_PER_LINK).map(LinkId)
    }

    /// What its links tell: that they are up, then every signal, `polls` times, `interval_s` apart.
    pub fn inputs(self, polls: u32, interval_s: f64) -> impl Iterator<Item = Input> {
        let up = self.links().map(|link| (START, Event::Link { link, state: LinkState::Up }));
        let polled = (0..polls).flat_map(move |poll| {
            let now = START.plus_seconds(f64::from(poll) * interval_s);
            self.links().map(move |link| (now, Event::Samples(self.batch(link, poll, interval_s, now))))
        });
        (1..).zip(up.chain(polled)).map(|(sequence, (received, event))| Input { sequence, received, event })
    }

    fn batch(self, link: LinkId, poll: u32, interval_s: f64, now: Timestamp) -> SampleBatch {
        let stations = link.0 * STATIONS_PER_LINK..(link.0 + 1) * STATIONS_PER_LINK;
        let polls = |seconds: f64| (seconds / interval_s).round() as u32;
        let (cycle_polls, working_polls) = (polls(CYCLE_S), polls(WORKING_S));
        let factor = if self.shifted_from.is_some_and(|from| poll >= from) { 1.02 } else { 1.0 };
        let samples =
            stations.flat_map(|station| station_samples(station, poll, [cycle_polls, working_polls], factor, now));
        SampleBatch { link, samples: samples.collect() }
    }
}

fn station_samples(
    station: u16,
    poll: u32,
    [cycle_polls, working_polls]: [u32; 2],
    factor: f64,
    now: Timestamp,
) -> impl Iterator<Item = Sample> {
    let phase = poll + u32::from(station) * 7;
    let (cycle, in_cycle) = (phase / cycle_polls, phase % cycle_polls);
    // Anything that varies and repeats from run to run.
    let noise = f64::from((phase.wrapping_mul(2_654_435_761) >> 16) % 1_000) / 1_000.0 - 0.5;
    ROLES.into_iter().enumerate().map(move |(place, role)| {
        let value = match role {
            Role::CycleActive => Value::Boolean(in_cycle < working_polls),
            Role::Fault => Value::Boolean(false),
            Role::PartId | Role::ToolLife => Value::Integer(i64::from(cycle)),
            _ => Value::Float(factor * (100.0 + place as f64 + noise)),
        };
        let signal = SignalId(u32::from(station) * ROLES.len() as u32 + place as u32);
        Sample { signal, source_time: now, value, quality: Quality::Good }
    })
}
