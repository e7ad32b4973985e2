#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn times() -> impl Strategy<Value = Distribution> {
    prop_oneof![
        (1.0..5.0).prop_map(Distribution::Constant),
        (1.0..5.0).prop_map(Distribution::Exponential),
        (1.0..5.0, 1_u32..4).prop_map(|(mean_s, stages)| Distribution::Erlang { mean_s, stages }),
        (1.0..5.0, 0.1..1.0).prop_map(|(mean_s, variation)| Distribution::log_normal(mean_s, variation)),
        (0.1..1.0).prop_map(|probability| Distribution::Geometric { probability, slot_s: 1.0 }),
    ]
}

fn stops() -> impl Strategy<Value = Stops> {
    (times(), times(), any::<bool>()).prop_map(|(every, repair, is_elapsed)| Stops {
        every: every.scaled(20.0),
        repair: repair.scaled(4.0),
        clock: if is_elapsed { StopClock::Elapsed } else { StopClock::Working },
    })
}

fn stations() -> impl Strategy<Value = Station> {
    let supply = proptest::option::of(times());
    let work = proptest::collection::vec(times(), 3);
    let scrap = prop_oneof![Just(0.0), 0.0..0.3];
    (work, proptest::collection::vec(stops(), 0..3), scrap, supply)
        .prop_map(|(work, stops, scrap_share, supply)| Station { work, stops, scrap_share, supply })
}

/// Serial lines of stations and buffers, with three variants, one of which leaves somewhere.
fn serial_lines() -> impl Strategy<Value = LineModel> {
    let place = prop_oneof![
        3 => stations().prop_map(|station| PlaceKind::Station(Box::new(station))),
        1 => proptest::option::of(1_u32..6).prop_map(PlaceKind::Buffer),
    ];
    let places = proptest::collection::vec((place, 0.0..0.5), 0..6);
    (stations(), places, any::<proptest::sample::Index>(), 1.0..8.0).prop_map(|(first, rest, leaves, run_parts)| {
        let first = (PlaceKind::Station(Box::new(first)), 0.25);
        let place = |(index, (kind, transfer_s)): (usize, (PlaceKind, f64))| Place {
            name: format!("place-{index}"),
            kind,
            upstream: index.checked_sub(1).into_iter().collect(),
            transfer_s,
        };
        let places: Vec<Place> = std::iter::once(first).chain(rest).enumerate().map(place).collect();
        let leaves_after = Some(leaves.index(places.len()));
        let mix = |weight, leaves_after| VariantMix { weight, leaves_after };
        let variants = vec![mix(5.0, None), mix(2.0, leaves_after), mix(3.0, None)];
        LineModel { variants, run_parts, places, blocking: Blocking::AfterService }
    })
}

/// A start with parts in every place, in every state.
fn full(model: &LineModel) -> Start {
    let at = |(index, place): (usize, &Place)| {
        let progress = match (index % 3, place.station()) {
            (0, _) | (_, None) => Progress::Waiting,
            (1, _) => Progress::Working { worked_s: 0.5 },
            _ => Progress::Done,
        };
        let part = PartStart { variant: (index % 2 == 0).then_some(0), progress };
        let is_down = index % 4 == 1 && place.station().is_some();
        PlaceStart { parts: vec![part; place.capacity().unwrap_or(3) as usize], down_s: is_down.then_some(3.0) }
    };
    Start { places: model.places.iter().enumerate().map(at).collect() }
}

