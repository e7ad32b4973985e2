//! Measures the core: samples a second through the twin for 10,000 signals, beside the plain cost of reading the same
//! samples from a recording. Ratios are to what was measured in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use linetwin::simulated::START;
use plant::{
    DataType, Detection, Link, LinkSettings, ModbusSettings, Origin, Plant, Role, Signal, Station, StationId,
    StationKind, WordOrder,
};
use recording::{Reader, RecordingHeader, Writer, WriterOptions};
use telemetry::{Event, Input, LinkId, LinkState, Quality, Sample, SampleBatch, SignalId, Value};
use twin::Twin;

const STATIONS: u16 = 1_000;
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
/// Polls of every signal, half a second apart.
const POLLS: u32 = 400;
/// Polls in a cycle, and of these with a part.
const CYCLE_POLLS: u32 = 80;
const WORKING_POLLS: u32 = 70;
const REPETITIONS: usize = 5;

fn main() -> anyhow::Result<()> {
    let plant = Arc::new(plant());
    let inputs = inputs();
    let samples: usize = inputs.iter().map(|input| samples_of(input).len()).sum();
    println!("{} signals, {samples} samples in {} inputs; median of {REPETITIONS}", plant.signals.len(), inputs.len());

    let folder = tempfile::tempdir()?;
    let header = RecordingHeader {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: START,
        signals: plant.signals.iter().map(|signal| (signal.id, signal.path.clone())).collect(),
        links: plant.links.iter().map(|link| (link.id, link.name.clone())).collect(),
        configuration: Default::default(),
        overrides: Default::default(),
    };
    let mut writer = Writer::create(folder.path(), header, WriterOptions { segment_bytes: 64 * 1024 * 1024 })?;
    let begun = Instant::now();
    for input in &inputs {
        writer.append(input)?;
    }
    writer.flush()?;
    let written_s = begun.elapsed().as_secs_f64();
    drop(writer);
    let bytes: u64 = std::fs::read_dir(folder.path())?
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();

    let decoded_s = median(|| {
        let begun = Instant::now();
        let mut reader = Reader::open(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        let read: usize = reader.by_ref().flatten().map(|input| black_box(samples_of(&input).len())).sum();
        assert_eq!(read, samples, "the recording must hold every sample");
        begun.elapsed().as_secs_f64()
    });
    let copied_s = median(|| {
        let begun = Instant::now();
        for input in &inputs {
            black_box(samples_of(input).to_vec());
        }
        begun.elapsed().as_secs_f64()
    });
    let mut cycles = 0;
    let applied_s = median(|| {
        let mut twin = Twin::new(plant.clone());
        let mut outputs = Vec::new();
        let begun = Instant::now();
        for input in &inputs {
            twin.apply(input, &mut outputs);
            outputs.clear();
        }
        let taken_s = begun.elapsed().as_secs_f64();
        let counts = twin.view().counts;
        assert_eq!(counts.samples as usize, samples, "the twin must take every sample");
        cycles = counts.cycles;
        taken_s
    });

    let row = |what: &str, seconds: f64| {
        let rate = samples as f64 / seconds / 1e6;
        println!("{what:32} {rate:8.2} million samples/s   {:6.2} x decoding", decoded_s / seconds);
    };
    row("decoding the recording", decoded_s);
    row("copying the samples", copied_s);
    row("through the twin", applied_s);
    row("writing the recording (once)", written_s);
    println!("{cycles} cycles; {:.1} bytes a sample in the recording", bytes as f64 / samples as f64);
    Ok(())
}

fn samples_of(input: &Input) -> &[Sample] {
    match &input.event {
        Event::Samples(batch) => &batch.samples,
        _ => &[],
    }
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..REPETITIONS).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[REPETITIONS / 2]
}

fn inputs() -> Vec<Input> {
    let links = STATIONS / STATIONS_PER_LINK;
    let mut inputs = Vec::new();
    let mut push = |received, event| {
        let sequence = inputs.len() as u64 + 1;
        inputs.push(Input { sequence, received, event });
    };
    for link in 0..links {
        push(START, Event::Link { link: LinkId(link), state: LinkState::Up });
    }
    for poll in 0..POLLS {
        let now = START.plus_seconds(f64::from(poll) * 0.5);
        for link in 0..links {
            let stations = link * STATIONS_PER_LINK..(link + 1) * STATIONS_PER_LINK;
            let samples = stations.flat_map(|station| station_samples(station, poll, now)).collect();
            push(now, Event::Samples(SampleBatch { link: LinkId(link), samples }));
        }
    }
    inputs
}

fn station_samples(station: u16, poll: u32, now: telemetry::Timestamp) -> impl Iterator<Item = Sample> {
    let phase = poll + u32::from(station) * 7;
    let (cycle, in_cycle) = (phase / CYCLE_POLLS, phase % CYCLE_POLLS);
    // Anything that varies and repeats from run to run.
    let noise = f64::from((phase.wrapping_mul(2_654_435_761) >> 16) % 1_000) / 1_000.0 - 0.5;
    ROLES.into_iter().enumerate().map(move |(place, role)| {
        let value = match role {
            Role::CycleActive => Value::Boolean(in_cycle < WORKING_POLLS),
            Role::Fault => Value::Boolean(false),
            Role::PartId | Role::ToolLife => Value::Integer(i64::from(cycle)),
            _ => Value::Float(100.0 + place as f64 + noise),
        };
        let signal = SignalId(u32::from(station) * ROLES.len() as u32 + place as u32);
        Sample { signal, source_time: now, value, quality: Quality::Good }
    })
}

fn plant() -> Plant {
    let origin = || Origin { file: "bench".to_owned(), line: 0 };
    let link = |id: u16| Link {
        id: LinkId(id),
        name: format!("plc-{id}"),
        settings: LinkSettings::Modbus(ModbusSettings {
            host: "localhost".to_owned(),
            port: 502,
            unit: 1,
            poll_interval_s: 0.5,
            timeout_s: 1.0,
            max_registers: 125,
            max_gap: 8,
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
            unit: String::new(),
            scale: 1.0,
            offset: 0.0,
            range_low: None,
            range_high: None,
            origin: origin(),
        }
    };
    Plant {
        enterprise: "bench".to_owned(),
        site: "bench".to_owned(),
        area: "bench".to_owned(),
        line: "bench".to_owned(),
        variants: Vec::new(),
        links: (0..STATIONS / STATIONS_PER_LINK).map(link).collect(),
        stations: (0..STATIONS).map(station).collect(),
        signals: (0..u32::from(STATIONS) * ROLES.len() as u32).map(signal).collect(),
        limits: Vec::new(),
        redundant: Vec::new(),
        recipes: Vec::new(),
        genealogy: plant::Genealogy::default(),
        detection: Detection { false_alarms_per_shift: 0.5, shift_h: 8.0, warm_up_cycles: 25, link_loss_s: 10.0 },
        flow: plant::FlowDesign::default(),
        plan: plant::Plan::default(),
        runbook: plant::Runbook::default(),
    }
}
