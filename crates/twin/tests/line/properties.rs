//! What must hold of the twin whatever it is told, and in whatever order.

use alarms::{Change, IncidentState};
use proptest::collection::vec;
use proptest::prelude::*;
use telemetry::{
    Event, IncidentId, Input, InterventionKind, LinkId, LinkState, Quality, Reason, Sample, SampleBatch, SignalId,
    Symbol, Timestamp, Value,
};
use twin::{Output, Twin};

use crate::tiny::*;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(Value::Float),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 1e300, f64::MIN_POSITIVE]).prop_map(Value::Float),
        (-5.0..200.0f64).prop_map(Value::Float),
        any::<i64>().prop_map(Value::Integer),
        (0i64..5).prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        "[a-z]{0,30}".prop_map(|text| Value::Symbol(Symbol::new(&text).unwrap())),
        prop::sample::select(vec!["small", "large"]).prop_map(|text| Value::Symbol(Symbol::new(text).unwrap())),
    ]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (0.0..1200.0f64).prop_map(at),
        1 => any::<i64>().prop_map(Timestamp::from_nanos),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX]).prop_map(Timestamp::from_nanos),
    ]
}

fn any_quality() -> impl Strategy<Value = Quality> {
    let reason = || prop::sample::select(Reason::ALL);
    prop_oneof![
        6 => Just(Quality::Good),
        1 => reason().prop_map(Quality::Uncertain),
        1 => reason().prop_map(Quality::Bad),
    ]
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let signal = prop_oneof![20 => 0..SIGNALS + 2, 1 => any::<u32>()].prop_map(SignalId);
    (signal, any_time(), any_value(), any_quality()).prop_map(|(signal, source_time, value, quality)| Sample {
        signal,
        source_time,
        value,
        quality,
    })
}

fn any_link() -> impl Strategy<Value = LinkId> {
    prop_oneof![20 => 0u16..3, 1 => any::<u16>()].prop_map(LinkId)
}

/// Any input whatever. Commands are mostly for incidents that can be there.
fn any_event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![Just(LinkState::Up), ".{0,8}".prop_map(|reason| LinkState::Down { reason })];
    let incident = prop_oneof![(0u64..150, 0u16..2), (any::<u64>(), any::<u16>())];
    prop_oneof![
        6 => (any_link(), vec(any_sample(), 0..12))
            .prop_map(|(link, samples)| Event::Samples(SampleBatch { link, samples })),
        2 => (any_link(), state).prop_map(|(link, state)| Event::Link { link, state }),
        2 => incident.prop_map(|(sequence, ordinal)| acknowledge(IncidentId { sequence, ordinal })),
        2 => any_report(),
        1 => Just(Event::Tick),
    ]
}

fn any_report() -> impl Strategy<Value = Event> {
    let place = prop::sample::select(vec!["cooling", "weld", "tighten", "weld/resistance", "weld/life", "nowhere"]);
    let kind = prop::sample::select(InterventionKind::ALL);
    (place, kind, prop::option::of(any_time())).prop_map(|(place, kind, done)| report_done(place, kind, done))
}

/// A hundred welds of which the last go wrong, with anything at all in between.
fn any_log() -> impl Strategy<Value = Vec<Input>> {
    let odd = vec((0usize..100, prop::option::of(any_time()), any_event()), 0..80);
    (odd, 30usize..90).prop_map(|(odd, wrong_from)| {
        let mut events: Vec<(Timestamp, Event)> = Vec::new();
        for cycle in 0..100 {
            let resistance = if cycle < wrong_from { 100.0 } else { 88.0 };
            let received = at(cycle as f64 * TAKT_S + 8.0);
            events.push((received, batch(PLC, weld(cycle, resistance))));
            let here = odd.iter().filter(|(place, ..)| *place == cycle);
            events.extend(here.map(|(_, time, event)| (time.unwrap_or(received), event.clone())));
        }
        let numbered = (1..).zip(events);
        numbered.map(|(sequence, (received, event))| Input { sequence, received, event }).collect()
    })
}

fn run(twin: &mut Twin, log: &[Input]) -> Vec<Output> {
    let mut outputs = Vec::new();
    log.iter().for_each(|input| twin.apply(input, &mut outputs));
    outputs
}

/// As text, because what is not a number is not equal to itself.
fn text(outputs: &[Output]) -> Vec<String> {
    outputs.iter().map(|output| format!("{output:?}")).collect()
}

fn check_counts(twin: &Twin, log: &[Input]) {
    let counts = twin.view().counts;
    let samples = |input: &Input| if let Event::Samples(batch) = &input.event { batch.samples.len() as u64 } else { 0 };
    assert_eq!(counts.inputs, log.len() as u64);
    assert_eq!(counts.samples, log.iter().map(samples).sum::<u64>());
    for part in [counts.bad_samples, counts.late_samples, counts.future_samples, counts.unknown_samples] {
        assert!(part <= counts.samples, "{counts:?}");
    }
}

/// An incident is raised once, changes in the order of its life, and is never heard of again once it is closed.
fn check_lives(outputs: &[Output]) {
    let mut open: Vec<(IncidentId, IncidentState)> = Vec::new();
    for output in outputs {
        let Output::Incident { change, incident } = output else { continue };
        let place = open.iter().position(|(id, _)| *id == incident.id);
        assert_eq!(place.is_none(), *change == Change::Raised, "{incident:?}");
        match place {
            Some(place) if *change == Change::Closed => {
                open.remove(place);
            }
            Some(place) => open[place].1 = incident.state,
            None => open.push((incident.id, incident.state)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_log_gives_the_same_outputs_over_any_restart(log in any_log(), place in any::<prop::sample::Index>()) {
        let mut whole = new_twin();
        let outputs = run(&mut whole, &log);
        check_counts(&whole, &log);
        check_lives(&outputs);

        let (before, after) = log.split_at(place.index(log.len()));
        let mut first = new_twin();
        let mut parts = run(&mut first, before);
        let mut second = Twin::restore(plant(), &first.snapshot().unwrap()).unwrap();
        parts.extend(run(&mut second, after));
        prop_assert_eq!(text(&parts), text(&outputs));
        prop_assert_eq!(second.snapshot().unwrap(), whole.snapshot().unwrap());
    }

    /// Noise that no process has raises nothing but what it is: a lost link.
    #[test]
    fn nothing_breaks_it(events in vec((any_time(), any_event()), 0..120)) {
        let mut twin = new_twin();
        let numbered = (1..).zip(events);
        let log: Vec<Input> =
            numbered.map(|(sequence, (received, event))| Input { sequence, received, event }).collect();
        let outputs = run(&mut twin, &log);
        check_counts(&twin, &log);
        check_lives(&outputs);
        let view = twin.view();
        prop_assert!(view.signals.iter().flatten().all(|sample| sample.signal.0 < SIGNALS));
        prop_assert!(view.incidents.len() <= 20, "{} incidents open", view.incidents.len());
    }
}