const HORIZON: Horizon = Horizon { warm_up_s: 50.0, length_s: 1000.0, interval_s: 100.0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Two ways to the same: from part to part, and from event to event.
    #[test]
    fn recursion_and_events_give_the_same_bit_for_bit(
        model in serial_lines(),
        seed: u64,
        is_full: bool,
    ) {
        let start = if is_full { full(&model) } else { Start::default() };
        let tally = || Tally::new(&model, HORIZON);
        let (by_part, _) = serial::run(&model, &start, tally(), seed, 1).finish();
        let (by_event, _) = network::run(&model, &start, tally(), seed, 1).finish();
        prop_assert_eq!(by_part, by_event);
    }

    /// What came in and has not left is inside; and a station does one thing at a time.
    #[test]
    fn parts_and_times_are_conserved(model in serial_lines(), seed: u64) {
        let horizon = Horizon { warm_up_s: 0.0, ..HORIZON };
        let outcome = model.run(&Start::default(), horizon, seed, 0).unwrap();
        for (before, after) in outcome.places.iter().zip(&outcome.places[1..]) {
            prop_assert!(after.parts <= before.parts);
        }
        let out = outcome.total() + outcome.scrapped;
        let room: u32 = model.places.iter().map(|place| place.capacity().unwrap_or(1_000_000)).sum();
        prop_assert!(out <= outcome.places[0].parts && outcome.places[0].parts <= out + room);
        for (place, known) in model.places.iter().zip(&outcome.places) {
            let spent = known.working_s + known.down_s + known.blocked_s + known.loading_s;
            prop_assert!(spent <= horizon.length_s * (1.0 + 1e-9), "{known:?}");
            if let Some(capacity) = place.capacity() {
                prop_assert!(known.part_seconds <= f64::from(capacity) * horizon.length_s * (1.0 + 1e-9));
            }
        }
    }

    /// A larger buffer never costs output, whatever happens (Buzacott and Shanthikumar 1993, section 5.4).
    #[test]
    fn more_room_never_means_less_output(model in serial_lines(), seed: u64) {
        let mut roomier = model.clone();
        for place in &mut roomier.places {
            if let PlaceKind::Buffer(Some(capacity)) = &mut place.kind {
                *capacity += 2;
            }
        }
        // A stop by the clock may hit a part that is earlier now, and would not have hit it where it was.
        let by_clock = |place: &Place| {
            place.station().is_some_and(|station| station.stops.iter().any(|stops| stops.clock == StopClock::Elapsed))
        };
        prop_assume!(!model.places.iter().any(by_clock));
        let run = |model: &LineModel| model.run(&Start::default(), HORIZON, seed, 0).unwrap();
        let (small, large) = (run(&model), run(&roomier));
        prop_assert!(large.output.iter().sum::<u32>() + 1 >= small.output.iter().sum::<u32>());
    }
}

fn place(name: &str, kind: PlaceKind, upstream: &[usize]) -> Place {
    Place { name: name.to_owned(), kind, upstream: upstream.to_vec(), transfer_s: 0.0 }
}

fn constant(work_s: f64) -> PlaceKind {
    PlaceKind::Station(Box::new(Station::constant(work_s)))
}

/// Two stations beside each other make twice as much as one, and what they make meets again.
#[test]
fn parallel_stations_share_the_parts() {
    let mut model = LineModel::serial([Station::constant(1.0)]);
    model.places.extend([
        place("left", constant(2.0), &[0]),
        place("right", constant(2.0), &[0]),
        place("store", PlaceKind::Buffer(Some(4)), &[1, 2]),
        place("last", constant(0.5), &[3]),
    ]);
    let horizon = Horizon { warm_up_s: 10.0, length_s: 1000.0, interval_s: 1000.0 };
    let outcome = model.run(&Start::default(), horizon, 1, 0).unwrap();
    assert_eq!(outcome.total(), 1000);
    assert_eq!((outcome.places[1].parts, outcome.places[2].parts), (500, 500));
    assert_eq!(outcome.places[4].working_s, 500.0);
}

/// The one that has waited longest goes first; so two unlike branches are served in turn by a slow station.
#[test]
fn branches_that_meet_are_served_in_the_order_of_waiting() {
    let mut model = LineModel::serial([Station::constant(1.0)]);
    model.places[0].name = "fast".to_owned();
    model.places.push(place("faster", constant(0.1), &[]));
    model.places.push(place("slow", constant(4.0), &[0, 1]));
    let horizon = Horizon { warm_up_s: 0.0, length_s: 4000.0, interval_s: 4000.0 };
    let outcome = model.run(&Start::default(), horizon, 1, 0).unwrap();
    // The first two parts of the faster one come before the first of the other; from then on they take turns.
    assert_eq!(outcome.places.iter().map(|place| place.parts).collect::<Vec<_>>(), [499, 501, 999]);
}

#[test]
fn a_line_that_cannot_be_is_refused() {
    let check = |change: fn(&mut LineModel), expected: &str| {
        let mut model = LineModel::serial([1.0, 1.0].map(Station::constant)).with_buffer(1, Some(2));
        change(&mut model);
        let error = model.run(&Start::default(), HORIZON, 0, 0).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(|model| model.places.clear(), "the line has no places");
    check(|model| model.variants[0].weight = 0.0, "the weights of the variants are negative, or all 0");
    check(|model| model.places[1].kind = PlaceKind::Buffer(Some(0)), "place 1: is a buffer without room");
    check(|model| model.places[1].upstream = vec![2], "place 1: comes before a place that its parts come from");
    check(
        |model| model.places[2].station_mut().unwrap().work = vec![Distribution::Constant(f64::NAN)],
        "place 2: has a time that is negative or no number",
    );
    check(
        |model| {
            let [every, repair] = [Distribution::Constant(0.0), Distribution::Constant(1.0)];
            let stops = Stops { every, clock: StopClock::Working, repair };
            model.places[0].station_mut().unwrap().stops.push(stops);
        },
        "place 0: stops without ever working",
    );
}
