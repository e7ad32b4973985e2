//! Made-up inputs.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use telemetry::{
    Command, CommandAction, Event, IncidentAction, IncidentId, Input, InterventionKind, LinkId, LinkState, Quality,
    Reason, Sample, SampleBatch, Shelf, SignalId, Symbol, Timestamp, Value,
};

use crate::{Reader, RecordingHeader, Writer, WriterOptions};

pub(crate) fn header() -> RecordingHeader {
    RecordingHeader {
        program_version: "0.1.0".into(),
        created: Timestamp::from_millis(1_800_000_000_250),
        signals: [(SignalId(0), "weld-10/current".to_owned()), (SignalId(3), "pack-20/Drehmoment µ".to_owned())].into(),
        links: [(LinkId(0), "plc-weld".to_owned()), (LinkId(u16::MAX), String::new())].into(),
        configuration: [("line.toml".to_owned(), "[line]\nname = \"pack\"\n".to_owned())].into(),
        overrides: [("LINETWIN_DETECTION__SHIFT_H".to_owned(), "8".to_owned())].into(),
    }
}

/// An input of every kind in turn.
pub(crate) fn input(sequence: u64) -> Input {
    let event = match sequence % 6 {
        0 => Event::Samples(SampleBatch {
            link: LinkId(1),
            samples: vec![
                sample(sequence, Value::Float(sequence as f64 / 3.0), Quality::Good),
                sample(sequence, Value::Symbol(Symbol::new("PACK-0001").unwrap()), Quality::Bad(Reason::Stale)),
            ],
        }),
        1 => Event::Link { link: LinkId(1), state: LinkState::Up },
        2 => Event::Link { link: LinkId(2), state: LinkState::Down { reason: "connection refused".into() } },
        3 => Event::Command(Command {
            by: "Ada".into(),
            action: CommandAction::OnIncident {
                incident: IncidentId { sequence, ordinal: 1 },
                action: IncidentAction::Acknowledge,
            },
            comment: "tip dressed".into(),
        }),
        4 => Event::Tick,
        _ => Event::Command(Command {
            by: "Grace".into(),
            action: CommandAction::ReportIntervention {
                place: "weld-10".into(),
                kind: InterventionKind::Retool,
                done: Some(Timestamp::from_millis(sequence as i64)),
            },
            comment: "new gun".into(),
        }),
    };
    Input { sequence, received: Timestamp::from_millis(1_800_000_000_000 + sequence as i64), event }
}

fn sample(sequence: u64, value: Value, quality: Quality) -> Sample {
    Sample { signal: SignalId(3), source_time: Timestamp::from_millis(sequence as i64), value, quality }
}

pub(crate) fn any_input() -> impl Strategy<Value = (Timestamp, Event)> {
    (any_time(), any_event())
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].prop_map(Timestamp::from_nanos)
}

fn any_event() -> impl Strategy<Value = Event> {
    let link = || any::<u16>().prop_map(LinkId);
    prop_oneof![
        4 => (link(), vec(any_sample(), 0..60)).prop_map(|(link, samples)| Event::Samples(SampleBatch { link, samples })),
        1 => link().prop_map(|link| Event::Link { link, state: LinkState::Up }),
        1 => (link(), ".*").prop_map(|(link, reason)| Event::Link { link, state: LinkState::Down { reason } }),
        2 => (".*", any_action(), ".*").prop_map(|(by, action, comment)| Event::Command(Command { by, action, comment })),
        1 => Just(Event::Tick),
    ]
}

fn any_action() -> impl Strategy<Value = CommandAction> {
    let incident = (any::<u64>(), any::<u16>()).prop_map(|(sequence, ordinal)| IncidentId { sequence, ordinal });
    let done = prop::option::of(any_time());
    prop_oneof![
        (incident, any_incident_action()).prop_map(|(incident, action)| CommandAction::OnIncident { incident, action }),
        (".*", select(InterventionKind::ALL), done).prop_map(|(place, kind, done)| CommandAction::ReportIntervention {
            place,
            kind,
            done
        }),
        ".*".prop_map(|place| CommandAction::RemoveFromService { place }),
        ".*".prop_map(|place| CommandAction::PlaceInService { place }),
    ]
}

fn any_incident_action() -> impl Strategy<Value = IncidentAction> {
    prop_oneof![
        select(vec![
            IncidentAction::Acknowledge,
            IncidentAction::Shelve(Shelf::Once),
            IncidentAction::Unshelve,
            IncidentAction::Comment,
            IncidentAction::MarkTrue,
            IncidentAction::MarkFalse,
        ]),
        any::<u32>().prop_map(|seconds| IncidentAction::Shelve(Shelf::ForSeconds(seconds))),
        any_time().prop_map(|until| IncidentAction::Shelve(Shelf::Until(until))),
        select(InterventionKind::ALL).prop_map(IncidentAction::MarkPlanned),
    ]
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let reason = || select(Reason::ALL);
    let quality =
        prop_oneof![Just(Quality::Good), reason().prop_map(Quality::Uncertain), reason().prop_map(Quality::Bad),];
    let text = "[a-zäß€]{0,10}".prop_map(|text| Symbol::new(&text).unwrap());
    let value = prop_oneof![
        // Every bit pattern: subnormals, infinities, each NaN.
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]).prop_map(Value::Float),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        text.prop_map(Value::Symbol),
    ];
    (any::<u32>(), any_time(), value, quality).prop_map(|(signal, source_time, value, quality)| Sample {
        signal: SignalId(signal),
        source_time,
        value,
        quality,
    })
}

/// Equality that tells every NaN and the two zeros apart. Rust prints a float so that it reads back the same, but all
/// NaNs alike, hence the bits.
pub(crate) fn exactly(inputs: &[Input]) -> Vec<(String, Vec<u64>)> {
    let float_bits = |input: &Input| match &input.event {
        Event::Samples(batch) => batch
            .samples
            .iter()
            .filter_map(|sample| match sample.value {
                Value::Float(number) => Some(number.to_bits()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    inputs.iter().map(|input| (format!("{input:?}"), float_bits(input))).collect()
}

/// Turns single bits of a file, each at some byte.
pub(crate) fn flip(bytes: &mut [u8], flips: Vec<(Index, u32)>) {
    for (at, bit) in flips {
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
    }
}

pub(crate) fn write(folder: &Path, inputs: &[Input], options: WriterOptions) {
    let mut writer = Writer::create(folder, header(), options).unwrap();
    inputs.iter().for_each(|input| writer.append(input).unwrap());
    writer.sync().unwrap();
    assert_eq!(writer.lost(), 0);
}

/// All inputs, with the reader for its damage.
pub(crate) fn read(path: &Path) -> (Vec<Input>, Reader) {
    let mut reader = Reader::open(path).unwrap();
    let inputs = reader.by_ref().collect::<Result<_, _>>().unwrap();
    (inputs, reader)
}
