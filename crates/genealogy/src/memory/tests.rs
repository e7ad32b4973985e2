use proptest::prelude::*;
use telemetry::{SignalId, Symbol};

use super::*;
use crate::record::Label;

const BOLTS: SignalId = SignalId(1);
const COIL: SignalId = SignalId(2);

fn at(cycle: usize) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(cycle as f64)
}

fn lot(signal: SignalId, number: usize) -> Factor {
    Factor::Lot(Label { signal, text: Symbol::new(&number.to_string()).unwrap_or_else(|_| unreachable!()) })
}

/// A memory of cycles, each with a lot of bolts and a coil.
fn memory(cycles: usize, bolts: impl Fn(usize) -> usize, coil: impl Fn(usize) -> usize) -> CycleMemory {
    let mut memory = CycleMemory::default();
    for cycle in 0..cycles {
        let factors = [lot(BOLTS, bolts(cycle)), lot(COIL, coil(cycle))];
        memory.remember(at(cycle), factors.map(|factor| (factor, at(cycle))));
    }
    memory
}

fn is_own(factor: &Factor) -> bool {
    matches!(factor, Factor::Lot(label) if label.signal == BOLTS)
}

/// What the bad ones have in common, in words.
fn in_common(memory: &CycleMemory, cycles: usize, is_bad: impl Fn(usize) -> bool, onset: usize) -> Vec<String> {
    let judged = (0..cycles).map(|cycle| (at(cycle), is_bad(cycle)));
    let common = memory.in_common(judged, at(onset), is_own).unwrap_or_default();
    let words = |common: &Common| {
        let Factor::Lot(label) = common.factor else { return String::new() };
        let Table { bad_with, bad_without, good_with, good_without } = common.table;
        let of = format!("{bad_with} of {}, {good_with} of {}", bad_with + bad_without, good_with + good_without);
        let name = if label.signal == BOLTS { "bolts" } else { "coil" };
        format!("{:?} {name} {} since {}: {of}", common.relation, label.text, common.since.seconds_since(at(0)))
    };
    common.iter().map(words).collect()
}

#[test]
fn a_lot_that_alternates_and_goes_with_the_bad_ones_is_told_from_one_that_began_with_them() {
    // From cycle 60 on the bolts come from two bins in turn, four at a time; the coil changes when that begins.
    let bolts = |cycle: usize| if cycle >= 60 && (cycle / 4).is_multiple_of(2) { 8 } else { 7 };
    let memory = memory(100, bolts, |cycle| cycle / 60);
    let found = in_common(&memory, 100, |cycle| cycle >= 60 && bolts(cycle) == 8, 60);
    let expected = ["GoesWith bolts 8 since 64: 20 of 20, 0 of 20", "BegunWith coil 1 since 60: 20 of 20, 20 of 80"];
    assert_eq!(found, expected);
}

#[test]
fn what_all_had_from_the_onset_on_has_only_begun_with_it() {
    let memory = memory(100, |cycle| cycle / 70, |_| 5);
    let expected = ["BegunWith bolts 1 since 70: 28 of 28, 2 of 72"];
    assert_eq!(in_common(&memory, 100, |cycle| cycle >= 72, 72), expected, "a coil that all had says nothing");
    assert_eq!(in_common(&memory, 100, |cycle| cycle >= 83, 83), [""; 0], "a lot of long before");
    assert_eq!(in_common(&memory, 100, |cycle| cycle >= 60, 60), [""; 0], "a lot that came after it");
}

#[test]
fn a_single_episode_is_not_said_to_go_with_its_lot() {
    // The lot was there from 60 to 79 only, and so was what is shown.
    let memory = memory(100, |cycle| usize::from((60..80).contains(&cycle)), |_| 5);
    let found = in_common(&memory, 100, |cycle| (60..80).contains(&cycle), 60);
    assert_eq!(found, ["BegunWith bolts 1 since 60: 20 of 20, 0 of 80"]);
}

/// A robot that has a program for each variant tells no more than the variant does.
#[test]
fn a_program_that_is_that_of_a_variant_says_nothing_besides() {
    let mut memory = CycleMemory::default();
    let variant = |cycle: usize| u16::from((cycle / 5).is_multiple_of(2));
    for cycle in 0..100 {
        let program = Symbol::new(&format!("P{}", variant(cycle))).unwrap_or_else(|_| unreachable!());
        let factors = [Factor::Variant(variant(cycle)), Factor::Program(plant::StationId(0), program)];
        memory.remember(at(cycle), factors.map(|factor| (factor, at(cycle))));
    }
    let judged = (0..100).map(|cycle| (at(cycle), cycle >= 60 && variant(cycle) == 1));
    let common = memory.in_common(judged, at(60), is_own).unwrap_or_default();
    let factors: Vec<Factor> = common.iter().map(|common| common.factor).collect();
    assert_eq!(factors, [Factor::Variant(1)]);
}

#[test]
fn without_enough_before_the_onset_nothing_is_said() {
    let memory = memory(100, |cycle| cycle / 8, |_| 5);
    let judged = |onset: usize| (0..100).map(move |cycle| (at(cycle), cycle >= onset));
    assert_eq!(memory.in_common(judged(11), at(11), is_own), None);
    assert!(memory.in_common(judged(12), at(12), is_own).is_some());
}

#[test]
fn the_chance_of_a_change_is_that_of_its_kind() {
    let memory = memory(128, |cycle| cycle / 100, |cycle| cycle / 8);
    let judged = (0..128).map(|cycle| (at(cycle), cycle >= 100));
    let common = memory.in_common(judged, at(100), is_own).unwrap_or_default();
    assert_eq!((common[0].factor, common[0].chance), (lot(BOLTS, 1), 17.0 / 128.0), "one change of its own");
    assert!(common[1..].iter().all(|common| common.chance == 1.0), "coils change all the time: {common:?}");
}

#[test]
fn a_value_that_is_told_now_and_was_not_at_first_is_recent() {
    let memory = memory(40, |cycle| cycle / 30, |cycle| cycle / 30);
    let recent: Vec<Recent> = memory.recent(is_own).collect();
    assert_eq!(recent, [Recent { factor: lot(BOLTS, 1), since: at(30) }]);
    assert_eq!(self::memory(40, |_| 1, |_| 1).recent(is_own).next(), None);
}

#[test]
fn what_is_long_ago_is_forgotten_and_a_flood_of_values_is_bounded() {
    let mut memory = memory(CycleMemory::CYCLES_MAX + 1, |cycle| cycle.min(1), |_| 5);
    assert_eq!((memory.begins.len(), memory.known.len()), (CycleMemory::CYCLES_MAX, 2), "lot 0 was that of the first");
    for cycle in 200..210 {
        let flood = (0..100).map(|place| (lot(BOLTS, 1000 * cycle + place), at(cycle)));
        memory.remember(at(cycle), flood);
    }
    assert_eq!(memory.known.len(), CycleMemory::FACTORS_MAX);
    assert!(memory.known.contains_key(&lot(BOLTS, 209_099)) && !memory.known.contains_key(&lot(BOLTS, 200_000)));
}

proptest! {
    /// The sets of bits count what a plain list of the cycles counts, and where only the lot of bolts decides, it is found.
    #[test]
    fn tables_are_those_of_a_plain_count(
        cycles in prop::collection::vec((0_usize..3, 0_usize..4, any::<bool>()), 40..200),
        onset in 0_usize..200,
    ) {
        let mut memory = CycleMemory::default();
        for (cycle, &(bolts, coil, _)) in cycles.iter().enumerate() {
            memory.remember(at(cycle), [lot(BOLTS, bolts), lot(COIL, coil)].map(|factor| (factor, at(cycle))));
        }
        let judged = cycles.iter().enumerate().map(|(cycle, &(_, _, is_bad))| (at(cycle), is_bad));
        let kept = cycles.len().saturating_sub(CycleMemory::CYCLES_MAX);
        for common in memory.in_common(judged, at(onset), is_own).unwrap_or_default() {
            let first = if common.relation == Relation::GoesWith { kept.max(onset) } else { kept };
            let parts: Vec<(Vec<Factor>, bool)> = cycles[first..]
                .iter()
                .map(|&(bolts, coil, is_bad)| (vec![lot(BOLTS, bolts), lot(COIL, coil)], is_bad))
                .collect();
            let plain = crate::factors::associate(&parts).into_iter().find(|found| found.factor == common.factor);
            prop_assert_eq!(plain.map(|found| (found.table, found.p, found.q)), Some((common.table, common.p, common.q)));
            prop_assert!(common.q <= Q_MAX && common.chance > 0.0 && common.chance <= 1.0);
        }
    }

    /// Of values that have nothing to do with what is shown hardly ever one is said to go with it.
    #[test]
    fn bad_cycles_by_chance_have_nothing_in_common(seed in any::<u64>()) {
        let mut state = seed | 1;
        let mut draw = move |of: u64| {
            // Xorshift (G. Marsaglia, Journal of Statistical Software 8, 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) % of
        };
        let mut found = 0;
        for _ in 0..20 {
            let memory = memory(128, |cycle| cycle / 3 % 2, |cycle| cycle / 5 % 3);
            let is_bad: Vec<bool> = (0..128).map(|_| draw(3) == 0).collect();
            found += usize::from(!in_common(&memory, 128, |cycle| is_bad[cycle], 40).is_empty());
        }
        // One in a hundred of 20: three or more have a probability of 0.1 %.
        prop_assert!(found <= 4, "{}", found);
    }
}
